"""How long an instruction takes through the running daemon: to its ReceptionStatus, into the register, to SUCCEEDED."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic_ns

from pymodbus.client import AsyncModbusTcpClient

from .cem import Cem, Session, serving
from .device import POWER, SETPOINT
from .rig import Device, Lines, bare_rm, device, peer_rm, s2d_run
from .run import Run, Unmeasured, percentile
from .table import Row

RECEPTION_STATUS_MS = {50: 0.5, 99: 2.0}
WRITTEN_MS = {50: 1.5, 99: 5.0}

_WARM_UP = 20
_SETTLE_S = 1.0
_MISSING_LIMIT = 0.02
"""More than this share without an outcome, and the rest says nothing."""

Times = dict[str, int]


@dataclass(frozen=True)
class Pace:
    """How instructions follow each other."""

    name: str
    rest_s: float
    waits: bool
    """Whether each waits for the end of the one before it."""


PACES = (
    Pace("in a row", rest_s=0.002, waits=True),
    # Between two of these every process sleeps and the processor with it: waking up is part of the figure.
    Pace("50 a second", rest_s=0.02, waits=False),
)


def rows(run: Run) -> list[Row]:
    """p50 and p99 of each way, at each pace."""
    run.tell(f"measuring with {run.s2d} and {run.peer_python}")
    return [row for pace in PACES for row in asyncio.run(_rows(run, pace))]


async def _rows(run: Run, pace: Pace) -> list[Row]:
    count = _WARM_UP + (100 if run.is_quick else 500)
    powers_w = [(-1) ** number * (1000 + number) for number in range(count)]
    async with serving() as cem:
        with device() as battery:
            run.tell(f"{count} instructions to s2d, {pace.name}")
            ours, written, succeeded = await _through_s2d(run, cem, battery, powers_w, pace)
            run.tell(f"{count} bare Modbus requests, {pace.name}")
            bare_write, bare_all = await _bare_modbus(battery, powers_w, pace)
        run.tell(f"{count} instructions to s2-python, {pace.name}")
        peer, called = await _through_peer(run, cem, powers_w, pace)
        run.tell(f"{count} frames to bare websockets, {pace.name}")
        echo = await _through_bare(run, cem, powers_w, pace)
    return [
        *_both(f"{pace.name}: instruction → ReceptionStatus", ours, peer, echo, RECEPTION_STATUS_MS),
        *_both(f"{pace.name}: → written (peer: handler; bare: one request)", written, called, bare_write, WRITTEN_MS),
        *_both(f"{pace.name}: → SUCCEEDED (bare: write, read back, read)", succeeded, None, bare_all, {}),
    ]


def _both(
    what: str,
    ours: Sequence[float],
    peer: Sequence[float] | None,
    floor: Sequence[float],
    limits: dict[int, float],
) -> list[Row]:
    return [
        Row(
            what=f"{what}, p{percent}",
            unit="ms",
            ours=percentile(ours, percent),
            peer=percentile(peer, percent) if peer else None,
            floor=percentile(floor, percent),
            at_most=limits.get(percent),
        )
        for percent in (50, 99)
    ]


async def _through_s2d(
    run: Run, cem: Cem, battery: Device, powers_w: list[int], pace: Pace
) -> tuple[list[float], list[float], list[float]]:
    with s2d_run(run, cem, "s2d", battery.port):
        session = await cem.joined("s2d")
        await session.take_charge()
        sent = await _instruct(session, powers_w, pace, until_succeeded=True)
    answers = _answers(session)
    ends = {
        str(heard.message["instruction_id"]): heard.at_ns
        for heard in session.heard
        if heard.type == "InstructionStatusUpdate" and heard.message["status_type"] == "SUCCEEDED"
    }
    written = {str(value): at_ns for value, at_ns in battery.written().items()}
    return (
        _between({message_id: at_ns for _, message_id, _, at_ns in sent}, answers, "ReceptionStatus"),
        _between({str(power_w): at_ns for _, _, power_w, at_ns in sent}, written, "write"),
        _between({instruction_id: at_ns for instruction_id, _, _, at_ns in sent}, ends, "SUCCEEDED"),
    )


async def _through_peer(run: Run, cem: Cem, powers_w: list[int], pace: Pace) -> tuple[list[float], list[float]]:
    with peer_rm(run, cem, "peer") as process:
        lines = Lines(process)
        lines.gather()
        session = await cem.joined("peer")
        await session.take_charge()
        sent = {message_id: at_ns for _, message_id, _, at_ns in await _instruct(session, powers_w, pace)}
    called = dict(line.split() for line in lines.all)
    calls = {message_id: int(at_ns) for message_id, at_ns in called.items()}
    return _between(sent, _answers(session), "ReceptionStatus"), _between(sent, calls, "call")


async def _through_bare(run: Run, cem: Cem, powers_w: list[int], pace: Pace) -> list[float]:
    with bare_rm(run, cem, "bare"):
        session = await cem.joined("bare")
        await session.expect("Handshake")
        ends = {"elements": [{"power_ranges": [{"start_of_range": -5000, "end_of_range": 5000}]}], "id": "mode"}
        session.modes = {"charge": ends, "discharge": ends}
        sent = {message_id: at_ns for _, message_id, _, at_ns in await _instruct(session, powers_w, pace)}
    return _between(sent, _answers(session), "ReceptionStatus")


async def _instruct(
    session: Session, powers_w: list[int], pace: Pace, *, until_succeeded: bool = False
) -> list[tuple[str, str, int, int]]:
    """Sends an instruction for each of *powers_w*; id, message id, power and when it was sent."""
    sent = []
    for power_w in powers_w:
        instruction_id, message_id, frame = session.instruction(power_w)
        start = len(session.heard)
        at_ns = monotonic_ns()
        await session.websocket.send(frame, text=True)
        sent.append((instruction_id, message_id, power_w, at_ns))
        if pace.waits:
            await session.expect("ReceptionStatus", since=start)
        if pace.waits and until_succeeded:
            await session.expect(
                "InstructionStatusUpdate", lambda update: update["status_type"] == "SUCCEEDED", since=start
            )
        await asyncio.sleep(pace.rest_s)
    await asyncio.sleep(_SETTLE_S)
    return sent


def _answers(session: Session) -> Times:
    answers = [heard for heard in session.heard if heard.type == "ReceptionStatus"]
    if refused := [heard.message for heard in answers if heard.message["status"] != "OK"]:
        raise Unmeasured(f"refused: {refused[0]}")
    return {str(heard.message["subject_message_id"]): heard.at_ns for heard in answers}


def _between(sent: Times, arrived: Times, what: str) -> list[float]:
    """ms from one to the other, without the first few."""
    times_ms = [(arrived[key] - at_ns) / 1e6 for key, at_ns in sent.items() if key in arrived]
    if len(times_ms) < len(sent) * (1 - _MISSING_LIMIT):
        raise Unmeasured(f"only {len(times_ms)} of {len(sent)} instructions led to a {what}")
    return times_ms[_WARM_UP:]


async def _bare_modbus(battery: Device, powers_w: list[int], pace: Pace) -> tuple[list[float], list[float]]:
    """ms of one write, and of a write, a read back and a read."""
    one_ms, all_ms = [], []
    client = AsyncModbusTcpClient("127.0.0.1", port=battery.port)
    async with asyncio.timeout(_SETTLE_S):
        await client.connect()
    try:
        for power_w in powers_w:
            start = monotonic_ns()
            await client.write_register(SETPOINT, power_w & 0xFFFF)
            one_ms.append((monotonic_ns() - start) / 1e6)
            await client.read_holding_registers(SETPOINT)
            await client.read_input_registers(POWER, count=2)
            all_ms.append((monotonic_ns() - start) / 1e6)
            await asyncio.sleep(pace.rest_s)
    finally:
        client.close()
    return one_ms[_WARM_UP:], all_ms[_WARM_UP:]
