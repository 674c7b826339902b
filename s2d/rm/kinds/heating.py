"""Heating of a thermal storage: what is ordered of its heater, and what must be whatever is ordered.

It is kept warm enough, its heater neither wears nor overheats it, and once a week it gets hot. A heater is told what to
do by one of several points; what it does it says itself. Pure.

Spec: EN 50491-12-2, FRBC.
"""

from collections.abc import Iterable
from enum import StrEnum
from math import inf
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from ...values import Now, Setpoint, Value
from ..control.execution import FOLLOWED, PENDING, Stage, Verdict, failed
from ..occasion import Occasion, SafeStates
from . import Protection
from .hygiene import HOT_C, Hygiene
from .kept_values import KeptValues
from .later_start import ON, LaterStart
from .owners_wish import OwnersWish
from .shared_state import SharedState
from .thermal_storage import ThermalStorage

SETPOINT, OFFER, LIMIT = "temperature_setpoint", "power_offer", "power_limit"
"""The points by which a heater is told: how warm, up to which power, at most which; or by ON whether at all."""
_CUT_OFF_BY = (LIMIT, ON)
"""The points by which one that rests is kept from running at all; by the others it is left to itself."""
TEMPERATURE, HEAT_NOW = "temperature", "heat_now"
COLD_AT_MOST_S = 7200.0
"""An abnormal order to rest is obeyed below the band for so long."""
_WARM_AGAIN_K = 2.0
"""What got too cold is heated until it is so much warmer than it has to be."""
_TOO_HOT_K = 3.0
"""So much above its band it is too hot for the heater to run on for its own sake."""
_BUSY_AT_MOST_S = 7200.0
"""An order waits no longer for a heater that has something else to do."""
_OVER_LIMIT = 0.05
"""It may take so much more than its limit."""
_SAME_K = 0.5
"""Devices round temperatures that they are told."""
_FOR_EVER_S = 86_400.0
"""What was first seen to be so is taken to have been so for long."""
_HEATS_SINCE, _RESTS_SINCE = "heats_since", "rests_since"


class Activity(StrEnum):
    """The activity of a heater."""

    HEAT = "heat"
    REST = "rest"


class StorageHeater(Protocol):
    """What heats a storage, as its kind knows it."""

    @property
    def power_w(self) -> tuple[float, float] | None:
        """The least and the most that it takes while it heats; None while nobody knows."""
        ...

    @property
    def allowed_w(self) -> float:
        """The most that it may take now, whoever limits it."""
        ...

    @property
    def busy(self) -> str | None:
        """What it does that must not be disturbed, in words."""
        ...

    @property
    def wish(self) -> OwnersWish:
        """That its owner wants it to heat now."""
        ...

    def danger_after(self, cut_off_at: float | None, now: Now) -> str | None:
        """Why it must not be cut off now, nor any longer where it has been since *cut_off_at* (monotonic seconds)."""
        ...

    def cut_off_until(self, cut_off_at: float) -> float:
        """Until when (monotonic seconds) it may stay cut off that was at *cut_off_at*; infinite: as long as ever."""
        ...

    def is_heating(self, since: float) -> bool | None:
        """Whether it heats the storage, by what was true at *since* (monotonic seconds) or later; None: unknown."""
        ...


class HeatingTimes(NamedTuple):
    """The times of a heater, in s."""

    run: float
    """It heats for so long at least..."""
    pause: float
    """...and rests for so long."""
    heats_within: float
    """It is seen to heat after so long..."""
    rests_within: float
    """...and to rest after so long."""


class _Ordered(NamedTuple):
    """What is ordered of a heater."""

    activity: Activity
    is_abnormal: bool
    at: float
    """Monotonic seconds."""
    busy_s: float
    """How long it had been busy by then."""


class Demand(NamedTuple):
    """A demand: what must be, whatever is ordered."""

    reason: str
    heats: bool
    """Otherwise it is left to itself."""
    target_c: float
    yields_to_abnormal: bool = False


