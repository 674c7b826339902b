"""The model of a load: what is known and ordered of it. It knows no control type.

It is switched on and off, or takes what it likes up to a limit.
"""

from collections.abc import Callable, Iterable, Mapping
from math import inf
from zlib import crc32

from msgspec.structs import replace

from ....s2.messages.common import Commodity, CommodityQuantity, ControlType, Role, RoleType
from ....values import RELEASE, Now, Reading, Setpoint, Value
from ...control import Control
from ...control.context import ControlContext
from ...control.execution import FOLLOWED, PENDING, Stage, Verdict
from ...control.offers import Offer
from ...control.pebc.envelopes import PresentLimits
from ...occasion import Occasion
from .. import Protection, ResourceSetup
from ..heating import LIMIT, TEMPERATURE, Activity, Heating
from ..kept_limit import KeptLimit
from ..kept_values import KeptValues
from ..ladder import Ladder
from ..later_start import ON, LaterStart
from ..owners_wish import OwnersWish
from ..power_points import described_quantity, power_points
from ..shared_state import SharedState
from ..verdicts import power_within, reads
from .boiler import Boiler
from .running_power import RunningPower
from .settings import LoadSettings

SEEN_ON = "is_on"
"""What it says itself of whether it is on, where that is another point than the one that is written."""
_CALLED = {"power": "the power", TEMPERATURE: "the temperature", ON: "whether it is on", SEEN_ON: "whether it is on"}
_RELAY_WITHIN_S, _POWER_WITHIN_S = 10.0, 60.0
_STALE_AFTER_S = 300.0
"""One that is on and of which nothing is known any more is switched off after this long."""
_SPREAD_S = 120.0
"""Within this time, each at its own instant, the loads of a street are left to their thermostats."""
_TOLERANCE = 0.05
_SWITCHED_OFF = "switched_off"


