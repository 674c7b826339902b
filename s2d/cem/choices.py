"""The choices a resource manager offers under one control type, and how to make an instruction of one. Pure.

The resource manager describes them, the CEM chooses. One file for each control type implements them.
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
"""Messages of a type remembered, unless they are large; beyond it the oldest is forgotten."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class InstructionHeader(NamedTuple):
    """The fields that all instructions have."""

    message_id: str
    id: str
    execution_time: datetime
    abnormal_condition: bool


class InstructionDraft(NamedTuple):
    """An instruction ready to be sent, and what to tell people of it."""

    instruction: Instruction
    name: str
    """What it is called, e.g. `charge`."""
    label: str
    """The same in the words of the resource manager."""
    details: str
    """What it asks for, e.g. `S2 factor 0.5, 2500 W`."""
    remark: str = ""
    """What whoever ordered it should know."""


class Choices(ABC):
    """The choices a resource manager offers under one control type. Knows no conversation."""

    accepts: ClassVar[tuple[type[Order], ...]]
    """The types of orders that can be made of them."""
    usage: ClassVar[str]
    """The commands of the control type with what they do, one per line."""

    @abstractmethod
    def receive(self, message: Message) -> None:
        """Takes in a message that describes the choices or their state; any other changes nothing."""

    @abstractmethod
    def draft(self, order: Order, header: InstructionHeader, new_id: Callable[[], str]) -> InstructionDraft:
        """The instruction that *order*, one of a type accepted, means; *new_id* is for its parts.

        Raises: CommandRefused: no such choice is offered.
        """

    @abstractmethod
    def possible(self) -> str:
        """What can be ordered now, in words."""

    @abstractmethod
    def completions(self) -> Iterable[str]:
        """The words a command may be made of, for completion."""

    @abstractmethod
    def rows(self) -> Iterable[Row]:
        """The rows of the live view: all that is known of the choices and their state."""

    @abstractmethod
    def describe(self, message: Message) -> str:
        """*message* in words; "" if its plain fields say it."""


def remember(store: dict[Key, Value], key: Key, value: Value, most: int = MOST_REMEMBERED) -> None:
    """Puts *value* last in *store*, which keeps no more than the *most* that came last."""
    store.pop(key, None)
    store[key] = value
    if len(store) > most:
        del store[next(iter(store))]
