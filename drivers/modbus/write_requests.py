"""Write requests: points that are neighbours go into one, and a value that is spread out takes several."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from s2d.errors import DeviceRefused

from .codec import Codec
from .register_block import RegisterBlock
from .transport.refusals import label_of

_MOST_REGISTERS = 123
_MOST_BITS = 1968
"""Spec: MODBUS Application Protocol V1.1b3, 6.11 and 6.12."""


class PointWords(NamedTuple):
    """The words for the `value_blocks` of a point."""

    codec: Codec
    words: list[int]
    present: Sequence[int] = ()
    """What its `blocks` held, where that had to be known."""


class WriteRequest(Struct, frozen=True):
    """A write request, for any unit."""

    block: RegisterBlock
    words: list[int]
    is_multiple: bool


def requests_for(
    written: Sequence[PointWords], function: Literal["single", "multiple"] | None = None
) -> list[WriteRequest]:
    """The requests that write *written*; *function* is what the device knows, where a point does not say.

    One point takes a request for each place in which it is; several points share one.

    Raises: DeviceRefused: several points that one request cannot write.
    """
    pieces = sorted((piece for each in written for piece in _pieces(each)), key=lambda piece: piece[0].register)
    wishes = {each.codec.point.write or function for each in written}
    if len(written) == 1:
        is_multiple = wishes == {"multiple"}
        runs = _runs(pieces) if wishes != {"single"} else [([block], words) for block, words in pieces]
        return [_request(blocks, words, is_multiple) for blocks, words in runs]
    names = " and ".join(each.codec.name for each in written)
    runs = list(_runs(pieces))
    if len(runs) > 1:
        places = ", ".join(label_of(block) for block, _ in pieces)
        raise DeviceRefused(f"{names} cannot be written together: {places} are not next to each other")
    blocks, words = runs[0]
    if len(words) > (_MOST_REGISTERS if blocks[0].table == "holding" else _MOST_BITS):
        raise DeviceRefused(f"{names} cannot be written together: they are too long for one request")
    return [_request(blocks, words, is_multiple=True)]


def _pieces(written: PointWords) -> Iterator[tuple[RegisterBlock, list[int]]]:
    at = 0
    for block in written.codec.value_blocks:
        yield block, written.words[at : at + block.count]
        at += block.count


def _runs(pieces: list[tuple[RegisterBlock, list[int]]]) -> Iterator[tuple[list[RegisterBlock], list[int]]]:
    """*pieces*, in order, put together where each begins where the last ends."""
    blocks: list[RegisterBlock] = []
    words: list[int] = []
    for block, own in pieces:
        if blocks and (block.table, block.register) != (blocks[-1].table, blocks[-1].register + blocks[-1].count):
            yield blocks, words
            blocks, words = [], []
        blocks, words = [*blocks, block], [*words, *own]
    yield blocks, words


def _request(blocks: list[RegisterBlock], words: list[int], is_multiple: bool) -> WriteRequest:
    block = RegisterBlock(blocks[0].table, blocks[0].register, len(words))
    return WriteRequest(block, words, is_multiple or len(words) > 1)
