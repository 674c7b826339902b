"""Has a device take a value, by hand: says what it will do, asks, does it, watches, and says what came of it."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from ..commissioning.device_visit import DeviceVisit, NoSuchDevice, device_named, visited, with_one_retry
from ..commissioning.manual_write import (
    REASON,
    InvalidWrite,
    bounds_in_words,
    command_of,
    parsed_value,
    plan_in_words,
    wears_out,
    what_is_left,
    within_reach,
    written_points,
)
from ..commissioning.running_daemon import conflict_warning
from ..commissioning.table import readings_table
from ..commissioning.write_watch import WriteOutcome, WriteWatch
from ..config import DeviceConfig, Gateway, load
from ..device.command import Command
from ..device.command_plan import CommandMemory, Plan
from ..device.command_runner import DWELL_OUTLIVES_US_S, CommandRunner
from ..device.found_values import FoundValues
from ..device.write_ledger import WriteLedger, ledger_of
from ..errors import ConfigError, DeviceError, DeviceRefused, DeviceUnreachable, LockHeld
from ..events import Applied, DeviceEvent, Refused
from ..host import clock, lock
from ..host.console import DIM, LiveLine, StyledText, ask, complain, show
from ..host.disk import DiskThread
from ..host.log import silent
from ..host.store import Store
from ..values import Setpoint
from . import add_config_argument, print_problems


def add_arguments(parser: ArgumentParser) -> None:
    add_config_argument(parser)
    parser.add_argument("device", metavar="DEVICE", help="its name in the configuration")
    parser.add_argument("point", metavar="POINT", help="what it is told, such as power_setpoint")
    parser.add_argument(
        "value",
        metavar="VALUE",
        help='such as "3 kW", a number in the base unit, a state, or release: give control back. '
        "Write -- before a number below 0",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: Namespace) -> int:
    """Returns 0 when it was done as ordered or nothing tells, 1 when it was not or nobody said yes, 2, 78."""
    try:
        config = load(args.config)
        device = device_named(args.device, config)
        if conflict := conflict_warning(device.driver.where(device.connection), config.gateway.state_dir):
            complain(f"s2d write: {conflict}")
        return asyncio.run(_write(device, config.gateway, args))
    except ConfigError as exc:
        return print_problems(exc)
    except (NoSuchDevice, InvalidWrite) as exc:
        complain(f"s2d write: {exc}")
        return 2
    except DeviceError as exc:
        complain(f"s2d write: {exc}")
        return 1


async def _write(device: DeviceConfig, gateway: Gateway, args: Namespace) -> int:
    async with visited(device, clock.now) as visit:
        command = command_of(visit, args.point)
        wanted = parsed_value(visit, args.point, args.value)
        value = within_reach(device, args.point, wanted)
        latest = visit.opened.latest
        needed = latest.inputs_of(command.names)
        if needed:
            await with_one_retry(lambda: visit.opened.read(needed))
        with _found(device, command, gateway) as found:
            plan = command.plan(value, latest.values, CommandMemory(), found=found.values)
            is_counted = command.dwell_s >= DWELL_OUTLIVES_US_S or wears_out(visit, plan)
            ledger = _ledger(device, gateway) if is_counted else WriteLedger()
            lines = await with_one_retry(lambda: plan_in_words(visit, args.point, plan))
            show(*lines, *bounds_in_words(visit, command, args.point, wanted, plan))
            if not args.yes and not await _confirmed():
                return 1
            watch = WriteWatch(visit, args.point, plan)
            await watch.look_before()
            with _interruption_told("What of it is in the device by now is not known: s2d read shows it"):
                writer = await _carry_out(visit, Setpoint(args.point, value, REASON), ledger, found)
            left = what_is_left(visit, args.point, plan)
            show("written")
            with _interruption_told(left):
                outcome = await _watched(watch, lambda: writer.write_due(visit.opened))
                await _show(visit, plan)
        complain(*(f"s2d write: {oddity}" for oddity in visit.driver.oddities))
        show(outcome.sentence, *(f"  {hint}" for hint in outcome.hints), left)
    return 0 if outcome.is_good else 1


async def _watched(watch: WriteWatch, remind: Callable[[], Awaitable[None]]) -> WriteOutcome:
    live_line = LiveLine(sys.stderr)
    try:
        return await watch.keep(remind, live_line.draw)
    finally:
        live_line.draw("")


@contextmanager
def _interruption_told(left: str) -> Iterator[None]:
    """Says what is *left* in the device, where Ctrl-C ends what is done here."""
    try:
        yield
    except asyncio.CancelledError:
        complain(f"s2d write: interrupted. {left}")
        raise


async def _confirmed() -> bool:
    if not sys.stdin.isatty():
        complain("s2d write: nothing was written; say --yes where nobody can be asked")
        return False
    ask("Write that? [y/N]")
    if (await _typed_line()).strip().lower() in ("y", "yes"):
        return True
    show("nothing was written")
    return False


async def _typed_line() -> str:
    """The next line typed, waited for without a thread, which Ctrl-C would not end."""
    loop = asyncio.get_running_loop()
    is_typed = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), is_typed.set)
    try:
        await is_typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()


def _ledger(device: DeviceConfig, gateway: Gateway) -> WriteLedger:
    """That of the daemon, which sees what is added.

    Raises: ConfigError: it cannot be used.
    """
    store = Store(gateway.state_dir, DiskThread())
    return ledger_of(device.name, store, gateway.id or store.gateway_id())


@contextmanager
def _found(device: DeviceConfig, command: Command, gateway: Gateway) -> Iterator[FoundValues]:
    """What was found in *device* before it was ordered anything; beside a daemon only to look at, as they are its own.

    Raises: ConfigError: the state directory cannot be used.
    """
    if not command.restored:
        yield FoundValues()
        return
    store = Store(gateway.state_dir, DiskThread())
    try:
        with lock.held(gateway.state_dir):
            yield FoundValues(store, device.name)
    except LockHeld as exc:
        yield FoundValues(store, device.name, keeper=exc.holder)


async def _carry_out(visit: DeviceVisit, setpoint: Setpoint, ledger: WriteLedger, found: FoundValues) -> CommandRunner:
    """Does *setpoint*; returns who did it, and repeats it where the device forgets.

    Raises: DeviceRefused, DeviceUnreachable: it was not done, at least not all of it.
    """
    outcome: list[DeviceEvent] = []
    writer = CommandRunner(ledger, clock=clock.now, log=silent(), emit=outcome.append, found=found)
    writer.offer(setpoint)
    try:
        await with_one_retry(lambda: writer.write_due(visit.opened))
    except DeviceUnreachable as exc:
        raise DeviceUnreachable(visit.opened.explained(exc.reason)) from exc
    for event in reversed(outcome):  # the last word counts
        match event:
            case Refused(_, reason):
                raise DeviceRefused(reason)
            case Applied():
                return writer
    raise DeviceRefused("it has to wait: the same was done too short a time ago")


async def _show(visit: DeviceVisit, plan: Plan) -> None:
    """What the device says afterwards of what was written, and of its power."""
    names = [*written_points(plan), *([plan.check.point] if plan.check else []), "power"]
    readable = [name for name in dict.fromkeys(names) if name in visit.names]
    if not readable:
        return
    try:
        readings = await with_one_retry(lambda: visit.read(readable))
    except DeviceUnreachable as exc:  # what is known of the write, and is left of it, is told all the same
        complain(f"s2d write: {exc}")
        return
    titles, *rows = readings_table(visit, readings)
    show(StyledText(titles, DIM), *rows)
