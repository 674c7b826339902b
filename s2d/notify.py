"""Tells systemd how the daemon is, if systemd wants to know.

Spec: sd_notify(3).
"""

import os
import socket


def notify(state: str) -> None:
    """Sends *state*, e.g. `READY=1`, to the service manager; does nothing where there is none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        # An address that starts with @ is in the abstract namespace, which the kernel spells with a NUL.
        sock.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        sock.sendall(state.encode())
