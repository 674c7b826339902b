"""JSON path: where in a document of JSON a value stands.

soc                                   a member of an object
StatusSNS.ENERGY.Power                members within members
[11]                                  an element of an array, counted from 0
["switch:0"].apower                   a member whose name has signs of its own
[id=0,type=activePower].value         the first object of an array that has these members
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

from msgspec import Struct

_STEP = re.compile(
    r'\.?(?P<name>[^.\[\]"=,\s$]+)'
    r"|\[(?P<index>\d{1,6})\]"
    r'|\["(?P<quoted>[^"\]]+)"\]'
    r"|\[(?P<members>[^\[\]]+=[^\[\]]*)\]"
)


class Missing(Enum):
    """What stands where nothing does; null is something."""

    MISSING = "missing"


MISSING = Missing.MISSING


class _Member(Struct, frozen=True):
    name: str

    def of(self, document: Any) -> Any:
        return document.get(self.name, MISSING) if isinstance(document, dict) else MISSING


class _Element(Struct, frozen=True):
    index: int

    def of(self, document: Any) -> Any:
        return document[self.index] if isinstance(document, list) and self.index < len(document) else MISSING


class _FirstWith(Struct, frozen=True):
    members: tuple[tuple[str, str], ...]

    def of(self, document: Any) -> Any:
        each = (each for each in document if self._is_it(each)) if isinstance(document, list) else iter(())
        return next(each, MISSING)

    def _is_it(self, each: Any) -> bool:
        return isinstance(each, dict) and all(
            name in each and _as_written(each[name]) == value for name, value in self.members
        )


_Step = _Member | _Element | _FirstWith


class JsonPath(Struct, frozen=True):
    """A path through objects and arrays, parsed once."""

    text: str
    steps: tuple[_Step, ...]

    @classmethod
    def parse(cls, text: str) -> "JsonPath":
        """The path that *text* writes. Raises: ValueError: it writes none."""
        return cls(text, tuple(_steps(text)))

    def of(self, document: Any) -> Any:
        """What stands there in *document*, as msgspec decodes JSON; MISSING where nothing does."""
        for step in self.steps:
            document = step.of(document)
            if document is MISSING:
                break
        return document


def _steps(text: str) -> Iterator[_Step]:
    at = 0
    while at < len(text) or not at:
        found = _STEP.match(text, at)
        if not found or (at > 0 and found["name"] and text[at] != ".") or (at == 0 and text[:1] == "."):
            wrong = text[at:] or text
            raise ValueError(
                f'"{wrong}" is no JSON path; one is written like `a.b`, `[0].c`, `["d:0"]` or `[id=1].value`'
            )
        at = found.end()
        yield _step(found)


def _step(found: re.Match[str]) -> _Step:
    if found["index"]:
        return _Element(int(found["index"]))
    if found["members"]:
        pairs = [each.partition("=") for each in found["members"].split(",")]
        if not all(name.strip() and sign for name, sign, _ in pairs):
            raise ValueError(f'"[{found["members"]}]": members are written like `id=0,type=power`')
        return _FirstWith(tuple((name.strip(), value.strip()) for name, _, value in pairs))
    return _Member(found["name"] or found["quoted"])


def _as_written(value: Any) -> str | None:
    """A scalar of JSON as an owner writes it; None for what is no scalar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else "null" if value is None else None
