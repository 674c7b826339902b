"""How tests run here: `async def` tests on a loop of their own, no task left behind, no socket beyond this machine.

A test marked `virtual_time` runs on a loop whose clock jumps to the next timer whenever everybody waits; a test in
which everybody waits for ever fails at once. With `virtual_time(is_wired=True)` some wait for the kernel, which carries
what they say from one end of a socket or a line to the other: before time jumps it is given a little real time. However
slow the machine is, nobody in the test is late by the test's clock.

Hypothesis tries the same examples in every run, and takes its time; `--hypothesis-profile=long` looks for new ones.
"""

import asyncio
import inspect
import selectors
import socket
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import HealthCheck, settings

from tests.ports import held_port

settings.register_profile("calm", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")

CARRIED_WITHIN_S = 0.02
DEADLOCKED_AFTER_S = 60.0
"""Of real time."""
MOST_TURNS = 1_000_000
"""Of a loop at one instant of virtual time; a busy test takes some thousands."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "virtual_time: time jumps while everybody waits")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    virtual = pyfuncitem.get_closest_marker("virtual_time")
    factory = partial(VirtualTimeLoop, **virtual.kwargs) if virtual else asyncio.new_event_loop
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

    def __init__(self, *, is_wired: bool = False) -> None:
        self.now_s = 0.0
        super().__init__(_Leap(self, CARRIED_WITHIN_S if is_wired else 0.0))

    def time(self) -> float:
        return self.now_s


class _Leap(selectors.DefaultSelector):
    """Before time jumps, the kernel has *carried_within_s*, which is plenty: it needs microseconds."""

    def __init__(self, loop: VirtualTimeLoop, carried_within_s: float) -> None:
        super().__init__()
        self._loop = loop
        self._carried_within_s = carried_within_s
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise RuntimeError("somebody spins: the loop turns and turns, and no time passes")
        if timeout is not None and timeout <= 0:
            return super().select(0)
        longest_s = DEADLOCKED_AFTER_S if timeout is None and self._carried_within_s else self._carried_within_s
        ready = super().select(longest_s)
        if not ready:
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
            assert address[0] in ("127.0.0.1", "::1", "localhost"), f"a test reached for {address}"
        connect(sock, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)
