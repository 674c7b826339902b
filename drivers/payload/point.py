"""Payload point: the settings of a point that is found in a message, and its value there."""

from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import Meta

from s2d.driver import PointSettings
from s2d.errors import BadReading
from s2d.values import Quality, Reading, Value

from .document import Document
from .json_path import MISSING, JsonPath
from .template import PayloadTemplate

ABSENT = ("", "null", "none", "nan", "inf", "unknown", "unavailable", "undefined")
_INTEGERS = range(-(2**63), 2**64)


class PayloadPoint(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a point in a message; unit, scale, limits and the rest are PointSettings'."""

    json: Annotated[str | None, Meta(description="Where in a message of JSON it is, such as a.b or [0].c")] = None
    split: Annotated[str, Meta(min_length=1, description="What stands between the values of a text")] | None = None
    index: Annotated[int, Meta(ge=0, description="Which of them, counted from 0")] = 0
    absent: Annotated[tuple[str, ...], Meta(description="What is said of no value, without regard to case")] = ABSENT
    decimal: Annotated[Literal[".", ","], Meta(description="Decimal sign of numbers in a text")] = "."
    suffix: Annotated[str, Meta(description="What follows the number in a text, such as a unit")] = ""
    stamp: Annotated[str | None, Meta(description="Where in the message the instant is at which it was true")] = None
    stamp_zone: Annotated[Literal["local"] | None, Meta(description="Of a stamp that has no offset")] = None
    payload: Annotated[str, Meta(description="What is said to write it; {value} stands for the value")] = "{value}"
    decimals: Annotated[int, Meta(ge=0, le=9, description="So many at most are written")] | None = None

    def __post_init__(self) -> None:
        for path in (self.json, self.stamp):
            if path is not None:
                _path(path)
        if self.split is None and self.index:
            raise ValueError("index says which of the values of a text, so it needs split")
        if self.is_writable and not template_of(self.payload).holds("value"):
            raise ValueError("payload has no {value}, so every value would be written alike")

    def reading_in(self, name: str, document: Document, at: float) -> Reading | None:
        """What *document* says of it, true since *at*; None if it says nothing of it, which is no news."""
        try:
            said = self.said_in(document)
            if said is MISSING:
                return None
            if said is None:
                return Reading(name, None, Quality.ABSENT, "the device says that it has none", at=at)
            return Reading(name, self.value_of(said), at=at)
        except BadReading as exc:
            return Reading(name, None, Quality.BAD, exc.reason, at=at)

    def said_in(self, document: Document) -> Any:
        """What *document* says of it: a number, text or truth; None: that there is none; MISSING: nothing.

        Raises: BadReading: what stands there is none of these.
        """
        said = document.scalar if self.json is None else _path(self.json).of(document.json)
        if said is MISSING:
            return MISSING
        if isinstance(said, str):
            said = self._cut(said)
        if isinstance(said, dict | list):
            raise BadReading("there are several values; say with `json` which")
        if isinstance(said, int) and said not in _INTEGERS:
            raise BadReading(f"{str(said)[:20]}… is too large a number")
        word = "null" if said is None else said.casefold() if isinstance(said, str) else ""
        if said is None or (isinstance(said, str) and word in map(str.casefold, self.absent)):
            return None
        return said

    def _cut(self, said: str) -> str:
        """Of a text *said*, what is this point's. Raises: BadReading: nothing."""
        if self.split is not None:
            parts = said.split(self.split)
            if self.index >= len(parts):
                raise BadReading(f"{said[:40]!r} has no value number {self.index}")
            said = parts[self.index].strip()
        said = said.removesuffix(self.suffix).strip() if self.suffix else said
        return said.replace(",", ".") if self.decimal == "," else said

    def said_for(self, value: Value, *, number: int = 0, client: str = "") -> str:
        """What to say so that it becomes *value*. Raises: DeviceRefused: it never can."""
        raw = self.raw_of(value)
        return template_of(self.payload).filled(raw, number=number, client=client, decimals=self.decimals)


@lru_cache(maxsize=4096)
def _path(text: str) -> JsonPath:
    return JsonPath.parse(text)


@lru_cache(maxsize=1024)
def template_of(text: str) -> PayloadTemplate:
    """The template that *text* writes. Raises: ValueError: it writes none."""
    return PayloadTemplate.parse(text)
