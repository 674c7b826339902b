"""Formatting for people: rows of styled text, and words for powers, times and durations. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, TypeAlias

from ..s2.messages.common import CommodityQuantity, NumberRange

Fragment: TypeAlias = tuple[str, str]
"""A style, one of `STYLES`, and the text in it."""
Line: TypeAlias = list[Fragment]

STYLES = {
    "name": "bold",
    "label": "ansibrightblack",
    "good": "ansigreen",
    "bad": "ansired",
    "busy": "ansiyellow",
    "bar": "ansicyan",
    "": "",
}
"""Style → how it looks, in the words of prompt_toolkit."""

BAR_WIDTH = 20
MOST_SHOWN = 3
"""The most shown of things that are rarely more."""
MOST_LISTED = 20
"""The most shown of things to choose from."""

ELECTRIC = (
    CommodityQuantity.ELECTRIC_POWER_L1,
    CommodityQuantity.ELECTRIC_POWER_L2,
    CommodityQuantity.ELECTRIC_POWER_L3,
    CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC,
)

_UNITS = {
    **dict.fromkeys((*ELECTRIC, CommodityQuantity.HEAT_THERMAL_POWER), "W"),
    CommodityQuantity.NATURAL_GAS_FLOW_RATE: "l/s",
    CommodityQuantity.HYDROGEN_FLOW_RATE: "g/s",
    CommodityQuantity.HEAT_TEMPERATURE: "°C",
    CommodityQuantity.HEAT_FLOW_RATE: "l/s",
    CommodityQuantity.OIL_FLOW_RATE: "l/h",
}


class Row(NamedTuple):
    """A row of the live view: a label, and styled text."""

    label: str
    fragments: tuple[Fragment, ...]


def row(label: str, text: str) -> Row:
    """A row in plain style."""
    return Row(label, (("", text),))


def unit_of(quantity: CommodityQuantity) -> str:
    """The unit S2 has *quantity* in."""
    return _UNITS[quantity]


def short_name(quantity: CommodityQuantity) -> str:
    """What people call *quantity*: the electric ones by their phase."""
    return quantity.rpartition(".")[2] if quantity in ELECTRIC else quantity.value


def bar(level: float, low: float, high: float) -> Fragment:
    """A bar of how far *level* is from *low* to *high*; bad when it is not between them."""
    share = min(1.0, max(0.0, (level - low) / (high - low))) if high > low else 0.0
    full = round(share * BAR_WIDTH)
    return ("bar" if low <= level <= high else "bad", "█" * full + "░" * (BAR_WIDTH - full))


def range_text(start: float, end: float) -> str:
    """A range, or its only value."""
    return f"{start:g}" if start == end else f"{start:g} .. {end:g}"


def bounds_text(bounds: NumberRange) -> str:
    return range_text(bounds.start_of_range, bounds.end_of_range)


def utc_text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%SZ}"


def period_text(begins: datetime, ends: datetime | None) -> str:
    return f"from {utc_text(begins)}" if ends is None else f"from {utc_text(begins)} until {utc_text(ends)}"


def duration_text(duration_ms: float) -> str:
    """A duration in the largest unit that divides it."""
    for unit, size_ms in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if duration_ms and duration_ms % size_ms == 0:
            return f"{duration_ms / size_ms:g} {unit}"
    return f"{duration_ms / 1000:g} s"


def listed(words: Iterable[str]) -> str:
    """*words* with commas between; not all of very many."""
    each = list(dict.fromkeys(words))
    more = f" and {len(each) - MOST_LISTED} more" if len(each) > MOST_LISTED else ""
    return ", ".join(each[:MOST_LISTED]) + more


def timeline(elements: Iterable[tuple[float, str]]) -> str:
    """States one after the other, with their durations; *elements* are milliseconds and text."""
    told = [f"{what} for {duration_text(duration_ms)}" for duration_ms, what in elements]
    more = f", and {len(told) - MOST_SHOWN} more" if len(told) > MOST_SHOWN else ""
    return ", then ".join(told[:MOST_SHOWN]) + more
