"""The CEM's server with resource managers on real WebSockets."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from played_rm import CHARGE, DISCHARGE, counted_ids, details, handshake, played_rm, storage_status
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from s2d.cem.commands import CommandRefused
from s2d.cem.grammar import parse
from s2d.cem.script import steps_of
from s2d.cem.script_runner import ScriptFailed, run_script
from s2d.cem.server import CannotListen, serve
from s2d.cem.transcript import ConnectionRejected, RmConnected, RmDisconnected
from s2d.errors import S2dError
from tests.chronicle import PATIENCE_S
from tests.fakes import now

pytestmark = [pytest.mark.system, pytest.mark.virtual_time]


@asynccontextmanager
async def serving(**options):
    async with (
        asyncio.timeout(PATIENCE_S),
        serve(clock=now, new_id=counted_ids(), **options) as cem,
    ):
        yield cem


async def test_a_resource_manager_is_selected_ordered_and_dismissed():
    async with serving() as cem:
        async with played_rm(cem.address.port) as rm:
            await rm.be_selected()
            conversation = await cem.until(
                lambda: next((each for each in cem.conversations if each.choices and each.choices.fill_level), None)
            )
            assert (conversation.path, conversation.control_type) == ("/s2/battery-1", "FILL_RATE_BASED_CONTROL")
            cem.execute(parse("charge 0.5").command, cem.find())
            instruction = await rm.carry_out("ACCEPTED", "STARTED")
            assert (instruction["operation_mode"], instruction["operation_mode_factor"]) == (CHARGE, 0.5)
            await cem.until(lambda: conversation.last.statuses == ["ACCEPTED", "STARTED"])
            cem.execute(parse("terminate").command, conversation)
            assert (await rm.hear("SessionRequest"))["request"] == "TERMINATE"
            await rm.hear("the end")
        await cem.until(lambda: not cem.conversations)
        with pytest.raises(CommandRefused) as refused:
            cem.execute(parse("charge 1").command, conversation)
        assert str(refused.value) == "Home battery is not connected any more"


async def test_leaving_terminates_every_session():
    events = []
    async with (
        cem_that_leaves(observers=[events.append]) as (port, leave),
        played_rm(port) as one,
        played_rm(port) as two,
    ):
        await one.be_selected()
        await two.hear("Handshake")
        leave.set()
        for rm in (one, two):
            assert (await rm.hear("SessionRequest"))["request"] == "TERMINATE"
            await rm.hear("the end")
    assert [event.reason for event in events if isinstance(event, RmDisconnected)] == ["closed with code 1000"] * 2


async def test_without_farewell_the_connection_is_cut():
    async with cem_that_leaves(farewell=False) as (port, leave), connect(f"ws://127.0.0.1:{port}/") as socket:
        assert '"Handshake"' in await socket.recv()
        leave.set()
        with pytest.raises(ConnectionClosed) as gone:
            await socket.recv()
        assert gone.value.rcvd.code == 1001


@asynccontextmanager
async def cem_that_leaves(**options):
    """The port of a CEM, and an event to set when it shall leave."""
    leave, port = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def live():
        async with serving(**options) as cem:
            port.set_result(cem.address.port)
            await leave.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live())
        yield await port, leave


async def test_a_resource_manager_that_does_not_leave_is_cut_off():
    events = []
    async with serving(observers=[events.append]) as cem, connect(f"ws://{cem.address}/mute") as socket:
        await cem.until(lambda: cem.conversations)
        cem.execute(parse("terminate").command, cem.find())
        await cem.until(lambda: not cem.conversations)
        await socket.wait_closed()
    assert [event.reason for event in events if isinstance(event, RmDisconnected)] == [
        "it did not answer the end of the session"
    ]


async def test_without_a_common_version_the_goodbye_still_arrives():
    async with serving() as cem, played_rm(cem.address.port) as rm:
        await rm.hear("Handshake")
        await rm.say(handshake(["9.9"]))
        assert (await rm.hear("SessionRequest"))["request"] == "TERMINATE"
        await rm.hear("the end")


async def test_what_is_no_message_is_answered_and_too_much_ends_the_connection():
    async with serving() as cem, connect(f"ws://{cem.address}/") as socket:
        await socket.recv()
        await socket.send(b"\x00")
        assert '"INVALID_DATA"' in await socket.recv()
        await socket.send("x" * 2_000_000)
        with pytest.raises(ConnectionClosed) as gone:
            await socket.recv()
        assert gone.value.rcvd.code == 1009


async def test_only_the_bearer_of_the_token_is_let_in():
    events = []
    async with serving(token="s3cret", observers=[events.append]) as cem:
        for headers in ({}, {"Authorization": "Bearer guess"}):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(f"ws://{cem.address}/s2", additional_headers=headers):
                    pass
            assert refused.value.response.status_code == 401
        async with played_rm(cem.address.port, additional_headers={"Authorization": "Bearer s3cret"}) as rm:
            await rm.hear("Handshake")
    turned_away = [(event.path, event.reason) for event in events if isinstance(event, ConnectionRejected)]
    assert turned_away == [("/s2", "no token"), ("/s2", "a wrong token")]


async def test_a_port_in_use_is_one_sentence():
    async with serving() as cem:
        with pytest.raises(CannotListen) as error:
            async with serving(port=cem.address.port):
                pass
        assert str(error.value) == f"cannot listen on {cem.address}: address already in use"


async def test_what_goes_wrong_in_an_observer_is_raised():
    class PaperJam(S2dError):
        pass

    def jam(event):
        if not isinstance(event, RmConnected | RmDisconnected):
            raise PaperJam

    async with asyncio.timeout(PATIENCE_S):
        with pytest.RaisesGroup(PaperJam, flatten_subgroups=True):
            async with serving(observers=[jam]) as cem, connect(f"ws://{cem.address}/"):
                await cem.until(lambda: False)


async def test_several_resource_managers_are_told_apart():
    async with serving() as cem:
        with pytest.raises(CommandRefused, match=r"^no resource manager is connected$"):
            cem.find()
        async with played_rm(cem.address.port) as one, played_rm(cem.address.port) as two:
            await one.say(details(name="Home battery", resource_id="bat-1"))
            await two.say(details(name="Car", resource_id="ev-1"))
            await one.hear("Handshake")
            await two.hear("Handshake")
            await cem.until(lambda: [each for each in cem.conversations if each.details][1:])
            names = [each.name for each in cem.conversations]
            found = [cem.find(to).name for to in ("home", "Car", "ev", "1", "2")]
            assert found == ["Home battery", "Car", "Car", *names]
            known = f"There are @1 {names[0]}, @2 {names[1]}"
            for to, sentence in (
                (None, f"which resource manager? {known}"),
                ("3", f'no resource manager "3" is connected; {known}'),
            ):
                with pytest.raises(CommandRefused) as refused:
                    cem.find(to)
                assert str(refused.value) == sentence


async def test_a_script_is_performed():
    script = """\
