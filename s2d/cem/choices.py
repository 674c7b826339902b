"""A menu: what a resource manager offers under one control type, and how to order from it. Pure.

The resource manager writes it, the CEM orders from it. One file for each control type makes one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import ClassVar, NamedTuple, TypeVar

from ..s2.messages.common import Message
from ..s2.messages.instruction import Instruction
from .commands import Order
from .formatting import Row

MOST_REMEMBERED = 1000
"""Things of a kind remembered, unless they are large; beyond it the oldest is forgotten."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Common(NamedTuple):
    """What all instructions have."""

    message_id: str
    id: str
    execution_time: datetime
    abnormal_condition: bool


class Draft(NamedTuple):
    """An instruction that is worth giving."""

    instruction: Instruction
    name: str
    """What it is called, e.g. `charge`."""
    label: str
    """The same as the resource manager puts it."""
    details: str
    """What it asks for, e.g. `S2 factor 0.5, 2500 W`."""
    remark: str = ""
    """What whoever ordered it should know."""


class Menu(ABC):
    """What a resource manager offers under one control type."""

    takes: ClassVar[type[Order]]
    """What can be ordered from it."""
    usage: ClassVar[str]
    """Its commands with what they do, one per line."""

    @abstractmethod
    def hear(self, message: Message) -> None:
        """Takes in what is told of it; anything else changes nothing."""

    @abstractmethod
    def draft(self, order: Order, common: Common, new_id: Callable[[], str]) -> Draft:
        """The instruction that *order*, one of those the menu takes, means; *new_id* is for its parts.

        Raises: CommandRefused: there is nothing like it on the menu.
        """

    @abstractmethod
    def possible(self) -> str:
        """What can be ordered now, in words."""

    @abstractmethod
    def words(self) -> Iterable[str]:
        """What a command may be made of, for completion."""

    @abstractmethod
    def rows(self) -> Iterable[Row]:
        """All that is known, for people."""

    @abstractmethod
    def told(self, message: Message) -> str:
        """What *message* says in words; "" if its plain facts say it."""


def remember(store: dict[Key, Value], key: Key, value: Value, most: int = MOST_REMEMBERED) -> None:
    """Puts *value* last in *store*, which keeps no more than the *most* that came last."""
    store.pop(key, None)
    store[key] = value
    if len(store) > most:
        del store[next(iter(store))]
