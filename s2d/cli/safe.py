"""Bring the devices that `s2d run` left behind to their safe state: for systemd, after it did not end as it should."""

import os
from argparse import ArgumentParser, Namespace

from ..config import draft, gateway_file
from ..config.last_good import is_shadowed, read_last_good
from ..errors import ConfigError, LockHeld
from ..host import lock, log
from ..host.console import complain
from ..service.safe_end import end_safely
from . import EX_CONFIG, EX_TEMPFAIL, add_config_argument, add_log_arguments, print_problems

_SEEN_TO = (str(EX_TEMPFAIL), str(EX_CONFIG))
"""`s2d run` that ends so has brought to safety what it may."""


def add_arguments(parser: ArgumentParser) -> None:
    add_config_argument(parser)
    add_log_arguments(parser)


def run(args: Namespace) -> int:
    """Returns 0 where there is nothing to do, else ends the process: 0, or 1 if not all devices confirmed.

    Where `s2d run` ran as a service, systemd says how it ended. Spec: systemd.exec(5), SERVICE_RESULT and EXIT_STATUS.
    Returns 75 where `s2d run` is at work, 78 where that cannot be told or no device is known; nothing was written then.
    """
    if os.environ.get("SERVICE_RESULT") == "success" or os.environ.get("EXIT_STATUS") in _SEEN_TO:
        return 0
    found = draft(args.config)
    state_dir = found.config.gateway.state_dir
    log.configure(args.log, args.log_level)
    try:
        with lock.held(state_dir):
            if is_shadowed(state_dir):
                return 0
            last = read_last_good(state_dir, gateway_file(args.config))
            if found.problems and not (last.nodes or last.problems or found.config.devices):
                return print_problems(ConfigError([*found.problems]))  # of what shall be made safe nothing is known
            return end_safely(last, found, ran=last, state_dir=state_dir)
    except LockHeld as exc:
        complain(f"s2d safe: {exc}")
        return EX_TEMPFAIL
    except ConfigError as exc:
        return print_problems(exc)
