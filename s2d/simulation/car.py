"""A simulated electric car at a socket: its battery, and when it takes what power. Pure: time is an argument.

Between two of its events the power is known exactly: it is what pilot and mains allow, or less where the battery is
nearly full. There it falls in a straight line with the state of charge, so exponentially with time.

Sources: IEC 61851-1:2017, annex A (control pilot). For what cars make of it, evcc-io/evcc#14434 (some stop for good
after ten interruptions), #8143 (asleep after five starts, deaf even to an interrupted pilot until the app is opened),
#2265 and #11958 (woken by an interrupted pilot), #13543 and steff393/wbec#28 (nothing below 8 A), #28652 and #30481
(offered a current, and asleep), #16463 and #11343 (heats itself before it leaves, full or not);
traktore-org/sem-community#708 (its own limit looks like a full battery).
"""

from collections.abc import Callable, Sequence
from math import exp, inf, log

LEAST_PILOT_A = 6.0
"""The least current that a pilot can offer, with a duty cycle of 10 %.

Spec: IEC 61851-1:2017, annex A.
"""
MOST_REACTION_S = 5.0
"""A car follows a changed duty cycle within so long.

Spec: IEC 61851-1:2017, table A.6.
"""
WAKES_AFTER_S = 3.0
"""A pilot that was away for so long wakes a car.

Source: EVerest's state machine, by IEC 61851-1 (3 s) and ISO 15118-3, table 3 (4 s).
"""

_MOST_V = 253.0
"""Up to here nothing but the current limits an on-board charger."""
_LEAST_SOC_PERCENT = 5.0
"""Nobody comes home with less."""
_EDGE_WH = 1e-6
"""So near to full counts as full: far above what rounding adds up to, far below what anyone sees."""


