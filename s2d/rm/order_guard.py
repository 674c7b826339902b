"""The guard over orders in force: whether what the device confirmed and holds no more is written again. Pure.

What is gone after a restart is written again, and so is, once, what somebody else has changed; whoever insists gets his
way, and the order ends. It ends at once where the device may have understood something else. The guard knows setpoints
only, so it outlives sessions as they do.
"""

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from ..events import Undone, UndoneBy
from ..s2.effects import Apply, Effect
from ..values import Setpoint

INSISTS_WITHIN_S = 600.0
"""Who changes again, within this long, what was written again does so on purpose."""


class _Doubt(NamedTuple):
    """A doubt whether the device does what it confirmed."""

    until: float
    """When (monotonic seconds) the order ends, unless the device confirms it before."""
    reason: str


class OrderGuard:
    """The guard over the orders of one resource. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._doubts: dict[Setpoint, _Doubt] = {}
        self._restored_at: dict[str, float] = {}
        """By point: when it was last written again because somebody else had changed it."""

    def objection_to(self, undone: Undone, now: float) -> str | None:
        """Why what is *undone* is not written again: the order behind it ends. None: it may be."""
        if undone.by is UndoneBy.WORD_ORDER:
            return undone.reason
        if undone.by is not UndoneBy.OTHERS:
            return None
        insists = now - self._restored_at.get(undone.setpoint.point, -inf) < INSISTS_WITHIN_S
        return f"another controller or the app: {undone.reason}" if undone.wears or insists else None

    def restore(self, undone: Undone, within_s: float, now: float) -> list[Effect]:
        """What to write, if anything, so that *undone* is confirmed again, *within_s* or until it is forgotten."""
        forgotten_at = inf if undone.forgotten_at is None else undone.forgotten_at
        self._doubts[undone.setpoint] = _Doubt(min(now + within_s, forgotten_at), undone.reason)
        if undone.by is UndoneBy.OTHERS:
            self._restored_at[undone.setpoint.point] = now
        # What is refused the device tries again by itself.
        return [] if undone.by is UndoneBy.REFUSED_REFRESH else [Apply(undone.setpoint)]

    def doubts(self, setpoint: Setpoint) -> bool:
        """Whether the device has yet to confirm *setpoint* again."""
        return setpoint in self._doubts

    def drop(self, setpoint: Setpoint) -> None:
        """Nothing more is to be seen of *setpoint*: it is confirmed, or given up."""
        self._doubts.pop(setpoint, None)

    def observe(self, effects: Iterable[Effect]) -> None:
        """Drops what is replaced by *effects*."""
        if not self._doubts:
            return
        wanted = {effect.setpoint.point: effect.setpoint for effect in effects if isinstance(effect, Apply)}
        self._doubts = {each: why for each, why in self._doubts.items() if wanted.get(each.point, each) == each}

    def overdue(self, now: float) -> list[tuple[Setpoint, str]]:
        """What was not confirmed again in time, and why; the order behind it ends."""
        return [(setpoint, doubt.reason) for setpoint, doubt in self._doubts.items() if doubt.until <= now]

    @property
    def next_at(self) -> float:
        """When something is overdue."""
        return min([doubt.until for doubt in self._doubts.values()]) if self._doubts else inf
