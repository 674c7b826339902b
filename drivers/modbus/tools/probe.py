"""Probe: finds out how one device speaks, and shows what its registers may mean.

It tries framings, settings of the line and units, each with one request that every device answers at least with no.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median

from msgspec.structs import replace

from s2d.quantities import Duration

from ..connection import ModbusConnection
from ..read_planner import MOST_REGISTERS
from ..register_block import RegisterBlock, Table
from ..transport.bus import ModbusBus
from .decodings import TITLES, decodings
from .probe_results import (
    MODBUS_PORT,
    FoundDevices,
    Parity,
    Part,
    ProbeResult,
    answering,
    at_line,
    at_unit,
    in_yaml,
    numbers,
    port_of,
    probed,
    settings_of,
    wait_s,
)

UNITS_ON_NETWORK = (1, 255, 0, 3, 2, 10, 71, 100, 126, 200, 225, 227, 240, 247)
"""Where devices on a network mostly are."""
UNITS_ON_LINE = (1, 2, 3, 4, 5, 10, 247)
BAUDRATES = (9600, 19200, 38400, 115200)
PARITIES: tuple[Parity, ...] = ("N", "E")
TIMES_ASKED = 10
_FIRST = 2
_TEN_THOUSANDS: dict[int, Table] = {3: "input", 4: "holding"}
"""First digit of a five digit number in a manual → table.

Spec: the numbering of the Modicon PLCs; MODBUS Application Protocol V1.1b3, 4.4, counts from 0 instead.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """See `s2d.commissioning.tools.Survey`."""
    parser.add_argument("--host", help="name or address of a device or gateway on the network")
    parser.add_argument("--port", default=str(MODBUS_PORT), help="TCP port (default: %(default)s)")
    parser.add_argument("--serial", metavar="DEV", help="or the serial port of a line")
    parser.add_argument("--baudrate", type=int, help=f"of the line (default: tries {', '.join(map(str, BAUDRATES))})")
    parser.add_argument("--parity", choices=("N", "E", "O"), help="of the line (default: tries N and E)")
    parser.add_argument("--unit", help="unit ids to try, such as 3 or 1..10 (default: usual ones)")
    parser.add_argument("--register", help="what to show, such as 843 or 840..850 (default: only finds the device)")
    parser.add_argument("--table", choices=("holding", "input"), help="default: holding, and input if that is refused")
    parser.add_argument("--timeout", type=wait_s, default=1.0, metavar="SECONDS", help="per question (default: 1)")


async def find(arguments: Namespace, tell: Callable[[str], None]) -> FoundDevices:
    """See `s2d.commissioning.tools.Survey`."""
    if (arguments.host is None) == (arguments.serial is None):
        raise ValueError("say where the device is: --host, or --serial")
    asked = numbers(arguments.register, 65535, "--register") if arguments.register else []
    if len(asked) > MOST_REGISTERS - 2:
        raise ValueError(f"--register: at most {MOST_REGISTERS - 2} at once, got {len(asked)}")
    table: Table = arguments.table or "holding"
    asked_block = RegisterBlock(table, asked[0] if asked else 0, 1)
    devices = FoundDevices()
    trials: list[tuple[ModbusConnection, ProbeResult]] = []
    oddities: dict[str, None] = {}
    """Sentences, in order."""
    for ways in _ways(arguments):
        if _is_settled(ways[0], trials):
            continue
        found = await _first(ways, asked_block, tell, trials, oddities)
        if found:
            devices.parts += _remarks(found, trials)
            found, shown = await _shown(found, table, asked, oddities, is_sure=arguments.table is not None)
            devices.connections.append(settings_of(found))
            devices.parts += [*oddities, f"connection: {in_yaml(settings_of(found))}", *shown]
            return devices
    devices.parts += [*oddities, *_why_nothing(trials)]
    return devices


