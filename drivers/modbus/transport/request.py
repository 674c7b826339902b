"""Request: what is asked of a unit and what its response says; the PDU, which is the same in TCP and RTU. No I/O.

Spec: MODBUS Application Protocol V1.1b3, 6.1 to 6.6, 6.11, 6.12 and 7.
"""

import struct
from dataclasses import dataclass, field

from ..register_block import RegisterBlock
from ..request_cost import size_of

_READS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_WRITES = {("coil", False): 5, ("holding", False): 6, ("coil", True): 15, ("holding", True): 16}
_ON = 0xFF00
_IS_EXCEPTION = 0x80


@dataclass(frozen=True, slots=True)
class Request:
    """A request to one unit: to read *block*, or to write *words* there."""

    unit: int
    block: RegisterBlock
    words: tuple[int, ...] = ()
    """What to write; empty to read."""
    is_multiple: bool = False
    """Whether to write with the function for several registers or bits."""
    function: int = field(init=False)
    pdu: bytes = field(init=False)
    """What is sent: function code and data, without unit and frame."""
    response_size: int = field(init=False)
    """Bytes of the PDU of a normal response."""

    def __post_init__(self) -> None:
        table, register, count = self.block.table, self.block.register, self.block.count
        function = _WRITES[table, self.is_multiple] if self.words else _READS[table]
        if not self.words:
            pdu = struct.pack(">BHH", function, register, count)
        elif not self.is_multiple:
            word = self.words[0] if table == "holding" else _ON * self.words[0]
            pdu = struct.pack(">BHH", function, register, word)
        else:
            written = self._written()
            pdu = struct.pack(">BHHB", function, register, count, len(written)) + written
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "pdu", pdu)
        object.__setattr__(self, "response_size", 5 if self.words else 2 + size_of(self.block))

    @property
    def is_write(self) -> bool:
        return bool(self.words)

    @property
    def response_prefix(self) -> bytes:
        """What stands at the beginning of the PDU of every normal response."""
        if not self.words:
            return bytes((self.function, self.response_size - 2))
        # Some devices repeat not the value that was written but the one that they made of it; reading back will tell.
        return self.pdu[:5] if self.is_multiple else self.pdu[:3]

    def response_in(self, said: bytes | bytearray) -> bytes | None:
        """The response, normal or exception, with which *said* begins; None while it is not whole, or is another.

        How long it is, its own first bytes say: what a frame says of that may be wrong.
        """
        if len(said) >= 2 and said[0] == self.function | _IS_EXCEPTION:
            return bytes(said[:2])
        if len(said) >= self.response_size and said.startswith(self.response_prefix):
            return bytes(said[: self.response_size])
        return None

    def may_become_response(self, said: bytes | bytearray) -> bool:
        """Whether *said* is the beginning of a response, of which more has to come."""
        prefix = self.response_prefix
        return len(said) < self.response_size and said[: len(prefix)] == prefix[: len(said)]

    def exception_in(self, pdu: bytes) -> int | None:
        """The exception code in *pdu*, if it is an exception response to this."""
        return pdu[1] if len(pdu) == 2 and pdu[0] == self.function | _IS_EXCEPTION else None

    def words_in(self, pdu: bytes) -> tuple[int, ...]:
        """The words in the normal response *pdu* to a read; bits as 0 or 1."""
        count = self.block.count
        if self.block.table in ("holding", "input"):
            return struct.unpack_from(f">{count}H", pdu, 2)
        whole = int.from_bytes(pdu[2:], "little")
        return tuple(whole >> place & 1 for place in range(count))

    def _written(self) -> bytes:
        if self.block.table == "holding":
            return struct.pack(f">{len(self.words)}H", *self.words)
        whole = sum(bit << place for place, bit in enumerate(self.words))
        return whole.to_bytes(size_of(self.block), "little")
