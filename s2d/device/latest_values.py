"""What is known of a device now: good values that are not too old, and what is computed of them."""

from collections.abc import Iterable, Mapping
from math import inf

from ..errors import BadReading
from ..host.log import Logger
from ..values import Quality, Reading, Value
from .computed import in_order
from .device_map import DeviceMap

STALE_AFTER_POLLS = 3
STALE_AFTER_S = 10.0
"""Without a `max_age` a value is stale after the longer of the two."""


class LatestValues:
    """The newest of every point and computed value of one opened device. `poll: once` and `never` do not age."""

    def __init__(self, make: DeviceMap, period_s: Mapping[str, float], now: float, log: Logger) -> None:
        self._make = make
        self._log = log
        self._computed = {name: make.computed[name] for name in in_order(make.computed)}
        self._inputs = {name: frozenset(self.inputs_of(each.value.names)) for name, each in self._computed.items()}
        self._max_age_s = {
            name: make.points[name].max_age or max(STALE_AFTER_POLLS * each_s, STALE_AFTER_S)
            for name, each_s in period_s.items()
        }
        for name, inputs in self._inputs.items():
            self._max_age_s[name] = max((self._max_age_s.get(each, 0.0) for each in inputs), default=0.0) or inf
        self._good_at = dict.fromkeys(period_s, now)
        self._stale: set[str] = set()
        self._rejected: set[str] = set()
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

    def is_outdated(self, point: str, now: float) -> bool:
        """*point* has to be read again before anything is decided on it."""
        if point not in self.values or self._make.points[point].poll == "never":
            return True
        return now - self._good_at.get(point, now) > self._max_age_s.get(point, inf)

    def everything(self, now: float) -> tuple[Reading, ...]:
        """All that is known, and what is not any more."""
        named = self._make.points.keys() | self._make.computed.keys()
        known = [
            Reading(name, value, age_s=max(0.0, now - self._good_at.get(name, now)))
            for name, value in self.values.items()
            if name in named
        ]
        return (*known, *(Reading(name, None, Quality.BAD, "too old") for name in sorted(self._stale)))

    def take(self, readings: Iterable[Reading], now: float) -> tuple[Reading, ...]:
        """Takes what the device said; returns the news: good values, those too old now, what is computed of them."""
        told = [reading for reading in readings if self._accept(reading, now)]
        told += self._gone_stale(now)
        changed = {reading.point for reading in told}
        for name, computed in self._computed.items():
            if not changed.isdisjoint(computed.value.names) and (reading := self._compute(name, now)):
                told.append(reading)
                changed.add(name)
        return tuple(told)

    def _accept(self, reading: Reading, now: float) -> bool:
        if reading.quality is not Quality.GOOD or reading.value is None:
            if reading.point not in self._max_age_s:
                self.values.pop(reading.point, None)  # nothing is left of what does not age
            self._reject(reading.point, reading.detail or reading.quality)
            return False
        self.answered.add(reading.point)
        self._keep(reading.point, reading.value, now - reading.age_s)
        return True

    def _keep(self, name: str, value: Value, at: float) -> None:
        self.values[name] = value
        self._good_at[name] = at
        self._stale.discard(name)
        self._rejected.discard(name)

    def _reject(self, name: str, reason: str) -> None:
        if name in self._rejected:
            return
        self._rejected.add(name)
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
                self._reject(name, exc.reason)  # like a point, it is believed until it is stale
            elif name in self.values:
                return self._lose(name, f"{', '.join(missing)} is unknown")
            return None
        ageing = self._inputs[name] & self._max_age_s.keys() & self.values.keys()
        age_s = max((now - self._good_at[each] for each in ageing), default=0.0)
        self._keep(name, value, now - age_s)
        return Reading(name, value, age_s=age_s)

    def _gone_stale(self, now: float) -> list[Reading]:
        gone = []
        for name, max_age_s in self._max_age_s.items():
            at = self._good_at.get(name, now)
            if now - at <= max_age_s or name in self._stale:
                continue
            if not self._may_lack(name):
                gone.append(self._lose(name, f"no good value for {now - at:.0f} s"))
        return gone

    def _lose(self, name: str, detail: str) -> Reading:
        self._stale.add(name)
        self.values.pop(name, None)
        return Reading(name, None, Quality.BAD, detail)
