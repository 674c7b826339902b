"""One expanded device → `DeviceConfig`: kind, driver, connection, device map and fallback, and whether they agree."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import fields

from ..device.device_map import Variant, nothing_plausible
from ..driver import AnyDriver
from ..errors import ConfigError, Problem
from ..quantities import Duration, limits
from ..rm.kinds import KINDS, Kind
from ..rm.kinds import kind as kind_of
from ..values import Value
from . import point as device_points
from .checked import Cem, ControlType, DeviceConfig, Report
from .connection import connection_of
from .decoder import Decoder, Findings, did_you_mean, mapping_of, unknown_key
from .device_map import DeviceMapKeys, MappedDevice, kind_problems, map_device, names_used, when_of
from .driver_discovery import DriverUnavailable, code_of, find_driver
from .fallback import fallback as fallback_of
from .fallback import variant_problems
from .profile import ABOUT, ExpandedDevice
from .yaml_source import KeyPath, YamlEntry, YamlNode

_RESOURCE_ID = r"^[a-zA-Z0-9\-_:]{2,64}$(?!\n)"
"""Spec: EN 50491-12-2 / s2-ws-json, ID. To Python, `$` is also where a last newline follows."""
_DRIVER_NAME = r"^[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?$(?!\n)"
NEEDS_KIND = ("resource_id", "control_types", "cem", "report", "fallback", "safe")
"""Keys of what a device without a kind does not have: a resource manager."""
_MISSING_KIND_HINT = (
    f'Known are: {", ".join(KINDS)}. What only gives points to other devices says what it is "of", as "of: meter"'
)
_KIND_HINT = f'Is "kind" missing? Known are: {", ".join(KINDS)}'


class DeviceKeys(DeviceMapKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every device has; beside it stand the keys of its kind, and the parameters of its profile."""

    name: Annotated[str, Meta(min_length=1, description="Unique; the resource_id is derived from it")]
    driver: Annotated[
        str,
        Meta(
            pattern=_DRIVER_NAME,
            description="Name of an installed driver, or module:Class",
            extra={"expected": "the name of a driver, or module:Class"},
        ),
    ]
    connection: Annotated[YamlNode, Meta(description="Where the driver finds the device")]
    points: Annotated[dict[str, YamlNode], Meta(description="Name of a point → where the driver finds it")]
    profile: Annotated[
        str | None, Meta(description="The type of the device; `s2d profiles` lists them. It says all but what is here")
    ] = None
    part: Annotated[str | None, Meta(description="Which of the profile's parts; default: its first")] = None
    variants: Annotated[
        tuple[YamlNode, ...],
        Meta(description="Other makes of the device; the first whose `when` is true is laid over it"),
    ] = ()
    kind: Annotated[
        str | None, Meta(description="What the device is; without it, it only gives points to other devices")
    ] = None
    resource_id: Annotated[
        str | None,
        Meta(
            pattern=_RESOURCE_ID,
            description="Of the S2 resource; default: derived from the gateway's id and the name",
            extra={"expected": "2 to 64 of the characters a-z A-Z 0-9 - _ :"},
        ),
    ] = None
    control_types: Annotated[
        tuple[ControlType, ...] | None, Meta(min_length=1, description="What may be offered to the CEM; default: all")
    ] = None
    poll_s: Annotated[
        Duration,
        Meta(description="How often points are read that do not say otherwise", extra=limits("1 ms", "1 d")),
    ] = field(name="poll", default=Duration(2))
    is_expected_offline: Annotated[
        bool, Meta(description="It is switched off at times, as an inverter is at night: nothing to warn of")
    ] = field(name="expected_offline", default=False)
    is_shadowed: Annotated[
        bool, Meta(description="Nothing is ever written to it: what would be is logged, and no order succeeds")
    ] = field(name="shadow", default=False)
    cem: Annotated[Cem | None, Meta(description="Where to connect instead of the gateway's cem")] = None
    report: Annotated[Report, Meta(description="How much must change before the CEM is told")] = Report()
    fallback: Annotated[
        YamlNode | None, Meta(description="What the hardware gets when the CEM has been away too long")
    ] = None
    safe: Annotated[
        YamlNode | None, Meta(description="What the hardware gets on single occasions, where that is not the fallback")
    ] = None
    manufacturer: Annotated[str | None, Meta(description="Told to the CEM")] = None
    model: Annotated[str | None, Meta(description="Told to the CEM")] = None
    serial_number: Annotated[str | None, Meta(description="Told to the CEM; in quotes if it is a number")] = None
    firmware_version: Annotated[str | None, Meta(description="Told to the CEM; in quotes if it is a number")] = None

    def __post_init__(self) -> None:
        """Raises: ValueError: a name that cannot be shown, or no time between readings."""
        if not self.name.isprintable() or self.name != self.name.strip():
            raise ValueError("name: expected printable text without spaces at its ends")
        if self.poll_s <= 0:
            raise ValueError("poll: must be above 0 s")


