"""Faults of a simulated device. Pure; may be switched while the device is at work."""

from collections.abc import Iterable, Mapping

from ..quantities import Duration

FAULTS = {
    "on": "the device reports a fault and stands still",
    "late-reply": "every third answer comes 3 s late; another time with late-reply=500ms",
    "wrong-unit": "every third answer bears the number of another unit",
    "busy": "every third request is refused because the device is busy (exception 6)",
    "nan": "what is measured reads as not available",
    "refuses-fc6": "writes with function 6 are refused (exception 1), as if only 16 were known",
    "forgets": "an order that is not repeated within 60 s is forgotten; another time with forgets=10s",
    "ignores-writes": "writes are acknowledged, and nothing is done",
    "drops-line": "every third request is answered by hanging up; on a serial line by silence",
}
"""Name of a fault of any device → its effect, in a sentence."""

NIGHT_OFFLINE = "night-offline"
"""Of an inverter: it has no power of its own, and does not answer while it sleeps."""

EVERY = 3
"""An intermittent fault strikes one request in so many; with several, they take turns."""

_NOW_AND_THEN = ("late-reply", "wrong-unit", "busy", "drops-line")


class Faults:
    """The faults that are switched on now."""

    def __init__(self, named: Iterable[str] = (), own: Mapping[str, str] = {}) -> None:
        """*named* as an owner writes them: `busy`, or `forgets=10s`; a kind of device may have some of its *own*.

        Raises: ValueError: no such fault, or a time that is none.
        """
        self._known = {**FAULTS, **own}
        self._on: set[str] = set()
        self._requests = 0
        self.late_s = 3.0
        self.forgets_s = 60.0
        self.every = EVERY
        """1: each request is struck by all intermittent faults."""
        for each in named:
            name, _, time = each.strip().partition("=")
            self.switch(name)
            if time and name == "late-reply":
                self.late_s = float(Duration.parse(time))
            elif time and name == "forgets":
                self.forgets_s = float(Duration.parse(time))
            elif time:
                raise ValueError(f"{name} takes no time; only late-reply and forgets do")

    def switch(self, name: str, on: bool = True) -> None:
        """Switches the fault *name* on or off.

        Raises: ValueError: no such fault.
        """
        if name not in self._known:
            raise ValueError(f"no fault is called {name!r}; there are {', '.join(self._known)}")
        (self._on.add if on else self._on.discard)(name)

    def is_on(self, name: str) -> bool:
        return name in self._on

    def of_request(self) -> frozenset[str]:
        """The faults that strike the request that comes now."""
        self._requests += 1
        struck = {
            name
            for at, name in enumerate(_NOW_AND_THEN)
            if name in self._on and (self._requests + at) % self.every == 0
        }
        return frozenset(struck | self._on - set(_NOW_AND_THEN))

    def __str__(self) -> str:
        return ", ".join(name for name in self._known if name in self._on)
