"""Which requests read a set of points: neighbours share one."""

from collections.abc import Iterable
from dataclasses import dataclass

from .registers import Codec, Table

_MOST_REGISTERS = 125
_MOST_BITS = 2000


@dataclass(frozen=True, slots=True)
class Block:
    """Registers (or bits) of one table, next to each other.

    Spec: MODBUS Application Protocol V1.1b3, 6.1 to 6.4: at most 125 registers or 2000 bits a request.
    """

    table: Table
    register: int
    count: int

    def part(self, words: list[int], codec: Codec) -> list[int]:
        """Of the *words* of this block, those that are *codec*'s."""
        first = codec.point.register - self.register
        return words[first : first + codec.count]


def in_order(codecs: Iterable[Codec]) -> list[Codec]:
    """*codecs* by table and register: what `blocks_of` expects."""
    return sorted(codecs, key=lambda codec: (codec.point.table, codec.point.register))


def block_of(codec: Codec) -> Block:
    """The registers of one point alone."""
    return Block(codec.point.table, codec.point.register, codec.count)


def blocks_of(codecs: Iterable[Codec]) -> list[tuple[Block, list[Codec]]]:
    """The fewest requests that read *codecs* (in order) and nothing between them."""
    blocks: list[tuple[Block, list[Codec]]] = []
    for codec in codecs:
        alone = block_of(codec)
        block, members = blocks[-1] if blocks else (alone, [])
        if joined := _joined(block, alone):
            members.append(codec)
            blocks[-1:] = [(joined, members)]
        else:
            blocks.append((alone, [codec]))
    return blocks


def _joined(block: Block, following: Block) -> Block | None:
    end = max(block.register + block.count, following.register + following.count)
    most = _MOST_REGISTERS if block.table in ("holding", "input") else _MOST_BITS
    if (
        following.table != block.table
        or following.register > block.register + block.count
        or end - block.register > most
    ):
        return None
    return Block(block.table, block.register, end - block.register)
