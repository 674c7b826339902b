"""A simulated relay, which may flip back by itself. Pure: time is an argument."""

from collections.abc import Mapping
from math import inf

from ..values import Value
from .hardware import ordered_number


class Relay:
    """A relay that may flip back by itself.

    It does so *toggle_after_s* after it was told, whatever it was told: one that was told to open closes then, as
    `toggle_after` of a Shelly has it (Gen2 API, Switch.Set).
    """

    def __init__(self, is_on: bool = False) -> None:
        self.is_on = is_on
        self.switched = 0
        """How often it moved."""
        self.flips_at_s = inf
        """When it flips back."""

    def tell(self, on: bool, now_s: float, toggle_after_s: float = 0.0) -> None:
        """Moves it, and begins the time until it flips back anew; 0: it stays."""
        self._move(on)
        self.flips_at_s = now_s + toggle_after_s if toggle_after_s > 0 else inf

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        """Does what stands in *orders* of it: `on`, and `toggle_after` in s. It stays as it is if nothing does."""
        if "on" in orders:
            self.tell(bool(orders["on"]), now_s, ordered_number(orders, "toggle_after", 0.0))

    def advance(self, now_s: float) -> None:
        """Flips back if the time has come."""
        if now_s >= self.flips_at_s:
            self._move(not self.is_on)
            self.flips_at_s = inf

    def _move(self, on: bool) -> None:
        self.switched += on is not self.is_on
        self.is_on = on
