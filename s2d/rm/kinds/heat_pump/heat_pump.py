"""The model of a heat pump: what is known of it, what is ordered of it, and what must not be.

It is the same whatever control type is active; `modes`, `envelopes` and `../heated_storage` make of it what each asks
for. What must be or must not each part of it says for itself: its SG-Ready states, its cap, the heating of its storage.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import inf

from ....s2.messages.common import Commodity, CommodityQuantity, ControlType, Role, RoleType
from ....values import Now, Reading, Setpoint
from ...control import Control
from ...control.context import ControlContext
from ...control.offers import Offer
from ...occasion import Occasion
from .. import Protection, ResourceSetup
from ..heated_storage import PAUSE, RUN, HeatedStorageDescription, HeatedStorageParts
from ..heating import HEAT_NOW, LIMIT, OFFER, SETPOINT, TEMPERATURE, Activity, Heating, HeatingTimes
from ..hygiene import Hygiene
from ..kept_values import KeptValues
from ..ladder import Ladder
from ..later_start import ON, LaterStart
from ..owners_wish import OwnersWish
from ..power_points import described_quantity, power_points
from ..published_number import PublishedNumber
from ..shared_state import SharedState
from ..thermal_storage import HeatForecast
from .cap import Cap
from .frost_guard import OUTDOOR, FrostGuard
from .learnt_power import LearntPower
from .settings import HeatPumpSettings
from .sg_ready import BOOST, MODE, NORMAL, RELAYS, SgReadyStates

STEERED_BY = (MODE, *RELAYS, SETPOINT, LIMIT, OFFER, ON)
"""All points by which a heat pump can be told something."""
SHOWS_BY = ("status", "compressor", "power")
"""The points by which it is seen whether it heats, the better one first."""
FLOW_SETPOINT = "flow_setpoint"
_CALLED = {TEMPERATURE: "the temperature", OUTDOOR: "the temperature outdoors", "power": "the power"}
_BUSY = {"defrost": "it defrosts", "legionella": "it heats against legionella", "alarm": "it is in alarm"}
_OFF = ("off", "holiday")
_RUNS_FROM, _RESTS_BELOW_W = 0.7, 100.0
"""It heats from this share of its least power on, and rests below so much."""
_LEARNT_SHARE, _COP_SHARE = 0.1, 0.1
_DESCRIBED_EVERY_S, _COP_EVERY_S = 600.0, 1800.0
_COOLS_FOR_S = 300.0
"""A buffer that is cooled is withdrawn five minutes after so long."""
_RESTS_WITHIN_S = 600.0
_CURVE_STEP_K, _CURVE_EVERY_S = 2.0, 1800.0
"""A comfort that follows the heating curve is another once that has moved so far, and no sooner than after so long."""
_OUTDOOR_LAST = "outdoor_c"


def heated_by(settings: HeatPumpSettings) -> tuple[str, ...]:
    """The points by which a heat pump can be told to heat its storage, or to rest, the better ones first.

    Where its comfort follows a setpoint it is told none: that may be the very one, or be made of it.
    """
    setpoint = () if settings.curve_k else (SETPOINT,)
    by_thermostat = (*setpoint, OFFER) if settings.storage == "dhw" else (OFFER, *setpoint)
    return (*by_thermostat, *((LIMIT,) if settings.cap_stops else ()), ON)


class HeatPump:
    """The model of one heat pump."""

    roles: tuple[Role, ...] = (Role(role=RoleType.ENERGY_CONSUMER, commodity=Commodity.ELECTRICITY),)
    foreseen_power = None
    is_time_known = True
    head_room = None
    waits_for_device = False

    def __init__(self, setup: ResourceSetup, offers: "Mapping[ControlType, Offer[HeatPump]]") -> None:
        self.name = setup.name
        self.settings: HeatPumpSettings = setup.settings
        settings, abilities = self.settings, setup.abilities
        self.abilities = abilities
        self.kept = KeptValues()
        self.state = SharedState(power_points(settings.phases, abilities), _CALLED)
        self.quantities = self.state.quantities
        self.quantity = described_quantity(settings.phases)
        self.resource_id = setup.resource_id
        self.wish = OwnersWish(self.kept, self.state, HEAT_NOW, self._why_no_heat)
        self.frost = FrostGuard(self.state, is_by_device=settings.frost == "device")
        self._safe = setup.safe
        self._offers = offers
        self._can_be_told = {point for point in STEERED_BY if point in abilities and abilities[point].can_write}
        self._cools_since: float | None = None
        self._is_cooled = False
        self._is_looked_at = False
        self._has_answered = False
        self._due_at = -inf
        """When (monotonic seconds) a part of it has something to do though nothing is read."""
        self._heats_w = LearntPower(self.kept, "heats_w")
        self._in_state_w = {state: LearntPower(self.kept, f"{state}_w") for state in (NORMAL, BOOST)}
        self.published_w = {state: PublishedNumber(_LEARNT_SHARE, _DESCRIBED_EVERY_S) for state in (NORMAL, BOOST)}
        """What it usually takes in these states, as it is told."""
        self._published_power_w = PublishedNumber(_LEARNT_SHARE, _DESCRIBED_EVERY_S)
        self._published_cop = PublishedNumber(_COP_SHARE, _COP_EVERY_S)
        self._published_flow_c = PublishedNumber(0.0, _CURVE_EVERY_S, least=_CURVE_STEP_K)
        """The flow setpoint around which it is kept."""
        self._has_band = settings.curve_k is None
        self._described: HeatedStorageDescription | None = None
        self._described_off = False
        self.cap = self._made_cap()
        self._heating = self._made_heating(setup)
        self.sg = self._made_sg()
        self.follow_within_s = max(
            [float(settings.follow_within_s), *(each.shows_after_s for each in abilities.values())]
        )
        rungs = {
            ControlType.FILL_RATE_BASED_CONTROL: (self._is_filled, self._can_fill),
            ControlType.OPERATION_MODE_BASED_CONTROL: (self.sg is not None, self._can_be_switched),
            ControlType.POWER_ENVELOPE_BASED_CONTROL: (self.cap is not None, self._has_answered_if_asked),
        }
        self._ladder = Ladder({offered: holds for offered, (is_possible, holds) in rungs.items() if is_possible})

    def _made_cap(self) -> Cap | None:
        settings = self.settings
        range_w = settings.cap_w or settings.power_w
        if LIMIT not in self._can_be_told or range_w is None:
            return None
        return Cap(
            self.abilities[LIMIT],
            self.state,
            self.kept,
            self._safe,
            self.frost,
            measures_power="power" in self.abilities,
            range_w=(float(range_w[0]), float(range_w[1])),
            can_stop=settings.cap_stops,
            legal_w=None if settings.legal_limit_w is None else float(settings.legal_limit_w),
        )

    def _made_heating(self, setup: ResourceSetup) -> Heating | None:
        settings = self.settings
        storage = settings.thermal_storage
        if storage is None or TEMPERATURE not in self.abilities:
            return None
        by_us = settings.hygiene == "rm"
        has_hygiene = settings.storage == "dhw" and settings.hygiene != "off"
        hygiene = Hygiene(self.kept, settings.hygiene_at, setup.time_zone, is_by_us=by_us) if has_hygiene else None
        self.forecast = HeatForecast(storage, setup.time_zone)
        self.parts = HeatedStorageParts(setup.resource_id, setup.name, self._warms, storage, self.quantity)
        shows_after_s = max(each.shows_after_s for each in self.abilities.values())
        times = HeatingTimes(
            run=float(settings.timers.run_s),
            pause=float(settings.timers.pause_s),
            heats_within=max(float(settings.follow_within_s), shows_after_s),
            rests_within=max(_RESTS_WITHIN_S, shows_after_s),
        )
        point = self._heated_by
        return Heating(
            storage,
            self,
            self.state,
            self.kept,
            self._safe,
            LaterStart(self.kept),
            point=point,
            read_by=SETPOINT if point == SETPOINT and self.abilities[SETPOINT].can_read else None,
            has_thermostat=point == SETPOINT,
            is_guard=point == OFFER,  # after a crash one of ours may stand there still
            times=times,
            hysteresis_k=float(settings.hysteresis_k),
            hygiene=hygiene,
        )

    def _made_sg(self) -> SgReadyStates | None:
        if MODE not in self._can_be_told and not self._can_be_told.issuperset(RELAYS):
            return None
        hold_s = float(self.settings.timers.hold_s)
        return SgReadyStates(self.abilities, self.state, self.kept, self._safe, hold_s, self._must_run, self.wish)

    @property
    def _warms(self) -> str:
        return "the hot water" if self.settings.storage == "dhw" else "the heating buffer"

    @property
    def _heated_by(self) -> str | None:
        """The point by which it is told to heat its storage, or to rest."""
        return next((point for point in heated_by(self.settings) if point in self._can_be_told), None)

    @property
    def heating(self) -> Heating:
        """The heating of its storage, where FRBC is offered."""
        assert self._heating is not None
        return self._heating

    @property
    def description(self) -> HeatedStorageDescription:
        """How its storage is described by now."""
        assert self._described is not None
        return self._described

    @property
    def power_w(self) -> tuple[float, float] | None:
        """The least and the most that it takes while it heats, as it is published; the same if it does not modulate."""
        span = self.settings.power_w
        if span and span[0] < span[1] and self._heated_by in (OFFER, LIMIT):
            return float(span[0]), float(span[1])
        power_w = self._published_power_w.value
        return None if power_w is None else (power_w, power_w)

    @property
    def allowed_w(self) -> float:
        return self.cap.w if self.cap else inf

    @property
    def busy(self) -> str | None:
        return _BUSY.get(str(self.state.value("status")))

    def _why_no_heat(self) -> str | None:
        """Why nobody can want it to heat now; None: he can."""
        heating = self._heating if self._heating and self._heating.point else None
        if heating is None and self.sg is None:
            return "there is nothing by which it is told to heat"
        if self.is_off:
            return "it is switched off"
        if heating and (unknown := self.state.unknown((TEMPERATURE,))):
            return unknown
        if heating and heating.is_warm:
            return f"it is {heating.temperature_c:g} °C warm"
        return self.state.fault

    def danger_after(self, cut_off_at: float | None, now: Now) -> str | None:
        return self.frost.danger_after(cut_off_at, now)

    def cut_off_until(self, cut_off_at: float) -> float:
        return self.frost.cut_off_until(cut_off_at)

    @property
    def is_off(self) -> bool:
        """Whether its owner has switched it off."""
        return self.state.value("status") in _OFF

    def is_heating(self, since: float) -> bool | None:
        """Whether it heats its storage, as it says itself, or as its compressor or its power shows."""
        if self.state.was_read_since("status", since):
            is_for_storage = "hot_water" if self.settings.storage == "dhw" else "heat"
            return self.state.value("status") in (is_for_storage, "legionella")
        if self.state.is_known("status"):
            return None
        if self.state.was_read_since("compressor", since):
            return self.state.flag("compressor") is True
        power_w = self.state.number("power")
        if power_w is None or not self.state.was_read_since("power", since):
            return None
        if self.power_w and power_w >= _RUNS_FROM * self.power_w[0]:
            return True
        return False if power_w < _RESTS_BELOW_W + self.settings.pump_power_w else None

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        has_changed = self.state.observe(readings, now) or not self._has_answered
        self._has_answered = True
        if self.sg:
            self.sg.observe(now)
        self._learn(now)
        has_moved = self._follow_curve(now)
        if self._heating:
            self._heating.observe(now)
        has_changed |= self._describe(now, has_changed=has_moved)
        if has_changed:
            self._ladder.advance(now)

    def lose(self) -> None:
        self.state.lose()

    def advance(self, now: Now) -> bool:
        if self._heating:
            self._heating.advance(now)
            self.forecast.advance(now)
        self.wish.advance(now)
        is_stale = self.state.advance(now)
        is_due = self._due_at <= now.mono or now.mono >= self._ladder.turns_at or not self._is_looked_at
        if is_stale or is_due:
            self._learn_cooling(now)
            self._is_looked_at = True  # what is only written is offered though nothing is read
            self._describe(now)
            self._ladder.advance(now)
        self._due_at = self._next_at(now)
        return is_stale or is_due

    def deadlines(self) -> Iterable[float]:
        forecast_at = self.forecast.next_at if self._heating else inf
        return self.state.stale_at, self._ladder.turns_at, self._due_at, forecast_at

    def _next_at(self, now: Now) -> float:
        """As `_due_at` says, after *now*."""
        times = [self.wish.next_at]
        if self._cools_since is not None and self._cools_since + _COOLS_FOR_S > now.mono:
            times.append(self._cools_since + _COOLS_FOR_S)
        if self.sg:
            times.append(self.sg.next_at(now))
        if self.cap:
            times.append(self.cap.next_at(now))
        if self._heating:
            times.append(self._heating.next_at(now.mono))
        return min(times)

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        if self.sg:
            self.sg.confirm(setpoint)

    @property
    def troubles(self) -> tuple[str, ...]:
        return self._heating.troubles if self._heating else ()

    @property
    def is_at_rest(self) -> bool:
        is_heating_ordered = self._heating is not None and self._heating.ordered is not None
        is_cap_ordered = self.cap is not None and self.cap.is_ordered
        return not (is_heating_ordered or is_cap_ordered or (self.sg is not None and self.sg.ordered is not None))

    def control_types(self) -> tuple[ControlType, ...]:
        return self._ladder.offered

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        return self._offers[control_type](self, context)

    def power(self) -> Mapping[CommodityQuantity, Reading]:
        return self.state.power()

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        setpoints = self._safe.on(occasion, reason)
        if self.sg:
            others = [each for each in setpoints if each.point not in self.sg.points]
            setpoints = [*others, *self.sg.rest(setpoints, occasion, now)]
        if self.cap:
            # What holds of a cap comes before anything that it bounds.
            others = [each for each in setpoints if each.point != LIMIT]
            setpoints = [*self.cap.rest(setpoints, occasion, reason, now), *others]
        if self._heating:
            setpoints = self._heating.rest(setpoints, occasion, now)
        self._due_at = self._next_at(now)
        return setpoints

    def protect(self, now: Now) -> Protection | None:
        protection = self._protection(now)
        self._due_at = self._next_at(now)
        return protection

    def _protection(self, now: Now) -> Protection | None:
        heating = self._heating
        if self.cap and (protection := self.cap.protect(now)):
            return protection
        if self.sg and (protection := self.sg.protect(now)):
            return protection
        if heating is None:
            return None
        if heating.point and heating.is_told and (unknown := self.state.unknown((TEMPERATURE,))):
            return Protection(unknown, self.rest(Occasion.STALE, f"protection: {unknown}", now))
        return heating.protect(now)

    def obstacle_to_cap(self, cap_w: float, now: Now, *, is_abnormal: bool) -> str | None:
        """Why it may not be capped at *cap_w* now."""
        assert self.cap is not None
        if not self.cap.stops(cap_w):
            return None
        demand = self._heating.demand(now) if self._heating else None
        if demand and not (is_abnormal and demand.yields_to_abnormal):
            return demand.reason
        return self.frost.danger

    def _must_run(self, now: Now) -> str | None:
        """Why it must not be blocked now, or None."""
        if danger := self.frost.danger:
            return danger
        demand = self._heating.demand(now) if self._heating else None
        return demand.reason if demand else None

    def _learn(self, now: Now) -> None:
        power_w = self.state.number("power")
        if self.sg:
            for state, learnt in self._in_state_w.items():
                learnt.observe(power_w, now, does=self.sg.seen == state)
        if self._heating:
            self._heats_w.observe(power_w, now, does=self._heating.activity is Activity.HEAT)
        if (outdoor_c := self.state.number(OUTDOOR)) is not None:
            self.kept.put(_OUTDOOR_LAST, outdoor_c)
        self._learn_cooling(now)

    def _learn_cooling(self, now: Now) -> None:
        is_cool = self.state.value("status") == "cool"
        self._cools_since = (now.mono if self._cools_since is None else self._cools_since) if is_cool else None
        self._is_cooled = self._cools_since is not None and now.mono - self._cools_since >= _COOLS_FOR_S

    def _follow_curve(self, now: Now) -> bool:
        """Moves the band of its storage where its heating curve has moved; whether that makes a difference."""
        curve_k = self.settings.curve_k
        if self._heating is None or curve_k is None:
            return False
        flow_c, had_band = self.state.number(FLOW_SETPOINT), self._has_band
        coldest_c, hottest_c = self.settings.level_limits
        self._has_band = flow_c is not None and coldest_c <= flow_c + curve_k[0] and flow_c + curve_k[1] <= hottest_c
        if self._has_band and self._published_flow_c.update(flow_c, now):
            assert self._published_flow_c.value is not None
            low_c, high_c = (self._published_flow_c.value + each_k for each_k in curve_k)
            storage = replace(self._heating.storage, low_c=low_c, high_c=high_c)
            for each in (self._heating, self.forecast, self.parts):
                each.follow(storage)
            return True
        return self._has_band != had_band

    def _describe(self, now: Now, *, has_changed: bool = False) -> bool:
        """Publishes what is known of its powers by now where that, or something else, *has_changed*; whether it has."""
        settings = self.settings
        stated = {NORMAL: settings.power_normal_w, BOOST: settings.power_boost_w}
        for state, published in self.published_w.items():
            said_w = stated[state]
            usual_w = self._in_state_w[state].usual_w if said_w is None else float(said_w)
            if usual_w is None and state == BOOST:  # nobody knows before it was tried
                usual_w = self.published_w[NORMAL].value
            has_changed |= published.update(usual_w, now)
        if self._heating is None:
            return has_changed
        usual_w = self._heats_w.usual_w or (float(settings.power_w[1]) if settings.power_w else None)
        has_changed |= self._published_power_w.update(usual_w, now)
        has_changed |= self._published_cop.update(self._present_cop, now)
        cop, is_off = self._published_cop.value, self.is_off
        is_as_described = self._described is not None and is_off == self._described_off and not has_changed
        if self.power_w is None or cop is None or is_as_described:
            return has_changed
        self._described_off = is_off
        timers_s = {RUN: self._heating.times.run, PAUSE: self._heating.times.pause}
        self._described = self.parts.described(self.power_w, cop, timers_s, can_heat=not is_off)
        return True

    @property
    def _present_cop(self) -> float | None:
        """The heat for its power by the temperature outdoors; None before that was known, where it can be."""
        cop = self.settings.cop
        if cop is None:
            return None
        is_needed = OUTDOOR in self.abilities and not cop.is_fixed
        last_c, assumed_c = self.kept.number(_OUTDOOR_LAST), None if is_needed else cop.points[0][0]
        outdoor_c = assumed_c if last_c is None else last_c
        return None if outdoor_c is None else cop.at(outdoor_c)

    @property
    def _is_filled(self) -> bool:
        can_be_told = self._heating is not None and self._heating.point is not None
        return can_be_told and self.settings.cop is not None and any(each in self.abilities for each in SHOWS_BY)

    def _can_fill(self) -> bool:
        is_cooled = self.settings.storage == "buffer" and self._is_cooled
        stands_on = (TEMPERATURE, FLOW_SETPOINT) if self.settings.curve_k else (TEMPERATURE,)
        is_known = self._has_band and all(map(self.state.is_known, stands_on))
        return self._described is not None and is_known and not is_cooled

    def _has_answered_if_asked(self) -> bool:
        return self._has_answered or not any(each.can_read for each in self.abilities.values())

    def _can_be_switched(self) -> bool:
        has_powers = self.published_w[NORMAL].value is not None and self.published_w[BOOST].value is not None
        return has_powers and self.sg is not None and self.sg.is_legible
