"""The model of a load: what is known and ordered of it. It knows no control type.

It is switched on and off, or takes what it likes up to a limit.
"""

from collections.abc import Callable, Iterable, Mapping
from math import inf
from zlib import crc32

from ....s2.messages.common import Commodity, CommodityQuantity, ControlType, Role, RoleType
from ....values import RELEASE, Now, Reading, Setpoint, Value
from ...control import Control
from ...control.context import ControlContext
from ...control.execution import FOLLOWED, PENDING, Stage, Verdict
from ...control.offers import Offer
from ...control.pebc.envelopes import PresentLimits
from ...occasion import Occasion
from .. import Protection, ResourceSetup
from ..kept_limit import KeptLimit
from ..kept_values import KeptValues
from ..ladder import Ladder
from ..later_start import ON, LaterStart
from ..power_points import described_quantity, power_points
from ..shared_state import SharedState
from ..verdicts import power_within, reads
from .running_power import RunningPower
from .settings import LoadSettings

LIMIT = "power_limit"
"""The most it may take; it is steered by that, or switched."""
TEMPERATURE = "temperature"
SEEN_ON = "is_on"
"""What it says itself of whether it is on, where that is another point than the one that is written."""
_CALLED = {"power": "the power", TEMPERATURE: "the temperature", ON: "whether it is on", SEEN_ON: "whether it is on"}
_RELAY_WITHIN_S, _POWER_WITHIN_S = 10.0, 60.0
_STALE_AFTER_S = 300.0
"""One that is on and of which nothing is known any more is switched off after this long."""
_SPREAD_S = 120.0
"""Within this time, each at its own instant, the loads of a street are left to their thermostats."""
_TOLERANCE = 0.05
_SWITCHED_OFF = "switched_off"


