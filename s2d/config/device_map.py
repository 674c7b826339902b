"""The device map as written → `DeviceMap`, and whether all that it names is there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from ..device.command import FOUND, Command, Step
from ..device.computed import Computed
from ..device.device_map import Available, DeviceMap, Nameplate, PlausibleOf
from ..device.expression import Expression
from ..driver import AnyDriver, PointSettings
from ..errors import Problem
from ..rm.kinds import Kind
from ..values import Value
from . import point as device_points
from .checked import INTERVAL, PointSource
from .constant_checks import comparison_problems, constant_problems, objection_to
from .decoder import Decoder, Findings, Formula, did_you_mean, mapping_of, node_at
from .profile import ExpandedVariant
from .write_wear import wear_problems
from .yaml_source import KeyPath, SourcePosition, YamlEntry, YamlNode

_UNSAID = Nameplate()


class DeviceMapKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a device map; a variant changes some of them."""

    points: Annotated[dict[str, YamlNode], Meta(description="Name of a point → where the driver finds it")] = {}
    computed: Annotated[
        dict[str, YamlNode],
        Meta(description="Name → what it is computed from: an expression, or a mapping with `value` and `unit`"),
    ] = {}
    commands: Annotated[
        dict[str, Command], Meta(description="Name of a wanted point → the writes that bring it about")
    ] = {}
    start: Annotated[
        tuple[Step, ...], Meta(description="Steps once after each connecting; what a register holds is not written")
    ] = ()
    nameplate: Annotated[Nameplate, Meta(description="What the device says it is: points, or text")] = _UNSAID
    available: Annotated[
        Available | None, Meta(description="When the device can be had; otherwise it counts as one that is away")
    ] = None
    uptime: Annotated[
        str | None, Meta(description="Point that grows for as long as the device is on; when it falls, `start` is due")
    ] = None
    ready: Annotated[
        Expression | None,
        Meta(description="Point that is never 0 while the device is ready; nothing is believed while it is"),
    ] = None


@dataclass(frozen=True, slots=True)
class MappedDevice:
    """A device map, and the points beside it that come from other devices."""

    make: DeviceMap
    sources: Mapping[str, PointSource]

    @property
    def points(self) -> device_points.Points:
        return {**self.make.points, **self.sources}


def map_device(
    node: YamlNode,
    driver: type[AnyDriver],
    parameters: Mapping[str, Value],
    poll_s: float,
    plausible: PlausibleOf,
    decoder: Decoder,
    where: KeyPath,
    findings: Findings,
) -> MappedDevice:
    """The device map that is written in *node*, as far as it is right; what is wrong is a finding."""
    entries = mapping_of(node, where)
    # A decoder of its own, so that the expressions it collects are those of this map.
    decoder = Decoder(decoder.folder)
    values = {
        key: findings.attempt(decoder.value, entries[key].node, expected, (*where, key))
        for key, expected in (
            ("commands", dict[str, Command]),
            ("start", tuple[Step, ...]),
            ("nameplate", Nameplate),
            ("available", Available | None),
            ("uptime", str | None),
            ("ready", Expression | None),
        )
        if key in entries
    }
    points: device_points.Points = {}
    if "points" in entries:
        at, inside = entries["points"].node, (*where, "points")
        points = findings.attempt(device_points.points_of, at, driver, decoder, inside, findings) or {}
        findings.problems += device_points.problems(points, at, poll_s, inside)
    computed = _computed(entries, decoder, where, findings)
    commands, start, nameplate = values.get("commands") or {}, values.get("start") or (), values.get("nameplate")
    available, uptime, ready = values.get("available"), values.get("uptime"), values.get("ready")
    assert isinstance(commands, dict)
    assert isinstance(start, tuple)
    make = DeviceMap(
        points={name: point for name, point in points.items() if isinstance(point, PointSettings)},
        computed=computed,
        commands=commands,
        start=start,
        nameplate=nameplate if isinstance(nameplate, Nameplate) else _UNSAID,
        available=available if isinstance(available, Available) else None,
        interval_s=INTERVAL,
        uptime=uptime if isinstance(uptime, str) else None,
        ready=ready if isinstance(ready, Expression) else None,
        plausible=plausible,
        parameters={name: value for name, value in parameters.items() if name not in (*points, *computed)},
    )
    sources = {name: point for name, point in points.items() if isinstance(point, PointSource)}
    findings.problems += _name_problems(make, sources, decoder.formulas, entries, where)
    findings.problems += _write_problems(make, entries, where)
    findings.problems += constant_problems(make, entries, where)
    findings.problems += _cycles(make, entries, where)
    findings.problems += _uptime_problems(make, sources, entries, where)
    findings.problems += _ready_problems(make, entries, where)
    return MappedDevice(make, sources)


