"""The checked configuration: plain values; nobody holds half-checked ones."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from ..device.command import Command, Step
from ..device.computed import Computed, in_order
from ..device.device_map import (
    Available,
    DeviceMap,
    Nameplate,
    PlausibleOf,
    Variant,
    commands_of,
    nothing_plausible,
)
from ..device.expression import Expression
from ..device.poll_schedule import WATCHED_EVERY_S
from ..errors import Problem
from ..host.time_zone import zone_of_host
from ..quantities import Duration, Percentage, Power, limits
from ..rm.house_limit import HeldDevice
from ..rm.kinds import Ability, Kind
from ..rm.kinds.head_room import HouseShare
from ..rm.occasion import Occasion
from ..values import Setpoint, Value
from .cem_url import can_be_looked_up, shown_url

if TYPE_CHECKING:
    from ..driver import AnyDriver, PointSettings
    from .yaml_source import YamlNode

ControlType = Literal["frbc", "pebc", "ombc", "ddbc", "ppbc"]

INTERVAL = Duration(1)
"""Least time between two executions of a command where nobody says otherwise: however fast a CEM orders."""
CEM_PLACEHOLDERS = ("resource_id", "name")
"""The placeholders filled in where `cem: url:` says {resource_id} or {name}."""


def _state_dir() -> Path:
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(given or os.path.expanduser("~/.local/state/s2d"))


class Gateway(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The machine s2d runs on."""

    name: Annotated[str, Meta(min_length=1, description="What people call it; default: the host name")] = msgspec.field(
        default_factory=lambda: os.uname().nodename
    )
    id: Annotated[
        UUID | None,
        Meta(
            description="With a device's name it makes the device's resource_id; "
            "default: made once and kept in state_dir"
        ),
    ] = None
    state_dir: Annotated[
        Path, Meta(description="What must survive a restart; default: $STATE_DIRECTORY, else ~/.local/state/s2d")
    ] = msgspec.field(default_factory=_state_dir)
    time_zone: Annotated[
        str,
        Meta(
            description="In which times of day are written; default: this machine's",
            extra={"time_zone": True},
            extra_json_schema={"examples": ["Europe/Amsterdam"]},
        ),
    ] = msgspec.field(default_factory=zone_of_host)


