"""Framing: requests and responses as the bytes of Modbus TCP, or of RTU on a serial line or through TCP. No I/O.

Each framing tells the response to the last request from everything else that may arrive. Where something arrives that
is no proper response, it says what that is: a response all the same, though malformed, or what is odd about it and
which keys of the connection would have it taken.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from .request import Request

_HEADER = struct.Struct(">HHHB")
_LENGTH_ENDS = 6
"""What the length of a Modbus TCP header counts begins there, with the unit."""
_LONGEST = 254
"""What may follow the length of a Modbus TCP frame: unit and PDU."""
ANSWERS_FOR_ALL = (0, 255)
"""Units that mean the device itself; some answer with another number."""
_REMEMBERED = 100
"""Requests whose transaction numbers may still be heard of."""
_SHOWN_BYTES = 12
_LEAST_RTU_BYTES = 4


class Misfit(NamedTuple):
    """What arrived instead of a proper response, if nothing more of it comes."""

    pdu: bytes | None = None
    """Of a response that is ours by number and unit, though it says something else than it should."""
    why: str = ""
    """What it is instead: says, with its bytes, what differs."""
    remedy: Mapping[str, object] = {}
    """The keys of a connection that have it taken."""
    is_garbled: bool = False
    """It is the response, but not as it was sent."""
    is_hopeless: bool = False
    """Nothing that is said on this connection can be told from anything else."""


class FrameOddity(NamedTuple):
    """What is odd about the frames of a unit, though its responses are found in them."""

    unit: int
    kind: str
    what: str


class Framing(Protocol):
    """A framing on one connection: encodes requests, and extracts the response to the last of them."""

    is_echoing: bool | None
    """Whether all that is sent comes back at once, from an adapter that hears itself; None while that is not known."""

    @property
    def oddities(self) -> Sequence[FrameOddity]:
        """Each kind once of each unit, as long as the connection lasts."""
        ...

    def discard(self, received: bytearray) -> None:
        """Forgets what was *received* and nobody waits for any more, before the next request."""
        ...

    def encode(self, request: Request, *, is_number_checked: bool = True) -> bytes:
        """The frame of *request*; from now on its response is looked for, by its number where that is checked."""
        ...

    def extract(self, received: bytearray) -> bytes | None:
        """The PDU of the response in *received*; None while it is not there."""
        ...

    def misfit(self, received: bytearray, *, is_final: bool = False) -> Misfit | None:
        """What *received* is, if it is no proper response and nothing more comes; None where more has to come.

        *is_final*: nothing more comes, whatever it is the beginning of.
        """
        ...


class TcpFraming:
    """Modbus TCP framing: a header (MBAP) with a transaction number that the response repeats.

    The length in the header is not relied on, nor is anything that stands before ours: some devices count wrong, or
    say more than they should.

    Spec: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3.
    """

    def __init__(self, *, is_known: bool = False) -> None:
        """*is_known*: it has been heard speaking Modbus TCP before."""
        self.is_echoing: bool | None = False
        self._is_known = is_known
        self._has_heard = False
        """A proper response on this connection."""
        self._is_number_checked = True
        self._transaction = 0
        self._asked = 0
        self._request: Request | None = None
        self._ends_at: int | None = None
        """Of what was received, where the frame of the response to the last request ends; None before that has come."""
        self.oddities: list[FrameOddity] = []

    def discard(self, received: bytearray) -> None:
        if self._ends_at is not None:
            self._note_surplus(received[self._ends_at :])
        received.clear()

    def encode(self, request: Request, *, is_number_checked: bool = True) -> bytes:
        self._transaction = self._transaction % 0xFFFF + 1
        self._asked += 1
        self._request, self._ends_at = request, None
        self._is_number_checked = is_number_checked
        return _HEADER.pack(self._transaction, 0, len(request.pdu) + 1, request.unit) + request.pdu

    def extract(self, received: bytearray) -> bytes | None:
        assert self._request
        for at in self._starts(received):
            if self._is_of_unit(received[at + 6]):
                end = at + 7 + self._request.response_size
                pdu = self._request.response_in(received[at + 7 : end])
                if pdu is not None:
                    self._has_heard = self._is_known = True
                    self._take_down(received, at, pdu)
                    return pdu
        return None

    def _take_down(self, received: bytearray, at: int, pdu: bytes) -> None:
        """Takes down what is odd about how *pdu* was said, whose frame begins *at* that byte of what was *received*."""
        length, right = int.from_bytes(received[at + 4 : at + 6]), len(pdu) + 1
        self._ends_at = at + _LENGTH_ENDS + max(length, right)
        if length != right:
            told = f"whose header counts {length} bytes where {right} are the answer, {shown_bytes(received[at:])}"
            self._note("length", told)
        self._note_surplus(received[:at] or received[self._ends_at :])

    def _note_surplus(self, surplus: bytearray) -> None:
        """Takes down that it said *surplus* as well, unless that may be the response to an earlier request."""
        if not surplus or not self._is_number_checked:
            return
        if len(surplus) < 2 or not self._is_late(int.from_bytes(surplus[:2])):
            self._note("surplus", f"beside which come bytes that are too many, {shown_bytes(surplus)}")

    def _note(self, kind: str, told: str) -> None:
        assert self._request
        unit = self._request.unit
        if not any((each.unit, each.kind) == (unit, kind) for each in self.oddities):
            self.oddities.append(FrameOddity(unit, kind, told))

    def _is_late(self, transaction: int) -> bool:
        """Whether it is the number of an earlier request."""
        return 0 < (self._transaction - transaction) % 0xFFFF < min(self._asked, _REMEMBERED)

    def misfit(self, received: bytearray, *, is_final: bool = False) -> Misfit | None:
        request = self._request
        assert request
        for at in self._starts(received):
            said = received[at + 7 :]
            if not self._is_of_unit(received[at + 6]):
                if request.response_in(said) is not None:
                    return self._of_another(received, at)
                continue
            length = int.from_bytes(received[at + 4 : at + 6])
            is_whole = 1 < length <= len(received) - at - _LENGTH_ENDS
            if not is_whole and request.may_become_response(said) and not is_final:
                return None
            pdu = bytes(said[: length - 1] if is_whole else said)
            return Misfit(pdu)
        if self._has_heard or not received:
            return None  # what is nobody's is passed over by who has been understood
        return self._under_another_number(received, is_final=is_final)

    def _under_another_number(self, received: bytearray, *, is_final: bool) -> Misfit | None:
        """What the first that is said on a connection is."""
        request = self._request
        assert request
        if len(received) < _HEADER.size + 1:
            return self._nonsense(received) if is_final or any(received[2:4]) else None
        transaction, protocol, length, _ = _HEADER.unpack_from(received)
        if protocol or not 3 <= length <= _LONGEST:
            return self._nonsense(received)
        if self._is_late(transaction):
            return None
        if request.response_in(received[7:]) is None:
            if len(received) < length + _LENGTH_ENDS and not is_final:
                return None
            why = f"it gave an answer to another question, {shown_bytes(received)}"
            return Misfit(why=why, is_hopeless=True)
        return self._of_another(received, 0)

    def _of_another(self, received: bytearray, at: int) -> Misfit:
        """A response that fits but for its number or its unit."""
        assert self._request
        transaction, _, _, unit = _HEADER.unpack_from(received, at)
        differs: list[str] = []
        remedy: dict[str, object] = {}
        if self._is_number_checked and transaction != self._transaction:
            differs.append(f"under transaction number {transaction} where {self._transaction} was asked")
            remedy["transaction_ids"] = "ignored"
        if not self._is_of_unit(unit):
            differs.append(f"as unit {unit} where unit {self._request.unit} was asked")
            remedy["unit"] = unit if unit < 248 else 255
        keys = " and ".join(f"`{key}: {value}`" for key, value in remedy.items())
        why = f"it answers {' and '.join(differs)}, {shown_bytes(received[at:])}; if it always does, add {keys}"
        return Misfit(why=why, remedy=remedy, is_hopeless="transaction_ids" in remedy)

    def _nonsense(self, received: bytearray) -> Misfit:
        what = f"what it says is no Modbus TCP, {shown_bytes(received)}"
        if self._is_known:
            return Misfit(why=what, is_hopeless=True)
        assert self._request
        if any(True for _ in _rtu_frames(received, self._request.function)):
            remedy = {"framing": "rtu"}
            return Misfit(why=f"{what}, but RTU: add `framing: rtu`", remedy=remedy, is_hopeless=True)
        return Misfit(why=f"{what}; if it speaks RTU over TCP, add `framing: rtu`", is_hopeless=True)

    def _starts(self, received: bytearray) -> Iterator[int]:
        """Where what may be a response to the last request begins: at a header with its number."""
        last = len(received) - _HEADER.size - 1
        if self._is_number_checked:
            head = self._transaction.to_bytes(2) + b"\0\0"
            at = received.find(head)
            while 0 <= at <= last:
                yield at
                at = received.find(head, at + 1)
        else:
            for at in range(last + 1):
                if not received[at + 2] and not received[at + 3]:
                    yield at

    def _is_of_unit(self, unit: int) -> bool:
        assert self._request
        return unit == self._request.unit or self._request.unit in ANSWERS_FOR_ALL


class RtuFraming:
    """RTU framing: the unit before and a checksum (CRC) behind; only silence and what they say tell frames apart.

    What is no response is passed over: glitches of a line that is switched round, responses of other units. An adapter
    that hears itself gives back the whole request first, which is found out by requests whose response is another; to
    functions 5 and 6 it is the same.

    Spec: MODBUS over Serial Line V1.02, 2.5.1.
    """

    oddities: tuple[FrameOddity, ...] = ()

    def __init__(self, *, is_echoing: bool | None = None) -> None:
        self.is_echoing = is_echoing
        self._request: Request | None = None
        self._frame = b""
        self._is_echo_over = False

    def discard(self, received: bytearray) -> None:
        received.clear()

    def encode(self, request: Request, *, is_number_checked: bool = True) -> bytes:
        self._request = request
        frame = bytes((request.unit,)) + request.pdu
        self._frame = frame + crc(frame)
        self._is_echo_over = self.is_echoing is False and self._is_acknowledged_alike
        return self._frame

    def extract(self, received: bytearray) -> bytes | None:
        if not self._is_echo_over:
            self._drop_echo(received)
        for frame in self._candidates(received):
            if frame[-2:] == crc(frame[:-2]):
                self._learn_echo()
                return bytes(frame[1:-2])
        return None

    def misfit(self, received: bytearray, *, is_final: bool = False) -> Misfit | None:
        request = self._request
        assert request
        garbled = next(self._candidates(received), None)
        if garbled and not (request.is_write and garbled[1] == request.function):
            return Misfit(is_garbled=True)
        if garbled and self.is_echoing is False:
            return Misfit(bytes(garbled[1:-2]))  # whoever acknowledges a write has taken it
        for frame in _rtu_frames(received, request.function):
            if frame[0] == request.unit and frame[1] == request.function:
                # An acknowledgement of something else is a late one, a part of what was read no frame.
                is_whole = len(frame) == 5 + frame[2]
                if len(frame) < 1 + request.response_size + 2 if request.is_write else is_whole:
                    self._learn_echo()
                    return Misfit(bytes(frame[1:-2]))
            elif is_final and frame[0] != request.unit and request.response_in(frame[1:-2]) is not None:
                why = f"unit {frame[0]} answered in its place, {shown_bytes(frame)}; is it `unit: {frame[0]}`?"
                return Misfit(why=why, remedy={"unit": frame[0]})
        return None

    def _drop_echo(self, received: bytearray) -> None:
        """Takes what we said ourselves off what was *received*, once."""
        at = received.find(self._frame)
        if at < 0:
            return
        del received[: at + len(self._frame)]
        self._is_echo_over = True
        if not self._is_acknowledged_alike:  # else it may have been the response
            self.is_echoing = True

    def _learn_echo(self) -> None:
        """A response has come: on a line that echoes, the request would have been heard before it."""
        if not self._is_echo_over:
            self.is_echoing = None if self.is_echoing else False  # it may have been garbled

    @property
    def _is_acknowledged_alike(self) -> bool:
        """The response to the last request is the request itself."""
        assert self._request
        return self._request.function in (5, 6)

    def _candidates(self, received: bytearray) -> Iterator[bytearray]:
        """What has the beginning and the length of a response."""
        assert self._request
        unit, request = self._request.unit, self._request
        normal = bytes((unit,)) + request.response_prefix
        exception = bytes((unit, request.function | 0x80))
        for prefix, size in ((normal, 1 + request.response_size + 2), (exception, 5)):
            at = received.find(prefix)
            while 0 <= at <= len(received) - size:
                frame = received[at : at + size]
                if self._is_echo_over or not self._frame.startswith(frame):
                    yield frame  # and not what may be the beginning of our own words
                at = received.find(prefix, at + 1)


def _rtu_frames(received: bytearray, function: int) -> Iterable[bytearray]:
    """Whatever in *received* is said to *function*, by any unit, with a checksum behind it that is right."""
    for at in range(len(received) - _LEAST_RTU_BYTES + 1):
        if received[at + 1] & 0x7F != function:
            continue  # on a line where somebody never stops talking, checksums of everything would take long
        for size in (5 + received[at + 2], 8, 5, len(received) - at):
            frame = received[at : at + size]
            if len(frame) == size and frame[-2:] == crc(frame[:-2]):
                yield frame
                break


def shown_bytes(received: bytes | bytearray) -> str:
    """The bytes *received*, as far as they are shown; nothing of none."""
    shown = received[:_SHOWN_BYTES].hex(" ")
    return f"{shown} …" if len(received) > _SHOWN_BYTES else shown


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
