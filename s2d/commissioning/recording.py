"""A recording of a device as lines of JSON: a header, then one line for each poll. Pure.

{"recording": 1, "device": "Home battery", "driver": "modbus", "profile": null, "connection": {"host": …}, …}
{"at_s": 0.0, "notes": [{"unit": 1, "table": "input", "register": 842, "words": [0, 500]}]}
{"at_s": 5.0, "silent": "no answer from unit 1 at 192.168.1.20:502 within 1 s"}
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from ..errors import S2dError
from ..text import printable_json

VERSION = 1
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeError)
"""What the versions of msgspec raise at a line that is something else."""


class RecordingHeader(Struct, frozen=True, kw_only=True):
    """The first line of a recording: the device, and how it was polled."""

    recording: int = VERSION
    """Version of this format."""
    device: str
    driver: str
    profile: str | None
    connection: Mapping[str, object]
    """As it stands under `connection:`, with all defaults, without what is secret."""
    points: Sequence[str]
    """That were asked for."""
    started: str
    """UTC, ISO 8601."""
    every_s: float


class RecordedPoll(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One poll of a recording: the frames that answered it, or why there was no answer."""

    at_s: float
    """Since the start."""
    notes: Sequence[Mapping[str, object]] = ()
    """The frames, in the words of the driver."""
    silent: str = ""
    """Why there was no answer; empty if there was one."""


class NoRecording(S2dError):
    """An error: a file is no recording."""

    def __init__(self, place: str, why: str) -> None:
        self.place = place
        self.why = why

    def __str__(self) -> str:
        return f"{self.place} is no recording: {self.why}"


def line_of(part: RecordingHeader | RecordedPoll) -> bytes:
    """*part* as one line."""
    return printable_json(msgspec.json.encode(part)) + b"\n"


def recording_of(lines: Iterable[bytes], place: str) -> tuple[RecordingHeader, list[RecordedPoll]]:
    """The header and polls in *lines*, which come from *place*; a last line that was cut short is left out.

    Raises: NoRecording: they are none.
    """
    written = [line for line in lines if line.strip()]
    if not written:
        raise NoRecording(place, "it is empty")
    try:
        header = msgspec.json.decode(written[0], type=RecordingHeader)
    except _UNREADABLE as exc:
        raise NoRecording(place, "line 1 is no header") from exc
    if header.recording != VERSION:
        raise NoRecording(place, f"version {header.recording} is not known; this s2d knows {VERSION}")
    polls: list[RecordedPoll] = []
    for number, line in enumerate(written[1:], 2):
        try:
            polls.append(msgspec.json.decode(line, type=RecordedPoll))
        except _UNREADABLE as exc:
            if number == len(written) and not line.endswith(b"\n"):
                break
            raise NoRecording(place, f"line {number} is no poll") from exc
    return header, polls
