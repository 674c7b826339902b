"""Publishes: `python mqtt_publisher.py PORT COUNT A_SECOND`, one topic after the other, evenly, until it is ended."""

import asyncio
import json
import sys
from time import monotonic_ns

import aiomqtt


async def main(port: int, count: int, a_second: float) -> None:
    loop = asyncio.get_running_loop()
    async with aiomqtt.Client("127.0.0.1", port) as client:
        began_s, number = loop.time(), 0
        while True:
            payload = json.dumps({"w": 1000.0 + number % 7, "t": monotonic_ns()})
            await client.publish(f"bench/{number % count}", payload)
            number += 1
            await asyncio.sleep(max(0.0, began_s + number / a_second - loop.time()))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
