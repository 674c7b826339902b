"""The commands of the CEM, as values. Pure; knows no conversation, and not how a command is written."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal, NamedTuple, TypeAlias

from ..errors import S2dError
from ..s2.messages import common
from ..s2.messages.common import ControlType

CONTROL_TYPES = {
    **common.CONTROL_TYPES,
    "not_controlable": ControlType.NOT_CONTROLABLE,
    "no_selection": ControlType.NO_SELECTION,
}
"""Short name → control type."""


class CommandRefused(S2dError):
    """An error: a command makes no sense, or not now."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class When:
    """The execution time asked for; at once unless one of the two is given."""

    after_s: float = 0.0
    at: datetime | time | None = None
    """Aware; a time of day means the next one."""

    def instant(self, utc: datetime) -> datetime:
        """The execution time of a command given at *utc*."""
        if isinstance(self.at, datetime):
            return self.at.astimezone(UTC)
        if self.at is None:
            return utc + timedelta(seconds=self.after_s)
        today = datetime.combine(utc.astimezone(self.at.tzinfo).date(), self.at)
        return (today if today >= utc else today + timedelta(days=1)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Operate:
    """An order for an operation mode: FRBC, OMBC, DDBC."""

    mode: str
    """Its label, the first word of it, or its id."""
    share: float | None = None
    """0: the power of smallest magnitude the mode has, 1: of largest."""
    factor: float | None = None
    """The S2 operation mode factor, instead of a share."""
    power_w: float | None = None
    """How much it shall be, whichever way, instead of a share."""
    actuator: str | None = None
    """Its label, the first word of it, its id or number; None for the only one that has such a mode."""
    when: When = When()
    is_abnormal: bool = False
    """Whether what is for abnormal conditions only may be ordered."""

    @property
    def verb(self) -> str:
        return self.mode


class Element(NamedTuple):
    """An element of an envelope: limits for a while, in the unit of their quantity; None is as wide as is allowed."""

    lower: float | None
    upper: float | None
    duration_s: float | None = None
    """None for as long as may be; only the last element has none."""


class Envelope(NamedTuple):
    """A power envelope asked for: limits of one quantity, one after the other."""

    quantity: str | None
    """As S2 spells it, or the end of that, such as L1; None for the only one there is."""
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """An order for power limits: PEBC."""

    envelopes: tuple[Envelope, ...]
    when: When = When()
    is_abnormal: bool = False

    @property
    def verb(self) -> str:
        return "limit"


@dataclass(frozen=True, slots=True)
class Stop:
    """An order to take and give nothing: whatever the control type, what comes nearest to it."""

    actuator: str | None = None
    """As of an operation mode."""
    when: When = When()
    is_abnormal: bool = False

    @property
    def verb(self) -> str:
        return "stop"


@dataclass(frozen=True, slots=True)
class SequenceOrder:
    """An order to run, pause or resume a power sequence: PPBC."""

    verb: Literal["schedule", "interrupt", "resume"]
    path: tuple[str, ...] = ()
    """Profile, container and sequence, in this order, as many as are needed; each by id, start of it, or number."""
    when: When = When()
    is_abnormal: bool = False


Order: TypeAlias = Operate | Limit | Stop | SequenceOrder
"""A command that becomes an instruction."""


@dataclass(frozen=True, slots=True)
class Revoke:
    """A command to revoke an instruction."""

    which: str | None = None
    """Its number, its id or what it is called; None for the last that can be revoked."""


@dataclass(frozen=True, slots=True)
class Select:
    """A command to select another control type."""

    control_type: ControlType


@dataclass(frozen=True, slots=True)
class Terminate:
    """A command to end the session."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """A command to have the resource manager connect again."""


Command: TypeAlias = Order | Revoke | Select | Terminate | Reconnect
