"""Questions and answers as they travel: framed for Modbus TCP, or for RTU on a serial line or through TCP. No I/O.

Each tells the answer to the last question from everything else that may arrive.
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


class Strange(Exception):
    """What arrived cannot be what was asked for; says what it is."""


class Frames(Protocol):
    """One way of framing."""

    def question(self, request: Request) -> bytes:
        """The frame that asks *request*; from now on its answer is looked for."""
        ...

    def answer(self, received: bytearray) -> bytes | None:
        """The answer without its frame, taken out of *received*; None while it is not there.

        Raises: Strange: what stands there can have no good end.
        """
        ...

    def is_garbled(self, received: bytearray) -> bool:
        """Whether *received* looks like the answer, but is not what was sent."""
        ...

    def give_up(self) -> None:
        """The last question is not waited for any more; its answer may come late."""
        ...


class TcpFrames:
    """A header with a number that the answer repeats.

    Spec: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3.
    """

    def __init__(self) -> None:
        self._number = 0
        self._given_up: set[int] = set()
        self._request: Request | None = None

    def question(self, request: Request) -> bytes:
        self._number = self._number % 0xFFFF + 1
        self._request = request
        return _HEADER.pack(self._number, 0, len(request.pdu) + 1, request.unit) + request.pdu

    def answer(self, received: bytearray) -> bytes | None:
        assert self._request
        while len(received) >= _HEADER.size:
            number, protocol, length, unit = _HEADER.unpack_from(received)
            if protocol or not 3 <= length <= _LONGEST:
                raise Strange("what it says is no Modbus TCP; if it speaks RTU over TCP, add `framing: rtu`")
            if len(received) < length + 6:
                return None
            pdu = bytes(received[7 : length + 6])
            del received[: length + 6]
            if number in self._given_up:
                self._given_up.discard(number)
                continue
            is_ours = unit == self._request.unit or self._request.unit in _ANSWERS_FOR_ALL
            if number != self._number or not is_ours or not self._request.is_answered_by(pdu):
                raise Strange("it gave an answer to another question")
            return pdu
        return None

    def is_garbled(self, received: bytearray) -> bool:
        """Never: TCP has checksums of its own."""
        return False

    def give_up(self) -> None:
        self._given_up.add(self._number)


class RtuFrames:
    """The unit before and a checksum behind; only silence and what they say tell frames apart.

    Bytes that are no answer are passed over: glitches of a line that is switched round, echoes, other units' answers.

    Spec: MODBUS over Serial Line V1.02, 2.5.1.
    """

    def __init__(self) -> None:
        self._request: Request | None = None

    def question(self, request: Request) -> bytes:
        self._request = request
        frame = bytes((request.unit,)) + request.pdu
        return frame + crc(frame)

    def answer(self, received: bytearray) -> bytes | None:
        for frame in self._found(received):
            if frame[-2:] == crc(frame[:-2]):
                return bytes(frame[1:-2])
        return None

    def is_garbled(self, received: bytearray) -> bool:
        return any(True for _ in self._found(received)) and self.answer(received) is None

    def _found(self, received: bytearray) -> Iterator[bytearray]:
        """What has the beginning and the length of an answer."""
        assert self._request
        unit, request = self._request.unit, self._request
        yes = bytes((unit,)) + request.answer_begins
        no = bytes((unit, request.function | 0x80))
        for begin, size in ((yes, 1 + request.answer_size + 2), (no, 5)):
            at = received.find(begin)
            while 0 <= at <= len(received) - size:
                yield received[at : at + size]
                at = received.find(begin, at + 1)

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
