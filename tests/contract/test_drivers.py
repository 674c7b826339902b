"""What s2d takes for a driver, what it says of what is none, and that it asks a driver only what it declares."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest
from msgspec import Struct
from s2d_drivers._blueprint import Heater
from s2d_drivers.modbus import Modbus
from s2d_drivers.modbus.tools.toolbox import ModbusTools

import s2d
from s2d.__main__ import main
from s2d.commissioning.tools import tools_of
from s2d.config.driver_discovery import DriverUnavailable, find_driver
from s2d.driver import Driver, PointSettings
from s2d.errors import DeviceRefused
from s2d.values import Reading, Setpoint

S2D = Path(s2d.__file__).parent


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    port: int = 80
    token: str = ""


class Sensor(Driver[Place, PointSettings, None]):
    """As little as a driver can be."""

    Connection = Place
    Point = PointSettings

    async def read(self, points):
        return [Reading(point, 1.0) for point in points]


class Plain:
    """A driver that only fits by its shape."""

    Connection = Place
    Point = PointSettings

    def __init__(self, of):
        self.of, self.written = of, []

    @classmethod
    def bus_of(cls, connection):
        return connection.host

    @classmethod
    def open_bus(cls, connection):
        return nullcontext(f"bus to {connection.host}")

    @classmethod
    @asynccontextmanager
    async def open(cls, connection, points, bus):
        yield Plain((connection, points, bus))

    async def read(self, points):
        return [Reading(point, str(self.of)) for point in points]

    async def write(self, setpoint, *together):
        self.written.append(setpoint)
        if together:
            raise DeviceRefused(f"one by one: {len(self.written)} written")


class Outspoken(Plain):
    @classmethod
    def problems_of_bus(cls, devices):
        for device in devices:
            yield device.name, ("connection", "host"), "is far away", "", True


class Dated(Sensor):
    """It inherits, and has what was asked of drivers once."""

    class Connection(Place, frozen=True):
        belongs_to = {"port": ("host",)}

    @classmethod
    def tools(cls):
        return ModbusTools()


class Unreadable(Driver[Place, PointSettings, None]):
    Connection = Place
    Point = PointSettings


class Shapeless:
    Connection = Place

    def read(self, points): ...


class WrongPoint(Sensor):
    Point = Place


HERE = "tests.contract.test_drivers"
CONFIG = """\
devices:
- {{name: one, driver: "{driver}", connection: {{host: a}}, points: {{temperature: {{unit: °C}}}}}}
- {{name: two, driver: "{driver}", connection: {{host: b}}, points: {{temperature: {{unit: °C}}}}}}
"""


def checked(tmp_path: Path, capsys: pytest.CaptureFixture[str], driver: str) -> tuple[int, list[str]]:
    """The status of `s2d check` with two devices of *driver*, and what it finds wrong."""
    (tmp_path / "s2d.yaml").write_text(CONFIG.format(driver=f"{HERE}:{driver}"))
    status = main(["check", "-c", str(tmp_path)])
    return status, capsys.readouterr().err.splitlines()


async def test_a_driver_has_a_default_for_all_but_reading() -> None:
    assert find_driver(f"{HERE}:Sensor") is Sensor
    where = Place("attic", token="secret")
    async with Sensor.open_bus(where) as bus, Sensor.open(where, {"x": PointSettings()}, bus) as sensor:
        assert bus is None
        assert await sensor.read(["x"]) == [Reading("x", 1.0)]
        with pytest.raises(DeviceRefused, match="x: the driver Sensor writes nothing"):
            await sensor.write(Setpoint("x", 1.0, "test"))
        assert sensor.news is None
    assert Sensor.bus_of(where) == Sensor.bus_of(Place("attic", token="secret"))
    assert Sensor.bus_of(where) != Sensor.bus_of(Place("cellar"))
    assert (list(Sensor.problems_of_bus([])), list(Sensor.loads_of_buses([]))) == ([], [])


def test_a_place_is_told_without_defaults_and_secrets() -> None:
    assert Sensor.where(Place("attic", token="secret")) == "host attic"
    assert Sensor.where(Place("attic", 81)) == "host attic, port 81"


async def test_a_driver_that_fits_by_its_shape_is_adapted_once() -> None:
    driver = find_driver(f"{HERE}:Plain")
    assert issubclass(driver, Driver)
    assert driver is find_driver(f"{HERE}:Plain")
    assert (driver.__name__, driver.Connection, driver.Point) == ("Plain", Place, PointSettings)
    where, points = Place("attic"), {"x": PointSettings()}
    assert (driver.bus_of(where), driver.where(where)) == ("attic", "host attic")
    async with driver.open_bus(where) as bus, driver.open(where, points, bus) as opened:
        assert await opened.read(["x"]) == [Reading("x", str((where, points, "bus to attic")))]
        await opened.write(Setpoint("x", 1.0, "test"))
        with pytest.raises(DeviceRefused, match="one by one: 2 written"):
            await opened.write(Setpoint("x", 2.0, "test"), Setpoint("y", 2.0, "test"))
        assert opened.news is None


def test_its_author_is_told_once_what_to_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = checked(tmp_path, capsys, "Plain")
    assert status == 0
    assert [line for line in said if "driver" in line] == [
        f's2d.yaml:2:23: warning: one: driver: "{HERE}:Plain" fits by its shape alone, which a later version will not '
        "take. Inherit s2d.driver.Driver"
    ]


def test_what_it_has_to_say_of_its_devices_is_heard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = checked(tmp_path, capsys, "Outspoken")
    assert status == 0
    assert [line.partition("warning: ")[2] for line in said if "far" in line] == [
        "one: connection: host: is far away",
        "two: connection: host: is far away",
    ]


def test_what_nobody_asks_any_more_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = checked(tmp_path, capsys, "Dated")
    assert status == 0
    assert [line.partition("Dated")[2] for line in said if "driver" in line] == [
        '" has a tools(), which nobody asks any more. Name its tools as an entry point of the group s2d.tools',
        '" has a belongs_to at its Connection, where nobody looks any more. Let the driver itself have it',
    ]


@pytest.mark.parametrize(
    ("driver", "why"),
    [
        ("Unreadable", "it lacks read"),
        ("Shapeless", "it lacks Point, bus_of, open_bus, open, write"),
        ("WrongPoint", "its Point is no PointSettings"),
        ("HERE", "it is no class"),
    ],
)
def test_what_is_no_driver_is_told_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], driver: str, why: str
) -> None:
    with pytest.raises(DriverUnavailable) as unavailable:
        find_driver(f"{HERE}:{driver}")
    assert str(unavailable.value) == f"driver '{HERE}:{driver}' is no driver: {why}"
    hint = "One inherits s2d.driver.Driver and has at least Connection, Point and read"
    assert checked(tmp_path, capsys, driver) == (
        78,
        [
            f's2d.yaml:{line}:23: {name}: driver: "{HERE}:{driver}" is no driver: {why}. {hint}'
            for line, name in ((2, "one"), (3, "two"))
        ],
    )


class Failing(Sensor):
    """What it is asked about a connection it fails to say."""


class WithoutBus(Failing):
    @classmethod
    def bus_of(cls, connection):
        raise ZeroDivisionError("no bus")


class WithUnhashableBus(Failing):
    @classmethod
    def bus_of(cls, connection):
        return [connection.host]


class Nowhere(Failing):
    @classmethod
    def where(cls, connection):
        return connection.nothing


class Oblivious(Failing):
    @classmethod
    def problems_of_bus(cls, devices):
        yield from ()
        raise ZeroDivisionError("which?")


class Picky(Failing):
    class Connection(Place, frozen=True):
        def __post_init__(self):
            raise LookupError("no such place")


AUTHOR = "Tell its author, or use another version of it"


@pytest.mark.parametrize(
    ("driver", "why"),
    [
        ("WithoutBus", "is broken: ZeroDivisionError: no bus. " + AUTHOR),
        ("WithUnhashableBus", "is broken: TypeError: unhashable type: 'list'. " + AUTHOR),
        ("Nowhere", "is broken: 'Place' object has no attribute 'nothing'. It is looked for"),
        ("Oblivious", "is broken: ZeroDivisionError: which?. " + AUTHOR),
        ("Picky", "is broken: LookupError: no such place. " + AUTHOR),
    ],
)
def test_what_a_driver_fails_to_say_is_a_sentence_about_each_of_its_devices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], driver: str, why: str
) -> None:
    status, said = checked(tmp_path, capsys, driver)
    assert status == 78
    assert [line[: len(line.partition(": driver: ")[0])] for line in said] == [
        "s2d.yaml:2:23: one",
        "s2d.yaml:3:23: two",
    ]
    assert all(line.partition(": driver: ")[2].startswith(f'"{HERE}:{driver}" {why}') for line in said)


IMPORTS = {
    "nothing_there": ("import nothing_there_at_all", "No module named 'nothing_there_at_all'"),
    "no_python": ("class", "invalid syntax (no_python.py, line 1)"),
    "nothing_inside": ("", "module 'nothing_inside' has no attribute 'Heater'"),
    "breaks": ("raise RuntimeError('a bug')", "RuntimeError: a bug"),
    "divides": ("1 / 0", "ZeroDivisionError: division by zero"),
    "leaves": ("raise SystemExit(0)", "SystemExit: 0"),
    "leaves_quietly": ("import sys; sys.exit()", "SystemExit: "),
    "wild": ("class Wild(BaseException): ...\nraise Wild('wild')", "Wild: wild"),
    "says_much": ("raise ValueError('one\\ntwo')", "ValueError: one"),
}


@pytest.mark.parametrize("module", IMPORTS)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_plugin_that_fails_at_import_in_any_way_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, module: str, command: str
) -> None:
    code, why = IMPORTS[module]
    (tmp_path / f"{module}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    device = f"{{name: one, driver: '{module}:Heater', connection: {{host: a}}, points: {{power: {{unit: W}}}}}}"
    (tmp_path / "s2d.yaml").write_text(f"gateway: {{state_dir: state}}\ndevices: [{device}]\n")
    assert main([command, "-c", str(tmp_path)]) == 78
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f's2d.yaml:2:31: one: driver: "{module}:Heater" cannot be loaded: {why}')


def test_tools_are_found_under_the_name_of_their_driver() -> None:
    class Grown(Modbus):
        pass

    assert isinstance(tools_of(Modbus), ModbusTools)
    assert isinstance(tools_of(Grown), ModbusTools)
    assert tools_of(Heater) is None


def test_a_daemon_does_not_load_the_tools(tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text(
        "devices: [{name: m, driver: modbus, connection: {host: m}, points: {power: {register: 1, unit: W}}}]\n"
    )
    script = (
        "import sys, pathlib, s2d.cli.run, s2d.config\n"
        "(meter,) = s2d.config.load(pathlib.Path(sys.argv[1])).devices\n"
        "meter.driver.open_bus(meter.connection)\n"
        "print(*(name for name in sys.modules if 'tools' in name.split('.') or 'commissioning' in name))\n"
    )
    loaded = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert [name for name in loaded.stdout.split() if name.startswith("s2d")] == []


def asked_behind_its_back(tree: ast.AST) -> Iterator[str]:
    """Calls that ask a driver, or something of it, for what it may not have."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="getattr" | "hasattr"), args=[of, *_]):
                names = [each for each in ast.walk(of) if isinstance(each, ast.Name | ast.Attribute)]
                if any("driver" in (each.id if isinstance(each, ast.Name) else each.attr) for each in names):
                    yield ast.unparse(node)


def test_a_driver_is_asked_only_what_it_declares() -> None:
    asked = {path.name: list(asked_behind_its_back(ast.parse(path.read_text()))) for path in S2D.rglob("*.py")}
    assert {name: calls for name, calls in asked.items() if calls} == {}


@pytest.mark.parametrize(
    "call", ["getattr(driver, 'x', None)", "hasattr(device.driver, 'x')", "getattr(driver.Connection, 'x')"]
)
def test_asking_for_more_is_noticed(call: str) -> None:
    assert list(asked_behind_its_back(ast.parse(f"if {call}:\n    pass"))) == [call]
