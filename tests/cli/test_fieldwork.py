"""What the tools share, as far as it needs no device: the daemon beside them, their tables, their recordings."""

import pytest

from s2d.commissioning.device_visit import visited
from s2d.commissioning.manual_write import command_of, value_of, words_of
from s2d.commissioning.running_daemon import daemon_at_work, warning
from s2d.commissioning.table import readings_table, shown, table
from s2d.config import DeviceConfig
from s2d.device.command_plan import Memory
from s2d.device.computed import Computed
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.values import Quality, Reading
from tests.fakes import FakeDriver, Hardware, now


def processes(folder, **cmdlines):
    for pid, cmdline in cmdlines.items():
        place = folder / pid.removeprefix("p")
        place.mkdir()
        (place / "cmdline").write_bytes(b"\0".join(word.encode() for word in cmdline) + b"\0")
    return folder


@pytest.mark.parametrize(
    ("cmdline", "is_daemon"),
    [
        (["/usr/bin/python3", "/opt/s2d/bin/s2d", "run", "-c", "/etc/s2d"], True),
        (["python", "-m", "s2d", "run"], True),
        (["python", "/opt/lib/s2d/__main__.py", "run"], True),
        (["python", "-m", "s2d", "read", "run"], False),
        (["vi", "s2d"], False),
        (["mypy", "__main__.py", "run"], False),
    ],
)
def test_a_daemon_is_known_by_its_command_line(tmp_path, cmdline, is_daemon):
    found = daemon_at_work(processes(tmp_path, p12=["sh"], p345=cmdline))
    assert found == (345 if is_daemon else None)


def test_a_daemon_is_a_reason_for_a_warning():
    assert warning("tcp 10.0.0.5 502", None) == ""
    assert warning("tcp 10.0.0.5 502", 345) == (
        "s2d run is at work here (process 345). It may write something else at any time, and if tcp 10.0.0.5 502 "
        "serves one client only, one of the two is turned away; better stop it first: systemctl stop s2d"
    )


def test_columns_are_as_wide_as_they_must_be():
    assert table(("NAME", ">VALUE"), [("soc", "5"), ("power_setpoint", "-12345")]) == [
        "NAME             VALUE",
        "soc                  5",
        "power_setpoint  -12345",
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
        plan = command_of(visit, "power_setpoint").plan(value_of(visit, "power_setpoint", "1.5 kW"), {}, Memory())
        assert await words_of(visit, "power_setpoint", plan) == [
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
