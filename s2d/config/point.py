"""The points of one device: as the driver wants them, as the kind knows them, and what they become as a fallback."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from ..decoder import Decoder, Findings, did_you_mean, mapping_of, unknown_key
from ..driver import Driver, PointSettings
from ..errors import ConfigError, DeviceRefused, Problem
from ..quantities import UNITS, Duration, Quantity
from ..resources import Kind
from ..values import Setpoint, Value
from ..yaml_source import Entry, Node, Spot, Where
from .model import Fallback, PointSource

Points = dict[str, PointSettings | PointSource]

POINT_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def points_of(node: Node, driver: type[Driver], decoder: Decoder, where: Where, findings: Findings) -> Points:
    """What stands well under `points:`; what the driver cannot have, and misspelt references, are findings.

    Raises: ConfigError: *node* is no mapping, or an empty one.
    """
    entries = mapping_of(node, where)
    if not entries:
        raise ConfigError([node.spot.problem(where, "a device has at least one point")])
    points: Points = {}
    for name, entry in entries.items():
        inside = (*where, name)
        point: PointSettings | PointSource | None = None
        if not re.fullmatch(POINT_NAME, name):
            what = f'"{name}" is no name of a point'
            findings.problems.append(entry.spot.problem(where, what, "Use letters, digits and _"))
        elif isinstance(entry.node.content, dict) and "from" in entry.node.content:
            point = findings.attempt(_source, entry.node, inside)
        else:
            point = findings.attempt(decoder.struct, entry.node, driver.Point, inside)
        if point:
            points[name] = point
    return points


def problems(points: Points, node: Node, poll_s: float, where: Where) -> Iterator[Problem]:
    """What makes no sense in *points*, whatever the device is; *node* is what spells them."""
    for name, point in points.items():
        if isinstance(point, PointSource):
            continue
        inside = (*where, name)
        written = mapping_of(node, where)[name].node
        try:
            dimension = point.dimension
        except ValueError as exc:
            yield _spot(written, "unit").problem((*inside, "unit"), str(exc), did_you_mean(point.unit, UNITS))
            dimension = ""
        if point.values is not None and dimension:
            yield _spot(written, "values").problem((*inside, "values"), "states have no unit")
        if point.scale == 0:
            yield _spot(written, "scale").problem((*inside, "scale"), "must not be 0")
        if point.min is not None and point.max is not None and point.min > point.max:
            yield _spot(written, "min").problem((*inside, "min"), f"must not be above max, which is {point.max:g}")
        if point.refresh is not None and not point.is_writable:
            what = "only a point that is written can be written again"
            yield _spot(written, "refresh").problem((*inside, "refresh"), what, 'Add "access: write", or leave it out')
        for key, period_s in (("poll", point.poll), ("refresh", point.refresh), ("max_age", point.max_age)):
            if period_s is not None and period_s <= 0:
                yield _spot(written, key).problem((*inside, key), "must be above 0 s")
        between_s = poll_s if point.poll is None else point.poll
        if point.max_age is not None and 0 < point.max_age < between_s:
            what = f"must not be shorter than the time between readings, {between_s:g} s"
            yield _spot(written, "max_age").problem((*inside, "max_age"), what)


def problems_of_kind(
    kind: Kind, settings: Struct | None, points: Points, node: Node, where: Where
) -> Iterator[Problem]:
    """Where *points* are not those a *kind* with *settings* has; *node* is what spells them."""
    written = mapping_of(node, where)
    for name in kind.required:
        if name not in written:
            yield node.spot.problem(where, f'a {kind.name} needs "{name}": {kind.points[name].meaning}')
    for name, entry in written.items():
        if name not in kind.points and re.fullmatch(POINT_NAME, name):
            what = f'a {kind.name} has no point "{name}"'
            yield entry.spot.problem(where, what, did_you_mean(name, kind.points) or f"It has {', '.join(kind.points)}")
    for name, point in points.items():
        if name not in kind.points:
            continue
        canonical = kind.points[name]
        inside = (*where, name)
        if isinstance(point, PointSource):
            if canonical.access == "write":
                what = "is written; it cannot come from another device"
                yield written[name].spot.problem(inside, what)
            continue
        access = _spot(written[name].node, "access")
        if canonical.access == "write" and not point.is_writable:
            hint = 'Write "access: write" or "access: read_write"'
            yield access.problem((*inside, "access"), f'must be writable, got "{point.access}"', hint)
        elif canonical.access == "read" and not point.is_readable:
            hint = 'Write "access: read" or "access: read_write"'
            yield access.problem((*inside, "access"), f'must be readable, got "{point.access}"', hint)
        if point.unit in UNITS or not point.unit:
            yield from unit_problem(canonical.dimension, point, _spot(written[name].node, "unit"), (*inside, "unit"))
    yield from _phase_problems(kind, settings, written, where)


def unit_problem(dimension: str, point: PointSettings, spot: Spot, where: Where) -> Iterator[Problem]:
    """That *point* is not of *dimension*, if so."""
    if point.dimension == dimension:
        return
    article = "an" if dimension.startswith("e") else "a"
    expected = f"{article} {dimension} such as {base_unit(dimension)}" if dimension else "no unit"
    yield spot.problem(where, f"expected {expected}, got {point.unit or 'nothing'}")


def base_unit(dimension: str) -> str:
    """The unit in which values of *dimension* are kept; empty for a plain number or state."""
    units = (unit for unit, (known, factor) in UNITS.items() if known == dimension and factor == 1.0)
    return next(units, "")


def quantity_of(dimension: str) -> type[Quantity]:
    """How values of *dimension* are written."""
    for quantity in Quantity.__subclasses__():
        if quantity.dimension == dimension:
            return quantity
    return type(dimension.title(), (Quantity,), {"dimension": dimension, "example": f"1 {base_unit(dimension)}"})


def fallback(kind: Kind, points: Points, device: Node, decoder: Decoder, where: Where) -> Fallback:
    """What stands under `fallback:` of *device*, completed by what is safe for its *kind*.

    A point that is wrong itself is passed over: that is said elsewhere.

    Raises: ConfigError: no point to write, or a value it cannot take.
    """
    own = {name: point for name, point in points.items() if isinstance(point, PointSettings)}
    writable = {name: point for name, point in own.items() if point.is_writable and _is_convertible(point)}
    sound = {name for name in points if name not in own or _is_convertible(own[name])}
    unusable = mapping_of(mapping_of(device, where)["points"].node, where).keys() - sound
    findings = Findings()
    after_s: float = Fallback().after_s
    values = {name: value for name, value in kind.safe.items() if name in writable}
    entry = mapping_of(device, where).get("fallback")
    spots = dict.fromkeys(values, entry.node.spot if entry else device.spot)
    if entry and entry.node.content is not None:
        for key, given in mapping_of(entry.node, (*where, "fallback")).items():
            inside = (*where, "fallback", key)
            if key == "after":
                after = findings.attempt(decoder.value, given.node, Duration, inside)
                after_s = after if isinstance(after, Duration) else after_s
            elif key in writable:
                value = findings.attempt(_value, writable[key], given.node, decoder, inside)
                values |= {} if value is None else {key: value}
                spots[key] = given.node.spot
            elif key not in unusable:
                findings.problems.append(unknown_key(key, given, ["after", *writable], inside[:-1]))
    for name, value in values.items():
        try:
            writable[name].raw_of(value)
        except DeviceRefused as exc:
            findings.problems.append(spots[name].problem((*where, "fallback", name), str(exc)))
    findings.settle()
    return Fallback(after_s, tuple(Setpoint(name, value, "fallback") for name, value in values.items()))


def _source(node: Node, where: Where) -> PointSource:
    entries = mapping_of(node, where)
    for key, entry in entries.items():
        if key != "from":
            raise ConfigError([entry.spot.problem(where, f'"{key}" cannot stand beside "from"')])
    written = entries["from"].node
    device, dot, point = written.content.rpartition(".") if isinstance(written.content, str) else ("", "", "")
    if not (device and dot and point):
        what = f'expected a device and its point such as "my-car.soc", got {written}'
        raise ConfigError([written.spot.problem((*where, "from"), what)])
    return PointSource(device, point)


def _value(point: PointSettings, node: Node, decoder: Decoder, where: Where) -> Value:
    if point.values is not None:
        if node.content not in point.values.values():
            what = f"expected one of: {', '.join(point.values.values())}, got {node}"
            raise ConfigError([node.spot.problem(where, what)])
        return str(node.content)
    if dimension := point.dimension:
        value = decoder.value(node, quantity_of(dimension), where)
        assert isinstance(value, float)
        return float(value)
    if isinstance(node.content, bool | int | float | str):
        return node.content
    raise ConfigError([node.spot.problem(where, f"expected a value, got {node}")])


def _phase_problems(
    kind: Kind, settings: Struct | None, written: Mapping[str, Entry], where: Where
) -> Iterator[Problem]:
    per_phase = [name for name in ("power_l1", "power_l2", "power_l3") if name in kind.points]
    given = [name for name in per_phase if name in written]
    if getattr(settings, "phases", None) == 1:
        for name in given:
            if name != "power_l1":
                what = f"this {kind.name} is on one phase"
                yield written[name].spot.problem((*where, name), what, 'Write "phases: 3", or leave the point out')
    elif given and settings is not None:
        for name in per_phase:
            if name not in given:
                what = f'missing "{name}": {" and ".join(given)} alone leave a phase unknown'
                yield written[given[0]].spot.problem(where, what)


def _is_convertible(point: PointSettings) -> bool:
    return point.scale != 0 and point.unit in ("", *UNITS)


def _spot(node: Node, key: str) -> Spot:
    """Where the value of *key* stands; where it is left out, the mapping it belongs to."""
    entries = node.content
    return entries[key].node.spot if isinstance(entries, dict) and key in entries else node.spot
