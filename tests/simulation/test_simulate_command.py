"""`s2d simulate battery` as its user meets it: a process, its lines, its signals, its exit status."""

import asyncio
import json
import os
import pty
import re
import signal
import sys
from contextlib import asynccontextmanager

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from s2d.__main__ import main
from s2d.cli.simulated_kinds import SIMULATED_KINDS
from s2d.simulation.faults import FAULTS
from tests.chronicle import PATIENCE_S

pytestmark = pytest.mark.system


@asynccontextmanager
async def simulated(*arguments, device="battery", stdout=asyncio.subprocess.PIPE):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "s2d",
        "simulate",
        *([device] if device else []),
        *arguments,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process):
    return (await process.stdout.readline()).decode().rstrip("\n")


async def client_of(line, timeout_s=PATIENCE_S):
    port = int(re.fullmatch(r"Modbus TCP on 127\.0\.0\.1:(\d+), unit \d+", line)[1])
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=timeout_s, retries=0, reconnect_delay=0)
    assert await client.connect()
    return client


async def test_it_answers_reports_writes_and_ends_well():
    async with simulated("--port", "0", "--soc", "20", "--capacity", "5 kWh", "--serial-number", "X-9") as process:
        client = await client_of(await line_of(process))
        assert (await client.read_holding_registers(2710)).registers == [500]
        await client.write_register(2700, 1000)
        assert re.fullmatch(
            r"power_setpoint 1000 +idle +soc +20\.0 % +power +0 W +setpoint +1000 W", await line_of(process)
        )
        process.send_signal(signal.SIGUSR1)
        assert re.match(r"fault on +fault ", await line_of(process))
        assert (await client.read_holding_registers(842)).registers == [0]
        assert (await client.read_holding_registers(844, count=2)).registers == [3, 1]
        process.send_signal(signal.SIGUSR1)
        assert re.match(r"fault off ", await line_of(process))
        client.close()
        process.terminate()
        rest, errors = await process.communicate()
        assert (process.returncode, rest, errors) == (0, b"", b"")


async def test_it_starts_with_a_fault_and_ends_on_ctrl_c():
    async with simulated("--port", "0", "--fault", "on", "--unit", "9") as process:
        client = await client_of(await line_of(process))
        assert (await client.read_holding_registers(845, device_id=9)).registers == [1]
        client.close()
        process.send_signal(signal.SIGINT)
        rest, errors = await process.communicate()
        assert (process.returncode, rest, errors) == (0, b"", b"")


async def test_it_speaks_the_registers_of_a_profile_and_tells_the_points_that_are_written():
    async with simulated("--port", "0", "--profile", "sma-storage", "-p", "unit_id=5", "--soc", "20") as process:
        client = await client_of(line := await line_of(process))
        assert line.endswith("unit 5")
        assert (await client.read_holding_registers(30845, count=2, device_id=5)).registers == [0, 20]
        await client.write_registers(40149, [0xFFFF, 0xF448], device_id=5)
        assert re.match(r"ordered_power 3000 +idle ", await line_of(process))
        client.close()
        process.terminate()
        rest, errors = await process.communicate()
        assert (process.returncode, rest, errors) == (0, b"", b"")


async def test_a_hybrid_has_a_sun_on_its_roof():
    async def given_w(*arguments):
        async with simulated("--port", "0", "--profile", "solax-g4", *arguments) as process:
            client = await client_of(await line_of(process))
            (pv1,) = (await client.read_input_registers(0x0A)).registers
            client.close()
            return pv1

    assert 0 < await given_w("--sun", "2 kW", "--clouds", "4") <= 2000
    assert 0 < await given_w() <= 3000
    assert await given_w("--sun", "0 W") == 0
    assert await given_w("--time", "23:30") == 0


async def test_without_a_profile_a_kind_has_that_of_its_name():
    sky = ("--sun", "4 kW", "--clouds", "7")
    async with simulated("--port", "0", "--unit", "9", *sky, "--installer-limit", "2 kW", device="pv") as process:
        client = await client_of(line := await line_of(process))
        assert line.endswith("unit 9")
        assert (await client.read_holding_registers(100, device_id=9)).registers == [2000]
        await client.write_register(200, 4000, device_id=9)
        assert re.fullmatch(
            r"limit 4000 +throttled +power  -2000 W +sun +4000 W +limit   4000 W", await line_of(process)
        )
        client.close()
    async with simulated("--port", "0", "--phases", "1", "--time", "23:30", device="meter") as process:
        client = await client_of(await line_of(process))
        power_w = client.convert_from_registers(
            (await client.read_input_registers(100, count=2)).registers, client.DATATYPE.FLOAT32
        )
        assert 150 <= power_w < 1000
        client.close()


