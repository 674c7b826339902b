"""Where registers are: what one request can read or write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Table = Literal["holding", "input", "coil", "discrete"]


@dataclass(frozen=True, slots=True)
class Block:
    """Registers (or bits) of one table, next to each other.

    Spec: MODBUS Application Protocol V1.1b3, 6.1 to 6.4: at most 125 registers or 2000 bits a request.
    """

    table: Table
    register: int
    """Address on the wire."""
    count: int

    def holds(self, inner: "Block") -> bool:
        """Whether all of *inner* is part of this block."""
        return (
            self.table == inner.table
            and self.register <= inner.register
            and inner.register + inner.count <= self.register + self.count
        )

    def cut(self, words: Sequence[int], inner: "Block") -> Sequence[int]:
        """Of the *words* of this block, those of *inner*, which it holds."""
        first = inner.register - self.register
        return words[first : first + inner.count]
