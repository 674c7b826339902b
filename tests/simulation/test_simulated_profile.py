"""A simulated battery that speaks the registers of a profile, asked by the real driver and by a foreign client."""

from contextlib import asynccontextmanager

import pytest
from pymodbus.client import AsyncModbusTcpClient

from s2d.cli.simulated_device import CannotSimulate, profile_device
from s2d.commissioning.device_visit import visited
from s2d.commissioning.unconfigured_device import library_for, unconfigured_device
from s2d.errors import ConfigError
from s2d.host import clock
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import Faults
from s2d.simulation.modbus import serve_tcp
from s2d.values import Setpoint

pytestmark = pytest.mark.system


class HandClock:
    """A clock that only the test moves."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


LIMITS = """
title: A battery of limits
kind: battery
driver: modbus
parameters:
  unit_id: {type: integer, default: 7, help: its unit}
connection: {unit: "{unit_id}"}
points:
  firmware: {register: 10, poll: once}
  newer: {register: 20, type: int16, optional: true, poll: once}
  name: {register: 30, type: "string[16]", poll: once}
  soc: {register: 100, table: input, scale: 0.1, unit: "%", sentinel: 0xFFFF}
  power: {register: 101, table: input, type: float32, order: CDAB, unit: W}
  mode: {register: 200, values: {2: forced, 1: automatic}, access: read_write}
  order: {register: 201, type: int16, unit: W, invert: true, access: read_write}
  running: {register: 5, table: coil, access: read_write}
  grid: {register: 300, type: int16, unit: W, unit_id: 9}
commands:
  power_setpoint:
    unit: W
    steps: [{write: {order: value}}, {write: {mode: "'forced'", running: "true"}}]
    release: [{write: {mode: "'automatic'"}}]
nameplate: {serial_number: name}
variants:
  - when: firmware >= 5
    points: {soc: {register: 110}}
simulation:
  starts: {firmware: 4, mode: 1}
  shows: {grid: power + 300}
  obeys: order if mode == 'forced' and running else 0
  forgets: 60 s
"""


def written_to(folder, text=LIMITS):
    file = folder / "limits.yaml"
    file.write_text(text)
    return str(file)


@asynccontextmanager
async def simulated(profile, keys=(), faults=(), hand=None):
    """The device of *profile* that s2d would have, opened, and the battery behind it."""
    battery = SimulatedBattery(watchdog_s=0, ramp_w_per_s=1e9)
    served = profile_device(profile, dict(keys), battery, Faults(faults))
    told = []
    served.on_event = told.append
    (unit, registers), *others = served.units.items()
    library, name = library_for(profile)
    async with serve_tcp(registers, unit=unit, also=dict(others), clock=hand) as address:
        where = {"connection": f"{{host: {address.host}, port: {address.port}}}"}
        own = {"capacity": "10 kWh", "max_charge_power": "5 kW", "max_discharge_power": "5 kW", **dict(keys)}
        device, _ = unconfigured_device(name, {**own, **where}, library, "-p")
        async with visited(device, clock.now) as visit:
            yield visit, battery, told, address


async def values(visit, *names):
    return {reading.point: reading.value for reading in await visit.read(names or visit.names)}


async def test_it_shows_and_obeys_as_the_profile_says(tmp_path):
    hand = HandClock()
    async with simulated(written_to(tmp_path), hand=hand) as (visit, battery, told, _):
        assert await values(visit) == {
            "firmware": 4,
            "newer": None,
            "name": "S2D-SIM-0001",
            "soc": 50.0,
            "power": 0.0,
            "mode": "automatic",
            "order": 0,
            "running": False,
            "grid": 300,
        }
        for point, value in (("order", 1500), ("mode", "forced"), ("running", True)):
            await visit.driver.write(Setpoint(point, value, "test"))
        assert told == ["order 1500", "mode forced", "running 1"]
        assert battery.setpoint_w == 1500
        hand.now_s += 59
        assert await values(visit, "power", "grid") == {"power": 1500.0, "grid": 1800}
        hand.now_s += 1
        assert await values(visit, "order", "mode", "running") == {"order": 0, "mode": "automatic", "running": False}
        assert battery.setpoint_w == 0


async def test_a_fault_shows_as_the_profile_says_and_goes_without_a_trace(tmp_path):
    hand = HandClock()
    failing = LIMITS.replace("  starts:", "  fails: {mode: \"'forced'\", grid: 65, name: \"'broken'\"}\n  starts:")
    async with simulated(written_to(tmp_path, failing), hand=hand) as (visit, battery, _, _):
        sound = {"mode": "automatic", "grid": 300, "name": "S2D-SIM-0001"}
        assert await values(visit, *sound) == sound
        battery.set_fault(True, hand.now_s)
        assert await values(visit, *sound) == {"mode": "forced", "grid": 65, "name": "broken"}
        battery.set_fault(False, hand.now_s)
        assert await values(visit, *sound) == sound
        await visit.driver.write(Setpoint("mode", "forced", "test"))
        assert await values(visit, "mode") == {"mode": "forced"}


async def test_it_is_the_variant_that_its_own_values_choose(tmp_path):
    newer = LIMITS.replace("firmware: 4, ", "firmware: 5, ")
    async with simulated(written_to(tmp_path, newer)) as (visit, _, _, address):
        assert visit.make.points["soc"].register == 110
        assert (await values(visit, "soc")) == {"soc": 50.0}
        client = AsyncModbusTcpClient(address.host, port=address.port, retries=0, reconnect_delay=0)
        await client.connect()
        assert (await client.read_input_registers(100, device_id=7)).exception_code == 2
        assert (await client.read_input_registers(110, device_id=7)).registers == [500]
        client.close()


async def test_a_parameter_of_the_profile_is_an_owners_to_say(tmp_path):
    async with simulated(written_to(tmp_path), {"unit_id": "3"}) as (visit, _, _, _):
        assert visit.config.connection.unit == 3
        assert (await values(visit, "soc")) == {"soc": 50.0}


async def test_what_is_measured_may_be_not_available(tmp_path):
    async with simulated(written_to(tmp_path), faults=["nan"]) as (visit, _, _, _):
        assert await values(visit, "soc", "power", "order") == {"soc": None, "power": None, "order": 0}


async def test_a_sunspec_profile_gets_a_whole_map(tmp_path):
    storage = """
