"""Settings in words: spans of time and setpoints as people write them. Pure."""

from collections.abc import Iterable

from ..config import DeviceConfig
from ..device.device_map import commands_of
from ..quantities import base_unit, factor_of
from ..rm.kinds import kind
from ..values import RELEASE, Setpoint
from .table import shown

LIABILITY = (
    "s2d keeps the limits it is given as long as it runs. It is no protective device: fuse and breaker, RCD, grid "
    "protection, safety valve and what the device does for its own safety must work without it."
)
"""Of devices that are steered."""


def span_text(seconds: float) -> str:
    """As people write it: in the largest unit of which it is several, or one long one."""
    for unit, least in (("d", 1), ("h", 1), ("min", 2)):
        count, rest = divmod(seconds, factor_of(unit))
        if count >= least and not rest:
            return f"{count:.0f} {unit}"
    return f"{seconds:.10g} s"


def setpoints_text(device: DeviceConfig, setpoints: Iterable[Setpoint]) -> str:
    """What *setpoints* have *device* become."""
    wanted = []
    for setpoint in setpoints:
        unit = "" if setpoint.value == RELEASE else unit_of_point(device, setpoint.point)
        wanted.append(f"{setpoint.point} {shown(setpoint.value)} {unit}".rstrip() + _in_watts(device, setpoint))
    return ", ".join(wanted) or "nothing"


def _in_watts(device: DeviceConfig, setpoint: Setpoint) -> str:
    of_kind = kind(device.kind) if device.kind else None
    power_w = of_kind.comes_to_w(device.settings, setpoint.point, setpoint.value) if of_kind else None
    return "" if power_w is None else f" ({shown(power_w)} W)"


def unit_of_point(device: DeviceConfig, name: str) -> str:
    """The base unit of *name*, a point, computed value or command of *device*; empty for a state or plain number."""
    of_kind = kind(device.kind).points.get(name) if device.kind else None
    found = of_kind or device.points.get(name) or device.computed.get(name) or commands_of(device.make).get(name)
    return base_unit(found.dimension) if found else ""
