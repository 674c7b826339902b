"""Events and effects of a resource manager: what can happen to it, and what it wants done about it.

Events go in, effects come out, in order. Effects are wishes: the shell carries them out and reports back as events.
Each is tagged with its name, by which a recording tells them apart.
"""

from datetime import datetime
from enum import Enum

from msgspec import Struct

from ..events import DeviceEvent
from ..values import Setpoint, Value
from .messages.common import Tagged


class Connected(Struct, frozen=True, tag=True):
    """The link has a connection to the CEM."""

    cem_time: datetime | None = None
    """What the CEM says the time is, in whole seconds, aware; None: it does not say."""
    is_clock_synchronised: bool | None = None
    """Whether our own clock is kept right; None: nobody knows."""


class Disconnected(Struct, frozen=True, tag=True):
    """The connection is gone, whoever ended it."""

    reason: str


class Received(Struct, frozen=True, tag=True):
    """The CEM sent a frame: text, or bytes for a binary one."""

    frame: str | bytes


class Pinged(Struct, frozen=True, tag=True):
    """The link has sent the CEM a ping."""


class Ponged(Struct, frozen=True, tag=True):
    """The CEM, or its library, has answered the ping."""


class Started(Struct, frozen=True, tag=True):
    """The daemon begins; what the hardware was last told is unknown."""


class Stopping(Struct, frozen=True, tag=True):
    """The daemon ends."""


class Tick(Struct, frozen=True, tag=True):
    """Nothing but time has passed."""


class Wished(Struct, frozen=True, tag=True):
    """The owner wants the device to do now what it is there for."""

    for_s: float
    """For so long at most."""


class WishDropped(Struct, frozen=True, tag=True):
    """The owner does not want that any more."""


LinkEvent = Connected | Disconnected | Pinged | Ponged
"""What happens to the connection; beside it, Received."""
ProcessEvent = Started | Stopping | Tick
OwnerEvent = Wished | WishDropped
Event = Received | LinkEvent | DeviceEvent | ProcessEvent | OwnerEvent


class Send(Struct, frozen=True, tag=True):
    """Say *message* to the CEM."""

    message: Tagged


class Apply(Struct, frozen=True, tag=True):
    """Write *setpoint* to the device; it replaces what was wanted of that point before."""

    setpoint: Setpoint


class Remember(Struct, frozen=True, tag=True):
    """Keep *memory* in the place of what was kept before: it must survive a restart."""

    memory: bytes
    is_urgent: bool
    """It must be kept before anything else happens; otherwise now and then is soon enough."""


class ReconnectPolicy(Enum):
    """A reconnect policy: when to connect again after a Close."""

    SOON = "soon"
    """As the back-off says."""
    LATE = "late"
    """After the longest back-off."""
    NEVER = "never"


class Close(Struct, frozen=True, tag=True):
    """End the connection once everything said has been sent."""

    reason: str
    back: ReconnectPolicy


class ReconnectTerms(Struct, frozen=True, tag=True):
    """The terms on which the link comes back from now on."""

    is_anew: bool
    """The session has got somewhere: the back-off begins anew."""
    within_s: float | None
    """The longest wait; None: as long as the back-off says."""


class Level(Enum):
    """The level of a note: how much it matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Note(Struct, frozen=True, tag=True):
    """A note for the log, as a human may want to know; *event* is `noun.past_verb`."""

    level: Level
    event: str
    facts: dict[str, Value | None] = {}


Effect = Send | Apply | Close | ReconnectTerms | Remember | Note
