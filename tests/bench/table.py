"""What a measurement found, and how it is shown."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["ok", "OVER", ""]

_HEAD = ("", "s2d", "s2-python", "bare", "limit", "verdict")
_COLOURS = {"ok": "\x1b[32m", "OVER": "\x1b[31m"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure: ours, the peer's and the floor's, in *unit*; None where there is none."""

    what: str
    unit: str
    ours: float
    peer: float | None = None
    floor: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    is_detail: bool = False
    """Whether it is shown only when asked for."""

    @property
    def verdict(self) -> Verdict:
        """Whether *ours* is within its limit; empty without one."""
        if self.at_most is None and self.at_least is None:
            return ""
        is_low = self.at_most is None or self.ours <= self.at_most
        is_high = self.at_least is None or self.ours >= self.at_least
        return "ok" if is_low and is_high else "OVER"

    def plain(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**asdict(self), "verdict": self.verdict}


def shown(sections: dict[str, list[Row]], *, verbose: bool, colour: bool) -> str:
    """*sections* as a table."""
    visible = {name: [row for row in rows if verbose or not row.is_detail] for name, rows in sections.items()}
    cells = {name: [_cells(row) for row in rows] for name, rows in visible.items()}
    every = [_HEAD, *(row for rows in cells.values() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    lines = [_line(_HEAD, widths)]
    for name, rows in cells.items():
        lines += ["", f"{name}:"]
        lines += [_line(row, widths, _COLOURS.get(row[-1], "") if colour else "") for row in rows]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    if row.at_most is not None:
        limit = f"≤ {row.at_most:g} {row.unit}"
    elif row.at_least is not None:
        limit = f"≥ {row.at_least:g} {row.unit}"
    else:
        limit = ""
    numbers = (_number(each, row.unit) for each in (row.ours, row.peer, row.floor))
    return (f"  {row.what}", *numbers, limit, row.verdict)


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def _line(cells: Sequence[str], widths: Iterable[int], colour: str = "") -> str:
    what, *numbers, verdict = (
        cell.ljust(width) if place in (0, 5) else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    shown_verdict = f"{colour}{verdict.rstrip()}\x1b[0m" if colour else verdict.rstrip()
    return "  ".join([what, *numbers, shown_verdict]).rstrip()
