"""Odd devices in front of the tools: found, read, written, and explained with the key that has them taken."""

import re

import pytest

from tests.cli.commissioning import configured, s2d
from tests.drivers.modbus_peers import OddUnit, crc_of, odd_device, odd_line, odd_server

pytestmark = pytest.mark.system

BATTERY = {
    "kind": "battery",
    "driver": "modbus",
    "capacity": "10 kWh",
    "max_charge_power": "5 kW",
    "max_discharge_power": "5 kW",
    "follow_within": "100 ms",
    "points": {
        "soc": {"register": 50, "unit": "%"},
        "power": {"register": 51, "type": "int16", "unit": "W"},
        "power_setpoint": {"register": 52, "type": "int16", "unit": "W", "access": "read_write", "write": "multiple"},
    },
}


def found(text: str) -> list[str]:
    """What a tool says of where the device is."""
    return [line for line in text.splitlines() if line.startswith("connection:")]


def zero(asked: bytes, frame: bytes) -> bytes:
    return b"\0\0" + frame[2:]


def one_ahead(asked: bytes, frame: bytes) -> bytes:
    return (int.from_bytes(frame[:2]) + 1).to_bytes(2) + frame[2:]


def as_unit_0(asked: bytes, frame: bytes) -> bytes:
    return frame[:6] + b"\0" + frame[7:]


def as_unit_255(asked: bytes, frame: bytes) -> bytes:
    return frame[:6] + b"\xff" + frame[7:]


@pytest.mark.parametrize(
    ("frames", "settings", "differs"),
    [
        (zero, "transaction_ids: ignored, unit: 1", "under transaction number 0 where 1 was asked"),
        (one_ahead, "transaction_ids: ignored, unit: 1", "under transaction number 2 where 1 was asked"),
        (as_unit_0, "unit: 0", "as unit 0 where unit 1 was asked"),
        (as_unit_255, "unit: 255", "as unit 255 where unit 1 was asked"),
        (
            lambda asked, frame: zero(asked, as_unit_0(asked, frame)),
            "transaction_ids: ignored, unit: 0",
            "under transaction number 0 where 1 was asked and as unit 0 where unit 1 was asked",
        ),
    ],
    ids=["number 0", "a number ahead", "unit 0", "unit 255", "number and unit"],
)
async def test_numbers_of_its_own_are_found_and_nobody_else_is_blamed(capsys, tmp_path, frames, settings, differs):
    unit = OddUnit(frames=frames)
    async with odd_server(unit) as where:
        place = ("--host", where["host"], "--port", where["port"])
        assert await s2d("probe", *place, "--register", "50..52") == 0
        probed = capsys.readouterr().out
        assert await s2d("scan", "-c", tmp_path, f"{where['host']}:{where['port']}", "--timeout", "0.3") == 0
        scanned = capsys.readouterr().out
    line = f"connection: {{host: 127.0.0.1, port: {where['port']}, {settings}}}"
    assert found(probed) == [line]
    assert found(scanned) == [f"{line}  # no SunSpec"]
    for said in (probed, scanned):
        assert f"it answers {differs}, 00 0" in said
        assert "client" not in said


@pytest.mark.parametrize("transport", ["tcp", "line"])
async def test_who_gives_few_registers_is_shown_with_how_many(capsys, transport):
    unit = OddUnit(answers=lambda asked, pdu: b"\3\4" + pdu[2:6] if asked[0] == 3 and len(pdu) > 6 else pdu)
    async with odd_device(unit, transport) as where:
        place = ("--serial", where["serial"], "--baudrate", 9600, "--parity", "N") if "serial" in where else ()
        place = place or ("--host", where["host"], "--port", where["port"])
        assert await s2d("probe", *place, "--unit", 1, "--register", "50..53") == 0
    said = capsys.readouterr().out
    (line,) = found(said)
    assert line.endswith(", unit: 1, max_registers: 2}")
    assert "it gave 4 bytes where 8 were asked for, 03 04 00 32 00 33; `max_registers: 2` spares it the asking" in said
    assert [f"register_{each}" in said for each in range(50, 54)] == [True] * 4


