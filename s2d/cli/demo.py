"""See the whole at work: a simulated device behind a real Modbus server, the daemon, and a CEM that steers it."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import msgspec

from ..cem.script import Step
from ..cem.script import load as load_script
from ..cem.script_runner import ScriptFailed, run_script
from ..cem.server import CemServer, serve
from ..cem.transcript import Event, Observer
from ..cem.view import event_line, text_of
from ..config import Config, DeviceConfig, load
from ..host import clock, log
from ..host.console import OutputStream, complain
from ..host.store import Store
from ..quantities import Duration, Energy
from ..rm.kinds.battery import BatterySettings
from ..s2.messages.common import ControlType
from ..service import daemon
from ..simulation.battery import SimulatedBattery
from ..simulation.faults import Faults
from ..simulation.modbus import ModbusAddress, serve_tcp
from . import argument_of
from .simulated_device import SimulatedDevice, battery_device, profile_device
from .simulated_kinds import hardware_of

_LESS_RICH = (ControlType.POWER_ENVELOPE_BASED_CONTROL, ControlType.OPERATION_MODE_BASED_CONTROL)
"""What the CEM selects where it is not offered to tell what to charge; of several devices one may only be measured."""
_SAID = {"meter": ("--sun", "0 W"), "heat_pump": ("--temperature", "52 °C", "--outdoor", "-12 °C .. -8 °C")}
"""Kind → what is said of its hardware: in a house the sun shines on the inverter alone, and it is cold outdoors."""
_FOLDERS = {
    "battery": ".",
    "ev_charger": "ev_charger",
    "heat_pump": "heat_pump",
    "load": "load",
    "meter": "meter",
    "pv": "pv",
}
"""Kind → where, in `config/demo/`, are the devices of its demo and the script of the CEM."""


def add_arguments(parser: ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--kind", choices=_FOLDERS, default="battery", help="what is shown (default: battery)")
    what.add_argument("--house", action="store_true", help="a house: battery, inverter, car, heat pump and meter")
    parser.add_argument(
        "--duration",
        type=argument_of(Duration.parse),
        default=Duration(30),
        metavar="TIME",
        help="how long, e.g. 30s (the default)",
    )


def run(args: Namespace) -> int:
    """Shows it for a while, or until Ctrl-C; leaves all at rest either way.

    Returns 0; 1 if it went wrong or nobody looks any more.
    """
    folder = "house" if args.house else _FOLDERS[args.kind]
    # `config/` travels as the package s2d_config, which has data and no code.
    places = [Path(place) / "demo" / folder for place in import_module("s2d_config").__path__]
    shipped = next(place for place in places if place.is_dir())
    config, steps = load(shipped), load_script(shipped / "script.yaml")
    log.configure("json", "error")
    return asyncio.run(_show(config, steps, args.duration))


async def _show(config: Config, steps: list[Step], duration_s: float) -> int:
    stopping = asyncio.Event()
    output = OutputStream("demo", stopping.set)
    is_live = sys.stdout.isatty()
    kinds = [str(device.kind) for device in config.devices]
    steered = [kind for kind in kinds if kind != "meter"]
    observers = [] if is_live else [_event_printer(output)]
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with AsyncExitStack() as peers:
        addresses = []
        for device in config.devices:
            simulated = _simulated(device)
            if not is_live:
                simulated.on_event = _write_printer(output, str(device.kind))
            (unit, registers), *others = simulated.units.items()
            server = serve_tcp(registers, unit=unit, also=dict(others), clock=lambda: loop.time() - began_s)
            addresses.append(await peers.enter_async_context(server))
        cem = await peers.enter_async_context(
            serve(
                clock=clock.now,
                new_id=lambda: str(uuid4()),
                observers=observers,
                otherwise=_LESS_RICH if steered == kinds else (*_LESS_RICH, ControlType.NOT_CONTROLABLE),
            )
        )
        places = [f"{device.kind} on Modbus TCP {at}" for device, at in zip(config.devices, addresses, strict=True)]
        output.write(f"{', '.join(places)}, CEM on ws://{cem.address}, for {duration_s:g} s; Ctrl-C ends it")
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(_run_script(steps, cem, stopping))
            watching = tasks.create_task(_watch(cem, stopping)) if is_live else None
            timing = tasks.create_task(_stop_after(duration_s, stopping))
            await daemon.run(_placed(config, addresses, cem), Store(), stopping=stopping)
            failure = await running
            timing.cancel()
            if watching:
                watching.cancel()
    output.write(", ".join([*(f"the {kind} is at rest" for kind in steered), "all is closed"]))
    if failure:
        complain(f"s2d demo: {failure}")
    return 1 if failure or output.is_closed else 0


def _simulated(device: DeviceConfig) -> SimulatedDevice:
    """The stand-in of *device*: of its profile, or a battery with registers of its own that is as large as is said."""
    if device.profile is not None:
        kind_name = str(device.kind)
        hardware = hardware_of(kind_name, *_SAID.get(kind_name, ()), profile=device.profile)
        return profile_device(device.profile, {}, hardware, Faults(), kind_name=kind_name)
    settings = device.settings
    assert isinstance(settings, BatterySettings)
    battery = SimulatedBattery(
        capacity_wh=Energy(settings.capacity_wh),
        max_charge_power_w=settings.max_charge_power_w,
        max_discharge_power_w=settings.max_discharge_power_w,
        round_trip_efficiency=settings.round_trip_efficiency / 100,
    )
    return battery_device(battery, 1, Faults())


def _placed(config: Config, addresses: Sequence[ModbusAddress], cem: CemServer) -> Config:
    """*config* with the peers where they really are, and an identity that is nobody else's."""
    url = f"ws://{cem.address}/s2/{{resource_id}}"
    placed = []
    for device, at in zip(config.devices, addresses, strict=True):
        assert device.cem is not None
        connection = msgspec.structs.replace(device.connection, host=at.host, port=at.port)
        placed.append(replace(device, connection=connection, cem=msgspec.structs.replace(device.cem, url=url)))
    return replace(config, gateway=msgspec.structs.replace(config.gateway, id=uuid4()), devices=tuple(placed))


async def _run_script(steps: list[Step], cem: CemServer, stopping: asyncio.Event) -> ScriptFailed | None:
    """Carries the script out over and over until *stopping*, or until it fails, which sets that."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(_repeat(steps, cem))
        running.add_done_callback(lambda _: stopping.set())
        await stopping.wait()
        running.cancel()
    return None if running.cancelled() else running.result()


async def _repeat(steps: list[Step], cem: CemServer) -> ScriptFailed:
    while True:
        try:
            await run_script(steps, cem)
        except ScriptFailed as exc:
            return exc


async def _watch(cem: CemServer, stopping: asyncio.Event) -> None:
    from ..cem.terminal import watch

    await watch(cem)
    stopping.set()


async def _stop_after(duration_s: float, stopping: asyncio.Event) -> None:
    await clock.sleep(duration_s)
    stopping.set()


def _event_printer(output: OutputStream) -> Observer:
    def tell(event: Event) -> None:
        line = event_line(event)
        if line is not None:
            output.write(text_of(line))

    return tell


def _write_printer(output: OutputStream, kind_name: str) -> Callable[[str], None]:
    """Has *output* tell what is written to a register, which comes as its name and the value."""
    return lambda event: output.write(f"{clock.now().utc:%H:%M:%S}Z {kind_name}: {event.replace(' ', ' = ', 1)}")
