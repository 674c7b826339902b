"""Every profile of what is steered, at work: a simulated device of it, the daemon, a CEM that steers it."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from s2python.common import ControlType, ResourceManagerDetails
from s2python.ombc import OMBCSystemDescription
from s2python.pebc import PEBCPowerConstraints, PEBCPowerEnvelopeLimitType

from s2d.cli.simulated_device import profile_device
from s2d.config.profile import Library
from s2d.config.yaml_source import parse
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.car import SimulatedCar
from s2d.simulation.draws import HotWaterDraws
from s2d.simulation.ev_charger import Feeder, SimulatedEvCharger
from s2d.simulation.faults import Faults
from s2d.simulation.heat_pump import SimulatedHeatPump
from s2d.simulation.inverter import SimulatedInverter
from s2d.simulation.mains import Mains
from s2d.simulation.modbus import serve_rtu, serve_tcp
from s2d.simulation.outdoor import OutdoorTemperature
from s2d.simulation.sg_ready import SgState
from s2d.simulation.sun import Sun
from s2d.simulation.tank import Tank
from s2d.values import Now
from tests.chronicle import PATIENCE_S
from tests.profiles import test_lambda_eul as lambda_eul
from tests.profiles.every import makes
from tests.profiles.image import Written, served
from tests.ptys import pty_pair
from tests.system.cem import cem, limited, switched
from tests.system.daemon import configured
from tests.system.in_process import running

pytestmark = pytest.mark.system

SIZES = {"capacity": "10 kWh", "max_charge_power": "4 kW", "max_discharge_power": "4 kW"}
PEBC = ControlType.POWER_ENVELOPE_BASED_CONTROL
COARSE = 0.03
"""Devices that are told their power in percent, or as a current, come so near to what was wanted."""
STEP_W = 40.0
"""Inverters that are told a share of their power in whole percent come so near to it."""
CEM_LOST_HOLDS_S = 60.0
HEAT_PUMP_HOLDS_S = 600.0
MINUTE_S = 60.0


def simulable(of):
    """The names of all profiles of the kind *of* that say how a simulated device behaves."""
    library = Library()
    for name in library.names():
        profile = library.profile(name)
        kind = profile.device.content.get("kind")
        if kind and kind.node.content == of and profile.about.simulation and profile.about.simulation.obeys:
            yield name


@asynccontextmanager
async def simulated(name, hardware, kind_name="battery", library=None):
    """A device of the profile *name* with *hardware* in it: its parameters, and where it is, as its owner writes it."""
    profile = (library or Library()).profile(name)
    parameters = {key: each.example for key, each in profile.about.parameters.items() if each.is_required}
    simulated = profile_device(name, parameters, hardware, Faults(), kind_name=kind_name)
    (unit, registers), *others = simulated.units.items()
    connection = profile.device.content.get("connection")
    if connection and "baudrate" in connection.node.content:
        line = {key: connection.node.content[key].node.content for key in ("baudrate",)}
        async with (
            pty_pair() as (near, far),
            serve_rtu(registers, far, unit=unit, also=dict(others), baudrate=line["baudrate"]),
        ):
            yield parameters, {"serial": near, "parity": "N"}
    else:
        async with serve_tcp(registers, unit=unit, also=dict(others)) as address:
            yield parameters, {"host": address.host, "port": address.port}


def configured_device(name, parameters, where, **keys):
    """A device of the profile *name*, as its owner writes it, who is in a hurry."""
    return {
        "name": "Device",
        "profile": name,
        "connection": where | {"timeout": f"{PATIENCE_S:g} s"},
        "poll": "200 ms",
        **keys,
        **{key: parse(value, key).content for key, value in parameters.items()},
    }


def battery():
    return SimulatedBattery(
        capacity_wh=10_000, max_charge_power_w=4000, max_discharge_power_w=4000, ramp_w_per_s=1e12, watchdog_s=0
    )


def power_w(hardware):
    hardware.advance(asyncio.get_running_loop().time())
    return hardware.values()["power"]


@pytest.mark.parametrize("name", list(simulable("battery")))
async def test_it_charges_when_told_and_is_given_back_at_the_end(tmp_path, name):
    hardware = battery()
    async with cem() as energy_manager, simulated(name, hardware) as (parameters, where):
        device = configured_device(name, parameters, where, follow_within=f"{PATIENCE_S:g} s", **SIZES)
        async with running(configured(tmp_path, {"url": energy_manager.url}, device)) as log:
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=0.5)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            assert power_w(hardware) == pytest.approx(2000, rel=COARSE)
            idle = await rm.instruct(mode="idle", factor=0.0)
            assert (await rm.status_of(idle))[-1] == "SUCCEEDED"
            assert power_w(hardware) == pytest.approx(0, abs=1)
            discharge = await rm.instruct(mode="discharge", factor=0.5)
            assert (await rm.status_of(discharge))[-1] == "SUCCEEDED"
            assert power_w(hardware) == pytest.approx(-2000, rel=COARSE)
        assert power_w(hardware) == pytest.approx(0, abs=1)
    assert not [line for line in log if line["log_level"] in ("warning", "error")]


def now():
    """The loop's time on both clocks."""
    loop = asyncio.get_running_loop()
    return Now(loop.time(), loop.utc())