def _ways(arguments: Namespace) -> Iterator[list[ModbusConnection]]:
    """Connections to try; those in one list share an endpoint and a framing."""
    timeout = Duration(arguments.timeout)
    if arguments.serial:
        units = numbers(arguments.unit, 247, "--unit") if arguments.unit else list(UNITS_ON_LINE)
        for baudrate in [arguments.baudrate] if arguments.baudrate else BAUDRATES:
            for parity in (arguments.parity,) if arguments.parity else PARITIES:
                line = at_line(arguments.serial, baudrate, parity, Duration(min(timeout, 0.5)))
                yield [at_unit(line, unit) for unit in units]
        return
    units = numbers(arguments.unit, 255, "--unit") if arguments.unit else list(UNITS_ON_NETWORK)
    port = port_of(arguments.port)
    plain = ModbusConnection(host=arguments.host, port=port, timeout_s=timeout)
    line = ModbusConnection(host=arguments.host, port=port, framing="rtu", timeout_s=timeout)
    for some in (units[:_FIRST], units[_FIRST:]):  # to find the framing before asking many units in the wrong one
        for ways in (
            [at_unit(plain, unit) for unit in some if not 247 < unit < 255],
            [at_unit(line, unit) for unit in some if 0 < unit < 248],
        ):
            if ways:
                yield ways


def _is_settled(way: ModbusConnection, trials: Sequence[tuple[ModbusConnection, ProbeResult]]) -> bool:
    """Whether it is known by now that nobody speaks as in *way*."""
    if way.host is None:
        return bool(trials) and trials[-1][1].is_port_missing
    if way.framing == "rtu" and any(_speaks_modbus_tcp(each) for _, each in trials):
        return True  # only the unit is missing
    return any(tried_way.framing == way.framing and each.outcome == "lost" for tried_way, each in trials) or any(
        each.is_port_missing for _, each in trials
    )


def _speaks_modbus_tcp(result: ProbeResult) -> bool:
    """Whether *result* of asking in Modbus TCP was said in it: by a gateway, or under other numbers."""
    is_foreign = result.outcome == "foreign" and bool(result.remedy) and "framing" not in result.remedy
    return "gateway" in result.reason or is_foreign


async def _first(
    ways: Sequence[ModbusConnection],
    asked_block: RegisterBlock,
    tell: Callable[[str], None],
    trials: list[tuple[ModbusConnection, ProbeResult]],
    oddities: dict[str, None],
) -> ModbusConnection | None:
    """The first of *ways* that leads to a unit, with the keys that it needs; all *trials* and *oddities* are kept."""
    async with ModbusBus.opened(ways[0]) as bus:
        for way in ways:
            tell(f"trying {in_yaml(settings_of(way))}")
            trials += await answering(bus, way, asked_block)
            oddities |= dict.fromkeys(bus.oddities_of(way))
            reached, found = trials[-1]
            if found.is_there:
                return reached
            if found.outcome == "lost":
                return None  # nothing else will come of this way of speaking
    return None


async def _shown(
    way: ModbusConnection, table: Table, asked: list[int], oddities: dict[str, None], *, is_sure: bool
) -> tuple[ModbusConnection, list[Part]]:
    """What *way* says of the registers *asked* for; and *way*, with as many as it gives at once."""
    async with ModbusBus.opened(way) as bus:
        if not asked:
            times = _times([await probed(bus, way, RegisterBlock(table, 0, 1)) for _ in range(TIMES_ASKED)])
            oddities |= dict.fromkeys(bus.oddities_of(way))
            return way, [times]
        parts: list[Part] = []
        words, whole = await _words(bus, way, table, asked)
        for other, registers, remark in _meant(table, asked, is_sure=is_sure):
            if words:
                break
            words, _ = await _words(bus, way, other, registers)
            if words:
                table, asked = other, registers
                parts.append(remark)
        oddities |= dict.fromkeys(bus.oddities_of(way))
        if not words:
            return way, [whole.reason]
        way = replace(way, **whole.remedy)
        block = RegisterBlock(table, asked[0], min(asked[-1] - asked[0] + 1, way.max_registers))
        times = _times([await probed(bus, way, block) for _ in range(TIMES_ASKED)])
    if not all(register in words for register in asked):
        parts.append(f"some of the registers are refused: {whole.reason}")
    return way, [*parts, [TITLES, *decodings(words, asked)], times, "points:", *_points(table, asked, words)]