class Heating:
    """The heating of one storage by one heater."""

    def __init__(
        self,
        storage: ThermalStorage,
        heater: StorageHeater,
        state: SharedState,
        kept: KeptValues,
        safe: SafeStates,
        later: LaterStart,
        *,
        point: str | None,
        read_by: str | None,
        has_thermostat: bool,
        is_guard: bool = False,
        times: HeatingTimes,
        hysteresis_k: float,
        hygiene: Hygiene | None,
    ) -> None:
        """*point*: by which the heater is told what to do; None if others see to that.

        *read_by*: the point that says what it was told, if any does. *has_thermostat*: its own may keep it from
        heating. *is_guard*: nothing else keeps it from getting too hot, whoever has switched it on.
        """
        self.storage = storage
        self.point = point
        self.times = times
        self.hygiene = hygiene
        self.ordered: _Ordered | None = None
        self._heater = heater
        self._state = state
        self._kept = kept
        self._safe = safe
        self._later = later
        self._read_by = read_by
        self._has_thermostat = has_thermostat
        self._is_guard = is_guard
        self._was_stopped = False
        """It was told to rest as it was too hot, though it was not told to heat."""
        self._hysteresis_k = hysteresis_k
        self._is_cold = False
        self._met: Demand | None = None
        """What the heater was told because it must be."""
        self._cut_off_at: float | None = None
        """When (monotonic seconds) it was told to rest by what keeps it from running; None: it may run."""
        self._limited_w = inf
        """At most what it was told to take, where it heats by a limit."""
        self._busy_s = 0.0
        self._busy_since: float | None = None

    def follow(self, storage: ThermalStorage) -> None:
        """The storage is kept as this one is from here on: its band has moved."""
        self.storage = storage

    @property
    def temperature_c(self) -> float | None:
        return self._state.number(TEMPERATURE)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What its owner has to see to, in words."""
        return (self.hygiene.trouble,) if self.hygiene and self.hygiene.trouble else ()

    @property
    def is_told(self) -> bool:
        """Whether it was told something that depends on the temperature."""
        return self.ordered is not None or self._met is not None

    @property
    def is_satisfied(self) -> bool:
        """Whether it may heat, and its own thermostat would not start it."""
        return self._has_thermostat and self._is_at_least(self.storage.high_c - self._hysteresis_k)

    @property
    def is_warm(self) -> bool:
        """Whether it is as warm as it is heated."""
        return self._is_at_least(self.storage.high_c)

    @property
    def may_start_at(self) -> float:
        """When (monotonic seconds) it has rested for long enough, once it does; long ago while it heats."""
        return self._after(_RESTS_SINCE, self.times.pause)

    @property
    def activity(self) -> Activity | None:
        """What it does; None while that is unknown. What it does beside that is none of ours."""
        if self._heater.busy and self.ordered:
            return self.ordered.activity
        is_heating = self._heater.is_heating(-inf)
        return None if is_heating is None else Activity.HEAT if is_heating else Activity.REST

    def observe(self, now: Now) -> None:
        """Takes note of what was read."""
        if self._heater.busy and self._busy_since is None:
            self._busy_since = now.mono
        elif not self._heater.busy and self._busy_since is not None:
            self._busy_s, self._busy_since = self._busy_for_s(now), None
        ordered = self.ordered.activity if self.ordered else None
        if (activity := self.activity) and ordered in (None, activity):
            self._note(activity, now)
        temperature_c = self._state.worst(TEMPERATURE, min)
        if temperature_c is not None:
            warm_c = min(self.storage.low_c + _WARM_AGAIN_K, self.storage.high_c)
            self._is_cold = temperature_c < (warm_c if self._is_cold else self.storage.low_c)
        self._heater.wish.observe(is_done=self.is_warm)
        if self.hygiene:
            is_seen = self._state.value("status") == "legionella"
            self.hygiene.observe(self.temperature_c, now, is_seen=is_seen)

    def advance(self, now: Now) -> None:
        """Does what time does."""
        if self.hygiene and now.mono >= self.hygiene.next_at:
            self.hygiene.advance(now)

    def next_at(self, now_s: float) -> float:
        """When (monotonic seconds) after *now_s* something must be, though nothing is read."""
        times = [
            self._later.at,
            self.may_start_at if self.point == ON else inf,
            self.hygiene.next_at if self.hygiene else inf,
        ]
        if self.ordered and self.ordered.is_abnormal:
            times.append(self.ordered.at + COLD_AT_MOST_S)
        if self._cut_off_at is not None:
            times.append(self._heater.cut_off_until(self._cut_off_at))
        return min([at for at in times if at > now_s], default=inf)

    def demand(self, now: Now) -> Demand | None:
        """What must be now, whatever is ordered."""
        temperature_c, storage = self.temperature_c, self.storage
        if temperature_c is None:
            return None
        if wanted := self._heater.wish.reason:
            return Demand(wanted, True, storage.high_c, yields_to_abnormal=True)
        if self.hygiene and self.hygiene.is_now(now):
            if self.hygiene.is_by_us:
                return Demand("once a week it has to get hot", not self._is_hot, max(HOT_C, storage.high_c))
            return Demand("once a week its device has to make it hot", False, storage.high_c)
        if self._is_cold:
            return Demand(f"it is colder than {storage.low_c:g} °C", True, storage.high_c, yields_to_abnormal=True)
        is_at_stake = self.point == ON or self._cut_off_at is not None
        if is_at_stake and (danger := self._heater.danger_after(self._cut_off_at, now)):
            return Demand(danger, self.point == ON, storage.high_c)
        return None

    def obstacle_to(self, activity: Activity, now: Now, *, is_abnormal: bool) -> str | None:
        """Why *activity* may not be ordered now."""
        if unknown := self._state.unknown((TEMPERATURE,)):
            return unknown
        demand = self.demand(now)
        if demand and demand.reason == self._heater.wish.reason and not is_abnormal:
            return demand.reason
        if activity is Activity.HEAT:
            if self.point != SETPOINT and self._is_at_least(self.storage.high_c):
                return f"it is {self.temperature_c:g} °C warm"
            return self._too_soon(_RESTS_SINCE, self.times.pause, now, "rested")
        if demand and not (is_abnormal and demand.yields_to_abnormal):
            return demand.reason
        if self.point in _CUT_OFF_BY and (danger := self._heater.danger_after(None, now)):
            return danger
        return None if is_abnormal else self._too_soon(_HEATS_SINCE, self.times.run, now, "heated")

    def order(self, activity: Activity, power_w: float, reason: str, now: Now, *, is_abnormal: bool) -> list[Stage]:
        """What to write so that it does *activity*, at *power_w* if it heats and that can be told."""
        self.ordered = _Ordered(activity, is_abnormal, now.mono, self._busy_for_s(now))
        self._met = None
        self._later.order(now, is_shed=is_abnormal and activity is Activity.REST)
        if not (activity is Activity.HEAT and self.is_satisfied):
            self._note_told(activity, now)
        setpoint = (
            self._heats(power_w, self.storage.high_c, reason) if activity is Activity.HEAT else self._rest(reason, now)
        )
        # Its clock stops while the heater is busy, so the verdict has the last word.
        within_s = self._within_s(activity) + _BUSY_AT_MOST_S
        ordered = Stage((setpoint,), within_s)
        if self._heater.busy is None:
            return [ordered]
        return [Stage((), _BUSY_AT_MOST_S, lambda since: self._heater.busy is None), ordered]

    def verdict_on(self, activity: Activity, since: float, now: Now) -> Verdict:
        """Whether readings since then (monotonic seconds) show *activity*."""
        assert self.point is not None
        is_heating = self._heater.is_heating(since)
        if activity is Activity.HEAT:
            is_seen = (is_heating is True or self.is_satisfied) and self._is_within_limit
        else:
            is_seen = is_heating is False
        if is_seen and self._is_read_back(activity, since):
            return FOLLOWED
        busy_s = self._busy_for_s(now) - (self.ordered.busy_s if self.ordered else 0.0)
        within_s = self._within_s(activity)
        if since > -inf and now.mono - since - busy_s > within_s:
            return failed(f"it did not {activity} within {within_s:g} s")
        return PENDING

    def rest(self, setpoints: Iterable[Setpoint], occasion: Occasion, now: Now) -> list[Setpoint]:
        """Of *setpoints*, which bring all of its device to rest on *occasion*, what is to be written instead by now."""
        cut_off_at, self._cut_off_at = self._cut_off_at, None
        self.ordered, self._met = None, None
        self._later.drop()
        setpoints = list(setpoints)
        if self.point is None or occasion is Occasion.STOPPING:
            return setpoints
        demand = self.demand(now)
        if demand and demand.heats and self._heater.busy is None and not self._would_start_too_soon(now):
            self._met = demand
            self._note(Activity.HEAT, now)
            heats = self._demanded(demand, f"{setpoints[0].reason if setpoints else occasion}: {demand.reason}")
            return [heats, *(each for each in setpoints if each.point != self.point)]
        is_on = self.activity is Activity.HEAT
        setpoints = self._later.defer(setpoints, self.may_start_at, now, is_on=is_on)
        if self._later.at < inf:
            self._cut_off_at = cut_off_at
        if any(each.point == ON and each.value is False for each in setpoints):
            self._note_told(Activity.REST, now)  # it may be ordered to heat before that is read
        return setpoints

    def protect(self, now: Now) -> Protection | None:
        """What to write against what must not be by now."""
        if self.point is None or self._heater.busy:
            return None
        if starts := self._later.take(now):
            self._cut_off_at = None
            return Protection("it has rested for long enough", starts, ends_orders=False, is_harm=False)
        demand = self.demand(now)
        if demand and demand.yields_to_abnormal and self._may_be_cold(now):
            demand = None
        if self._is_guard and not (demand and demand.heats) and (protection := self._stop_what_others_heat(now)):
            return protection
        if demand:
            return self._meet(demand, now)
        if self._met:
            if not (self.point == SETPOINT or self._has_run(now)):
                return None
            reason, self._met = f"no more: {self._met.reason}", None
            return Protection(reason, self._left_alone(reason, now), ends_orders=False, is_harm=False)
        if self.ordered and self.ordered.activity is Activity.HEAT and self._is_full(now):
            reason = f"it is {self.temperature_c:g} °C warm"
            self.ordered = None
            self._note_told(Activity.REST, now)
            return Protection(reason, [replace(self._rest(reason, now), is_safe=True)])
        return None

    def _stop_what_others_heat(self, now: Now) -> Protection | None:
        """Once each time that nothing of ours heats it and it gets too hot, or is begun to be heated as it is."""
        is_too_hot = self._is_at_least(self.storage.high_c + _TOO_HOT_K) and self.activity is Activity.HEAT
        if self.is_told or not is_too_hot:
            self._was_stopped = False
            return None
        if self._was_stopped:
            return None
        self._was_stopped = True
        self._note_told(Activity.REST, now)
        reason = f"it is {self.temperature_c:g} °C warm"
        return Protection(reason, [replace(self._rest(reason, now), is_safe=True)])

    def _meet(self, demand: Demand, now: Now) -> Protection | None:
        is_met = self._met is not None and (self._met.reason, self._met.heats) == (demand.reason, demand.heats)
        does_so = self.ordered is not None and self.ordered.activity is Activity.HEAT
        if is_met or (does_so and demand.heats and demand.target_c <= self.storage.high_c):
            return None
        if self.ordered is None and self._met is None and self._cut_off_at is None and not demand.heats:
            return None
        if demand.heats and self._would_start_too_soon(now):
            return None
        is_overruled = self.ordered is not None
        if not demand.heats:
            setpoints = self._left_alone(demand.reason, now)
            self._met = self.demand(now)  # it may have been but that it was cut off
            return Protection(demand.reason, setpoints, is_harm=is_overruled)
        self.ordered, self._met = None, demand
        self._later.drop()
        self._note(Activity.HEAT, now)
        is_harm = is_overruled and demand.reason != self._heater.wish.reason
        return Protection(demand.reason, [self._demanded(demand, demand.reason)], is_harm=is_harm)

    def _left_alone(self, reason: str, now: Now) -> list[Setpoint]:
        own = [each for each in self._safe.on(Occasion.ENDED, reason) if each.point == self.point]
        return self.rest(own, Occasion.ENDED, now)

    def _demanded(self, demand: Demand, reason: str) -> Setpoint:
        most_w = self._heater.power_w[1] if self._heater.power_w else inf
        return replace(self._heats(most_w, demand.target_c, reason), is_safe=True)

    def _heats(self, power_w: float, target_c: float, reason: str) -> Setpoint:
        assert self.point is not None
        self._cut_off_at = None
        power_w = min(power_w, self._heater.allowed_w)
        self._limited_w = power_w if self.point == LIMIT else inf
        values: dict[str, Value] = {SETPOINT: target_c, ON: True}
        return Setpoint(self.point, values.get(self.point, power_w), reason)

    def _rest(self, reason: str, now: Now) -> Setpoint:
        assert self.point is not None
        if self.point in _CUT_OFF_BY and self._cut_off_at is None:
            self._cut_off_at = now.mono
        values: dict[str, Value] = {SETPOINT: self.storage.low_c, ON: False}
        return Setpoint(self.point, values.get(self.point, 0.0), reason)

    def _is_full(self, now: Now) -> bool:
        """Whether a heater without a thermostat has to rest: at once where it is too hot, else when it has run."""
        if self.point == SETPOINT or not self._is_at_least(self.storage.high_c):
            return False
        return self._has_run(now)

    def _has_run(self, now: Now) -> bool:
        """Whether it may rest without wear, or has to."""
        has_run = self._after(_HEATS_SINCE, self.times.run) <= now.mono
        return has_run or self._is_at_least(self.storage.high_c + _TOO_HOT_K)

    @property
    def _is_hot(self) -> bool:
        """Whether it is as hot as it has to get once a week; one without a thermostat rests until it is not."""
        rests = self._met is not None and not self._met.heats
        return self.point != SETPOINT and self._is_at_least(HOT_C if rests else HOT_C + _TOO_HOT_K)

    def _is_at_least(self, temperature_c: float) -> bool:
        warmest_c = self._state.worst(TEMPERATURE, max)
        return warmest_c is not None and warmest_c >= temperature_c

    def _may_be_cold(self, now: Now) -> bool:
        ordered = self.ordered
        return (
            ordered is not None
            and ordered.is_abnormal
            and ordered.activity is Activity.REST
            and now.mono < ordered.at + COLD_AT_MOST_S
        )

    def _is_read_back(self, activity: Activity, since: float) -> bool:
        """Whether what it was told reads so, where anything says that; else what it does tells as much."""
        if self._read_by is None:
            return True
        if self.point == ON:
            is_on = activity is Activity.HEAT
            return self._state.was_read_since(self._read_by, since) and self._state.flag(self._read_by) is is_on
        told_c = self.storage.high_c if activity is Activity.HEAT else self.storage.low_c
        read_c = self._state.number(self._read_by)
        is_same = read_c is not None and abs(read_c - told_c) <= _SAME_K
        return is_same and self._state.was_read_since(self._read_by, since)

    @property
    def _is_within_limit(self) -> bool:
        power_w = self._state.number("power")
        return power_w is None or power_w <= self._limited_w * (1 + _OVER_LIMIT)

    def _within_s(self, activity: Activity) -> float:
        return self.times.heats_within if activity is Activity.HEAT else self.times.rests_within

    def _busy_for_s(self, now: Now) -> float:
        """How long it has been busy, all in all."""
        return self._busy_s + (0.0 if self._busy_since is None else now.mono - self._busy_since)

    def _note_told(self, activity: Activity, now: Now) -> None:
        """Notes that it is told to do *activity*: what that switches off rests since then, as its contact does."""
        was_on = self.point == ON and self._read_by is not None and self._state.flag(self._read_by)
        if activity is Activity.REST and was_on:
            self._kept.put_instant(_RESTS_SINCE, now.mono, is_urgent=True)
            self._kept.drop(_HEATS_SINCE)
        self._note(activity, now)

    def _note(self, activity: Activity, now: Now) -> None:
        """Notes that it does *activity*, since when if it did something else before."""
        begins, ends = (_HEATS_SINCE, _RESTS_SINCE) if activity is Activity.HEAT else (_RESTS_SINCE, _HEATS_SINCE)
        if begins in self._kept.instants:
            return
        has_changed = ends in self._kept.instants
        self._kept.put_instant(begins, now.mono if has_changed else now.mono - _FOR_EVER_S, is_urgent=has_changed)
        self._kept.drop(ends)

    def _would_start_too_soon(self, now: Now) -> bool:
        """Whether it is kept from starting: a contact starts nothing before its time, whatever must be."""
        return self.point == ON and self.may_start_at > now.mono

    def _after(self, since: str, duration_s: float) -> float:
        """When (monotonic seconds) it has done for long enough what it does *since*; if it is not at it, long ago."""
        return self._kept.instants.get(since, -inf) + duration_s

    def _too_soon(self, since: str, duration_s: float, now: Now, done: str) -> str | None:
        left_s = self._after(since, duration_s) - now.mono
        return f"it has to have {done} for {duration_s:g} s, of which {left_s:.0f} s are left" if left_s > 0 else None
