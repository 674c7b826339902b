"""Finds everything wrong in a configuration and changes nothing; exit status 0 fine, 78 not."""

import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module

from ..commissioning.columns import aligned
from ..commissioning.in_words import LIABILITY, setpoints_text, span_text
from ..config import Config, DeviceConfig, Gateway, load
from ..config.cem_url import shown_url
from ..config.driver_discovery import DriverUnavailable, code_of
from ..errors import ConfigError, Problem
from ..host import lock, store
from ..host.console import DIM, ConsoleLine, StyledText, show
from ..rm.kinds import kind
from . import add_config_argument, no_devices, print_problems, print_warnings

_RARE_PLANS_S = 360.0
"""Time enough for a CEM that plans every five minutes, as some do, to order something."""
_EDITORS = """\
An editor that knows the YAML language server completes and checks while you type. The first line of a file says how:
  the gateway file:  # yaml-language-server: $schema={folder}/s2d.schema.json
  a device file:     # yaml-language-server: $schema={folder}/device.schema.json
  a profile:         # yaml-language-server: $schema={folder}/profile.schema.json"""


def add_arguments(parser: ArgumentParser) -> None:
    add_config_argument(parser)
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = _EDITORS.format(folder=next(iter(import_module("s2d_schemas").__path__)))


def run(args: Namespace) -> int:
    try:
        config = load(args.config)
    except ConfigError as exc:
        return print_problems(exc)
    problems, warnings = _state_problems(config.gateway)
    print_warnings([*config.warnings, *warnings])
    if problems:
        return print_problems(ConfigError(problems))
    if not config.devices:
        return print_problems(no_devices(args.config))
    show(*summary(config))
    return 0


def summary(config: Config) -> list[ConsoleLine]:
    """The devices of *config* as a table, their buses, wear and dangers."""
    gateway = config.gateway
    head = f"gateway {gateway.name}, state in {gateway.state_dir}"
    titles = ("DEVICE", "KIND", "DRIVER", "WHERE", "POINTS", "CEM", "FALLBACK")
    rows = [titles, *(_row(device) for device in config.devices)]
    lines = aligned(rows)
    wear_notes = (line for device in config.devices for line in _wear_notes(device))
    dangers = (f"{device.name}: danger: {device.danger}" for device in config.devices if device.danger)
    reach_notes = (line for device in config.devices for line in _reach_notes(device))
    shadowed = (f"{each.name}: shadow: nothing is ever written to it" for each in config.devices if each.is_shadowed)
    notes = (
        *_bus_loads(config),
        *_unheard_notes(config),
        *_house_notes(config),
        *reach_notes,
        *wear_notes,
        *_fallback_notes(config),
        *shadowed,
        *dangers,
    )
    is_steered = any(each.fallback and each.fallback.setpoints for each in config.devices)
    return [head, StyledText(lines[0], DIM), *lines[1:], *notes, *([LIABILITY] if is_steered else [])]


def _state_problems(gateway: Gateway) -> tuple[list[Problem], list[Problem]]:
    """Problems of the state directory that stop a daemon, and those that only warn: a service gets one of its own."""
    try:
        lock.try_out(gateway.state_dir)
        if gateway.id is None:
            store.try_out(gateway.state_dir)
    except ConfigError as exc:
        if gateway.state_dir != Gateway().state_dir or "STATE_DIRECTORY" in os.environ:
            return exc.problems, []
        hint = "As a service of systemd s2d has one of its own; elsewhere set gateway: state_dir"
        return [], [problem._replace(hint=hint) for problem in exc.problems]
    return [], []


def _bus_loads(config: Config) -> Iterator[str]:
    """The load of each bus, by drivers that can tell."""
    rows: list[tuple[str, str, str]] = []
    for driver in dict.fromkeys(device.driver for device in config.devices):
        devices = [each for each in config.devices if each.driver is driver]
        with suppress(DriverUnavailable), code_of(driver.__name__):  # it works all the same
            rows += [
                (f"{bus}:", f"{100 * share:.0f} %", f"of its time in use ({detail})")
                for bus, share, detail in driver.loads_of_buses(devices)
            ]
    yield from aligned(rows) if rows else ()


def _reach_notes(device: DeviceConfig) -> Iterator[str]:
    """A line for a device that can never, or not at once, offer some of what its kind can, unless that is left out."""
    if device.kind is None:
        return
    of_kind = kind(device.kind)
    abilities = device.abilities(of_kind)
    out_of_reach = of_kind.out_of_reach(device.settings, abilities)
    awaited = of_kind.awaits(device.settings, abilities)
    wanted = [each for each in of_kind.control_types if device.control_types is None or each in device.control_types]
    notes = [f"no {each}: {out_of_reach[each]}" for each in wanted if each in out_of_reach]
    notes += [f"{each} once {awaited[each]}" for each in wanted if each in awaited]
    if notes:
        yield f"{device.name}: {'; '.join(notes)}"


def _unheard_notes(config: Config) -> Iterator[str]:
    """A line for each device that is nothing to anybody."""
    used = {source.device for device in config.devices for source in device.sources.values()}
    if config.house and config.house.meter:
        used.add(config.house.meter)
    for device in config.devices:
        if device.kind is None and device.name not in used:
            yield f"{device.name}: no CEM hears of it, and no other device uses its points: say its `kind`, or use them"


def _house_notes(config: Config) -> Iterator[str]:
    """A line for the limit of the house: who gives way, and what each has while nobody tells what is left."""
    if house := config.house:
        shares = ", ".join(f"{name} {share.unknown_a:g} A" for name, share in house.shares.items())
        by = f"by {house.meter}" if house.meter else "with nothing else behind the limit"
        yield f"house_limit: {house.limit_a:g} A on each phase, {by}; while nobody tells what is left: {shares}"


def _wear_notes(device: DeviceConfig) -> Iterator[str]:
    """A line for each point whose memory wears out."""
    points = dict(point for variant in device.variants for point in variant.make.points.items()) | device.points
    for name, point in points.items():
        if point.persistent:
            most = f"at most {point.daily_writes} times a day"
            yield f"{device.name}: {name} is kept in memory that wears out, and written {most}"


def _fallback_notes(config: Config) -> Iterator[str]:
    """A line if a CEM that comes back, and plans rarely, may find the safe state before it has planned."""
    after_s = [device.fallback.after_s for device in config.devices if device.fallback and device.cem]
    if after_s and min(after_s) < _RARE_PLANS_S:
        what = f"a CEM that comes back has {span_text(min(after_s))} to order something"
        yield f"fallback: {what}; one that plans every five minutes wants `after: {span_text(_RARE_PLANS_S)}`"


def _row(device: DeviceConfig) -> tuple[str, ...]:
    return (
        device.name,
        device.kind or "-",
        device.driver.__name__,
        device.driver.where(device.connection),
        str(len(device.points) + len(device.sources)),
        shown_url(device.cem.url) if device.cem else "-",
        _fallback(device),
    )


def _fallback(device: DeviceConfig) -> str:
    if device.fallback is None or not (device.fallback.setpoints or device.fallback.special):
        return "-"
    after = span_text(device.fallback.after_s)
    special = [
        f"{occasion} {setpoints_text(device, each)}" for occasion, each in device.fallback.special.items() if each
    ]
    return "; ".join([f"{setpoints_text(device, device.fallback.setpoints)} after {after}", *special])
