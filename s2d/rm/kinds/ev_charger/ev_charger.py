"""The model of an EV charger: what is known of it and its car, what is ordered of it, and what it does by itself.

All that is written comes from one place: `_next_step` compares what the station shall give by now with what it was
told, whoever wants it. So a change of phases, a pause that is to last, a car that is woken and a limit that comes to
its end go the same way under every control type, and without any.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from math import inf
from typing import NamedTuple

from ....s2.messages.common import Commodity, CommodityQuantity, ControlType, Role, RoleType
from ....values import Now, Reading, Setpoint
from ...control import Control
from ...control.context import ControlContext
from ...control.execution import FOLLOWED, PENDING, Verdict, failed
from ...control.offers import Offer
from ...control.operation_modes.timers import TimersAndModes
from ...control.pebc.envelopes import PresentLimits
from ...occasion import Occasion
from .. import Protection, ResourceSetup
from ..head_room import HeadRoom
from ..kept_limit import KEPT_AT_LEAST_S, KEPT_AT_MOST_S, KeptLimit
from ..kept_values import KeptValues
from ..ladder import Ladder
from ..owners_wish import OwnersWish
from ..part_ids import part_id
from ..shared_state import SharedState
from .charge_limit import CURRENT, POWER, ChargeLimit, Phases
from .charging_power import ChargingPower
from .description import PHASES_KEPT
from .phase_change import PHASE_COUNT, ChangeStage, StationPhases
from .plug_in import CHARGING, FAULTY, IDLE_BELOW_W, WAKE_EVERY_S, SeenCar
from .present_car import DEPARTURE, PresentCar
from .resting_charger import FREE, OFF, RestingCharger
from .settings import EvChargerSettings

ENABLE, WAKE, CHARGE_NOW = "enable", "wake", "charge_now"
_CALLED = {"status": "what the charger does", "power": "the power"}
_UNLIMITED_AFTER_S = 300.0
"""A session that sets no limit for so long wants none."""
_STALE_AFTER_S = 120.0
"""A charger of which nothing is known is left as it is for so long."""
_DRIVEN = 0.9
"""An order of so much of what it could have is left to it though the car has to be charged."""
_MIN_SOC_HYSTERESIS = 1.0
_HELD_FOR_S = 60.0
"""An order that the house leaves no room for ends after this long."""


class OrderedLimit(NamedTuple):
    """The power that a charger is ordered to keep below."""

    limit_w: float
    voltage_v: float
    """At which that was worked out: it does not follow each change of the voltage."""


class OrderedCharge(NamedTuple):
    """The charging, or none, that a charger is ordered to."""

    phases: Phases
    value: float
    """In the unit in which it is limited."""
    power_w: float
    used: int
    """How many phases the car was known to use."""
    is_abnormal: bool = False
    """For abnormal conditions: it outranks that the car has to be charged."""


class NextStep(NamedTuple):
    """What is to be written by now, and why."""

    setpoints: list[Setpoint]
    reason: str


class EvCharger:
    """The model of one charger."""

    roles: tuple[Role, ...] = (Role(role=RoleType.ENERGY_CONSUMER, commodity=Commodity.ELECTRICITY),)
    foreseen_power = None
    is_time_known = True
    follow_within_s = 60.0
    waits_for_device = False

    def __init__(self, setup: ResourceSetup, offers: "Mapping[ControlType, Offer[EvCharger]]") -> None:
        self.settings: EvChargerSettings = setup.settings
        self.abilities = setup.abilities
        self.kept = KeptValues()
        self._kept_limit = KeptLimit(self.kept)
        point = next(each for each in (CURRENT, POWER) if each in setup.abilities)
        self.limit = ChargeLimit(self.settings, point, setup.abilities[point].step)
        self.state = SharedState({}, _CALLED)
        can_be_told = PHASE_COUNT in setup.abilities and setup.abilities[PHASE_COUNT].can_write
        self.phases = StationPhases(self.settings, self.state, self.kept, can_be_told=can_be_told)
        self.measured = ChargingPower(self.settings, self.state, setup.abilities, self.phases.present)
        self.quantities = self.measured.quantities
        self.car = PresentCar(self.settings, self.state, self.kept, self.measured, setup.time_zone)
        self.plug_in = self.car.plug_in
        self.head_room = HeadRoom(self.state, setup.house) if setup.house else None
        self._is_left_alone = False
        """Nobody will look at what the house leaves it."""
        self.wish = OwnersWish(self.kept, self.state, CHARGE_NOW, self._why_no_charge, self._why_less)
        self.resource_id, self.name = setup.resource_id, setup.name
        self.looked_at: Now | None = None
        """When it was looked at last; None before it was."""
        self.ordered: OrderedLimit | OrderedCharge | None = None
        self.must_charge: str | None = None
        """Why the car has to be charged, whatever is ordered; None: it has not."""
        self._offers = offers
        self._safe = setup.safe
        self._steered_by: ControlType | None = None
        self._timers: TimersAndModes | None = None
        """Of the transitions between its modes; None before anything was selected."""
        self._keeps_ordered = False
        """The station itself gives less than was ordered, which is no reason to order less."""
        self._resting: RestingCharger | None = None
        """None while something is ordered, and at the start, as long as it is left as it is."""
        self._is_stale = False
        self._told: float | None = None
        """What it was told last; None: nobody knows."""
        self._unconfirmed: set[Setpoint] = set()
        self._confirmed_at = inf
        """When (monotonic seconds) all that it was told was known to be confirmed."""
        self._pulse_until = -inf
        """Until when (monotonic seconds) it gives nothing, to wake the car."""
        self._looks_at = inf
        rungs = {control_type: _NEEDED[control_type] for control_type in offers}
        self._ladder = Ladder({each: partial(needed, self) for each, needed in rungs.items()})

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        self.state.observe(readings, now)
        if self.head_room:
            self.head_room.observe(now)
        self._note_confirmed(now)
        total = self.measured.total()
        status = self.state.value("status")
        seen = SeenCar(
            None if status is None else str(status),
            self.state.flag("authorised"),
            total.number if total else None,
        )
        self.plug_in.observe(seen, now)
        phases = self.phases.present()
        least_w = self.limit.nominal_w(self.limit.least(phases), phases)
        self.car.observe(phases, self.phases.changed_at, least_w, now)
        self._learn()
        if self.plug_in.is_car_there is False and self.wish.ends_at is not None:
            self.wish.drop()
        self.wish.observe(is_done=self.car.is_full)
        self._ladder.advance(now)
        self._look(now)

    def lose(self) -> None:
        self.state.lose()

    def advance(self, now: Now) -> bool:
        is_stale = self.state.advance(now)
        if not is_stale and now.mono < min(
            self._ladder.turns_at, self._looks_at, self.plug_in.next_at, self.wish.next_at
        ):
            return False
        if self.head_room:
            self.head_room.observe(now)
        self.wish.advance(now)
        self._ladder.advance(now)
        self.plug_in.advance(now)
        self.car.advance(now)
        self._look(now)
        self._looks_at = inf
        return True

    def deadlines(self) -> Iterable[float]:
        return self.state.stale_at, self._ladder.turns_at, self._looks_at, self.plug_in.next_at, self.wish.next_at

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        self._unconfirmed.discard(setpoint)

    @property
    def troubles(self) -> tuple[str, ...]:
        # Of a car of which nobody knows what it lacks, it may be that it is full.
        refuses = self.plug_in.is_refusing and self.car.is_known_to_lack
        is_unguarded = self.car.departs_at is not None and self.departs_at is None
        return (
            *(("the car does not charge, though it may and is not full",) if refuses else ()),
            *(
                ("the clock is not synchronised: the car is not seen to by the time at which it leaves",)
                if is_unguarded
                else ()
            ),
        )

    @property
    def is_at_rest(self) -> bool:
        return self.ordered is None

    def control_types(self) -> tuple[ControlType, ...]:
        return self._ladder.offered

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        self._steered_by, self._timers = control_type, context.timers
        return self._offers[control_type](self, context)

    def power(self) -> Mapping[CommodityQuantity, Reading]:
        return self.measured.power()

    @property
    def fault(self) -> str | None:
        """The fault that it reports, in words."""
        is_faulty = self.state.value("status") in FAULTY
        return self.state.fault or ("the charger reports an error" if is_faulty else None)

    def obstacle(self) -> str | None:
        """Why nothing can be ordered now, or None."""
        if not self.state.is_online:
            return "the device does not answer"
        return self.fault or self.state.unknown(self._judged_by)

    def order_limit(self, limit_w: float, wanted: PresentLimits, reason: str, now: Now) -> list[Setpoint]:
        """What to write so that it takes no more than *limit_w*, which is *wanted*."""
        legal_w = self.settings.legal_limit_w
        is_of_grid = wanted.is_abnormal or (legal_w is not None and limit_w <= legal_w)
        self._kept_limit.set(limit_w, PresentLimits(wanted.limits, wanted.until, is_of_grid))
        self.ordered, self._resting = OrderedLimit(limit_w, self.measured.voltage_v()), None
        self.phases.failed = None
        return self._told_anew(reason, now)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        self._is_left_alone = occasion is Occasion.STOPPING
        self._resting, self.ordered = self._rest_on(occasion, now), None
        beside = [each for each in self._safe.on(occasion, reason) if each.point not in (self.limit.point, ENABLE)]
        return [*self._told_anew(reason, now), *beside]

    def protect(self, now: Now) -> Protection | None:
        self._note_confirmed(now)
        protection = self._protection(now) if self.state.is_online or self._is_stale else None
        self._plan(now)
        return protection

    def _protection(self, now: Now) -> Protection | None:
        if not self._ladder.has_offered:
            return None
        if unknown := self.state.unknown(self._judged_by):
            if not self._is_stale:
                return self._doubt(unknown, now)
        else:
            self._is_stale = False
        if self.ordered and (fault := self.fault):
            return Protection(fault, self.rest(Occasion.ABORTED, f"protection: {fault}", now))
        if self._resting is None and self.ordered is None:
            return self._protect_stored(now)
        if isinstance(self.ordered, OrderedCharge) and (reason := self._against(self.ordered)):
            self.ordered, self._resting = None, OFF
            step = self._next_step(now, f"protection: {reason}")
            is_harm = self.must_charge is not None and not self._is_wished
            return Protection(reason, step.setpoints if step else [], is_harm=is_harm)
        step = self._next_step(now)
        is_harm = self._is_harmful
        return Protection(step.reason, step.setpoints, ends_orders=False, is_harm=is_harm) if step else None

    @property
    def _is_wished(self) -> bool:
        """Whether the car has to be charged because its owner wants that."""
        return self.must_charge is not None and self.must_charge == self.wish.reason

    @property
    def _is_harmful(self) -> bool:
        return self.fault is not None

    def _doubt(self, unknown: str, now: Now) -> Protection | None:
        """Nothing is known of it any more: orders end, and in a while it becomes what it is when that lasts."""
        self._is_stale = True
        if self._resting is None and self.ordered is None:
            return None
        had_order, safe = self.ordered is not None, self._rest_on(Occasion.STALE, now)
        before = safe.value if self._told is None else self._value_on(self.phases.present(), now)
        self.ordered = None
        self._resting = RestingCharger(before, then=safe, then_at=now.mono + _STALE_AFTER_S)
        return Protection(unknown, []) if had_order else None

    def _protect_stored(self, now: Now) -> Protection | None:
        """At the start it is left as it is, but for more than a limit that was in force before allows."""
        limit_w, total, phases = self._kept_limit_w(now), self.measured.total(), self.phases.present()
        room_a = self.head_room.most_a(phases) if self.head_room else inf
        room_w = room_a * phases * self.measured.voltage_v()
        if total is not None and total.number > self.most_w(room_w):
            reason = f"it takes {total.number:.0f} W, and the house leaves it {room_a:.1f} A on each phase"
            return Protection(reason, self.rest(Occasion.STARTED, f"protection: {reason}", now), ends_orders=False)
        if limit_w is None or total is None or total.number <= self.most_w(limit_w):
            return None
        reason = f"it takes {total.number:.0f} W of {limit_w:.0f} W that it was limited to"
        return Protection(reason, self.rest(Occasion.STARTED, f"protection: {reason}", now), ends_orders=False)

    def most_w(self, limit_w: float) -> float:
        """The most that it is seen to take within *limit_w*: measuring is not exact, and its least is granted."""
        phases = self.phases.present()
        least_w = phases * self.measured.voltage_v() * self.settings.min_current_a
        is_granted = limit_w >= self.limit.nominal_w(self.limit.least(phases), phases)
        most_w = max(limit_w, least_w) if is_granted else limit_w
        return most_w + max(IDLE_BELOW_W, 0.03 * most_w)

    def _is_offered_all(self, ordered: OrderedCharge) -> bool:
        """Whether the station lets the car take what was ordered."""
        offered = self.state.number("current_offered")
        return offered is None or self.limit.point == POWER or offered >= ordered.value - 0.5

    def _learn(self) -> None:
        """Learns how much the car takes at most, from what it takes of more."""
        ordered, learnt = self.ordered, self.car.learnt
        if (
            not isinstance(ordered, OrderedCharge)
            or not self.plug_in.is_charging
            or self._unconfirmed
            or self.phases.change
            or self._told != ordered.value
        ):
            return
        steady_w = learnt.steady_w(self._confirmed_at)
        used = self.car.phases(ordered.phases)
        offered_w = self.limit.nominal_w(ordered.value, used)
        if steady_w is not None and self._is_offered_all(ordered) and steady_w < 0.95 * offered_w:
            learnt.learn_most(steady_w / used)

    @property
    def absence(self) -> str | None:
        """Why there is no car that could be charged by plan, or None."""
        if not self.plug_in.is_car_there:
            return "no car connected"
        if not self.plug_in.is_authorised:
            return "waiting for authorisation"
        return None if self.car.is_planned else "the car is not known"

    def _why_no_charge(self) -> str | None:
        """Why nobody can want a car charged now, whichever it is; None: he can."""
        if self.plug_in.is_car_there is None:
            return self.state.unknown(("status",)) or self.fault or "whether a car is there is not clear yet"
        if not self.plug_in.is_car_there:
            return "no car connected"
        return "the car is full" if self.car.is_full else self.fault

    def _why_less(self) -> str | None:
        """What a car gets less by than all that the charger has, though its owner wants it; None: it does not."""
        if not self.plug_in.is_authorised:
            return "it waits for authorisation"
        if isinstance(self.ordered, OrderedLimit):
            return f"its CEM limits it to {self.ordered.limit_w:g} W"
        resting, phases = self._resting, self.phases.present()
        if resting is None and self.ordered is None:
            return "it has just started, and is left as it is for a while"
        if self.head_room and self.head_room.most_a(phases) < self.limit.amperes(self.most(phases), phases):
            return f"the house leaves it {self.head_room.most_a(phases):.1f} A on each phase"
        if resting is None or resting.is_guarded or resting.value == inf:
            return None
        unit = "A" if self.limit.point == CURRENT else "W"
        return f"while no CEM is in charge it gives {resting.value:g} {unit} at most"

    @property
    def _driven_w(self) -> float:
        """The power with which the car is charged when it has to be."""
        return max(map(self._most_w_on, self.phases_possible()))

    def _most_w_on(self, phases: Phases) -> float:
        return self.car.most_w(phases, self.limit)

    def _why_charged_first(self, now: Now) -> str | None:
        """Why it may not be paused yet, or None."""
        first_at, car = self.car.first_charged_at, self.car.known
        is_first = car is not None and first_at is not None and now.mono < first_at + car.first_charge_s
        return "the car charges for a while before it is paused first" if is_first else None

    def _against(self, ordered: OrderedCharge) -> str | None:
        """What there is against what is ordered by now, though it was possible."""
        if ordered.value:
            if self.plug_in.is_car_there is False:
                return "the car has gone"
            if self.car.is_full:
                return "the car is full"
        return self._too_little(ordered)

    def _too_little(self, ordered: OrderedCharge) -> str | None:
        """Why the car has to get more than what is ordered, or None."""
        return self.must_charge if ordered.power_w < _DRIVEN * self._driven_w and not ordered.is_abnormal else None

    def _look(self, now: Now) -> None:
        """Works out whether the car has to be charged, and how all is described."""
        self.looked_at = now
        had_to_charge, self.must_charge = self.must_charge, self._reason_to_charge(now)
        if self.must_charge and not had_to_charge and self.plug_in.is_refusing:
            self.plug_in.retry(now)

    def _reason_to_charge(self, now: Now) -> str | None:
        """Why the car has to be charged by now, whatever is ordered; None: it has not."""
        if self.wish.reason and self.plug_in.is_authorised and self._why_no_charge() is None:
            return self.wish.reason
        soc = self.car.soc
        if soc is None or self.absence is not None or self.car.is_full:
            return None
        min_soc = self.car.min_soc
        margin = _MIN_SOC_HYSTERESIS if self.must_charge else 0.0
        if soc < min_soc + (margin if min_soc else 0.0):
            return f"the state of charge {soc:g} % is below min_soc, {min_soc:g} %"
        latest = self.latest_start
        return "it would miss its departure" if latest is not None and now.utc >= latest else None

    @property
    def departs_at(self) -> datetime | None:
        """When the car leaves (UTC), as far as that says anything."""
        return self.car.departs_at if self.is_time_known else None

    @property
    def latest_start(self) -> datetime | None:
        """When the car has to be charged from at the latest (UTC)."""
        if not self.is_time_known:
            return None
        return self.car.latest_start(max(self.phases_possible()), self.limit)

    def phases_possible(self) -> tuple[Phases, ...]:
        """On how many phases it can charge, most first."""
        can_switch = self.phases.can_switch and self.car.takes_phase_changes
        return (3, 1) if can_switch else (self.phases.present(),)

    def _start_phase_timer(self, timers: TimersAndModes, now: Now) -> None:
        actuator_id = part_id(self.resource_id, "actuator")
        timer_id = part_id(actuator_id, f"timer {PHASES_KEPT}")
        timers.start(actuator_id, timer_id, float(self.settings.timers.phases_s), now)

    def order_charge(self, ordered: OrderedCharge, reason: str, now: Now) -> list[Setpoint]:
        """What to write so that it charges as *ordered*, or does not."""
        if ordered.value and ordered.phases != self.phases.present() and self._timers:
            self._start_phase_timer(self._timers, now)
        self._kept_limit.drop()
        self.ordered, self._resting, self.phases.failed, self._keeps_ordered = ordered, None, None, False
        return self._told_anew(reason, now)

    def obstacle_to_charge(self, ordered: OrderedCharge, now: Now) -> str | None:
        """Why *ordered* may not be ordered now, or None."""
        if obstacle := self.obstacle():
            return obstacle
        if ordered.value and now.mono < self._paused_until:
            return "it was stopped a moment ago"
        if ordered.value and ordered.phases != self.phases.present() and now.mono < self.phases.kept_until:
            return "its phases were changed a while ago"
        if not ordered.value and not ordered.is_abnormal and (why_first := self._why_charged_first(now)):
            return why_first
        if self._is_wished and not ordered.is_abnormal:
            return self.must_charge
        return self._too_little(ordered)

    def obstacle_to_stop(self, now: Now) -> str | None:
        """Why it may not be kept from charging now, unless that is abnormal; None: it may."""
        return self.must_charge or self._why_charged_first(now)

    def is_seen_off(self, since: float) -> bool:
        """Whether readings since then (monotonic seconds) show that it does not charge."""
        total = self.measured.total_since(since)
        is_stopped = self.state.was_read_since("status", since) and self.state.value("status") not in CHARGING
        return is_stopped or (total is not None and total.number < IDLE_BELOW_W)

    def verdict_on_charging(self, factor: float, since: float) -> Verdict:
        """Whether readings since then (monotonic seconds) show that it charges as it was ordered to."""
        ordered = self.ordered
        if self.phases.failed:
            return failed(self.phases.failed)
        if self.plug_in.is_refusing:
            return failed("the car does not charge")
        if held := self._why_held(since):
            self._keeps_ordered = bool(self._told)
            return failed(held)
        if (
            not isinstance(ordered, OrderedCharge)
            or self.phases.change
            or self._unconfirmed
            or self._told != ordered.value
        ):
            return PENDING
        since = max(since, self._confirmed_at)
        total = self.measured.total_since(since)
        if total is None or not self.plug_in.is_charging:
            return PENDING
        tolerance_w = max(IDLE_BELOW_W, 0.05 * ordered.power_w, self.limit.tolerance_w(ordered.used))
        is_more = factor == 1 and total.number > ordered.power_w
        if abs(total.number - ordered.power_w) <= tolerance_w or is_more:
            return FOLLOWED
        steady_w = self.car.learnt.steady_w(since)
        if steady_w is None:
            return PENDING
        if steady_w > ordered.power_w:
            return failed(f"it takes {steady_w:.0f} W of {ordered.power_w:.0f} W")
        if not self._is_offered_all(ordered):
            self._keeps_ordered = True
            return failed(f"the charger itself limits the car to {self.state.number('current_offered'):g} A")
        return FOLLOWED

    def _why_held(self, since: float) -> str | None:
        """That the house leaves it less than what was confirmed at *since* (monotonic seconds), if that lasts."""
        ordered, now = self.ordered, self.looked_at
        if self.head_room is None or now is None or not isinstance(ordered, OrderedCharge):
            return None
        is_held = self._told is not None and self._told < self._unheld_on(ordered.phases, now)
        if not is_held or now.mono - since < _HELD_FOR_S:
            return None
        return f"house_limit leaves it {self.head_room.most_a(ordered.phases):.1f} A on each phase"

    def most(self, phases: Phases) -> float:
        """The most that it can give by now, in the unit in which it is limited."""
        return self.limit.most(phases, self.state.number("current_max"))

    def _kept_limit_w(self, now: Now) -> float | None:
        """The limit that somebody has set and that is not over."""
        return self._kept_limit.limit_w if self._kept_limit.until > now.mono else None

    @property
    def _judged_by(self) -> tuple[str, ...]:
        return ("status", *self.measured.judged_by)

    def _safe_value(self, occasion: Occasion) -> float:
        """What its owner wants it to give at most when nobody is in charge."""
        value = {each.point: each.value for each in self._safe.on(occasion, "")}.get(self.limit.point)
        return self.limit.safe() if value is None or isinstance(value, str) else float(value)

    def _rest_on(self, occasion: Occasion, now: Now) -> RestingCharger:
        """What it may give on *occasion*: never more than a limit that is in force, or that failed."""
        limit_w, safe = self._kept_limit_w(now), self._safe_value(occasion)
        match occasion:
            case Occasion.ENDED | Occasion.UNINSTRUCTED:
                unlimited = self._unlimited(occasion)
                if occasion is Occasion.UNINSTRUCTED and limit_w is not None:
                    hold_s = KEPT_AT_LEAST_S if self._kept_limit.is_abnormal else _UNLIMITED_AFTER_S
                    # Where nothing ordered means no limit, a while without any ends one; elsewhere it ends by itself.
                    then_at = now.mono + hold_s if unlimited is FREE else self._limit_ends_at(now)
                    return RestingCharger(safe, limit_w, then=unlimited, then_at=then_at)
                self._kept_limit.drop()
                return unlimited
            case Occasion.RETURNED if self._resting:
                return self._resting
            case Occasion.ABORTED if isinstance(self.ordered, OrderedLimit):
                return RestingCharger(safe, self.ordered.limit_w)
            case Occasion.ABORTED if isinstance(self.ordered, OrderedCharge):
                return RestingCharger(self.ordered.value if self._keeps_ordered else min(safe, self.ordered.value))
            case Occasion.STALE if self._told is not None:
                safe = min(safe, self._value_on(self.phases.present(), now))
        if limit_w is None:
            return RestingCharger(safe)
        return RestingCharger(safe, limit_w, self._limit_ends_at(now))

    def _limit_ends_at(self, now: Now) -> float:
        """When (monotonic seconds) a limit that nobody orders any more ends."""
        least_s = KEPT_AT_LEAST_S if self._kept_limit.is_abnormal else 0.0
        return min(max(self._kept_limit.until, now.mono + least_s), now.mono + KEPT_AT_MOST_S)

    def _unlimited(self, occasion: Occasion) -> RestingCharger:
        """What it may give when a CEM is there and limits nothing."""
        if any(each.point == self.limit.point for each in self._safe.special.get(occasion, ())):
            return RestingCharger(self._safe_value(occasion))
        return FREE if self._steered_by is ControlType.POWER_ENVELOPE_BASED_CONTROL else OFF

    def _told_anew(self, reason: str, now: Now) -> list[Setpoint]:
        """What to write by now, also of what it was told before: somebody wants to see it confirmed."""
        step = self._next_step(now, reason)
        setpoints = step.setpoints if step else self._limited(self._told or 0.0, reason)
        self._plan(now)
        return setpoints

    def _next_step(self, now: Now, reason: str | None = None) -> NextStep | None:
        """What is to be written by now, unless it was told that already; *reason* is that of an order."""
        self._turn_to_what_is_then(now)
        if self._may_wake(now) and self.plug_in.wakes_at <= now.mono and (woken := self._wake(now)):
            return woken
        is_confirmed = not self._unconfirmed
        self.phases.go_on(self._wanted_phases(now), now, is_stopped=self._is_seen_stopped, is_confirmed=is_confirmed)
        change = self.phases.change
        if change and change.stage is not ChangeStage.STOP:
            return self._switched(now)
        value = 0.0 if change else self._allowed(now)
        if value == self._told:
            return None
        why = reason or ("the phases are changed" if change else self._why(value, now))
        self._told = value
        return NextStep(self._limited(value, why), why)

    def _allowed(self, now: Now) -> float:
        """What the station shall give on the phases that it has, but for the least pause and for a car to be woken."""
        phases = self.phases.present()
        if self.head_room:
            takes = self.plug_in.is_car_there and not self.plug_in.is_refusing and not self.car.is_full
            self.head_room.wanted_a = self.limit.amperes(self._unheld_on(phases, now), phases) if takes else 0.0
        value = self._value_on(phases, now)
        was_on = self.kept.flag("may_charge") is not False
        if value == 0 and was_on:
            self.kept.put_instant("stopped_at", now.mono, is_urgent=True)
        if value > 0 and now.mono < self._paused_until:
            return 0.0
        self.kept.put("may_charge", value > 0)
        self.plug_in.offer(value > 0, now)
        return 0.0 if now.mono < self._pulse_until else value

    @property
    def _paused_until(self) -> float:
        """Until when (monotonic seconds) it may not start again."""
        return self.kept.instants.get("stopped_at", -inf) + self.settings.timers.off_s

    def _value_on(self, phases: Phases, now: Now) -> float:
        """What it may give on *phases*, in the unit in which it is limited."""
        value = self._unheld_on(phases, now)
        if self.head_room is None:
            return value
        room = self.head_room
        room_a = room.left_alone_a(phases) if self._is_left_alone else room.most_a(phases)
        return min(value, self.limit.holding(room_a, phases, self.measured.voltage_v()))

    def _unheld_on(self, phases: Phases, now: Now) -> float:
        """What it might give on *phases* if its house had all the room."""
        if self.fault or self.car.is_at_limit:
            return 0.0
        most = self.most(phases)
        if isinstance(self.ordered, OrderedCharge):
            return 0.0 if self.phases.failed else min(most, self.ordered.value)
        if self.ordered:
            return min(most, self.limit.keeping(self.ordered.limit_w, phases, self.ordered.voltage_v))
        resting = self._resting
        if resting is None:
            return self._told or 0.0
        if resting.is_guarded:
            is_never_paused = self.car.known is not None and self.car.known.pause == "never"
            least = min(most, self.car.least(phases, self.limit)) if is_never_paused else 0.0
            return most if self.must_charge else least
        if resting.limit_w < inf and now.mono < resting.limit_until:
            most = min(most, self.limit.keeping(resting.limit_w, phases, self.settings.voltage_v))
        value = min(most, resting.value)
        return value if value >= self.limit.least(phases) else 0.0

    def _turn_to_what_is_then(self, now: Now) -> None:
        resting = self._resting
        if resting and resting.then and now.mono >= resting.then_at:
            if resting.then in (FREE, OFF):
                self._kept_limit.drop()
            self._resting = resting.then

    def _why(self, value: float, now: Now) -> str:
        if self.fault:
            return f"protection: {self.fault}"
        if now.mono < self._pulse_until:
            return "the car is woken"
        unit = "A" if self.limit.point == CURRENT else "W"
        return f"it may give {value:g} {unit} by now"

    def _may_wake(self, now: Now) -> bool:
        """Whether it was read just now that the car sleeps, and it is one that may be woken."""
        is_seen = self.state.is_online and self.state.was_read_since("status", now.mono - WAKE_EVERY_S / 2)
        return is_seen and (self.car.known is None or self.car.known.can_be_woken)

    def _wake(self, now: Now) -> NextStep | None:
        """Wakes the car by what the station has for that, else by a pause."""
        self.plug_in.wake(now)
        reason = "the car is woken"
        if WAKE in self.abilities and self.abilities[WAKE].can_write:
            return NextStep([Setpoint(WAKE, True, reason)], reason)
        if now.mono >= self._pulse_until + WAKE_EVERY_S:
            self._pulse_until = now.mono + WAKE_EVERY_S
        return None

    def _wanted_phases(self, now: Now) -> Phases:
        """The phases on which it shall charge."""
        present = self.phases.present()
        if len(self.phases_possible()) == 1:
            return present
        if isinstance(self.ordered, OrderedCharge):
            return self.ordered.phases if self.ordered.value and not self.phases.failed else present
        if self.ordered is None:
            is_guarded = self._resting is not None and self._resting.is_guarded
            is_driven = is_guarded and self.must_charge and now.mono >= self.phases.kept_until
            return max(self.phases_possible(), key=self._most_w_on) if is_driven else present
        on_three = self._value_on(3, now) > 0
        return self.phases.asked_for(3 if on_three else 1 if self._value_on(1, now) > 0 else present, now)

    def _switched(self, now: Now) -> NextStep | None:
        setpoint = self.phases.switch(now)
        if setpoint is None:
            return None
        if self._timers and not isinstance(self.ordered, OrderedCharge):
            self._start_phase_timer(self._timers, now)
        self._await([setpoint])
        return NextStep([setpoint], setpoint.reason)

    @property
    def _is_seen_stopped(self) -> bool:
        """Whether it was seen not to charge, and to take nothing, since it was told so and had confirmed that."""
        if self._told != 0 or self._unconfirmed or not self.state.was_read_since("status", self._confirmed_at):
            return False
        total = self.measured.total_since(self._confirmed_at)
        return total is not None and total.number < IDLE_BELOW_W and self.state.value("status") not in CHARGING

    def _limited(self, value: float, reason: str) -> list[Setpoint]:
        """What to write so that it gives at most *value*."""
        self._told = value
        is_safe = self.ordered is None or self.fault is not None
        limit = Setpoint(self.limit.point, value, reason, is_safe)
        if ENABLE not in self.abilities or not self.abilities[ENABLE].can_write:
            setpoints = [limit]
        else:
            enable = Setpoint(ENABLE, value > 0, reason, is_safe)
            setpoints = [limit, enable] if value > 0 else [enable]
        self._await(setpoints)
        return setpoints

    def _await(self, setpoints: Collection[Setpoint]) -> None:
        points = {each.point for each in setpoints}
        self._unconfirmed = {each for each in self._unconfirmed if each.point not in points} | {*setpoints}
        self._confirmed_at = inf

    def _note_confirmed(self, now: Now) -> None:
        if self._confirmed_at == inf and not self._unconfirmed and self._told is not None:
            self._confirmed_at = now.mono

    def _plan(self, now: Now) -> None:
        """Works out when something is to be looked at again though nothing happens."""
        resting = self._resting
        times = [
            self.plug_in.wakes_at,
            self._pulse_until,
            self._paused_until,
            self.phases.next_at,
            resting.then_at if resting else inf,
            resting.limit_until if resting else inf,
            *(now.mono + (each - now.utc).total_seconds() for each in (self.latest_start, self.car.departs_at) if each),
        ]
        self._looks_at = min([at for at in times if at > now.mono], default=inf)


def _is_planned(charger: EvCharger) -> bool:
    """A CEM that optimises costs would never charge a car that has no time to leave."""
    is_asked = DEPARTURE in charger.abilities and not charger.plug_in.is_car_there
    has_departure = is_asked or charger.settings.departure is not None or charger.car.departs_at is not None
    if (
        not has_departure
        or charger.car.some_capacity_wh is None
        or not _is_limited(charger)
        or charger.measured.total() is None
    ):
        return False
    plug_in, car = charger.plug_in, charger.car
    if plug_in.is_car_there is None:
        return False
    is_known = car.known is not None and car.soc is not None
    return is_known or not plug_in.is_car_there or not plug_in.is_authorised


def _is_limited(charger: EvCharger) -> bool:
    return charger.abilities[charger.limit.point].can_write and charger.state.is_known("status")


_NEEDED: dict[ControlType, Callable[[EvCharger], bool]] = {
    ControlType.FILL_RATE_BASED_CONTROL: _is_planned,
    ControlType.POWER_ENVELOPE_BASED_CONTROL: _is_limited,
}
"""Whether a rung of the ladder holds."""
