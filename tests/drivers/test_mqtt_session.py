"""Connections to brokers: by TLS, as somebody, in the version of MQTT that they speak, and to those that break off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from s2d_drivers.mqtt.connection import MqttConnection
from s2d_drivers.mqtt.point import MqttPoint

from s2d.errors import DeviceUnreachable
from s2d.values import Setpoint
from tests.drivers.mqtt_peers import WITHIN_S, mosquitto, opened
from tests.system.certificates import authority, server_context

pytestmark = pytest.mark.system

POINTS = {"power": MqttPoint(topic="m/power", unit="W"), "limit": MqttPoint(set="m/limit", access="write", qos=1)}


async def test_tls_is_spoken_to_whom_is_trusted_and_to_nobody_else(tmp_path: Path) -> None:
    ca, other = authority(tmp_path / "ours"), authority(tmp_path / "other")
    server_context(ca)
    settings = f"allow_anonymous true\ncertfile {ca.with_name('server.pem')}\nkeyfile {ca.with_name('server.key')}\n"
    async with mosquitto(settings) as broker:
        async with opened(broker.connection(tls=True, ca_file=str(ca)), POINTS) as device:
            assert (await device.read("power")).detail == "nothing was heard on m/power"
        for untrusted in ({"ca_file": str(other)}, {}):
            async with opened(broker.connection(tls=True, **untrusted), POINTS) as device:
                with pytest.raises(DeviceUnreachable, match="TLS: the broker is not trusted: "):
                    await device.read("power")
        async with opened(broker.connection(tls=True, ca_file=str(tmp_path / "nowhere")), POINTS) as device:
            with pytest.raises(DeviceUnreachable, match="No such file"):
                await device.read("power")


async def test_a_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec("mosquitto_passwd", "-b", "-c", tmp_path / "users", "s2d", "hush")
    assert await process.wait() == 0
    (tmp_path / "password").write_text("hush\nno more\n")
    settings = f"allow_anonymous false\npassword_file {tmp_path / 'users'}\n"
    async with mosquitto(settings) as broker:
        known = broker.connection(username="s2d", password_file=str(tmp_path / "password"))
        async with opened(known, POINTS) as device:
            assert (await device.read("power")).detail == "nothing was heard on m/power"


async def test_a_password_that_is_no_text_is_told_of_and_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    async with mosquitto() as broker:
        connection = broker.connection(username="s2d", password_file=str(tmp_path / "password"))
        async with opened(connection, POINTS) as device:
            with pytest.raises(DeviceUnreachable, match="password_file: 'utf-8' codec can't decode"):
                await device.read("power")


@asynccontextmanager
async def old_broker(*, hangs_up: bool = False) -> AsyncIterator[tuple[MqttConnection, list[bytes]]]:
    """A broker that knows MQTT 3.1.1 only: it says power once, and takes what is written; all it hears is noted."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                first, length = await reader.readexactly(2)
                packet = await reader.readexactly(length)
                kind = first >> 4
                heard.append(bytes([first]) + packet)
                if kind == 1 and packet[6] != 4:
                    if not hangs_up:
                        writer.write(b"\x20\x02\x00\x01")
                    return
                if kind == 1:
                    writer.write(b"\x20\x02\x00\x00")
                elif kind == 8:
                    writer.write(b"\x90\x03" + packet[:2] + b"\x00")
                    writer.write(b"\x30\x0b\x00\x07m/power" + b"42")
                elif kind == 3:
                    topic = int.from_bytes(packet[:2], "big")
                    writer.write(b"\x40\x02" + packet[2 + topic : 4 + topic])
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield MqttConnection(host="127.0.0.1", port=server.sockets[0].getsockname()[1]), heard


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_a_broker_that_does_not_know_mqtt_5_is_spoken_to_as_it_does(hangs_up: bool) -> None:
    async with old_broker(hangs_up=hangs_up) as (connection, heard), opened(connection, POINTS) as device:
        await device.until(lambda: device.driver.bus.away is None)
        await device.known(power=42)
        await device.write(Setpoint("limit", 7.0, "test"))
        assert heard[-1][1:] == b"\x00\x07m/limit" + heard[-1][10:12] + b"7"


async def test_a_broker_that_breaks_off_is_told_of_in_words() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        connection = MqttConnection(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        async with opened(connection, POINTS) as device:
            with pytest.raises(DeviceUnreachable) as raised:
                await device.driver.bus.settled(WITHIN_S)
            assert raised.value.reason == "no session: the connection to the broker broke"


async def test_a_broker_that_speaks_neither_for_now_is_not_taken_for_an_old_one() -> None:
    versions: asyncio.Queue[int] = asyncio.Queue()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        versions.put_nowait((await reader.readexactly(9))[8])
        writer.write(b"\x20\x02\x00\x01")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        connection = MqttConnection(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        async with opened(connection, POINTS), asyncio.timeout(WITHIN_S):
            assert [await versions.get() for _ in range(4)] == [5, 4, 5, 4]


async def test_nothing_is_left_of_a_session_that_was_given_up() -> None:
    """No task, no connection, and no socket that the loop goes on watching, whose number may be another's by then."""
    steps: asyncio.Queue[str] = asyncio.Queue()

    async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        steps.put_nowait("it came")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        steps.put_nowait("it went")

    async with await asyncio.start_server(be_silent, "127.0.0.1", 0) as server:
        connection = MqttConnection(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        loop: Any = asyncio.get_running_loop()
        watched = [len(loop._selector.get_map())]
        for _ in range(3):
            async with opened(connection, POINTS), asyncio.timeout(WITHIN_S):
                assert await steps.get() == "it came"
            assert await steps.get() == "it went"
            watched.append(len(loop._selector.get_map()))
    assert watched == [watched[0]] * 4