- wait for: control type
- wait for: FRBC.StorageStatus
- charge: 0.5
- wait for: SUCCEEDED
- wait: 10 ms
- discharge: 1
- wait for: FRBC.StorageStatus
- wait for: FRBC.StorageStatus
- revoke
- wait for: REVOKED
- terminate
"""
    told = []
    async with serving() as cem, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run_script(steps_of(script, "s.yaml"), cem, told.append))
        async with played_rm(cem.address.port) as rm:
            await rm.be_selected()
            await rm.carry_out("ACCEPTED", "STARTED", "SUCCEEDED")
            discharge = await rm.carry_out("ACCEPTED", "STARTED")
            assert (discharge["operation_mode"], discharge["operation_mode_factor"]) == (DISCHARGE, 0.0)
            await rm.say(storage_status(51.0, "rm-storage-2"), storage_status(52.0, "rm-storage-3"))
            revoked = await rm.hear("RevokeObject")
            assert revoked["object_id"] == discharge["id"]
            await rm.say(
                {
                    "message_type": "InstructionStatusUpdate",
                    "message_id": "rm-revoked",
                    "instruction_id": discharge["id"],
                    "status_type": "REVOKED",
                    "timestamp": "2030-01-01T00:00:00Z",
                }
            )
            await rm.hear("SessionRequest")
        await running
    assert told == [
        "#1 charge (factor 1 is full power): S2 factor 0.5, 2500 W, at once",
        "#2 discharge (factor 0 is full power): S2 factor 0, -5000 W, at once",
        "revoked: #2 discharge, S2 factor 0, -5000 W",
        "TERMINATE asked of Home battery",
    ]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("- charge: 1", "s.yaml:1:3: no resource manager is connected"),
        (
            "- wait for: FRBC.StorageStatus\n  within: 10 ms",
            "s.yaml:1:3: no FRBC.StorageStatus within 0.01 s: no resource manager is connected",
        ),
        ("- wait for: SUCCEEDED", "s.yaml:1:3: SUCCEEDED of what? The script has not given an instruction yet"),
    ],
)
async def test_a_script_that_cannot_go_on_says_where(script, sentence):
    async with serving() as cem:
        with pytest.raises(ScriptFailed) as failed:
            await run_script(steps_of(script, "s.yaml"), cem)
        assert str(failed.value) == sentence


async def test_a_script_does_not_wait_for_what_cannot_come_any_more():
    script = "- wait for: FRBC.StorageStatus\n- charge: 1\n- wait for: SUCCEEDED"
    async with serving() as cem, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(fails(steps_of(script, "s.yaml"), cem))
        async with played_rm(cem.address.port) as rm:
            await rm.be_selected()
            await rm.carry_out("REJECTED")
            sentence = await running
    assert sentence == "s.yaml:3:3: no SUCCEEDED: charge, S2 factor 1, 5000 W is REJECTED"


async def test_a_message_waited_for_is_not_waited_for_again():
    script = "- wait for: FRBC.StorageStatus\n- wait for: FRBC.StorageStatus\n  within: 100 ms"
    async with serving() as cem, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(fails(steps_of(script, "s.yaml"), cem))
        async with played_rm(cem.address.port) as rm:
            await rm.be_selected()
            assert await running == "s.yaml:2:3: no FRBC.StorageStatus within 0.1 s"


async def fails(steps, cem):
    with pytest.raises(ScriptFailed) as failed:
        await run_script(steps, cem)
    return str(failed.value)
