"""Be a simulated device behind a real Modbus server, until Ctrl-C: a home battery, or a recorded device."""

import asyncio
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

from ..errors import ConfigError, S2dError
from ..host.console import LiveLine, complain
from ..host.console import show as show_lines
from ..quantities import Energy, Percentage, PercentageRange, Power
from ..simulation.battery import SimulatedBattery
from ..simulation.faults import FAULTS, Faults
from ..simulation.modbus import CannotServe, serve_rtu, serve_tcp
from ..simulation.registers import register_table
from ..simulation.sun import Sun
from . import add_config_argument, print_problems
from .simulated_device import SimulatedDevice, battery_device, profile_device, replay_device

REDRAW_S = 1.0
"""How often the live line is drawn anew on a terminal."""

_T = TypeVar("_T")

_EPILOG = f"""\
registers without --profile (16-bit words, read as holding or input registers; any other address is exception 2):
{register_table()}

faults for --fault, several with commas between them:
{chr(10).join(f"  {name:15}{what}" for name, what in FAULTS.items())}

SIGUSR1 switches the fault `on`, and off again. Ctrl-C and SIGTERM end the simulation.
"""


def add_arguments(parser: ArgumentParser) -> None:
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("device", choices=["battery"], nargs="?", help="what to be")
    add_config_argument(parser, "where own profiles are: gateway file, or its directory")
    where = parser.add_argument_group("where it answers")
    where.add_argument("--port", type=int, help="TCP port, 0 for any free one (default: 5020, none with --serial)")
    where.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    where.add_argument("--serial", metavar="PATH", help="serial line or pty to answer on as Modbus RTU, 8N1")
    where.add_argument("--baudrate", type=int, default=9600, help="of the serial line (default: %(default)s)")
    where.add_argument(
        "--framing", choices=("tcp", "rtu"), default="tcp", help="rtu: what an adapter for a serial line speaks on TCP"
    )
    where.add_argument(
        "--unit", type=int, choices=range(1, 248), metavar="1..247", help="default: 1, or what profile or recording say"
    )
    what = parser.add_argument_group("what it is")
    what.add_argument("--replay", type=Path, metavar="FILE", help="instead of a battery: what `s2d record` wrote")
    what.add_argument("--speed", type=_speed, default=1.0, metavar="TIMES", help="of --replay (default: 1)")
    what.add_argument("--profile", metavar="NAME", help="speak the registers of this profile, or of a file NAME.yaml")
    what.add_argument(
        "-p", action="append", default=[], dest="keys", metavar="KEY=VALUE", help="as an owner writes beside `profile:`"
    )
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
        help="a setpoint not rewritten for so long lapses to 0; 0: never (default: 60); profiles have their own",
    )
    what.add_argument("--serial-number", default="S2D-SIM-0001", help="default: %(default)s")
    what.add_argument(
        "--sun", type=_of(Power.parse), default=Power(3000), help='on a hybrid, at most (default: "3 kW")'
    )
    what.add_argument("--clouds", type=int, default=1, metavar="SEED", help="which clouds come (default: 1)")
    what.add_argument("--fault", type=_of(_faults), default=Faults(), metavar="FAULT,...", help="see below")


def run(arguments: Namespace) -> int:
    """Simulates until told to end. Returns 0, 1 when the server cannot start, 2 for values that cannot be true, 78."""
    if (arguments.device is None) == (arguments.replay is None):
        complain("s2d simulate: say what to be: battery, or --replay FILE")
        return 2
    try:
        asyncio.run(_simulate(_simulated_device(arguments), arguments))
    except ConfigError as exc:
        return print_problems(exc)
    except ValueError as exc:
        complain(f"s2d simulate: {exc}")
        return 2
    except S2dError as exc:
        complain(f"s2d simulate: {exc}")
        return 1
    return 0


def _simulated_device(arguments: Namespace) -> SimulatedDevice:
    if arguments.replay:
        return replay_device(arguments.replay, arguments.speed, arguments.unit)
    if arguments.profile:
        keys = dict(_key(written) for written in arguments.keys)
        battery, sun = _battery(arguments, 0.0), Sun(arguments.sun, arguments.clouds)
        return profile_device(arguments.profile, keys, battery, arguments.fault, arguments.config, sun)
    return battery_device(_battery(arguments, arguments.watchdog), arguments.unit or 1, arguments.fault)


