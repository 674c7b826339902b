"""Report thresholds: a value is told again when it has changed enough, or was not told for a while."""

from dataclasses import dataclass
from math import inf

from ...values import Now


@dataclass(frozen=True, slots=True)
class ReportThresholds:
    """The thresholds from which on an RM tells something again."""

    power_w: float
    """A change of power below this is not told by itself."""
    fill_level: float
    """A change of fill level below this is not told by itself; in the unit of the fill level."""
    every_s: float
    """What has not been told for this long is told again."""


class LastReported:
    """The last report of one thing: what was told, and when."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._state: object = None
        self._numbers: tuple[float, ...] = ()
        self._is_known = False
        self.due_at = inf
        """When (monotonic seconds) it shall be told again whatever it is; infinite while there is nothing to repeat."""

    def is_due(self, now: Now, numbers: tuple[float, ...], deadband: float, state: object = None) -> bool:
        """Whether to tell: never told, told long ago, another *state*, or a number moved by *deadband* or more."""
        if not self._is_known or now.mono >= self.due_at or state != self._state:
            return True
        if deadband <= 0:
            return numbers != self._numbers
        for new, old in zip(numbers, self._numbers, strict=True):  # noqa: SIM110 (at every reading; `any` takes twice as long)
            if abs(new - old) >= deadband:
                return True
        return False

    def is_news(self, state: object) -> bool:
        """Whether *state* is another than was told last."""
        return state != self._state

    def note(self, now: Now, numbers: tuple[float, ...], state: object = None) -> None:
        """Notes that this is told now."""
        self._is_known, self._numbers, self._state = True, numbers, state
        self.due_at = now.mono + self._every_s

    def forget(self) -> None:
        """It is unknown now; whatever it becomes is told."""
        self._is_known, self.due_at = False, inf
