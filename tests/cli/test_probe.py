"""`s2d probe` as its user sees it, in front of real servers of every framing."""

import re

import pytest

from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.modbus import serve_rtu, serve_tcp
from s2d.simulation.registers import BatteryRegisters
from tests.cli.commissioning import s2d
from tests.drivers.modbus_peers import answer_to, raw_server
from tests.ptys import pty_pair

pytestmark = pytest.mark.system

POWER_AND_SOC = [
    "REGISTER   HEX  UINT16  INT16  INT32 ABCD  INT32 CDAB             INT32 BADC             INT32 DCBA  FLOAT32 ABCD"
    "  FLOAT32 CDAB  TEXT",
    " 842      0000       0      0         500    32768000                  62465  -201261056|4093706240             -"
    "             -",
    "*843      01F4     500    500    32768000         500  -201261056|4093706240                  62465             -"
    "             -",
    " 844      0000       0      0",
]


def registers():
    return BatteryRegisters(SimulatedBattery())


def without_times(text):
    return re.sub(r"\d+\.\d ms", "T ms", text).splitlines()


async def test_it_finds_the_unit_and_shows_all_that_a_register_may_mean(capsys):
    async with serve_tcp(registers(), unit=3) as address:
        assert await s2d("probe", "--host", address.host, "--port", address.port, "--register", "843") == 0
    assert without_times(capsys.readouterr().out) == [
        "a gateway: others than 3 had no answer",
        f"connection: {{host: 127.0.0.1, port: {address.port}, unit: 3}}",
        *POWER_AND_SOC,
        "10 requests took T ms at least, T ms mostly, T ms at most",
        "points:",
        "  register_843: {register: 843, type: uint16}  # 500",
    ]


async def test_it_says_when_rtu_is_spoken_through_tcp_and_4xxxx_is_meant(capsys):
    async with serve_tcp(registers(), framing="rtu") as address:
        typed = ("--host", address.host, "--port", address.port, "--register", "40844", "--timeout", "0.5")
        assert await s2d("probe", *typed) == 0
    assert without_times(capsys.readouterr().out) == [
        "it does not speak Modbus TCP but RTU through TCP, as adapters do that only pass a serial line on: "
        "`framing: rtu` has to stand there",
        f"connection: {{host: 127.0.0.1, port: {address.port}, framing: rtu, unit: 1}}",
        "there is no register 40844. Some manuals write 40844 for holding register 843, as it is called on the wire; "
        "that one answers:",
        *POWER_AND_SOC,
        "10 requests took T ms at least, T ms mostly, T ms at most",
        "points:",
        "  register_843: {register: 843, type: uint16}  # 500",
    ]


async def test_on_a_line_it_tries_units_and_shows_text(capsys):
    async with pty_pair() as (line, far_end), serve_rtu(registers(), far_end, baudrate=19200, unit=2):
        typed = ("--serial", line, "--baudrate", 19200, "--parity", "N", "--register", "850..851", "--timeout", "0.5")
        assert await s2d("probe", *typed) == 0
    lines = without_times(capsys.readouterr().out)
    assert lines[0] == f"connection: {{serial: {line}, baudrate: 19200, parity: N, unit: 2}}"
    assert [line.split()[0:4] + line.split()[-1:] for line in lines[2:4]] == [
        ["*850", "5332", "21298", "21298", "S2D-SI"],
        ["*851", "442D", "17453", "17453", "D-SI"],
    ]


async def test_somebody_who_hangs_up_serves_somebody_else(capsys):
    async def hang_up(reader, writer):
        await reader.read(12)

    async with raw_server(hang_up, hang_up) as port:
        assert await s2d("probe", "--host", "127.0.0.1", "--port", port) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"127.0.0.1:{port} closed the connection; if this repeats, is another Modbus client connected to it?",
        "it takes the connection and ends it: mostly another client holds the device, which serves only one. "
        "Stop s2d, Home Assistant, evcc or whatever else reads it, wait a minute, and probe again",
    ]


async def test_nobody_there_is_one_sentence(capsys, port):
    assert await s2d("probe", "--host", "127.0.0.1", "--port", port) == 1
    assert capsys.readouterr().out == f"cannot connect to 127.0.0.1:{port}: Connection refused\n"


async def test_a_gateway_without_the_device_is_told_apart(capsys):
    async with serve_tcp(registers(), unit=99) as address:
        assert await s2d("probe", "--host", address.host, "--port", address.port, "--unit", "1..3") == 1
    assert capsys.readouterr().out.splitlines()[0] == f"nobody answers at {address} under unit 1, 2, 3"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ((), "say where the device is: --host, or --serial"),
        (
            ("--host", "x", "--register", "9..3"),
            "--register: expected numbers up to 65535 such as 3 or 1..10, got 9..3",
        ),
        (("--host", "x", "--port", "99999"), "expected a port from 1 to 65535, got 99999"),
        (("--host", "x", "--unit", "300"), "--unit: expected numbers up to 255 such as 3 or 1..10, got 300"),
    ],
)
async def test_what_makes_no_sense_is_one_sentence(capsys, typed, sentence):
    assert await s2d("probe", *typed) == 2
    assert capsys.readouterr().err == f"s2d probe: {sentence}\n"


async def test_a_unit_that_only_answers_to_its_number_is_found(capsys):
    async def answers_unit_3(reader, writer):
        while request := await reader.read(12):
            if request[6] == 3:
                writer.write(answer_to(request, 500))

    async with raw_server(*[answers_unit_3] * 4) as port:
        typed = ("--host", "127.0.0.1", "--port", port, "--unit", "1..3", "--register", 843, "--timeout", "0.5")
        assert await s2d("probe", *typed) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "it minds the unit id: others than 3 had no answer",
        f"connection: {{host: 127.0.0.1, port: {port}, unit: 3}}",
    ]


@pytest.mark.parametrize("command", [("probe", "--host", "127.0.0.1"), ("scan", "127.0.0.1")])
@pytest.mark.parametrize("typed", ["nan", "1e300", "-1", "0", "soon"])
async def test_a_time_that_cannot_be_waited_is_wrong_use(capsys, command, typed):
    with pytest.raises(SystemExit) as ended:
        await s2d(*command, f"--timeout={typed}")
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"expected seconds from 0.01 to 300, got {typed}\n")
