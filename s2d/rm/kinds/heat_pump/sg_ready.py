"""SG-Ready of a heat pump: its four states, told by two contacts or by one point, and how long it may be blocked.

Contacts as (1, 2): 1:0 blocked, 0:0 normal, 0:1 boost, 1:1 forced. The way from one to another must not pass a
stronger one, so contacts open first and close a second later; of `forced` the one that blocks closes last. Where the
device does not say which state it is in, it is the one that it has confirmed.

Spec: Regularium SG Ready, Bundesverband Wärmepumpe: a block lasts 2 h at most.
"""

from collections.abc import Callable, Iterable, Mapping
from math import inf

from ....values import RELEASE, Now, Setpoint, Value
from ...control.execution import FOLLOWED, PENDING, Stage, Verdict
from ...occasion import Occasion, SafeStates
from .. import Ability, Protection
from ..kept_values import KeptValues
from ..owners_wish import OwnersWish
from ..shared_state import SharedState
from .block_history import BLOCKS_A_DAY, BlockHistory

MODE, RELAYS = "mode", ("relay_1", "relay_2")
"""The points by which it is told: a state, or the two contacts."""
BLOCKED, NORMAL, BOOST, FORCED = "off", "normal", "boost", "forced"
"""The states, as the point `mode` has them; each lets it take more than the one before."""
STATES = (BLOCKED, NORMAL, BOOST, FORCED)
BLOCKED_AT_MOST_S = 6900.0
"""Five minutes less than the device would end a block by itself."""
_CONTACTS = {BLOCKED: (True, False), NORMAL: (False, False), BOOST: (False, True), FORCED: (True, True)}
_STATE_OF = {contacts: state for state, contacts in _CONTACTS.items()}
_NUMBERED = {1.0: BLOCKED, 2.0: NORMAL, 3.0: BOOST, 4.0: FORCED}
_APART_S = 1.0
_FOLLOW_WITHIN_S = 10.0
_CHANGED, _TOLD = "sg_changed", "sg_told"


