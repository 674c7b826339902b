"""Thermal storage: water that is heated, as S2 describes it. Its fill level is its temperature, or the heat in it.

Heat is in J, K is its heat capacity in J per kelvin; a rate of its fill level is per second.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf
from typing import Literal
from zoneinfo import ZoneInfo

from ...heat import StandingLosses
from ...s2.messages.common import CommodityQuantity, NumberRange, PowerRange
from ...s2.messages.frbc import (
    LeakageBehaviourElement,
    OperationMode,
    OperationModeElement,
    StorageDescription,
    UsageForecastElement,
)
from ...schedule import Draw, WeekDraws
from ...values import Now

J_PER_L_K = 4190.0
"""Of water."""
LevelUnit = Literal["°C", "kWh"]
_J_PER_WH, _J_PER_KWH = 3600.0, 3.6e6
_REPORT_K = 0.2
_STEP = timedelta(minutes=30)
_FORESEEN_STEPS = 96
"""48 h."""
_FORETOLD_EVERY_S = 3600.0
_SPREAD = 0.5
"""A draw is half as large, or half as large again, where nobody has counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalStorage:
    """A thermal storage as its owner knows it: a tank of hot water, or the buffer of a heating."""

    heat_capacity_j_per_k: float
    low_c: float
    """The band in which it is kept: its lower end..."""
    high_c: float
    """...and its upper."""
    coldest_c: float
    """It may be heated from here..."""
    hottest_c: float
    """...and rest up to here."""
    margin_k: float = 0.0
    """What is told reaches so far beyond these at both ends: some peers take the very ends for beyond."""
    unit: LevelUnit = "°C"
    losses: StandingLosses | None = None
    ambient_c: float = 20.0
    usage: WeekDraws | None = None

    def level(self, temperature_c: float) -> float:
        """The fill level at *temperature_c*."""
        return temperature_c if self.unit == "°C" else (temperature_c - self.low_c) * self._levels_per_k

    def rate(self, heat_w: float) -> float:
        """How fast the fill level rises by *heat_w*."""
        return heat_w / self.heat_capacity_j_per_k * self._levels_per_k

    def reported_step(self, band_k: float, percent: float | None) -> float:
        """The change of its fill level that is worth telling: so many *percent* of *band_k*, else a fifth of 1 K."""
        return self._levels_per_k * (_REPORT_K if percent is None else percent / 100 * band_k)

    @property
    def _levels_per_k(self) -> float:
        return 1.0 if self.unit == "°C" else self.heat_capacity_j_per_k / _J_PER_KWH

    def levels(self, low_c: float, high_c: float) -> NumberRange:
        return NumberRange(start_of_range=self.level(low_c), end_of_range=self.level(high_c))

    def _told(self, low_c: float, high_c: float) -> NumberRange:
        return self.levels(low_c - self.margin_k, high_c + self.margin_k)

    def described(self, label: str | None, of: str) -> StorageDescription:
        """It, as the storage with this *label*; *of* is what is warm."""
        return StorageDescription(
            diagnostic_label=label,
            fill_level_label=f"temperature of {of}, °C" if self.unit == "°C" else f"heat in {of}, kWh",
            provides_leakage_behaviour=self.losses is not None,
            provides_fill_level_target_profile=False,
            provides_usage_forecast=self.usage is not None,
            fill_level_range=self._told(self.low_c, self.high_c),
        )

    def heating(
        self, mode_id: str, label: str, power_w: tuple[float, float], cop: float, quantity: CommodityQuantity
    ) -> OperationMode:
        """The mode in which it is heated by *power_w*, each watt of which gives *cop* watts of heat.

        It may be, however cold it is: what would have to wait for the band would be refused when it is needed most.
        """
        rates = NumberRange(start_of_range=self.rate(power_w[0] * cop), end_of_range=self.rate(power_w[1] * cop))
        return self._mode(mode_id, label, self._told(self.coldest_c, self.high_c), power_w, rates, quantity)

    def resting(
        self, mode_id: str, label: str, quantity: CommodityQuantity, *, at_any_temperature: bool = False
    ) -> OperationMode:
        """The mode in which it is left alone, below its band only where nothing can be done about it."""
        levels = self._told(self.coldest_c if at_any_temperature else self.low_c, self.hottest_c)
        nothing = NumberRange(start_of_range=0.0, end_of_range=0.0)
        return self._mode(mode_id, label, levels, (0.0, 0.0), nothing, quantity)

    def _mode(
        self,
        mode_id: str,
        label: str,
        levels: NumberRange,
        power_w: tuple[float, float],
        rates: NumberRange,
        quantity: CommodityQuantity,
    ) -> OperationMode:
        start_w, end_w = power_w
        power = PowerRange(start_of_range=start_w, end_of_range=end_w, commodity_quantity=quantity)
        element = OperationModeElement(fill_level_range=levels, fill_rate=rates, power_ranges=(power,))
        return OperationMode(id=mode_id, diagnostic_label=label, elements=(element,), abnormal_condition_only=False)

    def leakage(self) -> tuple[LeakageBehaviourElement, ...]:
        """What it loses by itself in each half of its band; nothing where nobody says."""
        if self.losses is None:
            return ()
        w_per_k, middle_c = self.losses.w_per_k(self.ambient_c), (self.low_c + self.high_c) / 2
        return tuple(
            LeakageBehaviourElement(
                fill_level_range=self.levels(start_c, end_c),
                leakage_rate=max(0.0, self.rate(w_per_k * ((start_c + end_c) / 2 - self.ambient_c))),
            )
            for start_c, end_c in pairwise((self.low_c, middle_c, self.high_c))
        )