@dataclass(frozen=True, slots=True)
class ConfigContext:
    """The context in which a device is decoded: what the gateway file says for all devices."""

    decoder: Decoder
    buses: Mapping[str, YamlNode]
    """Name → fields of a connection."""
    cem: Cem | None
    """Where devices connect that do not say otherwise; None also if it is wrong."""
    names_cem: bool
    """The gateway file says something about the CEM, right or wrong."""


def device_of(expanded: ExpandedDevice, where: KeyPath, context: ConfigContext) -> DeviceConfig:
    """The device configuration of *expanded*; that points of other devices exist is checked elsewhere.

    Raises: ConfigError: all that is wrong with it by itself.
    """
    expanded = _without_settings(expanded, where)
    node = expanded.node
    entries = mapping_of(node, where)
    findings = Findings()
    if expanded.profile and _lacks_kind(expanded, entries):
        raise ConfigError([expanded.profile.device.position.problem((), 'missing key "kind"', _MISSING_KIND_HINT)])
    kind = findings.attempt(_kind, entries, where)
    if kind and (another := _is_of_another(expanded, kind)):
        raise ConfigError([_other_kind(expanded, entries["kind"].node, kind, another, where)])
    common, own = _split_keys(expanded, kind, where, findings)
    keys = findings.attempt(context.decoder.struct, common, DeviceKeys, where)
    settings = findings.attempt(context.decoder.struct, own, kind.settings, where) if kind else None
    driver = findings.attempt(_driver, entries, where)
    connection = None
    if driver:  # one without a connection is found while decoding the keys
        connection = findings.attempt(_connection, node, driver, context, where)
    # Of a wrong kind, which is reported, the settings may be any.
    meant = KINDS if "kind" in entries and not kind else (kind.name,) if kind else ()
    names = {key: value for each in meant for key, value in _setting_values(kind_of(each), settings).items()}
    names |= expanded.parameters
    base: MappedDevice | None = None
    fallback = None
    variants: list[Variant] = []
    if driver and "points" in entries:
        poll_s = keys.poll_s if keys else 0.0
        plausible = partial(kind.plausible, settings) if kind and settings else nothing_plausible
        candidates = [
            (of, map_device(of, driver, names, poll_s, plausible, context.decoder, where, findings))
            for of in (node, *(each.node for each in expanded.variants))
        ]
        base = candidates[0][1]
        used = frozenset[str]().union(*(names_used(mapped.make) for _, mapped in candidates))
        for each, (_, mapped) in zip(expanded.variants, candidates[1:], strict=True):
            if when := findings.attempt(when_of, each, base, context.decoder, findings):
                used |= when.names
                variants.append(Variant(when, mapped.make))
        if kind:
            for of, mapped in candidates:
                findings.problems += _kind_problems(kind, settings, mapped, of, where, expanded, used)
            fallback = findings.attempt(fallback_of, kind, settings, base.make, node, context.decoder, where)
            findings.problems += variant_problems(fallback, variants, expanded.variants) if fallback else ()
    if kind:
        findings.problems += _cem_problems(node, context, where)
        findings.problems += _control_type_problems(kind, keys, entries, where)
    findings.raise_problems()
    assert keys
    assert driver
    assert connection
    assert base
    return DeviceConfig(
        name=keys.name,
        driver=driver,
        connection=connection,
        points=dict(base.make.points),
        sources=dict(base.sources),
        computed=base.make.computed,
        commands=base.make.commands,
        start=base.make.start,
        nameplate=base.make.nameplate,
        available=base.make.available,
        uptime=base.make.uptime,
        ready=base.make.ready,
        plausible=base.make.plausible,
        is_expected_offline=keys.is_expected_offline,
        is_shadowed=keys.is_shadowed,
        parameters=base.make.parameters,
        variants=tuple(variants),
        profile=expanded.profile.name if expanded.profile else None,
        part=expanded.part,
        danger=expanded.profile.about.danger if expanded.profile else None,
        poll_s=keys.poll_s,
        kind=keys.kind,
        settings=settings,
        resource_id=keys.resource_id,
        control_types=keys.control_types,
        cem=(keys.cem or context.cem) if kind else None,
        report=keys.report,
        fallback=fallback,
        manufacturer=keys.manufacturer,
        model=keys.model,
        serial_number=keys.serial_number,
        firmware_version=keys.firmware_version,
    )


