"""The present car: which of those that are known is plugged in, how full it is, when it leaves, and what it needs.

Its charge is protected: below a least it is charged at once, and from the latest start on so that it leaves as full as
it is wanted.
"""

from datetime import UTC, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from ....values import Now
from ..kept_values import KeptValues
from ..shared_state import SharedState
from .car import Car, car_of
from .car_charge import CarCharge
from .charge_limit import CURRENT, ChargeLimit, Phases
from .charging_power import ChargingPower
from .learnt_car import LearntCar
from .plug_in import PlugIn
from .settings import EvChargerSettings

_RESERVE, _RESERVE_S = 1.1, 900.0
"""It is started by so much sooner than what is left takes, as a factor and beside it."""
_HYSTERESIS_PERCENT = 2.0
"""A full car counts as full until it has lost so much."""
_ALMOST_PERCENT = 1.0
_ANOTHER_WH = 50.0
"""A station that has counted so much less than before has another car, which nobody saw come."""
_STARTS = "starts"
"""How often the car that is there has begun to charge; a restart makes it no less worn."""
DEPARTURE = "departure"
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_TIME_FROM_S, _UNIX_TIME_TO_S = 1e9, 4e9
"""A departure is in so many seconds, or from here on at that Unix time."""
_DEPARTS_WITHIN = timedelta(days=30)
_DEPARTURE_MOVED = timedelta(minutes=2)
"""Who counts down in minutes means the same all the time."""
_FULL_AFTER_S = 300.0
"""A car that stops by itself, almost full or after it took less and less, is full after this long."""