class Cem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a resource manager connects."""

    url: Annotated[
        str,
        Meta(
            description="ws:// or wss://; {resource_id} and {name} are filled in", extra_json_schema={"format": "uri"}
        ),
    ]
    token_file: Annotated[
        Path | None,
        Meta(description="File with the bearer token, readable by its owner only", extra={"file": "secret"}),
    ] = None
    ca_file: Annotated[
        Path | None,
        Meta(description="Certificates to trust instead of the system's, for wss", extra={"file": "public"}),
    ] = None
    instruction_updates: Annotated[
        Literal["full", "final"],
        Meta(description="Tell the CEM every step of an instruction, or only how it ended"),
    ] = "full"
    max_instruction_age_s: Annotated[
        Duration | None,
        Meta(
            description="Instructions that come later than this after their execution time are rejected",
            extra=limits("0 s", "365 d"),
        ),
    ] = msgspec.field(name="max_instruction_age", default=None)
    redescribe_after_status: Annotated[
        bool | None,
        Meta(
            description="Describe a storage once more after its first status, for a CEM that plans only then; "
            "default: if the CEM sends no Handshake of its own"
        ),
    ] = None

    def __post_init__(self) -> None:
        """Raises: ValueError: no URL a resource manager can connect to."""
        shown = shown_url(self.url)
        try:
            parts = urlsplit(self.url)
            is_complete = can_be_looked_up(parts.hostname or "") and (parts.port is None or parts.port > 0)
        except ValueError as exc:
            why = exc if shown == self.url else "look at its host and its port"
            raise ValueError(f'url: "{shown}" is no URL: {why}') from exc
        if parts.scheme not in ("ws", "wss"):
            raise ValueError(f'url: expected a URL that starts with ws:// or wss://, got "{shown}"')
        if not is_complete or re.search(r"\s", self.url) or "#" in self.url:
            raise ValueError(f'url: expected a URL such as "ws://192.168.1.10:8080/s2", got "{shown}"')
        if parts.username is not None and parts.password is None:
            raise ValueError(f'url: a user without a password, got "{shown}"')
        if re.search(r"[{}]", self.url_of(**dict.fromkeys(CEM_PLACEHOLDERS, "x"))):
            known = " and ".join(f"{{{name}}}" for name in CEM_PLACEHOLDERS)
            raise ValueError(f'url: unknown placeholder in "{shown}"; known are {known}')
        if self.ca_file is not None and parts.scheme != "wss":
            raise ValueError("ca_file: only a wss:// URL has a certificate to check")

    def url_of(self, *, resource_id: str, name: str) -> str:
        """The URL for one device."""
        return self.url.replace("{resource_id}", quote(resource_id, safe=":")).replace("{name}", quote(name, safe=""))


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much must change before the CEM is told, and how often it is told anyway."""

    power_w: Annotated[
        Power | None, Meta(description="Change of power worth telling", extra=limits("0 W", "10 MW"))
    ] = msgspec.field(name="power", default=None)
    fill_level: Annotated[
        Percentage | None, Meta(description="Change of the state of charge worth telling", extra=limits("0 %", "100 %"))
    ] = msgspec.field(name="soc", default=None)
    every_s: Annotated[
        Duration, Meta(description="Told this often even when nothing changes", extra=limits("100 ms", "365 d"))
    ] = msgspec.field(name="every", default=Duration(60))

    def __post_init__(self) -> None:
        """Raises: ValueError: a threshold below 0, or a period of 0 s."""
        if self.power_w is not None and self.power_w < 0:
            raise ValueError("power: must not be negative")
        if self.fill_level is not None and self.fill_level < 0:
            raise ValueError("soc: must not be negative")
        if self.every_s <= 0:
            raise ValueError("every: must be above 0 s")


@dataclass(frozen=True, slots=True)
class Fallback:
    """The fallback: the setpoints the hardware gets when no CEM is in charge."""

    after_s: float = 60.0
    """How long the CEM has to be away."""
    setpoints: tuple[Setpoint, ...] = ()
    """What it becomes on every occasion..."""
    special: Mapping[Occasion, tuple[Setpoint, ...]] = field(default_factory=dict)
    """...but what takes its place on one, point by point."""
    hold_s: Mapping[Occasion, float] = field(default_factory=dict)
    """How long it is left as it is on an occasion other than `cem_lost`."""


@dataclass(frozen=True, slots=True)
class PointSource:
    """A point of another device."""

    device: str
    point: str


