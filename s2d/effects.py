"""What can happen to a resource manager, and what it wants done about it.

Events go in, effects come out, in order. Effects are wishes: the shell carries them out and reports back as events.
"""

from dataclasses import dataclass, field
from enum import Enum

from .messages.common import Tagged
from .values import Reading, Setpoint, Value


@dataclass(frozen=True, slots=True)
class Connected:
    """The link has a connection to the CEM."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone, whoever ended it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Received:
    """The CEM sent a frame: text, or bytes for a binary one."""

    frame: str | bytes


@dataclass(frozen=True, slots=True)
class Measured:
    """The device gave readings."""

    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The device does not answer any more; the next Measured says that it is back."""

    reason: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The device confirmed the setpoint."""

    setpoint: Setpoint


@dataclass(frozen=True, slots=True)
class Refused:
    """The setpoint did not get into the device."""

    setpoint: Setpoint
    reason: str
    will_retry: bool = False
    """It stays wanted until it is replaced."""


@dataclass(frozen=True, slots=True)
class Started:
    """The daemon begins; what the hardware was last told is unknown."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """The daemon ends."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time has passed."""


Event = Connected | Disconnected | Received | Measured | Lost | Applied | Refused | Started | Stopping | Tick


@dataclass(frozen=True, slots=True)
class Send:
    """Say *message* to the CEM."""

    message: Tagged


@dataclass(frozen=True, slots=True)
class Apply:
    """Write *setpoint* to the device; it replaces what was wanted of that point before."""

    setpoint: Setpoint


class Return(Enum):
    """When to connect again after a Close."""

    SOON = "soon"
    """As the back-off says."""
    LATE = "late"
    """After the longest back-off."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection once everything said has been sent."""

    reason: str
    back: Return


@dataclass(frozen=True, slots=True)
class Settled:
    """The session is initialised: the next reconnect may be quick again."""


class Level(Enum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Note:
    """Something a human may want to know; *event* is `noun.past_verb`."""

    level: Level
    event: str
    facts: dict[str, Value | None] = field(default_factory=dict)


Effect = Send | Apply | Close | Settled | Note