def _meant(table: Table, asked: list[int], *, is_sure: bool) -> Iterator[tuple[Table, list[int], str]]:
    """What else somebody may mean who asks for these registers, and how to tell him."""
    if not is_sure:
        yield "input", asked, "such holding registers are refused; these are input registers:"
    digit = asked[0] // 10000
    if digit in _TEN_THOUSANDS and asked[0] % 10000:
        other = _TEN_THOUSANDS[digit]
        registers = [register - 10000 * digit - 1 for register in asked if register > 10000 * digit]
        yield (
            other,
            registers,
            f"there is no register {asked[0]}. Some manuals write {asked[0]} for {other} register {registers[0]}, "
            "as it is called on the wire; that one answers:",
        )


async def _words(
    bus: ModbusBus, way: ModbusConnection, table: Table, asked: Sequence[int]
) -> tuple[dict[int, int], ProbeResult]:
    """The words of the registers *asked* for and their neighbours, none if all are refused; and of asking at once."""
    whole = await probed(bus, way, RegisterBlock(table, asked[0], asked[-1] - asked[0] + 1))
    words = dict(enumerate(whole.words, asked[0]))
    if whole.outcome == "refused" and len(asked) > 1:
        for register in asked:
            words |= dict(enumerate((await probed(bus, way, RegisterBlock(table, register, 1))).words, register))
    if words:
        for register in (asked[0] - 1, asked[-1] + 1):
            if 0 <= register <= 65535:
                words |= dict(enumerate((await probed(bus, way, RegisterBlock(table, register, 1))).words, register))
    return words, whole


def _points(table: Table, asked: Sequence[int], words: Mapping[int, int]) -> Iterator[str]:
    for register in asked:
        if register in words:
            where = {"register": register} | ({"table": table} if table != "holding" else {}) | {"type": "uint16"}
            yield f"  register_{register}: {in_yaml(where)}  # {words[register]}"


def _times(results: Sequence[ProbeResult]) -> str:
    took_ms = [each.seconds * 1000 for each in results if each.is_there]
    if not took_ms:
        return f"asked again {len(results)} times, it did not answer any more"
    shown = f"{min(took_ms):.1f} ms at least, {median(took_ms):.1f} ms mostly, {max(took_ms):.1f} ms at most"
    missed = f"; {len(results) - len(took_ms)} had no answer" if len(took_ms) < len(results) else ""
    return f"{len(results)} requests took {shown}{missed}"


def _remarks(found: ModbusConnection, trials: Sequence[tuple[ModbusConnection, ProbeResult]]) -> Iterator[str]:
    if found.framing == "rtu":
        yield (
            "it does not speak Modbus TCP but RTU through TCP, as adapters do that only pass a serial line on: "
            "`framing: rtu` has to stand there"
        )
    foreign = [each.reason for _, each in trials if each.is_foreign]
    yield from dict.fromkeys(foreign)
    if found.framing != "rtu" and found.host is not None and len(trials) > 1 and not foreign:
        is_gateway = any("gateway" in each.reason for _, each in trials)
        yield f"{'a gateway' if is_gateway else 'it minds the unit id'}: others than {found.unit} had no answer"


def _why_nothing(trials: Sequence[tuple[ModbusConnection, ProbeResult]]) -> Iterator[str]:
    way, last = trials[-1]
    tried_units = ", ".join(map(str, sorted({each.unit for each, _ in trials})))
    yield from dict.fromkeys(each.reason for _, each in trials if each.is_foreign)
    reasons = dict.fromkeys(each.reason for _, each in trials if each.outcome == "lost")
    yield from reasons
    if all(each.outcome == "lost" for _, each in trials):
        if any("closed the connection" in reason for reason in reasons):
            yield (
                "it takes the connection and ends it: mostly another client holds the device, which serves only one. "
                "Stop s2d, Home Assistant, evcc or whatever else reads it, wait a minute, and probe again"
            )
        return
    if any(each.is_foreign for _, each in trials):
        return
    yield f"nobody answers at {way.endpoint} under unit {tried_units}"
    if way.serial:
        yield (
            "check the unit id at the device, that A and B are not swapped, that the line has a resistor at each end, "
            "and that no other program reads the line"
        )
    elif any(each.outcome == "silent" and "gateway" not in each.reason for _, each in trials):
        yield (
            "it takes the connection and says nothing, in Modbus TCP as in RTU: either the unit id is another "
            "(--unit 1..247), or another client holds the device, which serves only one"
        )
    else:
        yield f"the gateway is there, the device behind it is not: {last.reason}"