class Refresh(NamedTuple):
    """A command that is repeated for as long as its value is wanted, or what is read meanwhile: how often, and what."""

    every_s: float
    reads: frozenset[str]
    """Points that are read to plan it."""
    writes: tuple[frozenset[str], ...]
    """Points of each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """One device; with a kind, one resource as well."""

    name: str
    driver: "type[AnyDriver]"
    connection: Struct
    """Of the driver's type `Connection`."""
    points: "dict[str, PointSettings]"
    """Of the driver's type `Point`."""
    sources: dict[str, PointSource] = field(default_factory=dict)
    """Points that come from other devices."""
    computed: Mapping[str, Computed] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)
    start: tuple[Step, ...] = ()
    nameplate: Nameplate = Nameplate()  # noqa: RUF009 (immutable)
    available: Available | None = None
    uptime: str | None = None
    ready: Expression | None = None
    plausible: PlausibleOf = nothing_plausible
    """What its points and computed values can be, by its kind, and by that of those to which it lends them."""
    is_expected_offline: bool = False
    """It is switched off at times, which is nothing to warn of."""
    is_shadowed: bool = False
    """Nothing is ever written to it; what would be is logged."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """What expressions may name beside points: parameters of the profile and settings of the kind, in base units."""
    variants: tuple[Variant, ...] = ()
    profile: str | None = None
    """None for a device without a profile."""
    part: str | None = None
    """Of the profile; None if it has none."""
    danger: str | None = None
    """What may do harm with it, in a sentence; None if nothing is known."""
    poll_s: float = 2.0
    kind: str | None = None
    """None for what only gives points to other devices."""
    settings: Struct | None = None
    """Of the kind's type; None without a kind."""
    resource_id: str | None = None
    """None: derived from the gateway's id and the name."""
    control_types: tuple[ControlType, ...] | None = None
    """What may be offered to the CEM; None: all that the kind can."""
    cem: Cem | None = None
    """Never None with a kind."""
    report: Report = field(default_factory=Report)
    fallback: Fallback | None = None
    """None without a kind."""
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None
    house: HouseShare | None = None
    """None: no limit of the house holds it."""

    @property
    def make(self) -> DeviceMap:
        """The map of the device, unless it turns out to be one of its variants."""
        return DeviceMap(
            points=self.points,
            computed=self.computed,
            commands=self.commands,
            start=self.start,
            nameplate=self.nameplate,
            available=self.available,
            interval_s=INTERVAL,
            uptime=self.uptime,
            ready=self.ready,
            plausible=self.plausible,
            parameters=self.parameters,
        )

    def make_of(self, known: Mapping[str, Value]) -> DeviceMap:
        """The map of the device of which so much is *known*: that of the first variant that holds, else its own."""
        return next((each.make for each in self.variants if each.when.evaluate(known)), self.make)

    def abilities(self, kind: Kind) -> dict[str, Ability]:
        """What can be done with its points, whatever they come from; what *kind* knows otherwise is left out."""
        mixed = self._mixed
        abilities = {
            name: Ability(can_read=point.is_readable, includes_others=name in mixed)
            for name, point in self.points.items()
        }
        abilities |= {
            name: Ability(can_read=True, includes_others=name in mixed) for name in (*self.sources, *self.computed)
        }
        written = {name: frozenset({name}) for name, point in self.points.items() if point.is_writable}
        written |= {name: command.written & self.points.keys() for name, command in self.commands.items()}
        steps = {name: command.step for name, command in commands_of(self.make).items()}
        for name, points in written.items():
            can_read = name in abilities and abilities[name].can_read
            can_release = name in self.commands and bool(self.commands[name].release)
            settle_s = self._settle_s(points)
            abilities[name] = Ability(
                can_read,
                can_write=True,
                can_release=can_release,
                settle_s=settle_s,
                shows_after_s=settle_s + 2 * self.poll_s,
                step=steps.get(name),
                includes_others=name in mixed,
                daily_writes=self._daily_writes(points),
            )
        steered_by = kind.steered_by(self.points, self.commands)
        own = {name for name, point in kind.points.items() if point.access == "write" and name not in steered_by}
        return {name: ability for name, ability in abilities.items() if name not in own}

    def _settle_s(self, written: Iterable[str]) -> float:
        """How long it may take until what is written to these points shows."""
        points = [self.points[name] for name in written]
        longest_s = max((float(point.settle) for point in points), default=0.0)
        return longest_s + sum(float(point.rest) for point in points)

    def _daily_writes(self, written: Iterable[str]) -> int | None:
        """How often a day all of these points may be written."""
        points = [self.points[name] for name in written]
        return min((point.daily_writes for point in points if point.persistent), default=None)

    @property
    def _mixed(self) -> set[str]:
        """The values that hold more than what the device alone does, whatever variant it is."""
        makes = (self.make, *(variant.make for variant in self.variants))
        points = {name for make in makes for name, point in make.points.items() if point.includes_others}
        return points | {name for make in makes for name, each in make.computed.items() if each.includes_others}

    @property
    def refreshes(self) -> list[Refresh]:
        """The commands that are repeated, at most: where only the device can decide whether, it counts.

        And what they wrote, which is read now and then where it is not read anyway.
        """
        make = self.make
        written = frozenset[str]().union(*(command.written for command in commands_of(make).values()))
        watched = frozenset(
            name
            for name, point in make.points.items()
            if name in written and point.is_readable and isinstance(point.poll, str) and point.dimension != "duration"
        )
        watching = [Refresh(WATCHED_EVERY_S, watched, ())] if watched else []
        repeated = [
            Refresh(command.refresh_s, _inputs(command, make), tuple(_requests(command, make)))
            for command in commands_of(make).values()
            if command.refresh_s
        ]
        return [*repeated, *watching]


