"""Fallback and safe states as written → `Fallback`: the setpoints the hardware gets when nobody is in charge."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from ..device.command import Command
from ..device.device_map import DeviceMap, Variant, commands_of
from ..driver import PointSettings
from ..errors import ConfigError, Problem
from ..quantities import UNITS, Duration, limits
from ..rm.kinds import Kind
from ..rm.occasion import Occasion
from ..values import RELEASE, Setpoint, Value
from .checked import Fallback
from .constant_checks import objection_to
from .decoder import Decoder, Findings, mapping_of, unknown_key
from .point import quantity_of
from .profile import ExpandedVariant
from .yaml_source import KeyPath, SourcePosition, YamlNode

After = Annotated[Duration, Meta(extra=limits("0 s", "365 d"))]


def fallback(
    kind: Kind, settings: Struct | None, make: DeviceMap, device: YamlNode, decoder: Decoder, where: KeyPath
) -> Fallback:
    """The fallback of *device*: its keys `fallback:` and `safe:`, completed by the safe values of its *kind*.

    A command that can give control back does so, unless the owner wants a value. A point that is wrong itself is
    passed over: that is reported elsewhere.

    Raises: ConfigError: no point to write, a value it cannot take, or an occasion there is not.
    """
    reader = _Reader(kind, settings, make, device, decoder, where)
    findings = Findings()
    entries = mapping_of(device, where)
    entry, matrix = entries.get("fallback"), entries.get("safe")
    usual = _WrittenValues(
        dict(reader.usual), dict.fromkeys(reader.usual, entry.node.position if entry else device.position)
    )
    if entry and entry.node.content is not None:
        usual = usual.under(reader.written(entry.node, (*where, "fallback"), findings))
    findings.problems += reader.objections(usual, (*where, "fallback"))
    special: dict[Occasion, tuple[Setpoint, ...]] = {}
    hold_s: dict[Occasion, float] = {}
    for key, cell in mapping_of(matrix.node, (*where, "safe")).items() if matrix else ():
        inside = (*where, "safe", key)
        if (occasion := _OCCASIONS.get(key)) is None:
            findings.problems.append(unknown_key(key, cell, _OCCASIONS, inside[:-1]))
            continue
        written = findings.attempt(reader.written, cell.node, inside, findings)
        if written is None:
            continue
        findings.problems += reader.objections(written, inside)
        findings.problems += _after_problems(occasion, written, usual, inside)
        special[occasion] = _setpoints(written, key)
        if written.after:
            hold_s[occasion] = written.after.seconds
    findings.raise_problems()
    by_itself = {occasion: held_s for occasion, held_s in kind.hold_s.items() if occasion not in special}
    after_s = usual.after.seconds if usual.after else kind.hold_s[Occasion.CEM_LOST]
    after_s = hold_s.pop(Occasion.CEM_LOST, after_s)
    by_itself.pop(Occasion.CEM_LOST, None)
    return Fallback(after_s, _setpoints(usual, "fallback"), special, by_itself | hold_s)


class _After(NamedTuple):
    seconds: float
    position: SourcePosition


class _WrittenValues(NamedTuple):
    """What is written for one occasion, or for all: values by point, and where each stands."""

    values: dict[str, Value]
    positions: dict[str, SourcePosition]
    after: _After | None = None

    def under(self, other: "_WrittenValues") -> "_WrittenValues":
        """It, where *other* says nothing else."""
        return _WrittenValues(self.values | other.values, self.positions | other.positions, other.after or self.after)


class _Reader:
    """Reads what a device shall be when nobody is in charge."""

    def __init__(
        self,
        kind: Kind,
        settings: Struct | None,
        make: DeviceMap,
        device: YamlNode,
        decoder: Decoder,
        where: KeyPath,
    ) -> None:
        self._kind, self._settings, self._make, self._decoder = kind, settings, make, decoder
        self._writable: dict[str, PointSettings | Command] = {
            name: point for name, point in make.points.items() if point.is_writable and _is_convertible(point)
        }
        self._writable |= make.commands
        entries = mapping_of(device, where)
        unusable = {
            name
            for key in ("points", "commands")
            if key in entries and isinstance(entries[key].node.content, dict)
            for name in mapping_of(entries[key].node, where)
        }
        convertible = {name for name, point in make.points.items() if _is_convertible(point)}
        self._unusable = unusable - self._writable.keys() - convertible
        safe = kind.safe(settings, kind.steered_by(make.points, make.commands)) if settings else {}
        self.usual: dict[str, Value] = {
            name: RELEASE
            if settings and kind.may_be_released(settings) and _can_release(self._writable[name])
            else value
            for name, value in safe.items()
            if name in self._writable
        }
        """What is safe if its owner says nothing."""

    def written(self, node: YamlNode, where: KeyPath, findings: Findings) -> _WrittenValues:
        """What stands in *node*, a mapping of points to values, and `after`.

        Raises: ConfigError: it is no mapping.
        """
        written = _WrittenValues({}, {})
        for key, entry in mapping_of(node, where).items():
            inside = (*where, key)
            if key == "after":
                after = findings.attempt(self._decoder.value, entry.node, After, inside)
                if isinstance(after, Duration):
                    written = written._replace(after=_After(after, entry.node.position))
            elif key in self._writable:
                target = self._writable[key]
                if entry.node.content == RELEASE and self._settings and not self._kind.may_be_released(self._settings):
                    what = f"a device of the kind {self._kind.name} is not left to itself when nobody is in charge"
                    findings.problems.append(entry.node.position.problem(inside, what, "Say a value"))
                    continue
                if self._is_switch(key) and entry.node.content not in (True, False, RELEASE):
                    what = f"expected true or false, got {entry.node}"
                    findings.problems.append(entry.node.position.problem(inside, what))
                    continue
                dimension = _dimension(self._kind, key, target)
                value = findings.attempt(_value, target, dimension, entry.node, self._decoder, inside)
                if value is not None:
                    written.values[key], written.positions[key] = value, entry.node.position
            elif key not in self._unusable and not _is_reported_by_kind(self._kind, key, self._make):
                findings.problems.append(unknown_key(key, entry, ["after", *self._writable], where))
        return written

    def _is_switch(self, name: str) -> bool:
        return name in self._kind.points and self._kind.points[name].is_switch

    def objections(self, written: _WrittenValues, where: KeyPath) -> Iterator[Problem]:
        """Values that can never be written."""
        for name, value in written.values.items():
            target = self._writable[name]
            objection = _out_of_reach(self._kind, self._settings, name, value)
            if objection is None and isinstance(target, PointSettings):
                objection = target.objection_to(value)
            elif objection is None and isinstance(target, Command):
                objection = objection_to(target, value, self._make)
            if objection:
                yield written.positions[name].problem((*where, name), objection)


_OCCASIONS = {occasion.value: occasion for occasion in Occasion}
MAY_WAIT = (Occasion.CEM_LOST, Occasion.STARTED, Occasion.RETURNED)
"""Occasions on which the device may be left as it is for a while; on all others an order has failed or ended."""


def _after_problems(
    occasion: Occasion, written: _WrittenValues, usual: _WrittenValues, where: KeyPath
) -> Iterator[Problem]:
    if written.after is None:
        return
    if occasion not in MAY_WAIT:
        what = f"comes at once; only {', '.join(MAY_WAIT)} may wait"
        yield written.after.position.problem((*where, "after"), what, "Leave it out")
    elif occasion is Occasion.CEM_LOST and usual.after:
        yield written.after.position.problem((*where, "after"), "fallback: after says this already", "Say it once")


def _setpoints(written: _WrittenValues, reason: str) -> tuple[Setpoint, ...]:
    return tuple(Setpoint(name, value, reason) for name, value in written.values.items())


def variant_problems(
    fallback: Fallback, variants: Sequence[Variant], expanded: Sequence[ExpandedVariant]
) -> Iterator[Problem]:
    """Where a variant cannot do what *fallback* wants."""
    for variant, written in zip(variants, expanded, strict=False):
        commands = commands_of(variant.make)
        for setpoint in dict.fromkeys((*fallback.setpoints, *chain(*fallback.special.values()))):
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
