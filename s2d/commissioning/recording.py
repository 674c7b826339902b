"""What a device said over time, as lines of JSON: a header, then one line for each time it was asked. Pure.

{"recording": 1, "device": "Home battery", "driver": "modbus", "profile": null, "connection": {"host": …}, …}
{"at_s": 0.0, "notes": [{"unit": 1, "table": "input", "register": 842, "words": [0, 500]}]}
{"at_s": 5.0, "silent": "no answer from unit 1 at 192.168.1.20:502 within 1 s"}
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from ..errors import S2dError

VERSION = 1


class Header(Struct, frozen=True, kw_only=True):
    """Of what it is."""

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


class Moment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of asking once."""

    at_s: float
    """Since the start."""
    notes: Sequence[Mapping[str, object]] = ()
    """In the words of the driver."""
    silent: str = ""
    """Why there is nothing."""


class NoRecording(S2dError):
    """A file that is no recording."""

    def __init__(self, place: str, why: str) -> None:
        self.place = place
        self.why = why

    def __str__(self) -> str:
        return f"{self.place} is no recording: {self.why}"


def line_of(part: Header | Moment) -> bytes:
    """*part* as one line."""
    return msgspec.json.encode(part) + b"\n"


def recording_of(lines: Iterable[bytes], place: str) -> tuple[Header, list[Moment]]:
    """What *lines* say, which come from *place*; a last line that was cut short is left out.

    Raises: NoRecording: they are none.
    """
    written = [line for line in lines if line.strip()]
    if not written:
        raise NoRecording(place, "it is empty")
    try:
        header = msgspec.json.decode(written[0], type=Header)
    except msgspec.DecodeError as exc:
        raise NoRecording(place, f"line 1: {exc}") from exc
    if header.recording != VERSION:
        raise NoRecording(place, f"version {header.recording} is not known; this s2d knows {VERSION}")
    moments: list[Moment] = []
    for number, line in enumerate(written[1:], 2):
        try:
            moments.append(msgspec.json.decode(line, type=Moment))
        except msgspec.DecodeError as exc:
            if number == len(written) and not line.endswith(b"\n"):
                break
            raise NoRecording(place, f"line {number}: {exc}") from exc
    return header, moments