def _inputs(command: Command, make: DeviceMap) -> frozenset[str]:
    names = set(command.names_for(0) | ({command.verify.point} if command.verify else set()))
    for name in reversed(in_order(make.computed)):
        if name in names:
            names |= make.computed[name].value.names
    return frozenset(
        name for name, point in make.points.items() if name in names and point.is_readable and point.poll != "once"
    )


def _requests(command: Command, make: DeviceMap) -> Iterator[frozenset[str]]:
    for step in command.steps:
        if step.if_ and step.if_.names <= make.parameters.keys() and not step.if_.evaluate(make.parameters):
            continue
        yield from (frozenset({name}) for name in (*(step.write or {}), *(step.life or {})))
        if step.together:
            yield frozenset(step.together)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The limit of the house, and the devices that are held within it."""

    limit_a: float
    """On each phase."""
    unbalance_a: float | None
    """By how much a phase may take more than another; None: by any."""
    meter: str | None
    """The device that measures all; None: nothing else is behind the limit."""
    held: tuple[HeldDevice, ...]
    shares: Mapping[str, HouseShare]
    """By device."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration of a gateway."""

    gateway: Gateway
    cem: Cem | None
    """Where devices connect that do not say otherwise."""
    devices: tuple[DeviceConfig, ...]
    warnings: tuple[Problem, ...] = ()
    """Problems its owner should look at; it works all the same."""
    house: House | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A configuration as far as it is right, and what is wrong with the rest."""

    config: Config
    """Of its devices those that are right by themselves and beside the others."""
    problems: tuple[Problem, ...] = ()
    buses: "tuple[YamlNode, ...]" = ()
    nodes: "tuple[YamlNode, ...]" = ()
    """All devices as written."""
    profiles: "Mapping[str, YamlNode]" = field(default_factory=dict)
    """Those that are used, by name, with all that they include."""
    house_limit: "YamlNode | None" = None
    """As written."""

    @staticmethod
    def empty() -> "Draft":
        """One that says nothing."""
        return Draft(Config(Gateway(), None, ()))

    @property
    def names(self) -> frozenset[str]:
        """Of all devices, right or wrong, as far as they have one."""
        entries = [node.content.get("name") for node in self.nodes if isinstance(node.content, dict)]
        return frozenset(str(entry.node.content) for entry in entries if entry)

    @property
    def shadowed_names(self) -> frozenset[str]:
        """Of the devices to which nothing is ever written, right or wrong."""
        written = [node.content for node in self.nodes if isinstance(node.content, dict)]
        by_owner = {
            str(entries["name"].node.content)
            for entries in written
            if "name" in entries and "shadow" in entries and entries["shadow"].node.content is True
        }
        return frozenset({*by_owner, *(each.name for each in self.config.devices if each.is_shadowed)})

    def shadowing(self, names: Collection[str]) -> "Draft":
        """It, with nothing ever written to the devices *names*."""
        devices = self.config.devices
        made = tuple(replace(each, is_shadowed=each.is_shadowed or each.name in names) for each in devices)
        return replace(self, config=replace(self.config, devices=made))
