"""Phases of a house, and on which of them the phases of a device are."""

import re
from itertools import permutations
from typing import Self, TypeVar

from .written import Written

T = TypeVar("T")


class PhaseRotation(tuple[int, int, int], Written):
    """The phases of the house, 1 to 3, on which L1, L2 and L3 of a device are, as in "L2 L3 L1"."""

    noun = "the phases of the house in some order"
    example = "L2 L3 L1"

    @classmethod
    def parse(cls, written: object) -> Self:
        """The rotation *written* stands for.

        Raises: ValueError: not each of L1, L2 and L3 once.
        """
        if not isinstance(written, str) or not re.fullmatch(cls.pattern(), written):
            raise cls.unlike(written)
        first, second, third = (int(phase[1:]) for phase in written.split())
        return cls((first, second, third))

    @classmethod
    def pattern(cls) -> str:
        """What the JSON Schema says the text looks like."""
        orders = "|".join(r"\s+".join(order) for order in permutations(("L1", "L2", "L3")))
        return rf"^\s*({orders})\s*$"

    def text(self) -> str:
        """How it is written."""
        return " ".join(f"L{phase}" for phase in self)

    def in_house(self, of_device: tuple[T, T, T]) -> tuple[T, T, T]:
        """What the device has on its own phases, by the phases of the house."""
        first, second, third = (of_device[self.index(phase)] for phase in (1, 2, 3))
        return first, second, third


UNROTATED = PhaseRotation((1, 2, 3))
