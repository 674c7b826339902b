"""A battery: a storage filled and emptied by one actuator with the modes idle, charge and discharge."""

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import permutations
from math import sqrt
from typing import Annotated, Literal, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from msgspec import Meta, Struct, field

from ..control.frbc import Activity
from ..control.reporting import Reporting
from ..messages.common import (
    Commodity,
    CommodityQuantity,
    ControlType,
    NumberRange,
    PowerRange,
    Role,
    RoleType,
    Transition,
)
from ..messages.frbc import ActuatorDescription, OperationMode, OperationModeElement, StorageDescription
from ..quantities import Duration, Energy, Percentage, PercentageRange, Power
from ..values import Now, Reading, Setpoint, Value
from . import CanonicalPoint, Kind

_THREE_PHASES = CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC


class BatterySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the owner knows about a battery."""

    capacity_wh: Annotated[Energy, Meta(description="Energy between 0 % and 100 % state of charge")] = field(
        name="capacity"
    )
    max_charge_power_w: Annotated[Power, Meta(description="Most it may take")] = field(name="max_charge_power")
    max_discharge_power_w: Annotated[Power, Meta(description="Most it may give")] = field(name="max_discharge_power")
    min_charge_power_w: Annotated[Power, Meta(description="Least it can take while charging")] = field(
        name="min_charge_power", default=Power(0)
    )
    min_discharge_power_w: Annotated[Power, Meta(description="Least it can give while discharging")] = field(
        name="min_discharge_power", default=Power(0)
    )
    round_trip_efficiency: Annotated[Percentage, Meta(description="Energy out per energy in")] = Percentage(90)
    usable_range: Annotated[PercentageRange, Meta(description="State of charge to stay within")] = PercentageRange(
        (0.0, 100.0)
    )
    phases: Annotated[Literal[1, 3], Meta(description="Phases it is connected to")] = 1
    fill_level_unit: Annotated[Literal["%", "Wh", "kWh"], Meta(description="Unit of the S2 fill level")] = "%"
    follow_within_s: Annotated[
        Duration, Meta(description="An instruction the battery has not followed after this long is aborted")
    ] = field(name="follow_within", default=Duration(60))
    follow_tolerance_w: Annotated[
        Power | None, Meta(description="How near the ordered power counts as followed; default 5 % of the larger power")
    ] = field(name="follow_tolerance", default=None)

    def __post_init__(self) -> None:
        """Raises: ValueError: values that cannot be true together."""
        for key, value in (
            ("capacity", self.capacity_wh),
            ("max_charge_power", self.max_charge_power_w),
            ("max_discharge_power", self.max_discharge_power_w),
        ):
            if value <= 0:
                raise ValueError(f"{key}: must be above 0")
        for key, least, most in (
            ("min_charge_power", self.min_charge_power_w, self.max_charge_power_w),
            ("min_discharge_power", self.min_discharge_power_w, self.max_discharge_power_w),
        ):
            if not 0 <= least < most:
                raise ValueError(f"{key}: must be between 0 W and {most:g} W")
        if not 0 < self.round_trip_efficiency <= 100:
            raise ValueError("round_trip_efficiency: must be above 0 % and at most 100 %")
        if self.usable_range[0] < 0 or self.usable_range[1] > 100:
            raise ValueError("usable_range: must lie between 0 % and 100 %")


class _Mode(NamedTuple):
    """An operation mode in the battery's own terms; ranges run from factor 0 to factor 1."""

    id: str
    label: str
    power_w: tuple[float, float]
    soc: tuple[float, float]
    """State of charge in % at which it may be ordered."""

    def power_at(self, factor: float) -> float:
        start, end = self.power_w
        return start + factor * (end - start)

    def factor_at(self, power_w: float) -> float:
        start, end = self.power_w
        return min(1.0, max(0.0, (power_w - start) / (end - start))) if end > start else 0.0