class HeatForecast:
    """What is foreseen of a thermal storage, as FRBC asks for it."""

    def __init__(self, storage: ThermalStorage, time_zone: str) -> None:
        self.follow(storage)
        self._zone = ZoneInfo(time_zone)
        self._usage: tuple[datetime, tuple[UsageForecastElement, ...]] | None = None
        self.next_at = inf if storage.usage is None else -inf
        """When (monotonic seconds) usage is foretold anew."""

    def follow(self, storage: ThermalStorage) -> None:
        """The storage is kept as this one is from here on: its band has moved."""
        self._storage, self._leakage = storage, storage.leakage()

    def advance(self, now: Now) -> None:
        """Foretells usage anew when that is due."""
        usage = self._storage.usage
        if usage is None or now.mono < self.next_at:
            return
        start = _half_hour(now.utc)
        draws = usage.between(start - _STEP, start + _FORESEEN_STEPS * _STEP, self._zone)
        self._usage = start, tuple(self._elements(start, draws))
        self.next_at = now.mono + _FORETOLD_EVERY_S - (now.utc - start).total_seconds()

    def leakage_behaviour(self) -> tuple[LeakageBehaviourElement, ...]:
        return self._leakage

    def usage_forecast(self) -> tuple[datetime, tuple[UsageForecastElement, ...]] | None:
        return self._usage

    def fill_level_target_profile(self) -> None:
        return None

    def _elements(self, start: datetime, draws: Iterable[Draw]) -> Iterable[UsageForecastElement]:
        """Each draw takes half an hour; neighbours that are alike are one."""
        steps_wh = [0.0] * _FORESEEN_STEPS
        for draw in draws:
            for step in range(_FORESEEN_STEPS):
                begins = start + step * _STEP
                shared = min(begins + _STEP, draw.at + _STEP) - max(begins, draw.at)
                steps_wh[step] += draw.energy_wh * max(0.0, shared / _STEP)
        count = 0
        for energy_wh, following_wh in pairwise([*steps_wh, None]):
            count += 1
            if energy_wh != following_wh:
                rate = self._storage.rate(energy_wh * _J_PER_WH / _STEP.total_seconds() if energy_wh else 0.0)
                duration_ms = round(count * _STEP.total_seconds() * 1000)
                likely = {
                    "usage_rate_lower_68PPR": rate * (1 - _SPREAD),
                    "usage_rate_upper_68PPR": rate * (1 + _SPREAD),
                }
                yield UsageForecastElement(
                    duration=duration_ms, usage_rate_expected=rate, **(likely if energy_wh else {})
                )
                count = 0


def _half_hour(instant: datetime) -> datetime:
    """The half hour in which *instant* lies."""
    since = instant - datetime.min.replace(tzinfo=UTC)
    return instant - since % _STEP
