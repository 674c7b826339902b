"""The charging power of a station: measured as a total, by phase, or worked out of its currents; phases in use."""

from collections.abc import Callable, Collection, Iterable, Mapping
from statistics import fmean

from ....s2.messages.common import CommodityQuantity
from ....values import Reading
from ..power_points import PHASES, described_quantity, of_phases
from ..shared_state import SharedState
from .settings import EvChargerSettings

CURRENTS = {"current_l1": "power_l1", "current_l2": "power_l2", "current_l3": "power_l3"}
"""The current of each phase, and the power that is worked out of it."""
VOLTAGES = ("voltage_l1", "voltage_l2", "voltage_l3")
IN_USE_A = 1.0
"""A phase with more is in use."""
_PLAUSIBLE_V = (180.0, 260.0)


class ChargingPower:
    """The charging power of one station, as far as its readings hold."""

    def __init__(
        self, settings: EvChargerSettings, state: SharedState, points: Collection[str], phases_now: Callable[[], int]
    ) -> None:
        """*points*: all that it has. *phases_now*: on how many phases it is switched."""
        count = settings.phases
        self._settings = settings
        self._state = state
        self._phases_now = phases_now
        self._quantities = of_phases(settings.phase_rotation)
        self._total = described_quantity(count, settings.phase_rotation)
        self._has_total = "power" in points
        by_power, by_current = tuple(PHASES)[:count], tuple(CURRENTS)[:count]
        self._each = by_power if {*by_power} <= {*points} else by_current if {*by_current} <= {*points} else ()
        self._is_current = self._each == by_current
        self.quantities = self._announced()
        self.judged_by = ("power",) if self._has_total else self._each
        """The points by which the total is known."""

    def voltage_v(self) -> float:
        """The mean of the voltages that are known and can be true, else that of the settings."""
        low, high = _PLAUSIBLE_V
        known = [self._state.number(point) for point in VOLTAGES]
        believed = [volts for volts in known if volts is not None and low <= volts <= high]
        return fmean(believed) if believed else float(self._settings.voltage_v)

    def total(self) -> Reading | None:
        """The power of all phases; None while it is unknown."""
        if self._has_total:
            return self._state.reading("power")
        each = self.by_phase()
        return _summed("power", each.values()) if len(each) == self._settings.phases else None

    def total_since(self, since: float) -> Reading | None:
        """The power of all phases as it was at *since* (monotonic seconds) or later; None while that is unknown."""
        total = self.total()
        return total if total and total.at is not None and total.at >= since else None

    def by_phase(self) -> dict[CommodityQuantity, Reading]:
        """The power of each phase that is known."""
        readings = [self._state.reading(point) for point in self._each]
        known = [reading for reading in readings if reading is not None]
        if self._is_current:
            known = [self._powered(reading) for reading in known]
        return {self._quantities[reading.point]: reading for reading in known}

    def phases_in_use(self) -> int | None:
        """On how many phases it charges; None while that is unknown, or it does not."""
        each = self.by_phase()
        if not self._each or len(each) < self._settings.phases:
            return None
        floor_w = IN_USE_A * self._settings.voltage_v
        return sum(reading.number > floor_w for reading in each.values()) or None

    def power(self) -> Mapping[CommodityQuantity, Reading]:
        """What is told of it: the total, or phase by phase while fewer phases are in use than it has."""
        total, is_whole = self.total(), self._settings.phases == 1 or len(self.quantities) == 1
        told_by_phase = self._settings.measure == "per_phase" or (not is_whole and self._uses_fewer())
        if told_by_phase and (each := self.by_phase() or self._on_one(total)):
            return each
        return {self._total: total} if total else {}

    def _announced(self) -> tuple[CommodityQuantity, ...]:
        settings = self._settings
        by_phase = tuple(PHASES.values())
        can_tell_each = settings.phases == 3 and (bool(self._each) or settings.phase_switching)
        if not can_tell_each or settings.measure == "total":
            return (self._total,)
        return by_phase if settings.measure == "per_phase" else (self._total, *by_phase)

    def _uses_fewer(self) -> bool:
        in_use = self.phases_in_use()
        if in_use is None:
            total = self.total()
            return self._phases_now() == 1 and total is not None and total.number > IN_USE_A * self._settings.voltage_v
        return in_use < self._settings.phases

    def _on_one(self, total: Reading | None) -> dict[CommodityQuantity, Reading]:
        """Of a station that is switched to one phase and measures no single one."""
        if total is None or self._phases_now() != 1:
            return {}
        first, *others = PHASES
        powers_w = {first: total.number, **dict.fromkeys(others, 0.0)}
        return {self._quantities[point]: _with(total, point, power_w) for point, power_w in powers_w.items()}

    def _powered(self, current: Reading) -> Reading:
        return _with(current, CURRENTS[current.point], current.number * self.voltage_v())


def _with(reading: Reading, point: str, value: float) -> Reading:
    return Reading(point, value, at=reading.at, good_until=reading.good_until)


def _summed(point: str, readings: Iterable[Reading]) -> Reading:
    """The sum of *readings*, as old as the oldest."""
    each = tuple(readings)
    at = [reading.at for reading in each if reading.at is not None]
    return Reading(
        point,
        sum(reading.number for reading in each),
        at=min(at) if len(at) == len(each) else None,
        good_until=min(reading.good_until for reading in each),
    )