class PresentCar:
    """The car that is plugged in at one charger."""

    def __init__(
        self,
        settings: EvChargerSettings,
        state: SharedState,
        kept: KeptValues,
        measured: ChargingPower,
        time_zone: str,
    ) -> None:
        self.plug_in = PlugIn()
        self.learnt = LearntCar()
        self.departs_at: datetime | None = None
        """UTC; None: nobody says."""
        self._is_departure_said = False
        self.is_at_limit = False
        """It is as full as it may be..."""
        self._has_had_enough = False
        """...or wanted no more."""
        self.charges_since: float | None = None
        """None: it does not."""
        self.first_charged_at: float | None = None
        self._settings = settings
        self._state = state
        self._measured = measured
        self._kept = kept
        self._charge = CarCharge(state, kept)
        self.known = self._which()
        """Which it is, of those that its owner has told of; None: another, or a guest."""
        self._zone = ZoneInfo(time_zone)
        self._plug_in_number = 0
        self._came_at = -inf
        self._stopped_at: float | None = None
        """When it stopped by itself."""
        self._last_w = 0.0
        self._counted_wh: float | None = None
        """What the station has counted since the car came, as it was read last."""
        self._is_first_look = True

    def observe(self, phases: int, phases_since: float, least_w: float, now: Now) -> None:
        """Takes what is known now of a station that is on *phases* since then, with *least_w* at least."""
        plug_in, total = self.plug_in, self._measured.total()
        self.known = self._which()
        if plug_in.is_car_there is None:
            return
        counted_wh, before_wh = self._state.number("session_energy"), self._counted_wh
        self._counted_wh = counted_wh if counted_wh is not None else before_wh
        is_another = counted_wh is not None and before_wh is not None and counted_wh < before_wh - _ANOTHER_WH
        if plug_in.is_car_there and (plug_in.number != self._plug_in_number or is_another):
            self._come(now)
        elif not plug_in.is_car_there:
            self._charge.go()
            self._kept.drop(_STARTS)
            self._forget()
        self._is_first_look = False
        if plug_in.is_car_there:
            self._charge.observe(total, self._came_at, now)
            self._kept.put(_STARTS, plug_in.starts)
        if plug_in.is_charging and total:
            self.charges_since = now.mono if self.charges_since is None else self.charges_since
            self.first_charged_at = now.mono if self.first_charged_at is None else self.first_charged_at
            charging_s = now.mono - max(self.charges_since, phases_since)
            # What it uses of one phase says nothing of how many it has.
            in_use = self._measured.phases_in_use() if phases == self._settings.phases else None
            self.learnt.observe(total, in_use, charging_s=charging_s)
            self._last_w, self._stopped_at = total.number, None
        elif self.charges_since is not None:
            self.charges_since, self._stopped_at = None, now.mono
        self._look_whether_full(least_w, now)
        self.advance(now)

    def advance(self, now: Now) -> None:
        """Does what time does."""
        said, usual = self._said_departure(now), self._settings.departure
        if said is not None:
            if self.departs_at is None or abs(said - self.departs_at) >= _DEPARTURE_MOVED:
                self.departs_at = said
        elif self._is_departure_said or self.departs_at is None or self.departs_at <= now.utc:
            self.departs_at = usual.next_after(now.utc, self._zone) if usual else None
        self._is_departure_said = said is not None

    def _said_departure(self, now: Now) -> datetime | None:
        """When it leaves as somebody says; None: nobody does, or it should have left by now."""
        said = self._state.reading(DEPARTURE)
        if said is None or said.value is None:
            return None
        if isinstance(said.value, str):
            try:
                at = datetime.fromisoformat(said.value.strip())
            except ValueError:
                return None
            at = at if at.tzinfo else at.replace(tzinfo=self._zone)
        elif not said.number > 0:
            return None
        elif said.number >= _UNIX_TIME_FROM_S:
            at = _UNIX_EPOCH + timedelta(seconds=min(said.number, _UNIX_TIME_TO_S))
        else:
            at = said.true_at(now) + timedelta(seconds=said.number)
        return at.astimezone(UTC) if now.utc < at <= now.utc + _DEPARTS_WITHIN else None

    @property
    def is_full(self) -> bool:
        """Whether it is as full as it may be, or has stopped by itself as a full car does."""
        return self.is_at_limit or self._has_had_enough

    @property
    def is_known_to_lack(self) -> bool:
        """Whether it is known that it has not got what it wants."""
        return not self.is_full and (self.soc is not None or bool(self.requested_wh))

    @property
    def some_capacity_wh(self) -> float | None:
        """Of its battery, else of the first car that is known well enough; None: of none."""
        capacities = [car.battery_capacity_wh for car in (self.known, *self._settings.cars) if car is not None]
        return next((float(each) for each in capacities if each), None)

    @property
    def is_planned(self) -> bool:
        """Whether it is known well enough to be charged by plan."""
        return self.known is not None and self.known.battery_capacity_wh is not None

    @property
    def takes_phase_changes(self) -> bool:
        """Whether it takes a change between one phase and three, as every car does of which nobody says otherwise."""
        return self.known is None or self.known.can_switch_phases

    @property
    def soc(self) -> float | None:
        """Its state of charge in %; None while it is unknown."""
        car = self.known
        if car is None or car.battery_capacity_wh is None:
            return None
        return self._charge.soc(car.battery_capacity_wh, self._settings.charge_efficiency, self.limit_soc)

    @property
    def is_soc_estimated(self) -> bool:
        """Whether its state of charge is more than its own word."""
        return self._charge.is_estimated

    @property
    def limit_soc(self) -> float:
        """The state of charge in % at which it is stopped."""
        of_car = float(self.known.limit_soc) if self.known else 100.0
        said = self._state.number("vehicle_soc_limit")
        return min(float(self._settings.limit_soc), of_car, 100.0 if said is None else said)

    @property
    def min_soc(self) -> float:
        """The state of charge in % to which it is charged whatever is ordered."""
        return min(self.limit_soc, float(self._settings.min_soc))

    @property
    def target_soc(self) -> float:
        """The state of charge in % with which it leaves."""
        said = self._state.number("target_soc")
        return min(self.limit_soc, float(self._settings.target_soc if said is None else said))

    def phases(self, phases: int) -> int:
        """How many of *phases* it uses."""
        said = self.known.phases if self.known else None
        return min([phases, *(each for each in (said, self.learnt.phases) if each is not None)])

    def least(self, phases: Phases, limit: ChargeLimit) -> float:
        """The least but 0 with which it charges on a station with *phases*, in the unit of *limit*."""
        least = limit.least(phases)
        return max(least, float(self.known.min_current_a)) if self.known and limit.point == CURRENT else least

    def most_w(self, phases: int, limit: ChargeLimit, *, used: int | None = None) -> float:
        """The most that it takes on a station with *phases*, so far as that is known by what it was seen to.

        *used*: how many of them it is supposed to use; None: as many as it is known to.
        """
        used = self.phases(phases) if used is None else used
        most_w = limit.nominal_w(limit.most(1 if phases == 1 else 3), used)
        if self.known and self.known.max_current_a:
            most_w = min(most_w, used * self._settings.voltage_v * self.known.max_current_a)
        learnt_w = self.learnt.most_per_phase_w
        return most_w if learnt_w is None else min(most_w, used * learnt_w)

    def missing_wh(self, to_soc: float) -> float:
        """The energy to take until it has that state of charge (%); 0 if that is unknown."""
        soc, car = self.soc, self.known
        if soc is None or car is None or car.battery_capacity_wh is None:
            return 0.0
        return max(0.0, to_soc - soc) * car.battery_capacity_wh / self._settings.charge_efficiency

    @property
    def requested_wh(self) -> float | None:
        """What is left of the energy that it wants; None: it asks for none, or what it has got is unknown."""
        wanted_wh, got_wh = self._state.number("requested_energy"), self._state.number("session_energy")
        return None if wanted_wh is None or got_wh is None else max(0.0, wanted_wh - got_wh)

    def average_w(self, now: Now) -> tuple[float, float] | None:
        """The least and the most that it takes on average until it leaves (W); None where nobody knows."""
        if self.departs_at is None or not self.plug_in.is_car_there or not self.plug_in.is_authorised:
            return None
        left_h = (self.departs_at - now.utc).total_seconds() / 3600
        if self.soc is not None:
            least_wh, most_wh = self.missing_wh(self.target_soc), self.missing_wh(self.limit_soc)
        elif self.requested_wh is not None:
            least_wh = most_wh = self.requested_wh
        else:
            return None
        return (least_wh / left_h, most_wh / left_h) if most_wh > 0 and left_h > 0 else None

    def latest_start(self, phases: int, limit: ChargeLimit) -> datetime | None:
        """When it has to be charged from at the latest; None: it has not, or nobody knows."""
        missing_wh = self.missing_wh(self.target_soc)
        if self.departs_at is None or missing_wh <= 0:
            return None
        # To assume three phases of a car with one is to be hours late.
        is_known = self.learnt.phases is not None or (self.known is not None and self.known.phases is not None)
        most_w = self.most_w(phases, limit, used=None if is_known else 1)
        if most_w <= 0:
            return None
        return self.departs_at - timedelta(seconds=_RESERVE * missing_wh / most_w * 3600 + _RESERVE_S)

    def _which(self) -> Car | None:
        said = self._state.value("car_id")
        return car_of(self._settings.cars, None if said is None else str(said))

    def _come(self, now: Now) -> None:
        self._plug_in_number = self.plug_in.number
        self._forget()
        if self._is_first_look:
            self._charge.resume()
            kept_starts = self._kept.number(_STARTS) or 0
            self.plug_in.starts = max(self.plug_in.starts, round(min(self._settings.max_starts, kept_starts)))
        self._came_at = now.mono
        if self._charge.is_unknown:
            arrival_soc = self._settings.arrival_soc
            self._charge.come(None if arrival_soc is None else float(arrival_soc), now)

    def _look_whether_full(self, least_w: float, now: Now) -> None:
        soc, limit_soc = self.soc, self.limit_soc
        if soc is not None:
            margin = _HYSTERESIS_PERCENT if self.is_at_limit else 0.0
            self.is_at_limit = soc >= limit_soc - margin
        elif self.requested_wh is not None:
            self.is_at_limit = self.requested_wh <= 0
        if self.charges_since is not None:
            self._has_had_enough = False
        elif self._stopped_at is not None and now.mono - self._stopped_at >= _FULL_AFTER_S and self.plug_in.is_offered:
            is_almost = soc is not None and soc >= limit_soc - _ALMOST_PERCENT
            self._has_had_enough |= is_almost or self._last_w < least_w / 2

    def _forget(self) -> None:
        self.learnt.forget()
        self.is_at_limit = self._has_had_enough = False
        self.charges_since = self.first_charged_at = self._stopped_at = None
