"""How the daemon is connected to its CEM: who it says it is, whom it trusts, when it goes and when it comes back."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from uuid import uuid4

import pytest
from s2python.common import ReceptionStatusValues, SessionRequestType
from websockets.exceptions import ConnectionClosed

from tests.chronicle import PATIENCE_S
from tests.system.cem import cem
from tests.system.certificates import authority, server_context
from tests.system.daemon import battery, configured, daemon
from tests.system.simulator import Simulator, at

pytestmark = pytest.mark.system


@asynccontextmanager
async def linked(tmp_path, url, log_level="debug", **cem_settings):
    """A daemon with a battery that works and whose CEM is at *url*."""
    simulator = Simulator()
    async with simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": url, **cem_settings}, battery(connection=at(address)))
        async with daemon(config, log_level) as process:
            yield process, simulator


def token_file(tmp_path, token):
    path = tmp_path / "token"
    path.write_text(f"{token}\n")
    path.chmod(0o600)
    return {"token_file": str(path)}


async def test_the_token_is_borne(tmp_path):
    known = token_file(tmp_path, "s3cret")
    async with cem(token="s3cret") as energy_manager, linked(tmp_path, energy_manager.url, **known) as (process, _):
        rm = await energy_manager.joined()
        assert rm.headers["Authorization"] == "Bearer s3cret"
        assert rm.headers["User-Agent"].startswith("s2d/")
        await rm.negotiate()
        assert "s3cret" not in str(process.log.all)


async def test_a_wrong_token_is_told_once_and_not_tried_again_soon(tmp_path):
    wrong = token_file(tmp_path, "guessed")
    async with (
        cem(token="s3cret") as energy_manager,
        linked(tmp_path, energy_manager.url, **wrong) as (process, simulator),
    ):
        denied = await process.logged("link.denied")
        assert denied["level"] == "warning"
        assert denied["reason"] == "the CEM refuses us with HTTP 401: check cem: token_file"
        await simulator.written(0)
        assert len(energy_manager.requests.all) == 1
        assert "guessed" not in str(process.log.all)


async def test_a_cem_with_a_certificate_of_its_own_is_trusted_by_the_ca_file(tmp_path):
    ca = authority(tmp_path / "ours")
    async with cem(ssl=server_context(ca)) as energy_manager:
        url = f"wss://127.0.0.1:{energy_manager.port}"
        async with linked(tmp_path, url, ca_file=str(ca)) as (process, _):
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=1.0)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            assert await process.stopped() == 0


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path):
    ours, theirs = authority(tmp_path / "ours"), authority(tmp_path / "theirs")
    async with cem(ssl=server_context(theirs)) as energy_manager:
        url = f"wss://127.0.0.1:{energy_manager.port}"
        async with linked(tmp_path, url, ca_file=str(ours)) as (process, simulator):
            denied = await process.logged("link.denied")
            assert "no trust in the CEM's certificate" in denied["reason"]
            await simulator.written(0)
            assert energy_manager.rms.all == []


async def test_asked_to_reconnect_it_comes_back_and_the_battery_goes_on(tmp_path):
    async with cem() as energy_manager, linked(tmp_path, energy_manager.url) as (_, simulator):
        rm = await energy_manager.joined()
        await rm.in_charge()
        charge = await rm.instruct(mode="charge", factor=1.0)
        await rm.status_of(charge)
        await rm.request(SessionRequestType.RECONNECT)
        await asyncio.wait_for(rm.ended.wait(), PATIENCE_S)
        assert rm.close_code == 1000
        rm = await energy_manager.joined()
        await rm.in_charge()
        assert simulator.writes.all == [0, 5000]


async def test_terminated_it_leaves_the_battery_in_its_default_state_and_stays_away(tmp_path):
    async with cem() as energy_manager, linked(tmp_path, energy_manager.url) as (process, simulator):
        rm = await energy_manager.joined()
        await rm.in_charge()
        charge = await rm.instruct(mode="charge", factor=1.0)
        await rm.status_of(charge)
        later = await rm.instruct(mode="charge", factor=0.5, at=datetime.now(UTC) + timedelta(hours=1))
        await rm.reached(later, "ACCEPTED")
        await rm.request(SessionRequestType.TERMINATE)
        await asyncio.wait_for(rm.ended.wait(), PATIENCE_S)
        await simulator.written(0, 5000, 0)
        await process.logged("session.closed")
        assert len(energy_manager.requests.all) == 1


async def test_a_version_nobody_offered_ends_the_session(tmp_path):
    async with cem() as energy_manager, linked(tmp_path, energy_manager.url) as (_, _):
        rm = await energy_manager.joined()
        with pytest.raises(AssertionError, match="STATE-003"):
            await rm.negotiate("2.0.0")
        await asyncio.wait_for(rm.ended.wait(), PATIENCE_S)
        assert [type(message).__name__ for message in rm.heard.all] == ["Handshake", "SessionRequest"]


async def test_a_frame_of_a_mebibyte_is_read_and_a_larger_one_ends_the_connection(tmp_path):
    async with cem() as energy_manager, linked(tmp_path, energy_manager.url) as (_, _):
        rm = await energy_manager.joined()
        await rm.negotiate()
        assert (await rm.send_raw("x" * 2**20)).status is ReceptionStatusValues.INVALID_DATA
        await rm.send("x" * (2**20 + 1))
        await asyncio.wait_for(rm.ended.wait(), PATIENCE_S)
        assert rm.close_code == 1009
        rm = await energy_manager.joined()
        await rm.in_charge()


async def test_a_cem_that_never_answers_is_noticed_and_the_session_lives_on(tmp_path):
    async with cem() as energy_manager, linked(tmp_path, energy_manager.url) as (process, _):
        rm = await energy_manager.joined()
        rm.is_mute = True
        await rm.in_charge()
        missed = await process.logged("reception_status.missed")
        assert missed["message_type"] == "Handshake"
        charge = await rm.instruct(mode="charge", factor=1.0)
        assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]


async def test_a_cem_that_does_not_read_is_given_up(tmp_path):
    async with cem(is_reading=False) as energy_manager, linked(tmp_path, energy_manager.url, "info") as (process, _):
        rm = await energy_manager.joined()
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(ask_for_ever(rm))
            await process.logged("link.flooded")
            await process.logged("session.closed")
            await energy_manager.joined()
            asking.cancel()


async def test_sigterm_with_a_cem_that_does_not_read(tmp_path):
    async with (
        cem(is_reading=False) as energy_manager,
        linked(tmp_path, energy_manager.url, "info") as (process, simulator),
    ):
        rm = await energy_manager.joined()
        await simulator.written(0)
        await ask(rm, 80, 2**18)
        await process.log.until(lambda log: len(log) > 80, "told of 80 refusals")
        assert await process.stopped() == 0
        await simulator.written(0, 0)


async def ask_for_ever(rm):
    with suppress(ConnectionClosed):
        while True:
            await ask(rm, 100)


async def ask(rm, times, length=4096):
    """Sends nonsense, long enough that its answers fill what lies between us, as nobody reads them."""
    for _ in range(times):
        await rm.send(json.dumps({"message_type": token_hex(length // 2), "message_id": str(uuid4())}))
        await asyncio.sleep(0)
