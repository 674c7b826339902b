"""Wrapping of styled text to the width of the terminal. Pure."""

from collections.abc import Sequence
from itertools import groupby

from .formatting import Fragment, Line

INDENT = 4
"""Spaces before what continues a line."""
LEAST_COLUMNS = 16


def wrapped(lines: Sequence[Line], columns: int, rows: int) -> list[Line]:
    """*lines* wrapped between words to fit *columns*; cut short instead where that would take more than *rows*."""
    columns = max(columns, LEAST_COLUMNS)
    folded = [part for line in lines for part in _folded(line, columns)]
    return folded if len(folded) <= rows else [_cut(line, columns) for line in lines]


def _folded(line: Line, columns: int) -> list[Line]:
    letters = _letters(line)
    parts = []
    while len(letters) > columns:
        at = _end_of_last_word(letters[: columns + 1])
        parts.append(_joined(letters[:at]))
        rest = letters[at:]
        gap = next((number for number, (_, letter) in enumerate(rest) if letter != " "), len(rest))
        letters = [("", " ")] * INDENT + rest[gap:]
    return [*parts, _joined(letters)]


def _end_of_last_word(letters: Sequence[Fragment]) -> int:
    """Where to fold *letters*, of which the last does not fit; within a word only if there is no other."""
    text = "".join(letter for _, letter in letters)
    ends = (end for end in range(len(text) - 1, 0, -1) if text[end] == " " != text[end - 1])
    return next(ends, len(text) - 1)


def _cut(line: Line, columns: int) -> Line:
    letters = _letters(line)
    return line if len(letters) <= columns else [*_joined(letters[: columns - 1]), ("label", "…")]


def _letters(line: Line) -> list[Fragment]:
    return [(style, letter) for style, text in line for letter in text]


def _joined(letters: Sequence[Fragment]) -> Line:
    runs = groupby(letters, key=lambda each: each[0])
    return [(style, "".join(letter for _, letter in run)) for style, run in runs]
