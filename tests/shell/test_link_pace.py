"""How fast a link takes what a CEM sends, and how soon it comes back on which terms."""

import asyncio
from itertools import pairwise
from math import inf
from secrets import token_hex

import pytest

from s2d.s2.effects import Connected, Disconnected, Received, ReconnectPolicy, ReconnectTerms
from s2d.service.frame_intake import A_SECOND, BURST, DELAY_AT_MOST_S, FrameIntake
from s2d.service.link import FRAMES_A_TURN, UNREAD_LIMIT
from tests.fakes import pass_s

from .link_stage import Server, linked

virtual_time = pytest.mark.virtual_time
MOST = BURST + round(A_SECOND * DELAY_AT_MOST_S)
"""So many frames can come at once."""


def test_a_burst_is_taken_at_once_and_what_is_more_at_its_pace_and_in_order() -> None:
    intake, taken = FrameIntake(), list[tuple[float, str | bytes]]()
    assert all(intake.put(f"{count}", 1000.0) for count in range(MOST))
    assert not intake.put("too many", 1000.0)
    while (at := intake.next_at) < inf:
        taken.append((at, intake.take()))
    assert [frame for _, frame in taken] == [f"{count}" for count in range(MOST)]
    assert [at for at, _ in taken[:BURST]] == [1000.0] * BURST
    assert taken[BURST][0] == pytest.approx(1000.0 + 1 / A_SECOND)
    assert taken[-1][0] == pytest.approx(1000.0 + DELAY_AT_MOST_S)
    assert intake.length == 0


def test_at_its_pace_a_cem_may_go_on_for_ever() -> None:
    intake = FrameIntake()
    for count in range(BURST + 10_000):
        assert intake.put("x", count / A_SECOND)
        assert intake.next_at == count / A_SECOND
        intake.take()


def test_who_was_quiet_for_a_while_may_burst_again() -> None:
    intake = FrameIntake()
    for begins_s in (0.0, 1.0, 5.0, 1e6):
        now_s, at_once = begins_s, 0
        while intake.put("x", now_s) and intake.next_at <= now_s:
            intake.take()
            at_once += 1
        assert at_once == {0.0: BURST, 1.0: A_SECOND - 1, 5.0: BURST - 1, 1e6: BURST}[begins_s]
        while intake.next_at < inf:
            intake.take()


ANSWER = '{"message_type": "ReceptionStatus", "subject_message_id": "%s", "status": "OK"}'


def test_answers_that_are_owed_are_not_counted_and_come_in_order_all_the_same() -> None:
    intake = FrameIntake()
    for _ in range(1000):
        intake.owe()
    assert all(intake.put(f"{count}", 0.0) for count in range(BURST + 1))
    assert all(intake.put(ANSWER % count, 0.0) for count in range(1000))
    taken = []
    while (at := intake.next_at) < inf:
        taken.append((at, intake.take()))
    assert [at for at, _ in taken] == [0.0] * BURST + [1 / A_SECOND] * 1001
    assert not all(intake.put(ANSWER % count, 1.0) for count in range(MOST))


def test_who_only_speaks_of_answers_is_counted() -> None:
    intake = FrameIntake()
    for _ in range(1000):
        intake.owe()
    label = '{"message_type": "X", "label": "\\"message_type\\": \\"ReceptionStatus\\""}'
    assert not all(intake.put(label, 0.0) for _ in range(MOST + 1))


async def sends(server, count, frame="x"):
    for number in range(count):
        await server.connections[0].send(f"{frame}{number}")


def received(stage):
    return [event.frame for event in stage.told if isinstance(event, Received)]


@virtual_time
async def test_what_goes_beyond_a_burst_is_delayed_and_never_dropped():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        await sends(server, MOST - 1)
        await pass_s(0.001)
        assert len(received(stage)) in (BURST, BURST + 1)
        await pass_s(1)
        assert BURST + A_SECOND <= len(received(stage)) <= BURST + A_SECOND + 1
        await pass_s(4)
        assert received(stage) == [f"x{count}" for count in range(MOST - 1)]
        assert stage.log.events() == []


