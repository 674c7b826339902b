"""Shared state of a resource, whatever its kind: the readings that hold now, whether its device answers, its power.

Knows no control type and no message but the names of quantities.
"""

from collections.abc import Callable, Iterable, Mapping
from math import inf

from msgspec.structs import replace

from ...s2.messages.common import CommodityQuantity
from ...values import Now, Quality, Reading, Value


class SharedState:
    """The state of a device now. A reading holds until it is too old, or until the device has none any more."""

    def __init__(self, power_points: Mapping[CommodityQuantity, str], called: Mapping[str, str]) -> None:
        """*power_points*: the points that measure the power, by what they measure. *called*: points in words."""
        self.quantities = tuple(power_points)
        self.is_online = False
        """Whether the device answers. What was last read of one that does not holds until it is too old."""
        self.stale_at = inf
        """When (monotonic seconds) something may be too old, if it was not read again since."""
        self._power_points = power_points
        self._held: dict[str, Reading] = {}
        self._doubtful: dict[str, Reading] = {}
        """The newest of a point, where it came too soon after what is held."""
        self._why_unknown: dict[str, str] = {}
        self._called = called
        self._fault: Value | None = None
        """The newest that was read: a fault has not gone because it cannot be read any more."""

    def observe(self, readings: Iterable[Reading], now: Now) -> bool:
        """Takes what the device said; what is not good makes its point unknown, and is as of *now* if undated.

        What is doubtful changes nothing but `worst`.

        Whether it is others by that which are known.
        """
        self.is_online = True
        known = len(self._held)
        has_lost = False
        for reading in readings:
            if reading.quality is Quality.DOUBTFUL:
                self._doubtful[reading.point] = reading
                continue
            if self._doubtful:
                self._doubtful.pop(reading.point, None)
            if reading.value is None:
                has_lost |= reading.point in self._held
                self._forget(reading.point, reading.detail or reading.quality)
            elif reading.good_until <= now.mono:  # it was too long on its way, and says nothing of what is held
                if reading.point not in self._held:
                    self._why_unknown[reading.point] = _too_old(reading, now)
            else:
                self._held[reading.point] = reading if reading.at is not None else replace(reading, at=now.mono)
                if reading.point in self._why_unknown:
                    del self._why_unknown[reading.point]
                if reading.good_until < self.stale_at:
                    self.stale_at = reading.good_until
        if (fault := self._held.get("fault")) is not None:
            self._fault = fault.value
        return has_lost or len(self._held) != known

    def lose(self) -> None:
        """The device does not answer."""
        self.is_online = False

    def advance(self, now: Now) -> bool:
        """Forgets what is too old by *now*; whether there was any."""
        if now.mono < self.stale_at:
            return False
        old = [reading for reading in self._held.values() if reading.good_until <= now.mono]
        for reading in old:
            self._forget(reading.point, _too_old(reading, now))
        self.stale_at = min([reading.good_until for reading in self._held.values()], default=inf)
        return bool(old)

    def value(self, point: str) -> Value | None:
        """What *point* is; None while it is unknown."""
        reading = self._held.get(point)
        return reading.value if reading else None

    def reading(self, point: str) -> Reading | None:
        """The reading of *point* that holds; None while it is unknown."""
        return self._held.get(point)

    def number(self, point: str) -> float | None:
        """What *point* is, as a number; None while it is unknown, or no number."""
        reading = self._held.get(point)
        return None if reading is None or reading.value is None or type(reading.value) is str else float(reading.value)

    def flag(self, point: str) -> bool | None:
        """Whether *point*, which is on or off, is on; None while it is unknown, or a state with a name."""
        value = self.value(point)
        return None if value is None or isinstance(value, str) else bool(value)

    def worst(self, point: str, number: Callable[[float, float], float]) -> float | None:
        """Of what *point* is, and may be where that is in doubt, *number*: `min` or `max`; None while it is unknown."""
        held, doubtful = self.number(point), self._doubtful.get(point)
        return held if held is None or doubtful is None else number(held, doubtful.number)

    def is_known(self, *points: str) -> bool:
        """Whether all of *points* are known."""
        return self._held.keys() >= {*points}

    def was_read_since(self, point: str, since: float) -> bool:
        """Whether *point* is known as it was at *since* (monotonic seconds) or later."""
        reading = self._held.get(point)
        return reading is not None and reading.at is not None and reading.at >= since

    def why_unknown(self, point: str) -> str | None:
        """Why *point* is unknown; None if it is known."""
        return None if point in self._held else self._why_unknown.get(point, "it was not read yet")

    def unknown(self, points: Iterable[str]) -> str | None:
        """Which of *points* is unknown, and why, in words; None if all are known."""
        for point in points:
            if why := self.why_unknown(point):
                return f"{self._called.get(point, point)} is unknown: {why}"
        return None

    @property
    def fault(self) -> str | None:
        """The fault that the device reports, in words."""
        is_fault = self._fault and self._fault != "ok"
        return f"the device reports a fault: {self._fault}" if is_fault else None

    def power(self) -> dict[CommodityQuantity, Reading]:
        """The readings of the power, by quantity, as far as they hold."""
        return {quantity: self._held[point] for quantity, point in self._power_points.items() if point in self._held}

    def _forget(self, point: str, why: str) -> None:
        self._held.pop(point, None)
        self._why_unknown[point] = why


def _too_old(reading: Reading, now: Now) -> str:
    since = reading.good_until if reading.at is None else reading.at
    return f"no good value for {now.mono - since:.0f} s"
