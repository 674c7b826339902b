"""A simulated charging station for electric cars: sockets, which may share a feeder. Pure: time is an argument.

A socket tells its car by the control pilot what it may take, and closes its contactor while the car asks for it. What
happens in between is known exactly, so a step may be as long as it likes.

Sources: IEC 61851-1:2017, annex A (states, least current, order of things); Phoenix Contact, EV Charge Control Basic,
5.4 (A1 to F); EVerest/EVerest#2594 (the pilot drops from B to A for seconds just after a car was plugged in); OCPP 1.6,
ChargePointStatus; evcc-io/evcc#11958 (the status stands still while the pilot is away); SmartGridready, EVSE current
limit (safe current without a master); evcc-io/evcc#7175 and #3752 (phases switched under load: a short circuit in the
car, a contactor that sticks); Alfen, Dynamic Load Balancing (the second car starts once the first follows).
"""

from collections.abc import Mapping
from math import inf
from typing import Literal

from ..values import Value
from .car import LEAST_PILOT_A, SimulatedCar
from .mains import Mains
from .sun import DAY_S
from .timetable import Timetable

INTERRUPTION_S = 4.0
"""For so long the pilot is taken away to wake a car."""
BOUNCES_S = ((2.0, 3.5), (11.0, 14.0))
"""When after a car was plugged in, until when, the pilot of a socket that bounces shows none."""

_OCPP = {"A": "Available", "C": "Charging", "E": "Faulted", "F": "Faulted"}


class Feeder:
    """A feeder: what its sockets share. All live at once.

    In sum they take no more than *max_current_a*: each that may offer something gets 6 A, first come first served,
    those that charge share the rest evenly, and what is left is offered to cars that do not charge yet. What one has to
    give up another gets only when the car follows.
    """

    def __init__(self, max_current_a: float = inf, mains: Mains | None = None) -> None:
        """Raises: ValueError: not enough for one car."""
        if not max_current_a >= LEAST_PILOT_A:
            raise ValueError("a feeder carries at least 6 A")
        self.max_current_a = max_current_a
        self._mains = mains or Mains()
        self._sockets: list[SimulatedEvCharger] = []
        self._plugged_in: list[SimulatedEvCharger] = []
        """The sockets with a car, first come first served."""
        self._now_s = 0.0

    @property
    def now_s(self) -> float:
        """The latest known time."""
        return self._now_s

    @property
    def voltages_v(self) -> tuple[float, float, float]:
        """Of its phases as of the last call."""
        return self._mains.voltages_v(self._now_s)

    def add(self, socket: "SimulatedEvCharger") -> None:
        """One more socket."""
        self._sockets.append(socket)

    def advance(self, now_s: float) -> None:
        """All its sockets live until *now_s*, in seconds on a clock that never steps."""
        self.settle()
        while self._now_s < now_s:
            until_s = min(now_s, *(socket.next_at_s for socket in self._sockets))
            if any(socket.is_loaded for socket in self._sockets):
                until_s = min(until_s, self._mains.change_at_s(self._now_s))
            for socket in self._sockets:
                socket.live(until_s)
            self._now_s = until_s
            self.settle()

    def settle(self) -> None:
        """Does all that is due at this instant, in all sockets."""
        is_settled = False
        while not is_settled:
            is_settled = True
            for socket in self._sockets:
                if socket.next_at_s <= self._now_s:
                    socket.act(self._now_s)
                    is_settled = False
            self._share()
            for socket in self._sockets:
                if socket.tell_car(self._now_s):
                    is_settled = False

    def _share(self) -> None:
        self._plugged_in = [each for each in self._plugged_in if each.is_plugged]
        self._plugged_in += [each for each in self._sockets if each.is_plugged and each not in self._plugged_in]
        claims_a = {socket: socket.claim_a for socket in self._plugged_in if socket.claim_a}
        shares_a: dict[SimulatedEvCharger, float] = {}
        left_a = self.max_current_a
        for socket in claims_a:
            if left_a >= LEAST_PILOT_A:
                shares_a[socket] = LEAST_PILOT_A
                left_a -= LEAST_PILOT_A
        for is_loaded in (True, False):
            group = sorted((each for each in shares_a if each.is_loaded is is_loaded), key=claims_a.__getitem__)
            for index, socket in enumerate(group):
                more_a = min(claims_a[socket] - LEAST_PILOT_A, left_a / (len(group) - index))
                shares_a[socket] += more_a
                left_a -= more_a
        for socket in self._sockets:
            # What another still takes, though it is to take less, is not there yet.
            others_a = sum(max(each.drawn_a, shares_a.get(each, 0.0)) for each in self._sockets if each is not socket)
            share_a = min(shares_a.get(socket, 0.0), self.max_current_a - others_a)
            socket.granted_a = share_a if share_a >= LEAST_PILOT_A else 0.0


