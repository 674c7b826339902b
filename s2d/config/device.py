"""One device, spelt out → `DeviceConfig`: kind, driver, connection, make and fallback, and whether they agree."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import fields

from ..decoder import Decoder, Findings, did_you_mean, mapping_of, unknown_key
from ..driver import Driver, DriverUnavailable, find
from ..errors import ConfigError, Problem
from ..profile import ABOUT, Spelt
from ..quantities import Duration
from ..resources import KINDS, Kind
from ..resources import kind as kind_of
from ..values import Value
from ..variant import Variant
from ..yaml_source import Entry, Node, Where
from . import point as device_points
from .fallback import fallback as fallback_of
from .fallback import variant_problems
from .make import Built, MakeKeys, kind_problems, make_of, names_used, when_of
from .model import Cem, ControlType, DeviceConfig, Report

_RESOURCE_ID = r"^[a-zA-Z0-9\-_:]{2,64}$"
"""Spec: EN 50491-12-2 / s2-ws-json, ID."""
_DRIVER_NAME = r"^[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?$"
NEEDS_KIND = ("resource_id", "control_types", "cem", "report", "fallback")
"""Keys of what a device without a kind does not have: a resource manager."""
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
    kind = findings.attempt(_kind, entries, where)
    common, own = _shared_out(node, kind, where, findings, spelt.asked)
    keys = findings.attempt(around.decoder.struct, common, DeviceKeys, where)
    settings = findings.attempt(around.decoder.struct, own, kind.settings, where) if kind else None
    driver = findings.attempt(_driver, entries, where)
    connection = findings.attempt(_connection, node, entries, driver, where, around) if driver else None
    names = {**_numbers(kind, settings), **spelt.parameters}
    built, fallback = None, None
    variants: list[Variant] = []
    if driver and "points" in entries:

        def make(of: Node) -> Built:
            assert driver
            made = make_of(of, driver, names, keys.poll_s if keys else 0.0, around.decoder, where, findings)
            if kind:
                findings.problems += _kind_problems(kind, settings, made, of, where, spelt, names_used(made.make))
            return made

        built = make(node)
        for each in spelt.variants:
            when = findings.attempt(when_of, each, built, around.decoder, findings)
            made = make(each.node).make
            variants += [Variant(when, made)] if when else []
        if kind:
            fallback = findings.attempt(fallback_of, kind, built.make, node, around.decoder, where)
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
        parameters=built.make.parameters,
        variants=tuple(variants),
        profile=spelt.profile.name if spelt.profile else None,
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
        also = {*used, *spelt.points, *_names(entries, "computed"), *_names(entries, "commands")}
        inside = (*where, "points")
        yield from device_points.problems_of_kind(kind, settings, built.points, at, inside, also)
        yield from kind_problems(kind, built.make, entries, where)


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


def _shared_out(
    node: Node, kind: Kind | None, where: Where, findings: Findings, asked: Collection[str]
) -> tuple[Node, Node]:
    """*node* in two: the keys that every device has, and those of its *kind*; what is neither is a finding.

    *asked* are the parameters of its profile, which were taken out before.
    """
    common = {field.encode_name for field in fields(DeviceKeys)}
    own = {field.encode_name for field in fields(kind.settings)} if kind else set()
    entries = mapping_of(node, where)
    has_kind = "kind" in entries
    for key, entry in entries.items():
        if not has_kind and key in NEEDS_KIND:
            what = f'"{key}" says nothing of a device without a kind'
            findings.problems.append(entry.spot.problem(where, what, _KIND_HINT))
        elif key not in common | own and (kind or not has_kind):
            is_of_profile = entry.spot.path != node.spot.path
            problem = unknown_key(key, entry, common | own | {*asked} | (ABOUT if is_of_profile else set()), where)
            findings.problems.append(problem if problem.hint or has_kind else problem._replace(hint=_KIND_HINT))
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
        raise ConfigError([node.spot.problem((*where, "driver"), f'"{exc.name}" {exc.why}', hint)]) from exc
    for part in (getattr(driver, "Connection", None), getattr(driver, "Point", None)):
        if not (isinstance(part, type) and issubclass(part, Struct)):
            what = f"{node} is no driver: it lacks Connection or Point"
            raise ConfigError([node.spot.problem((*where, "driver"), what)])
    return driver


def _connection(
    device: Node, entries: Mapping[str, Entry], driver: type[Driver], where: Where, around: Surroundings
) -> Struct | None:
    """What *driver* gets: a bus lies over what the profile assumes, and the owner's own keys over both.

    Raises: ConfigError: no such bus, or no connection of this driver.
    """
    if "connection" not in entries:
        return None  # said while decoding the keys
    node = entries["connection"].node
    inside = (*where, "connection")
    written = mapping_of(node, inside)
    own = {key: entry for key, entry in written.items() if entry.spot.path == device.spot.path}
    said = {**_bus(own.pop("bus", None), inside, around), **own}
    assumed = {key: entry for key, entry in written.items() if key not in said and key != "bus"}
    needs: Mapping[str, Collection[str]] = getattr(driver.Connection, "belongs_to", {})
    fitting = {key for key in assumed if any(need in said or need in assumed for need in needs.get(key, (key,)))}
    told = said | {key: entry for key, entry in assumed.items() if key in fitting}
    return around.decoder.struct(Node({**told}, node.spot), driver.Connection, inside)


def _bus(wish: Entry | None, inside: Where, around: Surroundings) -> Mapping[str, Entry]:
    """What the bus that *wish* names says of a connection.

    Raises: ConfigError: there is no such bus.
    """
    if wish is None:
        return {}
    name = wish.node.content
    if not isinstance(name, str) or name not in around.buses:
        hint = did_you_mean(name, around.buses) if isinstance(name, str) else ""
        what = f"expected the name of one of the buses, got {wish.node}"
        raise ConfigError([wish.node.spot.problem((*inside, "bus"), what, hint)])
    return mapping_of(around.buses[name], inside)


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
