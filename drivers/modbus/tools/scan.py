"""Scan: finds the devices on a line, or at addresses that are given; it never looks for addresses itself.

Every unit gets one request; who answers is asked for a SunSpec map, which names maker, model and serial number.
"""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence

from s2d.errors import DeviceUnreachable
from s2d.quantities import Duration

from ..connection import ModbusConnection
from ..register_block import RegisterBlock
from ..sunspec.model_scan import FoundModel, scanned_models
from ..transport.bus import ModbusBus
from ..value_format import format_of
from .probe import UNITS_ON_NETWORK
from .probe_results import (
    MODBUS_PORT,
    FoundDevices,
    answering,
    at_unit,
    in_yaml,
    numbers,
    port_of,
    probed,
    settings_of,
    wait_s,
)

_COMMON = 1
_PLATE = {"manufacturer": (2, 16), "model": (18, 16), "version": (42, 8), "serial_number": (50, 16)}
"""What model 1 says: registers from its id on, and how many.

Spec: SunSpec Device Information Model Specification 1.1, 5, model 1.
"""
_EVERYWHERE = 4
"""A device on the network that answers under so many ids does not look at them."""


def add_arguments(parser: ArgumentParser) -> None:
    """See `s2d.commissioning.tools.Survey`."""
    parser.add_argument(
        "hosts", nargs="*", metavar="HOST[:PORT]", help="devices or gateways on the network; [ADDRESS]:PORT for IPv6"
    )
    parser.add_argument("--serial", metavar="DEV", help="or the serial port of a line")
    parser.add_argument("--baudrate", type=int, default=9600, help="of the line (default: %(default)s)")
    parser.add_argument("--parity", choices=("N", "E", "O"), default="N", help="of the line (default: N)")
    parser.add_argument("--units", help="unit ids to ask, such as 1..32 (default: all on a line, usual ones at a host)")
    parser.add_argument("--timeout", type=wait_s, metavar="SECONDS", help="per unit (default: 0.2 on a line, else 1)")


async def find(arguments: Namespace, tell: Callable[[str], None]) -> FoundDevices:
    """See `s2d.commissioning.tools.Survey`."""
    if bool(arguments.hosts) == bool(arguments.serial):
        raise ValueError("say where to look: HOST..., or --serial")
    devices = FoundDevices()
    if arguments.serial:
        line = ModbusConnection(
            serial=arguments.serial,
            baudrate=arguments.baudrate,
            parity=arguments.parity,
            timeout_s=Duration(arguments.timeout or 0.2),
        )
        units = numbers(arguments.units or "1..247", 247, "--units")
        await _look(line, units, devices, tell)
    for host in arguments.hosts:
        name, port = _host_and_port(host)
        place = ModbusConnection(host=name, port=port, timeout_s=Duration(arguments.timeout or 1.0))
        units = numbers(arguments.units, 255, "--units") if arguments.units else list(UNITS_ON_NETWORK)
        await _look(place, units, devices, tell)
    return devices


def _host_and_port(text: str) -> tuple[str, int]:
    """Raises: ValueError: *text* names no host."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, MODBUS_PORT  # an IPv6 address alone
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^\[\]:]+))(?::([0-9]+))?", text)
    if not match:
        raise ValueError(f"expected HOST, HOST:PORT or [ADDRESS]:PORT, got {text}")
    return match[1] or match[2], port_of(match[3] or str(MODBUS_PORT))


async def _look(
    place: ModbusConnection, units: Sequence[int], devices: FoundDevices, tell: Callable[[str], None]
) -> None:
    before = len(devices.parts)
    there: list[ModbusConnection] = []
    foreign: dict[str, None] = {}
    odd: dict[str, None] = {}
    async with ModbusBus.opened(place) as bus:
        silent = 0
        for unit in units:
            way = at_unit(place, unit)
            tell(f"{place.endpoint}: asking unit {unit}, {len(there)} found")
            trials = await answering(bus, way, RegisterBlock("holding", 0, 1))
            way, found = trials[-1]
            foreign |= dict.fromkeys(each.reason for _, each in trials if each.is_foreign)
            odd |= dict.fromkeys(bus.oddities_of(way))
            if found.is_there:
                there += [way] if way not in there else []
                if way.unit != unit and place.host is not None:
                    break  # whichever is asked, this one answers
            elif found.outcome == "lost":
                devices.parts.append(found.reason)
                break
            elif found.outcome == "silent" and place.host is not None and "gateway" not in found.reason:
                silent += 1
                if silent > 1 and not there:
                    devices.parts.append(
                        f"{place.endpoint} takes the connection and says nothing; `s2d probe --host {place.host}` "
                        "tries other ways to speak"
                    )
                    break
        if place.host is not None and len(there) >= _EVERYWHERE:
            devices.parts.append(f"{place.endpoint} answers under every unit id, as if there were none; taken for one")
            there = there[:1]
        for way in there:
            tell(f"{way.place}: looking what it is")
            devices.connections.append(settings_of(way))
            devices.parts.append(await _said(bus, way))
            odd |= dict.fromkeys(bus.oddities_of(way))
    if not there and not foreign and len(devices.parts) == before:
        devices.parts.append(f"nobody answers at {place.endpoint}")
    devices.parts += [*list(foreign)[:1], *odd]


async def _said(bus: ModbusBus, way: ModbusConnection) -> str:
    """What the unit *way* says it is."""

    async def read(block: RegisterBlock) -> list[int]:
        return list(await bus.read(way, block))

    head = f"connection: {in_yaml(settings_of(way))}"
    try:
        models, _ = await scanned_models(read)
        if not models:
            return f"{head}  # no SunSpec"
        plate = await _plate(bus, way, models)
    except DeviceUnreachable as exc:
        return f"{head}  # {exc.reason}"
    ids = ", ".join(str(model.id) for model in models)
    said = ", ".join(f"{key.replace('_', ' ')} {text}" for key, text in plate.items() if text)
    return f"{head}  # SunSpec at {models[0].register - 2}, models {ids}: {said}"


async def _plate(bus: ModbusBus, way: ModbusConnection, models: Sequence[FoundModel]) -> Mapping[str, str]:
    common = next((model for model in models if model.id == _COMMON), None)
    if common is None:
        return {}
    words = (await probed(bus, way, RegisterBlock("holding", common.register, 66))).words
    return {
        key: str(format_of(f"string[{2 * count}]", "ABCD").raw_of(words[at : at + count]))
        for key, (at, count) in _PLATE.items()
        if len(words) >= at + count
    }
