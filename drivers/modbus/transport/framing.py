"""Framing: requests and responses as the bytes of Modbus TCP, or of RTU on a serial line or through TCP. No I/O.

Each framing tells the response to the last request from everything else that may arrive.
"""

import struct
from collections.abc import Iterator
from typing import Protocol

from .request import Request

_HEADER = struct.Struct(">HHHB")
_LONGEST = 254
"""What may follow the length of a Modbus TCP frame: unit and PDU."""
_ANSWERS_FOR_ALL = (0, 255)
"""Units that mean the device itself; some answer with another number."""


class FramingError(Exception):
    """What arrived cannot be the response to what was asked; says what it is."""


class Framing(Protocol):
    """A framing on one connection: encodes requests, and extracts the response to the last of them."""

    def encode(self, request: Request) -> bytes:
        """The frame of *request*; from now on its response is looked for."""
        ...

    def extract(self, received: bytearray) -> bytes | None:
        """The PDU of the response, taken out of *received*; None while it is not there.

        Raises: FramingError: what stands there can have no good end.
        """
        ...

    def is_garbled(self, received: bytearray) -> bool:
        """Whether *received* looks like the response, but is not what was sent."""
        ...

    def give_up(self) -> None:
        """The last request is not waited for any more; its response may come late."""
        ...


class TcpFraming:
    """Modbus TCP framing: a header (MBAP) with a transaction number that the response repeats.

    Spec: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3.
    """

    def __init__(self) -> None:
        self._transaction = 0
        self._given_up: set[int] = set()
        self._request: Request | None = None

    def encode(self, request: Request) -> bytes:
        self._transaction = self._transaction % 0xFFFF + 1
        self._request = request
        return _HEADER.pack(self._transaction, 0, len(request.pdu) + 1, request.unit) + request.pdu

    def extract(self, received: bytearray) -> bytes | None:
        assert self._request
        while len(received) >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(received)
            if protocol or not 3 <= length <= _LONGEST:
                raise FramingError("what it says is no Modbus TCP; if it speaks RTU over TCP, add `framing: rtu`")
            if len(received) < length + 6:
                return None
            pdu = bytes(received[7 : length + 6])
            del received[: length + 6]
            if transaction in self._given_up:
                self._given_up.discard(transaction)
                continue
            is_ours = unit == self._request.unit or self._request.unit in _ANSWERS_FOR_ALL
            if transaction != self._transaction or not is_ours or not self._request.is_answered_by(pdu):
                raise FramingError("it gave an answer to another question")
            return pdu
        return None

    def is_garbled(self, received: bytearray) -> bool:
        """Never: TCP has checksums of its own."""
        return False

    def give_up(self) -> None:
        self._given_up.add(self._transaction)


class RtuFraming:
    """RTU framing: the unit before and a checksum (CRC) behind; only silence and what they say tell frames apart.

    What is no response is passed over: glitches of a line that is switched round, echoes, responses of other units.

    Spec: MODBUS over Serial Line V1.02, 2.5.1.
    """

    def __init__(self) -> None:
        self._request: Request | None = None

    def encode(self, request: Request) -> bytes:
        self._request = request
        frame = bytes((request.unit,)) + request.pdu
        return frame + crc(frame)

    def extract(self, received: bytearray) -> bytes | None:
        for frame in self._candidates(received):
            if frame[-2:] == crc(frame[:-2]):
                return bytes(frame[1:-2])
        return None

    def is_garbled(self, received: bytearray) -> bool:
        return any(True for _ in self._candidates(received)) and self.extract(received) is None

    def _candidates(self, received: bytearray) -> Iterator[bytearray]:
        """What has the beginning and the length of a response."""
        assert self._request
        unit, request = self._request.unit, self._request
        normal = bytes((unit,)) + request.response_prefix
        exception = bytes((unit, request.function | 0x80))
        for prefix, size in ((normal, 1 + request.response_size + 2), (exception, 5)):
            at = received.find(prefix)
            while 0 <= at <= len(received) - size:
                yield received[at : at + size]
                at = received.find(prefix, at + 1)

    def give_up(self) -> None:
        """Nothing to remember: the line is listened to until it is silent."""


def crc(frame: bytes | bytearray) -> bytes:
    """The checksum behind *frame*.

    Spec: MODBUS over Serial Line V1.02, 2.5.1.2.
    """
    checksum = 0xFFFF
    for byte in frame:
        checksum = checksum >> 8 ^ _CRC[(checksum ^ byte) & 0xFF]
    return checksum.to_bytes(2, "little")


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_CRC = tuple(_crc_of(byte) for byte in range(256))
