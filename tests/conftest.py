"""How tests run here: `async def` tests on a loop of their own, no task left behind, no socket beyond this machine.

A test marked `virtual_time` runs on a loop whose clock jumps to the next timer whenever everybody waits and nothing is
on its way: in a socket, on a line, or in a thread. However slow the machine is, nobody in the test is late by the
test's clock. A test in which everybody waits for ever fails at once.

Hypothesis tries the same examples in every run, and takes its time; `--hypothesis-profile=long` looks for new ones.
"""

import asyncio
import inspect
import selectors
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.ports import held_port

settings.register_profile("calm", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")

DEADLOCKED_AFTER_S = 60.0
"""Of real time, for a thread that does not come back."""
MOST_TURNS = 1_000_000
"""Of a loop at one instant of virtual time; a busy test takes some thousands."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "virtual_time: time jumps while everybody waits")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    factory = VirtualTimeLoop if pyfuncitem.get_closest_marker("virtual_time") else asyncio.new_event_loop
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with asyncio.Runner(loop_factory=factory) as runner:
        left = runner.run(_without_leak(pyfuncitem.obj(**arguments)))
    assert not left, f"tasks left running: {left}"
    return True


async def _without_leak(test: object) -> set[str]:
    await test  # type: ignore[misc]
    await asyncio.sleep(0)
    return {repr(task) for task in asyncio.all_tasks() - {asyncio.current_task()}}


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that never waits: with nothing ready, time is the next timer's; until then it stands still."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.began = datetime.now(UTC)
        self.threads_at_work = 0
        super().__init__(_Leap(self))

    def time(self) -> float:
        return self.now_s

    def utc(self) -> datetime:
        """The time of day, which goes on as the virtual time does."""
        return self.began + timedelta(seconds=self.now_s)

    def run_in_executor(self, *work: Any) -> "asyncio.Future[Any]":
        future = super().run_in_executor(*work)
        self.threads_at_work += 1
        future.add_done_callback(self._back)
        return future

    async def shutdown_default_executor(self) -> None:
        self.threads_at_work += 1  # one that waits for the others
        await super().shutdown_default_executor()

    def _back(self, _: "asyncio.Future[Any]") -> None:
        self.threads_at_work -= 1


class _Leap(selectors.PollSelector):
    """Jumps when the kernel has nothing for anybody.

    TCP on this machine is there when it is sent. What was written to a pty is carried by a worker of the kernel, when
    the machine has time for it; `poll` waits for that worker, where `epoll` does not (Linux: `n_tty_poll`).
    """

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise RuntimeError("somebody spins: the loop turns and turns, and no time passes")
        is_due = timeout is not None and timeout <= 0
        ready = super().select(DEADLOCKED_AFTER_S if self._loop.threads_at_work and not is_due else 0)
        if not ready and not is_due:
            if timeout is None:
                raise RuntimeError("deadlock: everybody waits and no timer is set")
            self._loop.now_s += timeout
            self._turns = 0
        return ready


@pytest.fixture
def port() -> Iterator[int]:
    """A port where nobody listens, until the test does."""
    with held_port() as held:
        yield held


@pytest.fixture
def other_port() -> Iterator[int]:
    """One more."""
    with held_port() as held:
        yield held


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(sock: socket.socket, address: object) -> None:
        if isinstance(address, tuple):
            is_here = address[0] in ("::1", "localhost") or address[0].startswith("127.")
            assert is_here, f"a test reached for {address}"
        connect(sock, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)
