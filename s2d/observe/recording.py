"""A recorded run of a node: what its resource manager is made from, then line by line what it took and wanted. Pure.

{"recording": 1, "seed": "6e8f2a8c-…", "setup": {"kind": "battery", "settings": {"capacity": 10000.0, …}, …}}
{"mono": 12.5, "utc": "2026-06-01T00:00:12.5Z", "event": {"type": "Tick"}, "effects": [{"type": "Apply", …}]}

A resource manager does nothing but what follows from that: replayed, it wants the same again, down to the ids.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from ..events import DeviceEvent, Measured
from ..host.identifier import ids_from
from ..quantities import Quantity
from ..rm.kinds import KINDS, kind
from ..rm.setup import Setup
from ..s2.effects import (
    Apply,
    Close,
    Event,
    LinkEvent,
    Note,
    OwnerEvent,
    ProcessEvent,
    Received,
    ReconnectTerms,
    Remember,
    Send,
)
from ..s2.messages.common import Tagged
from ..s2.messages.wire import VERSIONS, UnreadableFrame, decode
from ..text import printable_json
from ..values import Now, Reading
from .tap import Taken


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A recorded run, from its start."""

    setup: Setup
    seed: UUID
    """What the ids of its messages follow from."""
    taken: list[Taken]


def replay(run: RecordedRun) -> list[Taken]:
    """What a new resource manager, made from the same, wants when it takes the same at the same instants."""
    resource_manager = run.setup.resource_manager(ids_from(run.seed))
    return [(event, resource_manager.handle(event, now), now) for event, _, now in run.taken]


def encode_run(run: RecordedRun) -> bytes:
    """*run* as lines of JSON."""
    return b"".join([encode_start(run.setup, run.seed), *map(encode_taken, run.taken)])


def encode_start(setup: Setup, seed: UUID) -> bytes:
    """The first line."""
    header = {"recording": 1, "seed": seed, "setup": setup}
    return printable_json(msgspec.json.encode(header, enc_hook=_number)) + b"\n"


def encode_taken(taken: Taken) -> bytes:
    """Each further line."""
    event, effects, now = taken
    line = {"mono": now.mono, "utc": now.utc, "event": _written(event), "effects": effects}
    return printable_json(msgspec.json.encode(line)) + b"\n"


def decode_run(lines: Iterable[bytes]) -> RecordedRun:
    """The run that *lines* tell of.

    Raises: msgspec.DecodeError: they are none.
    """
    first, *others = [*lines] or [b""]
    header = msgspec.json.decode(first, type=_Header)
    return RecordedRun(_setup(header.setup), header.seed, [_taken(_LINES.decode(each)) for each in others])


class _Header(Struct):
    """The first line of a recording, as written."""

    recording: Literal[1]
    seed: UUID
    setup: dict[str, Any]


class _TextFrame(Struct, tag="Received"):
    """A Received with a text frame, as written."""

    frame: str


class _BinaryFrame(Struct, tag="ReceivedBinary"):
    """A Received with a binary frame, as written."""

    frame: bytes


class _Message(Struct, tag="Send"):
    """A Send, as written: the message is not decoded yet."""

    message: Raw


class _Line(Struct):
    """Each further line of a recording, as written."""

    mono: float
    utc: datetime
    event: _TextFrame | _BinaryFrame | LinkEvent | DeviceEvent | ProcessEvent | OwnerEvent
    effects: list[_Message | Apply | Close | ReconnectTerms | Remember | Note]


_LINES = msgspec.json.Decoder(_Line)


def _setup(written: dict[str, Any]) -> Setup:
    bare = msgspec.convert({**written, "settings": {}}, Setup)
    if bare.kind not in KINDS:
        raise msgspec.ValidationError(f"there is no kind {bare.kind!r}")
    settings = msgspec.convert(written.get("settings"), kind(bare.kind).settings, dec_hook=_quantity)
    return msgspec.structs.replace(bare, settings=settings)


def _taken(line: _Line) -> Taken:
    event = Received(line.event.frame) if isinstance(line.event, _TextFrame | _BinaryFrame) else line.event
    effects = [Send(_message(each.message)) if isinstance(each, _Message) else each for each in line.effects]
    return event, effects, Now(line.mono, line.utc)


def _message(raw: Raw) -> Tagged:
    """A message of whichever version has it."""
    frame = bytes(raw).decode()
    for version in VERSIONS:
        with suppress(UnreadableFrame):
            return decode(frame, version)
    raise msgspec.ValidationError(f"no message of S2: {frame[:100]}")


def _written(event: Event) -> object:
    match event:
        case Received(bytes(frame)):
            return _BinaryFrame(frame)
        case Measured(readings, is_lent):
            written = {"type": "Measured", "readings": [*map(_without_defaults, readings)]}
            return {**written, "is_lent": True} if is_lent else written
    return event


def _without_defaults(reading: Reading) -> dict[str, object]:
    """*reading* as it is known to be anyway; JSON has no numbers that are not finite, which a default may be."""
    return {
        field.name: value
        for field in msgspec.structs.fields(Reading)
        if (value := getattr(reading, field.name)) != field.default
    }


def _number(quantity: object) -> float:
    assert isinstance(quantity, Quantity)
    return float(quantity)


def _quantity(shape: type, written: Any) -> Any:
    return shape(written)