async def selected(rm, control_type):
    """The CEM selects *control_type* as soon as that is offered."""
    details = await rm.negotiate()
    if control_type not in details.available_control_types:
        await rm.expect(ResourceManagerDetails, lambda each: control_type in each.available_control_types)
    await rm.select(control_type)


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", list(simulable("ev_charger")))
async def test_a_charger_is_limited_and_stopped_and_left_with_its_safe_current(tmp_path, name):
    charger = SimulatedEvCharger(SimulatedCar(reaction_s=0.0), feeder=Feeder(mains=Mains(noise_v=0)))
    charger.plug_in(0.0)
    async with cem() as energy_manager, simulated(name, charger, "ev_charger") as (parameters, where):
        where |= {"gap": "0 s", "warm_up": "0 s"}
        owner = {"max_current": "16 A", "safe_current": "8 A", "timers": {"off": "0 s"}}
        device = configured_device(name, parameters, where, **owner)
        async with running(configured(tmp_path, {"url": energy_manager.url}, device), clock=now) as log:
            rm = await energy_manager.joined()
            await selected(rm, PEBC)
            constraints = await rm.expect(PEBCPowerConstraints)
            for limit_w, offered_a in ((6900, 10), (0, 0), (8970, 13)):
                limit = limited(constraints, 0, limit_w)
                await rm.must_take(limit)
                assert (await rm.status_of(limit.id))[-1] == "SUCCEEDED"
                assert power_w(charger) == pytest.approx(limit_w, abs=1)
                assert charger.offered_a == offered_a
        assert charger.offered_a == 8
    assert not [line for line in log if line["log_level"] in ("warning", "error")]


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", list(simulable("pv")))
async def test_an_inverter_is_limited_also_when_its_cem_is_lost_and_given_back_at_the_end(tmp_path, name):
    inverter = SimulatedInverter(Sun(4000, seed=7), max_power_w=4000, ramp_percent_per_s=1e9)
    async with cem() as energy_manager, simulated(name, inverter, "pv") as (parameters, where):
        where |= {"gap": "0 s", "warm_up": "0 s"}
        device = configured_device(name, parameters, where, max_power="4 kW")
        async with running(configured(tmp_path, {"url": energy_manager.url}, device), clock=now) as log:
            rm = await energy_manager.joined()
            await selected(rm, PEBC)
            constraints = await rm.expect(PEBCPowerConstraints)
            for limit_w in (1000, 0, 2000):
                limit = limited(constraints, -limit_w, 0)
                await rm.must_take(limit)
                assert (await rm.status_of(limit.id))[-1] == "SUCCEEDED"
                assert inverter.limit_w == pytest.approx(limit_w, abs=STEP_W)
                assert -limit_w - STEP_W <= power_w(inverter) <= 0
            rm.break_off()
            await asyncio.sleep(3 * CEM_LOST_HOLDS_S)
            assert inverter.limit_w == pytest.approx(limit_w, abs=STEP_W)
            assert power_w(inverter) == pytest.approx(-limit_w, abs=STEP_W)
        assert inverter.limit_w == 4000
    assert {line["event"] for line in log if line["log_level"] in ("warning", "error")} == {"fallback.applied"}