def names_used(make: DeviceMap) -> frozenset[str]:
    """Points which *make* itself uses, whatever else reads them."""
    formulas = [each.value.names for each in make.computed.values()]
    formulas += [each.names | each.written for each in make.commands.values()]
    formulas += [step.names | step.written for step in make.start]
    formulas += [make.available.if_.names] if make.available else []
    formulas += [frozenset({make.uptime})] if make.uptime else []
    formulas += [make.ready.names] if make.ready else []
    return make.nameplate.names.union(*formulas)


def when_of(variant: ExpandedVariant, mapped: MappedDevice, decoder: Decoder, findings: Findings) -> Expression:
    """The condition of *variant*.

    Raises: ConfigError: no expression.
    """
    inside = (*variant.where, "when")
    when = decoder.value(variant.when, Expression, inside)
    assert isinstance(when, Expression)
    findings.problems += _formula_problems(when, mapped.make, mapped.sources, variant.when.position, inside)
    for name in sorted(when.names & mapped.make.points.keys()):
        if mapped.make.points[name].poll != "once":
            what = f'a variant is chosen once, but "{name}" is read again and again'
            findings.problems.append(variant.when.position.problem(inside, what, f'Give "{name}" a "poll: once"'))
    return when


def kind_problems(
    kind: Kind, settings: Struct | None, make: DeviceMap, entries: Mapping[str, YamlEntry], where: KeyPath
) -> Iterator[Problem]:
    """Where what *make* computes and commands is not what a *kind* with *settings* has."""
    steered_by = kind.steered_by(make.points, make.commands)
    for name, computed in make.computed.items():
        canonical = kind.points.get(name)
        node = node_at(entries["computed"].node, name)
        inside = (*where, "computed", name)
        if name in steered_by:
            yield node.position.problem(inside, "is written; it cannot be computed")
        elif canonical and canonical.access == "read" and computed.unit:
            yield from device_points.unit_problem(
                canonical, computed, node_at(node, "unit").position, (*inside, "unit")
            )
    for name, command in make.commands.items():
        canonical = kind.points.get(name)
        node = node_at(entries["commands"].node, name)
        inside = (*where, "commands", name)
        if canonical and canonical.access == "write" and steered_by and name not in steered_by:
            what = f"{kind.one} is told its {' and '.join(steered_by)} instead"
            yield node.position.problem(inside, what, "Leave one of them out")
        elif canonical is None or name not in steered_by:
            writable = [name for name, each in kind.points.items() if each.access == "write"]
            hint = did_you_mean(name, writable) or f"It is told {', '.join(writable)}"
            yield node.position.problem(inside, f"nobody tells {kind.one} this", hint)
        elif command.unit:
            yield from device_points.unit_problem(canonical, command, node_at(node, "unit").position, (*inside, "unit"))
        if settings and canonical:
            objection = partial(objection_to, command, make=make)
            reach = kind.reach(settings).get(name, ())
            yield from device_points.reach_problems(reach, objection, canonical.dimension, node.position, inside)
            yield from device_points.state_problems(kind.states.get(name, ()), objection, node.position, inside)


def _formula_problems(
    expression: Expression,
    make: DeviceMap,
    sources: Iterable[str],
    position: SourcePosition,
    where: KeyPath,
    *more: str,
) -> Iterator[Problem]:
    """Names in *expression* that nothing of the device goes by; *more* are known as well."""
    known = {*make.points, *make.computed, *make.parameters, *more}
    for name in sorted(expression.names):
        if name in make.points and not make.points[name].is_readable:
            yield position.problem(where, f'"{name}" is only written; its value is not known', "Make it read_write")
        elif name not in known and name in sources:
            yield position.problem(where, f'"{name}" comes from another device; only own points are known here')
        elif name not in known:
            yield position.problem(where, f'nothing is called "{name}"', did_you_mean(name, known))
    yield from comparison_problems(expression, make.points, position, where)


def _computed(
    entries: Mapping[str, YamlEntry], decoder: Decoder, where: KeyPath, findings: Findings
) -> dict[str, Computed]:
    if "computed" not in entries:
        return {}
    inside = (*where, "computed")
    written = findings.attempt(mapping_of, entries["computed"].node, inside) or {}
    points = _content(entries, "points")
    computed = {}
    for name, entry in written.items():
        findings.problems += device_points.name_problems(name, entry, inside)
        if name in points:
            findings.problems.append(entry.position.problem(inside, f'"{name}" is a point already'))
        is_short = not isinstance(entry.node.content, dict)
        node = YamlNode({"value": entry}, entry.node.position) if is_short else entry.node
        if value := findings.attempt(decoder.struct, node, Computed, (*inside, name)):
            computed[name] = value
    return computed


