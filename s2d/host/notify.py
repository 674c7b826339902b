"""Service notifications: tell systemd how the daemon is, if systemd wants to know.

Spec: sd_notify(3), sd_watchdog_enabled(3).
"""

import os
import socket
from contextlib import suppress

from ..text import printable


def watchdog_s() -> float | None:
    """Within what time the service manager wants to hear `WATCHDOG=1` from this process; None: it does not."""
    given, of = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    is_ours = not of or of == str(os.getpid())
    return int(given) / 1e6 if given.isdigit() and int(given) and is_ours else None


def notify(state: str) -> None:
    """Sends *state*, e.g. `READY=1`, to the service manager; does nothing where there is none, or none that listens.

    It is one assignment, whatever stands in it.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_UNIX, kind) as sock, suppress(OSError):
        # An address that starts with @ is in the abstract namespace, which the kernel spells with a NUL.
        sock.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        sock.sendall(printable(state).encode())
