"""Verdicts on an order by what is known of the device: whether readings since it was confirmed show it followed."""

from ...values import Value
from ..control.execution import FOLLOWED, PENDING, Verdict
from .shared_state import SharedState


def power_within(state: SharedState, least_w: float, most_w: float, since: float) -> Verdict:
    """Whether the power as it was at *since* (monotonic seconds) or later is between the two."""
    power_w = state.number("power")
    if power_w is None or not state.was_read_since("power", since):
        return PENDING
    return FOLLOWED if least_w <= power_w <= most_w else PENDING


def reads(state: SharedState, point: str, value: Value, since: float) -> Verdict:
    """Whether *point* is *value* by a reading true at *since* (monotonic seconds) or later."""
    return FOLLOWED if state.was_read_since(point, since) and state.value(point) == value else PENDING
