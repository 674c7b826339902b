"""One device, spelt out → `DeviceConfig`: kind, driver, connection, make and fallback, and whether they agree."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import fields

from ..device.device_map import Variant
from ..driver import Driver, DriverUnavailable, find
from ..errors import ConfigError, Problem
from ..quantities import Duration
from ..rm.kinds import KINDS, Kind
from ..rm.kinds import kind as kind_of
from ..values import Value
from . import point as device_points
from .checked import Cem, ControlType, DeviceConfig, Report
from .connection import connection_of
from .decoder import Decoder, Findings, did_you_mean, mapping_of, unknown_key
from .device_map import Built, MakeKeys, kind_problems, make_of, names_used, when_of
from .fallback import fallback as fallback_of
from .fallback import variant_problems
from .profile import ABOUT, Profile, Spelt
from .yaml_source import Entry, Node, Where

_RESOURCE_ID = r"^[a-zA-Z0-9\-_:]{2,64}$"
"""Spec: EN 50491-12-2 / s2-ws-json, ID."""
_DRIVER_NAME = r"^[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?$"
NEEDS_KIND = ("resource_id", "control_types", "cem", "report", "fallback")
"""Keys of what a device without a kind does not have: a resource manager."""
_LACKING = (
    f'Known are: {", ".join(KINDS)}. What only gives points to other devices says what it is "of", as "of: meter"'
)
_KIND_HINT = f'Is "kind" missing? Known are: {", ".join(KINDS)}'


class DeviceKeys(MakeKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    connection: Annotated[Node, Meta(description="Where the driver finds the device")]
    points: Annotated[dict[str, Node], Meta(description="Name of a point → where the driver finds it")]
    profile: Annotated[
        str | None, Meta(description="The type of the device; `s2d profiles` lists them. It says all but what is here")
    ] = None
    part: Annotated[str | None, Meta(description="Which of the profile's parts; default: its first")] = None
    variants: Annotated[
        tuple[Node, ...], Meta(description="Other makes of the device; the first whose `when` is true is laid over it")
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
    poll_s: Annotated[Duration, Meta(description="How often points are read that do not say otherwise")] = field(
        name="poll", default=Duration(2)
    )
    is_expected_offline: Annotated[
        bool, Meta(description="It is switched off at times, as an inverter is at night: nothing to warn of")
    ] = field(name="expected_offline", default=False)
    cem: Annotated[Cem | None, Meta(description="Where to connect instead of the gateway's cem")] = None
    report: Annotated[Report, Meta(description="How much must change before the CEM is told")] = Report()
    fallback: Annotated[Node | None, Meta(description="What the hardware gets when the CEM has been away too long")] = (
        None
    )
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
class Surroundings:
    """What a device as written may lean on."""

    decoder: Decoder
    buses: Mapping[str, Node]
    """Name → fields of a connection."""
    cem: Cem | None
    """Where devices connect that do not say otherwise; None also if it is wrong."""
    names_cem: bool
    """The gateway file says something about the CEM, right or wrong."""


def device_of(spelt: Spelt, where: Where, around: Surroundings) -> DeviceConfig:
    """The device that *spelt* is; whether the points it takes from other devices exist is not its business.

    Raises: ConfigError: all that is wrong with it by itself.
    """
    node = spelt.node
    entries = mapping_of(node, where)
    findings = Findings()
    if spelt.profile and _lacks_kind(spelt.profile, spelt.part, entries):
        raise ConfigError([spelt.profile.device.spot.problem((), 'missing key "kind"', _LACKING)])
    kind = findings.attempt(_kind, entries, where)
    common, own = _shared_out(spelt, kind, where, findings)
    keys = findings.attempt(around.decoder.struct, common, DeviceKeys, where)
    settings = findings.attempt(around.decoder.struct, own, kind.settings, where) if kind else None
    driver = findings.attempt(_driver, entries, where)
    connection = None
    if driver:  # one without a connection is found while decoding the keys
        connection = findings.attempt(connection_of, node, driver, around.buses, around.decoder, where)
    names = {**_numbers(kind, settings), **spelt.parameters}
    built, fallback = None, None
    variants: list[Variant] = []
    if driver and "points" in entries:
        poll_s = keys.poll_s if keys else 0.0
        makes = [
            (of, make_of(of, driver, names, poll_s, around.decoder, where, findings))
            for of in (node, *(each.node for each in spelt.variants))
        ]
        built = makes[0][1]
        used = frozenset[str]().union(*(names_used(made.make) for _, made in makes))
        for each, (_, made) in zip(spelt.variants, makes[1:], strict=True):
            if when := findings.attempt(when_of, each, built, around.decoder, findings):
                used |= when.names
                variants.append(Variant(when, made.make))
        if kind:
            for of, made in makes:
                findings.problems += _kind_problems(kind, settings, made, of, where, spelt, used)
            fallback = findings.attempt(fallback_of, kind, settings, built.make, node, around.decoder, where)
            findings.problems += variant_problems(fallback, variants, spelt.variants) if fallback else ()
    if kind:
        findings.problems += _cem_problems(node, around, where)
        findings.problems += _control_type_problems(kind, keys, entries, where)
    findings.settle()
    assert keys
    assert driver
    assert connection
    assert built
    return DeviceConfig(
        name=keys.name,
        driver=driver,
        connection=connection,
        points=dict(built.make.points),
        sources=dict(built.sources),
        computed=built.make.computed,
        commands=built.make.commands,
        start=built.make.start,
        nameplate=built.make.nameplate,
        available=built.make.available,
        uptime=built.make.uptime,
        is_expected_offline=keys.is_expected_offline,
        parameters=built.make.parameters,
        variants=tuple(variants),
        profile=spelt.profile.name if spelt.profile else None,
        part=spelt.part,
        poll_s=keys.poll_s,
        kind=keys.kind,
        settings=settings,
        resource_id=keys.resource_id,
        control_types=keys.control_types,
        cem=(keys.cem or around.cem) if kind else None,
        report=keys.report,
        fallback=fallback,
        manufacturer=keys.manufacturer,
        model=keys.model,
        serial_number=keys.serial_number,
        firmware_version=keys.firmware_version,
    )


def _kind_problems(
    kind: Kind, settings: Struct | None, built: Built, node: Node, where: Where, spelt: Spelt, used: frozenset[str]
) -> Iterator[Problem]:
    entries = mapping_of(node, where)
    at = entries["points"].node
    if isinstance(at.content, dict):
        beside = {*_names(entries, "computed"), *_names(entries, "commands")}
        inside = (*where, "points")
        also = used | spelt.points
        yield from device_points.problems_of_kind(kind, settings, built.points, at, inside, beside=beside, also=also)
        yield from kind_problems(kind, settings, built.make, entries, where)


def _names(entries: Mapping[str, Entry], key: str) -> Iterable[str]:
    content = entries[key].node.content if key in entries else None
    return content if isinstance(content, dict) else ()


def _numbers(kind: Kind | None, settings: Struct | None) -> dict[str, Value]:
    """What the owner knows of the device, for expressions: `max_charge_power` and the like, in base units."""
    known = fields(kind.settings) if kind else ()
    if settings is None:
        return {field.encode_name: 0.0 for field in known}  # wrong, which is said; the names are right
    said = ((field.encode_name, getattr(settings, field.name)) for field in known)
    return {name: float(value) for name, value in said if isinstance(value, int | float)}


def _kind(entries: Mapping[str, Entry], where: Where) -> Kind | None:
    if "kind" not in entries:
        return None
    node = entries["kind"].node
    if node.content not in KINDS:
        hint = did_you_mean(node.content, KINDS) if isinstance(node.content, str) else ""
        what = f"expected one of: {', '.join(KINDS)}, got {node}"
        raise ConfigError([node.spot.problem((*where, "kind"), what, hint)])
    return kind_of(str(node.content))


def _lacks_kind(profile: Profile, part: str | None, entries: Mapping[str, Entry]) -> bool:
    """Whether *entries*, all that *profile* and owner say, are meant for a kind which the profile forgot to name."""
    inside = mapping_of(profile.parts[part], ()) if part else {}
    of = inside["of"].node.content if "of" in inside else profile.about.of
    settings = {field.encode_name for name in KINDS for field in fields(kind_of(name).settings)}
    return "kind" not in entries and of in (None, *KINDS) and not entries.keys().isdisjoint({*NEEDS_KIND, *settings})


def _shared_out(spelt: Spelt, kind: Kind | None, where: Where, findings: Findings) -> tuple[Node, Node]:
    """*spelt* in two: the keys that every device has, and those of its *kind*; what is neither is a finding.

    The parameters of its profile were taken out before.
    """
    common = {field.encode_name for field in fields(DeviceKeys)}
    own = {field.encode_name for field in fields(kind.settings)} if kind else set()
    node, entries = spelt.node, mapping_of(spelt.node, where)
    has_kind = "kind" in entries
    lacks_kind = (
        f'The profile "{spelt.profile.name}" only gives points to other devices' if spelt.profile else _KIND_HINT
    )
    for key, entry in entries.items():
        if not has_kind and key in NEEDS_KIND:
            what = f'"{key}" says nothing of a device without a kind'
            findings.problems.append(entry.spot.problem(where, what, lacks_kind))
        elif key not in common | own and (kind or not has_kind):
            is_of_profile = entry.spot.path != node.spot.path
            problem = unknown_key(key, entry, common | own | spelt.asked | (ABOUT if is_of_profile else set()), where)
            findings.problems.append(problem if problem.hint or has_kind else problem._replace(hint=lacks_kind))
    # What the device is made of is decoded by itself, once for every variant of it.
    aside = MakeKeys.__struct_fields__
    plain = {key: entry for key, entry in entries.items() if key not in aside or key == "points"}
    split = ({key: entry for key, entry in plain.items() if key in keys} for keys in (common, own))
    first, second = (Node(part, node.spot) for part in split)
    return first, second


def _driver(entries: Mapping[str, Entry], where: Where) -> type[Driver] | None:
    node = entries["driver"].node if "driver" in entries else None
    if node is None or not isinstance(node.content, str) or not re.search(_DRIVER_NAME, node.content):
        return None  # said while decoding the keys
    try:
        driver = find(node.content)
    except DriverUnavailable as exc:
        hint = did_you_mean(exc.name, exc.known) or f"Installed are: {', '.join(exc.known)}"
        if ":" in exc.name:
            hint = "It is looked for where s2d is installed, and in PYTHONPATH"
        raise ConfigError([node.spot.problem((*where, "driver"), f'"{exc.name}" {exc.why}', hint)]) from exc
    for part in (getattr(driver, "Connection", None), getattr(driver, "Point", None)):
        if not (isinstance(part, type) and issubclass(part, Struct)):
            what = f"{node} is no driver: it lacks Connection or Point"
            raise ConfigError([node.spot.problem((*where, "driver"), what)])
    return driver


def _cem_problems(node: Node, around: Surroundings, where: Where) -> Iterator[Problem]:
    if "cem" not in mapping_of(node, where) and not around.names_cem:
        hint = 'Write "cem: {url: ws://…}" into the gateway file or here'
        yield node.spot.problem(where, "nothing says which CEM to connect to", hint)


def _control_type_problems(
    kind: Kind, keys: DeviceKeys | None, entries: Mapping[str, Entry], where: Where
) -> Iterator[Problem]:
    if keys and keys.control_types and not set(keys.control_types) & set(kind.control_types):
        what = f"a {kind.name} can only offer {', '.join(kind.control_types)}, which is not listed"
        yield entries["control_types"].node.spot.problem((*where, "control_types"), what)
