"""What the service manager is told, and that a deaf one stops nothing."""

import socket
from pathlib import Path

import pytest

from s2d.host.notify import notify


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(address)
    return sock


def test_it_is_told(manager: socket.socket) -> None:
    with manager:
        notify("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_one_that_is_gone_is_let_go(manager: socket.socket) -> None:
    manager.close()
    notify("STOPPING=1")


def test_one_that_does_not_listen_is_not_waited_for(manager: socket.socket) -> None:
    with manager:
        for _ in range(10_000):  # more than any queue between us holds
            notify("STOPPING=1")
        assert manager.recv(100) == b"STOPPING=1"


def test_what_it_is_told_is_one_assignment_whatever_a_device_says(manager: socket.socket) -> None:
    with manager:
        notify("STATUS=Acme\nMAINPID=1")
        assert manager.recv(100) == rb"STATUS=Acme\nMAINPID=1"
