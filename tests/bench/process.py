"""What the running daemon costs: time to start, memory, processor; one Modbus device polled every second."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median
from subprocess import Popen
from time import monotonic_ns

from .cem import Cem, serving
from .rig import bare_libraries, bare_rm, device, peer_rm, s2d_run
from .run import Run
from .table import Row

START_MS = 300.0
RSS_MB = 38.0
CPU_PERCENT = 0.5

SETTLE_S = 5.0
"""Memory is read after so long."""

Start = Callable[[Cem, str], AbstractContextManager[Popen[str]]]


def rows(run: Run) -> list[Row]:
    """Start, memory, processor."""
    return asyncio.run(_rows(run))


async def _rows(run: Run) -> list[Row]:
    watch_s = 5.0 if run.is_quick else 20.0
    with device() as battery:
        kinds: dict[str, Start] = {
            "s2d": lambda cem, path: s2d_run(run, cem, path, battery.port),
            "peer": lambda cem, path: peer_rm(run, cem, path),
            "bare": lambda cem, path: bare_rm(run, cem, path),
        }
        async with serving() as cem:
            started_ms = await _starts(run, cem, kinds)
            run.tell(f"watching memory for {SETTLE_S:g} s and processor for {watch_s:g} s")
            with ExitStack() as running:
                idle = running.enter_context(bare_libraries(run))
                ours, peer = (running.enter_context(kinds[kind](cem, f"{kind}/stay")) for kind in ("s2d", "peer"))
                for kind in ("s2d", "peer"):
                    await (await cem.joined(f"{kind}/stay")).take_charge()
                await asyncio.sleep(SETTLE_S)
                memory_mb = [_rss_mb(process) for process in (ours, peer, idle)]
                before_s = [_cpu_s(process) for process in (ours, peer)]
                start_ns = monotonic_ns()
                await asyncio.sleep(watch_s)
                passed_s = (monotonic_ns() - start_ns) / 1e9
                used_s = [_cpu_s(process) - before for process, before in zip((ours, peer), before_s, strict=True)]
                later_mb = _rss_mb(ours)
    cpu_percent = [100 * used / passed_s for used in used_s]
    return [
        Row(
            what="start → Handshake at the CEM (bare: imports, connects)",
            unit="ms",
            ours=started_ms["s2d"],
            peer=started_ms["peer"],
            floor=started_ms["bare"],
            at_most=START_MS,
        ),
        Row(
            what=f"RSS after {SETTLE_S:g} s (bare: libraries imported)",
            unit="MB",
            ours=memory_mb[0],
            peer=memory_mb[1],
            floor=memory_mb[2],
            at_most=RSS_MB,
        ),
        Row(what=f"RSS {watch_s:g} s later", unit="MB", ours=later_mb, is_detail=True),
        Row(
            what=f"processor, polling every 1 s, over {watch_s:g} s (peer polls nothing)",
            unit="%",
            ours=cpu_percent[0],
            peer=cpu_percent[1],
            at_most=CPU_PERCENT,
        ),
    ]


async def _starts(run: Run, cem: Cem, kinds: dict[str, Start]) -> dict[str, float]:
    """ms from spawn to the first frame, the median of several; they take turns, after one start each to warm up."""
    repeats = 3 if run.is_quick else 9
    run.tell(f"starting each {repeats} times")
    times_ms: dict[str, list[float]] = {kind: [] for kind in kinds}
    for repeat in range(repeats + 1):
        for kind, start in kinds.items():
            path = f"{kind}/{repeat}"
            spawned_ns = monotonic_ns()
            with start(cem, path):
                session = await cem.joined(path)
                greeting = await session.expect("Handshake")
                times_ms[kind].append((greeting.at_ns - spawned_ns) / 1e6)
    return {kind: median(times[1:]) for kind, times in times_ms.items()}


def _rss_mb(process: Popen[str]) -> float:
    """Resident memory, in MB of 1000 kB of 1024 bytes as /proc counts them.

    Spec: proc(5), VmRSS.
    """
    for line in _status(process):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise ProcessLookupError(f"process {process.pid} is gone")


def _status(process: Popen[str]) -> Iterator[str]:
    yield from Path(f"/proc/{process.pid}/status").read_text().splitlines()


def _cpu_s(process: Popen[str]) -> float:
    """Processor time so far, of all threads; /proc/pid/stat counts in ticks, which are as long as a poll.

    Spec: Linux, Documentation/scheduler/sched-stats.rst, /proc/pid/schedstat.
    """
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat")) / 1e9