def heat_pumps(command):
    """The profiles of heat pumps that can be told *command*, as their owner has them who says no more than he must."""
    for name in simulable("heat_pump"):
        if any(command in make.commands for make in makes(name)):
            yield name


def heat_pump(tank_l=200, tank_c=54.0):
    """On a mild day, so that it heats nothing but its tank, out of which nobody draws."""
    return SimulatedHeatPump(
        tank=Tank(tank_l, tank_c),
        draws=HotWaterDraws(0),
        outdoor=OutdoorTemperature(18, 18),
        hot_water_c=48.0,
        cap_stops=True,
    )


@asynccontextmanager
async def heat_pump_at_work(tmp_path, name, pump, **owner):
    """The RM of a heat pump of the profile *name*, as its CEM has it, and what makes that CEM go for good.

    Hours pass, so the heat pump is asked seldom.
    """
    async with AsyncExitStack() as cems, simulated(name, pump, "heat_pump") as (parameters, where):
        energy_manager = await cems.enter_async_context(cem())
        where |= {"gap": "0 s", "warm_up": "0 s"}
        device = configured_device(name, parameters, where, **{"poll": "10 s", **owner})
        async with running(configured(tmp_path, {"url": energy_manager.url}, device), clock=now) as log:
            rm = await energy_manager.joined()

            async def leave():
                rm.break_off()
                await cems.aclose()

            yield rm, leave
    warned = [line["event"] for line in log if line["log_level"] in ("warning", "error")]
    assert set(warned) <= {"link.lost", "fallback.applied", "resource.protected"}


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", list(heat_pumps("power_limit")))
async def test_a_heat_pump_is_capped_to_the_end_of_that_when_its_cem_is_lost_and_given_back(tmp_path, name):
    pump = heat_pump(tank_l=2000, tank_c=30.0)
    async with heat_pump_at_work(tmp_path, name, pump, power="1.1 kW .. 2 kW") as (rm, leave):
        await selected(rm, PEBC)
        constraints = await rm.expect(PEBCPowerConstraints)
        uppers = [
            each
            for each in constraints.allowed_limit_ranges
            if each.limit_type is PEBCPowerEnvelopeLimitType.UPPER_LIMIT
        ]
        least_w = min(each.range_boundary.start_of_range for each in uppers)
        for cap_w in (1500, 1100 if least_w else 0, 1200):
            cap = limited(constraints, 0, cap_w)
            await rm.must_take(cap)
            assert (await rm.status_of(cap.id))[-1] == "SUCCEEDED"
            assert power_w(pump) <= cap_w + 50
            assert pump.values()["power_limit"] == cap_w
        await leave()
        await asyncio.sleep(55 * MINUTE_S)
        assert power_w(pump) == pytest.approx(1200, abs=50)
        await asyncio.sleep(5 * MINUTE_S)
        assert pump.values()["power_limit"] == pump.max_power_w
    assert pump.values()["power_limit"] == pump.max_power_w


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", list(heat_pumps("temperature_setpoint")))
async def test_hot_water_rests_and_is_heated_and_its_heat_pump_is_left_alone_when_its_cem_is_lost(tmp_path, name):
    pump = heat_pump()
    async with heat_pump_at_work(tmp_path, name, pump, volume="200 l", cop=3, power="2 kW") as (rm, leave):
        await rm.in_charge()
        for mode, factor, setpoint_c in (("rest", 0.0, 50), ("heat", 1.0, 55)):
            order = await rm.instruct(mode=mode, factor=factor)
            assert (await rm.status_of(order))[-1] == "SUCCEEDED"
            assert pump.hot_water_setpoint_c == setpoint_c
        await leave()
        await asyncio.sleep(HEAT_PUMP_HOLDS_S - MINUTE_S)
        assert pump.hot_water_setpoint_c == 55
        await asyncio.sleep(2 * MINUTE_S)
        assert pump.hot_water_setpoint_c == 48
    assert pump.hot_water_setpoint_c == 48


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", list(heat_pumps("mode")))
async def test_a_heat_pump_is_blocked_and_boosted_and_normal_when_its_cem_is_lost(tmp_path, name):
    pump = heat_pump()
    owner = {"storage": "building", "power_normal": "650 W", "power_boost": "2.1 kW", "timers": {"hold": "10 min"}}
    async with heat_pump_at_work(tmp_path, name, pump, **owner) as (rm, leave):
        await selected(rm, ControlType.OPERATION_MODE_BASED_CONTROL)
        description = await rm.expect(OMBCSystemDescription)
        for mode, state in (("blocked", SgState.BLOCKED), ("boost", SgState.RECOMMENDED)):
            order = switched(description, mode)
            await rm.must_take(order)
            assert (await rm.status_of(order.id))[-1] == "SUCCEEDED"
            await asyncio.sleep(HEAT_PUMP_HOLDS_S + MINUTE_S)
            assert pump.sg.state is state
        await leave()
        await asyncio.sleep(HEAT_PUMP_HOLDS_S - MINUTE_S)
        assert pump.sg.state is SgState.RECOMMENDED
        await asyncio.sleep(2 * MINUTE_S)
        assert pump.sg.state is SgState.NORMAL
    assert (pump.sg.refused_changes, pump.sg.refused_blocks) == (0, 0)


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", list(heat_pumps("power_offer")))
async def test_a_heat_pump_heats_by_an_offer_which_is_withdrawn_when_its_cem_is_lost(tmp_path, name):
    pump = heat_pump(tank_c=51.0)
    owner = {"volume": "200 l", "cop": 3, "power": "600 W .. 2 kW", "comfort": "50 °C .. 58 °C"}
    async with heat_pump_at_work(tmp_path, name, pump, **owner) as (rm, leave):
        await rm.in_charge()
        for mode, factor, offered_w in (("rest", 0.0, 0), ("heat", 1.0, 2000)):
            order = await rm.instruct(mode=mode, factor=factor)
            assert (await rm.status_of(order))[-1] == "SUCCEEDED"
            assert pump.values()["power_offer"] == offered_w
        assert pump.compressor.is_on
        await leave()
        await asyncio.sleep(HEAT_PUMP_HOLDS_S - MINUTE_S)
        assert pump.values()["power_offer"] == 2000
        await asyncio.sleep(2 * MINUTE_S)
        assert pump.values()["power_offer"] == 0
    assert pump.values()["power_offer"] == 0


@pytest.mark.virtual_time
async def test_a_lambda_hears_of_surplus_power_each_minute_though_nobody_is_in_charge(tmp_path):
    image = lambda_eul.image(_2002=520)
    async with served(image) as port:
        owner = {"volume": "200 l", "cop": 3, "power": "600 W .. 2 kW"}
        device = configured_device("lambda-eul", {}, {"host": "127.0.0.1", "port": port}, **{"poll": "10 s", **owner})
        async with running(configured(tmp_path, {"url": "ws://127.0.0.1:1"}, device), clock=now):
            for _ in range(20):
                image.written.clear()
                await asyncio.sleep(MINUTE_S)
                assert image.written
                assert all(written == Written(16, lambda_eul.OFFER, [0]) for written in image.written)
