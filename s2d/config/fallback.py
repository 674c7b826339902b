"""The fallback as written → `Fallback`: the setpoints the hardware gets when no CEM is in charge."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from ..device.command import Command
from ..device.device_map import DeviceMap, Variant, commands_of
from ..driver import PointSettings
from ..errors import ConfigError, Problem
from ..quantities import UNITS, Duration
from ..rm.kinds import Kind
from ..values import RELEASE, Setpoint, Value
from .checked import Fallback
from .constant_checks import objection_to
from .decoder import Decoder, Findings, mapping_of, unknown_key
from .point import quantity_of
from .profile import ExpandedVariant
from .yaml_source import KeyPath, YamlNode


def fallback(
    kind: Kind, settings: Struct | None, make: DeviceMap, device: YamlNode, decoder: Decoder, where: KeyPath
) -> Fallback:
    """The fallback of *device*: its key `fallback:`, completed by the safe values of its *kind*.

    A command that can give control back does so, unless the owner wants a value. A point that is wrong itself is
    passed over: that is reported elsewhere.

    Raises: ConfigError: no point to write, or a value it cannot take.
    """
    writable: dict[str, PointSettings | Command] = {
        name: point for name, point in make.points.items() if point.is_writable and _is_convertible(point)
    }
    writable |= make.commands
    entries = mapping_of(device, where)
    unusable = {
        name
        for key in ("points", "commands")
        if key in entries and isinstance(entries[key].node.content, dict)
        for name in mapping_of(entries[key].node, where)
    }
    unusable -= writable.keys() | {name for name, point in make.points.items() if _is_convertible(point)}
    findings = Findings()
    after_s: float = Fallback().after_s
    values: dict[str, Value] = {
        name: RELEASE if _can_release(writable[name]) else value
        for name, value in (
            kind.safe(settings, kind.steered_by(make.points, make.commands)) if settings else {}
        ).items()
        if name in writable
    }
    entry = entries.get("fallback")
    positions = dict.fromkeys(values, entry.node.position if entry else device.position)
    if entry and entry.node.content is not None:
        for key, written in mapping_of(entry.node, (*where, "fallback")).items():
            inside = (*where, "fallback", key)
            if key == "after":
                after = findings.attempt(decoder.value, written.node, Duration, inside)
                after_s = after if isinstance(after, Duration) else after_s
            elif key in writable:
                dimension = _dimension(kind, key, writable[key])
                value = findings.attempt(_value, writable[key], dimension, written.node, decoder, inside)
                values |= {} if value is None else {key: value}
                positions[key] = written.node.position
            elif key not in unusable and not _is_reported_by_kind(kind, key, make):
                findings.problems.append(unknown_key(key, written, ["after", *writable], inside[:-1]))
    for name, value in values.items():
        target = writable[name]
        objection = _out_of_reach(kind, settings, name, value)
        if objection is None and isinstance(target, PointSettings):
            objection = target.objection_to(value)
        elif objection is None and isinstance(target, Command):
            objection = objection_to(target, value, make)
        if objection:
            findings.problems.append(positions[name].problem((*where, "fallback", name), objection))
    findings.raise_problems()
    return Fallback(after_s, tuple(Setpoint(name, value, "fallback") for name, value in values.items()))


def variant_problems(
    fallback: Fallback, variants: Sequence[Variant], expanded: Sequence[ExpandedVariant]
) -> Iterator[Problem]:
    """Where a variant cannot do what *fallback* wants."""
    for variant, written in zip(variants, expanded, strict=False):
        commands = commands_of(variant.make)
        for setpoint in fallback.setpoints:
            command = commands.get(setpoint.point)
            what = f"this variant cannot fall back to {setpoint.point}: {setpoint.value}"
            if command is None or (setpoint.value == RELEASE and not command.release):
                yield written.when.position.problem(written.where, what)
            elif objection := objection_to(command, setpoint.value, variant.make):
                yield written.when.position.problem(written.where, what, objection)


def _is_reported_by_kind(kind: Kind, name: str, make: DeviceMap) -> bool:
    """Whether it is reported elsewhere that *name* cannot be written: the *kind* needs it."""
    canonical = kind.points.get(name)
    return canonical is not None and canonical.access == "write" and (name in kind.missing(()) or name in make.points)


def _out_of_reach(kind: Kind, settings: Struct | None, name: str, value: Value) -> str | None:
    reach = kind.reach(settings).get(name) if settings else None
    if reach is None or isinstance(value, str) or reach[0] <= value <= reach[1]:
        return None
    return f"{value:g} is beyond what this {kind.name} may be told, {reach[0]:g} .. {reach[1]:g}"


def _dimension(kind: Kind, name: str, target: PointSettings | Command) -> str:
    canonical = kind.points.get(name)
    return target.dimension or (canonical.dimension if canonical and isinstance(target, Command) else "")


def _value(target: PointSettings | Command, dimension: str, node: YamlNode, decoder: Decoder, where: KeyPath) -> Value:
    states: Mapping[str, str] = {} if isinstance(target, Command) else target.values or {}
    if states:
        if node.content not in states.values():
            what = f"expected one of: {', '.join(states.values())}, got {node}"
            raise ConfigError([node.position.problem(where, what)])
        return str(node.content)
    if node.content == RELEASE:
        if not _can_release(target):
            raise ConfigError(
                [node.position.problem(where, "there is no command with a `release` that gives control back")]
            )
        return RELEASE
    if dimension:
        value = decoder.value(node, quantity_of(dimension), where)
        assert isinstance(value, float)
        return float(value)
    if isinstance(node.content, bool | int | float | str):
        return node.content
    raise ConfigError([node.position.problem(where, f"expected a value, got {node}")])


def _can_release(target: PointSettings | Command) -> bool:
    return isinstance(target, Command) and bool(target.release)


def _is_convertible(point: PointSettings) -> bool:
    return point.scale != 0 and point.unit in ("", *UNITS)
