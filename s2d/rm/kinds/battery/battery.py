"""The model of a battery: what is known of it, what is ordered of it, and what must not be. Power is positive charging.

It is the same whatever control type is active; `fill_rate`, `envelopes` and `modes` make of it what each asks for.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import inf
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from ....s2.messages.common import Commodity, CommodityQuantity, ControlType, Role, RoleType
from ....values import RELEASE, Now, Reading, Setpoint, Value
from ...control import Control
from ...control.context import ControlContext
from ...control.execution import Verdict
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
from .contrary_power import ContraryPower
from .description import BatteryDescription, BatteryMode
from .settings import BatterySettings

FORCED, LIMITS, MODE = "power_setpoint", ("charge_limit", "discharge_limit"), "mode"
"""The points by which it is steered: to a power, by what it may take and give, or by what it shall do."""
_CALLED = {"soc": "the state of charge", "power": "the power"}
_HYSTERESIS_PERCENT = 1.0
"""A limit that the state of charge has put to 0 is lifted when it has gone back by so much."""


class OrderedPower(Struct, frozen=True):
    """The power that a battery is ordered to take or give, and the mode that this is."""

    mode: BatteryMode
    power_w: float
    spends_reserve: bool = False
    """It may be discharged below its reserve."""


class OrderedLimits(NamedTuple):
    """The limits within which a battery is ordered to stay: the most it may take, and give."""

    charge_w: float
    discharge_w: float


class Battery:
    """The model of one battery."""

    roles: tuple[Role, ...] = (Role(role=RoleType.ENERGY_STORAGE, commodity=Commodity.ELECTRICITY),)
    foreseen_power = None
    is_time_known = True
    troubles = ()
    wish = head_room = None
    waits_for_device = False

    def __init__(self, setup: ResourceSetup, offers: "Mapping[ControlType, Offer[Battery]]") -> None:
        self.name = setup.name
        self.settings: BatterySettings = setup.settings
        settings, abilities = self.settings, setup.abilities
        self.kept = KeptValues()
        self.description = BatteryDescription(setup.resource_id, setup.name, settings)
        self.state = SharedState(power_points(settings.phases, abilities), _CALLED)
        self.quantities = self.state.quantities
        self.abilities = abilities
        self.tolerance_w = settings.tolerance_w
        self.follow_within_s = max(
            [float(settings.follow_within_s), *(each.shows_after_s for each in abilities.values())]
        )
        self.ordered: OrderedPower | OrderedLimits | None = None
        """None while it is at rest..."""
        self._resting: Occasion | None = Occasion.STARTED
        """...on this occasion; None where it idles against harm."""
        self._contrary: ContraryPower | None = None
        """None where nothing is ordered that its power could contradict."""
        self._kept: tuple[float, float] | None = None
        """A power that it was told, and what it keeps of that."""
        self._idling = OrderedPower(self.description.idle, 0.0)
        self._idle_below_w = settings.idle_below_w
        self._is_idle = True
        self._judged_by = ("soc", "power") if "soc" in abilities else ("power",)
        """What must be known while it is ordered to a power."""
        self._resting_w = 0.0
        """The power it was brought to when it was brought to rest."""
        self._spends_reserve = False
        """Whether limits let it be discharged below its reserve."""
        self._blocked = (False, False)
        """Whether its state of charge keeps it from charging, and from discharging, within limits."""
        self._limits = tuple(KeptLimit(self.kept, name=point) for point in LIMITS)
        """The most it may take, and give."""
        self._is_kept = False
        """Limits hold that nobody orders any more."""
        self._safe = setup.safe
        self._offers = offers
        rungs = {control_type: _RUNGS[control_type] for control_type in offers}
        self._ladder = Ladder(
            {
                control_type: partial(self.state.is_known, *points)
                for control_type, (is_steered_so, points) in rungs.items()
                if is_steered_so(self)
            }
        )

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        if self.state.observe(readings, now):
            self._ladder.advance(now)
        power_w = self.state.number("power")
        if power_w is not None:
            # Half the threshold on the way down, so that noise about it is not told as a change of mode.
            self._is_idle = abs(power_w) <= self._idle_below_w / (1 if self._is_idle else 2)
        if self._contrary and (power := self.state.reading("power")):
            self._contrary.observe(power)

    def lose(self) -> None:
        self.state.lose()

    def advance(self, now: Now) -> bool:
        if not self.state.advance(now) and now.mono < min(self._ladder.turns_at, self._kept_until):
            return False
        self._ladder.advance(now)
        return True

    def deadlines(self) -> Iterable[float]:
        return self.state.stale_at, self._ladder.turns_at, self._kept_until

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        if setpoint.point == FORCED and not isinstance(setpoint.value, str):
            self._kept = None if keeps is None else (float(setpoint.value), keeps)

    def kept_of(self, power_w: float) -> float:
        """What it keeps of *power_w*, as far as it is known to keep less."""
        return self._kept[1] if self._kept and self._kept[0] == power_w else power_w

    @property
    def is_at_rest(self) -> bool:
        return self.ordered is None

    def control_types(self) -> tuple[ControlType, ...]:
        return self._ladder.offered

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        return self._offers[control_type](self, context)

    def power(self) -> Mapping[CommodityQuantity, Reading]:
        return self.state.power()

    def rest(self, occasion: Occasion, reason: str, now: Now) -> list[Setpoint]:
        self.ordered, self._contrary, self._resting, self._blocked = None, None, occasion, (False, False)
        setpoints = self._kept_within(self._safe.on(occasion, reason), occasion, now)
        # A device that has control back does what it likes: nothing was ordered of it.
        self._resting_w = sum(float(each.value) for each in setpoints if each.point == FORCED and each.value != RELEASE)
        return setpoints

    def _kept_within(self, setpoints: list[Setpoint], occasion: Occasion, now: Now) -> list[Setpoint]:
        """*setpoints*, which bring it to rest on *occasion*, within limits that go on holding."""
        if self._safe.is_said_of(occasion) or not _is_limited(self):  # limits that are kept may be of another device
            self._drop_limits()
            return setpoints
        kept_w = [each.keep(occasion, now.mono) for each in self._limits]
        most_w = float(self.settings.max_charge_power_w), float(self.settings.max_discharge_power_w)
        kept: dict[str, Value] = {
            point: min(limit_w, point_most_w)
            for point, limit_w, point_most_w in zip(LIMITS, kept_w, most_w, strict=True)
            if limit_w is not None
        }
        self._is_kept = bool(kept)
        if kept:  # one that is held at a power keeps no limits
            kept[FORCED] = RELEASE
        return [replace(each, value=kept.get(each.point, each.value)) for each in setpoints]

    @property
    def _kept_until(self) -> float:
        """When (monotonic seconds) limits that nobody orders any more come to their end."""
        return min(each.until for each in self._limits) if self._is_kept else inf

    def _drop_limits(self) -> None:
        self._is_kept = False
        for each in self._limits:
            each.drop()

    def protect(self, now: Now) -> Protection | None:
        if now.mono >= self._kept_until:
            reason = "the limits that were kept have come to their end"
            return Protection(reason, self.rest(Occasion.ENDED, reason, now), ends_orders=False)
        if isinstance(self.ordered, OrderedLimits):
            return self._protect_within(self.ordered, now)
        # Before the first readings nothing was ordered but the safe state, which is the owner's own word.
        if not self._ladder.has_offered:
            return None
        power_w = self.ordered.power_w if self.ordered else self._resting_w
        if power_w and (fault := self.state.fault):
            return Protection(fault, self.idle(f"protection: {fault}"))
        judged_by = self._judged_by if power_w else ("power",) if self.ordered else ()
        is_brought_there = self.ordered is None and self._resting is Occasion.STALE
        if (unknown := self.state.unknown(judged_by)) and not is_brought_there:
            return Protection(unknown, self.rest(Occasion.STALE, f"protection: {unknown}", now))
        spends_reserve = self.ordered is not None and self.ordered.spends_reserve
        if limit := self._limit_reached(power_w, spends_reserve=spends_reserve):
            return Protection(limit, self.idle(f"protection: {limit}"))
        return None

    def idle(self, reason: str) -> list[Setpoint]:
        """What to write so that it neither charges nor discharges, marked `is_safe`."""
        self.ordered, self._contrary, self._resting, self._resting_w = None, None, None, 0.0
        if FORCED in self.abilities:
            return [Setpoint(FORCED, 0.0, reason, is_safe=True)]
        if MODE in self.abilities:
            return [Setpoint(MODE, "idle", reason, is_safe=True)]
        return [Setpoint(point, 0.0, reason, is_safe=True) for point in LIMITS]

    def is_steered_by(self, *points: str) -> bool:
        """Whether all of *points* can be written."""
        return all(point in self.abilities and self.abilities[point].can_write for point in points)

    def obstacle_to(self, wanted: OrderedPower) -> str | None:
        """Why *wanted* may not be ordered now, or None."""
        if not self.state.is_online:
            return "the device does not answer"
        if wanted.power_w == 0:
            return None
        unfit = self.state.fault or self.state.unknown(self._judged_by)
        return unfit or self._limit_reached(wanted.power_w, spends_reserve=wanted.spends_reserve)

    def _lowest_soc(self, *, spends_reserve: bool) -> float:
        return float(self.settings.usable_range[0]) if spends_reserve else self.settings.lowest_soc

    def _limit_reached(self, power_w: float, *, spends_reserve: bool) -> str | None:
        """At which limit its state of charge is, in words, if *power_w* would go beyond that."""
        low, high = self._lowest_soc(spends_reserve=spends_reserve), self.settings.usable_range[1]
        if power_w > 0 and (fullest := self.state.worst("soc", max)) is not None and fullest >= high:
            return f"the state of charge {fullest:g} % is at its upper limit {high:g} %"
        if power_w < 0 and (emptiest := self.state.worst("soc", min)) is not None and emptiest <= low:
            return f"the state of charge {emptiest:g} % is at its lower limit {low:g} %"
        return None

    @property
    def mode(self) -> BatteryMode | None:
        """What it is seen to do; what was ordered where the power fits that. None while its power is unknown."""
        power_w = self.state.number("power")
        if power_w is None:
            return None
        ordered = self.ordered or (self._idling if self._resting is None else None)
        if isinstance(ordered, OrderedPower) and abs(power_w - self.kept_of(ordered.power_w)) <= self.tolerance_w:
            return ordered.mode
        if self._is_idle:
            return self.description.idle
        return self.description.charge if power_w > 0 else self.description.discharge

    def order(self, ordered: OrderedPower, reason: str) -> list[Setpoint]:
        """Notes what is ordered of it; what to write before that, as limits end that were kept until then."""
        is_limited = self._is_kept
        self._drop_limits()
        self.ordered, self._contrary = ordered, None
        before_w = self.state.number("power")
        # Sun or load beside it go their own way.
        if before_w is not None and not self.abilities["power"].includes_others:
            self._contrary = ContraryPower(ordered.power_w, before_w, self.tolerance_w)
        return [each for each in self._safe.on(Occasion.ENDED, reason) if is_limited and each.point in LIMITS]

    def contradiction(self, point: str, since: float) -> str | None:
        """What its power says against the order that was written to *point* by then (monotonic seconds), in words."""
        return self._contrary.seen_since(since + self.abilities[point].settle_s) if self._contrary else None

    def follows(self, least_w: float, most_w: float, since: float) -> Verdict:
        """Whether the power read since then (monotonic seconds) is between the two, tolerance included."""
        return power_within(self.state, least_w - self.tolerance_w, most_w + self.tolerance_w, since)

    def limits_within(self, ordered: OrderedLimits, wanted: PresentLimits, reason: str) -> list[Setpoint]:
        """What to write for *ordered*, which is *wanted*, as far as its state of charge allows it."""
        for kept, limit_w in zip(self._limits, ordered, strict=True):
            kept.set(limit_w, wanted)
        self._is_kept, self._spends_reserve = False, wanted.is_abnormal
        self.ordered, self._contrary, self._blocked = ordered, None, self._blocks()
        return self._limited(ordered, reason)

    def _protect_within(self, ordered: OrderedLimits, now: Now) -> Protection | None:
        if fault := self.state.fault:
            return Protection(fault, self.idle(f"protection: {fault}"))
        if unknown := self.state.unknown(("power",)):
            return Protection(unknown, self.rest(Occasion.STALE, f"protection: {unknown}", now))
        blocked = self._blocks()
        if blocked == self._blocked:
            return None
        self._blocked = blocked
        is_full, _ = blocked
        reason = f"the state of charge is {self.state.worst('soc', max if is_full else min):g} %"
        limited = zip(self._limited(ordered, f"protection: {reason}"), blocked, strict=True)
        # What is not blocked is what was ordered, and guarded as that.
        setpoints = [replace(each, is_safe=is_blocked) for each, is_blocked in limited]
        return Protection(reason, setpoints, ends_orders=False)

    def _limited(self, ordered: OrderedLimits, reason: str) -> list[Setpoint]:
        return [
            Setpoint(point, 0.0 if is_blocked else limit_w, reason)
            for point, limit_w, is_blocked in zip(LIMITS, ordered, self._blocked, strict=True)
        ]

    def _blocks(self) -> tuple[bool, bool]:
        fullest, emptiest = self.state.worst("soc", max), self.state.worst("soc", min)
        if fullest is None or emptiest is None:
            return self._blocked
        low, high = self._lowest_soc(spends_reserve=self._spends_reserve), self.settings.usable_range[1]
        is_full, is_empty = self._blocked
        return (
            fullest >= (high - _HYSTERESIS_PERCENT if is_full else high) and high < 100,
            emptiest <= (low + _HYSTERESIS_PERCENT if is_empty else low) and low > 0,
        )


def _is_filled(battery: Battery) -> bool:
    return battery.is_steered_by(FORCED)


def _is_limited(battery: Battery) -> bool:
    # A battery that is held at a power keeps no limits, and to hold it at a power within them is not what PEBC means.
    forced = battery.abilities.get(FORCED)
    return battery.is_steered_by(*LIMITS) and (not forced or forced.can_release)


def _is_switched(battery: Battery) -> bool:
    is_steered_otherwise = any(point in battery.abilities for point in (FORCED, *LIMITS))
    return battery.is_steered_by(MODE) and not is_steered_otherwise


_RUNGS: dict[ControlType, tuple[Callable[[Battery], bool], tuple[str, ...]]] = {
    ControlType.FILL_RATE_BASED_CONTROL: (_is_filled, ("soc", "power")),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: (_is_limited, ("power",)),
    ControlType.OPERATION_MODE_BASED_CONTROL: (_is_switched, ("power",)),
}
"""Whether a battery has each rung of the ladder at all, and what must be known for it."""
