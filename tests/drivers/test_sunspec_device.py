"""A SunSpec device as the Modbus driver meets it: its map written by pysunspec2, on a real server."""

import asyncio
from collections.abc import Collection

import pytest
from modbus_peers import device, rtu_server, tcp_server
from s2d_drivers.modbus import Modbus, ModbusConnection, ModbusPoint
from sunspec_peers import SunSpecUnit, model, sunspec_map

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.quantities import Duration
from s2d.values import Quality, Reading, Setpoint
from tests.chronicle import PATIENCE_S
from tests.ptys import pty_pair

pytestmark = pytest.mark.virtual_time

HOST = "127.0.0.1"
COMMON = model(1, {"Mn": "Acme", "Md": "Hybrid 10", "Vr": "1.2.3", "SN": "4711"})
INVERTER = model(103, {"W": -1234, "W_SF": 0, "WH": 123456789, "WH_SF": 0, "St": 4, "Hz": 4998, "Hz_SF": -2})
RATINGS = model(120, {"DERTyp": 82, "WRtg": 1000, "WRtg_SF": 1})
CONTROLS = model(123, {"WMaxLimPct": 10000, "WMaxLimPct_SF": -2, "WMaxLim_Ena": 0})
STORAGE = model(
    124,
    {"WChaMax": 512, "WChaMax_SF": 1, "StorCtl_Mod": 0, "ChaState": 5550, "ChaState_SF": -2, "ChaSt": 4}
    | {"OutWRte": 10000, "InWRte": 10000, "InOutWRte_SF": -2},
)
MPPT = model(160, {"N": 4, "DCW_SF": -1, "module": [{"DCW": 1}, {"DCW": 22}, {"DCW": 333}, {"DCW": 4444}]})
BATTERY = model(802, {"SoC": 505, "SoC_SF": -1, "W": -250, "W_SF": 1, "ChaSt": 3, "SetOp": 1, "Evt1": 0b110})
METER = model(203, {"W": 77, "W_SF": 1, "TotWhImp": 4_000_000_000, "TotWh_SF": -1})
OTHER_METER = model(203, {"W": 88, "W_SF": 0})

POINTS = {
    "manufacturer": ModbusPoint(sunspec="1:Mn"),
    "serial_number": ModbusPoint(sunspec="1:SN"),
    "options": ModbusPoint(sunspec="1:Opt"),
    "power": ModbusPoint(sunspec=("701:W", "103:W", "113:W"), unit="W", invert=True),
    "energy": ModbusPoint(sunspec="103:WH", unit="Wh"),
    "frequency": ModbusPoint(sunspec="103:Hz", unit="Hz"),
    "status": ModbusPoint(sunspec="103:St", values={"MPPT": "producing", "THROTTLED": "producing", "OFF": "off"}),
    "rating": ModbusPoint(sunspec="120:WRtg", unit="W"),
    "limit": ModbusPoint(sunspec="123:WMaxLimPct", unit="%", access="read_write"),
    "limiting": ModbusPoint(sunspec="123:WMaxLim_Ena", access="read_write"),
    "reference": ModbusPoint(sunspec="124:WChaMax", unit="W"),
    "discharge_rate": ModbusPoint(sunspec="124:OutWRte", unit="%", access="read_write"),
    "limits_charging": ModbusPoint(sunspec="124:StorCtl_Mod", bits=0, type="bool", access="read_write"),
    "soc": ModbusPoint(sunspec="124:ChaState", unit="%"),
    "reserve": ModbusPoint(sunspec="124:MinRsvPct", unit="%"),
    "charging": ModbusPoint(sunspec="160:DCW", group=2, unit="W"),
    "discharging": ModbusPoint(sunspec="160:DCW", group=3, unit="W"),
    "string_9": ModbusPoint(sunspec="160:DCW", group=8, unit="W", optional=True),
    "battery_soc": ModbusPoint(sunspec=("713:SoC", "802:SoC"), unit="%"),
    "battery_state": ModbusPoint(sunspec="802:ChaSt"),
    "battery_events": ModbusPoint(sunspec="802:Evt1", flags="model"),
    "battery_connection": ModbusPoint(sunspec="802:SetOp", access="read_write"),
    "grid_power": ModbusPoint(sunspec="203:W", unit="W"),
    "grid_import": ModbusPoint(sunspec="203:TotWhImp", unit="Wh"),
    "heat_pump_power": ModbusPoint(sunspec="203#2:W", unit="W"),
    "heat_pump_import": ModbusPoint(sunspec="203#2:TotWhImp", unit="Wh"),
    "charger_power": ModbusPoint(sunspec="203#3:W", unit="W"),
    "vendors_own": ModbusPoint(register=40002),
}


def hybrid() -> list[int]:
    return sunspec_map(
        COMMON, INVERTER, RATINGS, model(121), model(122), CONTROLS, STORAGE, MPPT, BATTERY, METER, COMMON, OTHER_METER
    )


