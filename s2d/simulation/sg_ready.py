"""The SG-Ready input of a simulated heat pump: two contacts that say one of four states. Pure.

Contact 1 and contact 2: 1:0 is state 1, blocked; 0:0 is state 2, normal; 0:1 is state 3, more is recommended; 1:1 is
state 4, more is ordered (label of the Bundesverband Wärmepumpe; SMA Data Manager manual, "SG Ready interface").

A state has to last for 10 min (Stiebel Eltron WPM manual, "SG Ready", as quoted in kr0ner/OneESP32ToRuleThemAll issue
216): another one is believed only then, except a block, which is the utility's lock and holds at once. A block ends
after 2 h whatever the contacts say, there are 3 in 24 h at most, and two are as far apart as the first was long (rules
of the German utilities for locked tariffs).
"""

from collections import deque
from enum import IntEnum

from .sun import DAY_S

SETTLES_S = 5.0
"""Contacts that are moved one after the other are believed once both have stood still for so long."""
LASTS_S = 600.0 - 2 * SETTLES_S
"""A state has to last for so long: 10 min, less what its contacts may have taken to come and to go."""
BLOCKED_MOST_S = 7200.0
MOST_BLOCKS_A_DAY = 3


class SgState(IntEnum):
    """A state of SG-Ready."""

    BLOCKED = 1
    NORMAL = 2
    RECOMMENDED = 3
    ORDERED = 4


def sg_state_of(contact_1: bool, contact_2: bool) -> SgState:
    """The state that two contacts say, closed or not."""
    if contact_1:
        return SgState.ORDERED if contact_2 else SgState.BLOCKED
    return SgState.RECOMMENDED if contact_2 else SgState.NORMAL


class SgReady:
    """An SG-Ready input. What it refuses is counted: whoever steers it well never sees one of these above 0."""

    def __init__(self) -> None:
        self.state = SgState.NORMAL
        """What the heat pump keeps to."""
        self.refused_changes = 0
        """States that came before the former had lasted; they are believed once it has."""
        self.refused_blocks = 0
        """Blocks that came too often or too soon after another, or went on for too long."""
        self.orders_passed = 0
        """How often the contacts came to say state 4, be it for a moment."""
        self._said = SgState.NORMAL
        """What the contacts say."""
        self._said_since_s = -DAY_S
        self._in_force_since_s = -DAY_S
        """Since when the contacts have said `state`."""
        self._blocks: deque[tuple[float, float]] = deque(maxlen=MOST_BLOCKS_A_DAY)
        """When the latest blocks began and ended."""
        self._is_refused = False
        """What the contacts say has been counted as refused."""

    def say(self, state: SgState, now_s: float) -> None:
        """Moves the contacts."""
        if state == self._said:
            return
        self.orders_passed += state is SgState.ORDERED
        self._said = state
        self._said_since_s = now_s
        self._is_refused = False

    def advance(self, now_s: float) -> None:
        """Lives until *now_s*."""
        if self.state is SgState.BLOCKED and now_s - self._in_force_since_s >= BLOCKED_MOST_S:
            self._take(SgState.NORMAL, now_s)
            if self._said is SgState.BLOCKED:
                self._refuse_block()
        if self._said == self.state or now_s - self._said_since_s < SETTLES_S:
            return
        if self._said is SgState.BLOCKED:
            if self._may_block(now_s):
                self._take(self._said, self._said_since_s)
            else:
                self._refuse_block()
        elif now_s - self._in_force_since_s >= LASTS_S:
            self._take(self._said, self._said_since_s)
        elif not self._is_refused:
            self.refused_changes += 1
            self._is_refused = True

    def _may_block(self, now_s: float) -> bool:
        if self._is_refused:
            return False
        if len(self._blocks) == MOST_BLOCKS_A_DAY and now_s - self._blocks[0][0] < DAY_S:
            return False
        began_s, ended_s = self._blocks[-1] if self._blocks else (-DAY_S, -DAY_S)
        return now_s - ended_s >= ended_s - began_s - 2 * SETTLES_S

    def _refuse_block(self) -> None:
        """A block that was refused stays so until the contacts have said something else."""
        self.refused_blocks += not self._is_refused
        self._is_refused = True

    def _take(self, state: SgState, since_s: float) -> None:
        if self.state is SgState.BLOCKED:
            self._blocks.append((self._in_force_since_s, since_s))
        self.state = state
        self._in_force_since_s = since_s