def _name_problems(
    make: DeviceMap,
    sources: Mapping[str, PointSource],
    formulas: list[Formula],
    entries: Mapping[str, YamlEntry],
    where: KeyPath,
) -> Iterator[Problem]:
    unsound = (
        _content(entries, "points").keys() | _content(entries, "computed").keys()
    )  # wrong themselves: reported there
    unsound -= make.points.keys() | make.computed.keys() | sources.keys()
    for formula in formulas:
        is_command = formula.where[len(where) : len(where) + 1] == ("commands",)
        more = (*unsound, "value", FOUND) if is_command else tuple(unsound)
        yield from _formula_problems(formula.expression, make, sources, formula.node.position, formula.where, *more)
    for name, command in make.commands.items():
        if command.verify:
            shown = command.verify.point
            node = node_at(entries["commands"].node, name, "verify", "point")
            point = make.points.get(shown)
            if (point and not point.is_readable) or (not point and shown not in (*make.computed, *unsound)):
                known = [*make.computed, *(name for name, each in make.points.items() if each.is_readable)]
                inside = (*where, "commands", name, "verify", "point")
                yield node.position.problem(inside, f'"{shown}" cannot be read', did_you_mean(shown, known))


def _write_problems(make: DeviceMap, entries: Mapping[str, YamlEntry], where: KeyPath) -> Iterator[Problem]:
    sequences = [(frozenset[str](), _node(entries, "start"), (*where, "start"))]
    for name, command in make.commands.items():
        inside = (*where, "commands", name)
        node = node_at(entries["commands"].node, name)
        sequences += [
            (frozenset(), node_at(node, "steps"), (*inside, "steps")),
            (command.restored, node_at(node, "release"), (*inside, "release")),
        ]
        yield from wear_problems(command, make, node, inside)
    for restored, node, inside in sequences:
        for step in node.content if isinstance(node.content, list) else ():
            for key in ("write", "together", "life"):
                written = node_at(step, key).content if isinstance(step.content, dict) and key in step.content else {}
                for name, entry in written.items() if isinstance(written, dict) else ():
                    yield from _target_problems(name, make, entries, entry.position, (*inside, key))
                    if name in restored and name in make.points and make.points[name].access == "write":
                        what = f'what is found in "{name}" is put back, so it has to be read'
                        yield entry.position.problem((*inside, key), what, 'Write "access: read_write" there')


def _target_problems(
    name: str, make: DeviceMap, entries: Mapping[str, YamlEntry], position: SourcePosition, where: KeyPath
) -> Iterator[Problem]:
    point = make.points.get(name)
    if point and not point.is_writable:
        hint = 'Write "access: write" or "access: read_write" there'
        yield position.problem(where, f'the point "{name}" is not for writing', hint)
    elif not point and name not in _content(entries, "points"):
        writable = [name for name, each in make.points.items() if each.is_writable]
        yield position.problem(where, f'there is no point "{name}"', did_you_mean(name, writable))


def _uptime_problems(
    make: DeviceMap, sources: Mapping[str, PointSource], entries: Mapping[str, YamlEntry], where: KeyPath
) -> Iterator[Problem]:
    name = make.uptime
    if name is None or (name not in make.points and name not in sources and name in _content(entries, "points")):
        return
    position, inside = entries["uptime"].node.position, (*where, "uptime")
    polled = [each for each, point in make.points.items() if point.is_readable and not isinstance(point.poll, str)]
    if name not in make.points:
        yield position.problem(inside, f'there is no point "{name}"', did_you_mean(name, polled))
    elif name not in polled:
        yield position.problem(inside, f'"{name}" has to be read again and again', "Give it a `poll: 10 s` or none")


def _ready_problems(make: DeviceMap, entries: Mapping[str, YamlEntry], where: KeyPath) -> Iterator[Problem]:
    for name in sorted(make.ready.names) if make.ready else ():
        position, inside = entries["ready"].node.position, (*where, "ready")
        if name in make.computed:
            yield position.problem(inside, f'"{name}" is computed', "Name the points that tell whether it is ready")
        elif name in make.points and (make.points[name].min or 0) > 0:
            what = f'a 0 of "{name}" would be dropped, as it has a min, and never be seen here'
            yield position.problem(inside, what, "Leave the min out")


def _cycles(make: DeviceMap, entries: Mapping[str, YamlEntry], where: KeyPath) -> Iterator[Problem]:
    settled: set[str] = set()

    def leads_back(name: str, path: tuple[str, ...]) -> tuple[str, ...] | None:
        if name in path:
            return (*path[path.index(name) :], name)
        if name not in make.computed or name in settled:
            return None
        for inner in sorted(make.computed[name].value.names):
            if found := leads_back(inner, (*path, name)):
                return found
        settled.add(name)
        return None

    for name in make.computed:
        if circle := leads_back(name, ()):
            position = node_at(entries["computed"].node, circle[0]).position
            yield position.problem((*where, "computed", circle[0]), f"is computed from itself: {' → '.join(circle)}")
            return


def _node(entries: Mapping[str, YamlEntry], key: str) -> YamlNode:
    return entries[key].node if key in entries else YamlNode(None, SourcePosition("", 0, 0))


def _content(entries: Mapping[str, YamlEntry], key: str) -> Mapping[str, YamlEntry]:
    content = _node(entries, key).content
    return content if isinstance(content, dict) else {}
