"""The FRBC adapter of an EV charger: the car that is there is a storage, filled by one actuator.

A car that is not there, is full, refuses or may not charge is described, not withdrawn: `off` is all that it can do.
"""

from datetime import datetime, timedelta
from math import inf

from msgspec.structs import replace

from ....s2.messages.frbc import (
    ActuatorDescription,
    FillLevelTargetProfileElement,
    LeakageBehaviourElement,
    StorageDescription,
    UsageForecastElement,
)
from ....values import Now, Setpoint
from ...control.execution import FOLLOWED, PENDING, Stage, Verdict
from ...control.operation_modes.mode_and_factor import ModeAndFactor, OrderedMode
from ...occasion import Occasion
from ..part_ids import part_id
from .charge_limit import Phases
from .description import ChargingMode, Described, EvDescription
from .ev_charger import EvCharger, OrderedCharge

_AT_DEPARTURE = timedelta(minutes=15)
"""CEMs plan in steps of this."""
_NO_TARGET = timedelta(hours=24)
_STARTED_WITHIN_S = 305.0
"""A car that refuses is found out before that."""
_NUMBERS_EVERY_S = 600.0
"""Numbers of a description are told anew no more often..."""
_NUMBERS_MOVED = 0.05
"""...and only when one has moved by as much of itself."""


