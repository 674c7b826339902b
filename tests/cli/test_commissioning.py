"""What the tools share, as far as it needs no device: the daemon beside them, their tables, their recordings."""

import os

import pytest

from s2d.commissioning.device_visit import visited
from s2d.commissioning.manual_write import command_of, parsed_value, plan_in_words
from s2d.commissioning.running_daemon import conflict_warning
from s2d.commissioning.table import readings_table, shown, table
from s2d.config import DeviceConfig
from s2d.device.command_plan import CommandMemory
from s2d.device.computed import Computed
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.host.lock import held
from s2d.values import Quality, Reading
from tests.fakes import FakeDriver, Hardware, now


def test_a_daemon_at_work_is_a_reason_for_a_warning(tmp_path):
    assert conflict_warning("unit 1 at 10.0.0.5:502", tmp_path) == ""
    with held(tmp_path):
        assert conflict_warning("unit 1 at 10.0.0.5:502", tmp_path) == (
            f"s2d run is at work here (process {os.getpid()}). It may write something else at any time, and if "
            "unit 1 at 10.0.0.5:502 serves one client only, one of the two is turned away; better stop it first: "
            "systemctl stop s2d"
        )
    assert conflict_warning("unit 1 at 10.0.0.5:502", tmp_path) == ""


def test_where_nobody_can_tell_whether_a_daemon_is_at_work_that_is_said(tmp_path):
    (tmp_path / "lock").symlink_to("lock")
    assert conflict_warning("unit 1 at 10.0.0.5:502", tmp_path) == (
        f"whether s2d run is at work here cannot be told: {tmp_path}/lock: Too many levels of symbolic links"
    )


def test_columns_are_as_wide_as_they_must_be():
    assert table(("NAME", ">VALUE"), [("soc", "5"), ("power_setpoint", "-12345")]) == [
        "NAME             VALUE",
        "soc                  5",
        "power_setpoint  -12345",
    ]


def test_columns_are_as_wide_as_what_is_shown() -> None:
    assert table(("MODEL", "MAKER"), [("a\x1b[2J", "Acme"), ("b", "Ace")]) == [
        "MODEL       MAKER",
        "a\\u001b[2J  Acme",
        "b           Ace",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (True, "true"), (50.0, "50"), (0.1 + 0.2, "0.3"), (3001234567, "3001234567")]
)
def test_values_are_shown_as_people_write_them(value, text):
    assert shown(value) == text


async def test_a_driver_without_tools_is_read_and_told_as_well():
    hardware = Hardware({"soc": 40.0, "power": 0.0, "power_setpoint": 0.0}, follows={"power_setpoint": "power"})
    points = {
        "soc": PointSettings(unit="%"),
        "power": PointSettings(unit="W"),
        "power_setpoint": PointSettings(unit="W", access="read_write"),
    }
    computed = {"stored": Computed(value=Expression.parse("soc * 100"), unit="Wh")}
    config = DeviceConfig(name="Store", driver=FakeDriver, connection=hardware, points=points, computed=computed)
    async with visited(config, now) as visit:
        assert readings_table(visit, await visit.read(["soc", "stored"])) == [
            "POINT   VALUE  UNIT  RAW           AGE  QUALITY",
            "soc        40  %                 0.0 s  good",
            "stored   4000  Wh    (computed)  0.0 s  good",
        ]
        plan = command_of(visit, "power_setpoint").plan(
            parsed_value(visit, "power_setpoint", "1.5 kW"), {}, CommandMemory()
        )
        assert await plan_in_words(visit, "power_setpoint", plan) == [
            "power_setpoint of Store becomes 1500 W:",
            "  1. power_setpoint becomes 1500 W",
        ]
    assert hardware.writes == []


async def test_a_computed_value_without_its_inputs_is_unknown():
    hardware = Hardware({"soc": Reading("soc", None, Quality.ABSENT, "the device says it has no value")})
    computed = {"stored": Computed(value=Expression.parse("soc * 100"), unit="Wh")}
    points = {"soc": PointSettings(unit="%")}
    config = DeviceConfig(name="Store", driver=FakeDriver, connection=hardware, points=points, computed=computed)
    async with visited(config, now) as visit:
        read = await visit.read(["stored"])
    assert read == [Reading("stored", None, Quality.BAD, "what it is computed of is unknown")]
