"""The limit of a house: its current per phase, shared out to the devices that are held within it. Pure.

What others take is what the meter says less what the devices took themselves at that instant; what is left of the limit
they share. Without a meter the limit is that of a feeder that carries nothing but them.

No two meters tell of the same instant, so what a device begins to take looks for a moment as if others did. Less is
left at once where the limit is exceeded, else once that has lasted.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from msgspec.structs import replace

from ..phases import PhaseRotation
from ..values import Quality, Reading
from .kinds.head_room import HEAD_ROOM

HOUSE = (1, 2, 3)
"""The phases of a house."""
HOLDS_S = 30.0
"""What is left of a feeder without a meter is told anew within this time."""
LASTS_S = 10.0
"""What is less while the limit is kept has to last so long to be believed."""
_EXCEEDED = 1.05
"""A limit is exceeded by so much more: meters are not exact."""
_BELIEVED_S = 60.0
"""What flowed is no longer believed than this, whatever `max_age` says: it is no energy that stays where it is."""
_KEPT_AT_MOST = 600
_DRAWS_A = 1.0
"""A phase on which a device takes more is in use."""
_VOLTAGE_V = 230.0
_PLAUSIBLE_V = (180.0, 260.0)
_Currents = tuple[float, float, float]


class HeldDevice(NamedTuple):
    """A device that is held within the limit."""

    name: str
    phases: int
    """It has the first so many of its own phases..."""
    rotation: PhaseRotation
    """...which are these of the house."""
    least_a: float
    """It takes nothing, or so much..."""
    most_a: float
    """...and no more than this."""

    @property
    def in_house(self) -> tuple[int, ...]:
        """The phases of the house that it has."""
        return tuple(self.rotation[: self.phases])


class HouseLimit:
    """The limit of one house, in A per phase, and what is known of who takes how much of it."""

    def __init__(
        self, limit_a: float, held: Sequence[HeldDevice], meter: str | None, unbalance_a: float | None = None
    ) -> None:
        """*meter*: the name of the device that measures all; None: nothing but *held* is behind the limit.

        *unbalance_a*: by how much a phase may take more than another.
        """
        self._limit_a = limit_a
        self._held = held
        self._unbalance_a = inf if unbalance_a is None else unbalance_a
        self._meter = meter
        names = [each.name for each in held] if meter is None else [meter, *(each.name for each in held)]
        self._read: dict[str, dict[str, Reading]] = {name: {} for name in names}
        self._drawn: dict[str, deque[PhaseCurrents]] = {each.name: deque() for each in held}
        """When (monotonic seconds) each took how much, on its own phases."""
        self._metered: deque[PhaseCurrents] = deque()
        """What flows through the connection."""
        self._pools: dict[int, deque[tuple[float, float]]] = {phase: deque() for phase in HOUSE}
        """When (monotonic seconds) others left how much, by phase, most first, for as long as that is believed."""

    def observe(self, name: str, readings: Iterable[Reading]) -> None:
        """Takes what the device *name* said; what is not good makes its point unknown."""
        # What is in doubt counts as it would be worse: others take more than it seems.
        _keep(self._read[name], readings, worst=max if name == self._meter else min)
        now = self._present(name)
        before = self._metered if name == self._meter else self._drawn[name]
        if now is None:
            before.clear()
        else:
            while before and before[-1].at >= now.at:
                before.pop()
            before.append(now)
            while len(before) > _KEPT_AT_MOST:
                before.popleft()

    def shares(self, wanted_a: Mapping[str, float], now_s: float) -> dict[str, tuple[Reading, ...]]:
        """What is left to each by now (monotonic seconds), as readings; nothing while that is unknown.

        *wanted_a*: what each would take if it had all the room; 0 or absent: nothing.
        """
        good_until, metered = now_s + HOLDS_S, None
        if self._meter is not None:
            newest = self._present(self._meter)
            if newest is None or newest.good_until <= now_s:
                return {}
            good_until = newest.good_until
            heard = [drawn[-1].at for name, drawn in self._drawn.items() if drawn and self._is_known(name, now_s)]
            is_exceeded = max(newest.amperes) > _EXCEEDED * self._limit_a
            metered = newest if is_exceeded else _nearest(self._metered, min([newest.at, *heard]))
        at = now_s if metered is None else metered.at
        own = {each.name: self._drawn_at(each, at, now_s) for each in self._held}
        used = {phase: sum(own[each.name].get(phase, 0.0) for each in self._held) for phase in HOUSE}
        total = used if metered is None else dict(zip(HOUSE, metered.amperes, strict=True))
        pool = {phase: self._believed(phase, total[phase], used[phase], now_s) for phase in HOUSE}
        left = self._shared_out(pool, wanted_a, own)
        if self._unbalance_a < inf:
            self._balance(left, own, total)
        return {
            each.name: tuple(
                Reading(point, left[each.name].get(phase, 0.0), at=now_s, good_until=good_until)
                for point, phase in zip(HEAD_ROOM, each.rotation, strict=True)
            )
            for each in self._held
        }

    def _believed(self, phase: int, total_a: float, used_a: float, now_s: float) -> float:
        """What others leave of the limit on *phase*, by what flows there in all and what the devices take of it."""
        pools, pool = self._pools[phase], self._limit_a - (total_a - used_a)
        while pools and (pools[-1][1] <= pool or total_a > _EXCEEDED * self._limit_a):
            pools.pop()
        pools.append((now_s, pool))
        while len(pools) > 1 and pools[0][0] <= now_s - LASTS_S:
            pools.popleft()
        return pools[0][1]

    def _shared_out(
        self, pool: Mapping[int, float], wanted_a: Mapping[str, float], own: Mapping[str, Mapping[int, float]]
    ) -> dict[str, dict[int, float]]:
        """Of *pool*, what each may take: first come first served as far as each gets its least, then alike.

        What is left then is for those that want nothing yet.
        """
        rest = dict(pool)
        asking = [each for each in self._held if wanted_a.get(each.name, 0.0) > 0]
        asking.sort(key=lambda each: not any(amperes > _DRAWS_A for amperes in own[each.name].values()))
        served: list[HeldDevice] = []
        for each in asking:
            if all(rest[phase] >= each.least_a for phase in each.in_house):
                served.append(each)
                for phase in each.in_house:
                    rest[phase] -= each.least_a
        left: dict[str, dict[int, float]] = {each.name: dict.fromkeys(each.in_house, 0.0) for each in self._held}
        for phase in HOUSE:
            on_it = [each for each in served if phase in each.in_house]
            for each in on_it:
                left[each.name][phase] = each.least_a
            most = {each.name: min(each.most_a, wanted_a[each.name]) - each.least_a for each in on_it}
            for name, more_a in alike(rest[phase], most).items():
                left[name][phase] += more_a
                rest[phase] -= more_a
            idle = {each.name: each.most_a for each in self._held if each not in asking and phase in each.in_house}
            for name, more_a in alike(max(0.0, rest[phase]), idle).items():
                left[name][phase] = more_a
        return left

    def _balance(
        self, left: dict[str, dict[int, float]], own: Mapping[str, Mapping[int, float]], total: Mapping[int, float]
    ) -> None:
        """Lowers what is *left* to those that load but some phases, where these take more than the others by now."""
        loading = {each.name: self._loaded(each, own[each.name]) for each in self._held}
        for each in self._held:
            for phase in loading[each.name]:
                others = [total[other] for other in HOUSE if other not in loading[each.name]]
                together = sum(phase in phases for phases in loading.values())
                more_a = self._unbalance_a - (total[phase] - min(others))
                most_a = own[each.name].get(phase, 0.0) + more_a / (together if more_a > 0 else 1)
                left[each.name][phase] = max(0.0, min(left[each.name][phase], most_a))

    def _loaded(self, device: HeldDevice, own: Mapping[int, float]) -> tuple[int, ...]:
        """The phases that it loads, or will, if these are not all."""
        loaded = device.in_house if device.phases == 1 else tuple(p for p in device.in_house if own[p] > _DRAWS_A)
        return () if len(loaded) == len(HOUSE) else loaded

    def _drawn_at(self, device: HeldDevice, at: float, now_s: float) -> dict[int, float]:
        """What it took at *at* on each phase of the house; nothing where that is not known: the more others do."""
        own = _nearest(self._drawn[device.name], at).amperes if self._is_known(device.name, now_s) else (0.0, 0.0, 0.0)
        return {phase: max(0.0, amperes) for phase, amperes in zip(device.rotation, own, strict=True)}

    def _is_known(self, name: str, now_s: float) -> bool:
        present = self._present(name)
        return present is not None and present.good_until > now_s

    def _present(self, name: str) -> "PhaseCurrents | None":
        """What flows through the meter, or is taken by a device, by what was read last."""
        if name == self._meter:
            held_on = {phase for each in self._held for phase in each.in_house}
            return currents_of(self._read[name], held_on if self._unbalance_a == inf else HOUSE)
        count = next(each.phases for each in self._held if each.name == name)
        return currents_of(self._read[name], range(1, count + 1))


class PhaseCurrents(NamedTuple):
    """The currents on three phases, taken from the grid positive; 0 on those that were not asked for."""

    amperes: _Currents
    at: float
    """Monotonic seconds, of the oldest."""
    good_until: float


def currents_of(known: Mapping[str, Reading], phases: Collection[int]) -> PhaseCurrents | None:
    """The currents on *phases*, by what is *known*; None while one of them is not.

    Of current and power the one that is more: there are meters whose currents are whole amperes, and have no sign; and
    power tells nothing of what is reactive.
    """
    amperes, used = [0.0, 0.0, 0.0], []
    for phase in phases:
        current, power = known.get(f"current_l{phase}"), known.get(f"power_l{phase}")
        if power is None and [*phases] == [1]:
            power = known.get("power")
        if current is None and power is None:
            return None
        used += [each for each in (current, power) if each is not None]
        voltage = known.get(f"voltage_l{phase}")
        low_v, high_v = _PLAUSIBLE_V
        volts = voltage.number if voltage and low_v <= voltage.number <= high_v else _VOLTAGE_V
        by_power = -inf if power is None else power.number / volts
        by_current = -inf if current is None else current.number
        if power is not None and power.number < 0:
            by_current = -abs(by_current)
        amperes[phase - 1] = max(by_power, by_current)
    times = [each.at for each in used if each.at is not None]
    first, second, third = amperes
    at = min(times, default=-inf)
    return PhaseCurrents((first, second, third), at, min(at + _BELIEVED_S, *(each.good_until for each in used)))


def alike(pool: float, most: Mapping[str, float]) -> dict[str, float]:
    """*pool* shared out alike to all that have a *most*; what one cannot take goes to the others."""
    shared = dict.fromkeys(most, 0.0)
    by_most = sorted(most, key=lambda name: most[name])
    for number, name in enumerate(by_most):
        shared[name] = max(0.0, min(most[name], pool / (len(by_most) - number)))
        pool -= shared[name]
    return shared


def _nearest(history: deque[PhaseCurrents], at: float) -> PhaseCurrents:
    """Of *history* that which was true nearest to *at* (monotonic seconds); what is older is forgotten."""
    while len(history) > 1 and abs(history[1].at - at) <= abs(history[0].at - at):
        history.popleft()
    return history[0]


def _keep(known: dict[str, Reading], readings: Iterable[Reading], worst: Callable[[float, float], float]) -> None:
    for reading in readings:
        if reading.value is None or isinstance(reading.value, str | bool):
            known.pop(reading.point, None)
        elif reading.quality is Quality.DOUBTFUL:
            if held := known.get(reading.point):
                known[reading.point] = replace(held, value=worst(held.number, reading.number))
        else:
            known[reading.point] = reading
