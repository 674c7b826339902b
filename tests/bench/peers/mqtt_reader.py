"""Reads what is published: `python mqtt_reader.py PORT COUNT SECONDS [bare]`, so many topics `bench/NUMBER`.

Prints the milliseconds from when each message was published (`t` in it, CLOCK_MONOTONIC in ns) to when its value was in
the core, and the processor time of one second, as JSON. `bare`: aiomqtt with nothing on top, and messages decoded.
"""

import asyncio
import json
import sys
from time import monotonic_ns, process_time

import aiomqtt
import msgspec

SETTLE_S = 5.0


async def ours(port: int, count: int, late_ms: list[float]) -> None:
    import structlog
    from s2d_drivers.mqtt import Mqtt
    from s2d_drivers.mqtt.connection import MqttConnection
    from s2d_drivers.mqtt.point import MqttPoint

    from s2d.device.device import Device
    from s2d.device.device_map import DeviceMap
    from s2d.events import DeviceEvent, Measured
    from s2d.host import clock

    def note(event: DeviceEvent) -> None:
        if isinstance(event, Measured):
            late_ms.extend((monotonic_ns() - each.number) / 1e6 for each in event.readings if each.point == "t")

    connection = MqttConnection(host="127.0.0.1", port=port)
    async with Mqtt.open_bus(connection) as bus, asyncio.TaskGroup() as tasks:
        for number in range(count):
            topic = f"bench/{number}"
            points = {"power": MqttPoint(topic=topic, json="w", unit="W"), "t": MqttPoint(topic=topic, json="t")}
            device = Device(
                topic,
                lambda points: Mqtt.open(connection, points, bus),
                DeviceMap(points=points),
                poll_s=60.0,
                clock=clock.now,
                log=structlog.get_logger(),
            )
            device.listen(note)
            tasks.create_task(device.run())


async def bare(port: int, count: int, late_ms: list[float]) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("bench/#")
        async for message in client.messages:
            late_ms.append((monotonic_ns() - msgspec.json.decode(message.payload)["t"]) / 1e6)


async def main(port: int, count: int, seconds: float, is_bare: bool) -> None:
    late_ms: list[float] = []
    reading = asyncio.create_task((bare if is_bare else ours)(port, count, late_ms))
    await asyncio.sleep(SETTLE_S)
    late_ms.clear()
    began_s = process_time()
    await asyncio.sleep(seconds)
    print(json.dumps({"late_ms": late_ms, "cpu_percent": 100 * (process_time() - began_s) / seconds}), flush=True)
    reading.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:] == ["bare"]))
