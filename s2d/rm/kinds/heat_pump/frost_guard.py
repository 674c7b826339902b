"""The guard against frost: below 4 °C outdoors a heat pump is not cut off, or it freezes beside a warm tank."""

from math import inf

from ....values import Now
from ..shared_state import SharedState

OUTDOOR = "outdoor"
_COLD_BELOW_C = 4.0
_CUT_OFF_AT_MOST_S = 7200.0
"""A device that keeps its own water moving is cut off for so long at most while it is cold."""


class FrostGuard:
    """The guard of one heat pump."""

    def __init__(self, state: SharedState, *, is_by_device: bool) -> None:
        """*is_by_device*: the device keeps its own water moving, whatever it is told."""
        self._state = state
        self._is_by_device = is_by_device

    @property
    def danger(self) -> str | None:
        """Why it must not be cut off now; None if it may be."""
        return None if self._is_by_device else self._cold

    def danger_after(self, cut_off_at: float | None, now: Now) -> str | None:
        """Why it must not be cut off now, nor any longer where it has been since *cut_off_at* (monotonic seconds)."""
        if self.danger or cut_off_at is None or now.mono < self.cut_off_until(cut_off_at):
            return self.danger
        return f"it was cut off for {_CUT_OFF_AT_MOST_S:g} s while it may freeze"

    def cut_off_until(self, cut_off_at: float) -> float:
        """Until when (monotonic seconds) it may stay cut off that was at *cut_off_at*; infinite while it is warm."""
        return cut_off_at + _CUT_OFF_AT_MOST_S if self._cold else inf

    @property
    def _cold(self) -> str | None:
        outdoor_c = self._state.worst(OUTDOOR, min)
        if outdoor_c is None:
            return "the temperature outdoors is unknown, and it may freeze"
        return f"at {outdoor_c:g} °C outdoors it may freeze" if outdoor_c < _COLD_BELOW_C else None
