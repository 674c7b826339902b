"""Payload template: what is said to a device to give it a value.

Only the exact words `{value}`, `{id}` and `{client}` are holes; every other brace is what it is, so that JSON is
written as it will be sent: `{"id": {id}, "on": {value}}`.
"""

import json
import re
from decimal import ROUND_DOWN, Decimal

from msgspec import Struct

from s2d.values import Value

_HOLE = re.compile(r"\{(value|id|client)\}")
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?|true|false|null", re.ASCII)


class _Hole(Struct, frozen=True):
    name: str
    is_quoted: bool
    """It stands within a string of JSON."""


class PayloadTemplate(Struct, frozen=True):
    """A template of JSON or text, parsed once."""

    text: str
    is_json: bool
    pieces: tuple[str | _Hole, ...]

    @classmethod
    def parse(cls, text: str) -> "PayloadTemplate":
        """The template that *text* writes.

        Raises: ValueError: it could be no JSON, though it begins like some.
        """
        is_json = text.lstrip()[:1] in ("{", "[") and not _HOLE.match(text.lstrip())
        pieces: list[str | _Hole] = []
        end, is_quoted = 0, False
        for found in _HOLE.finditer(text):
            before = text[end : found.start()]
            is_quoted ^= _quotes(before) % 2 == 1
            pieces += [before, _Hole(found[1], is_json and is_quoted)]
            end = found.end()
        template = cls(text, is_json, (*pieces, text[end:]))
        if is_json:
            try:
                json.loads(template.filled(0))
            except ValueError:
                raise ValueError(f"{text} is no JSON once its holes are filled") from None
        return template

    def holds(self, name: str) -> bool:
        """Whether it has a hole of that name."""
        return any(isinstance(each, _Hole) and each.name == name for each in self.pieces)

    def filled(self, value: Value, *, number: int = 0, client: str = "", decimals: int | None = None) -> str:
        """It with *value*, and *number* as its id. Numbers have at most *decimals*, rounded towards 0."""
        said = {"value": written(value, decimals), "id": str(number), "client": client}
        return "".join(each if isinstance(each, str) else self._in(each, said[each.name]) for each in self.pieces)

    def _in(self, hole: _Hole, said: str) -> str:
        if not self.is_json:
            return said
        if hole.is_quoted:
            return json.dumps(said)[1:-1]
        return said if _LITERAL.fullmatch(said) else json.dumps(said)


def written(value: Value, decimals: int | None = None) -> str:
    """*value* as a device reads it: without exponent, without a sign of 0, booleans as those of JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    exact = Decimal(repr(value))
    if decimals is not None:
        exact = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)
    text = format(exact, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _quotes(text: str) -> int:
    """How many quotation marks begin or end a string in *text*."""
    return len(re.findall(r'(?<!\\)(?:\\\\)*"', text))
