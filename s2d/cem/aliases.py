"""Aliases: what people call things that S2 knows by their ids. Pure."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

T = TypeVar("T")

SHORTEST_START = 4
"""Less than this of an id names nothing: a slip of the finger is no order."""


class Alias(NamedTuple):
    """The names of one thing: its id, its label and its number."""

    id: str
    label: str = ""
    number: int | None = None


def find_named(word: str, things: Iterable[T], name_of: Callable[[T], Alias]) -> list[T]:
    """The *things* that *word* names: by id, else by label, its first word, number, or the start of the id."""
    named = [(thing, name_of(thing)) for thing in things]
    folded = word.casefold()
    tests: tuple[Callable[[Alias], bool], ...] = (
        lambda name: name.id == word,
        lambda name: name.label.casefold() == folded,
        lambda name: first_word(name.label).casefold() == folded,
        lambda name: name.number is not None and str(name.number) == word.removeprefix("#"),
        lambda name: len(word) >= SHORTEST_START and name.id.startswith(word),
    )
    for is_meant in tests:
        if found := [thing for thing, name in named if is_meant(name)]:
            return found
    return []


def first_word(label: str) -> str:
    return (label.split() or [label])[0]
