"""Be the resource manager of the configured devices: connect each to its CEM, and carry out what it is told."""

import asyncio
import faulthandler
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NoReturn

from ..config import Draft, draft, gateway_file
from ..config.last_good import FOLDER, files_of, is_at_rest, keep, keep_at_rest, keep_shadowed, read_last_good
from ..errors import ConfigError, LockHeld, StoreError
from ..host import lock, log, loop
from ..host.console import complain
from ..host.disk import DiskThread, answer_of
from ..host.store import Store
from ..service import daemon
from ..service.safe_end import end_safely, left_behind
from . import EX_CONFIG, EX_TEMPFAIL, add_config_argument, add_log_arguments, no_devices, print_problems


def add_arguments(parser: ArgumentParser) -> None:
    add_config_argument(parser)
    parser.add_argument(
        "--shadow", action="store_true", help="write nothing to any device: what would be is logged, no order succeeds"
    )
    add_log_arguments(parser)


def run(args: Namespace) -> int:
    """Runs until told to stop, then ends the process: 0, or 1 if not all was well.

    Returns 75 where another `s2d run` is at work; nothing was written then. Where the configuration cannot be used, it
    ends with 78 once every device that is configured, or was when it ran last, was brought to its safe state. With
    `--shadow` nothing is written to any of them, and what ran last stays so.
    """

    def shadowed(read: Draft) -> Draft:
        return read.shadowing([each.name for each in read.config.devices]) if args.shadow else read

    found, file = shadowed(draft(args.config)), gateway_file(args.config)
    state_dir = found.config.gateway.state_dir
    problems = found.problems or (() if found.config.devices else no_devices(args.config).problems)
    last = shadowed(read_last_good(state_dir, file))
    if found.config.devices or last.nodes or last.problems:
        log.configure(args.log, args.log_level)
    with ExitStack() as lasting:
        try:
            lasting.enter_context(lock.held(state_dir))
        except LockHeld as exc:
            complain(f"s2d run: {exc}")
            return EX_TEMPFAIL
        except ConfigError as exc:
            print_problems(ConfigError([*problems, *exc.problems]))
            if not lock.is_nobodys(state_dir):
                return EX_CONFIG
            return end_safely(found, Draft.empty(), ran=Draft.empty(), state_dir=None, status=EX_CONFIG)
        if problems:
            print_problems(ConfigError([*problems]))
            return end_safely(found, last, ran=last, state_dir=state_dir, status=EX_CONFIG)
        log.get_logger().info("config.loaded", path=str(args.config), devices=len(found.config.devices))
        for warning in found.config.warnings:
            log.get_logger().warning("config.doubtful", problem=str(warning))
        faulthandler.enable()  # a service manager that gives us up is told where we stood
        work = _run(found, last, file, is_shadowed=args.shadow)
        del found, last  # as written they take as much memory as all devices at work
        try:
            loop.run(work)
        except ConfigError as exc:
            print_problems(exc)
            found, last = shadowed(draft(args.config)), shadowed(read_last_good(state_dir, file))
            return end_safely(found, last, ran=last, state_dir=state_dir, status=EX_CONFIG)


async def _run(found: Draft, last: Draft, file: Path, *, is_shadowed: bool) -> NoReturn:
    """Runs the daemon, and ends the process with it.

    Raises: ConfigError: what is kept in the state directory cannot be used.
    """
    config, disk = found.config, DiskThread()
    state_dir, where = config.gateway.state_dir, str(config.gateway.state_dir / FOLDER)
    store = Store(state_dir, disk, log.get_logger())

    async def have_kept(work: Callable[[], None]) -> None:
        try:
            await answer_of(disk, work, where)
            log.get_logger().debug("config.kept", where=where)
        except StoreError as exc:
            log.get_logger().warning("store.failed", reason=str(exc))

    try:
        left = left_behind(last, found.names, store, is_at_rest=is_at_rest(state_dir))
        if left:
            log.get_logger().warning("config.shrunk", devices=[each.name for each in left])
            await daemon.make_safe(left, store, config.gateway.id or store.gateway_id())
        kept = partial(keep_shadowed, state_dir) if is_shadowed else partial(keep, state_dir, files_of(found, file))
        keeping = asyncio.create_task(have_kept(kept))
        del found, last
        is_well = await daemon.run(config, store, files=DiskThread(), control_dir=state_dir)
        await keeping
        if is_well and not is_shadowed:
            await have_kept(partial(keep_at_rest, state_dir))
    finally:
        store.close()
    log.flush()
    # To return would be to wait, for as long as it takes, for a name of a host that is still being looked up.
    os._exit(0 if is_well else 1)
