"""Stamp: the instant that a device says of its value: Unix time, or ISO 8601."""

from datetime import UTC, datetime
from typing import Any

from s2d.errors import BadReading

_SECONDS_AT_MOST = 1e11
"""Of Unix time; more are milliseconds, and a thousand times more microseconds."""


def instant_of(said: Any, *, is_local: bool) -> datetime:
    """The instant, in UTC, that *said* writes; of an hour that there is twice it is the earlier one.

    *is_local*: without an offset it is of this machine's zone. Raises: BadReading: it is no instant.
    """
    try:
        if isinstance(said, str) and not _is_number(said):
            at = datetime.fromisoformat(said)
            if at.tzinfo is None and not is_local:
                raise BadReading(f"the time {said!r} has no offset; say `stamp_zone: local` if it is that of the house")
            return at.astimezone(UTC)
        if isinstance(said, bool) or not isinstance(said, str | int | float):
            raise ValueError
        seconds = float(said)
        while abs(seconds) > _SECONDS_AT_MOST:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadReading(f"{said!r} is no time") from None


def _is_number(said: str) -> bool:
    return said.replace(".", "", 1).isascii() and said.replace(".", "", 1).isdigit()