class EvStorage:
    """The FRBC adapter: the storage that a car is, with the modes in which it charges, and off."""

    def __init__(self, charger: EvCharger) -> None:
        self._charger = charger
        self._seen_at: Now | None = None
        self._described = self._to_describe()
        self._numbers_at = -inf
        self._description = self._made()
        self.foreseen = ForeseenCharge(charger, self)

    @property
    def description(self) -> EvDescription:
        """As it is now: numbers that move a little are not worth to plan anew."""
        now = self._charger.looked_at
        if now is None or now is self._seen_at:
            return self._description
        self._seen_at, described = now, self._to_describe()
        if described == self._described:
            return self._description
        if _without_numbers(described) == _without_numbers(self._described):
            is_early = now.mono < self._numbers_at + _NUMBERS_EVERY_S
            if is_early or not _has_moved(described, self._described):
                return self._description
            self._numbers_at = now.mono
        self._described = described
        self._description = self._made()
        return self._description

    def storage(self) -> StorageDescription:
        return self.description.storage

    def actuators(self) -> tuple[ActuatorDescription, ...]:
        return self.description.actuators

    def fill_level(self) -> float | None:
        charger = self._charger
        if charger.plug_in.is_car_there is None or not charger.state.is_known("status"):
            return None
        # With no car there is no level; the least that is described is what is said then.
        soc = charger.car.min_soc if charger.absence is not None else charger.car.soc
        return None if soc is None else soc * self._described.level_per_percent

    def activity_of(self, scope: str) -> ModeAndFactor | None:
        charger, description = self._charger, self.description
        total = charger.measured.total()
        if total is None or not charger.state.is_known("status"):
            return None
        if not charger.plug_in.is_charging:
            return ModeAndFactor(description.off, 0.0) if description.can_rest else None
        modes = [mode for mode in description.modes.values() if mode.phases == charger.phases.present()]
        return ModeAndFactor(modes[0].id, modes[0].factor_at(total.number)) if modes else None

    def obstacle_to(self, scope: str, goal: OrderedMode, now: Now) -> str | None:
        return self._charger.obstacle_to_charge(self._ordered(goal), now)

    def order(self, scope: str, goal: OrderedMode, reason: str, now: Now) -> list[Stage]:
        ordered = self._ordered(goal)
        within_s = _STARTED_WITHIN_S if ordered.value else self._charger.follow_within_s
        return [Stage(tuple(self._charger.order_charge(ordered, reason, now)), within_s)]

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._charger.rest(occasion, reason, now)

    def rest_of(self, scope: str, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._charger.rest(occasion, reason, now)

    def verdict_on(self, scope: str, goal: ModeAndFactor, since: float, now: Now) -> Verdict:
        if goal.operation_mode_id != self.description.off:
            return self._charger.verdict_on_charging(goal.factor, since)
        return FOLLOWED if self._charger.is_seen_off(since) else PENDING

    def power_deadband_factor(self, scope: str, operation_mode_id: str, power_w: float) -> float:
        mode = self.description.modes.get(operation_mode_id)
        start, end = mode.power_w if mode else (0.0, 0.0)
        return power_w / (end - start) if end > start else 1.0

    def _ordered(self, goal: OrderedMode) -> OrderedCharge:
        activity, charger = goal.activity, self._charger
        mode = self.description.modes.get(activity.operation_mode_id)
        if mode is None:
            phases = charger.phases.present()
            return OrderedCharge(phases, 0.0, 0.0, phases, goal.is_abnormal)
        power_w, value = mode.power_at(activity.factor), charger.most(mode.phases)
        if activity.factor < 1:
            value = min(value, charger.limit.nearest(power_w, mode.phases, mode.used, charger.measured.voltage_v()))
        return OrderedCharge(mode.phases, value, power_w, mode.used, goal.is_abnormal)

    def _made(self) -> EvDescription:
        charger = self._charger
        return EvDescription(charger.resource_id, charger.name, charger.settings, self._described)

    def _to_describe(self) -> Described:
        charger, settings, car = self._charger, self._charger.settings, self._charger.car
        capacity_wh, why_not = car.some_capacity_wh or 1.0, self._why_not_charged()
        label = "state of charge of the car, %" if settings.fill_level_unit == "%" else "energy in the car, kWh"
        label += " (estimated)" if car.is_soc_estimated else ""
        return Described(
            modes=self._modes() if why_not is None else (),
            can_rest=car.known is None or car.known.pause != "never",
            label=why_not or label,
            levels=(car.min_soc, car.limit_soc),
            level_per_percent=1.0 if settings.fill_level_unit == "%" else capacity_wh / 100_000,
            rate_per_w=settings.charge_efficiency / 3600 / capacity_wh,
            is_often_started=charger.plug_in.starts >= settings.max_starts,
        )

    def _why_not_charged(self) -> str | None:
        """Why no mode that charges is described, or None."""
        charger = self._charger
        if reason := charger.absence or charger.fault:
            return reason
        if charger.car.soc is None:
            return "its state of charge is unknown"
        if charger.plug_in.is_refusing:
            return "the car does not charge"
        return "full" if charger.car.is_full else None

    def _modes(self) -> tuple[ChargingMode, ...]:
        modes = [mode for each in self._charger.phases_possible() if (mode := self._mode(each))]
        if len(modes) > 1 and modes[0].power_w == modes[1].power_w:
            modes = [mode for mode in modes if mode.phases == self._charger.phases.present()]
        return tuple(modes)

    def _mode(self, phases: Phases) -> ChargingMode | None:
        charger, limit = self._charger, self._charger.limit
        used, least = charger.car.phases(phases), charger.car.least(phases, limit)
        if charger.most(phases) < least:
            return None
        start_w, end_w = limit.nominal_w(least, used), charger.car.most_w(phases, limit)
        how = f"charge on {phases} phase{'s' if phases > 1 else ''}" if charger.phases.can_switch else "charge"
        how += f", the car uses {used} phase{'s' if used > 1 else ''}" if used < phases else ""
        mode_id = part_id(charger.resource_id, f"charge{phases}")
        return ChargingMode(mode_id, phases, used, (start_w, max(start_w, end_w)), f"{how} (factor 1 is full current)")


class ForeseenCharge:
    """What is foreseen of the car: where its charge shall be when it leaves."""

    def __init__(self, charger: EvCharger, storage: EvStorage) -> None:
        self._charger = charger
        self._storage = storage
        self._known: object = None
        self._profile: tuple[datetime, tuple[FillLevelTargetProfileElement, ...]] | None = None

    def leakage_behaviour(self) -> tuple[LeakageBehaviourElement, ...]:
        return ()

    def usage_forecast(self) -> tuple[datetime, tuple[UsageForecastElement, ...]] | None:
        return None

    def fill_level_target_profile(self) -> tuple[datetime, tuple[FillLevelTargetProfileElement, ...]] | None:
        charger = self._charger
        known = (self._storage.description, charger.departs_at, charger.car.target_soc)
        if self._known != known and charger.looked_at is not None:
            self._known, self._profile = known, self._worked_out(charger.looked_at)
        return self._profile

    def _worked_out(self, now: Now) -> tuple[datetime, tuple[FillLevelTargetProfileElement, ...]]:
        charger, departs_at = self._charger, self._charger.departs_at
        start = now.utc if not now.utc.microsecond else now.utc.replace(microsecond=0) + timedelta(seconds=1)
        description, car = self._storage.description, charger.car
        band = description.storage.fill_level_range
        if departs_at is None or departs_at <= start or charger.absence is not None:
            return start, (FillLevelTargetProfileElement(duration=_ms(_NO_TARGET), fill_level_range=band),)
        wanted = description.levels(car.target_soc, car.limit_soc)
        return start, (
            FillLevelTargetProfileElement(duration=_ms(departs_at - start), fill_level_range=band),
            FillLevelTargetProfileElement(duration=_ms(_AT_DEPARTURE), fill_level_range=wanted),
        )


def _without_numbers(described: Described) -> Described:
    modes = tuple(replace(mode, power_w=(mode.power_w[0], mode.power_w[0])) for mode in described.modes)
    return replace(described, modes=modes)


def _has_moved(described: Described, before: Described) -> bool:
    """Whether the most of a mode has moved so far that it is worth telling."""
    return any(
        abs(mode.power_w[1] - old.power_w[1]) >= _NUMBERS_MOVED * old.power_w[1]
        for mode, old in zip(described.modes, before.modes, strict=True)
    )


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
