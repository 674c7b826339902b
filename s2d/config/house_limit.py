"""The limit of the house: which devices are held within its current, by whose meter, and what is wrong with that."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct, field

from ..errors import ConfigError, Problem
from ..quantities import Current, limits
from ..rm.house_limit import HOUSE, HeldDevice
from ..rm.kinds.head_room import HouseShare
from .checked import DeviceConfig, House
from .decoder import did_you_mean, node_at
from .yaml_source import YamlNode

if TYPE_CHECKING:
    from ..rm.kinds.ev_charger.settings import EvChargerSettings

_KEY = "house_limit"
_HELD = "ev_charger"
_SELDOM_S = 5.0
"""Less is left to devices as often at most."""


class HouseLimitKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limit of the house: what may flow on each phase, and who gives way."""

    current_a: Annotated[
        Current, Meta(description="Most that may flow on each phase, in all", extra=limits("1 A", "500 A"))
    ] = field(name="current")
    of: Annotated[tuple[str, ...], Meta(min_length=1, description="Names of the EV chargers that are held within it")]
    meter: Annotated[
        str | None,
        Meta(
            min_length=1,
            description="Name of the device that measures each phase of the connection, signed; "
            "without, nothing but these chargers is behind the limit",
        ),
    ] = field(name="from", default=None)
    unbalance_a: Annotated[
        Current | None,
        Meta(description="Most that a phase may take more than another", extra=limits("1 A", "500 A")),
    ] = field(name="unbalance", default=None)


def house_of(
    keys: HouseLimitKeys, root: YamlNode, names: Collection[str], devices: Mapping[str, DeviceConfig]
) -> House | None:
    """What *keys* in *root* come to for *devices*, those of *names* that are right; None if one of its own is not.

    Raises: ConfigError: it cannot be kept so.
    """
    if problems := [*_problems(keys, root, names, devices)]:
        raise ConfigError(problems)
    if not {*keys.of, *([keys.meter] if keys.meter else [])} <= devices.keys():
        return None
    held = [_held(devices[name]) for name in keys.of]
    return House(
        limit_a=float(keys.current_a),
        unbalance_a=None if keys.unbalance_a is None else float(keys.unbalance_a),
        meter=keys.meter,
        held=tuple(held),
        shares={each.name: HouseShare(_unknown_a(each, held, keys, devices)) for each in held},
    )


def house_advice(
    keys: HouseLimitKeys, house: House, root: YamlNode, devices: Mapping[str, DeviceConfig]
) -> Iterator[Problem]:
    """Warnings of what is unwise about *house*."""
    for each in house.held:
        if not house.shares[each.name].unknown_a:
            safe_a = _settings_of(devices[each.name]).safe_a
            what = f'"{each.name}" gives nothing while nobody tells what is left: {safe_a:g} A of each are too much'
            yield _at(root, "current", what, "Lower safe_current, so that all of them together fit")
    for name in (*([keys.meter] if keys.meter else []), *keys.of):
        if devices[name].poll_s > _SELDOM_S:
            what = f'"{name}" is read every {devices[name].poll_s:g} s: for so long more may flow'
            yield _at(root, "from" if name == keys.meter else "of", what, f"Let it poll every {_SELDOM_S:g} s at least")


def held_by(house: House | None, device: DeviceConfig) -> DeviceConfig:
    """*device*, held within the limit of *house* if it is one of those."""
    share = house.shares.get(device.name) if house else None
    return replace(device, house=share) if share else device


def _problems(
    keys: HouseLimitKeys, root: YamlNode, names: Collection[str], devices: Mapping[str, DeviceConfig]
) -> Iterator[Problem]:
    for number, name in enumerate(keys.of):
        if name in keys.of[:number]:
            yield _at(root, "of", f'"{name}" stands there twice')
        elif name not in names:
            yield _at(root, "of", f'no device is named "{name}"', did_you_mean(name, names))
        elif device := devices.get(name):
            yield from _problems_of_held(device, keys, root)
    if keys.meter is None:
        return
    if keys.meter in keys.of:
        yield _at(root, "from", f'"{keys.meter}" cannot be measured by itself')
    elif keys.meter not in names:
        yield _at(root, "from", f'no device is named "{keys.meter}"', did_you_mean(keys.meter, names))
    elif (meter := devices.get(keys.meter)) and not any(problem for problem in _unheld(keys, devices)):
        wanted = {phase for name in keys.of if name in devices for phase in _held(devices[name]).in_house}
        if gaps := _untold(meter, sorted(HOUSE if keys.unbalance_a is not None else wanted)):
            hint = f"It needs {' and '.join(gaps)}: current_l1 to current_l3, else power_l1 to power_l3"
            yield _at(root, "from", f'"{keys.meter}" does not tell the current of each phase', hint)


def _problems_of_held(device: DeviceConfig, keys: HouseLimitKeys, root: YamlNode) -> Iterator[Problem]:
    if device.kind != _HELD:
        what = "gives points to others only" if device.kind is None else f"is of kind {device.kind}"
        yield _at(root, "of", f'"{device.name}" {what}; only an {_HELD} can be held')
        return
    held = _held(device)
    if held.least_a > keys.current_a:
        what = f'{keys.current_a:g} A are less than the least of "{device.name}", {held.least_a:g} A: it never charges'
        yield _at(root, "current", what)
    if gaps := _untold(device, range(1, held.phases + 1)):
        hint = f"It needs {' and '.join(gaps)}, so that what others take can be told from what it takes itself"
        yield _at(root, "of", f'"{device.name}" does not tell its current on each phase', hint)


def _unheld(keys: HouseLimitKeys, devices: Mapping[str, DeviceConfig]) -> Iterator[str]:
    """Those that cannot be held."""
    yield from (name for name in keys.of if name in devices and devices[name].kind != _HELD)


def _untold(device: DeviceConfig, phases: Sequence[int]) -> list[str]:
    """What it does not tell of *phases*."""
    points = {name for name, point in device.points.items() if point.is_readable}
    told = {*points, *device.computed}
    if [*phases] == [1] and "power" in told:
        return []
    return [f"current_l{each}" for each in phases if not told & {f"current_l{each}", f"power_l{each}"}]


def _held(device: DeviceConfig) -> HeldDevice:
    settings = _settings_of(device)
    least_a, most_a = float(settings.min_current_a), float(settings.max_current_a)
    return HeldDevice(device.name, settings.phases, settings.phase_rotation, least_a, most_a)


def _unknown_a(
    device: HeldDevice, held: Sequence[HeldDevice], keys: HouseLimitKeys, devices: Mapping[str, DeviceConfig]
) -> float:
    """What it may take while nobody tells what is left: its safe current, if those of all fit, else nothing."""
    fits = all(
        sum(_settings_of(devices[each.name]).safe_a for each in held if phase in each.in_house) <= keys.current_a
        for phase in device.in_house
    )
    return _settings_of(devices[device.name]).safe_a if fits else 0.0


def _settings_of(device: DeviceConfig) -> "EvChargerSettings":
    from ..rm.kinds.ev_charger.settings import EvChargerSettings

    assert isinstance(device.settings, EvChargerSettings)
    return device.settings


def _at(root: YamlNode, key: str, what: str, hint: str = "") -> Problem:
    return node_at(root, _KEY, key).position.problem((_KEY, key), what, hint)