class SimulatedCar:
    """A simulated car. It hears the pilot of the socket that it is plugged into, and asks for power or does not.

    It asks (state C, else B) while the pilot offers at least *min_current_a*, unless it is full, asleep, refuses,
    waits for its own timer, or has started *most_starts* times since it was plugged in. It follows the pilot within
    *reaction_s*. Above *taper_from_percent* its battery takes less and less, at 100 % *taper_to* of the most; at
    *limit_soc_percent* it stops by itself. While it does not ask it falls asleep after *sleeps_after_s*; an
    interruption of the pilot wakes it if it *wakes*.

    Its owner's acts (`refuse`, `precondition`...) take effect like a change of the pilot.
    """

    def __init__(
        self,
        *,
        battery_capacity_wh: float = 60_000.0,
        soc_percent: float = 40.0,
        phases: int = 3,
        max_current_a: float = 16.0,
        min_current_a: float = LEAST_PILOT_A,
        efficiency: float = 0.9,
        limit_soc_percent: float = 100.0,
        taper_from_percent: float = 85.0,
        taper_to: float = 0.1,
        reaction_s: float = 2.0,
        sleeps_after_s: float = inf,
        wakes: bool = True,
        most_starts: float = inf,
        refuses: bool = False,
        reports_every_s: float = 900.0,
        reported_soc_percent: float | None = None,
        car_id: str = "04A2B1C3",
    ) -> None:
        """A car that is parked elsewhere.

        *reports_every_s*: how often its maker hears of its state of charge while it charges, and when it comes and
        stops; inf: never, and *reported_soc_percent* stands there for ever.

        Raises: ValueError: values that cannot be true.
        """
        for is_true, rule in (
            (0 < battery_capacity_wh < inf, "battery capacity must be above 0 Wh"),
            (0 <= soc_percent <= 100, "state of charge must be between 0 % and 100 %"),
            (phases in (1, 2, 3), "a car has 1, 2 or 3 phases"),
            (LEAST_PILOT_A <= min_current_a <= max_current_a < inf, "currents of a car: 6 A ≤ least ≤ most"),
            (0 < efficiency <= 1, "efficiency must be above 0 and at most 1"),
            (0 < limit_soc_percent <= 100, "its own limit must be above 0 % and at most 100 %"),
            (0 <= taper_from_percent <= 100, "the taper must begin between 0 % and 100 %"),
            (0 < taper_to <= 1, "at 100 % its battery takes more than nothing"),
            (0 <= reaction_s <= MOST_REACTION_S, "a car reacts within 5 s"),
            (sleeps_after_s > 0, "a car falls asleep after more than 0 s"),
            (most_starts >= 1, "a car starts at least once"),
            (reports_every_s > 0, "a car reports every so many seconds, above 0"),
        ):
            if not is_true:
                raise ValueError(rule)
        self.battery_capacity_wh = battery_capacity_wh
        self.phases = phases
        self.max_current_a = max_current_a
        self.car_id = car_id
        self.starts = 0
        """How often it began to ask for power since it was plugged in."""
        self.asks = False
        """Whether it asks for power: state C."""
        self.is_asleep = False
        self.reported_soc_percent = soc_percent if reported_soc_percent is None else reported_soc_percent
        """The state of charge that its maker knows."""
        self._min_current_a = min_current_a
        self._efficiency = efficiency
        self._limit_wh = battery_capacity_wh * limit_soc_percent / 100
        self._taper_from_wh = battery_capacity_wh * taper_from_percent / 100
        self._taper_to = taper_to
        self._reaction_s = reaction_s
        self._sleeps_after_s = sleeps_after_s
        self._wakes = wakes
        self._most_starts = most_starts
        self._refuses = refuses
        self._reports_every_s = reports_every_s
        self._stored_wh = battery_capacity_wh * soc_percent / 100
        self._pilot_a: float | None = None
        """What the pilot offers; 0 without a duty cycle, None without a pilot."""
        self._follows_a = 0.0
        """The offer that it follows by now."""
        self._voltages_v: Sequence[float] = ()
        """Of the phases that it is connected to and uses."""
        self._precondition_w = 0.0
        self._starts_left = most_starts
        self._timer_s = inf
        """When its own timer lets it charge; inf without one."""
        self._acts_at_s = inf
        self._idle_since_s = 0.0
        self._pilot_lost_at_s = 0.0
        self._reports_at_s = inf
        self._now_s = 0.0
        self._advance_socket: Callable[[float], None] = lambda now_s: None

    @property
    def soc_percent(self) -> float:
        """State of charge as of the last call."""
        return self._stored_wh / self.battery_capacity_wh * 100

    @property
    def is_full(self) -> bool:
        """Whether it is charged up to its own limit."""
        return self._stored_wh >= self._limit_wh - _EDGE_WH

    @property
    def power_w(self) -> float:
        """What it takes from the mains, as of the last call."""
        return self._auxiliary_w + self._charging_w

    @property
    def currents_a(self) -> tuple[float, float, float]:
        """In L1, L2 and L3, as of the last call; the same in each that it uses."""
        current_a = self.power_w / sum(self._voltages_v) if self._voltages_v else 0.0
        in_use = len(self._voltages_v)
        return current_a, current_a if in_use > 1 else 0.0, current_a if in_use > 2 else 0.0

    def plug_in(self, now_s: float, advance: Callable[[float], None]) -> None:
        """Plugged into a socket, awake. *advance* lets time pass for that until an instant."""
        self._advance_socket = advance
        self._now_s = self._idle_since_s = self._pilot_lost_at_s = now_s
        self.starts = 0
        self._starts_left = self._most_starts
        self.is_asleep = False
        self._report(now_s)

    def unplug(self, now_s: float) -> None:
        """Unplugged: no pilot, no mains."""
        self.hear(None, now_s)
        self.connect(())
        self._advance_socket = lambda now_s: None

    def drive(self, used_percent: float) -> None:
        """Has been driven: *used_percent* of its capacity are gone, or what was left of them."""
        least_wh = self.battery_capacity_wh * _LEAST_SOC_PERCENT / 100
        left_wh = self._stored_wh - self.battery_capacity_wh * used_percent / 100
        self._stored_wh = min(self._stored_wh, max(least_wh, left_wh))

    def hear(self, pilot_a: float | None, now_s: float) -> None:
        """Hears the pilot: the current that it offers, 0 without a duty cycle, None where it is away.

        Without a pilot it stops at once; all else it follows after its reaction time.
        """
        if pilot_a == self._pilot_a:
            return
        before_a, self._pilot_a = self._pilot_a, pilot_a
        if pilot_a is None:
            self._pilot_lost_at_s = now_s
            self._acts_at_s = inf
            self._stop(now_s)
            return
        if before_a is None and self._wakes and now_s - self._pilot_lost_at_s >= WAKES_AFTER_S:
            self._wake(now_s)
        self._reconsider(now_s)

    def connect(self, voltages_v: Sequence[float]) -> None:
        """Connected to phases of these voltages, L1 first; none while the contactor is open."""
        self._voltages_v = tuple(voltages_v[: self.phases])

    def refuse(self, on: bool, now_s: float) -> None:
        """Its owner forbids charging in the app, or allows it."""
        self._advance_socket(now_s)
        self._refuses = on
        self._touched(now_s)

    def charge_not_before(self, at_s: float, now_s: float) -> None:
        """Its owner sets its timer; it starts by itself then."""
        self._advance_socket(now_s)
        self._timer_s = at_s if at_s > now_s else inf
        self._touched(now_s)

    def precondition(self, power_w: float, now_s: float) -> None:
        """It heats or cools itself with *power_w* from the mains, full or not; 0 ends that."""
        self._advance_socket(now_s)
        self._precondition_w = power_w
        self._touched(now_s)

    def wake(self, now_s: float) -> None:
        """Its owner opens a door or the app: it is awake, and has forgotten how often it started."""
        self._advance_socket(now_s)
        self._touched(now_s)

    @property
    def next_at_s(self) -> float:
        """When something happens next by itself, if nothing changes before."""
        return min(self._acts_at_s, self._full_at_s, self._timer_s, self._sleeps_at_s, self._reports_at_s)

    def live(self, until_s: float) -> float:
        """Lives until *until_s*, which is no later than `next_at_s`. Returns the Wh that it took from the mains."""
        auxiliary_wh = self._auxiliary_w * (until_s - self._now_s) / 3600
        before_wh = self._stored_wh
        if self._charging_w:
            self._charge(until_s - self._now_s)
        self._now_s = until_s
        return auxiliary_wh + (self._stored_wh - before_wh) / self._efficiency

    def act(self, now_s: float) -> None:
        """Does what is due at *now_s*."""
        if now_s >= self._reports_at_s:
            self._report(now_s)
        if now_s >= self._sleeps_at_s:
            self.is_asleep = True
        if now_s >= self._full_at_s:
            self._stored_wh = self._limit_wh
            self._acts_at_s = now_s
        if now_s >= self._timer_s:
            self._timer_s = inf
            self._wake(now_s)
            self._acts_at_s = now_s
        if now_s >= self._acts_at_s:
            self._acts_at_s = inf
            self._follow(now_s)

    def _follow(self, now_s: float) -> None:
        if not self._is_willing:
            self._stop(now_s)
            return
        if not self.asks:
            self.asks = True
            self.starts += 1
            self._starts_left -= 1
            self._reports_at_s = now_s + self._reports_every_s
        self._follows_a = self._pilot_a or 0.0

    @property
    def _is_willing(self) -> bool:
        if self.is_asleep or self._refuses or self._timer_s < inf:
            return False
        if self.is_full and not self._precondition_w:
            return False
        if not self.asks and self._starts_left < 1:
            return False
        return self._pilot_a is not None and self._pilot_a >= self._min_current_a

    def _stop(self, now_s: float) -> None:
        self._follows_a = 0.0
        if self.asks:
            self.asks = False
            self._idle_since_s = now_s
            self._report(now_s)

    def _reconsider(self, now_s: float) -> None:
        self._acts_at_s = min(self._acts_at_s, now_s + self._reaction_s)

    def _touched(self, now_s: float) -> None:
        self._starts_left = self._most_starts
        self._wake(now_s)
        if self._pilot_a is not None:
            self._reconsider(now_s)

    def _wake(self, now_s: float) -> None:
        self.is_asleep = False
        self._idle_since_s = now_s

    def _report(self, now_s: float) -> None:
        if self._reports_every_s < inf:
            self.reported_soc_percent = self.soc_percent
        self._reports_at_s = now_s + self._reports_every_s if self.asks else inf

    @property
    def _sleeps_at_s(self) -> float:
        is_idle = self._pilot_a is not None and not self.asks and not self.is_asleep
        return self._idle_since_s + self._sleeps_after_s if is_idle else inf

    @property
    def _most_w(self) -> float:
        """What the pilot and its on-board charger allow."""
        return min(self._follows_a, self.max_current_a) * sum(self._voltages_v)

    @property
    def _auxiliary_w(self) -> float:
        return min(self._precondition_w, self._most_w)

    @property
    def _allowed_w(self) -> float:
        """What its battery may take..."""
        return min(self._most_w - self._auxiliary_w, self._strongest_w)

    @property
    def _tapered_w(self) -> float:
        """...and what it takes at most, losses not yet taken off."""
        return self._strongest_w - self._taper_w_per_wh * max(0.0, self._stored_wh - self._taper_from_wh)

    @property
    def _charging_w(self) -> float:
        return 0.0 if self.is_full else min(self._allowed_w, self._tapered_w)

    @property
    def _strongest_w(self) -> float:
        return self.phases * self.max_current_a * _MOST_V

    @property
    def _taper_w_per_wh(self) -> float:
        above_wh = self.battery_capacity_wh - self._taper_from_wh
        return self._strongest_w * (1 - self._taper_to) / above_wh if above_wh else 0.0

    @property
    def _taper_per_s(self) -> float:
        return self._taper_w_per_wh * self._efficiency / 3600

    @property
    def _tapers_at_wh(self) -> float:
        """From this energy on it takes less than it may."""
        above_w = self._strongest_w - self._allowed_w
        return self._taper_from_wh + above_w / self._taper_w_per_wh if self._taper_w_per_wh else inf

    @property
    def _flat_s(self) -> float:
        """For how long it goes on to take all that it may, if it may take anything."""
        return max(0.0, self._tapers_at_wh - self._stored_wh) / (self._allowed_w * self._efficiency / 3600)

    def _charge(self, duration_s: float) -> None:
        """Charges for so long, which is no longer than until it is full."""
        flat_s = min(duration_s, self._flat_s)
        self._stored_wh += self._allowed_w * self._efficiency / 3600 * flat_s
        if flat_s < duration_s:
            to_end_wh = self._tapered_w / self._taper_w_per_wh
            self._stored_wh += to_end_wh * (1 - exp(-self._taper_per_s * (duration_s - flat_s)))

    @property
    def _full_at_s(self) -> float:
        if self._charging_w:
            return self._now_s + self._full_after_s
        return self._now_s if self.asks and self.is_full and not self._precondition_w else inf

    @property
    def _full_after_s(self) -> float:
        flat_s = self._flat_s
        at_taper_wh = max(self._stored_wh, self._tapers_at_wh)
        if at_taper_wh >= self._limit_wh:
            return (self._limit_wh - self._stored_wh) / (self._allowed_w * self._efficiency / 3600)
        tapered_w = self._strongest_w - self._taper_w_per_wh * (at_taper_wh - self._taper_from_wh)
        to_end_wh = tapered_w / self._taper_w_per_wh
        return flat_s + log(to_end_wh / (to_end_wh - (self._limit_wh - at_taper_wh))) / self._taper_per_s
