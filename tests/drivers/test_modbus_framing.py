"""Questions as they travel, byte by byte, and answers told from everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pymodbus.framer import FramerRTU
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.transport.framing import Misfit, RtuFraming, TcpFraming, crc
from s2d_drivers.modbus.transport.request import Request


def framed(pdu: str, unit: int = 0x11) -> bytes:
    frame = bytes((unit, *bytes.fromhex(pdu)))
    return frame + crc(frame)


# Spec: MODBUS Application Protocol V1.1b3, the examples of 6.1 to 6.6, 6.11 and 6.12; a bit is written in a whole byte.
EXAMPLES = [
    (RegisterBlock("coil", 0x13, 19), (), False, "01 0013 0013", "01 03 CD 6B 05"),
    (RegisterBlock("discrete", 0xC4, 22), (), False, "02 00C4 0016", "02 03 AC DB 35"),
    (RegisterBlock("holding", 0x6B, 3), (), False, "03 006B 0003", "03 06 022B 0000 0064"),
    (RegisterBlock("input", 8, 1), (), False, "04 0008 0001", "04 02 000A"),
    (RegisterBlock("coil", 0xAC, 1), (1,), False, "05 00AC FF00", "05 00AC FF00"),
    (RegisterBlock("coil", 0xAC, 1), (0,), False, "05 00AC 0000", "05 00AC 0000"),
    (RegisterBlock("holding", 1, 1), (3,), False, "06 0001 0003", "06 0001 0003"),
    (RegisterBlock("coil", 0x13, 10), (1, 0, 1, 1, 0, 0, 1, 1, 1, 0), True, "0F 0013 000A 02 CD01", "0F 0013 000A"),
    (RegisterBlock("holding", 1, 2), (0x0A, 0x102), True, "10 0001 0002 04 000A 0102", "10 0001 0002"),
]


@pytest.mark.parametrize(("block", "words", "is_multiple", "question", "answer"), EXAMPLES)
def test_the_examples_of_the_specification(
    block: RegisterBlock, words: tuple[int, ...], is_multiple: bool, question: str, answer: str
) -> None:
    request = Request(0x11, block, words, is_multiple)
    tcp, rtu = TcpFraming(), RtuFraming()
    rtu.is_echoing = False
    pdu = bytes.fromhex(question)
    assert rtu.encode(request) == framed(question)
    assert tcp.encode(request) == bytes((0, 1, 0, 0, 0, len(pdu) + 1, 0x11)) + pdu
    told = bytes.fromhex(answer)
    assert rtu.extract(bytearray(framed(answer))) == told
    assert tcp.extract(bytearray(bytes((0, 1, 0, 0, 0, len(told) + 1, 0x11)) + told)) == told


def test_what_an_answer_says() -> None:
    coils, registers = Request(1, RegisterBlock("coil", 0, 10)), Request(1, RegisterBlock("input", 0, 2))
    assert coils.words_in(bytes.fromhex("01 02 05 02")) == (1, 0, 1, 0, 0, 0, 0, 0, 0, 1)
    assert registers.words_in(bytes.fromhex("04 04 FFFF 0102")) == (0xFFFF, 0x0102)
    assert registers.exception_in(bytes.fromhex("84 02")) == 2
    assert registers.exception_in(bytes.fromhex("83 02")) is None


@given(some.binary(max_size=300))
def test_the_checksum_is_that_of_others(frame: bytes) -> None:
    assert crc(frame) == FramerRTU.compute_CRC(frame).to_bytes(2)


@pytest.mark.parametrize("framing", [TcpFraming(), RtuFraming()], ids=["tcp", "rtu"])
@given(received=some.lists(some.binary(max_size=20), max_size=8))
def test_whatever_arrives_is_an_answer_or_none_or_odd(framing: TcpFraming | RtuFraming, received: list[bytes]) -> None:
    request = Request(1, RegisterBlock("holding", 0, 2))
    framing.encode(request)
    heard = bytearray()
    for part in received:
        heard += part
        pdu = framing.extract(heard)
        assert pdu is None or request.response_in(pdu) == pdu
        for is_final in (False, True):
            misfit = framing.misfit(heard, is_final=is_final)
            assert misfit is None or isinstance(misfit, Misfit)


@given(before=some.binary(max_size=20), cut=some.integers(0, 9))
def test_an_answer_is_found_behind_any_noise_and_not_before_it_is_whole(before: bytes, cut: int) -> None:
    framing = RtuFraming()
    framing.encode(Request(0x11, RegisterBlock("holding", 0, 2)))
    answer = framed("03 04 0001 0002")
    received = bytearray(before + answer[:cut]) if cut < len(answer) else bytearray(before + answer)
    found = framing.extract(received)
    received += answer[cut:]
    assert found is None or cut == len(answer)
    assert framing.extract(received) == bytes.fromhex("03 04 0001 0002")


@pytest.mark.parametrize(
    "other",
    [
        framed("03 04 0001 0002", unit=0x12),
        framed("04 04 0001 0002"),
        framed("03 02 0001"),
        framed("03 04 0001 0002")[:-1] + b"\0",
        framed("84 02"),
    ],
    ids=["unit", "function", "length", "checksum", "refusal of another function"],
)
def test_on_a_line_what_is_not_ours_is_passed_over(other: bytes) -> None:
    framing = RtuFraming()
    framing.encode(Request(0x11, RegisterBlock("holding", 0, 2)))
    assert framing.extract(bytearray(other)) is None
    assert framing.extract(bytearray(other + framed("83 06"))) == bytes.fromhex("83 06")


def test_an_answer_to_a_question_that_was_given_up_is_passed_over() -> None:
    framing = TcpFraming()
    request = Request(1, RegisterBlock("holding", 0, 1))
    framing.encode(request)
    framing.encode(request)
    late, own = bytes.fromhex("0001 0000 0005 01 03 02 0063"), bytes.fromhex("0002 0000 0005 01 03 02 0037")
    assert framing.extract(bytearray(late)) is None
    assert framing.misfit(bytearray(late)) is None, "more will come"
    assert framing.extract(bytearray(late + own)) == bytes.fromhex("03 02 0037")


def test_a_device_that_is_asked_as_itself_may_answer_as_anybody() -> None:
    framing = TcpFraming()
    framing.encode(Request(255, RegisterBlock("holding", 0, 1)))
    assert framing.extract(bytearray.fromhex("0001 0000 0005 01 03 02 0063")) == bytes.fromhex("03 02 0063")


def test_the_numbers_of_questions_begin_again() -> None:
    framing = TcpFraming()
    request = Request(1, RegisterBlock("holding", 0, 1))
    numbers = [int.from_bytes(framing.encode(request)[:2]) for _ in range(0x10001)]
    assert numbers == [*range(1, 0x10000), 1, 2]