def _kind_problems(
    kind: Kind,
    settings: Struct | None,
    mapped: MappedDevice,
    node: YamlNode,
    where: KeyPath,
    expanded: ExpandedDevice,
    used: frozenset[str],
) -> Iterator[Problem]:
    entries = mapping_of(node, where)
    at = entries["points"].node
    if isinstance(at.content, dict):
        beside = {*_names(entries, "computed"), *_names(entries, "commands")}
        inside = (*where, "points")
        also = used | expanded.points
        yield from device_points.problems_of_kind(kind, settings, mapped.points, at, inside, beside=beside, also=also)
        yield from kind_problems(kind, settings, mapped.make, entries, where)


def _names(entries: Mapping[str, YamlEntry], key: str) -> Iterable[str]:
    content = entries[key].node.content if key in entries else None
    return content if isinstance(content, dict) else ()


def _setting_values(kind: Kind, settings: Struct | None) -> dict[str, Value]:
    """The settings of the kind, for expressions: `max_charge_power` and the like, in base units."""
    known = fields(kind.settings)
    if settings is None:
        return {field.encode_name: 0.0 for field in known}  # wrong, which is reported; the names are right
    numbers = ((field.encode_name, getattr(settings, field.name)) for field in known)
    return {name: float(value) for name, value in numbers if isinstance(value, int | float)}


def _kind(entries: Mapping[str, YamlEntry], where: KeyPath) -> Kind | None:
    if "kind" not in entries:
        return None
    node = entries["kind"].node
    if node.content not in KINDS:
        hint = did_you_mean(node.content, KINDS) if isinstance(node.content, str) else ""
        what = f"expected one of: {', '.join(KINDS)}, got {node}"
        raise ConfigError([node.position.problem((*where, "kind"), what, hint)])
    return kind_of(str(node.content))


def _is_of_another(expanded: ExpandedDevice, kind: Kind) -> str | None:
    """The kind that the profile of *expanded* is made for, where that is another than *kind*, its owner's.

    A profile that is but of a kind may serve beside a meter: a load that is only measured has the profile of its meter,
    and what an inverter gives may be told as by one.
    """
    if expanded.profile is None:
        return None
    part = mapping_of(expanded.profile.parts[expanded.part], ()) if expanded.part else {}
    said = part.get("kind") or mapping_of(expanded.profile.device, ()).get("kind")
    of = _of(expanded)
    if said is None and "meter" in (of, kind.name):
        return None
    meant = str(said.node.content) if said else of
    return meant if meant in KINDS and meant != kind.name else None


def _other_kind(expanded: ExpandedDevice, node: YamlNode, kind: Kind, of: str, where: KeyPath) -> Problem:
    """That *node*, its owner's `kind`, is another than the one that its profile is *of*."""
    assert expanded.profile
    what = f'the profile "{expanded.profile.name}" is of {kind_of(of).one}, not of {kind.one}'
    hint = f'Write "kind: {of}", or another profile: `s2d profiles` lists them'
    return node.position.problem((*where, "kind"), what, hint)


def _without_settings(expanded: ExpandedDevice, where: KeyPath) -> ExpandedDevice:
    """*expanded*, but the settings that its profile has ready for who says the kind that it is of, if nobody does."""
    entries, of = mapping_of(expanded.node, where), _of(expanded)
    if of not in KINDS or "kind" in entries:
        return expanded
    ready = {field.encode_name for field in fields(kind_of(of).settings)}
    owners = expanded.node.position.path
    kept = {key: each for key, each in entries.items() if key not in ready or each.position.path == owners}
    return replace(expanded, node=YamlNode(kept, expanded.node.position))


def _of(expanded: ExpandedDevice) -> str | None:
    """What the profile of *expanded* says that it is of."""
    profile = expanded.profile
    inside = mapping_of(profile.parts[expanded.part], ()) if profile and expanded.part else {}
    return str(inside["of"].node.content) if "of" in inside else profile.about.of if profile else None