class Load:
    """The model of one load."""

    roles: tuple[Role, ...] = (Role(role=RoleType.ENERGY_CONSUMER, commodity=Commodity.ELECTRICITY),)
    foreseen_power = None
    is_time_known = True
    head_room = None
    waits_for_device = False

    def __init__(self, setup: ResourceSetup, offers: "Mapping[ControlType, Offer[Load]]") -> None:
        self.resource_id = setup.resource_id
        self.settings: LoadSettings = setup.settings
        self.abilities = setup.abilities
        self.kept = KeptValues()
        measured = {
            quantity: point
            for quantity, point in power_points(self.settings.phases, setup.abilities).items()
            if point in setup.abilities
        }
        self.state = SharedState(measured, _CALLED)
        self.quantity = described_quantity(self.settings.phases)
        self.quantities = self.state.quantities or (self.quantity,)
        self.seen_by = next((each for each in (SEEN_ON, ON) if self._can_read(each)), None)
        """The point that says whether it is on; None: it is judged by its power, or trusted."""
        usual_s = _RELAY_WITHIN_S if self.seen_by else _POWER_WITHIN_S
        shows_after_s = max((each.shows_after_s for each in setup.abilities.values()), default=0.0)
        self.follow_within_s = max(float(self.settings.follow_within_s or usual_s), shows_after_s)
        said = self.settings.power_w
        self.running = RunningPower(self.kept, float(said[1]) if said else None)
        self._ordered_on: bool | None = None
        """None while it is not ordered to be on or off."""
        self._is_limit_ordered = False
        self._trusted_on: bool | None = None
        """What it confirmed last, where nothing else tells."""
        self._limit = KeptLimit(self.kept)
        self._is_limit_kept = False
        """A limit holds that nobody orders any more."""
        self._later = LaterStart(self.kept, own_s=crc32(self.resource_id.encode()) / 2**32 * _SPREAD_S)
        self._unknown_since: float | None = None
        self._safe = setup.safe
        self._offers = offers
        self._boiler = self._made_boiler(setup)
        rungs: dict[ControlType, Callable[[], bool]] = {}
        if self._boiler:
            rungs[ControlType.FILL_RATE_BASED_CONTROL] = lambda: self.boiler.is_known
        if self._is_steered_by(LIMIT):
            if self._boiler is None or self.settings.thermostat:
                rungs[ControlType.POWER_ENVELOPE_BASED_CONTROL] = self._can_be_limited
        elif self._is_steered_by(ON):
            rungs[ControlType.OPERATION_MODE_BASED_CONTROL] = self._has_power
        self._ladder = Ladder(rungs)
        self._is_looked_at = False
        self._has_answered = False

    def _made_boiler(self, setup: ResourceSetup) -> Boiler | None:
        settings, measures_power = self.settings, self._can_read("power")
        point = LIMIT if self._is_steered_by(LIMIT) else ON
        storage = settings.thermal_storage
        is_power_known = settings.power_w is not None or (point == ON and measures_power)
        if storage is None or not self._can_read(TEMPERATURE) or not self._is_steered_by(point) or not is_power_known:
            return None
        usual_s = _POWER_WITHIN_S if measures_power else _RELAY_WITHIN_S
        return Boiler(
            setup,
            storage,
            self.state,
            self.kept,
            self.running,
            self._limit,
            self._later,
            point=point,
            seen_by=self.seen_by,
            measures_power=measures_power,
            quantity=self.quantity,
            within_s=max(float(settings.follow_within_s or usual_s), self.follow_within_s),
            is_on=lambda: self._trusted_on,
            rest=self.rest,
        )

    @property
    def boiler(self) -> Boiler:
        """What is known of its water, where FRBC is offered."""
        assert self._boiler is not None
        return self._boiler

    @property
    def wish(self) -> OwnersWish | None:
        return self._boiler.wish if self._boiler else None

    @property
    def troubles(self) -> tuple[str, ...]:
        return self._boiler.heating.troubles if self._boiler else ()

    @property
    def is_at_rest(self) -> bool:
        is_heat_ordered = self._boiler is not None and self._boiler.heating.ordered is not None
        return self._ordered_on is None and not self._is_limit_ordered and not is_heat_ordered

    @property
    def range_w(self) -> tuple[float, float]:
        """Between which powers it runs while it is limited."""
        said = self.settings.power_w
        assert said is not None
        least_w, most_w = said
        return (0.0 if least_w == most_w else float(least_w)), float(most_w)

    @property
    def is_on(self) -> bool | None:
        """Whether it is on, by what it says, by its power, or by what it confirmed; None while nothing tells."""
        if self.seen_by:
            return self.state.flag(self.seen_by)
        if self._can_read("power"):
            power_w, usual_w = self.state.number("power"), self.running.power_w
            return None if power_w is None or usual_w is None else power_w > usual_w / 2
        return self._trusted_on

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        self._has_answered = True
        self.state.observe(readings, now)
        self.running.observe(self.state.reading("power"), is_on=self.is_on)
        if self._boiler:
            self._boiler.observe(now)
        self._ladder.advance(now)
        self._note(now)

    def lose(self) -> None:
        self.state.lose()

    def advance(self, now: Now) -> bool:
        if self._is_looked_at and min(self.deadlines()) > now.mono:
            return False
        self._is_looked_at = True
        self.state.advance(now)
        if self._boiler:
            self._boiler.advance(now)
        self._ladder.advance(now)
        self._note(now)
        return True

    def deadlines(self) -> Iterable[float]:
        limit_ends_at = self._limit.until if self._is_limit_kept else inf
        looks_at = self._ladder.turns_at if self._is_looked_at else -inf
        boiler = self._boiler
        boilers_at = min(boiler.due_at, boiler.wish.next_at) if boiler else inf
        return self.state.stale_at, looks_at, limit_ends_at, self._later.at, self._stale_at, boilers_at

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        if setpoint.point in (ON, LIMIT):
            self._trusted_on = bool(setpoint.value)

    def control_types(self) -> tuple[ControlType, ...]:
        return self._ladder.offered

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        return self._offers[control_type](self, context)

    def power(self) -> Mapping[CommodityQuantity, Reading]:
        return self.state.power()

    def switch(self, reason: str, now: Now, *, on: bool, is_abnormal: bool) -> list[Stage]:
        """What to write so that it is *on*, or off."""
        if heating := self._heating:
            activity = Activity.HEAT if on else Activity.REST
            stages = heating.order(activity, inf, reason, now, is_abnormal=is_abnormal)
            return [Stage(stages[-1].setpoints, self.follow_within_s)]
        self._begin(ordered_on=on)
        self._note_switched(now, on=on)
        self._later.order(now, is_shed=is_abnormal and not on)
        return [Stage((Setpoint(ON, on, reason),), self.follow_within_s)]

    def is_switched(self, since: float, *, on: bool) -> Verdict:
        """Whether readings since then (monotonic seconds) show it *on*, or off."""
        if self.seen_by:
            return reads(self.state, self.seen_by, on, since)
        if not self._can_read("power"):
            return FOLLOWED
        is_seen = self.state.was_read_since("power", since) and self.is_on is on
        return FOLLOWED if is_seen else PENDING

    def limit(self, most_w: float, wanted: PresentLimits, reason: str) -> list[Stage]:
        """What to write so that it takes at most *most_w*, which is *wanted*."""
        self._begin(is_limit=True)
        self._limit.set(most_w, wanted)
        return [Stage((self._limited(most_w, reason),), self.follow_within_s)]

    def keeps(self, most_w: float, since: float) -> Verdict:
        """Whether readings since then (monotonic seconds) show it taking at most *most_w*."""
        if not self._can_read("power"):
            return FOLLOWED
        return power_within(self.state, -inf, most_w * (1 + _TOLERANCE), since)

    def obstacle_to_switch(self, now: Now, *, on: bool, is_abnormal: bool) -> str | None:
        """Why it may not be switched *on* now, or off."""
        if obstacle := self.obstacle(to_on=on):
            return obstacle
        activity = Activity.HEAT if on else Activity.REST
        return self._heating.obstacle_to(activity, now, is_abnormal=is_abnormal) if self._heating else None

    def obstacle_to_limit(self, most_w: float, now: Now, *, is_abnormal: bool) -> str | None:
        """Why it may not be limited to *most_w* now."""
        return self.obstacle() or (None if self._is_run_by(most_w) else self._why_run(now, is_abnormal=is_abnormal))

    def obstacle(self, *, to_on: bool = False) -> str | None:
        """Why nothing may be ordered of it now, or not to switch it on."""
        if not self.state.is_online:
            return "the device does not answer"
        if to_on and self.settings.thermostat is False and (unknown := self.state.unknown((TEMPERATURE,))):
            return unknown
        return self.state.fault

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        is_said = self._safe.is_said_of(occasion)
        self._ordered_on, self._is_limit_ordered, self._is_limit_kept = None, False, False
        setpoints = self._safe.on(occasion, reason)
        if occasion is Occasion.ABORTED and not is_said:  # what failed is not answered by more
            setpoints = [replace(each, value=False) if each.point == ON else each for each in setpoints]
        if is_said or not self._is_steered_by(LIMIT):  # a limit that is kept may be of another device
            self._limit.drop()
        elif (limit_w := self._limit.keep(occasion, now.mono)) is not None:
            self._is_limit_kept = True
            kept = self._limited(limit_w, reason)
            setpoints = [each for each in setpoints if each.point != LIMIT]
            setpoints.append(Setpoint(LIMIT, kept.value, reason, is_safe=True))
        is_last = occasion is Occasion.STOPPING
        if self._boiler:
            setpoints = self._boiler.heating.rest(setpoints, occasion, now)
            self._boiler.look_ahead(now)
            if not is_last:
                return setpoints
        if any(each.point == ON and each.value is False for each in setpoints):
            self._note_switched(now, on=False)
        off_until = self.kept.instants.get(_SWITCHED_OFF, -inf) + self.settings.timers.off_s
        is_on = self.is_on if self._is_told_anew else False
        return self._later.defer(setpoints, off_until, now, is_on=is_on, is_last=is_last)

    def protect(self, now: Now) -> Protection | None:
        if self._is_on_ordered and (fault := self.state.fault):
            return Protection(fault, self.rest(Occasion.ABORTED, f"protection: {fault}", now))
        if now.mono >= self._stale_at and (unknown := self._why_unknown):
            return Protection(unknown, self.rest(Occasion.STALE, f"protection: {unknown}", now))
        if self._is_limit_kept and now.mono >= self._limit.until:
            self._is_limit_kept = False
            self._limit.drop()
            if self._boiler and self._boiler.heating.ordered:
                return None
            reason = "the limit that was kept has come to its end"
            setpoints = [each for each in self._safe.on(Occasion.ENDED, reason) if each.point == LIMIT]
            return Protection(reason, setpoints, ends_orders=False)
        if self._boiler:
            return self._protect_water(self._boiler, now)
        if starts := self._later.take(now):
            return Protection("it is left to its thermostat", starts, ends_orders=False, is_harm=False)
        return None

    def _protect_water(self, boiler: Boiler, now: Now) -> Protection | None:
        heating = boiler.heating
        if self._is_limit_ordered or (self._is_limit_kept and heating.ordered is None):
            # What its thermostat does within that is not ours, unless it cannot do anything.
            is_run = self._is_run_by(boiler.allowed_w)
            reason = None if is_run else self._why_run(now, is_abnormal=self._limit.is_abnormal)
            return Protection(reason, self.rest(Occasion.ENDED, reason, now)) if reason else None
        if heating.is_told and (unknown := self.state.unknown((TEMPERATURE,))):
            return Protection(unknown, self.rest(Occasion.STALE, f"protection: {unknown}", now))
        protection = heating.protect(now)
        boiler.look_ahead(now)
        if protection and protection.ends_orders:
            self._ordered_on = None
        return protection

    def _begin(self, *, ordered_on: bool | None = None, is_limit: bool = False) -> None:
        self._ordered_on, self._is_limit_ordered, self._is_limit_kept = ordered_on, is_limit, False
        self._later.drop()

    @property
    def _heating(self) -> Heating | None:
        """What sees to its water while it is switched; what has a thermostat can do without that."""
        is_needed = self._boiler and (self.state.is_known(TEMPERATURE) or not self.settings.thermostat)
        return self.boiler.heating if is_needed else None

    @property
    def _is_on_ordered(self) -> bool:
        ordered = self._boiler.heating.ordered if self._boiler else None
        return self._ordered_on is True or (ordered is not None and ordered.activity is Activity.HEAT)

    def _is_run_by(self, limit_w: float) -> bool:
        """Whether *limit_w* lets it run at all."""
        return limit_w > 0 and limit_w >= self.range_w[0]

    def _why_run(self, now: Now, *, is_abnormal: bool) -> str | None:
        """Why it must not be kept from running now, or None."""
        demand = self._boiler.heating.demand(now) if self._boiler else None
        return None if demand is None or (is_abnormal and demand.yields_to_abnormal) else demand.reason

    def _note(self, now: Now) -> None:
        """Takes down since when it is off, and since when nobody knows whether it is on."""
        if (is_on := self.is_on) is not None and self._is_told_anew:
            self._note_switched(now, on=is_on)
        if self._why_unknown is None:
            self._unknown_since = None
        elif self._unknown_since is None:
            self._unknown_since = now.mono

    @property
    def _is_told_anew(self) -> bool:
        """Whether it was heard of since it was switched off, as far as it was."""
        heard = self.state.reading(self.seen_by or "power")
        return heard is None or heard.at is None or heard.at > self.kept.instants.get(_SWITCHED_OFF, -inf)

    def _note_switched(self, now: Now, *, on: bool) -> None:
        if on:
            self.kept.drop(_SWITCHED_OFF)
        elif _SWITCHED_OFF not in self.kept.instants:
            self.kept.put_instant(_SWITCHED_OFF, now.mono, is_urgent=True)

    def _limited(self, most_w: float, reason: str) -> Setpoint:
        """What it is told to take at most *most_w*: the next lower that it can."""
        least_w, all_w = self.range_w
        if most_w >= all_w and self.abilities[LIMIT].can_release:
            return Setpoint(LIMIT, RELEASE, reason)
        value: Value = 0.0 if most_w < least_w else min(most_w, all_w)
        return Setpoint(LIMIT, value, reason)

    @property
    def _stale_at(self) -> float:
        """When (monotonic seconds) it is brought to rest because nothing is known of it."""
        return inf if self._unknown_since is None or not self._is_on_ordered else self._unknown_since + _STALE_AFTER_S

    @property
    def _why_unknown(self) -> str | None:
        """Why it is unknown whether it is on, as far as anything tells that."""
        judged_by = [each for each in (self.seen_by or "power",) if self._can_read(each)]
        if self.settings.thermostat is False and self._can_read(TEMPERATURE):
            judged_by.append(TEMPERATURE)
        return self.state.unknown(judged_by)

    def _can_be_limited(self) -> bool:
        is_heard = self.state.is_known("power") if self._can_read("power") else self._has_answered
        return self.settings.power_w is not None and is_heard

    def _has_power(self) -> bool:
        return self.running.power_w is not None and self.is_on is not None

    def _can_read(self, point: str) -> bool:
        return point in self.abilities and self.abilities[point].can_read

    def _is_steered_by(self, point: str) -> bool:
        return point in self.abilities and self.abilities[point].can_write
