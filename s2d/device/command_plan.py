"""Plans of commands: the writes and pauses one value comes to, how to see that they worked, and a memory of them."""

from dataclasses import dataclass, field
from math import inf

from msgspec import Struct

from ..values import RELEASE, Value


class Write(Struct, frozen=True):
    """A write: *values* of points, with one request."""

    values: dict[str, Value]


class Wait(Struct, frozen=True):
    """A pause between writes."""

    seconds: float


class Check(Struct, frozen=True):
    """A check after the last write: *point* becomes *value*, give or take *tolerance*, within *within_s*."""

    point: str
    value: Value
    tolerance: float
    within_s: float

    def holds(self, found: Value | None) -> bool:
        """Whether *found* is what was wanted."""
        if isinstance(found, str) or isinstance(self.value, str) or found is None:
            return found == self.value
        return abs(found - self.value) <= self.tolerance


class Plan(Struct, frozen=True):
    """The plan of a command for one value: its writes and pauses."""

    value: Value
    """As it is done: bounded and rounded."""
    steps: tuple[Write | Wait, ...]
    """In this order."""
    check: Check | None = None
    not_before: float = -inf
    """On the clock that never steps."""
    counts: dict[str, float] = {}
    """What the life counters become."""
    is_needless: bool = False
    """The change is too small: it counts as done."""
    is_prompt: bool = False
    """It waits for no interval, and makes nothing else wait."""


@dataclass(slots=True)
class CommandMemory:
    """The memory of a command: what was done by it."""

    value: Value | None = None
    """Last; None if that is unknown."""
    share: float = 1.0
    """How much of that the device keeps."""
    told: Value | None = None
    """What was begun last, whatever came of it..."""
    told_at: float = -inf
    """...and when anything was that is not prompt."""
    done_at: float = -inf
    repeated_at: float = -inf
    """When it was done last, or repeated."""
    direction: str | None = None
    """Of the last value; None if unknown, and after a release."""
    switched_at: float = -inf
    counts: dict[str, float] = field(default_factory=dict)
    """Where the life counters stand."""

    def begin(self, plan: Plan, at: float) -> None:
        """Notes that the device is about to be told *plan*."""
        self.told = plan.value
        if not plan.is_prompt:
            self.told_at = at

    def leave(self, plan: Plan, at: float) -> None:
        """Notes that the device may do *plan* by now, though it was not seen to."""
        direction = None if plan.value == RELEASE else direction_of(plan.value)
        if None not in (direction, self.direction) and direction != self.direction:
            self.switched_at = at
        self.direction = direction
        if not plan.is_prompt:
            self.done_at = at

    def note(self, plan: Plan, at: float, *, again: bool = False, share: float = 1.0) -> None:
        """Notes that all steps of *plan* were done; *again* if only to repeat what was done before."""
        self.share = share
        done_at = self.done_at
        self.leave(plan, at)
        if again:
            self.done_at = done_at
        self.value, self.repeated_at = plan.value, at
        self.counts = plan.counts

    def forget(self) -> None:
        """What was done may not be so any more."""
        self.value = None


def direction_of(value: Value) -> str:
    """What two values have in common that need no switching between them: the sign of a number, else all."""
    if isinstance(value, str):
        return value
    return "+" if value > 0 else "-" if value < 0 else "0"