def _lacks_kind(expanded: ExpandedDevice, entries: Mapping[str, YamlEntry]) -> bool:
    """Whether *entries*, the keys of profile and owner, are meant for a kind which the profile forgot to name."""
    settings = {field.encode_name for name in KINDS for field in fields(kind_of(name).settings)}
    of, owners = _of(expanded), expanded.node.position.path
    written = {key for key, each in entries.items() if of is None or each.position.path != owners}
    return "kind" not in entries and of in (None, *KINDS) and not written.isdisjoint({*NEEDS_KIND, *settings})


def _split_keys(
    expanded: ExpandedDevice, kind: Kind | None, where: KeyPath, findings: Findings
) -> tuple[YamlNode, YamlNode]:
    """*expanded* in two: the keys that every device has, and those of its *kind*; what is neither is a finding.

    The parameters of its profile were taken out before.
    """
    common = {field.encode_name for field in fields(DeviceKeys)}
    own = {field.encode_name for field in fields(kind.settings)} if kind else set()
    node, entries = expanded.node, mapping_of(expanded.node, where)
    has_kind = "kind" in entries
    lacks_kind, of = _KIND_HINT, _of(expanded)
    if expanded.profile:
        lacks_kind = f'The profile "{expanded.profile.name}" only gives points to other devices'
    if of in KINDS:
        lacks_kind += f', unless you write "kind: {of}"'
    of_its_kind = {field.encode_name for field in fields(kind_of(of).settings)} if of in KINDS else set()
    for key, entry in entries.items():
        if not has_kind and key in {*NEEDS_KIND, *of_its_kind}:
            what = f'"{key}" says nothing of a device without a kind'
            findings.problems.append(entry.position.problem(where, what, lacks_kind))
        elif key not in common | own and (kind or not has_kind):
            is_of_profile = entry.position.path != node.position.path
            problem = unknown_key(
                key, entry, common | own | expanded.parameter_names | (ABOUT if is_of_profile else set()), where
            )
            findings.problems.append(problem if problem.hint or has_kind else problem._replace(hint=lacks_kind))
    # The device map is decoded by itself, once for every variant of the device.
    aside = DeviceMapKeys.__struct_fields__
    plain = {key: entry for key, entry in entries.items() if key not in aside or key == "points"}
    split = ({key: entry for key, entry in plain.items() if key in keys} for keys in (common, own))
    first, second = (YamlNode(part, node.position) for part in split)
    return first, second


def _driver(entries: Mapping[str, YamlEntry], where: KeyPath) -> type[AnyDriver] | None:
    node = entries["driver"].node if "driver" in entries else None
    if node is None or not isinstance(node.content, str) or not re.search(_DRIVER_NAME, node.content):
        return None  # reported while decoding the keys
    try:
        return find_driver(node.content)
    except DriverUnavailable as exc:
        raise ConfigError([node.position.problem((*where, "driver"), f'"{exc.name}" {exc.why}', exc.hint)]) from exc


def _connection(node: YamlNode, driver: type[AnyDriver], context: ConfigContext, where: KeyPath) -> Struct | None:
    """As `connection_of`; whether the driver can say all that it is asked about a connection is tried, too."""
    named = mapping_of(node, where)["driver"].node
    try:
        with code_of(str(named.content)):
            connection = connection_of(node, driver, context.buses, context.decoder, where)
            if connection is not None:
                hash(driver.bus_of(connection))
                driver.where(connection)
    except DriverUnavailable as exc:
        raise ConfigError([named.position.problem((*where, "driver"), f'"{exc.name}" {exc.why}', exc.hint)]) from exc
    return connection


def _cem_problems(node: YamlNode, context: ConfigContext, where: KeyPath) -> Iterator[Problem]:
    if "cem" not in mapping_of(node, where) and not context.names_cem:
        hint = 'Write "cem: {url: ws://…}" into the gateway file or here'
        yield node.position.problem(where, "nothing says which CEM to connect to", hint)


def _control_type_problems(
    kind: Kind, keys: DeviceKeys | None, entries: Mapping[str, YamlEntry], where: KeyPath
) -> Iterator[Problem]:
    if keys and keys.control_types and not set(keys.control_types) & set(kind.control_types):
        offers = f"can only offer {', '.join(kind.control_types)}, which is not listed"
        what = f"{kind.one} {offers if kind.control_types else 'is only measured'}"
        yield entries["control_types"].node.position.problem((*where, "control_types"), what)