class Load:
    """The model of one load."""

    roles: tuple[Role, ...] = (Role(role=RoleType.ENERGY_CONSUMER, commodity=Commodity.ELECTRICITY),)
    foreseen_power = None
    troubles = ()
    wish = None
    waits_for_device = False

    def __init__(self, setup: ResourceSetup, offers: "Mapping[ControlType, Offer[Load]]") -> None:
        self.resource_id = setup.resource_id
        self.settings: LoadSettings = setup.settings
        self.abilities = setup.abilities
        self.kept = KeptValues()
        measured = {
            quantity: point
            for quantity, point in power_points(self.settings.phases, setup.abilities).items()
            if point in setup.abilities
        }
        self.state = SharedState(measured, _CALLED)
        self.quantity = described_quantity(self.settings.phases)
        self.quantities = self.state.quantities or (self.quantity,)
        self.seen_by = next((each for each in (SEEN_ON, ON) if self._can_read(each)), None)
        """The point that says whether it is on; None: it is judged by its power, or trusted."""
        usual_s = _RELAY_WITHIN_S if self.seen_by else _POWER_WITHIN_S
        shows_after_s = max((each.shows_after_s for each in setup.abilities.values()), default=0.0)
        self.follow_within_s = max(float(self.settings.follow_within_s or usual_s), shows_after_s)
        said = self.settings.power_w
        self.running = RunningPower(self.kept, float(said[1]) if said else None)
        self.ordered_on: bool | None = None
        """None while it is not ordered to be on or off."""
        self.is_at_rest = True
        self._trusted_on: bool | None = None
        """What it confirmed last, where nothing else tells."""
        self._limit = KeptLimit(self.kept)
        self._is_limit_kept = False
        """A limit holds that nobody orders any more."""
        self._later = LaterStart(self.kept, own_s=crc32(self.resource_id.encode()) / 2**32 * _SPREAD_S)
        self._unknown_since: float | None = None
        self._safe = setup.safe
        self._offers = offers
        rungs: dict[ControlType, Callable[[], bool]] = {}
        if self._is_steered_by(LIMIT):
            rungs[ControlType.POWER_ENVELOPE_BASED_CONTROL] = self._can_be_limited
        elif self._is_steered_by(ON):
            rungs[ControlType.OPERATION_MODE_BASED_CONTROL] = self._has_power
        self._ladder = Ladder(rungs)
        self._is_looked_at = False
        self._has_answered = False

    @property
    def range_w(self) -> tuple[float, float]:
        """Between which powers it runs while it is limited."""
        said = self.settings.power_w
        assert said is not None
        least_w, most_w = said
        return (0.0 if least_w == most_w else float(least_w)), float(most_w)

    @property
    def is_on(self) -> bool | None:
        """Whether it is on, by what it says, by its power, or by what it confirmed; None while nothing tells."""
        if self.seen_by:
            return self.state.flag(self.seen_by)
        if self._can_read("power"):
            power_w, usual_w = self.state.number("power"), self.running.power_w
            return None if power_w is None or usual_w is None else power_w > usual_w / 2
        return self._trusted_on

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        self._has_answered = True
        self.state.observe(readings, now)
        self.running.observe(self.state.reading("power"), is_on=self.is_on)
        self._ladder.advance(now)
        self._note(now)

    def lose(self) -> None:
        self.state.lose()

    def advance(self, now: Now) -> bool:
        if self._is_looked_at and min(self.deadlines()) > now.mono:
            return False
        self._is_looked_at = True
        self.state.advance(now)
        self._ladder.advance(now)
        self._note(now)
        return True

    def deadlines(self) -> Iterable[float]:
        limit_ends_at = self._limit.until if self._is_limit_kept else inf
        looks_at = self._ladder.turns_at if self._is_looked_at else -inf
        return self.state.stale_at, looks_at, limit_ends_at, self._later.at, self._stale_at

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        if setpoint.point == ON:
            self._trusted_on = bool(setpoint.value)

    def control_types(self) -> tuple[ControlType, ...]:
        return self._ladder.offered

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        return self._offers[control_type](self, context)

    def power(self) -> Mapping[CommodityQuantity, Reading]:
        return self.state.power()

    def switch(self, reason: str, now: Now, *, on: bool, is_abnormal: bool) -> list[Stage]:
        """What to write so that it is *on*, or off."""
        self._begin(ordered_on=on)
        self._note_switched(now, on=on)
        self._later.order(now, is_shed=is_abnormal and not on)
        return [Stage((Setpoint(ON, on, reason),), self.follow_within_s)]

    def is_switched(self, since: float, *, on: bool) -> Verdict:
        """Whether readings since then (monotonic seconds) show it *on*, or off."""
        if self.seen_by:
            return reads(self.state, self.seen_by, on, since)
        if not self._can_read("power"):
            return FOLLOWED
        is_seen = self.state.was_read_since("power", since) and self.is_on is on
        return FOLLOWED if is_seen else PENDING

    def limit(self, most_w: float, wanted: PresentLimits, reason: str) -> list[Stage]:
        """What to write so that it takes at most *most_w*, which is *wanted*."""
        self._begin(ordered_on=None)
        self._limit.set(most_w, wanted)
        return [Stage((self._limited(most_w, reason),), self.follow_within_s)]

    def keeps(self, most_w: float, since: float) -> Verdict:
        """Whether readings since then (monotonic seconds) show it taking at most *most_w*."""
        if not self._can_read("power"):
            return FOLLOWED
        return power_within(self.state, -inf, most_w * (1 + _TOLERANCE), since)

    def obstacle(self, *, to_on: bool = False) -> str | None:
        """Why nothing may be ordered of it now, or not to switch it on."""
        if not self.state.is_online:
            return "the device does not answer"
        if to_on and self.settings.thermostat is False and (unknown := self.state.unknown((TEMPERATURE,))):
            return unknown
        return self.state.fault

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        is_limit_said = self._safe.is_said_of(occasion)
        self.ordered_on, self.is_at_rest, self._is_limit_kept = None, True, False
        setpoints = self._safe.on(occasion, reason)
        if is_limit_said:
            self._limit.drop()
        elif (limit_w := self._limit.keep(occasion, now.mono)) is not None:
            self._is_limit_kept = True
            kept = self._limited(limit_w, reason)
            setpoints = [each for each in setpoints if each.point != LIMIT]
            setpoints.append(Setpoint(LIMIT, kept.value, reason, is_safe=True))
        if any(each.point == ON and each.value is False for each in setpoints):
            self._note_switched(now, on=False)
        off_until = self.kept.instants.get(_SWITCHED_OFF, -inf) + self.settings.timers.off_s
        is_last = occasion is Occasion.STOPPING
        return self._later.defer(setpoints, off_until, now, is_on=self.is_on, is_last=is_last)

    def protect(self, now: Now) -> Protection | None:
        if self.ordered_on and (fault := self.state.fault):
            return Protection(fault, self.rest(Occasion.ABORTED, f"protection: {fault}", now))
        if now.mono >= self._stale_at and (unknown := self._why_unknown):
            return Protection(unknown, self.rest(Occasion.STALE, f"protection: {unknown}", now))
        if self._is_limit_kept and now.mono >= self._limit.until:
            self._is_limit_kept = False
            self._limit.drop()
            reason = "the limit that was kept has come to its end"
            setpoints = [each for each in self._safe.on(Occasion.ENDED, reason) if each.point == LIMIT]
            return Protection(reason, setpoints, ends_orders=False)
        if starts := self._later.take(now):
            return Protection("it is left to its thermostat", starts, ends_orders=False)
        return None

    def _begin(self, *, ordered_on: bool | None) -> None:
        self.ordered_on, self.is_at_rest, self._is_limit_kept = ordered_on, False, False
        self._later.drop()

    def _note(self, now: Now) -> None:
        """Takes down since when it is off, and since when nobody knows whether it is on."""
        if (is_on := self.is_on) is not None:
            self._note_switched(now, on=is_on)
        if self._why_unknown is None:
            self._unknown_since = None
        elif self._unknown_since is None:
            self._unknown_since = now.mono

    def _note_switched(self, now: Now, *, on: bool) -> None:
        if on:
            self.kept.drop(_SWITCHED_OFF)
        elif _SWITCHED_OFF not in self.kept.instants:
            self.kept.put_instant(_SWITCHED_OFF, now.mono, is_urgent=True)

    def _limited(self, most_w: float, reason: str) -> Setpoint:
        """What it is told to take at most *most_w*: the next lower that it can."""
        least_w, all_w = self.range_w
        if most_w >= all_w and self.abilities[LIMIT].can_release:
            return Setpoint(LIMIT, RELEASE, reason)
        value: Value = 0.0 if most_w < least_w else min(most_w, all_w)
        return Setpoint(LIMIT, value, reason)

    @property
    def _stale_at(self) -> float:
        """When (monotonic seconds) it is brought to rest because nothing is known of it."""
        return inf if self._unknown_since is None or not self.ordered_on else self._unknown_since + _STALE_AFTER_S

    @property
    def _why_unknown(self) -> str | None:
        """Why it is unknown whether it is on, as far as anything tells that."""
        judged_by = [each for each in (self.seen_by or "power",) if self._can_read(each)]
        if self.settings.thermostat is False and self._can_read(TEMPERATURE):
            judged_by.append(TEMPERATURE)
        return self.state.unknown(judged_by)

    def _can_be_limited(self) -> bool:
        is_heard = self.state.is_known("power") if self._can_read("power") else self._has_answered
        return self.settings.power_w is not None and is_heard

    def _has_power(self) -> bool:
        return self.running.power_w is not None and self.is_on is not None

    def _can_read(self, point: str) -> bool:
        return point in self.abilities and self.abilities[point].can_read

    def _is_steered_by(self, point: str) -> bool:
        return point in self.abilities and self.abilities[point].can_write