def _battery(arguments: Namespace, watchdog_s: float) -> SimulatedBattery:
    return SimulatedBattery(
        capacity_wh=arguments.capacity,
        max_charge_power_w=arguments.max_charge_power,
        max_discharge_power_w=arguments.max_discharge_power,
        round_trip_efficiency=arguments.round_trip_efficiency / 100,
        usable_range_percent=arguments.usable_range,
        soc_percent=arguments.soc,
        ramp_w_per_s=arguments.ramp,
        watchdog_s=watchdog_s,
        serial_number=arguments.serial_number,
    )


async def _simulate(simulated: SimulatedDevice, arguments: Namespace) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    stopping: asyncio.Future[None] = loop.create_future()
    live_line = LiveLine(sys.stdout)

    def stop(reason: CannotServe | None = None) -> None:
        if stopping.done():
            return
        if reason:
            stopping.set_exception(reason)
        else:
            stopping.set_result(None)

    def now_s() -> float:
        """Seconds that it has lived."""
        return loop.time() - began_s

    def show(event: str) -> None:
        """Draws the live line anew on a terminal; elsewhere *event* is worth a line of its own."""
        status = simulated.status_line(now_s())
        if live_line.is_live:
            live_line.draw(status)
        else:
            show_lines(f"{event:24}{status}")

    def toggle_fault() -> None:
        if simulated.toggle_fault:
            show(f"fault {'on' if simulated.toggle_fault(now_s()) else 'off'}")

    simulated.on_event = show
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    loop.add_signal_handler(signal.SIGUSR1, toggle_fault)
    if arguments.fault.is_on("on") and simulated.toggle_fault:
        simulated.toggle_fault(now_s())
    (unit, registers), *others = simulated.units.items()
    units = ", ".join(map(str, simulated.units))
    async with AsyncExitStack() as serving:
        if arguments.serial is not None:
            line, baudrate = arguments.serial, arguments.baudrate
            lost = CannotServe(line, "the line is gone")
            await serving.enter_async_context(
                serve_rtu(
                    registers,
                    line,
                    baudrate=baudrate,
                    unit=unit,
                    also=dict(others),
                    faults=arguments.fault,
                    clock=now_s,
                    on_lost=lambda: stop(lost),
                )
            )
            show_lines(f"Modbus RTU on {line}, {baudrate} baud, unit {units}")
        if arguments.port is not None or arguments.serial is None:
            address = await serving.enter_async_context(
                serve_tcp(
                    registers,
                    host=arguments.host,
                    port=5020 if arguments.port is None else arguments.port,
                    unit=unit,
                    also=dict(others),
                    framing=arguments.framing,
                    faults=arguments.fault,
                    clock=now_s,
                )
            )
            show_lines(f"Modbus {'RTU over ' * (arguments.framing == 'rtu')}TCP on {address}, unit {units}")
        while not stopping.done():
            if live_line.is_live:
                show("")
            await asyncio.wait([stopping], timeout=REDRAW_S if live_line.is_live else None)
    live_line.leave()
    await stopping


def _key(written: str) -> tuple[str, str]:
    key, equals, value = written.partition("=")
    if not equals:
        raise ValueError(f'-p: expected KEY=VALUE, got "{written}"')
    return key, value


def _faults(written: object) -> Faults:
    return Faults(str(written).split(","))


def _speed(written: str) -> float:
    try:
        speed = float(written)
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e6:
        raise ArgumentTypeError(f"expected how many times as fast, such as 10, got {written}")
    return speed


def _of(parse: Callable[[object], _T]) -> Callable[[str], _T]:
    """*parse* for argparse, which shows the sentence of no other error than its own."""

    def parsed(written: str) -> _T:
        try:
            return parse(written)
        except ValueError as exc:
            raise ArgumentTypeError(str(exc)) from exc

    return parsed
