"""Simulated devices: their registers by unit, and a status line; made of a battery, a profile or a recording."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import fields

from ..commissioning.profile_matching import example_settings
from ..commissioning.recording import NoRecording, recording_of
from ..commissioning.tools import tools_of
from ..commissioning.unconfigured_device import device_without_connection, library_for
from ..config.decoder import node_at
from ..errors import S2dError
from ..host.regular_file import UnfitFile, contents_of
from ..rm.kinds import KINDS, Kind, kind
from ..simulation.battery import SimulatedBattery
from ..simulation.faults import Faults
from ..simulation.hardware import RATINGS, SimulatedHardware
from ..simulation.profile import ProfileRegisters
from ..simulation.registers import BatteryRegisters, Registers
from ..simulation.replay import Replay
from ..simulation.sun import Sun
from ..values import Value

MOST_RECORDED_BYTES = 2**26
"""Of a recording; a day of a large device, read every five seconds, has half of it."""


@dataclass
class SimulatedDevice:
    """A simulated device as `s2d simulate` serves and shows it. Knows no server."""

    units: Mapping[int, Registers]
    status_line: Callable[[float], str]
    """Its state at a monotonic time, in one line."""
    on_event: Callable[[str], None] = field(default=lambda event: None)
    """Called with a sentence for every write."""
    toggle_fault: Callable[[float], bool] | None = None
    """Switches a fault of the device itself on or off; returns whether it is on."""


class CannotSimulate(S2dError):
    """An error: no simulated device can be made of a profile."""

    def __init__(self, profile: str, why: str) -> None:
        self.profile = profile
        self.why = why

    def __str__(self) -> str:
        return f"the profile {self.profile} cannot be simulated: {self.why}"


def battery_device(battery: SimulatedBattery, unit: int, faults: Faults) -> SimulatedDevice:
    """A simulated device: *battery* with registers of its own.

    Raises: ValueError: it is too large for them.
    """
    registers = BatteryRegisters(
        battery, on_write=lambda name, value: simulated.on_event(f"{name} {value}"), faults=faults
    )
    simulated = _device_of(battery, {unit: registers}, battery.advance)
    return simulated


def profile_device(
    profile_name: str,
    keys: Mapping[str, str],
    hardware: SimulatedHardware,
    faults: Faults,
    config: Path | None = None,
    sun: Sun = Sun(0.0),  # noqa: B008 (immutable)
    kind_name: str = "battery",
) -> SimulatedDevice:
    """A simulated device: *hardware* of a kind with the registers of the profile *profile_name*, a name or a file.

    *keys* are its owner's, as YAML. A hybrid has the *sun* on its roof. Profiles of one's own are beside the gateway
    file in *config*, if that is given. A meter may stand beside hardware of any kind.

    Raises: ConfigError: a wrong profile, or wrong keys. NoSuchProfile. CannotSimulate: the profile does not say how
    such a device behaves.
    """
    library, name = library_for(profile_name, config)
    profile = library.profile(name)
    if profile.about.simulation is None:
        raise CannotSimulate(name, "it has no `simulation:`, which says what such a device shows and obeys")
    resource = node_at(profile.device, "kind").content
    of = profile.about.of or resource
    if of not in (None, "meter", kind_name):
        raise CannotSimulate(name, f"it is of the kind {of}, not {kind_name}")
    ratings = _ratings(hardware, kind(kind_name)) if resource == kind_name in KINDS else {}
    device = device_without_connection(name, {**example_settings(profile), **ratings, **keys}, library, "-p").device
    tools = tools_of(device.driver)
    if tools is None:
        raise CannotSimulate(name, f"the driver {device.driver.__name__} has no simulator")
    registers = ProfileRegisters(
        hardware,
        device.make,
        device.variants,
        profile.about.simulation,
        lambda points, present: tools.image(device.connection, points, present),
        on_write=lambda point, value: simulated.on_event(f"{point} {_written(value)}"),
        faults=faults,
        sun=sun,
    )
    simulated = _device_of(hardware, registers.units, registers.advance)
    return simulated


def replay_device(path: Path, speed: float, unit: int | None) -> SimulatedDevice:
    """A simulated device: the one recorded in *path*, under another *unit* if it was one and that is given.

    Raises: NoRecording: the file is none, or cannot be read.
    """
    try:
        lines = contents_of(path, MOST_RECORDED_BYTES).splitlines(keepends=True)
    except OSError as exc:
        why = str(exc.strerror)
        raise NoRecording(str(path), why if isinstance(exc, UnfitFile) else why.lower()) from exc
    header, polls = recording_of(lines, str(path))
    replay = Replay(header, polls, str(path), speed)
    units = replay.units
    if unit and len(units) == 1:
        units = {unit: next(iter(units.values()))}

    def status_line(now_s: float) -> str:
        return f"{header.device}: {replay.played_s(now_s):.0f} s of {replay.length_s:.0f} s"

    return SimulatedDevice(units, status_line)


def _device_of(
    hardware: SimulatedHardware, units: Mapping[int, Registers], advance: Callable[[float], None]
) -> SimulatedDevice:
    def status_line(now_s: float) -> str:
        advance(now_s)
        return hardware.status_line()

    def toggle_fault(now_s: float) -> bool:
        hardware.set_fault(not hardware.fault, now_s)
        return hardware.fault

    return SimulatedDevice(units, status_line, toggle_fault=toggle_fault)


def _ratings(hardware: SimulatedHardware, resource: Kind) -> Mapping[str, str]:
    """What the owner of *hardware* writes of it, as YAML, where it is the *resource* of a configuration."""
    settings, values = {each.encode_name for each in fields(resource.settings)}, hardware.values()
    return {name: f'"{values[name]:.10g} {unit}"' for name, unit in RATINGS.items() if name in settings & values.keys()}


def _written(value: Value | None) -> str:
    return "?" if value is None else f"{value:g}" if isinstance(value, int | float) else value
