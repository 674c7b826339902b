"""What comes and goes: CEMs, devices, the daemon itself. Nothing of it is fatal, and none of it touches the rest."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import pytest
from s2python.common import ControlType, ResourceManagerDetails, SessionRequest, SessionRequestType
from s2python.frbc import FRBCActuatorStatus, FRBCStorageStatus

from s2d.device.found_values import FoundValues
from s2d.host.store import Store
from tests.chronicle import PATIENCE_S
from tests.system.cem import cem
from tests.system.daemon import battery, configured, daemon
from tests.system.simulator import Simulator, at

pytestmark = pytest.mark.system

DEAD_RESOLVER = """
import socket, threading
lookup = socket.getaddrinfo
def look_up(host, *of):
    if host == "cem.invalid":
        threading.Event().wait()
    is_known = isinstance(host, str) and host.endswith(".test")
    return lookup("127.0.0.1" if is_known else host, *of)
socket.getaddrinfo = look_up
"""
"""What Python starts with where a name is looked up in vain, and for ever; those of devices are known."""


@asynccontextmanager
async def hung_device():
    """The port of a device that takes every connection and every request, and never answers."""
    asked = asyncio.Event()

    async def swallow(reader, writer):
        try:
            while await reader.read(1024):
                asked.set()
        finally:
            writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], asked


async def test_all_that_is_offline_joins_as_it_comes_up(tmp_path, port, other_port):
    connection = {"host": "127.0.0.1", "port": other_port, "timeout": f"{PATIENCE_S:g} s"}
    config = configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, battery(connection=connection))
    simulator = Simulator()
    async with AsyncExitStack() as peers, daemon(config) as process:
        await process.logged("daemon.ready", devices=1)
        await process.logged("link.lost")
        await process.logged("device.unreachable")
        energy_manager = await peers.enter_async_context(cem(port))
        rm = await energy_manager.joined()
        details = await rm.negotiate()
        assert details.available_control_types == [ControlType.NOT_CONTROLABLE]
        await rm.select(ControlType.NOT_CONTROLABLE)
        await peers.enter_async_context(simulator.on_tcp(other_port))
        await rm.expect(ResourceManagerDetails)
        await rm.select_frbc()
        await process.logged("device.recovered")
        charge = await rm.instruct(mode="charge", factor=1.0)
        assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        await simulator.written(0, 5000)


async def test_a_cem_that_was_killed_comes_back_in_time(tmp_path, port):
    simulator = Simulator()
    async with simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, battery(connection=at(address)))
        async with daemon(config) as process:
            async with cem(port) as energy_manager:
                rm = await energy_manager.joined()
                await rm.in_charge()
                charge = await rm.instruct(mode="charge", factor=1.0)
                await rm.status_of(charge)
                rm.break_off()
                await process.logged("session.closed")
            await process.logged("link.lost")
            async with cem(port) as energy_manager:
                rm = await energy_manager.joined()
                await process.logged("link.recovered")
                await rm.in_charge()
                status = await rm.expect(FRBCActuatorStatus)
                assert status.active_operation_mode_id == rm.mode("charge")
                idle = await rm.instruct(mode="idle", factor=0.0)
                assert await rm.status_of(idle) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
                await simulator.written(0, 5000, 0)


async def test_a_cem_that_stays_away_leaves_the_battery_in_its_default_state(tmp_path, port):
    simulator = Simulator()
    async with simulator.on_tcp() as address:
        fallback = {"after": "1 s", "power_setpoint": "-100 W"}
        away = battery(connection=at(address), fallback=fallback)
        async with daemon(configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, away)) as process:
            async with cem(port) as energy_manager:
                rm = await energy_manager.joined()
                await rm.in_charge()
                charge = await rm.instruct(mode="charge", factor=1.0)
                await rm.status_of(charge)
            closed = await process.logged("session.closed")
            applied = await process.logged("fallback.applied")
            assert 0.9 < _seconds_between(closed, applied) < 6
            await simulator.written(-100, 5000, -100)


async def test_a_battery_that_was_switched_off_comes_back(tmp_path, port):
    simulator = Simulator()
    async with AsyncExitStack() as battery_server, cem() as energy_manager:
        address = await battery_server.enter_async_context(simulator.on_tcp(port))
        store = battery(connection=at(address))
        for point in store["points"].values():
            point["max_age"] = "60 s"  # it is away for as long as chance has it
        config = configured(tmp_path, {"url": energy_manager.url}, store)
        async with daemon(config) as process:
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=1.0)
            await rm.status_of(charge)
            await battery_server.aclose()
            await process.logged("device.unreachable")
            refused = await rm.instruct(mode="discharge", factor=0.0)
            assert await rm.status_of(refused) == ["REJECTED"]
            await battery_server.enter_async_context(simulator.on_tcp(address.port))
            await process.logged("device.recovered")
            again = await rm.instruct(mode="discharge", factor=0.0)
            assert await rm.status_of(again) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await simulator.written(0, 5000, -4000)


async def test_an_order_that_does_not_reach_the_battery_is_aborted_and_never_caught_up_on(tmp_path, port):
    simulator = Simulator()
    async with AsyncExitStack() as battery_server, cem() as energy_manager:
        address = await battery_server.enter_async_context(simulator.on_tcp(port))
        # So rarely polled, that the order is the first to find out.
        seldom = battery(connection=at(address), poll="5 s")
        async with daemon(configured(tmp_path, {"url": energy_manager.url}, seldom)) as process:
            rm = await energy_manager.joined()
            await rm.in_charge()
            await simulator.written(0)
            await battery_server.aclose()
            charge = await rm.instruct(mode="charge", factor=1.0)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "ABORTED"]
            await process.logged("setpoint.refused", value=5000, will_retry=True)
            await battery_server.enter_async_context(simulator.on_tcp(address.port))
            await simulator.written(0, 0)


async def test_one_battery_that_dies_does_not_touch_the_other(tmp_path, port):
    dies, lives = Simulator(), Simulator()
    async with AsyncExitStack() as dying, cem() as energy_manager, lives.on_tcp() as at_living:
        at_dying = await dying.enter_async_context(dies.on_tcp(port))
        url = f"ws://127.0.0.1:{energy_manager.port}/{{name}}"
        batteries = (
            battery("dies", connection=at(at_dying), poll="100 ms"),
            battery("lives", connection=at(at_living), report={"soc": "0.01 %", "every": "30 s"}),
        )
        async with daemon(configured(tmp_path, {"url": url}, *batteries)) as process:
            rm = await energy_manager.joined("lives")
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=1.0)
            await rm.status_of(charge)
            await dying.aclose()
            await process.logged("device.unreachable", device="dies")
            for factor in (0.5, 0.7, 0.9):
                another = await rm.instruct(mode="charge", factor=factor)
                assert await rm.status_of(another) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await rm.expect(FRBCStorageStatus, lambda status: status.present_fill_level > 50)
            await lives.written(0, 5000, 2500, 3500, 4500)
            assert not rm.ended.is_set()
            await dying.enter_async_context(dies.on_tcp(at_dying.port))
            await process.logged("device.recovered", device="dies")


async def test_a_battery_takes_no_orders_while_the_meter_it_leans_on_is_away(tmp_path, port):
    store, measures = Simulator(), Simulator(soc_percent=60.0)
    async with AsyncExitStack() as meter_server, cem() as energy_manager, store.on_tcp() as address:
        at_meter = await meter_server.enter_async_context(measures.on_tcp(port))
        soc = {"register": 843, "table": "input", "type": "uint16", "scale": 0.1, "unit": "%"}
        leaning = battery(connection=at(address))
        leaning["points"] = leaning["points"] | {"soc": {"from": "meter.soc"}}
        meter = {
            "name": "meter",
            "driver": "modbus",
            "connection": at(at_meter),
            "poll": "200 ms",
            "points": {"soc": soc},
        }
        async with daemon(configured(tmp_path, {"url": energy_manager.url}, leaning, meter)) as process:
            rm = await energy_manager.joined()
            await rm.in_charge()
            assert (await rm.expect(FRBCStorageStatus)).present_fill_level == 60
            charge = await rm.instruct(mode="charge", factor=1.0)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await meter_server.aclose()
            await process.logged("device.unreachable", device="meter")
            await store.written(0, 5000, 0)
            refused = await rm.instruct(mode="charge", factor=1.0)
            assert await rm.status_of(refused) == ["REJECTED"]
            await meter_server.enter_async_context(measures.on_tcp(at_meter.port))
            await process.logged("device.recovered", device="meter")
            again = await rm.instruct(mode="charge", factor=0.5)
            assert await rm.status_of(again) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await store.written(0, 5000, 0, 2500)


async def test_sigterm_with_a_device_that_hangs(tmp_path):
    simulator = Simulator()
    async with hung_device() as (hung, asked), cem() as energy_manager, simulator.on_tcp() as address:
        url = f"ws://127.0.0.1:{energy_manager.port}/{{name}}"
        batteries = (
            battery("hangs", connection={"host": "127.0.0.1", "port": hung, "timeout": "300 s"}),
            battery("works", connection=at(address)),
        )
        async with daemon(configured(tmp_path, {"url": url}, *batteries)) as process:
            working, hanging = await energy_manager.joined("works"), await energy_manager.joined("hangs")
            await hanging.negotiate()
            await working.in_charge()
            charge = await working.instruct(mode="charge", factor=1.0)
            await working.status_of(charge)
            async with asyncio.timeout(PATIENCE_S):
                await asked.wait()
            assert await process.stopped() == 1
            for rm in (working, hanging):
                farewell = await rm.expect(SessionRequest)
                assert farewell.request is SessionRequestType.TERMINATE
            await simulator.written(0, 5000, 0)
            assert [line["point"] for line in process.log.all if line["event"] == "fallback.unconfirmed"] == [
                "power_setpoint"
            ]


async def test_sigterm_brings_the_battery_to_its_default_state_before_the_daemon_ends(tmp_path):
    simulator = Simulator()
    async with cem() as energy_manager, simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=at(address)))
        async with daemon(config) as process:
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=1.0)
            await rm.status_of(charge)
            running = await rm.instruct(mode="discharge", factor=0.0)
            await rm.reached(running, "STARTED")
            assert await process.stopped() == 0
            assert (await rm.status_of(running))[:2] == ["ACCEPTED", "STARTED"]
            assert (await rm.expect(SessionRequest)).request is SessionRequestType.TERMINATE
            await asyncio.wait_for(rm.ended.wait(), PATIENCE_S)
            assert rm.close_code == 1000
            assert simulator.writes.all[-1] == 0
            await process.logged("setpoint.applied", value=0.0, reason="stop")
            assert "fallback.unconfirmed" not in process.events()


async def test_sigterm_with_nobody_there(tmp_path, port, other_port):
    nobody = {"host": "127.0.0.1", "port": other_port}
    config = configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, battery(connection=nobody))
    async with daemon(config) as process:
        await process.logged("device.unreachable")
        assert await process.stopped() == 1


async def test_a_second_sigterm_ends_the_daemon_at_once(tmp_path, port):
    async with hung_device() as (hung, asked):
        hanging = battery(connection={"host": "127.0.0.1", "port": hung, "timeout": "300 s"})
        config = configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, hanging)
        async with daemon(config) as process:
            async with asyncio.timeout(PATIENCE_S):
                await asked.wait()
            process.terminate()
            await process.logged("daemon.stopping")
            process.terminate()
            assert await process.ended() == 1


async def test_a_second_sighup_says_nothing_new(tmp_path, other_port):
    async with hung_device() as (port, asked):
        hanging = battery(connection={"host": "127.0.0.1", "port": port, "timeout": "60 s"})
        config = configured(tmp_path, {"url": f"ws://127.0.0.1:{other_port}"}, hanging)
        async with daemon(config) as process:
            async with asyncio.timeout(PATIENCE_S):
                await asked.wait()
            process.terminate(signal.SIGHUP)
            await process.logged("daemon.stopping")
            process.terminate(signal.SIGHUP)
            await process.logged("fallback.unconfirmed")
            assert await process.ended() == 1


def brought_to_rest(log, why):
    """Which devices confirmed that."""
    return {line["rm"] for line in log if line["event"] == "setpoint.applied" and line["reason"] == why}


async def test_a_cem_whose_name_is_looked_up_for_ever_keeps_no_device_from_safety(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(DEAD_RESOLVER)
    simulator = Simulator()
    async with simulator.on_tcp() as address:
        batteries = [battery(f"{n}", connection=at(address) | {"host": f"battery-{n}.test"}) for n in range(12)]
        url = "ws://cem.invalid/{name}"
        config = configured(tmp_path, {"url": url}, *batteries)
        search_first = os.pathsep.join([str(tmp_path), *sys.path])
        async with daemon(config, PYTHONPATH=search_first) as process:
            names = {each["name"] for each in batteries}
            await process.log.until(lambda lines: brought_to_rest(lines, "start") == names, "all are brought to rest")
            assert await process.stopped() == 0
            assert brought_to_rest(process.log.all, "stop") == names
            assert set(simulator.writes.all) == {0}


async def test_after_a_kill_the_battery_is_brought_to_its_default_state_first(tmp_path):
    simulator = Simulator()
    async with cem() as energy_manager, simulator.on_tcp() as address:
        config = configured(tmp_path, {"url": energy_manager.url}, battery(connection=at(address)))
        async with daemon(config) as process:
            rm = await energy_manager.joined()
            before = await rm.negotiate()
            await rm.select_frbc()
            charge = await rm.instruct(mode="charge", factor=1.0)
            await rm.status_of(charge)
            process.kill()
            assert await process.ended() == -9
            await asyncio.wait_for(rm.ended.wait(), PATIENCE_S)
        assert simulator.battery.setpoint_w == 5000
        async with daemon(config) as process:
            await simulator.written(0, 5000, 0)
            rm = await energy_manager.joined()
            after = await rm.negotiate()
            assert after.resource_id == before.resource_id
            await rm.select_frbc()
            again = await rm.tell(rm.instruction(mode="charge", factor=0.5, id=charge))
            assert again.status.value == "OK"
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            await simulator.written(0, 5000, 0, 2500)


async def test_after_a_kill_what_was_there_before_the_first_order_is_put_back(tmp_path):
    simulator = Simulator(watchdog_s=40.0)
    async with cem() as energy_manager, simulator.on_tcp() as address:
        device = battery(connection=at(address), fallback={"power_setpoint": "release"})
        points = device["points"]
        points["order"] = points.pop("power_setpoint")
        points["watchdog"] = {"register": 2701, "unit": "s", "access": "read_write", "poll": "never"}
        command = {
            "steps": [{"write": {"watchdog": 0, "order": "value"}}],
            "release": [{"write": {"order": 0, "watchdog": "found"}}],
        }
        config = configured(tmp_path, {"url": energy_manager.url}, device | {"commands": {"power_setpoint": command}})
        async with daemon(config) as process:
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=1.0)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            process.kill()
            assert await process.ended() == -9
            await asyncio.wait_for(rm.ended.wait(), PATIENCE_S)
        assert (simulator.battery.setpoint_w, simulator.battery.watchdog_s) == (5000, 0)
        async with daemon(config) as process:
            await process.logged("setpoint.applied")
            assert (simulator.battery.setpoint_w, simulator.battery.watchdog_s) == (0, 40)
            simulator.battery.set_watchdog(30.0, 0.0)
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=1.0)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
            assert (simulator.battery.setpoint_w, simulator.battery.watchdog_s) == (5000, 0)
            assert await process.stopped() == 0
        assert (simulator.battery.setpoint_w, simulator.battery.watchdog_s) == (0, 30)
        assert FoundValues(Store(tmp_path / "state"), "Home battery").values == {}


async def test_under_another_name_what_was_there_before_the_first_order_is_put_back_first(tmp_path):
    simulator = Simulator(watchdog_s=40.0)
    async with cem() as energy_manager, simulator.on_tcp() as address:
        device = battery(connection=at(address))
        points = device["points"]
        points["order"] = points.pop("power_setpoint")
        points["watchdog"] = {"register": 2701, "unit": "s", "access": "read_write", "poll": "never"}
        command = {
            "steps": [{"write": {"watchdog": 0, "order": "value"}}],
            "release": [{"write": {"order": 0, "watchdog": "found"}}],
        }
        device |= {"commands": {"power_setpoint": command}, "fallback": {"power_setpoint": "0 W"}}
        config = configured(tmp_path, {"url": energy_manager.url}, device)
        async with daemon(config) as process:
            await process.logged("setpoint.applied")
            await process.logged("config.kept")
            assert await process.stopped() == 0
        assert simulator.battery.watchdog_s == 0
        configured(tmp_path, {"url": energy_manager.url}, device | {"name": "Cellar battery"})
        async with daemon(config) as process:
            assert (await process.logged("config.shrunk"))["devices"] == ["Home battery"]
            await process.logged("setpoint.applied", rm="Cellar battery")
            assert simulator.battery.watchdog_s == 0
            assert await process.stopped() == 0
        state = Store(tmp_path / "state")
        assert FoundValues(state, "Home battery").values == {}
        assert FoundValues(state, "Cellar battery").values == {"watchdog": 40}
        configured(tmp_path, {"url": energy_manager.url}, battery("Another", connection=at(address)))
        async with daemon(config) as process:
            await process.logged("setpoint.applied", rm="Another")
            assert simulator.battery.watchdog_s == 40
            assert await process.stopped() == 0


async def test_a_configuration_that_cannot_be_used_is_refused_with_its_place(tmp_path):
    (tmp_path / "s2d.yaml").write_text(
        "cem:\n"
        "  url: ws://127.0.0.1:1\n"
        "devices:\n"
        "  - name: Home battery\n"
        "    kind: battery\n"
        "    driver: modbus\n"
        "    connection: {host: 127.0.0.1, prt: 5020}\n"
    )
    async with daemon(tmp_path) as process:
        process.expects_bugs = True
        assert await process.ended() == 78
    assert process.events() == []
    assert 's2d.yaml:7:35: Home battery: connection: unknown key "prt"' in process.stderr
    assert "Traceback" not in process.stderr


def _seconds_between(earlier, later):
    first, then = (datetime.fromisoformat(line["timestamp"]) for line in (earlier, later))
    return (then - first).total_seconds()


async def test_what_it_did_before_a_restart_is_known_after_it(tmp_path, port):
    simulator = Simulator()
    async with simulator.on_tcp() as address, cem(port) as energy_manager:
        config = configured(tmp_path, {"url": f"ws://127.0.0.1:{port}"}, battery(connection=at(address)))
        async with daemon(config):
            rm = await energy_manager.joined()
            await rm.in_charge()
            charge = await rm.instruct(mode="charge", factor=1.0)
            assert await rm.status_of(charge) == ["ACCEPTED", "STARTED", "SUCCEEDED"]
        async with daemon(config):
            rm = await energy_manager.joined()
            await rm.in_charge()
            status = await rm.expect(FRBCActuatorStatus)
            assert status.active_operation_mode_id == rm.mode("idle")
            assert status.previous_operation_mode_id == rm.mode("charge")
