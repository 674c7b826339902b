"""Settings as people write them: what a type says of how it is written, for decoder, errors and JSON Schema alike."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self


class Written(ABC):
    """What is written as one text, such as "10 kWh"."""

    __slots__ = ()

    noun: ClassVar[str]
    """What it is, with its article."""
    example: ClassVar[str]

    @classmethod
    @abstractmethod
    def parse(cls, written: object) -> Self:
        """What *written* stands for.

        Raises: ValueError: it is no such text; the sentence says what was expected, or what it must be.
        """

    @classmethod
    @abstractmethod
    def pattern(cls) -> str:
        """What the JSON Schema says the text looks like."""

    @classmethod
    def parts(cls, written: str) -> list[tuple[str, type["Written"]]]:
        """What *written* consists of, good or not, and what each part should be: for hints at what is wrong."""
        return [(written, cls)]

    @abstractmethod
    def text(self) -> str:
        """How this one is written."""

    @classmethod
    def phrase(cls) -> str:
        """What was expected, in a sentence."""
        return f'{cls.noun} such as "{cls.example}"'

    @classmethod
    def unlike(cls, written: object) -> ValueError:
        """The error that *written* is something else."""
        return ValueError(f"expected {cls.phrase()}, got {shown(written)}")


class Composed(ABC):
    """What is written as another type, its shape, and made of what that comes to."""

    __slots__ = ()

    shape: ClassVar[Any]
    example: ClassVar[str]

    @classmethod
    @abstractmethod
    def of(cls, parts: Any) -> Self:
        """The one made of *parts*, which have its shape.

        Raises: ValueError: they do not go together.
        """


def shown(written: object) -> str:
    """*written* as a sentence quotes it."""
    return f'"{written}"' if isinstance(written, str) else str(written)
