"""Kept values of a resource: what its kind has learnt or switched, and must know after a restart.

Instants are on the clock that never steps; across a restart they are kept by the clock (`rm/memory`).
"""

from ...values import Value


class KeptValues:
    """The kept values of one resource, by names of its kind's own."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.instants: dict[str, float] = {}
        """Monotonic seconds."""
        self.changes = 0
        """How often anything was changed..."""
        self.urgent_changes = 0
        """...and how often something that must be kept before anything else happens."""

    def number(self, name: str) -> float | None:
        """What is kept as *name*; None if nothing is, or no number: a device may have been of another kind before."""
        value = self.values.get(name)
        return None if value is None or isinstance(value, str | bool) else float(value)

    def text(self, name: str) -> str | None:
        """What is kept as *name*; None if nothing is, or no text."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def flag(self, name: str) -> bool | None:
        """What is kept as *name*; None if nothing is, or neither true nor false."""
        value = self.values.get(name)
        return value if isinstance(value, bool) else None

    def put(self, name: str, value: Value, *, is_urgent: bool = False) -> None:
        """Keeps *value* as *name*."""
        if self.values.get(name) != value:
            self.values[name] = value
            self._note(is_urgent=is_urgent)

    def put_instant(self, name: str, at: float, *, is_urgent: bool = False) -> None:
        """Keeps the instant *at* (monotonic seconds) as *name*."""
        if self.instants.get(name) != at:
            self.instants[name] = at
            self._note(is_urgent=is_urgent)

    def drop(self, *names: str, is_urgent: bool = False) -> None:
        """Keeps none of *names* any more."""
        for name in names:
            if name in self.values or name in self.instants:
                self.values.pop(name, None)
                self.instants.pop(name, None)
                self._note(is_urgent=is_urgent)

    def _note(self, *, is_urgent: bool) -> None:
        self.changes += 1
        self.urgent_changes += is_urgent
