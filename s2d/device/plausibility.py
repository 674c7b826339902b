"""Plausibility check of readings: a limit check and a rate-of-change check of each point and computed value.

What cannot be true is BAD. What may be true, but not so soon after the last good value, is DOUBTFUL until it is seen
to last: a battery does recalibrate.
"""

from collections.abc import Mapping
from math import inf
from sys import float_info

from ..driver import PointSettings
from ..errors import BadReading, DeviceRefused
from ..host.log import Logger
from ..quantities import factor_of
from ..values import PlausibleRange, Quality, Reading, Value
from .computed import Computed
from .device_map import DeviceMap

HELD_BACK_READINGS = 3
"""So many doubtful readings in a row are held back at most..."""
HELD_BACK_SHARE = 0.5
"""...and for no more than this share of the time after which the last good one is too old..."""
NEXT_IS_LATE_BY = 1.5
"""...nor if the next would come after that; it may take so many times as long as the last."""

_TEMPERATURE = PlausibleRange(low=-60.0, high=300.0)
"""In °C, from the coldest roof to the hottest collector."""
_ANY_NUMBER = PlausibleRange(low=-float_info.max, high=float_info.max)
_SCALES = (0.1, 0.01, 0.001)
_SENTINELS = frozenset(
    {0xFF, *(number for bits in (16, 32, 64) for number in (2**bits - 1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))))}
)
"""What devices commonly say instead of a number: all bits, all but the sign, or the sign alone."""


class PlausibilityCheck:
    """The plausibility check of all that one opened device says."""

    def __init__(self, make: DeviceMap, log: Logger) -> None:
        self._make = make
        self._log = log
        self._nameplate_w = make.nameplate.power_w(make.parameters)
        self._checks = self._built()
        self._doubts: dict[str, _HeldBack] = {}
        self._doubted_before: set[str] = set()
        self._unusual: set[str] = set()
        """Points of which that was told already."""

    def learn(self, known: Mapping[str, Value]) -> None:
        """Looks whether the device has said by now what it is built for."""
        if self._nameplate_w is None and self._make.nameplate.power is not None:
            self._nameplate_w = self._make.nameplate.power_w(known)
            if self._nameplate_w is not None:
                self._checks = self._built()

    def judged(self, reading: Reading, held: Reading | None) -> Reading:
        """*reading*, which is good and dated, as it is to be taken beside the last good one that is *held*."""
        check = self._checks.get(reading.point)
        if check is None:
            return reading
        value = reading.value
        # Every reading of every poll comes by here: what is as it should be is found by few comparisons.
        if (not isinstance(value, float) and type(value) is not int) or not check.low <= value <= check.high:
            try:
                value = check.limited(value)
            except BadReading as exc:
                return Reading(reading.point, None, Quality.BAD, exc.reason, reading.at, reading.good_until)
            if (unusual := check.more_than_usual(value)) and reading.point not in self._unusual:
                self._unusual.add(reading.point)
                self._log.info("reading.unusual", point=reading.point, reason=unusual)
            reading = Reading(reading.point, value, at=reading.at, good_until=reading.good_until)
        if check.step == inf:
            return reading
        if held is None or abs(value - held.number) <= check.step or check.explains(held, reading):
            if self._doubts:
                self._doubts.pop(reading.point, None)
            return reading
        return self._doubted(check, reading, held)

    def _doubted(self, check: "_ValueCheck", reading: Reading, held: Reading) -> Reading:
        """*reading*, which comes too soon after the one that is *held*."""
        name, change = reading.point, check.change_in_words(held, reading)
        doubt = self._doubts.get(name)
        if doubt is None or not check.explains(doubt.last, reading):
            doubt = self._doubts[name] = _HeldBack(reading)
        elif doubt.has_lasted(reading, held):
            del self._doubts[name]
            self._doubted_before.discard(name)
            reason = f"{change}, and stays there for {_at(reading) - doubt.since:.0f} s by now"
            self._log.warning("reading.believed", point=name, reason=reason)
            return reading
        doubt.count += 1
        doubt.last = reading
        reason = f"{change}, which is too soon to be believed at once"
        if name not in self._doubted_before:
            self._doubted_before.add(name)
            self._log.warning("reading.doubted", point=name, reason=reason)
        return Reading(name, reading.value, Quality.DOUBTFUL, reason, reading.at, reading.good_until)

    def _built(self) -> dict[str, "_ValueCheck"]:
        """The checks by what is known of the nameplate."""
        ranges = self._make.plausible(self._nameplate_w)
        named: dict[str, PointSettings | Computed] = {**self._make.points, **self._make.computed}
        expected = {name: ranges.get(name) or _range_by_unit(settings) for name, settings in named.items()}
        return {name: _ValueCheck(name, named[name], each) for name, each in expected.items() if each}


