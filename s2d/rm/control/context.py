"""The context of a control type: what it is given beside the resource, and what outlives it."""

from collections.abc import Callable
from dataclasses import dataclass

from ..instructions import Terms
from .operation_modes.timers import TimersAndModes
from .ppbc.task import TaskProgress
from .reporting import ReportThresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlContext:
    """The context that every control is made with; each takes from it what it needs."""

    new_id: Callable[[], str]
    """Makes ids for messages."""
    thresholds: ReportThresholds
    terms: Terms
    timers: TimersAndModes
    """The resource's, whoever is in charge."""
    progress: TaskProgress
    """The resource's, whoever is in charge."""
    take_charge: Callable[[], None]
    """Called whenever something that was instructed is commanded: from then on its CEM is in charge."""
    version: str = ""
    """Of the S2 messages in this session."""
    redescribes: bool = False
    """Whether a storage is described once more after its first status, for a CEM that plans only then."""
