"""Simulated hardware of any kind: what its registers can show of it, and what it can be told."""

from collections.abc import Mapping
from typing import Protocol

from ..values import Value

RATINGS = {
    "capacity": "Wh",
    "max_charge_power": "W",
    "max_discharge_power": "W",
    "max_power": "W",
    "max_current": "A",
    "serial_number": "",
}
"""Values that stand on a nameplate, and their units: they are no measurements, and never change."""


class SimulatedHardware(Protocol):
    """Simulated hardware. Pure: time is an argument, nothing runs between two calls.

    It lives from 0 s on, in seconds on a clock that never steps; a time before the latest known counts as that.
    """

    def advance(self, now_s: float) -> None:
        """Lives until *now_s*."""
        ...

    def values(self) -> Mapping[str, Value | None]:
        """All that registers may show of it, as of the last call, in base units; None: it does not know.

        The names are always the same, and those of canonical points are these.
        """
        ...

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        """What is wanted of it from *now_s* on, by the names that it can be told.

        Comes with all that is wanted, at every write, also of the same values, and once at the start. What is not in it
        is left to the hardware itself.
        """
        ...

    @property
    def fault(self) -> bool:
        """Whether it has a fault."""
        ...

    def set_fault(self, on: bool, now_s: float) -> None:
        """Switches the fault on or off."""
        ...

    def status_line(self) -> str:
        """Its state as of the last call, in one line for a terminal."""
        ...


def ordered_number(orders: Mapping[str, Value], name: str, otherwise: float) -> float:
    """What stands in *orders* as *name*, *otherwise* if there is nothing or no number."""
    value = orders.get(name, otherwise)
    return otherwise if isinstance(value, str) else float(value)