class SgReadyStates:
    """The SG-Ready states of one heat pump: what is seen, ordered and forbidden of them."""

    def __init__(
        self,
        abilities: Mapping[str, Ability],
        state: SharedState,
        kept: KeptValues,
        safe: SafeStates,
        hold_s: float,
        must_run: Callable[[Now], str | None],
        wish: OwnersWish,
    ) -> None:
        """*must_run*: why it must not be blocked now, or None. *wish*: that its owner wants it to heat."""
        self.points = (MODE,) if MODE in abilities else RELAYS
        self.ordered: str | None = None
        """The state that is ordered; None while it is at rest."""
        self._abilities = abilities
        self._state = state
        self._kept = kept
        self._safe = safe
        self._hold_s = hold_s
        self._must_run = must_run
        self._wish = wish
        self._is_abnormal = False
        """What is ordered is for abnormal conditions: it outranks a wish."""
        self._is_wish_granted = False
        self._blocks = BlockHistory(kept)
        self._confirmed: dict[str, Value] = {}
        self._was: str | None = None
        self._rest_later: list[Setpoint] = []
        """What brings it to rest as soon as it may change."""
        told_by = [point for point in ("sg_state", *self.points) if point in abilities and abilities[point].can_read]
        self._legible = told_by[:1] if told_by[:1] == ["sg_state"] else told_by
        self.follow_within_s = max([_FOLLOW_WITHIN_S, *(abilities[point].shows_after_s for point in self.points)])

    @property
    def seen(self) -> str | None:
        """The state that it is in: what it says, else what it has confirmed; None while neither is known."""
        if (number := self._state.number("sg_state")) is not None:
            return _NUMBERED.get(number)
        known = [self._state.value(point) if point == MODE else self._state.flag(point) for point in self.points]
        if None in known:
            known = [self._confirmed.get(point) for point in self.points]
        return None if None in known else _state_of(known)

    @property
    def says_itself(self) -> bool:
        """Whether it says which state it is in."""
        return self._state.is_known("sg_state") or self._state.is_known(*self.points)

    @property
    def is_legible(self) -> bool:
        """Whether it is known what it says of its state, as far as it says anything."""
        return self._state.is_known(*self._legible)

    def observe(self, now: Now) -> None:
        """Takes note of the state that is seen."""
        seen = self.seen
        if seen is None or seen == self._was:
            return
        if _CHANGED not in self._kept.instants:
            self._kept.put_instant(_CHANGED, now.mono - self._hold_s)
        elif self._was is not None and seen != self._kept.text(_TOLD):
            self._kept.put_instant(_CHANGED, now.mono, is_urgent=True)  # somebody else did that
        self._was = seen
        if seen == BLOCKED:
            self._blocks.begin(now.mono)
        else:
            self._blocks.end()

    def confirm(self, setpoint: Setpoint, now_s: float | None = None) -> None:
        if setpoint.point in self.points:
            released: Value = NORMAL if setpoint.point == MODE else False
            self._confirmed[setpoint.point] = released if setpoint.value == RELEASE else setpoint.value

    def obstacle_to(self, state: str, now: Now) -> str | None:
        """Why it may not be put into *state* now."""
        if state != BLOCKED or self.seen == BLOCKED:
            return self._must_run(now) if state == BLOCKED else None
        if self._blocks.is_enough(now.mono):
            return f"it has been blocked {BLOCKS_A_DAY} times within 24 h"
        return self._must_run(now)

    def order(self, state: str, reason: str, now: Now, *, is_abnormal: bool = False) -> list[Stage]:
        """What to write so that it is in *state*."""
        self.ordered, self._rest_later = state, []
        self._is_abnormal, self._is_wish_granted = is_abnormal, False
        self._tell(state, now)
        if self.points == (MODE,):
            return [Stage((Setpoint(MODE, state, reason),), self.follow_within_s)]
        wanted = dict(zip(RELAYS, _CONTACTS[state], strict=True))
        opens = [point for point in RELAYS if not wanted[point] and not self._is_open(point)]
        closes = [point for point in reversed(RELAYS) if wanted[point]]
        groups = [opens, *([point] for point in closes)] if closes else [list(RELAYS)]
        steps = [tuple(Setpoint(point, wanted[point], reason) for point in group) for group in groups if group]
        return [Stage(step, self.follow_within_s, settle_s=_APART_S) for step in steps]

    def verdict_on(self, state: str, since: float) -> Verdict:
        """Whether it is in *state*, by readings since then (monotonic seconds), or as it has confirmed."""
        if not self.says_itself:
            return FOLLOWED
        read = ("sg_state",) if self._state.is_known("sg_state") else self.points
        is_read = all(self._state.was_read_since(point, since) for point in read)
        return FOLLOWED if is_read and self.seen == state else PENDING

    def rest(self, setpoints: Iterable[Setpoint], occasion: Occasion, now: Now) -> list[Setpoint]:
        """Of *setpoints*, which bring its device to rest on *occasion*, what may be written by now."""
        self.ordered, self._rest_later = None, []
        self._is_abnormal = self._is_wish_granted = False
        own = [each for each in setpoints if each.point in self.points]
        if occasion is not Occasion.STOPPING and self._is_more(own) and self._changes_at > now.mono:
            self._rest_later = own
            # What may be blocked is left so; what is recommended to run is no longer, whatever else it is.
            return [each for each in own if each.point == RELAYS[1] and each.value in (False, RELEASE)]
        self._tell(self._state_after(own), now)
        return own

    def protect(self, now: Now) -> Protection | None:
        """What to write against a block that must end, or at the end of what has put off rest."""
        if self._rest_later and self._changes_at <= now.mono:
            later, self._rest_later = self._rest_later, []
            self._tell(self._state_after(later), now)
            return Protection("it was left as it was for long enough", later, ends_orders=False)
        if self._changes_at > now.mono:
            return None
        if not (self._kept.text(_TOLD) == BLOCKED and (self.ordered == BLOCKED or self.seen == BLOCKED)):
            return self._grant(now)
        reason = self._must_run(now) or self._wanted
        if self._lifts_at <= now.mono:
            reason = "it was blocked for as long as it may be"
        if reason is None:
            return None
        is_harm = reason != self._wanted
        self.ordered = None
        self._tell(NORMAL, now)
        return Protection(reason, self._normal(f"protection: {reason}"), is_harm=is_harm)

    @property
    def _wanted(self) -> str | None:
        """That its owner wants it to heat, in words, unless there is an order that outranks that."""
        return None if self._is_abnormal else self._wish.reason

    def _grant(self, now: Now) -> Protection | None:
        """What to write for its owner who wants it to heat, and once he does not any more."""
        wanted, told = self._wanted, self._kept.text(_TOLD)
        if wanted and told not in (BOOST, FORCED) and self._lowest == NORMAL:
            self.ordered, self._is_wish_granted = None, True
            self._tell(BOOST, now)
            point, value = (MODE, BOOST) if self.points == (MODE,) else (RELAYS[1], True)
            return Protection(wanted, [Setpoint(point, value, f"protection: {wanted}", is_safe=True)], is_harm=False)
        if wanted is None and self._is_wish_granted:
            reason = "its owner does not want it to heat any more"
            own = [each for each in self._safe.on(Occasion.ENDED, reason) if each.point in self.points]
            return Protection(reason, self.rest(own, Occasion.ENDED, now), ends_orders=False)
        return None

    def next_at(self, now: Now) -> float:
        """When (monotonic seconds) after *now* something must be done though nothing is read."""
        is_blocked = self._kept.text(_TOLD) == BLOCKED
        is_due = self._wish.reason is not None or self._is_wish_granted
        times = [self._lifts_at if is_blocked else inf]
        times.append(self._changes_at if self._rest_later or is_blocked or is_due else inf)
        return min([at for at in times if at > now.mono], default=inf)

    def _tell(self, state: str, now: Now) -> None:
        """It is told to be in *state*, in which it is held for a while."""
        if state != self._lowest:
            self._kept.put_instant(_CHANGED, now.mono, is_urgent=True)
        self._kept.put(_TOLD, state, is_urgent=True)

    @property
    def _lowest(self) -> str | None:
        """Of the state that is seen and that which was told, which may not be seen yet, the one that allows less."""
        told = self._kept.text(_TOLD)
        known = [state for state in (self.seen, str(told) if told in STATES else None) if state]
        return min(known, key=STATES.index, default=None)

    @property
    def _changes_at(self) -> float:
        """When (monotonic seconds) it may take more again: it is held in each state for a while."""
        return self._kept.instants.get(_CHANGED, -inf) + self._hold_s

    @property
    def _lifts_at(self) -> float:
        """When (monotonic seconds) a block that goes on has to end."""
        began_at = self._blocks.began_at
        return inf if began_at is None else began_at + BLOCKED_AT_MOST_S

    def _is_open(self, relay: str) -> bool:
        read = self._state.value(relay)
        return (self._confirmed.get(relay) if read is None else read) in (False, 0)

    def _is_more(self, setpoints: Iterable[Setpoint]) -> bool:
        """Whether *setpoints* let it take more than it may now."""
        before, after = self._lowest, self._state_after(setpoints)
        return before is not None and STATES.index(after) > STATES.index(before)

    def _state_after(self, setpoints: Iterable[Setpoint]) -> str:
        written = {each.point: each.value for each in setpoints}
        values = [written.get(point, RELEASE) for point in self.points]
        return NORMAL if RELEASE in values else _state_of(values) or NORMAL

    def _normal(self, reason: str) -> list[Setpoint]:
        if self.points == (MODE,):
            return [Setpoint(MODE, NORMAL, reason, is_safe=True)]
        return [Setpoint(relay, False, reason, is_safe=True) for relay in RELAYS]


def _state_of(values: list[Value] | list[Value | None]) -> str | None:
    """The state that these values of its points are."""
    if len(values) == 1:
        return str(values[0]) if values[0] in STATES else None
    first, second = values
    return _STATE_OF[bool(first), bool(second)]
