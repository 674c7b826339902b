"""Profile matching: which profiles fit a device, as its nameplate can be read with them and its state makes sense."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import fields

from ..config import DeviceConfig
from ..config.profile import Library, Profile
from ..config.wording import example_of
from ..driver import AnyDriver
from ..errors import ConfigError, DeviceError
from ..rm.kinds import KINDS
from ..rm.kinds import kind as kind_of
from ..text import yaml_text
from ..values import Clock, Quality, Value
from .device_visit import visited
from .table import shown
from .unconfigured_device import unconfigured_device

PROFILE_WITHIN_S = 10.0
DEVICE_WITHIN_S = 60.0
"""The most time for one profile, and for all of them at one device."""
_STATE = ("soc", "power")
"""Where one of these is nonsense, the device is of another type."""


class ProfileMatch(NamedTuple):
    """A profile that fits a device."""

    profile: Profile
    identity: Mapping[str, Value]
    """Points read once, by name: its nameplate, and what else tells its type."""
    yaml_lines: list[str]
    """The device as it can be pasted into a device file."""


async def matching_profiles(
    driver: type[AnyDriver], connection: Mapping[str, Any], library: Library, clock: Clock
) -> list[ProfileMatch]:
    """The profiles of *library* that fit the device at *connection*, be it in one of their variants; the most telling
    first.
    """
    found = []
    give_up_at = asyncio.get_running_loop().time() + DEVICE_WITHIN_S
    for name in library.names():
        try:
            profile = library.profile(name)
        except ConfigError:
            continue  # an owner's own, and unfinished; `s2d check` says so where it is used
        keys = {**example_keys(profile), "connection": msgspec.json.encode(connection).decode()}
        try:
            device = unconfigured_device(name, keys, library, name).device
        except ConfigError:
            continue
        if device.driver is not driver:
            continue
        try:
            left_s = give_up_at - asyncio.get_running_loop().time()
            async with asyncio.timeout(min(PROFILE_WITHIN_S, max(0.0, left_s))):
                identity = await _identify(device, clock)
        except (DeviceError, TimeoutError):
            continue
        if identity:
            found.append(ProfileMatch(profile, identity, _yaml_block(profile, identity, connection)))
    return sorted(found, key=lambda match: -_identity_weight(match.identity))


async def _identify(device: DeviceConfig, clock: Clock) -> dict[str, Value]:
    """The points of *device* that are read once; none if one of them, or its state, makes no sense."""
    async with visited(device, clock) as visit:
        points = visit.make.points
        once = [name for name, point in points.items() if point.poll == "once" and point.is_readable]
        if not once:
            return {}
        asked = dict.fromkeys([*once, *visit.opened.latest.inputs_of(_STATE)])
        readings = {reading.point: reading for reading in await visit.read(asked)}
    if any(readings[name].quality is Quality.BAD and not points[name].optional for name in asked):
        return {}
    values = {name: readings[name].value for name in once}
    return {name: value for name, value in values.items() if value not in (None, "", 0)}


def _identity_weight(identity: Mapping[str, Value]) -> int:
    """How telling *identity* is: text says more than a number, which any register has."""
    return sum(3 if isinstance(value, str) else 1 for value in identity.values())


def example_keys(profile: Profile) -> dict[str, str]:
    """Keys that an owner has to write beside *profile*, with example values."""
    parameters = profile.about.parameters.items()
    asked = {name: each.example for name, each in parameters if each.is_required}
    asked |= {name: each.default.written for name, each in parameters if each.soon_required and each.default}
    return {**example_settings(profile), **asked}


def example_settings(profile: Profile) -> dict[str, str]:
    """Of `example_keys` those that belong to the kind of the device."""
    return dict(_settings(profile))


def _settings(profile: Profile) -> Iterator[tuple[str, str]]:
    content = profile.device.content
    known = content if isinstance(content, dict) else {}
    kind = known["kind"].node.content if "kind" in known else None
    if kind in KINDS:
        for each in fields(kind_of(str(kind)).settings):
            if each.required and each.encode_name not in known:
                yield each.encode_name, f'"{example_of(each.type)}"'


def _yaml_block(profile: Profile, identity: Mapping[str, Value], connection: Mapping[str, Any]) -> list[str]:
    where = ", ".join(f"{key}: {_in_yaml(value)}" for key, value in connection.items())
    name = yaml_text(profile.name)
    lines = [f"- name: {name}", f"  profile: {name}", f"  connection: {{{where}}}"]
    lines += [f"  {key}: {value}  # say what it is" for key, value in example_keys(profile).items()]
    return lines


def _in_yaml(value: object) -> str:
    return yaml_text(value) if isinstance(value, str) else str(value)


def sentence_of(match: ProfileMatch) -> str:
    """Why a profile fits, in a sentence."""
    identity = ", ".join(f"{name} {shown(value)}" for name, value in match.identity.items())
    return f"fits the profile {match.profile.name} ({match.profile.about.title}): {identity}"
