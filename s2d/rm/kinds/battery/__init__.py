"""A battery: a storage filled and emptied by one actuator with the modes idle, charge and discharge."""

from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec.structs import replace

from ....s2.messages.common import Commodity, CommodityQuantity, ControlType, Role, RoleType
from ....s2.messages.frbc import ActuatorDescription, StorageDescription
from ....values import RELEASE, Now, Reading, Setpoint, Value
from ...control.frbc import Activity
from ...control.reporting import Reporting
from .. import CanonicalPoint, Kind
from .description import THREE_PHASES, BatteryDescription
from .settings import BatterySettings

__all__ = ["KIND", "Battery", "BatterySettings"]


class Battery:
    """A battery in S2's terms. Power is positive while charging."""

    roles: tuple[Role, ...] = (Role(role=RoleType.ENERGY_STORAGE, commodity=Commodity.ELECTRICITY),)
    provides_forecast = False

    def __init__(
        self,
        resource_id: str,
        name: str,
        settings: BatterySettings,
        points: Collection[str],
        fallback: Collection[Setpoint],
    ) -> None:
        self._settings = settings
        self._fallback = fallback
        self._described = BatteryDescription(resource_id, name, settings)
        self.actuator_id = self._described.actuator_id
        largest_w = max(settings.max_charge_power_w, settings.max_discharge_power_w)
        self._tolerance_w = settings.follow_tolerance_w or max(50.0, 0.05 * largest_w)
        self._idle_below_w = max(25.0, 0.01 * largest_w)
        self.quantities = _quantities_of(settings, points)
        self._readings: dict[str, Value] = {}
        self._unknown: dict[str, str] = {}
        self._read_at: Now | None = None
        self._is_online = False
        self._is_idle = True
        self._ordered_w = 0.0
        self._wish: Activity | None = None

    @property
    def follow_within_s(self) -> float:
        return self._settings.follow_within_s

    def reporting(self, power_w: float | None, percent: float | None, every_s: float) -> Reporting:
        fill_level = (0.5 if percent is None else percent) * self._settings.fill_level_per_percent
        return Reporting(self._idle_below_w if power_w is None else power_w, fill_level, every_s)

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        self._is_online = True
        for reading in readings:
            if reading.value is None:
                self._unknown[reading.point] = reading.detail or reading.quality
                continue
            self._unknown.pop(reading.point, None)
            self._readings[reading.point] = reading.value
            if reading.point == "power":
                self._read_at = now
                # Half the threshold on the way down, so that noise about it is not told as a change of mode.
                limit_w = self._idle_below_w / (2 if not self._is_idle else 1)
                self._is_idle = abs(self._number("power")) <= limit_w

    def lose(self) -> None:
        self._is_online = False

    def control_types(self) -> tuple[ControlType, ...]:
        is_known = "soc" in self._readings and bool(self.power_w())
        return (ControlType.FILL_RATE_BASED_CONTROL,) if is_known else ()

    def power_w(self) -> dict[CommodityQuantity, float]:
        points = ("power",) if len(self.quantities) == 1 else ("power_l1", "power_l2", "power_l3")
        if not self._readings.keys() >= {"power", *points}:
            return {}
        return {quantity: self._number(point) for quantity, point in zip(self.quantities, points, strict=True)}

    def measured_at(self) -> datetime:
        assert self._read_at is not None
        return self._read_at.utc

    def fill_level(self) -> float:
        return self._number("soc") * self._settings.fill_level_per_percent

    def storage(self) -> StorageDescription:
        return self._described.storage

    def actuators(self) -> tuple[ActuatorDescription, ...]:
        return self._described.actuators

    def activity_of(self, actuator_id: str) -> Activity:
        power_w = self._number("power")
        if self._wish and abs(power_w - self._ordered_w) <= self._tolerance_w:
            mode = self._described.modes[self._wish.operation_mode_id]
        elif self._is_idle:
            mode = self._described.idle
        else:
            mode = self._described.charge if power_w > 0 else self._described.discharge
        return Activity(mode.id, mode.factor_at(power_w))

    def obstacle_to(self, actuator_id: str, wish: Activity) -> str | None:
        if not self._is_online:
            return "the device does not answer"
        return self._harm_of(self._described.modes[wish.operation_mode_id].power_at(wish.factor))

    def order(self, actuator_id: str, wish: Activity, reason: str) -> list[Setpoint]:
        self._wish = wish
        self._ordered_w = self._described.modes[wish.operation_mode_id].power_at(wish.factor)
        return [Setpoint("power_setpoint", self._ordered_w, reason)]

    def default(self, reason: str) -> list[Setpoint]:
        self._wish = None
        # A device that has control back does what it likes: nothing was ordered of it.
        orders = (each.value for each in self._fallback if each.point == "power_setpoint" and each.value != RELEASE)
        self._ordered_w = sum(map(float, orders))
        return [Setpoint(each.point, each.value, reason, is_safe=True) for each in self._fallback]

    def default_of(self, actuator_id: str, reason: str) -> list[Setpoint]:
        return self.default(reason)

    def protect(self) -> tuple[str, list[Setpoint]] | None:
        # Before the first readings nothing was ordered but the default, which is the owner's own word.
        harm = self._harm_of(self._ordered_w) if self.control_types() else None
        if harm is None:
            return None
        rest = self.order(self.actuator_id, Activity(self._described.idle.id, 0.0), f"protection: {harm}")
        return harm, [replace(each, is_safe=True) for each in rest]

    def follows(self, actuator_id: str, wish: Activity, since: float) -> bool:
        if self._read_at is None or self._read_at.mono < since or "power" in self._unknown:
            return False
        wished_w = self._described.modes[wish.operation_mode_id].power_at(wish.factor)
        return abs(self._number("power") - wished_w) <= self._tolerance_w

    def power_deadband_factor(self, actuator_id: str, operation_mode_id: str, power_w: float) -> float:
        start, end = self._described.modes[operation_mode_id].power_w
        return power_w / (end - start) if end > start else 1.0

    def _harm_of(self, power_w: float) -> str | None:
        """Why *power_w* must not be ordered now."""
        if power_w == 0:
            return None
        fault = self._readings.get("fault")
        if fault and fault != "ok":
            return f"the device reports a fault: {fault}"
        for point, what in (("soc", "the state of charge"), ("power", "the power")):
            if point in self._unknown:
                return f"{what} is unknown: {self._unknown[point]}"
        soc = self._number("soc")
        low, high = self._settings.usable_range
        if power_w > 0 and soc >= high:
            return f"the state of charge {soc:g} % is at its upper limit {high:g} %"
        if power_w < 0 and soc <= low:
            return f"the state of charge {soc:g} % is at its lower limit {low:g} %"
        return None

    def _number(self, point: str) -> float:
        return float(self._readings[point])


