"""The boiler that a load may be: water in a tank, and the element that heats it while it is on."""

from collections.abc import Callable
from math import inf

from ....s2.messages.common import CommodityQuantity
from ....values import Now, Setpoint
from ...occasion import Occasion
from .. import ResourceSetup
from ..heated_storage import PAUSE, RUN, HeatedStorageDescription, HeatedStorageParts
from ..heating import HEAT_NOW, LIMIT, TEMPERATURE, Heating, HeatingTimes
from ..hygiene import Hygiene
from ..kept_limit import KeptLimit
from ..kept_values import KeptValues
from ..later_start import LaterStart
from ..owners_wish import OwnersWish
from ..published_number import PublishedNumber
from ..shared_state import SharedState
from ..thermal_storage import HeatForecast, ThermalStorage
from .running_power import CHANGES_BY, RunningPower
from .settings import LoadSettings

HEATS_FROM = 0.5
"""It heats from this share of its least power on."""
_COP = 1.0
_DESCRIBED_EVERY_S = 600.0


class Boiler:
    """The boiler of one load, as FRBC asks for it."""

    def __init__(
        self,
        setup: ResourceSetup,
        storage: ThermalStorage,
        state: SharedState,
        kept: KeptValues,
        running: RunningPower,
        limit: KeptLimit,
        later: LaterStart,
        *,
        point: str,
        seen_by: str | None,
        measures_power: bool,
        quantity: CommodityQuantity,
        within_s: float,
        is_on: Callable[[], bool | None],
        rest: Callable[[Occasion, str, Now], list[Setpoint]],
    ) -> None:
        """*point*: by which it is told to heat. *seen_by*: the point that says whether it is on, if any does.

        *within_s*: when an order has to be seen followed. *is_on*: what else tells that. *rest*: brings it to rest.
        """
        settings: LoadSettings = setup.settings
        self.state = state
        self.wish = OwnersWish(kept, state, HEAT_NOW, self._why_no_heat)
        self.forecast = HeatForecast(storage, setup.time_zone)
        self.parts = HeatedStorageParts(setup.resource_id, setup.name, "the hot water", storage, quantity)
        self.due_at = -inf
        """When (monotonic seconds) it has something to do though nothing is read."""
        self._limit = limit
        self._running = running
        self._seen_by = seen_by
        self._measures_power = measures_power
        self._is_on = is_on
        self._rest = rest
        span = settings.power_w
        self._span_w = None if point != LIMIT or span is None else (float(span[0] or span[1]), float(span[1]))
        """What it takes where it modulates; one that does nothing as well has no least but that."""
        self._published_w = PublishedNumber(CHANGES_BY, _DESCRIBED_EVERY_S)
        self._described: HeatedStorageDescription | None = None
        by_us = settings.is_hot_by_us
        hygiene = Hygiene(kept, settings.hygiene_at, setup.time_zone, is_by_us=by_us)
        timers = settings.timers
        self.heating = Heating(
            storage,
            self,
            state,
            kept,
            setup.safe,
            later,
            point=point,
            read_by=None if point == LIMIT else seen_by,
            has_thermostat=settings.thermostat is True,
            is_guard=settings.thermostat is not True,
            times=HeatingTimes(float(timers.on_s), float(timers.off_s), heats_within=within_s, rests_within=within_s),
            hysteresis_k=float(settings.hysteresis_k),
            hygiene=None if settings.hygiene == "off" else hygiene,
        )

    @property
    def description(self) -> HeatedStorageDescription:
        """How it is described by now."""
        assert self._described is not None
        return self._described

    @property
    def is_known(self) -> bool:
        """Whether all is known that FRBC asks for."""
        return self._described is not None and self.state.is_known(TEMPERATURE) and self.heating.activity is not None

    @property
    def power_w(self) -> tuple[float, float] | None:
        power_w = self._published_w.value
        return self._span_w or (None if power_w is None else (power_w, power_w))

    @property
    def allowed_w(self) -> float:
        return inf if self._limit.limit_w is None else self._limit.limit_w

    @property
    def busy(self) -> None:
        return None

    def danger_after(self, cut_off_at: float | None, now: Now) -> None:
        return None

    def cut_off_until(self, cut_off_at: float) -> float:
        return inf

    def is_heating(self, since: float) -> bool | None:
        """Whether its element heats: it is on, and its thermostat and its cut-out are as well, as its power shows."""
        if self._seen_by:
            is_on = self.state.flag(self._seen_by) if self.state.was_read_since(self._seen_by, since) else None
            if not is_on or not self._measures_power or self.power_w is None:
                return is_on
        if not self._measures_power:
            return self._is_on()
        power_w = self.state.number("power")
        if power_w is None or self.power_w is None or not self.state.was_read_since("power", since):
            return None
        return power_w >= HEATS_FROM * self.power_w[0]

    def observe(self, now: Now) -> None:
        """Takes note of what was read."""
        self._describe(now)
        self.heating.observe(now)

    def advance(self, now: Now) -> None:
        """Does what time does."""
        self.heating.advance(now)
        self.forecast.advance(now)
        self.wish.advance(now)
        self._describe(now)
        self.look_ahead(now)

    def look_ahead(self, now: Now) -> None:
        """Looks when it has something to do next."""
        self.due_at = min(self.heating.next_at(now.mono), self.forecast.next_at)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        return self._rest(occasion, reason, now)

    def _describe(self, now: Now) -> None:
        has_changed = self._published_w.update(self._running.power_w, now)
        if self.power_w is None or (self._described is not None and not has_changed):
            return
        times = self.heating.times
        timers_s = {RUN: times.run, PAUSE: times.pause}
        self._described = self.parts.described(self.power_w, _COP, timers_s, can_heat=True)

    def _why_no_heat(self) -> str | None:
        """Why nobody can want it to heat now; None: he can."""
        if unknown := self.state.unknown((TEMPERATURE,)):
            return unknown
        return f"it is {self.heating.temperature_c:g} °C warm" if self.heating.is_warm else self.state.fault
