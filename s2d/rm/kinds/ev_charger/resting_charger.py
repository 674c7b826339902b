"""The resting charger: what it may give while nothing is ordered of it, for how long, and what comes then."""

from math import inf

from msgspec import Struct


class RestingCharger(Struct, frozen=True):
    """The rest of a charger on one occasion. Times are monotonic seconds."""

    value: float
    """The most that it may give, in the unit in which it is limited; infinite: nobody limits it."""
    limit_w: float = inf
    """A limit that is in force still, or that failed..."""
    limit_until: float = inf
    """...until then."""
    is_guarded: bool = False
    """A CEM is there and lets it rest: a car that has to be charged is."""
    then: "RestingCharger | None" = None
    """What it is afterwards..."""
    then_at: float = inf
    """...from then on."""


FREE, OFF = RestingCharger(inf), RestingCharger(0.0, is_guarded=True)
"""Nobody limits it; it shall not charge."""
