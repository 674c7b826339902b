"""A battery behind Modbus TCP that follows at once, and says when it was written to; a process of its own.

Prints its port, then for every write of the setpoint the value and the instant (monotonic ns, the same in all
processes of the machine).
"""

import asyncio
from collections.abc import Sequence
from time import monotonic_ns

from s2d.simulation.modbus import serve_tcp

POWER = 842
SOC = 843
SETPOINT = 2700


class PromptRegisters:
    """A power register that shows what the setpoint register was told."""

    def __init__(self) -> None:
        self._words = {POWER: 0, SOC: 500, SETPOINT: 0}

    def read(self, address: int, count: int, now_s: float, table: str = "holding") -> list[int]:
        return [self._words[each] for each in range(address, address + count)]

    def write(self, address: int, words: Sequence[int], now_s: float, table: str = "holding") -> None:
        at_ns = monotonic_ns()
        if address != SETPOINT:
            raise LookupError(f"{address}: read only")
        self._words[SETPOINT] = self._words[POWER] = words[0]
        value = words[0] - 0x10000 if words[0] & 0x8000 else words[0]
        print(value, at_ns, flush=True)


async def main() -> None:
    async with serve_tcp(PromptRegisters()) as address:
        print(address.port, flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
