"""The model of a PV inverter: what is known and ordered of it. It knows no control type.

It produces what the sun gives, up to a limit. Power is negative as it is measured; limits are of what it produces,
positive.
"""

from collections.abc import Iterable, Mapping
from math import inf

from ....s2.messages.common import Commodity, CommodityQuantity, ControlType, Role, RoleType
from ....values import RELEASE, Now, Reading, Setpoint, Value
from ...control import Control
from ...control.context import ControlContext
from ...control.execution import FOLLOWED, Stage, Verdict
from ...control.offers import Offer
from ...control.pebc.envelopes import PresentLimits
from ...occasion import Occasion
from .. import Protection, ResourceSetup
from ..kept_limit import KeptLimit
from ..kept_values import KeptValues
from ..ladder import Ladder
from ..power_points import power_points
from ..shared_state import SharedState
from ..verdicts import power_within
from .settings import PvSettings

LIMIT = "power_limit"
"""The point by which it is steered: the most it may produce."""
NAMEPLATE = "max_power"
ASLEEP = ("sleeping", "off")
"""States of an inverter in the dark."""
_CALLED = {"power": "the power"}
_TOLERANCE_W, _TOLERANCE = 50.0, 0.02
"""So far beyond its limit, or this share of its nameplate, counts as kept."""


class Pv:
    """The model of one PV inverter."""

    roles: tuple[Role, ...] = (Role(role=RoleType.ENERGY_PRODUCER, commodity=Commodity.ELECTRICITY),)
    foreseen_power = None
    is_time_known = True
    troubles = ()
    wish = head_room = None

    def __init__(self, setup: ResourceSetup, offers: "Mapping[ControlType, Offer[Pv]]") -> None:
        self.settings: PvSettings = setup.settings
        self.abilities = setup.abilities
        self.kept = KeptValues()
        self.state = SharedState(power_points(self.settings.phases, setup.abilities), _CALLED)
        self.quantities = self.state.quantities
        shows_after_s = max((each.shows_after_s for each in setup.abilities.values()), default=0.0)
        self.follow_within_s = max(float(self.settings.follow_within_s), shows_after_s)
        self.waits_for_device = setup.is_expected_offline
        self.is_at_rest = True
        self._limit = KeptLimit(self.kept)
        self._is_kept = False
        """A limit holds that nobody orders any more."""
        self._safe = setup.safe
        self._offers = offers
        self._is_steered = LIMIT in setup.abilities and setup.abilities[LIMIT].can_write
        rungs = {ControlType.POWER_ENVELOPE_BASED_CONTROL: lambda: self.nameplate_w is not None}
        self._ladder = Ladder(rungs if self._is_steered else {})
        self._is_looked_at = False

    @property
    def nameplate_w(self) -> float | None:
        """The most it produces: what it says itself, within what its owner says; None while neither is known."""
        said_w = self.state.number(NAMEPLATE) or self.kept.number(NAMEPLATE)
        known = [float(each) for each in (said_w, self.settings.max_power_w) if each]
        return min(known, default=None)

    @property
    def is_dark(self) -> bool:
        """Whether it sleeps for want of sun, or is away as it is at night: then nothing is measured."""
        if not self.state.is_online:
            return self.waits_for_device
        return self.state.value("state") in ASLEEP and not self.state.number("power")

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        has_changed = self.state.observe(readings, now)
        if nameplate_w := self.state.number(NAMEPLATE):
            self.kept.put(NAMEPLATE, nameplate_w)
        if has_changed:
            self._ladder.advance(now)

    def lose(self) -> None:
        self.state.lose()

    def advance(self, now: Now) -> bool:
        is_over = self._is_kept and self._limit.until <= now.mono
        if self._is_looked_at and not self.state.advance(now) and now.mono < self._ladder.turns_at and not is_over:
            return False
        self._is_looked_at = True  # in the dark there is nothing to read, and it is offered all the same
        self._ladder.advance(now)
        return True

    def deadlines(self) -> Iterable[float]:
        ends_at = self._limit.until if self._is_kept else inf
        return self.state.stale_at, self._ladder.turns_at if self._is_looked_at else -inf, ends_at

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        pass

    def control_types(self) -> tuple[ControlType, ...]:
        return self._ladder.offered

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        return self._offers[control_type](self, context)

    def power(self) -> Mapping[CommodityQuantity, Reading]:
        return self.state.power()

    def limit(self, produced_w: float, wanted: PresentLimits, reason: str) -> list[Stage]:
        """What to write so that it produces at most *produced_w*, which is *wanted*."""
        self.is_at_rest, self._is_kept = False, False
        self._limit.set(produced_w, wanted)
        # In the dark it hears nothing, and the limit is what it is told first in the morning.
        told_within_s = inf if self.is_dark else self.follow_within_s
        return [Stage((self._told(produced_w, reason),), told_within_s), Stage((), self.follow_within_s)]

    def keeps(self, produced_w: float, since: float) -> Verdict:
        """Whether readings since then (monotonic seconds) show it producing at most *produced_w*."""
        if self.is_dark:
            return FOLLOWED
        tolerance_w = max(_TOLERANCE_W, _TOLERANCE * (self.nameplate_w or 0.0))
        return power_within(self.state, -produced_w - tolerance_w, inf, since)

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        self.is_at_rest, self._is_kept = True, False
        if self._safe.is_said_of(occasion) or not self._is_steered:  # a limit that is kept may be of another device
            self._limit.drop()
        elif (limit_w := self._limit.keep(occasion, now.mono)) is not None:
            self._is_kept = True
            told = self._told(limit_w, reason)
            return [Setpoint(told.point, told.value, reason, is_safe=True)]
        return self._safe.on(occasion, reason)

    def protect(self, now: Now) -> Protection | None:
        if not self._is_kept or now.mono < self._limit.until:
            return None
        self._is_kept = False
        self._limit.drop()
        reason = "the limit that was kept has come to its end"
        return Protection(reason, self._safe.on(Occasion.ENDED, reason), ends_orders=False)

    def _told(self, produced_w: float, reason: str) -> Setpoint:
        """What it is told to produce at most *produced_w*: nothing at all where it could not produce more."""
        feed_in_limit_w = self.settings.feed_in_limit_w
        most_w = min(each for each in (self.nameplate_w, feed_in_limit_w, inf) if each is not None)
        is_free = produced_w >= most_w
        if is_free and feed_in_limit_w is None and self.abilities[LIMIT].can_release:
            return Setpoint(LIMIT, RELEASE, reason)
        value: Value = most_w if is_free else produced_w
        return Setpoint(LIMIT, value, reason)
