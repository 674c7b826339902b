"""The guard against frost: below 4 °C outdoors a heat pump is not cut off, or it freezes beside a warm tank."""

from ..shared_state import SharedState

OUTDOOR = "outdoor"
_COLD_BELOW_C = 4.0
CUT_OFF_AT_MOST_S = 7200.0
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

    @property
    def cut_off_at_most_s(self) -> float | None:
        """How long it may be cut off now; None for as long as anybody likes."""
        return CUT_OFF_AT_MOST_S if self._cold else None

    @property
    def _cold(self) -> str | None:
        outdoor_c = self._state.worst(OUTDOOR, min)
        if outdoor_c is None:
            return "the temperature outdoors is unknown, and it may freeze"
        return f"at {outdoor_c:g} °C outdoors it may freeze" if outdoor_c < _COLD_BELOW_C else None