class _ValueCheck:
    """The plausibility check of one point or computed value; remembers nothing."""

    def __init__(self, name: str, settings: PointSettings | Computed, expected: PlausibleRange) -> None:
        self._name = name
        self._settings = settings
        self._factor = factor_of(settings.unit) if settings.unit else 1.0
        # What somebody has written for this very point goes before what is known of its kind.
        self._least = expected.low if settings.min is None else settings.min * self._factor
        self._most = expected.high if settings.max is None else settings.max * self._factor
        self._range = expected
        self.low, self.high = max(self._least, expected.usual_low), min(self._most, expected.usual_high)
        """Between these nothing is to be said of it."""
        self.step = expected.step

    def limited(self, said: Value | None) -> float:
        """The number that was *said*; what is hardly beyond a limit is at the limit.

        Raises: BadReading: it is none, or cannot be.
        """
        value = self._number(said)
        if self._least - self._range.margin <= value <= self._most + self._range.margin:
            return max(self._least, min(self._most, value))
        limits = f"{self._shown(self._least)} .. {self._shown(self._most)}"
        what = f"{self._in_unit(value)} is outside {limits}, which is all that {self._name} can be"
        raise BadReading(what + self._hint(value))

    def more_than_usual(self, value: float) -> str:
        """In words that *value* is more than its owner expects; "" if it is not."""
        low, high = self._range.usual_low, self._range.usual_high
        if low <= value <= high:
            return ""
        expected = f"{self._shown(low)} .. {self._shown(high)}"
        return f"{self._in_unit(value)} is believed, though no more than {expected} is expected"

    def explains(self, before: Reading, after: Reading) -> bool:
        """Whether time explains the change from *before* to *after*."""
        most = self.step + self._range.change_per_s * max(0.0, _at(after) - _at(before))
        return abs(after.number - before.number) <= most

    def change_in_words(self, before: Reading, after: Reading) -> str:
        passed_s = _at(after) - _at(before)
        return f"went from {self._shown(before.number)} to {self._in_unit(after.number)} within {passed_s:.0f} s"

    def _number(self, said: Value | None) -> float:
        """Raises: BadReading: it is no number."""
        if isinstance(said, str | bool) and isinstance(self._settings, PointSettings) and self._settings.unit:
            said = self._settings.value_of(said)
        if isinstance(said, str | bool) or said is None:
            raise BadReading(f"{said!r} is no number")
        return said

    def _hint(self, value: float) -> str:
        """What may be wrong in the configuration of the point, and what the device said."""
        point = self._settings
        if not isinstance(point, PointSettings) or point.is_scaled_by_device:
            return ""
        try:
            raw = point.raw_of(value)
        except DeviceRefused:
            return ""
        if isinstance(raw, str | bool):
            return ""
        said, known = f" (raw value {raw:.10g})", point.__struct_fields__
        if raw in _SENTINELS and "sentinel" in known:
            return f"{said}; does it say so that it has none, `sentinel: {raw:.10g}`?"
        for scale in _SCALES:
            if self._least <= value * scale <= self._most:
                return f"{said}; is a `scale` missing, `scale: {point.scale * scale:g}`?"
        return f"{said}; are its `type` and `order` right?" if "order" in known else said

    def _in_unit(self, value: float) -> str:
        return f"{self._shown(value)} {self._settings.unit}".rstrip()

    def _shown(self, value: float) -> str:
        return "…" if abs(value) == inf else f"{value / self._factor:g}"


class _HeldBack:
    """The readings of a value that were held back in a row, as they are in doubt."""

    def __init__(self, first: Reading) -> None:
        self.since = _at(first)
        self.last = first
        self.count = 0

    def has_lasted(self, reading: Reading, held: Reading) -> bool:
        """Whether *reading*, which goes with the last, is to be believed and takes the place of what is *held*."""
        at = _at(reading)
        return (
            self.count >= HELD_BACK_READINGS
            or at - self.since >= HELD_BACK_SHARE * (held.good_until - _at(held))
            or at + NEXT_IS_LATE_BY * (at - _at(self.last)) > held.good_until
        )


def _at(reading: Reading) -> float:
    assert reading.at is not None
    return reading.at


def _range_by_unit(settings: PointSettings | Computed) -> PlausibleRange | None:
    """What a value of this unit can be, whatever it is."""
    if not settings.unit:
        return None
    return _TEMPERATURE if settings.dimension == "temperature" else _ANY_NUMBER
