"""Tables of readings, and values as people read them. Pure."""

from collections.abc import Iterable, Sequence

from ..quantities import base_unit
from ..values import Quality, Reading, Value
from .columns import aligned
from .device_visit import DeviceVisit

RIGHT = ">"
"""Mark of a title whose column stands to the right."""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """*rows* below *titles*, aligned; a title that begins with `>` has its column to the right."""
    right = [column for column, title in enumerate(titles) if title.startswith(RIGHT)]
    return aligned([[title.removeprefix(RIGHT) for title in titles], *rows], right)


def shown(value: Value | None) -> str:
    """*value* as text for people."""
    match value:
        case None:
            return "-"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.10g}"
    return str(value)


def readings_table(visit: DeviceVisit, readings: Iterable[Reading]) -> list[str]:
    """A table of *readings* of the device visited: value, unit, raw value, age and quality."""
    rows = []
    now = visit.clock().mono
    for reading in readings:
        name = reading.point
        raw = visit.tap.raw_of(name) if visit.tap else ""
        quality = reading.quality if reading.quality is Quality.GOOD else f"{reading.quality}: {reading.detail}"
        is_computed = name in visit.make.computed
        rows.append(
            (
                name,
                shown(reading.value),
                unit_of(visit, name),
                "(computed)" if is_computed else raw,
                f"{now - reading.at:.1f} s" if reading.at is not None and reading.value is not None else "",
                quality,
            )
        )
    return table(("POINT", ">VALUE", "UNIT", "RAW", ">AGE", "QUALITY"), rows)


def unit_of(visit: DeviceVisit, name: str) -> str:
    """The base unit of the point, computed value or command *name*; empty for a state or plain number."""
    make = visit.make
    found = make.commands.get(name) or make.points.get(name) or make.computed.get(name)
    return base_unit(found.dimension) if found else ""