@virtual_time
async def test_what_was_sent_before_the_end_is_taken_though_it_had_to_wait():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        await sends(server, BURST + 10)
        await server.connections[0].close()
        await stage.hears(Disconnected)
        assert len(received(stage)) == BURST + 10


@virtual_time
async def test_a_cem_that_floods_is_closed_on_and_called_ever_more_rarely():
    class Flood(Server):
        async def serve(self, websocket):
            self.connections.append(websocket)
            for _ in range(10 * MOST):
                await websocket.send("x")
            await websocket.wait_closed()

    server = Flood()
    async with linked(server) as stage:
        take = stage.link._take

        def taken(event):
            take(event)
            if isinstance(event, Disconnected):  # as after a session in which much was instructed
                stage.link.come_back(ReconnectTerms(is_anew=True, within_s=1.0))

        stage.link._take = taken
        gone = await stage.hears(Disconnected)
        assert gone.reason == "the CEM sends more than 50 messages a second"
        assert server.connections[0].close_code == 1008
        await pass_s(600)
        assert 10 <= len(server.connections) < 40
        assert set(stage.log.events()) == {"link.flooded"}


@virtual_time
async def test_a_pong_behind_frames_that_wait_is_heard():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        for _ in range(40):  # for longer than pongs may take, without a pause
            await sends(server, 4 * A_SECOND)
            await pass_s(4)
        assert [event for event in stage.told if isinstance(event, Disconnected)] == []
        assert len(received(stage)) >= 40 * 4 * A_SECOND - BURST


@virtual_time
async def test_of_long_frames_only_so_many_are_kept_waiting():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        sending = asyncio.create_task(sends(server, BURST + 200, token_hex(2**17)))
        await pass_s(0.5)
        assert not sending.done()
        await pass_s(5)
        assert sending.done()
        assert len(received(stage)) == BURST + 200
    assert UNREAD_LIMIT < 100 * 2**18


@virtual_time
async def test_others_have_a_turn_between_every_few_frames():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        turns = []

        async def watch():
            while len(received(stage)) < BURST:
                turns.append(len(received(stage)))
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch())
            tasks.create_task(sends(server, BURST))
        assert max(later - earlier for earlier, later in pairwise(turns)) <= FRAMES_A_TURN


@virtual_time
@pytest.mark.parametrize("status", [503, 401, 403])
async def test_with_an_order_in_force_it_comes_back_within_what_it_is_told_unless_it_is_refused(status):
    server = Server(status)
    async with linked(server) as stage:
        stage.link.come_back(ReconnectTerms(is_anew=False, within_s=2.0))
        await pass_s(600)
        if status == 503:
            assert all(wait_s < 2.1 for wait_s in server.waits_s())
            assert len(server.asked_at) > 300
        else:
            assert all(29.9 < wait_s < 61 for wait_s in server.waits_s())
        stage.link.come_back(ReconnectTerms(is_anew=False, within_s=None))
        server.asked_at.clear()
        await pass_s(3600)
        assert max(server.waits_s()) > 30


@virtual_time
async def test_retry_after_wins_over_an_order_in_force():
    server = Server(503, headers={"Retry-After": "120"})
    async with linked(server) as stage:
        stage.link.come_back(ReconnectTerms(is_anew=False, within_s=1.0))
        await pass_s(3600)
        assert all(wait_s >= 120 for wait_s in server.waits_s())


@virtual_time
async def test_sessions_that_get_nowhere_are_called_ever_more_rarely():
    class Dying(Server):
        async def serve(self, websocket):
            self.connections.append(websocket)
            await websocket.close(1011)

    server = Dying()
    async with linked(server):
        await pass_s(1200)
        assert len(server.connections) < 100
        assert max(server.waits_s()) > 30


@virtual_time
async def test_a_close_that_comes_while_frames_wait_does_not_wait_for_them():
    server = Server()
    async with linked(server) as stage:
        await stage.hears(Connected)
        await sends(server, MOST - 10)
        await pass_s(0.1)
        since = asyncio.get_running_loop().time()
        stage.link.close(ReconnectPolicy.NEVER)
        await stage.running
        assert asyncio.get_running_loop().time() - since < 2.1
