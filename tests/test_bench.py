"""The benchmark: what its sections measure can be made, and works a few times; how long it takes nobody asks."""

import asyncio
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.server import serve

from s2d.s2.messages import wire
from s2d.s2.messages.vet import vet
from tests.bench import bus, codec, core, latency, many, mixed, mqtt, outages, process, rig, schema
from tests.bench.__main__ import SECTIONS
from tests.bench.cem import Cem, serving
from tests.bench.every_type import times_of_every_type
from tests.bench.patterned import patterned
from tests.bench.run import REPOSITORY, Run, started
from tests.bench.samples import long_samples, samples
from tests.ports import held_port
from tests.system.certificates import authority, server_context

system = pytest.mark.system
HERE = Path(sys.executable)


@dataclass(frozen=True)
class Here(Run):
    """In the Python of these tests, which has all that is measured."""

    @property
    def s2d_python(self) -> Path:  # type: ignore[override]
        return HERE


RUN = Here(is_quick=True, given_peer_python=HERE)
POWERS_W = [1000, -1000]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_is_there(name: str) -> None:
    assert callable(import_module(f"tests.bench.{name}").rows)


# --- core, codec, schema ----------------------------------------------------------------------------------------------


def test_a_battery_is_in_charge_of_the_core() -> None:
    charge = core._Charge()
    for number in range(4):
        charge.instruct(number)
        charge.measure()
        charge.instruct_later(number % 2)
    instructions = charge.resource_manager.instructions
    assert instructions is not None
    assert (len(instructions.started), len(instructions.held)) == (1, 2)
    assert charge.settled_us


def test_a_cem_says_every_type_of_message() -> None:
    times = times_of_every_type(1)
    said = {name.partition(" ")[0] for name in times}
    by_cem = {name for name in samples() if "Instruction" in name and name != "InstructionStatusUpdate"}
    assert by_cem | {"SelectControlType", "RevokeObject", "SessionRequest"} <= said


def test_every_message_is_read_and_judged() -> None:
    (name, message), *_ = long_samples().items()
    assert core.LONG_US.keys() == {wire.name_of(type(each)) for each in long_samples().values()}
    assert core._read_and_judge_us(RUN, wire.encode(message).decode()) > 0, name


def test_the_peer_reads_and_writes_what_we_do() -> None:
    texts = {name: wire.encode(message).decode() for name, message in samples().items()}
    command: list[str | Path] = [HERE, "-m", "tests.bench.peers.codec"]
    with started(command, "the peer", cwd=REPOSITORY) as running:
        peer = codec._Peer(running, texts)
        assert len(peer.known) > len(texts) / 2
        assert all(peer.seconds_of(what, "FRBC.Instruction", 1) > 0 for what in ("decode", "encode"))


def test_messages_are_read_with_their_ids_checked_by_a_pattern() -> None:
    for name, message in samples().items():
        text = wire.encode(message)
        assert msgspec.json.decode(text, type=patterned(type(message))) is not None, name
        with pytest.raises(msgspec.ValidationError, match="regex"):
            msgspec.json.decode(text.replace(b'_id":"', b'_id":"!', 1), type=patterned(type(message)))


def test_the_schemas_know_every_message() -> None:
    version = wire.VERSIONS[0]
    validate = schema._validators(version)
    for name, message in samples(version).items():
        text = wire.encode(message).decode()
        vet(text, wire.decode(text, version))
        validate[name](text)


# --- latency, process -------------------------------------------------------------------------------------------------


@system
async def test_instructions_reach_each_of_those_that_are_compared() -> None:
    pace = latency.PACES[0]
    async with serving() as cem:
        with rig.device() as battery:
            times = await asyncio.gather(
                latency._through_s2d(RUN, cem, battery, POWERS_W, pace),
                latency._through_peer(RUN, cem, POWERS_W, pace),
                latency._through_bare(RUN, cem, POWERS_W, pace),
                latency._bare_modbus(battery, POWERS_W, pace),
            )
    # What is left out to warm up is all there is.
    assert times == [([], [], []), ([], []), [], ([], [])]


@system
def test_the_bare_libraries_are_imported_and_stay() -> None:
    with rig.bare_libraries(RUN) as running:
        assert process._rss_mb(running) > 1


# --- bus, outages -----------------------------------------------------------------------------------------------------


async def test_registers_become_readings() -> None:
    assert 1 < len(bus._plan()) <= bus.REQUESTS
    assert await bus._point_us(1) > 0


@system
async def test_units_on_a_line_are_polled() -> None:
    assert await bus._rate(0.3, is_one_dead=False) > 0


@system
async def test_many_devices_join_on_wss(tmp_path: Path) -> None:
    ca, cem = authority(tmp_path), Cem()
    with held_port() as cem_port, many.devices_served() as port:
        async with serve(cem.serve, "127.0.0.1", cem_port, ssl=server_context(ca)):
            with many.many_run(RUN, f"wss://127.0.0.1:{cem_port}/{{resource_id}}", 2, port, ca) as running:
                await outages._all_here(cem, 2)
                assert process._rss_mb(running) > 1
                assert process._cpu_s(running) > 0


@system
async def test_one_device_is_flooded_beside_another() -> None:
    async with outages._two_devices(RUN) as (cem, registers):
        await outages._send_all(cem, "Flooded", 2)
        assert len(await outages._answered_ms(cem.sessions["Beside"], seconds=0.1)) == 2
        assert registers.read_at_ns


# --- mixed ------------------------------------------------------------------------------------------------------------


@system
async def test_a_resource_of_every_kind_is_measured_in_a_session() -> None:
    async with serving() as cem:
        with mixed._running(RUN, cem.url("{resource_id}"), len(mixed._KINDS)):
            async with asyncio.TaskGroup() as tasks:
                for number in range(1, len(mixed._KINDS) + 1):
                    tasks.create_task(mixed._joined(cem, f"resource-{number}"))


@system
async def test_bare_connections_say_measurements() -> None:
    async with serving() as cem:
        with rig.bare_measurements(RUN, cem, 2):
            for number in range(2):
                session = await cem.joined(f"bare-{number}")
                first = await session.expect("PowerMeasurement")
                assert await session.expect("PowerMeasurement", since=session.heard.index(first) + 1)


# --- mqtt -------------------------------------------------------------------------------------------------------------


@system
@pytest.mark.skipif(mqtt.MOSQUITTO is None, reason="install mosquitto (apt-get install mosquitto)")
@pytest.mark.parametrize("kind", [(), ("bare",)])
def test_messages_of_a_broker_are_timed(kind: tuple[str, ...]) -> None:
    with mqtt.mosquitto() as port:
        late_ms, cpu_percent = mqtt.measured(RUN, port, 1.0, kind)
    assert min(late_ms) > 0
    assert cpu_percent > 0