async def test_on_a_line_a_unit_that_answers_whichever_is_asked_is_found(capsys, tmp_path):
    def as_7(asked: bytes, frame: bytes) -> bytes:
        return b"\x07" + frame[1:-2] + crc_of(b"\x07" + frame[1:-2])

    async with odd_line(OddUnit(frames=as_7)) as where:
        line = ("--serial", where["serial"], "--baudrate", 9600, "--parity", "N")
        assert await s2d("probe", *line, "--unit", "1", "--timeout", "0.3") == 0
        probed = capsys.readouterr().out
        assert await s2d("scan", "-c", tmp_path, *line[:4], "--units", "1..2") == 0
        scanned = capsys.readouterr().out
    settings = f"connection: {{serial: {where['serial']}, baudrate: 9600, parity: N, unit: 7}}"
    assert found(probed) == [settings]
    assert found(scanned) == [f"{settings}  # no SunSpec"]
    for said in (probed, scanned):
        assert "unit 7 answered in its place, 07 83 02" in said or "unit 7 answered in its place, 07 03 02" in said


@pytest.mark.parametrize("is_there", [True, False])
async def test_an_adapter_that_hears_itself_is_said_to(capsys, tmp_path, is_there):
    unit = OddUnit(echoes=True, is_there=is_there)
    async with odd_line(unit) as where:
        line = ("--serial", where["serial"], "--baudrate", 9600, "--parity", "N")
        assert await s2d("probe", *line, "--unit", "1", "--timeout", "0.3") == int(not is_there)
        probed = capsys.readouterr().out.splitlines()
        line = line if is_there else line[:4]
        assert await s2d("scan", "-c", tmp_path, *line, "--units", "1") == int(not is_there)
        scanned = capsys.readouterr().out.splitlines()
    echo = f"the adapter at {where['serial']} hears itself: what is sent comes back first"
    assert probed[0] == echo
    assert probed[1].startswith("connection:" if is_there else "nobody answers at")
    assert echo in scanned
    assert scanned[0].startswith("connection:" if is_there else "nobody answers at")


async def test_a_write_through_an_echo_to_nobody_is_not_done(capsys, tmp_path):
    points = {"heat": {"register": 512}, "relay": {"register": 102, "access": "write"}}
    unit = OddUnit(echoes=True, is_there=False)
    async with odd_line(unit) as where:
        connection = {"serial": where["serial"], "timeout": "300 ms"}
        config = configured(tmp_path, driver="modbus", connection=connection, points=points)
        assert await s2d("write", "--yes", "-c", config, "battery", "relay", "1") == 1
        assert await s2d("read", "-c", config, "battery") == 1
    told = capsys.readouterr()
    assert "written" not in told.out
    assert told.err.count("all that was heard is what was sent, as the adapter hears itself") == 2


@pytest.mark.parametrize(
    ("unit", "oddity"),
    [
        (
            OddUnit(answers=lambda asked, pdu: pdu[:2] if asked[0] == 16 else pdu),
            "acknowledges to write holding register 52 with 10 00, which is malformed",
        ),
        (
            OddUnit(says=lambda frame: [(0.0, frame), (0.03, b"\0")]),
            "gives answers beside which come bytes that are too many, 00",
        ),
        (OddUnit(hangs_up_s=0.003, is_deaf_meanwhile=True), None),
        (
            OddUnit(frames=lambda asked, frame: frame[:5] + b"\xff" + frame[6:] if frame[7] == 3 else frame),
            "gives answers whose header counts 255 bytes where ",
        ),
    ],
    ids=["a short acknowledgement", "a byte too many", "hangs up", "lying lengths"],
)
async def test_what_is_understood_is_read_and_written_and_what_is_odd_is_told(capsys, tmp_path, unit, oddity):
    async with odd_server(unit) as where:
        config = configured(tmp_path, connection={"host": where["host"], "port": where["port"]}, **BATTERY)
        assert await s2d("read", "-c", config, "battery") == 0
        assert await s2d("write", "--yes", "-c", config, "battery", "power_setpoint", "1 kW") == 1
    told = capsys.readouterr()
    assert "written" in told.out.splitlines()
    assert "nothing moved: power is " in told.out
    assert re.search(r"power_setpoint +1000 +W", told.out)
    odd = [line for line in told.err.splitlines() if line.startswith("s2d write: unit 1 at")]
    assert len(odd) == (oddity is not None)
    assert all(oddity in line for line in odd)
    assert len(unit.written()) == 1
