"""Be a simulated home battery behind a real Modbus server, until Ctrl-C."""

import asyncio
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from ..quantities import Energy, Percentage, PercentageRange, Power
from ..simulation.battery import SimulatedBattery
from ..simulation.modbus import CannotServe, serve_rtu, serve_tcp
from ..simulation.registers import BatteryRegisters, register_table

REDRAW_S = 1.0
"""How often the live line is drawn anew on a terminal."""

FAULTS = {"on": "the battery reports a fault and stands still"}

_T = TypeVar("_T")

_EPILOG = f"""\
registers (16-bit words, read as holding or input registers; any other address is exception 2):
{register_table()}

SIGUSR1 switches the fault on, and off again. Ctrl-C and SIGTERM end the simulation.
"""


def add_arguments(parser: ArgumentParser) -> None:
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("device", choices=["battery"], help="what to be")
    where = parser.add_argument_group("where it answers")
    where.add_argument("--port", type=int, help="TCP port, 0 for any free one (default: 5020, none with --serial)")
    where.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    where.add_argument("--serial", metavar="PATH", help="serial line or pty to answer on as Modbus RTU, 8N1")
    where.add_argument("--baudrate", type=int, default=9600, help="of the serial line (default: %(default)s)")
    where.add_argument("--unit", type=int, choices=range(1, 248), metavar="1..247", default=1, help="default: 1")
    what = parser.add_argument_group("what it is")
    what.add_argument("--capacity", type=_of(Energy.parse), default=Energy(10_000), help='default: "10 kWh"')
    what.add_argument("--max-charge-power", type=_of(Power.parse), default=Power(5000), help='default: "5 kW"')
    what.add_argument("--max-discharge-power", type=_of(Power.parse), default=Power(5000), help='default: "5 kW"')
    what.add_argument(
        "--round-trip-efficiency", type=_of(Percentage.parse), default=Percentage(92), help='default: "92 %%"'
    )
    what.add_argument(
        "--usable-range",
        type=_of(PercentageRange.parse),
        default=PercentageRange((0.0, 100.0)),
        help='default: "0 %% .. 100 %%"',
    )
    what.add_argument("--soc", type=float, default=50.0, metavar="PERCENT", help="at the start (default: 50)")
    what.add_argument("--ramp", type=float, default=2500.0, metavar="W_PER_S", help="default: 2500")
    what.add_argument(
        "--watchdog",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="a setpoint not rewritten for so long lapses to 0; 0: never (default: 60)",
    )
    what.add_argument("--serial-number", default="S2D-SIM-0001", help="default: %(default)s")
    what.add_argument("--fault", choices=FAULTS, help="; ".join(f"{name}: {what}" for name, what in FAULTS.items()))


def run(arguments: Namespace) -> int:
    """Simulates until told to end. Returns 0, 1 when the server cannot start, 2 for values that cannot be true."""
    try:
        battery = SimulatedBattery(
            capacity_wh=arguments.capacity,
            max_charge_power_w=arguments.max_charge_power,
            max_discharge_power_w=arguments.max_discharge_power,
            round_trip_efficiency=arguments.round_trip_efficiency / 100,
            usable_range_percent=arguments.usable_range,
            soc_percent=arguments.soc,
            ramp_w_per_s=arguments.ramp,
            watchdog_s=arguments.watchdog,
            serial_number=arguments.serial_number,
        )
        registers = BatteryRegisters(battery, on_write=lambda name, value: _show(battery, f"{name} {value}"))
    except ValueError as exc:
        print(f"s2d simulate: {exc}", file=sys.stderr)
        return 2
    try:
        asyncio.run(_simulate(battery, registers, arguments))
    except CannotServe as exc:
        print(f"s2d simulate: {exc}", file=sys.stderr)
        return 1
    return 0


async def _simulate(battery: SimulatedBattery, registers: BatteryRegisters, arguments: Namespace) -> None:
    loop = asyncio.get_running_loop()
    stopping: asyncio.Future[None] = loop.create_future()

    def stop(reason: CannotServe | None = None) -> None:
        if stopping.done():
            return
        if reason:
            stopping.set_exception(reason)
        else:
            stopping.set_result(None)

    def toggle_fault() -> None:
        battery.set_fault(not battery.fault, loop.time())
        _show(battery, f"fault {'on' if battery.fault else 'off'}")

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    loop.add_signal_handler(signal.SIGUSR1, toggle_fault)
    battery.set_fault(arguments.fault == "on", loop.time())
    async with AsyncExitStack() as serving:
        if arguments.serial is not None:
            line, baudrate = arguments.serial, arguments.baudrate
            lost = CannotServe(line, "the line is gone")
            await serving.enter_async_context(
                serve_rtu(registers, line, baudrate=baudrate, unit=arguments.unit, on_lost=lambda: stop(lost))
            )
            print(f"Modbus RTU on {line}, {baudrate} baud, unit {arguments.unit}", flush=True)
        if arguments.port is not None or arguments.serial is None:
            port = 5020 if arguments.port is None else arguments.port
            address = await serving.enter_async_context(
                serve_tcp(registers, host=arguments.host, port=port, unit=arguments.unit)
            )
            print(f"Modbus TCP on {address}, unit {arguments.unit}", flush=True)
        is_live = sys.stdout.isatty()
        while not stopping.done():
            if is_live:
                battery.advance(loop.time())
                _show(battery, "")
            await asyncio.wait([stopping], timeout=REDRAW_S if is_live else None)
    if is_live:
        print()
    await stopping


def _show(battery: SimulatedBattery, event: str) -> None:
    """Draws the live line anew on a terminal; elsewhere *event* is worth a line of its own."""
    state = (
        f"{battery.status.name.lower():12}soc {battery.soc_percent:5.1f} %   "
        f"power {battery.power_w:6.0f} W   setpoint {battery.setpoint_w:6.0f} W"
    )
    if sys.stdout.isatty():
        print(f"\r\x1b[K{state}", end="", flush=True)
    else:
        print(f"{event:24}{state}", flush=True)


def _of(parse: Callable[[object], _T]) -> Callable[[str], _T]:
    """*parse* for argparse, which shows the sentence of no other error than its own."""

    def parsed(written: str) -> _T:
        try:
            return parse(written)
        except ValueError as exc:
            raise ArgumentTypeError(str(exc)) from exc

    return parsed
