"""Register blocks: contiguous registers (or bits) of one table, as one request reads or writes them."""

from typing import Literal

from msgspec import Struct

Table = Literal["holding", "input", "coil", "discrete"]
RegisterAddress = tuple[int, str, int]
"""Unit, table and register."""


class RegisterBlock(Struct, frozen=True):
    """A block of registers (or bits) of one table, next to each other.

    Spec: MODBUS Application Protocol V1.1b3, 6.1 to 6.4: at most 125 registers or 2000 bits a request.
    """

    table: Table
    register: int
    """Address on the wire."""
    count: int

    def addresses_at(self, unit: int) -> list[RegisterAddress]:
        """The address of each of its registers, in order, if it is a block of *unit*."""
        return [(unit, self.table, register) for register in range(self.register, self.register + self.count)]