def _quantities_of(settings: BatterySettings, points: Collection[str]) -> tuple[CommodityQuantity, ...]:
    if settings.phases == 1:
        return (CommodityQuantity.ELECTRIC_POWER_L1,)
    if {"power_l1", "power_l2", "power_l3"} <= set(points):
        return (
            CommodityQuantity.ELECTRIC_POWER_L1,
            CommodityQuantity.ELECTRIC_POWER_L2,
            CommodityQuantity.ELECTRIC_POWER_L3,
        )
    return (THREE_PHASES,)


def _reach(settings: BatterySettings) -> dict[str, tuple[float, float]]:
    return {"power_setpoint": (-float(settings.max_discharge_power_w), float(settings.max_charge_power_w))}


KIND = Kind(
    name="battery",
    settings=BatterySettings,
    points={
        "soc": CanonicalPoint("read", "percentage", "state of charge"),
        "power": CanonicalPoint("read", "power", "power now, charging positive"),
        "power_l1": CanonicalPoint("read", "power", "power on phase 1"),
        "power_l2": CanonicalPoint("read", "power", "power on phase 2"),
        "power_l3": CanonicalPoint("read", "power", "power on phase 3"),
        "status": CanonicalPoint("read", "", "what the device says it does"),
        "fault": CanonicalPoint("read", "", "anything but 0, false or `ok` is a fault"),
        "power_setpoint": CanonicalPoint("write", "power", "power it shall take (positive) or give (negative)"),
    },
    required=("soc", "power", "power_setpoint"),
    control_types=("frbc",),
    safe={"power_setpoint": 0.0},
    reach=_reach,
    resource=Battery,
)
