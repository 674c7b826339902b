"""Finds everything wrong in a configuration and changes nothing; exit status 0 fine, 78 not."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TextIO

from ..config import Config, DeviceConfig, load
from ..config.point import base_unit
from ..errors import ConfigError
from . import DEFAULT_CONFIG, DIM, print_problems, styled


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="PATH",
        help="gateway file, or the directory that holds s2d.yaml (default: %(default)s)",
    )


def run(args: Namespace) -> int:
    try:
        config = load(args.config)
    except ConfigError as exc:
        return print_problems(exc)
    print(summary(config, sys.stdout))
    return 0


def summary(config: Config, stream: TextIO) -> str:
    """What *config* makes of this machine, one device per line, for *stream*."""
    gateway = config.gateway
    head = f"gateway {gateway.name}, state in {gateway.state_dir}"
    if not config.devices:
        return f"{head}\nno devices"
    titles = ("DEVICE", "KIND", "DRIVER", "WHERE", "POINTS", "CEM", "FALLBACK")
    rows = [titles, *(_row(device) for device in config.devices)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([head, styled(lines[0], DIM, stream), *lines[1:]])


def _row(device: DeviceConfig) -> tuple[str, ...]:
    bus = device.driver.bus_of(device.connection)
    return (
        device.name,
        device.kind or "-",
        device.driver.__name__,
        " ".join(map(str, bus)) if isinstance(bus, tuple) else str(bus),
        str(len(device.points) + len(device.sources)),
        device.cem.url if device.cem else "-",
        _fallback(device),
    )


def _fallback(device: DeviceConfig) -> str:
    if device.fallback is None:
        return "-"
    wanted = []
    for setpoint in device.fallback.setpoints:
        value = f"{setpoint.value:g}" if isinstance(setpoint.value, float) else str(setpoint.value)
        wanted.append(f"{setpoint.point} {value} {base_unit(device.points[setpoint.point].dimension)}".rstrip())
    return f"{', '.join(wanted) or 'nothing'} after {device.fallback.after_s:g} s"
