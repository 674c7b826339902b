"""The wording of problems: hints at what was meant, and phrases for what was expected, in the operator's words."""

from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin
from uuid import UUID

from msgspec import Struct

from ..device.expression import Expression
from ..quantities import UNITS, Quantity
from ..written import Composed, Written
from .lookalikes import cure_of


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the one of *known* most like *word*; empty if none is."""
    import difflib

    known = list(known)
    near = [name for name in known if name.casefold() == word.casefold()]
    near += difflib.get_close_matches(word[:80], known, 1)
    return f'Did you mean "{near[0]}"?' if near else ""


def phrase_of(expected: object) -> str:
    """The phrase for an *expected* in a sentence, e.g. `a whole number`."""
    if isinstance(expected, type) and issubclass(expected, Composed):
        expected = expected.shape
    if get_origin(expected) in (Union, UnionType):
        return " or ".join(phrase_of(member) for member in get_args(expected) if member is not type(None))
    expected = _bare(expected)
    if get_origin(expected) is Literal:
        choices = get_args(expected)
        return f"one of: {', '.join(map(str, choices))}" if len(choices) > 1 else f'"{choices[0]}"'
    if isinstance(expected, type) and issubclass(expected, Written):
        return expected.phrase()
    if get_origin(expected) is dict or (isinstance(expected, type) and issubclass(expected, Struct)):
        return "a mapping"
    if get_origin(expected) in (list, tuple):
        return "a list"
    phrases: dict[object, str] = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        Path: "a path",
        Expression: 'an expression such as "charge_power - discharge_power"',
        UUID: 'a UUID such as "2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d"',
    }
    return phrases.get(expected, "something else")


def example_of(expected: object) -> str:
    """An example of an *expected* as it is written; empty where it needs none."""
    expected = _bare(expected)
    if get_origin(expected) is Literal:
        return str(get_args(expected)[0])
    return str(getattr(expected, "example", ""))


def unit_hint(written: object, expected: type[Written]) -> str:
    """A hint at what is wrong with an *expected* as it is *written*; empty if unknown."""
    if not isinstance(written, str):
        return ""
    if cure := cure_of(written):
        return cure
    hints = (_unit_hint(part, of) for part, of in expected.parts(written) if issubclass(of, Quantity))
    return next(filter(None, hints), "")


def _unit_hint(written: str, expected: type[Quantity]) -> str:
    if "," in written:
        return "Write decimals behind a point"
    unit = written.strip().lstrip("+-.0123456789").strip()
    dimension = UNITS[unit][0] if unit in UNITS else ""
    if dimension:
        return f"{unit} is a unit of {dimension}" if dimension != expected.dimension else ""
    return did_you_mean(unit, [unit for unit, (of, _) in UNITS.items() if of == expected.dimension])


def _bare(expected: object) -> object:
    while get_origin(expected) in (Annotated, Union, UnionType):
        expected = get_args(expected)[0]
    return expected
