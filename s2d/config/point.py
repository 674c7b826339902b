"""The points of one device: decoded as its driver wants them, checked as its kind has them."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from ..device.command import FOUND, Command
from ..device.computed import Computed
from ..driver import SETTLE_AT_MOST_S, AnyDriver, PointSettings
from ..errors import ConfigError, Problem
from ..quantities import UNITS, Duration, Quantity, base_unit
from ..rm.kinds import CanonicalPoint, Kind
from .checked import PointSource
from .decoder import Decoder, Findings, did_you_mean, mapping_of, node_at
from .yaml_source import KeyPath, SourcePosition, YamlEntry, YamlNode

Points = dict[str, PointSettings | PointSource]

POINT_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
RESERVED = frozenset({"value", FOUND, "true", "false", "and", "or", "not", "if", "else", "in", "True", "False", "None"})
"""Words that no point can go by, as they mean something else in expressions."""


def points_of(node: YamlNode, driver: type[AnyDriver], decoder: Decoder, where: KeyPath, findings: Findings) -> Points:
    """The points that are right under `points:`; those the driver cannot have, and wrong references, are findings.

    Raises: ConfigError: *node* is no mapping, or an empty one.
    """
    entries = mapping_of(node, where)
    if not entries:
        raise ConfigError([node.position.problem(where, "a device has at least one point")])
    points: Points = {}
    for name, entry in entries.items():
        inside = (*where, name)
        point: PointSettings | PointSource | None = None
        if wrong := list(name_problems(name, entry, where)):
            findings.problems += wrong
        elif isinstance(entry.node.content, dict) and "from" in entry.node.content:
            point = findings.attempt(_source, entry.node, inside)
        else:
            point = findings.attempt(decoder.struct, entry.node, driver.Point, inside)
        if point:
            points[name] = point
    return points


def name_problems(name: str, entry: YamlEntry, where: KeyPath) -> Iterator[Problem]:
    """The problem that no point can be called *name*, if so."""
    if not re.fullmatch(POINT_NAME, name):
        yield entry.position.problem(where, f'"{name}" is no name of a point', "Use letters, digits and _")
    elif name in RESERVED:
        yield entry.position.problem(where, f'"{name}" means something else in expressions; use another name')


def problems(points: Points, node: YamlNode, poll_s: float, where: KeyPath) -> Iterator[Problem]:
    """Problems of *points* whatever the device is; *node* is where they are written."""
    for name, point in points.items():
        if isinstance(point, PointSource):
            continue
        inside = (*where, name)
        written = mapping_of(node, where)[name].node
        try:
            dimension = point.dimension
        except ValueError as exc:
            yield position_of(written, "unit").problem((*inside, "unit"), str(exc), did_you_mean(point.unit, UNITS))
            dimension = ""
        if point.values is not None and dimension:
            yield position_of(written, "values").problem((*inside, "values"), "states have no unit")
        if point.scale == 0:
            yield position_of(written, "scale").problem((*inside, "scale"), "must not be 0")
        if point.min is not None and point.max is not None and point.min > point.max:
            yield position_of(written, "min").problem(
                (*inside, "min"), f"must not be above max, which is {point.max:g}"
            )
        if point.refresh is not None and not point.is_writable:
            what = "only a point that is written can be written again"
            yield position_of(written, "refresh").problem(
                (*inside, "refresh"), what, 'Add "access: write", or leave it out'
            )
        own_s = point.poll if isinstance(point.poll, Duration) else None
        periods = {"poll": own_s, "refresh": point.refresh, "max_age": point.max_age}
        for key, period_s in periods.items():
            if period_s is not None and period_s <= 0:
                period = node_at(written, key)
                yield period.position.problem((*inside, key), f"must be above 0 s, got {period}")
        yield from _write_saving_problems(point, written, inside)
        between_s = poll_s if own_s is None else own_s
        if point.max_age is not None and isinstance(point.poll, str):
            what = f'a point with "poll: {point.poll}" is not read again, so it does not age'
            yield position_of(written, "max_age").problem((*inside, "max_age"), what)
        elif point.max_age is not None and 0 < point.max_age < between_s:
            what = f"must not be shorter than the time between readings, {between_s:g} s"
            yield position_of(written, "max_age").problem((*inside, "max_age"), what)
        if point.lag and point.max_age is not None and point.lag + between_s > point.max_age:
            what = f"with {between_s:g} s between readings every value would be older than max_age, {point.max_age:g} s"
            yield position_of(written, "lag").problem((*inside, "lag"), what)


def _write_saving_problems(point: PointSettings, written: YamlNode, where: KeyPath) -> Iterator[Problem]:
    if point.refresh is not None and point.persistent:
        what = "a persistent point is never written again for nothing: that wears out its memory"
        yield position_of(written, "refresh").problem((*where, "refresh"), what, "Leave it out")
    if not point.is_writable:
        for key in ("settle", "rest", "step", "deadband", "interval", "persistent"):
            if isinstance(written.content, dict) and key in written.content and getattr(point, key):
                what = "is about writing, and this point is only read"
                yield position_of(written, key).problem((*where, key), what, 'Add "access: write", or leave it out')
    for key, given_s in (("settle", point.settle), ("rest", point.rest)):
        if not 0 <= given_s <= SETTLE_AT_MOST_S:
            what = f"must be between 0 s and {SETTLE_AT_MOST_S:g} s"
            yield position_of(written, key).problem((*where, key), what)
    if point.step is not None and point.step <= 0:
        yield position_of(written, "step").problem((*where, "step"), "must be above 0")
    elif point.step is not None and point.values is not None:
        yield position_of(written, "step").problem((*where, "step"), "states have no steps", "Leave it out")
    if point.deadband < 0:
        yield position_of(written, "deadband").problem((*where, "deadband"), "must not be negative")
    if point.daily_writes < 1:
        yield position_of(written, "daily_writes").problem((*where, "daily_writes"), "must be at least 1")
    if isinstance(written.content, dict) and "daily_writes" in written.content and not point.persistent:
        what = "counts the writes of a persistent point only"
        yield position_of(written, "daily_writes").problem((*where, "daily_writes"), what, 'Add "persistent: true"')


def problems_of_kind(
    kind: Kind,
    settings: Struct | None,
    points: Points,
    node: YamlNode,
    where: KeyPath,
    *,
    beside: Collection[str],
    also: Collection[str],
) -> Iterator[Problem]:
    """Problems of *points* that a *kind* with *settings* does not have so; *node* is where they are written.

    *beside* them are computed values and commands. *also* are names that the kind need not know: used by some of those,
    or known to a profile.
    """
    written = mapping_of(node, where)
    for name in kind.points:
        if name in kind.missing({*written, *beside}):
            others = [" and ".join(each) for each in kind.instead_of(name, {*written, *beside})]
            hint = f"This would do as well: {' or '.join(others)}" if others else ""
            yield node.position.problem(where, f'{kind.one} needs "{name}": {kind.points[name].meaning}', hint)
    for name, entry in written.items():
        if name not in (*kind.points, *beside, *also) and re.fullmatch(POINT_NAME, name):
            what = f'{kind.one} has no point "{name}"'
            yield entry.position.problem(
                where, what, did_you_mean(name, kind.points) or f"It has {', '.join(kind.points)}"
            )
    for name, point in points.items():
        if name not in kind.points:
            continue
        canonical = kind.points[name]
        inside = (*where, name)
        if canonical.access == "write" and name not in kind.steered_by(written, beside):
            continue
        if isinstance(point, PointSource):
            if canonical.access == "write":
                what = "is written; it cannot come from another device"
                yield written[name].position.problem(inside, what)
            continue
        access = position_of(written[name].node, "access")
        if canonical.access == "write" and not point.is_writable:
            hint = 'Write "access: write" or "access: read_write"'
            yield access.problem((*inside, "access"), f'must be writable, got "{point.access}"', hint)
        elif canonical.access == "read" and not point.is_readable:
            hint = 'Write "access: read" or "access: read_write"'
            yield access.problem((*inside, "access"), f'must be readable, got "{point.access}"', hint)
        if canonical.is_switch and point.values is not None:
            what = "is a switch, true or false, and has no states with names"
            hint = "Leave `values` out; `invert: true` where 0 means on"
            yield position_of(written[name].node, "values").problem((*inside, "values"), what, hint)
        if point.unit in UNITS or not point.unit:
            yield from unit_problem(canonical, point, position_of(written[name].node, "unit"), (*inside, "unit"))
        if settings and point.is_writable and point.scale != 0 and point.dimension == canonical.dimension:
            reach = kind.reach(settings).get(name, ())
            yield from reach_problems(reach, point.objection_to, canonical.dimension, written[name].position, inside)
        if point.is_readable:
            at = position_of(written[name].node, "values")
            yield from _shown_problems(kind, name, point, at, inside)
        if point.is_writable:
            states = kind.states.get(name, ())
            yield from state_problems(states, point.objection_to, written[name].position, inside)
    lacks = {name for name, point in points.items() if not isinstance(point, PointSource) and point.optional}
    yield from _phase_problems(kind, settings, written, where, beside=beside, lacks=lacks | {*also})


def unit_problem(
    canonical: CanonicalPoint, point: PointSettings | Computed | Command, position: SourcePosition, where: KeyPath
) -> Iterator[Problem]:
    """The problem that *point* has another unit than what is *canonical* may have, if so."""
    dimension = canonical.dimension
    if point.dimension == dimension or (canonical.may_be_text and not point.unit):
        return
    article = "an" if dimension.startswith("e") else "a"
    expected = f"{article} {dimension} such as {base_unit(dimension)}" if dimension else "no unit"
    yield position.problem(where, f"expected {expected}, got {point.unit or 'nothing'}")


def reach_problems(
    reach: Sequence[float],
    objection_to: Callable[[float], str | None],
    dimension: str,
    position: SourcePosition,
    where: KeyPath,
) -> Iterator[Problem]:
    """The problem that there is an *objection_to* one of the values from end to end of *reach*, if so."""
    for value in reach:
        if objection := objection_to(value):
            told = " .. ".join(f"{each:g}" for each in reach)
            what = f"will be told {told} {base_unit(dimension)}, but {objection}"
            yield position.problem(
                where, what, "Give it a type and limits that take this, or lower the device's powers"
            )
            return


def state_problems(
    states: Sequence[str], objection_to: Callable[[str], str | None], position: SourcePosition, where: KeyPath
) -> Iterator[Problem]:
    """The problem that there is an *objection_to* one of *states*, if so."""
    for state in states:
        if objection := objection_to(state):
            what = f"will be told {', '.join(states)}, but {objection}"
            yield position.problem(where, what, "Give it `values` with a raw value for each")
            return


def _shown_problems(
    kind: Kind, name: str, point: PointSettings, position: SourcePosition, where: KeyPath
) -> Iterator[Problem]:
    """The problems that *point*, if a *kind* knows what it may show, shows nothing of that or something else."""
    states = kind.shows.get(name, ())
    if not states:
        return
    known = f"It is {kind.points[name].meaning}"
    for state in dict.fromkeys((point.values or {}).values()):
        if state not in states:
            yield position.problem((*where, "values"), f'"{state}" says nothing of {kind.one}', known)
    if point.values is None and all(point.objection_to(state) for state in states):
        yield position.problem(where, "missing `values`, which say what its numbers mean", known)


def quantity_of(dimension: str) -> type[Quantity]:
    """The type in which values of *dimension* are written."""
    for quantity in Quantity.__subclasses__():
        if quantity.dimension == dimension:
            return quantity
    return type(dimension.title(), (Quantity,), {"dimension": dimension, "example": f"1 {base_unit(dimension)}"})


def _source(node: YamlNode, where: KeyPath) -> PointSource:
    entries = mapping_of(node, where)
    for key, entry in entries.items():
        if key != "from":
            hint = "What is read is said where it is read, of the point of the other device"
            raise ConfigError([entry.position.problem(where, f'"{key}" cannot stand beside "from"', hint)])
    written = entries["from"].node
    device, dot, point = written.content.rpartition(".") if isinstance(written.content, str) else ("", "", "")
    if not (device and dot and point):
        what = f'expected a device and its point such as "my-car.soc", got {written}'
        raise ConfigError([written.position.problem((*where, "from"), what)])
    return PointSource(device, point)


def _phase_problems(
    kind: Kind,
    settings: Struct | None,
    written: Mapping[str, YamlEntry],
    where: KeyPath,
    *,
    beside: Collection[str],
    lacks: Collection[str],
) -> Iterator[Problem]:
    """What does not go together with the phases that it is on; which of *lacks* it has only the device will tell."""
    for quantity in ("power", "current"):
        per_phase = [name for name in (f"{quantity}_{phase}" for phase in ("l1", "l2", "l3")) if name in kind.points]
        written_phases = [name for name in per_phase if name in written]
        if getattr(settings, "phases", None) == 1:
            for name in written_phases:
                if not name.endswith("l1") and name not in lacks:
                    what = f"this {kind.name} is on one phase"
                    hint = 'Write "phases: 3", or leave the point out'
                    yield written[name].position.problem((*where, name), what, hint)
        elif written_phases and settings is not None:
            for name in per_phase:
                if name not in (*written_phases, *beside, *lacks):
                    what = f'missing "{name}": {" and ".join(written_phases)} alone leave a phase unknown'
                    yield written[written_phases[0]].position.problem(where, what)


def position_of(node: YamlNode, key: str) -> SourcePosition:
    """Where the value of *key* stands; where it is left out, the mapping it belongs to."""
    entries = node.content
    return entries[key].node.position if isinstance(entries, dict) and key in entries else node.position
