"""The console: what commands print on stdout and stderr, for people. Nothing else in s2d prints.

All of it passes `printable`, whoever said it: only here does a terminal get something else than text.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple, TextIO, TypeAlias

from ..text import printable

BOLD, DIM = "1", "2"


class StyledText(NamedTuple):
    """Text in a style, which a terminal shows."""

    text: str
    style: str


ConsoleLine: TypeAlias = str | StyledText | tuple[str | StyledText, ...]
"""A line: text, styled or not, or several of these beside each other."""


def show(*lines: ConsoleLine) -> None:
    """Prints *lines* to stdout, at once."""
    _print(lines, sys.stdout)


def complain(*lines: ConsoleLine) -> None:
    """Prints *lines* to stderr."""
    _print(lines, sys.stderr)


def ask(question: str) -> None:
    """Prints *question* to stdout, behind which the answer is typed."""
    print(f"{printable(question)} ", end="", flush=True)


class LiveLine:
    """A line that is drawn anew over itself, on a *stream* that is a terminal; on no other is it drawn at all."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_live = stream.isatty()

    def draw(self, text: str) -> None:
        """Draws *text*; empty: removes the line."""
        if self.is_live:
            print(f"\r\x1b[K{printable(text)}", end="", file=self._stream, flush=True)

    def leave(self) -> None:
        """Leaves the line standing as it is."""
        if self.is_live:
            print(file=self._stream, flush=True)


class OutputStream:
    """The output stream of a command that prints as it goes."""

    def __init__(self, command: str, on_closed: Callable[[], None]) -> None:
        """*on_closed* is called once nobody reads it any more."""
        self._command = command
        self._on_closed = on_closed
        self.is_closed = False

    def write(self, *lines: str) -> None:
        """Prints *lines* at once; never raises."""
        try:
            show(*lines)
        except OSError as exc:
            discard_output(self._command, exc)
            self.is_closed = True
            self._on_closed()


def discard_output(command: str, why: OSError) -> None:
    """Discards all that is printed from now on, and what waits to be; prints why unless the reader only left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if why.errno != errno.EPIPE:  # whoever reads this has had enough, as `head` has
        complain(f"s2d {command}: cannot write: {why.strerror}")


def rendered(line: ConsoleLine, stream: TextIO) -> str:
    """*line* as it is printed to *stream*: in its styles if that is a terminal that nobody wants plain (NO_COLOR)."""
    if isinstance(line, str):
        return printable(line)
    if not isinstance(line, StyledText):
        return "".join(rendered(part, stream) for part in line)
    text = printable(line.text)
    return text if not stream.isatty() or os.environ.get("NO_COLOR") else f"\x1b[{line.style}m{text}\x1b[0m"


def _print(lines: Iterable[ConsoleLine], stream: TextIO) -> None:
    for line in lines:
        print(rendered(line, stream), file=stream, flush=True)