@pytest.mark.parametrize("base", [40000, 50000])
async def test_points_are_named_and_the_device_says_where_they_are(base: int) -> None:
    unit = SunSpecUnit(hybrid(), base)
    points = {name: point for name, point in POINTS.items() if point.sunspec}
    async with tcp_server({1: unit}) as server, device(points, host=HOST, port=server.port) as modbus:
        readings = {reading.point: reading for reading in await modbus.read(points)}
    absent = "the device says it has no value"
    models = "its SunSpec models are 1, 103, 120, 121, 122, 123, 124, 160, 802, 203, 1, 203"
    assert {name: reading.value for name, reading in readings.items()} == {
        "manufacturer": "Acme",
        "serial_number": "4711",
        "options": None,
        "power": 1234,
        "energy": 123456789,
        "frequency": 49.98,
        "status": "producing",
        "rating": 10_000,
        "limit": 100,
        "limiting": "DISABLED",
        "reference": 5120,
        "discharge_rate": 100,
        "limits_charging": False,
        "soc": 55.5,
        "reserve": None,
        "charging": 33.3,
        "discharging": 444.4,
        "string_9": None,
        "battery_soc": 50.5,
        "battery_state": "DISCHARGING",
        "battery_events": "OVER_TEMP_ALARM, OVER_TEMP_WARNING",
        "battery_connection": "CONNECT",
        "grid_power": 770,
        "grid_import": 400_000_000,
        "heat_pump_power": 88,
        "heat_pump_import": None,
        "charger_power": None,
    }
    assert {reading for reading in readings.values() if reading.quality is not Quality.GOOD} == {
        Reading("options", None, Quality.ABSENT, absent),
        Reading("reserve", None, Quality.ABSENT, absent),
        Reading("string_9", None, Quality.ABSENT, f"the device has no 160:DCW group 8; {models}"),
        Reading("heat_pump_import", None, Quality.ABSENT, absent),
        Reading("charger_power", None, Quality.BAD, f"the device has no 203#3:W; {models}"),
    }


async def test_it_is_asked_once_where_its_models_are() -> None:
    unit = SunSpecUnit(hybrid())
    async with tcp_server({1: unit}) as server, device(POINTS, host=HOST, port=server.port) as modbus:
        await modbus.read({"soc"})
        unit.asked.clear()
        await modbus.read({"soc"})
        soc_register = 40002 + 68 + 52 + 28 + 32 + 46 + 26 + 8
        assert [(first <= soc_register < first + count) for _, first, count in unit.asked].count(True) == 1
        assert all(first > 40002 + 68 for _, first, _ in unit.asked)


async def test_values_are_written_in_the_scale_of_the_device_and_read_back() -> None:
    unit = SunSpecUnit(hybrid())
    async with tcp_server({1: unit}) as server, device(POINTS, host=HOST, port=server.port) as modbus:
        for name, value in {
            "discharge_rate": -42.5,
            "limits_charging": True,
            "limiting": "ENABLED",
            "battery_connection": 2,
        }.items():
            await modbus.write(Setpoint(name, value, "test"))
        written = ("discharge_rate", "limits_charging", "limiting", "battery_connection")
        assert {reading.point: reading.value for reading in await modbus.read(written)} == {
            "discharge_rate": -42.5,
            "limits_charging": True,
            "limiting": "ENABLED",
            "battery_connection": "DISCONNECT",
        }
        with pytest.raises(DeviceRefused, match="limit: the raw value 70000 does not fit uint16"):
            await modbus.write(Setpoint("limit", 700, "test"))


async def test_what_the_device_lacks_cannot_be_written() -> None:
    unit = SunSpecUnit(sunspec_map(COMMON))
    points = {"limit": ModbusPoint(sunspec="704:WMaxLimPct", unit="%", access="read_write", optional=True)}
    async with tcp_server({1: unit}) as server, device(points, host=HOST, port=server.port) as modbus:
        with pytest.raises(DeviceRefused) as refusal:
            await modbus.write(Setpoint("limit", 50, "test"))
    assert str(refusal.value) == "limit: the device has no 704:WMaxLimPct; its SunSpec models are 1"


async def test_a_device_without_a_map_still_gives_its_other_points() -> None:
    unit = SunSpecUnit([7, 8, 9])
    points = {"plain": ModbusPoint(register=40002), "soc": POINTS["soc"]}
    async with tcp_server({1: unit}) as server, device(points, host=HOST, port=server.port) as modbus:
        readings = {reading.point: reading for reading in await modbus.read(points)}
    assert readings["plain"] == Reading("plain", 9)
    assert readings["soc"].quality is Quality.BAD
    assert readings["soc"].detail.startswith("the device has no SunSpec map")


async def test_after_reconnecting_to_a_device_that_was_set_up_anew_points_are_where_they_are_now(
    port: int,
) -> None:
    before = SunSpecUnit(sunspec_map(COMMON, INVERTER, STORAGE))
    in_floats = model(113, {"W": -77.5})
    after = SunSpecUnit(sunspec_map(COMMON, in_floats, STORAGE))
    points = {name: POINTS[name] for name in ("power", "soc")}
    where = ModbusConnection(host=HOST, port=port)
    async with Modbus.open_bus(where) as bus, Modbus.open(where, points, bus) as modbus:
        async with tcp_server({1: before}, port):
            assert await values_once_reachable(modbus, points) == {1234, 55.5}
        async with tcp_server({1: after}, port):
            assert await values_once_reachable(modbus, points) == {77.5, 55.5}


async def values_once_reachable(modbus: Modbus, points: Collection[str]) -> set[object]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return {reading.value for reading in await modbus.read(points)}
            except DeviceUnreachable:
                await asyncio.sleep(0.02)


async def test_on_a_serial_line_that_never_breaks_a_silence_is_reason_enough_to_look_again() -> None:
    before = SunSpecUnit(sunspec_map(COMMON, INVERTER, STORAGE))
    after = SunSpecUnit(sunspec_map(COMMON, model(113, {"W": -77.5}), STORAGE))
    points = {name: POINTS[name] for name in ("power", "soc")}
    async with (
        pty_pair() as (ours, theirs),
        device(points, serial=ours, baudrate=115200, timeout_s=Duration(0.1)) as modbus,
    ):
        async with rtu_server({1: before}, theirs):
            assert await values_once_reachable(modbus, points) == {1234, 55.5}
        with pytest.raises(DeviceUnreachable):
            await modbus.read(points)
        async with rtu_server({1: after}, theirs):
            assert await values_once_reachable(modbus, points) == {77.5, 55.5}
