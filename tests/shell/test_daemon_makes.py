"""What a configured device is made of reaches its task: commands, variants, and a ledger that outlives the process."""

from dataclasses import replace

import pytest

from s2d.config import DeviceConfig, Fallback
from s2d.device.command import Command, Step
from s2d.device.device_map import Available, Variant
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceUnreachable
from s2d.values import Setpoint
from tests.fakes import Hardware, pass_s
from tests.shell.test_daemon import READ, WRITE, battery, running

pytestmark = pytest.mark.virtual_time


def told(formula: str) -> Command:
    return Command(steps=(Step(write={"order": Expression.parse(formula)}),))


def commanded(hardware: Hardware, order: PointSettings = WRITE) -> DeviceConfig:
    points = {"soc": READ, "power": READ, "firmware": PointSettings(poll="once"), "order": order}
    device: DeviceConfig = battery(
        "battery",
        hardware,
        points=points,
        commands={"power_setpoint": told("value")},
        fallback=Fallback(60.0, (Setpoint("power_setpoint", -100.0, "fallback"),)),
    )
    newer = replace(device, commands={"power_setpoint": told("value * 10")}).make
    return replace(device, variants=(Variant(Expression.parse("firmware >= 2"), newer),))


@pytest.mark.parametrize(("firmware", "written"), [(1, -100.0), (2, -1000.0)])
async def test_a_device_is_told_as_its_firmware_wants_it(tmp_path, firmware, written):
    hardware = Hardware({"soc": 50.0, "power": 0.0, "firmware": firmware})
    async with running(tmp_path, commanded(hardware)):
        await pass_s(5)
        assert [(point, value) for _, point, value in hardware.writes] == [("order", written)]


@pytest.mark.parametrize(("is_expected", "level"), [(True, "info"), (False, "warning")])
async def test_what_is_expected_to_be_away_is_no_warning(tmp_path, is_expected, level):
    hardware = Hardware({"soc": 50.0, "power": 0.0, "firmware": 1}, fault=DeviceUnreachable("nobody is there"))
    device = replace(commanded(hardware), is_expected_offline=is_expected)
    async with running(tmp_path, device) as log:
        await pass_s(60)
        lines = [(line["log_level"], line["where"]) for line in log if line["event"] == "device.unreachable"]
        assert lines == [(level, "nowhere")]


async def test_a_device_that_says_it_cannot_be_had_is_not_written_to(tmp_path):
    hardware = Hardware({"soc": 50.0, "power": 0.0, "firmware": 1})
    empty = Available(if_=Expression.parse("soc < 50"), else_="it is busy")
    async with running(tmp_path, replace(commanded(hardware), variants=(), available=empty)) as log:
        await pass_s(60)
        assert hardware.writes == []
        hardware.values["soc"] = 49.0
        await pass_s(5)
        assert [value for _, _, value in hardware.writes] == [-100.0]
        assert [line["reason"] for line in log if line["event"] == "device.unavailable"] == ["it is busy"]


async def test_a_ledger_that_was_damaged_is_told_of_and_keeps_nobody_from_starting(tmp_path):
    once = PointSettings(access="write", persistent=True, daily_writes=1)
    for damage, told in (("", []), ("2026-06-01T00:00:00 wrote order\n", ["ledger.failed"]), ("", [])):
        hardware = Hardware({"soc": 50.0, "power": 0.0, "firmware": 1})
        for file in (tmp_path / "ledgers").glob("*"):
            file.write_text(damage + file.read_text())
        async with running(tmp_path, commanded(hardware, once)) as log:
            await pass_s(5)
            assert [line["event"] for line in log if line["event"].startswith("ledger")] == told
        assert len(hardware.reads) > 0


async def test_writes_that_wear_out_memory_are_counted_beyond_the_process(tmp_path):
    hardware = Hardware({"soc": 50.0, "power": 0.0, "firmware": 1})
    once = PointSettings(access="write", persistent=True, daily_writes=1)
    async with running(tmp_path, commanded(hardware, once)):
        await pass_s(5)
    assert len(hardware.writes) == 2  # what is safe as it starts, and as it stops: nobody can read what it holds
    assert [len(file.read_text().splitlines()) for file in (tmp_path / "ledgers").iterdir()] == [2]
    again = Hardware({"soc": 50.0, "power": 0.0, "firmware": 1})
    async with running(tmp_path, commanded(again, once)):
        await pass_s(5)
    assert len(again.writes) == 2  # of what is kept in reserve for it
    assert [len(file.read_text().splitlines()) for file in (tmp_path / "ledgers").iterdir()] == [4]