title: SunSpec storage
kind: battery
driver: modbus
connection: {unit: 1}
points:
  maker: {sunspec: "1:Mn", poll: once}
  serial: {sunspec: "1:SN", poll: once}
  soc: {sunspec: "802:SoC", unit: "%"}
  power: {sunspec: ["802:W", "124:ChaState"], unit: W}
  order: {sunspec: "704:WSet", unit: W, access: read_write}
commands:
  power_setpoint: {unit: W, steps: [{write: {order: value}}], release: [{write: {order: 0}}]}
nameplate: {manufacturer: maker, serial_number: serial}
simulation: {obeys: order}
"""
    async with simulated(written_to(tmp_path, storage)) as (visit, battery, _, address):
        await visit.driver.write(Setpoint("order", 1200, "test"))
        assert battery.setpoint_w == 1200
        assert await values(visit) == {
            "maker": "s2d",
            "serial": "S2D-SIM-0001",
            "soc": 50.0,
            "power": 1200,
            "order": 1200,
        }
        client = AsyncModbusTcpClient(address.host, port=address.port, retries=0, reconnect_delay=0)
        await client.connect()
        models, register = [], 40002
        assert (await client.read_holding_registers(40000, count=2)).registers == [0x5375, 0x6E53]
        while (header := (await client.read_holding_registers(register, count=2)).registers)[0] != 0xFFFF:
            models.append(tuple(header))
            register += 2 + header[1]
        assert models == [(1, 66), (704, 65), (802, 62)]
        client.close()


async def test_a_profile_that_says_nothing_of_simulation_cannot_be_simulated(tmp_path):
    silent = LIMITS[: LIMITS.index("simulation:")]
    with pytest.raises(CannotSimulate) as caught:
        profile_device(written_to(tmp_path, silent), {}, SimulatedBattery(), Faults())
    assert str(caught.value) == (
        "the profile limits cannot be simulated: it has no `simulation:`, which says what such a device shows and obeys"
    )


async def test_wrong_keys_are_named(tmp_path):
    with pytest.raises(ConfigError) as caught:
        profile_device(written_to(tmp_path), {"unit_id": "many"}, SimulatedBattery(), Faults())
    assert '-p:1:1: unit_id: expected a whole number, got "many"' in str(caught.value)


async def test_a_meter_shows_what_the_battery_beside_it_takes(tmp_path):
    meter = """
title: A meter
driver: modbus
points: {power: {register: 10, type: int16, unit: W}}
simulation: {shows: {power: power + 300}}
"""
    battery = SimulatedBattery(ramp_w_per_s=1e9)
    registers = profile_device(written_to(tmp_path, meter), {}, battery, Faults()).units[1]
    battery.order(1200, 0.0)
    assert registers.read(10, 1, 1.0) == [1500]


KETTLE = """
title: A kettle
driver: modbus
points:
  power: {register: 10, type: uint16, unit: W, sentinel: 0xFFFF}
  temperature: {register: 11, type: int16, scale: 0.1, unit: "°C", sentinel: 0x8000}
  status: {register: 12, values: {0: rest, 1: heat}}
  on: {register: 20, access: read_write}
  target: {register: 21, unit: "°C", access: read_write}
simulation:
  obeys: {on: on == 1, temperature_setpoint: target if target > 0 else unheard_of}
  starts: {on: 1, target: 0}
  fails: {status: 0}
"""


class Kettle:
    """Hardware that is no battery, and tells what it was told."""

    def __init__(self):
        self.told = []
        self.fault = False

    def advance(self, now_s):
        pass

    def values(self):
        return {"power": 2000.0, "temperature": None, "status": "heat", "on": 0}

    def obey(self, orders, now_s):
        self.told.append((dict(orders), now_s))

    def set_fault(self, on, now_s):
        self.fault = on

    def status_line(self):
        return "a kettle"


def test_hardware_of_any_kind_is_told_by_name_and_shows_what_it_knows(tmp_path):
    kettle, faults = Kettle(), Faults()
    served = profile_device(written_to(tmp_path, KETTLE), {}, kettle, faults)
    registers = served.units[1]
    assert registers.read(10, 3, 1.0) == [2000, 0x8000, 1]
    assert registers.read(20, 2, 1.0) == [1, 0]
    registers.write(21, [60], 2.0)
    registers.write(20, [0], 3.0)
    assert kettle.told == [
        ({"on": True}, 0.0),
        ({"on": True, "temperature_setpoint": 60}, 2.0),
        ({"on": False, "temperature_setpoint": 60}, 3.0),
    ]
    faults.switch("nan")
    assert registers.read(10, 3, 4.0) == [0xFFFF, 0x8000, 1]
    faults.switch("nan", False)
    assert served.toggle_fault(5.0)
    assert (registers.read(10, 3, 5.0), registers.read(20, 2, 5.0)) == ([2000, 0x8000, 0], [0, 60])
    assert served.status_line(6.0) == "a kettle"
