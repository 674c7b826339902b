"""The transcript of the CEM's connections: events, and the lines of JSON in which the log file tells them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from ..s2.messages import wire
from ..s2.messages.common import Tagged
from ..text import printable_json
from .conversation import Conversation


@dataclass(frozen=True, slots=True)
class RmConnected:
    """A resource manager connected."""

    at: datetime
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """A frame came from a resource manager."""

    at: datetime
    conversation: Conversation
    frame: str | bytes
    message: Tagged | None
    """None for a frame that is no message."""


@dataclass(frozen=True, slots=True)
class MessageSent:
    """A message is sent to a resource manager."""

    at: datetime
    conversation: Conversation
    message: Tagged


@dataclass(frozen=True, slots=True)
class RmDisconnected:
    """The connection of a resource manager is gone."""

    at: datetime
    conversation: Conversation
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionRejected:
    """A connection was not accepted: it had no token, or a wrong one."""

    at: datetime
    path: str
    reason: str


Event: TypeAlias = RmConnected | FrameReceived | MessageSent | RmDisconnected | ConnectionRejected
Observer: TypeAlias = Callable[[Event], None]
"""Is told every event as it happens; must not block."""


class _LogLine(Struct, kw_only=True):
    """A line of the log: one frame, in or out."""

    at: datetime
    rm: str
    direction: str
    message: Raw | UnsetType = UNSET
    frame: str | UnsetType = UNSET


def json_line(event: Event) -> bytes | None:
    """The line of the log for *event*, newline included; None for what is no frame.

    A message stands there as it was received, spaces between its parts aside; what is no message stands as text,
    a binary frame in hexadecimal.
    """
    match event:
        case MessageSent(at, conversation, message):
            line = _LogLine(at=at, rm=_rm(conversation), direction="out", message=Raw(wire.encode(message)))
        case FrameReceived(at, conversation, str(frame), message) if message is not None:
            compact = Raw(msgspec.json.format(frame.encode(), indent=-1))
            line = _LogLine(at=at, rm=_rm(conversation), direction="in", message=compact)
        case FrameReceived(at, conversation, frame, _):
            text = frame.hex() if isinstance(frame, bytes) else frame
            line = _LogLine(at=at, rm=_rm(conversation), direction="in", frame=text)
        case _:
            return None
    return printable_json(msgspec.json.encode(line)) + b"\n"


def _rm(conversation: Conversation) -> str:
    return conversation.resource_id or conversation.path