async def test_an_inverter_without_a_battery_may_be_gone_at_night():
    async with simulated("--port", "0", "--time", "22:00", "--fault", "night-offline", device="pv") as process:
        client = await client_of(await line_of(process), timeout_s=0.5)
        with pytest.raises(ModbusIOException):
            await client.read_holding_registers(100)
        client.close()


async def test_a_heat_pump_has_weather_and_a_household():
    said = "--outdoor", "-8 °C .. -7.9 °C", "--temperature", "42 °C", "--time", "04:00"
    async with simulated("--port", "0", *said, device="heat_pump") as pump:
        client = await client_of(await line_of(pump))
        assert (await client.read_holding_registers(103, count=2)).registers == [420, 0x10000 - 80]
        assert (await client.read_holding_registers(108)).registers == [3]
        await client.write_register(200, 300)
        assert re.match(r"setpoint 30 +heat +power +548 W +tank +42\.0 °C ", await line_of(pump))
        client.close()


async def test_a_load_may_be_a_boiler_without_a_thermostat():
    said = "--boiler", "--on", "--thermostat", "none", "--temperature", "70 °C", "--power", "1.5 kW"
    async with simulated("--port", "0", *said, device="load") as boiler:
        client = await client_of(await line_of(boiler))
        assert (await client.read_holding_registers(100)).registers == [1500]
        await client.write_coil(1, False)
        assert re.match(r"relay 0 +off +power +0 W +tank +70\.0 °C", await line_of(boiler))
        client.close()


async def test_what_stands_before_the_kind_counts_too():
    async with simulated("--port", "0", "--unit", "9", "battery", "--soc", "20", device=None) as process:
        client = await client_of(line := await line_of(process))
        assert line.endswith("unit 9")
        client.close()


async def test_it_has_the_faults_it_is_told():
    async with simulated("--port", "0", "--fault", "nan,ignores-writes") as process:
        client = await client_of(await line_of(process))
        assert (await client.read_holding_registers(842, count=2)).registers == [0x8000, 0xFFFF]
        assert not (await client.write_register(2700, 1000)).isError()
        assert (await client.read_holding_registers(2700)).registers == [0]
        client.close()


async def test_it_says_again_what_was_recorded(tmp_path):
    file = tmp_path / "meter.jsonl"
    header = {"recording": 1, "device": "meter", "driver": "Modbus", "profile": None, "connection": {}}
    moment = {"at_s": 0, "notes": [{"unit": 4, "table": "input", "register": 10, "words": [7, 8]}]}
    lines = (header | {"points": [], "started": "", "every_s": 1}, moment)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    async with simulated("--port", "0", "--replay", str(file), device=None) as process:
        client = await client_of(line := await line_of(process))
        assert line.endswith("unit 4")
        assert (await client.read_input_registers(10, count=2, device_id=4)).registers == [7, 8]
        assert (await client.read_input_registers(12, device_id=4)).exception_code == 2
        client.close()


async def test_on_a_terminal_one_line_is_drawn_anew():
    screen, terminal = pty.openpty()
    seen = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    loop.add_reader(screen, lambda: seen.feed_data(os.read(screen, 1024)))
    try:
        async with simulated("--port", "0", stdout=terminal) as process:
            await seen.readuntil(b"Modbus TCP on ")
            await seen.readuntil(b"\r\x1b[Kidle")
            await seen.readuntil(b"\r\x1b[Kidle")
            process.terminate()
            assert await process.wait() == 0
    finally:
        loop.remove_reader(screen)
        os.close(screen)
        os.close(terminal)


async def test_a_port_in_use_is_one_sentence():
    async with simulated("--port", "0") as first:
        client = await client_of(await line_of(first))
        port = str(client.comm_params.port)
        client.close()
        async with simulated("--port", port) as second:
            output, errors = await second.communicate()
            assert (second.returncode, output) == (1, b"")
            sentence = f"s2d simulate: cannot serve Modbus on 127.0.0.1:{port}: address already in use\n"
            assert errors.decode() == sentence


