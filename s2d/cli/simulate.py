"""Be a simulated device behind a real Modbus server, until Ctrl-C: of some kind, or a recorded one."""

import asyncio
import signal
import sys
from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from ..errors import ConfigError, S2dError
from ..host.console import LiveLine, complain
from ..host.console import show as show_lines
from ..simulation.battery import SimulatedBattery
from ..simulation.faults import FAULTS, Faults
from ..simulation.modbus import CannotServe, serve_rtu, serve_tcp
from . import add_config_argument, argument_of, print_problems
from .simulated_device import SimulatedDevice, battery_device, profile_device, replay_device
from .simulated_kinds import SIMULATED_KINDS

REDRAW_S = 1.0
"""How often the live line is drawn anew on a terminal."""


def add_arguments(parser: ArgumentParser) -> None:
    _add_common_arguments(parser)
    parser.epilog = "`s2d simulate KIND --help` tells what else can be said of one.\n\n" + _epilog({})
    kinds = parser.add_subparsers(dest="kind", title="what to be", metavar="KIND")
    for name, kind in SIMULATED_KINDS.items():
        of_kind = kinds.add_parser(name, help=kind.what, description=f"Be {kind.what}.")
        for action in _add_common_arguments(of_kind, kind.faults):
            action.default = SUPPRESS  # what stands before KIND stays
        of_kind.epilog = kind.epilog + _epilog(kind.faults)
        kind.add_arguments(of_kind)


def _epilog(own_faults: Mapping[str, str]) -> str:
    faults = "\n".join(f"  {name:15}{what}" for name, what in {**FAULTS, **own_faults}.items())
    return f"""\
faults for --fault, several with commas between them:
{faults}

SIGUSR1 switches the fault `on`, and off again. Ctrl-C and SIGTERM end the simulation.
"""


def _add_common_arguments(parser: ArgumentParser, own_faults: Mapping[str, str] = {}) -> list[Action]:
    """Has *parser* know what can be said of any simulated device, and returns that."""

    def faults(written: object) -> Faults:
        return Faults(str(written).split(","), own_faults)

    parser.formatter_class = RawDescriptionHelpFormatter
    where = parser.add_argument_group("where it answers")
    what = parser.add_argument_group("what it is")
    return [
        add_config_argument(parser, "where own profiles are: gateway file, or its directory"),
        where.add_argument("--port", type=int, help="TCP port, 0 for any free one (default: 5020, none with --serial)"),
        where.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)"),
        where.add_argument("--serial", metavar="PATH", help="serial line or pty to answer on as Modbus RTU, 8N1"),
        where.add_argument("--baudrate", type=int, default=9600, help="of the serial line (default: 9600)"),
        where.add_argument(
            "--framing",
            choices=("tcp", "rtu"),
            default="tcp",
            help="rtu: what an adapter for a serial line speaks on TCP",
        ),
        where.add_argument(
            "--unit",
            type=int,
            choices=range(1, 248),
            metavar="1..247",
            help="default: 1, or what profile or recording say",
        ),
        what.add_argument("--replay", type=Path, metavar="FILE", help="instead of a KIND: what `s2d record` wrote"),
        what.add_argument("--speed", type=_speed, default=1.0, metavar="TIMES", help="of --replay (default: 1)"),
        what.add_argument("--profile", metavar="NAME", help="speak the registers of this profile, or of a file"),
        what.add_argument(
            "-p",
            action="append",
            default=[],
            dest="keys",
            metavar="KEY=VALUE",
            help="as an owner writes beside `profile:`",
        ),
        what.add_argument("--fault", type=argument_of(faults), default=Faults(), metavar="FAULT,...", help="see below"),
    ]


def run(arguments: Namespace) -> int:
    """Simulates until told to end. Returns 0, 1 when the server cannot start, 2 for values that cannot be true, 78."""
    if (arguments.kind is None) == (arguments.replay is None):
        complain(f"s2d simulate: say what to be: {', '.join(SIMULATED_KINDS)}, or --replay FILE")
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
    kind = SIMULATED_KINDS[arguments.kind]
    hardware = kind.hardware(arguments)
    if isinstance(hardware, SimulatedBattery) and not arguments.profile:
        return battery_device(hardware, arguments.unit or 1, arguments.fault)
    profile = arguments.profile or f"simulated-{arguments.kind.replace('_', '-')}"
    keys = dict(_key(written) for written in arguments.keys)
    sun = kind.sun(arguments)
    simulated = profile_device(profile, keys, hardware, arguments.fault, arguments.config, sun, arguments.kind)
    if arguments.unit and len(simulated.units) == 1:
        simulated.units = dict.fromkeys([arguments.unit], *simulated.units.values())
    return simulated


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


def _speed(written: str) -> float:
    try:
        speed = float(written)
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e6:
        raise ArgumentTypeError(f"expected how many times as fast, such as 10, got {written}")
    return speed
