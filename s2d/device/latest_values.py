"""The latest values of a device: the good ones that are not too old, and what is computed of them."""

from collections.abc import Iterable, Mapping
from math import inf

from ..errors import BadReading
from ..host.log import Logger
from ..values import Quality, Reading, Value
from .command import Command
from .computed import in_order
from .device_map import DeviceMap
from .plausibility import PlausibilityCheck

STALE_AFTER_POLLS = 3
STALE_AFTER_S = 10.0
"""Without a `max_age` a value is stale after the longer of the two, beside its `lag`; or as soon as the next poll can
have come, where the device is left alone or deaf after a write."""
_GOOD = Quality.GOOD  # looked up here once, as every reading of every poll is compared with it
NEXT_COMES_WITHIN = 1.5
"""No value is stale before the next can have come: so many times as long as from one answer to the next."""


class LatestValues:
    """The newest of every point and computed value of one opened device. `poll: once` and `never` do not age."""

    def __init__(self, make: DeviceMap, period_s: Mapping[str, float], now: float, log: Logger) -> None:
        self._make = make
        self._log = log
        self._computed = {name: make.computed[name] for name in in_order(make.computed)}
        self._inputs = {name: frozenset(self.inputs_of(each.value.names)) for name, each in self._computed.items()}
        self._period_s = period_s
        rests_s = sum(float(point.rest) for point in make.points.values())
        self._busy_s = sum(map(_longest_s, make.commands.values())) + rests_s
        """How long it may not be read, as commands are carried out."""
        written = [point for point in make.points.values() if point.is_writable]
        deaf_s = max((float(point.settle + point.rest) for point in written), default=0.0)
        self._max_age_s = {
            name: make.points[name].max_age
            or max(STALE_AFTER_POLLS * each_s, STALE_AFTER_S, deaf_s + each_s) + make.points[name].lag
            for name, each_s in period_s.items()
        }
        self._opened_at = now
        self._good: dict[str, Reading] = {}
        """The newest good one of each, as long as it is not stale."""
        self._stale: set[str] = set()
        self._check = PlausibilityCheck(make, log)
        self.rejected: dict[str, Reading] = {}
        """The newest of what was said and is not held, where nothing better came since."""
        self.answered: set[str] = set()
        """Points that were good at least once."""
        self.values: dict[str, Value] = dict(make.parameters)
        """What expressions may use: parameters, and all that is known."""

    def inputs_of(self, names: Iterable[str]) -> list[str]:
        """The points that have to be read to know *names*."""
        inputs: dict[str, None] = {}
        for name in names:
            if name in self._make.computed:
                inputs |= dict.fromkeys(self.inputs_of(self._make.computed[name].value.names))
            elif name in self._make.points and self._make.points[name].is_readable:
                inputs[name] = None
        return list(inputs)

    def why_not_ready(self, readings: Iterable[Reading]) -> str | None:
        """Why nothing of *readings*, which came together, is to be believed; None if the device is ready."""
        ready = self._make.ready
        if ready is None:
            return None
        said = {each.point: each.value for each in readings if each.value is not None}
        value = ready.evaluate({**self.values, **said})
        return f"it is not ready: {ready} is {value!r}" if value is not None and not value else None

    def is_outdated(self, point: str, now: float) -> bool:
        """*point* has to be read again before anything is decided on it."""
        if point not in self._good or self._make.points[point].poll == "never":
            return True
        return now > self._good[point].good_until

    def everything(self) -> tuple[Reading, ...]:
        """All that is known, and what is not any more."""
        return (*self._good.values(), *(Reading(name, None, Quality.BAD, "too old") for name in sorted(self._stale)))

    def observe(self, readings: Iterable[Reading], now: float, asked_at: float | None = None) -> tuple[Reading, ...]:
        """Takes what the device said when it was asked at *asked_at* (by default *now*; monotonic seconds).

        Returns the news: good values and doubtful ones, those too old by *now*, what is computed of them.
        """
        stamped = (self._stamped(reading, now if asked_at is None else asked_at, now) for reading in readings)
        news = [taken for reading in stamped if (taken := self._accept(reading))]
        self._check.learn(self.values)
        news += self._gone_stale(self._max_age_s, now)
        changed = {reading.point for reading in news}
        for name, computed in self._computed.items():
            if not changed.isdisjoint(computed.value.names) and (reading := self._compute(name, now)):
                news.append(reading)
                changed.add(name)
        return (*news, *self._gone_stale(self._computed, now))

    def _stamped(self, reading: Reading, asked_at: float, now: float) -> Reading:
        """*reading* with the instant at which it was true, and until when it is good."""
        point = self._make.points.get(reading.point)
        at = asked_at - reading.age_s if reading.at is None else reading.at
        if point and point.lag:
            at -= point.lag
        good_until = at + self._max_age_s.get(reading.point, inf)
        if reading.at is None and not reading.age_s and good_until < inf:
            next_s = self._period_s[reading.point] + now - asked_at
            good_until = max(good_until, now + NEXT_COMES_WITHIN * next_s + self._busy_s)
        # Made anew, as every reading of every poll comes by here: a copy by `replace` takes three times as long.
        return Reading(reading.point, reading.value, reading.quality, reading.detail, at, good_until)

    def _accept(self, reading: Reading) -> Reading | None:
        """*reading* as it is taken, which is held if it is good; None if it is neither good nor in doubt."""
        name = reading.point
        if reading.quality is _GOOD and reading.value is not None:
            reading = self._check.judged(reading, self._good.get(name))
            if reading.quality is _GOOD and reading.value is not None:
                self.answered.add(name)
                self.values[name] = reading.value
                self._good[name] = reading
                self._stale.discard(name)
                self.rejected.pop(name, None)
                return reading
        if reading.quality is Quality.DOUBTFUL:
            self.rejected[name] = reading
            return reading
        if name in self._make.points and name not in self._max_age_s:
            self.values.pop(name, None)  # nothing is left of what does not age
            self._good.pop(name, None)
        self._reject(reading)
        return None

    def _reject(self, reading: Reading) -> None:
        name, reason = reading.point, reading.detail or reading.quality
        before = self.rejected.get(name)
        self.rejected[name] = reading
        if before and before.quality is not Quality.DOUBTFUL:
            return
        if self._may_lack(name):
            self._log.info("point.missed", point=name, reason=reason)
        else:
            self._log.warning("reading.rejected", point=name, reason=reason)

    def _may_lack(self, name: str) -> bool:
        """Whether it is fine that nothing was ever heard of *name*."""
        return name not in self.answered and name in self._make.points and self._make.points[name].optional

    def _compute(self, name: str, now: float) -> Reading | None:
        computed = self._computed[name]
        try:
            value = computed.value_of(self.values)
        except BadReading as exc:
            missing = sorted(computed.value.names - self.values.keys())
            if not missing:
                self._reject(Reading(name, None, Quality.BAD, exc.reason))  # like a point, it holds until it is stale
            elif name in self.values:
                return self._forget(name, f"{', '.join(missing)} is unknown")
            return None
        inputs = [self._good[each] for each in self._inputs[name] if each in self._good]
        ageing = [each for each in inputs if each.good_until < inf]
        at = min((each.at for each in ageing if each.at is not None), default=now)
        good_until = min((each.good_until for each in ageing), default=inf)
        return self._accept(Reading(name, value, at=at, good_until=good_until))

    def _gone_stale(self, names: Iterable[str], now: float) -> list[Reading]:
        gone = []
        for name in names:
            at, until = self._good_since_and_until(name)
            if now <= until or name in self._stale:
                continue
            if not self._may_lack(name):
                gone.append(self._forget(name, f"no good value for {now - at:.0f} s"))
        return gone

    def _good_since_and_until(self, name: str) -> tuple[float, float]:
        """When the last good value of *name* was true and until when it is good; without any it waits since opening."""
        reading = self._good.get(name)
        if reading is None or reading.at is None:
            return self._opened_at, self._opened_at + self._max_age_s.get(name, inf)
        return reading.at, reading.good_until

    def _forget(self, name: str, detail: str) -> Reading:
        self._stale.add(name)
        self.values.pop(name, None)
        self._good.pop(name, None)
        return Reading(name, None, Quality.BAD, detail)


def _longest_s(command: Command) -> float:
    """How long *command* waits at most, for the device and until it follows."""
    waits_s = (sum(step.wait_s or 0.0 for step in steps) for steps in (command.steps, command.release))
    return max(waits_s) + (command.verify.within_s if command.verify else 0.0)