class Battery:
    """A battery in S2's terms. Power is positive while charging."""

    roles: tuple[Role, ...] = (Role(role=RoleType.ENERGY_STORAGE, commodity=Commodity.ELECTRICITY),)

    def __init__(
        self,
        resource_id: str,
        name: str,
        settings: BatterySettings,
        points: Collection[str],
        fallback: Collection[Setpoint],
    ) -> None:
        self._name = name
        self._settings = settings
        self._fallback = fallback
        low, high = settings.usable_range
        self._idle = _Mode(_id(resource_id, "idle"), "idle", (0.0, 0.0), (0.0, 100.0))
        self._charge = _Mode(
            _id(resource_id, "charge"),
            "charge (factor 1 is full power)",
            (float(settings.min_charge_power_w), float(settings.max_charge_power_w)),
            (0.0, high),
        )
        # Peers refuse ranges that fall, so factor 0 has to be the full discharge.
        self._discharge = _Mode(
            _id(resource_id, "discharge"),
            "discharge (factor 0 is full power)",
            (-settings.max_discharge_power_w, -settings.min_discharge_power_w),
            (low, 100.0),
        )
        self._modes = {mode.id: mode for mode in (self._idle, self._charge, self._discharge)}
        self.actuator_id = _id(resource_id, "actuator")
        largest_w = max(settings.max_charge_power_w, settings.max_discharge_power_w)
        self._tolerance_w = settings.follow_tolerance_w or max(50.0, 0.05 * largest_w)
        self._idle_below_w = max(25.0, 0.01 * largest_w)
        self.quantities = _quantities_of(settings, points)
        self._storage = self._described_storage()
        self._actuators = (self._described_actuator(),)
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

    @property
    def fill_level_per_percent(self) -> float:
        """How much fill level one percent of state of charge is."""
        capacity_wh = self._settings.capacity_wh
        return {"%": 1.0, "Wh": capacity_wh / 100, "kWh": capacity_wh / 100_000}[self._settings.fill_level_unit]

    def reporting(self, power_w: float | None, percent: float | None, every_s: float) -> Reporting:
        fill_level = (0.5 if percent is None else percent) * self.fill_level_per_percent
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
        return self._number("soc") * self.fill_level_per_percent

    def storage(self) -> StorageDescription:
        return self._storage

    def actuators(self) -> tuple[ActuatorDescription, ...]:
        return self._actuators

    def activity_of(self, actuator_id: str) -> Activity:
        power_w = self._number("power")
        if self._wish and abs(power_w - self._ordered_w) <= self._tolerance_w:
            mode = self._modes[self._wish.operation_mode_id]
        elif self._is_idle:
            mode = self._idle
        else:
            mode = self._charge if power_w > 0 else self._discharge
        return Activity(mode.id, mode.factor_at(power_w))

    def obstacle_to(self, actuator_id: str, wish: Activity) -> str | None:
        if not self._is_online:
            return "the device does not answer"
        return self._harm_of(self._modes[wish.operation_mode_id].power_at(wish.factor))

    def order(self, actuator_id: str, wish: Activity, reason: str) -> list[Setpoint]:
        self._wish = wish
        self._ordered_w = self._modes[wish.operation_mode_id].power_at(wish.factor)
        return [Setpoint("power_setpoint", self._ordered_w, reason)]

    def default(self, reason: str) -> list[Setpoint]:
        self._wish = None
        self._ordered_w = sum(float(each.value) for each in self._fallback if each.point == "power_setpoint")
        return [Setpoint(each.point, each.value, reason) for each in self._fallback]

    def protect(self) -> tuple[str, list[Setpoint]] | None:
        # Before the first readings nothing was ordered but the default, which is the owner's own word.
        harm = self._harm_of(self._ordered_w) if self.control_types() else None
        if harm is None:
            return None
        return harm, self.order(self.actuator_id, Activity(self._idle.id, 0.0), f"protection: {harm}")

    def follows(self, actuator_id: str, wish: Activity, since: float) -> bool:
        if self._read_at is None or self._read_at.mono < since or "power" in self._unknown:
            return False
        wished_w = self._modes[wish.operation_mode_id].power_at(wish.factor)
        return abs(self._number("power") - wished_w) <= self._tolerance_w

    def power_deadband_factor(self, actuator_id: str, operation_mode_id: str, power_w: float) -> float:
        start, end = self._modes[operation_mode_id].power_w
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

    def _levels(self, soc: tuple[float, float]) -> NumberRange:
        scale = self.fill_level_per_percent
        return NumberRange(start_of_range=soc[0] * scale, end_of_range=soc[1] * scale)

    def _described_storage(self) -> StorageDescription:
        unit = self._settings.fill_level_unit
        return StorageDescription(
            diagnostic_label=self._name,
            fill_level_label="state of charge, %" if unit == "%" else f"energy stored, {unit}",
            provides_leakage_behaviour=False,
            provides_fill_level_target_profile=False,
            provides_usage_forecast=False,
            fill_level_range=self._levels(self._settings.usable_range),
        )

    def _described_actuator(self) -> ActuatorDescription:
        return ActuatorDescription(
            id=self.actuator_id,
            diagnostic_label=self._name,
            supported_commodities=(Commodity.ELECTRICITY,),
            operation_modes=tuple(map(self._described, self._modes.values())),
            transitions=tuple(
                Transition(
                    id=_id(before.id, after.id),
                    from_=before.id,
                    to=after.id,
                    start_timers=(),
                    blocking_timers=(),
                    abnormal_condition_only=False,
                )
                for before, after in permutations(self._modes.values(), 2)
            ),
            timers=(),
        )

    def _described(self, mode: _Mode) -> OperationMode:
        start_w, end_w = mode.power_w
        is_single_phase = self._settings.phases == 1
        # Peers refuse more than one electric range, so three phases are described by their sum.
        quantity = CommodityQuantity.ELECTRIC_POWER_L1 if is_single_phase else _THREE_PHASES
        element = OperationModeElement(
            fill_level_range=self._levels(mode.soc),
            fill_rate=NumberRange(start_of_range=self._fill_rate(start_w), end_of_range=self._fill_rate(end_w)),
            power_ranges=(PowerRange(start_of_range=start_w, end_of_range=end_w, commodity_quantity=quantity),),
        )
        return OperationMode(
            id=mode.id, diagnostic_label=mode.label, elements=(element,), abnormal_condition_only=False
        )

    def _fill_rate(self, power_w: float) -> float:
        """Fill level per second at *power_w*; the losses of a round trip are shared evenly by both ways."""
        one_way = sqrt(self._settings.round_trip_efficiency / 100)
        stored_w = power_w * one_way if power_w > 0 else power_w / one_way
        return stored_w / 3600 / self._settings.capacity_wh * 100 * self.fill_level_per_percent


def _quantities_of(settings: BatterySettings, points: Collection[str]) -> tuple[CommodityQuantity, ...]:
    if settings.phases == 1:
        return (CommodityQuantity.ELECTRIC_POWER_L1,)
    if {"power_l1", "power_l2", "power_l3"} <= set(points):
        return (
            CommodityQuantity.ELECTRIC_POWER_L1,
            CommodityQuantity.ELECTRIC_POWER_L2,
            CommodityQuantity.ELECTRIC_POWER_L3,
        )
    return (_THREE_PHASES,)


def _id(resource_id: str, part: str) -> str:
    """An id for a part of the resource: a UUID, for ever the same."""
    return str(uuid5(NAMESPACE_OID, f"{resource_id}/{part}"))


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
    resource=Battery,
)
