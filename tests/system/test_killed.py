"""The daemon is killed while every kind of device is steered: what each holds meanwhile, and what it is told first."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import NAMESPACE_DNS, uuid4, uuid5

import pytest
from s2python.common import ControlType, PowerMeasurement, ResourceManagerDetails
from s2python.frbc import FRBCInstruction, FRBCSystemDescription
from s2python.ombc import OMBCSystemDescription
from s2python.pebc import PEBCPowerConstraints

from s2d.cli.simulated_device import battery_device, profile_device
from s2d.cli.simulated_kinds import hardware_of
from s2d.host.store import Key, Store
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.faults import Faults
from s2d.simulation.hardware import SimulatedHardware
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.registers import Registers, Table
from s2d.values import Value
from tests.chronicle import PATIENCE_S, Chronicle
from tests.system.cem import Cem, Rm, cem, limited, switched
from tests.system.daemon import battery as battery_keys
from tests.system.daemon import configured, daemon

pytestmark = pytest.mark.system

FRBC, OMBC = ControlType.FILL_RATE_BASED_CONTROL, ControlType.OPERATION_MODE_BASED_CONTROL
PEBC, MEASURED = ControlType.POWER_ENVELOPE_BASED_CONTROL, ControlType.NOT_CONTROLABLE
POLL_S = 0.05
DEAD_S = 200.0
"""For so long of their time the devices are left alone: longer than any watchdog of theirs."""
SAFE = {"started": {"after": "1 s"}}


class Told(Protocol):
    """A device as its bus knows it."""

    written: Chronicle[str]
    """Names of registers and values, as they are written."""

    @property
    def registers(self) -> Registers: ...

    def holds(self, now_s: float) -> Mapping[str, Value | None]:
        """What it does by now, whatever it was told."""
        ...


class Simulated:
    """A simulated device of a profile."""

    def __init__(self, kind: str, *said: str, **parameters: str) -> None:
        self.written: Chronicle[str] = Chronicle(f"written to the {kind}")
        self._hardware: SimulatedHardware = hardware_of(kind, *said)
        self._table: Table = "input" if kind == "meter" else "holding"
        name = f"simulated-{kind.replace('_', '-')}"
        device = profile_device(name, parameters, self._hardware, Faults(), kind_name=kind)
        device.on_event = self.written.add
        self.registers: Registers = device.units[1]

    def holds(self, now_s: float) -> Mapping[str, Value | None]:
        self.registers.read(90, 1, now_s, self._table)
        return self._hardware.values()


class SetBattery:
    """A simulated battery that is told a power, and forgets it after a minute without a word."""

    def __init__(self) -> None:
        self.written: Chronicle[str] = Chronicle("written to the battery")
        self._battery = SimulatedBattery(ramp_w_per_s=1e12, watchdog_s=60.0)
        device = battery_device(self._battery, 1, Faults())
        device.on_event = self.written.add
        self.registers: Registers = device.units[1]

    def holds(self, now_s: float) -> Mapping[str, Value | None]:
        self._battery.advance(now_s)
        return {"power": self._battery.power_w}


class Bare:
    """Nothing but registers: a battery at 50 % that takes and gives nothing, whatever it is told."""

    def __init__(self) -> None:
        self.written: Chronicle[str] = Chronicle("written to the registers")
        self._words = {0: 50, 1: 0}

    @property
    def registers(self) -> Registers:
        return self

    def read(self, address: int, count: int, now_s: float, table: Table = "holding") -> list[int]:
        return [self._words.get(each, 0) for each in range(address, address + count)]

    def write(self, address: int, words: Sequence[int], now_s: float, table: Table = "holding") -> None:
        for offset, word in enumerate(words):
            self._words[address + offset] = word
            self.written.add(f"{address + offset} {word}")

    def holds(self, now_s: float) -> Mapping[str, Value | None]:
        return {str(address): float(word) for address, word in self._words.items()}


@dataclass(frozen=True)
class Steered:
    """A device that is steered when the daemon is killed."""

    control_type: ControlType
    device: Callable[[], Told]
    keys: Callable[[], dict[str, Any]]
    """As its owner writes it, but its name and connection."""
    order: Any
    """The label of a mode, or a lower and an upper limit."""
    ordered: Sequence[str]
    """What is written for that at last."""
    holds: Mapping[str, Value]
    """What it does when it was left alone for a while."""
    first: Sequence[str]
    """What is written first by the daemon that comes up after that, in this order."""


def of(profile: str, **keys: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"profile": f"simulated-{profile}", **keys}


def bare(**points: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    read = {"soc": {"register": 0, "unit": "%"}, "power": {"register": 1, "unit": "W"}}
    return lambda: {
        "kind": "battery",
        "driver": "modbus",
        "capacity": "10 kWh",
        "max_charge_power": "5 kW",
        "max_discharge_power": "5 kW",
        "points": read | points,
    }


def planned_charger() -> dict[str, Any]:
    leaves = datetime.now(UTC) + timedelta(hours=12)
    return {
        "profile": "simulated-ev-charger",
        "phases": 3,
        "max_current": "16 A",
        "cars": [{"name": "Our car", "battery_capacity": "60 kWh", "phases": 3, "first_charge": "0 s"}],
        "arrival_soc": "40 %",
        "target_soc": "50 %",
        "departure": f"{leaves:%H:%M}",
        "timers": dict.fromkeys(("on", "off", "phases"), "0 s"),
    }


TO_WRITE = {"unit": "W", "access": "write"}
AT_ONCE = dict.fromkeys(("on", "off"), "0 s")
STEERED: dict[str, Steered] = {
    "battery-frbc": Steered(
        FRBC,
        SetBattery,
        lambda: battery_keys(connection={}, fallback={"power_setpoint": "0 W"}),
        "charge",
        ["power_setpoint 5000"],
        {"power": 0.0},
        ["power_setpoint 0"],
    ),
    "battery-ombc": Steered(
        OMBC,
        Bare,
        bare(mode={"register": 10, "access": "write", "values": {0: "idle", 1: "charge", 2: "discharge"}}),
        "charge",
        ["10 1"],
        {"10": 1.0},
        ["10 0"],
    ),
    "battery-pebc": Steered(
        PEBC,
        Bare,
        bare(charge_limit={"register": 10} | TO_WRITE, discharge_limit={"register": 11} | TO_WRITE),
        (-1000.0, 2000.0),
        ["10 2000", "11 1000"],
        {"10": 2000.0, "11": 1000.0},
        ["10 2000", "11 1000"],
    ),
    "charger-pebc": Steered(
        PEBC,
        lambda: Simulated("ev_charger", "--heartbeat", "60 s", "--safe-current", "8 A"),
        of("ev-charger", max_current="16 A", safe_current="6 A"),
        (0.0, 7000.0),
        ["limit 10.2"],
        {"current_offered": 8.0},
        ["limit 6"],
    ),
    "charger-frbc": Steered(
        FRBC,
        lambda: Simulated("ev_charger"),
        planned_charger,
        "charge",
        ["limit 16"],
        {"current_offered": 16.0},
        ["limit 6"],
    ),
    "pump-frbc": Steered(
        FRBC,
        lambda: Simulated("heat_pump", "--temperature", "54 °C", "--setpoint", "56 °C"),
        of("heat-pump", storage="dhw", volume="200 l", comfort="50 °C .. 58 °C", power="1.8 kW", cop=2.9),
        "rest",
        ["setpoint 50"],
        {"temperature_setpoint": 50.0},
        ["setpoint 56"],
    ),
    "pump-offer": Steered(
        FRBC,
        lambda: Simulated("heat_pump", "--temperature", "54 °C", steering="power_offer"),
        of(
            "heat-pump",
            steering="power_offer",
            storage="dhw",
            volume="200 l",
            comfort="50 °C .. 58 °C",
            power="500 W .. 2 kW",
            cop=2.9,
        ),
        "heat",
        ["offer 2000"],
        {"power_offer": 2000.0},
        ["offer 0"],
    ),
    "pump-ombc": Steered(
        OMBC,
        lambda: Simulated("heat_pump", steering="sg_ready"),
        of("heat-pump", steering="sg_ready", power_normal="1 kW", power_boost="2 kW"),
        "boost",
        ["contact_1 0", "contact_2 1"],
        {"sg_state": 3},
        ["contact_1 0", "contact_2 0"],
    ),
    "pump-pebc": Steered(
        PEBC,
        lambda: Simulated("heat_pump", steering="power_limit"),
        of("heat-pump", steering="power_limit", cap="1 kW .. 5 kW"),
        (0.0, 2000.0),
        ["limit 2000"],
        {"power_limit": 2000.0},
        ["limit 2000"],
    ),
    "pv": Steered(
        PEBC,
        lambda: Simulated("pv", "--installer-limit", "3500 W"),
        of("pv"),
        (-1000.0, 0.0),
        ["limit_revert 60", "limit 1000"],
        {"power_limit": 3500.0},
        ["limit_revert 60", "limit 1000"],
    ),
    "plug": Steered(
        OMBC,
        lambda: Simulated("load"),
        of("load", power="2 kW", timers=AT_ONCE),
        "on",
        ["toggle_after 150", "relay 1"],
        {"on": False},
        ["toggle_after 0", "relay 0"],
    ),
    "boiler": Steered(
        OMBC,
        lambda: Simulated("load", "--boiler", "--on", boiler="true"),
        of("load", boiler=True, thermostat=True, power="2 kW", timers=AT_ONCE),
        "off",
        ["toggle_after 0", "relay 0"],
        {"on": False},
        ["toggle_after 0", "relay 1"],
    ),
    "heater": Steered(
        PEBC,
        lambda: Simulated("load", "--modulates", "--on", modulates="true"),
        of("load", modulates=True, power="0 W .. 2 kW"),
        (0.0, 1240.0),
        ["limit 1240"],
        {"power_limit": 1240.0},
        ["limit 1240"],
    ),
    "meter": Steered(MEASURED, lambda: Simulated("meter"), of("meter", measures="house"), None, [], {}, []),
}


async def told(rm: Rm, control_type: ControlType) -> None:
    """The RM has introduced itself, and offers *control_type*."""
    details = await rm.negotiate()
    if control_type not in details.available_control_types:
        await rm.expect(ResourceManagerDetails, lambda each: control_type in each.available_control_types)


def resource_id(name: str) -> str:
    """In this house the boiler starts a second after the first of its street, by its id."""
    return str(uuid5(NAMESPACE_DNS, f"{name}.house-362"))


async def steer(energy_manager: Cem, name: str, device: Told, state: Path) -> None:
    """The CEM has *device* do what it orders, until that survives the daemon."""
    steered = STEERED[name]
    rm = await energy_manager.joined(resource_id(name))
    await told(rm, steered.control_type)
    await rm.select(steered.control_type)
    if steered.control_type is MEASURED:
        await rm.expect(PowerMeasurement)
        return
    if steered.control_type is PEBC:
        order: Any = limited(await rm.expect(PEBCPowerConstraints), *steered.order)
    elif steered.control_type is OMBC:
        order = switched(await rm.expect(OMBCSystemDescription), steered.order)
    else:
        order = filled(await rm.expect(FRBCSystemDescription), steered.order)
    await rm.must_take(order)
    await rm.reached(order.id, "STARTED")
    await device.written.until(
        lambda writes: writes[-len(steered.ordered) :] == [*steered.ordered], f"{name}: {steered.ordered}"
    )
    async with asyncio.timeout(PATIENCE_S):
        while steered.control_type is PEBC and not is_limit_kept(state, name):  # noqa: ASYNC110 (a disk calls nobody)
            await asyncio.sleep(POLL_S)


def is_limit_kept(state: Path, name: str) -> bool:
    """Whether it is on the disk what *name* was limited to."""
    kept = Store(state).get(Key("resource-manager", resource_id(name)), dict[str, Any])
    return kept is not None and any("limit_w" in each for each in kept["values"])


def filled(description: FRBCSystemDescription, label: str) -> FRBCInstruction:
    """An instruction to be in the mode whose label begins with *label*, from now on."""
    (actuator,) = description.actuators
    mode = next(each for each in actuator.operation_modes if str(each.diagnostic_label).startswith(label))
    return FRBCInstruction(
        message_id=uuid4(),
        id=uuid4(),
        actuator_id=actuator.id,
        operation_mode=mode.id,
        operation_mode_factor=1.0,
        execution_time=datetime.now(UTC),
        abnormal_condition=False,
    )


async def test_each_device_is_left_to_what_it_does_itself_and_then_made_safe(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    skipped_s = -loop.time()
    devices = {name: steered.device() for name, steered in STEERED.items()}
    async with AsyncExitStack() as stack:
        energy_manager = await stack.enter_async_context(cem())
        configurations = []
        for name, device in devices.items():
            address = await stack.enter_async_context(
                serve_tcp(device.registers, clock=lambda: loop.time() + skipped_s)
            )
            where = {"host": address.host, "port": address.port, "unit": 1, "timeout": f"{PATIENCE_S:g} s"}
            known = {
                "name": name,
                "resource_id": resource_id(name),
                "connection": where,
                "poll": "200 ms",
                "safe": SAFE,
            }
            configurations.append(STEERED[name].keys() | known)
        config = configured(tmp_path, {"url": energy_manager.url}, *configurations)
        async with daemon(config) as killed:
            async with asyncio.TaskGroup() as tasks:
                for name, device in devices.items():
                    tasks.create_task(steer(energy_manager, name, device, tmp_path / "state"))
            killed.kill()
            await killed.ended()
        skipped_s += DEAD_S
        for name, device in devices.items():
            held = device.holds(loop.time() + skipped_s)
            assert STEERED[name].holds.items() <= held.items(), (name, held)
        before = {name: len(device.written.all) for name, device in devices.items()}
        async with daemon(config), asyncio.TaskGroup() as tasks:
            for name, device in devices.items():
                tasks.create_task(comes_back(energy_manager, name, device, before[name]))
        assert devices["meter"].written.all == []


async def comes_back(energy_manager: Cem, name: str, device: Told, before: int) -> None:
    """The CEM is told what it was told before, and *device* is made safe though that orders nothing."""
    steered = STEERED[name]
    rm = await energy_manager.joined(resource_id(name))
    await told(rm, steered.control_type)
    count = len(steered.first)
    await device.written.until(lambda writes: len(writes) >= before + count, f"{name}: {steered.first}")
    assert device.written.all[before : before + count] == [*steered.first], (name, device.written.all[before:])
