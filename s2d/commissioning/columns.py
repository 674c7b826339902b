"""Rows of text aligned in columns. Pure."""

from collections.abc import Collection, Sequence

from ..text import printable


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """*rows* as printable lines, each cell as wide as its column.

    Those of the columns *right*, from 0, stand to the right.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [str.rjust if column in right else str.ljust for column in range(len(widths))]
    return [
        "  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True)).rstrip()
        for row in rows
    ]
