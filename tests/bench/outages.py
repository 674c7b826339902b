"""What a CEM that comes and goes, or floods, costs: memory of a hundred TLS links; what others notice of a flood."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from time import monotonic_ns

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from s2d.simulation.modbus import serve_tcp
from tests.ports import held_port
from tests.system.certificates import authority, server_context

from .cem import Cem, Session, serving
from .device import POWER, SETPOINT, SOC
from .many import devices_served, many_run
from .process import _rss_mb
from .run import Run, Unmeasured, percentile, started
from .table import Row

DEVICES, OUTAGES = 100, 3
RSS_MB = 60.0
AWAY_S, BACK_WITHIN_S = 2.0, 90.0
FLOOD = 10_000
BESIDE_TIMES, BESIDE_MS = 20.0, 50.0
"""ReceptionStatus beside a flood, at p99: so many times as long as without, or as long as this."""
POLL_S, LATE_S = 1.0, 1.0

_TWO = """\
gateway: {{state_dir: {state_dir}}}
cem: {{url: "{url}"}}
devices:
"""
_DEVICE = """\
  - name: {name}
    kind: battery
    driver: modbus
    connection: {{host: 127.0.0.1, port: {port}, unit: 1}}
    capacity: 10 kWh
    max_charge_power: 5 kW
    max_discharge_power: 5 kW
    poll: 1 s
    points:
      soc: {{register: {soc}, table: input, type: uint16, scale: 0.1, unit: "%"}}
      power: {{register: {power}, table: input, type: int16, unit: W}}
      power_setpoint: {{register: {setpoint}, type: int16, unit: W, access: read_write, interval: 0 s}}
"""


def rows(run: Run) -> list[Row]:
    """Memory after outages; latency and polls beside a flood."""
    return [asyncio.run(_outages(run)), *asyncio.run(_flood(run))]


async def _outages(run: Run) -> Row:
    run.tell(f"{OUTAGES} outages of a CEM on wss with {DEVICES} devices")
    with tempfile.TemporaryDirectory() as folder, held_port() as cem_port, devices_served() as port:
        ca = authority(Path(folder))
        context = server_context(ca)
        with many_run(run, f"wss://127.0.0.1:{cem_port}/{{resource_id}}", DEVICES, port, ca) as process:
            for _ in range(OUTAGES + 1):
                cem = Cem()
                async with serve(cem.serve, "127.0.0.1", cem_port, ssl=context, ping_interval=None) as server:
                    await _all_here(cem, DEVICES)
                    await asyncio.sleep(AWAY_S)
                    rss_mb = _rss_mb(process)
                    for session in cem.sessions.values():
                        session.websocket.transport.abort()
                    server.close(close_connections=False)
                await asyncio.sleep(AWAY_S)
    return Row(
        what=f"RSS with {DEVICES} devices on wss, after {OUTAGES} outages", unit="MB", ours=rss_mb, at_most=RSS_MB
    )


async def _all_here(cem: Cem, count: int) -> None:
    """Waits until all *count* devices have joined, and takes charge of each. Raises: Unmeasured: one stays away."""
    try:
        async with asyncio.timeout(BACK_WITHIN_S):
            await cem.until(lambda: len(cem.sessions) == count)
        async with asyncio.TaskGroup() as tasks:
            for session in list(cem.sessions.values()):
                tasks.create_task(session.take_charge())
    except TimeoutError as exc:
        raise Unmeasured(f"{len(cem.sessions)} of {count} devices came back") from exc


class _StampedRegisters:
    """A battery that follows at once, and knows when it was read."""

    def __init__(self) -> None:
        self.read_at_ns: list[int] = []
        self._words = {POWER: 0, SOC: 500, SETPOINT: 0}

    def read(self, address: int, count: int, now_s: float, table: str = "holding") -> list[int]:
        if address <= POWER < address + count:
            self.read_at_ns.append(monotonic_ns())
        return [self._words[each] for each in range(address, address + count)]

    def write(self, address: int, words: Sequence[int], now_s: float, table: str = "holding") -> None:
        self._words[SETPOINT] = self._words[POWER] = words[0]


@asynccontextmanager
async def _two_devices(run: Run) -> AsyncIterator[tuple[Cem, _StampedRegisters]]:
    """`s2d run` with the devices Beside and Flooded, in sessions that chose FRBC; the registers of Beside."""
    registers = _StampedRegisters()
    async with serving() as cem, serve_tcp(registers) as beside, serve_tcp(_StampedRegisters()) as flooded:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "s2d.yaml"
            places = {"Beside": beside.port, "Flooded": flooded.port}
            config.write_text(
                _TWO.format(state_dir=folder, url=cem.url("{name}"))
                + "".join(
                    _DEVICE.format(name=name, port=port, soc=SOC, power=POWER, setpoint=SETPOINT)
                    for name, port in places.items()
                )
            )
            with started([run.s2d, "run", "-c", config], "s2d run", cwd=folder):
                await _all_here(cem, len(places))
                yield cem, registers


async def _flood(run: Run) -> list[Row]:
    run.tell(f"a CEM that floods one device with {FLOOD} instructions, beside another")
    async with _two_devices(run) as (cem, registers):
        session = cem.sessions["Beside"]
        quiet_ms = await _answered_ms(session, seconds=5.0)
        registers.read_at_ns.clear()
        flooding = asyncio.create_task(_send_all(cem, "Flooded", FLOOD))
        flooded_ms = await _answered_ms(session, seconds=20.0)
        flooding.cancel()
        with suppress(asyncio.CancelledError):
            await flooding
    late_s = max(after - before for before, after in pairwise(registers.read_at_ns)) / 1e9 - POLL_S
    quiet = percentile(quiet_ms, 99)
    return [
        Row(what="beside another device, quiet: instruction → ReceptionStatus, p99", unit="ms", ours=quiet),
        Row(
            what="beside one that is flooded (limit: 20 times the quiet one, or 50 ms)",
            unit="ms",
            ours=percentile(flooded_ms, 99),
            at_most=max(BESIDE_TIMES * quiet, BESIDE_MS),
        ),
        Row(what="latest poll beside one that is flooded", unit="s", ours=max(0.0, late_s), at_most=LATE_S),
    ]


async def _send_all(cem: Cem, path: str, left: int) -> None:
    """Sends that many instructions as fast as they go, and goes on in the next session where one is closed on it."""
    session: Session | None = None
    while left:
        before = session
        await cem.until(lambda before=before: cem.sessions.get(path) not in (None, before))
        session = cem.sessions[path]
        with suppress(ConnectionClosed, TimeoutError):
            if not session.modes:
                await session.take_charge()
            while left:
                await session.websocket.send(session.instruction((-1) ** left * (1000 + left % 3000))[2], text=True)
                left -= 1


async def _answered_ms(session: Session, seconds: float) -> list[float]:
    """How long answers to twenty instructions a second take."""
    took_ms = []
    for number in range(round(20 * seconds)):
        _, message_id, frame = session.instruction(1000 + number)
        at_ns, since = monotonic_ns(), len(session.heard)
        await session.websocket.send(frame, text=True)
        answer = await session.expect(
            "ReceptionStatus", lambda heard, of=message_id: heard["subject_message_id"] == of, since=since
        )
        took_ms.append((answer.at_ns - at_ns) / 1e6)
        await asyncio.sleep(0.05)
    return took_ms
