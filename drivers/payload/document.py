"""Document: what one message says, parsed at most once, however many points stand in it."""

from functools import cached_property
from typing import Any, Final

import msgspec

from s2d.errors import BadReading

LONGEST = 262_144
"""Most bytes of a message; a longer one says nothing."""
_SHOWN = 40


class Document:
    """The document in one payload: JSON, or text."""

    def __init__(self, payload: bytes) -> None:
        self.payload: Final = payload

    @cached_property
    def text(self) -> str:
        """All of it as text, without white space at its ends. Raises: BadReading: it is none."""
        try:
            return self.payload.decode().strip()
        except UnicodeDecodeError:
            raise BadReading(f"{self._start!r} is no text in UTF-8") from None

    @cached_property
    def json(self) -> Any:
        """All of it as JSON. Raises: BadReading: it is none."""
        if len(self.payload) > LONGEST:
            raise BadReading(f"a message of {len(self.payload)} bytes is too long")
        try:
            return msgspec.json.decode(self.payload)
        except (ValueError, RecursionError):  # msgspec's are ValueErrors
            raise BadReading(f"{self._start!r} is no JSON") from None

    @cached_property
    def scalar(self) -> str | float | bool | None:
        """All of it as one value: a scalar of JSON, or else the text that it is. Raises: BadReading: it is none."""
        if self.payload[:1] in (b"{", b"["):
            raise BadReading(f"{self._start!r} is no single value; say with `json` where in it the value is")
        try:
            value = self.json
        except BadReading:
            return self.text
        return value if isinstance(value, str | int | float | bool | None) else self.text

    @property
    def _start(self) -> str:
        start = self.payload[:_SHOWN].decode(errors="replace")
        return start if len(self.payload) <= _SHOWN else f"{start}…"