async def test_a_serial_line_that_goes_away_is_one_sentence():
    far_end, near_end = pty.openpty()
    line = os.ttyname(near_end)
    async with simulated("--serial", line, "--baudrate", "115200", "--unit", "3") as process:
        assert await line_of(process) == f"Modbus RTU on {line}, 115200 baud, unit 3"
        os.close(near_end)
        os.close(far_end)
        output, errors = await process.communicate()
        assert (process.returncode, output) == (1, b"")
        assert errors.decode() == f"s2d simulate: cannot serve Modbus on {line}: the line is gone\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--soc", "120"], "s2d simulate: state of charge must be between 0 % and 100 %"),
        (["--max-charge-power", "40 kW"], "s2d simulate: max_charge_power: 40000 does not fit into int16"),
        (["--fault", "bussy"], f"argument --fault: no fault is called 'bussy'; there are {', '.join(FAULTS)}"),
        (["--replay", "x"], f"s2d simulate: say what to be: {', '.join(SIMULATED_KINDS)}, or --replay FILE"),
        (["--profile", "sma-storage", "-p", "unit_id"], 's2d simulate: -p: expected KEY=VALUE, got "unit_id"'),
        (["--time", "25:00"], "argument --time: expected a time of day such as 07:30, got 25:00"),
        (["--capacity", "10"], 'argument --capacity: expected an energy such as "10 kWh", got "10"'),
    ],
)
def test_wrong_values_are_one_sentence(arguments, sentence, capsys):
    try:
        status = main(["simulate", "battery", *arguments])
    except SystemExit as exit_:
        status = exit_.code
    assert status == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["heat_pump", "--least-power", "3 kW"], "the least power must be above 0 W, and the most not below it"),
        (["heat_pump", "--layers", "0"], "a tank has 1 to 8 layers"),
        (["load", "--boiler", "--thermostat", "95 °C"], "a thermostat is set between 20 and 85 °C"),
        (["load", "--no-cut-out"], "--no-cut-out is said of boilers only: say --boiler too"),
        (["load", "--tank", "80 l"], "--tank is said of boilers only: say --boiler too"),
        (["load", "--power", "0 W"], "power must be above 0 W"),
    ],
)
def test_hardware_that_cannot_be_is_one_sentence(arguments, sentence, capsys):
    assert main(["simulate", *arguments]) == 2
    assert capsys.readouterr().err == f"s2d simulate: {sentence}\n"


def test_a_profile_that_is_not_there_is_one_sentence(capsys):
    assert main(["simulate", "battery", "--profile", "sma-storge"]) == 1
    assert capsys.readouterr().err == 's2d simulate: no profile "sma-storge". Did you mean "sma-storage"?\n'


def test_what_is_not_of_a_kind_is_said(capsys):
    for arguments, said in (
        (["meter", "--installer-limit", "2 kW"], "s2d simulate: error: unrecognized arguments: --installer-limit 2 kW"),
        (["battery", "--fault", "night-offline"], f"no fault is called 'night-offline'; there are {', '.join(FAULTS)}"),
        (["toaster"], "argument KIND: invalid choice: 'toaster'"),
    ):
        with pytest.raises(SystemExit) as exit_:
            main(["simulate", *arguments])
        assert exit_.value.code == 2
        assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_profile_of_another_kind_is_one_sentence(tmp_path, capsys):
    file = tmp_path / "roof.yaml"
    file.write_text("title: A roof\nof: pv\ndriver: modbus\npoints: {}\nsimulation: {}\n")
    assert main(["simulate", "battery", "--profile", str(file)]) == 1
    said = "s2d simulate: the profile roof cannot be simulated: it is of the kind pv, not battery\n"
    assert capsys.readouterr().err == said


def test_a_wrong_key_of_a_profile_is_a_wrong_configuration(capsys):
    assert main(["simulate", "battery", "--profile", "sma-storage", "-p", "unit_id=many"]) == 78
    assert capsys.readouterr().err == '-p:1:1: unit_id: expected a whole number, got "many"\n'