class SimulatedEvCharger:
    """A simulated socket of a charging station, as `SimulatedHardware`; nothing else than its car takes power from it.

    It can be told `current_limit` (A), `enable`, `phase_count` (1 or 3), `heartbeat`, and for one time each `wake` and
    `authorise`; further `plug`: whether its car is plugged in. Without a word it gives all that it can.
    """

    def __init__(
        self,
        car: SimulatedCar | None = None,
        *,
        max_current_a: float = 16.0,
        below_least: Literal["pause", "raise"] = "pause",
        phases: Literal[1, 3] = 3,
        switches_phases: bool = True,
        phase_dwell_s: float = 60.0,
        needs_authorisation: bool = False,
        heartbeat_s: float = 0.0,
        safe_current_a: float = LEAST_PILOT_A,
        has_session_energy: bool = True,
        knows_soc: bool = False,
        bounces: bool = False,
        fault_status: Literal["E", "F"] = "F",
        energy_wh: float = 0.0,
        timetable: Timetable | None = None,
        time_of_day_s: float = 0.0,
        feeder: Feeder | None = None,
        serial_number: str = "S2D-SIM-0001",
    ) -> None:
        """A socket with no car in it; *car* is the one that comes, by itself if there is a *timetable*.

        *below_least*: what a limit above 0 A and below 6 A does: a pause, or 6 A all the same. *heartbeat_s*: so long
        after the last word it falls to *safe_current_a*; 0: never. *knows_soc*: its car tells it, as over ISO 15118.
        *time_of_day_s*: what the clocks showed at 0 s, on day 0 of the timetable.

        Raises: ValueError: values that cannot be true.
        """
        for is_true, rule in (
            (LEAST_PILOT_A <= max_current_a < inf, "max current must be 6 A or above"),
            (phases in (1, 3), "a socket has 1 or 3 phases"),
            (0 <= phase_dwell_s < inf, "phase dwell must be 0 s or above"),
            (0 <= heartbeat_s < inf, "heartbeat must be 0 s (never) or above"),
            (0 <= safe_current_a <= max_current_a, "safe current must be between 0 A and max current"),
            (energy_wh >= 0, "the energy counter must be 0 Wh or above"),
            (0 <= time_of_day_s < DAY_S, "the time of day must be within a day"),
            (timetable is None or car is not None, "a timetable needs a car"),
        ):
            if not is_true:
                raise ValueError(rule)
        self.car = car
        self.is_plugged = False
        self.is_authorised = False
        self._pilot_a: float | None = None
        self.granted_a = 0.0
        """What its feeder lets it offer."""
        self.welded_contactors = 0
        """How often the phases were switched while a current flowed."""
        self.early_phase_orders = 0
        """How often the phases were ordered to be switched before the dwell was over."""
        self.interruptions = 0
        """How often the pilot was taken away to wake a car."""
        self._max_current_a = max_current_a
        self._below_least = below_least
        self._phases = phases
        self._switches_phases = switches_phases
        self._phase_dwell_s = phase_dwell_s
        self._needs_authorisation = needs_authorisation
        self._heartbeat_s = heartbeat_s
        self._safe_current_a = safe_current_a
        self._has_session_energy = has_session_energy
        self._knows_soc = knows_soc
        self._bounces = bounces
        self._fault_status = fault_status
        self._serial_number = serial_number
        self._limit_a = max_current_a
        self._is_enabled = True
        self._own_limit_a = inf
        self._phases_wanted = self._phases_on = int(phases)
        self._phases_since_s = -inf
        self._heard_at_s = 0.0
        self._fault = self._is_welded = False
        self._is_closed = False
        """The contactor."""
        self._pilot_back_at_s: float | None = None
        """When an interruption of the pilot ends."""
        self._plugged_at_s = -inf
        self._session_wh = 0.0
        self._energy_wh = energy_wh
        self._timetable = timetable
        self._midnight_s = -time_of_day_s
        self._day = -1
        self._is_visited = False
        while timetable and self._visit_ends_at_s <= 0:
            self._day += 1
        self._feeder = feeder or Feeder()
        self._feeder.add(self)

    # What the hardware is asked and told.

    def advance(self, now_s: float) -> None:
        """Lives until *now_s*, as all that share its feeder."""
        self._feeder.advance(now_s)

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        """See `SimulatedHardware`. Where there is no `heartbeat` among the orders, any order is one."""
        self.advance(now_s)
        now_s = self._feeder.now_s
        if orders.get("heartbeat", True):
            self._heard_at_s = now_s
        self._limit_a = _number(orders.get("current_limit"), self._max_current_a)
        self._is_enabled = bool(orders.get("enable", True))
        self._order_phases(round(_number(orders.get("phase_count"), self._phases)), now_s)
        if orders.get("authorise"):
            self.authorise(now_s)
        if orders.get("wake") and self.is_plugged and self._pilot_back_at_s is None:
            self._pilot_back_at_s = now_s + INTERRUPTION_S
            self.interruptions += 1
        if "plug" in orders and bool(orders["plug"]) != self.is_plugged:
            self._plug_in(now_s) if orders["plug"] else self._unplug(now_s)
        self._feeder.settle()

    @property
    def fault(self) -> bool:
        return self._fault

    def set_fault(self, on: bool, now_s: float) -> None:
        """Switches the fault; while it is on there is no pilot, and the contactor is open. Off mends a welded one."""
        self.advance(now_s)
        self._fault = on
        self._is_welded = self._is_welded and on
        self._feeder.settle()

    def values(self) -> Mapping[str, Value | None]:
        """See `SimulatedHardware`."""
        values: dict[str, Value | None] = {
            "status": self.status,
            "pilot_state": self.pilot_state,
            "ocpp_status": self.ocpp_status,
            "plugged": self.is_plugged,
            "authorised": self.is_authorised,
            "fault": "welded contactor" if self._is_welded else "out of order" if self._fault else "ok",
            "welded_contactors": self.welded_contactors,
            "power": self.power_w,
            "current_offered": self.offered_a,
            "max_current": self._max_current_a,
            "phase_count": self._phases_on,
            "energy": self._energy_wh,
            "serial_number": self._serial_number,
        }
        currents_a = self.car.currents_a if self.car else (0.0, 0.0, 0.0)
        for index, voltage_v in enumerate(self._feeder.voltages_v[: self._phases]):
            values[f"voltage_l{index + 1}"] = voltage_v
            values[f"current_l{index + 1}"] = currents_a[index]
            values[f"power_l{index + 1}"] = voltage_v * currents_a[index]
        if self._has_session_energy:
            values["session_energy"] = self._session_wh
        car = self.car if self.is_plugged else None
        values["car_id"] = car.car_id if car else None
        if self._knows_soc:
            values["vehicle_soc"] = car.soc_percent if car else None
        return values

    def status_line(self) -> str:
        """See `SimulatedHardware`."""
        soc = f"soc {self.car.soc_percent:5.1f} %   " if self.car and self.is_plugged else ""
        return (
            f"{self.pilot_state:3}{self.ocpp_status:15}{soc}power {self.power_w:6.0f} W   "
            f"limit {self._limit_a:4.1f} A   offers {self.offered_a:4.1f} A on {self._phases_on}"
        )

    # What people do at it.

    def plug_in(self, now_s: float, car: SimulatedCar | None = None) -> None:
        """Its car, or another one, is plugged in.

        Raises: ValueError: there is no car, or one is plugged in already.
        """
        self.advance(now_s)
        now_s = self._feeder.now_s
        if self.is_plugged:
            raise ValueError("a car is plugged in already")
        self.car = car or self.car
        if self.car is None:
            raise ValueError("there is no car")
        self._plug_in(now_s)
        self._feeder.settle()

    def unplug(self, now_s: float) -> None:
        """The car is unplugged; its authorisation ends. Where there is none, nothing happens."""
        self.advance(now_s)
        self._unplug(self._feeder.now_s)
        self._feeder.settle()

    def authorise(self, now_s: float) -> None:
        """A card is held against it; it counts for the car that is plugged in."""
        self.advance(now_s)
        self.is_authorised = self.is_plugged
        self._feeder.settle()

    def balance(self, limit_a: float, now_s: float) -> None:
        """Its own load balancing allows no more than *limit_a*; inf ends that."""
        self.advance(now_s)
        self._own_limit_a = limit_a
        self._feeder.settle()

    # What it is like.

    @property
    def status(self) -> str:
        """The state by IEC 61851-1, A to F."""
        return self.pilot_state[0]

    @property
    def pilot_state(self) -> str:
        """The state with what the pilot does: A1 without a duty cycle, B2 and C2 with one; E, F. During an interruption
        that it makes itself a socket shows B, as it knows that the car is there."""
        if self._fault:
            return self._fault_status
        if not self.is_plugged or self._is_bouncing:
            return "A1"
        state = "C" if self.car and self.car.asks else "B"
        return state + ("2" if self.offered_a else "1")

    @property
    def ocpp_status(self) -> str:
        """The status by OCPP 1.6: who is the reason that nothing flows."""
        if self.status != "B":
            return _OCPP[self.status]
        if not self.is_authorised:
            return "Preparing"
        return "SuspendedEV" if self.offered_a else "SuspendedEVSE"

    @property
    def is_left_alone(self) -> bool:
        """Whether it misses its heartbeat."""
        return self._feeder.now_s >= self._left_alone_at_s

    @property
    def offered_a(self) -> float:
        """What its pilot offers: 0 or at least 6."""
        return self._pilot_a or 0.0

    @property
    def power_w(self) -> float:
        return self.car.power_w if self.car and self.is_plugged else 0.0

    @property
    def drawn_a(self) -> float:
        """What flows in L1, and in no phase more."""
        return self.car.currents_a[0] if self.car and self.is_plugged else 0.0

    @property
    def is_loaded(self) -> bool:
        """Whether its contactor is closed, so that a current may flow."""
        return self._is_closed

    @property
    def claim_a(self) -> float:
        """What it would offer if it were alone: 0, or at least 6."""
        if not self.is_authorised or not self._is_enabled or self._fault:
            return 0.0
        limit_a = min(self._safe_current_a if self.is_left_alone else self._limit_a, self._max_current_a)
        if 0 < limit_a < LEAST_PILOT_A and self._below_least == "raise":
            limit_a = LEAST_PILOT_A
        limit_a = min(limit_a, self._own_limit_a)
        return limit_a if limit_a >= LEAST_PILOT_A else 0.0

    # How its feeder has it live.

    @property
    def next_at_s(self) -> float:
        """When something happens next by itself, here or in its car, if nothing changes before."""
        car_at_s = self.car.next_at_s if self.car and self.is_plugged else inf
        pilot_back_at_s = inf if self._pilot_back_at_s is None else self._pilot_back_at_s
        alone_at_s = inf if self.is_left_alone else self._left_alone_at_s
        return min(car_at_s, pilot_back_at_s, alone_at_s, self._bounces_at_s, self._phases_at_s, self._visit_at_s)

    def live(self, until_s: float) -> None:
        """Lives until *until_s*, which is no later than `next_at_s`."""
        if self.car and self.is_plugged:
            drawn_wh = self.car.live(until_s)
            self._session_wh += drawn_wh
            self._energy_wh += drawn_wh

    def act(self, now_s: float) -> None:
        """Does what is due at *now_s*."""
        if now_s >= self._visit_at_s:
            self._come_or_go(now_s)
        if self._pilot_back_at_s is not None and now_s >= self._pilot_back_at_s:
            self._pilot_back_at_s = None
        if now_s >= self._phases_at_s:
            self._move_phases(now_s)
        if self.car and self.is_plugged and now_s >= self.car.next_at_s:
            self.car.act(now_s)

    def tell_car(self, now_s: float) -> bool:
        """Lets the car hear the pilot and feel the mains as they are by now. Returns whether they changed for it."""
        if self.car is None or not self.is_plugged:
            return False
        before = self._pilot_a, self._is_closed
        is_away = self._fault or self._pilot_back_at_s is not None or self._is_bouncing
        self._pilot_a = None if is_away else self.granted_a
        self.car.hear(self._pilot_a, now_s)
        # A car that is to stop is given the time to do so.
        self._is_closed = self.car.asks and (self._is_closed or bool(self._pilot_a))
        self.car.connect(self._feeder.voltages_v[: self._phases_on] if self._is_closed else ())
        return (self._pilot_a, self._is_closed) != before

    def _plug_in(self, now_s: float) -> None:
        if self.car is None:
            return
        self.is_plugged = True
        self.is_authorised = not self._needs_authorisation
        self._plugged_at_s = now_s
        self._session_wh = 0.0
        self.car.plug_in(now_s, self.advance)

    def _unplug(self, now_s: float) -> None:
        if self.car and self.is_plugged:
            self.car.unplug(now_s)
        self.is_plugged = self.is_authorised = self._is_closed = False
        self._pilot_a = self._pilot_back_at_s = None

    @property
    def _is_bouncing(self) -> bool:
        passed_s = self._feeder.now_s - self._plugged_at_s
        return self._bounces and any(start_s <= passed_s < end_s for start_s, end_s in BOUNCES_S)

    @property
    def _bounces_at_s(self) -> float:
        """When the pilot drops or comes back next..."""
        if not self._bounces or not self.is_plugged:
            return inf
        passed_s = self._feeder.now_s - self._plugged_at_s
        return min((self._plugged_at_s + at_s for each in BOUNCES_S for at_s in each if at_s > passed_s), default=inf)

    @property
    def _left_alone_at_s(self) -> float:
        """...when it misses its heartbeat..."""
        return self._heard_at_s + self._heartbeat_s if self._heartbeat_s else inf

    @property
    def _phases_at_s(self) -> float:
        """...when it switches the phases as it was ordered too early..."""
        if self._phases_wanted == self._phases_on:
            return inf
        may_at_s = self._phases_since_s + self._phase_dwell_s
        return inf if self._feeder.now_s >= may_at_s and self.drawn_a else may_at_s

    @property
    def _visit_at_s(self) -> float:
        """...when its car comes or goes."""
        if self._timetable is None:
            return inf
        at_s = self._midnight_s + self._timetable.visit(self._day).arrives_s
        return self._visit_ends_at_s if self._is_visited else at_s

    @property
    def _visit_ends_at_s(self) -> float:
        return self._midnight_s + self._timetable.visit(self._day).leaves_s if self._timetable else inf

    def _come_or_go(self, now_s: float) -> None:
        if self._is_visited:
            self._unplug(now_s)
            self._day += 1
        elif self._timetable and self.car and not self.is_plugged:
            if self._visit_at_s >= 0:  # else it stood there already
                self.car.drive(self._timetable.visit(self._day).used_percent)
            self._plug_in(now_s)
        self._is_visited = not self._is_visited

    def _order_phases(self, phases: int, now_s: float) -> None:
        if not self._switches_phases or phases not in (1, self._phases) or phases == self._phases_wanted:
            return
        self._phases_wanted = phases
        if phases != self._phases_on:
            if now_s >= self._phases_since_s + self._phase_dwell_s:
                self._move_phases(now_s)
            else:
                self.early_phase_orders += 1

    def _move_phases(self, now_s: float) -> None:
        if self.drawn_a:
            self.welded_contactors += 1
            self._fault = self._is_welded = True
        self._phases_on = self._phases_wanted
        self._phases_since_s = now_s


def _number(value: Value | None, default: float) -> float:
    return default if value is None or isinstance(value, str) else float(value)
