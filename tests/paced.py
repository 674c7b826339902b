"""A serial line that is as slow as a real one: units on a pseudo-terminal, answering when the wire would let them."""

import asyncio
import os
import struct
import tty
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pymodbus.framer import FramerRTU

CHARACTER_BITS = 10
"""8N1"""


@dataclass
class PacedUnit:
    """A unit whose holding registers hold their own number plus *offset*."""

    offset: int = 0
    turnaround_s: float = 0.004
    is_dead: bool = False
    garbles: Callable[[int], bool] = lambda number: False
    """Whether to garble the answer to the request of this *number*, counted from 1."""
    late_s: float = 0.0
    mute: Collection[int] = ()
    """Registers at which it is silent."""
    asked: list[tuple[int, int]] = field(default_factory=list)
    """Register and count of each request."""


class PacedLine:
    """A serial line with *units*; takes reads of holding registers only."""

    def __init__(self, units: Mapping[int, PacedUnit], baudrate: int, *, is_paced: bool = True) -> None:
        self.units = units
        self.path = ""
        self.busy_s = 0.0
        """Wire time of all that travelled."""
        self._character_s = CHARACTER_BITS / baudrate if is_paced else 0.0
        self._loop = asyncio.get_running_loop()
        self._master = self._port = -1
        self._timers: set[asyncio.TimerHandle] = set()
        self._asked = asyncio.Event()

    async def asked(self) -> None:
        """Returns when the next request has arrived."""
        self._asked.clear()
        await self._asked.wait()

    def plug_in(self) -> None:
        """The adapter is there, under `path`."""
        self._master, self._port = os.openpty()
        tty.setraw(self._port)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._port)
        self._loop.add_reader(self._master, self._heard)

    def unplug(self) -> None:
        """The adapter is gone, and with it what was on its way."""
        if self._master < 0:
            return
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._loop.remove_reader(self._master)
        os.close(self._master)
        os.close(self._port)
        self._master = self._port = -1

    def _heard(self) -> None:
        frame = os.read(self._master, 256)
        unit = self.units.get(frame[0])
        self.busy_s += len(frame) * self._character_s
        if unit is None or len(frame) != 8 or frame[1] != 3:
            return
        register, count = struct.unpack(">HH", frame[2:6])
        unit.asked.append((register, count))
        self._asked.set()
        if unit.is_dead or any(each in unit.mute for each in range(register, register + count)):
            return
        words = (each + unit.offset & 0xFFFF for each in range(register, register + count))
        body = bytes((frame[0], 3, 2 * count)) + b"".join(word.to_bytes(2) for word in words)
        answer = body + FramerRTU.compute_CRC(body).to_bytes(2)
        if unit.garbles(len(unit.asked)):
            answer = answer[:-3] + bytes((answer[-3] ^ 0x55,)) + answer[-2:]
        self.busy_s += len(answer) * self._character_s
        begins_s = len(frame) * self._character_s + unit.turnaround_s + unit.late_s
        half = len(answer) // 2
        self._say(answer[:half], begins_s + half * self._character_s)
        self._say(answer[half:], begins_s + len(answer) * self._character_s)

    def _say(self, part: bytes, after_s: float) -> None:
        def speak() -> None:
            self._timers.discard(timer)
            os.write(self._master, part)

        timer = self._loop.call_later(after_s, speak)
        self._timers.add(timer)


@asynccontextmanager
async def paced_line(
    units: Mapping[int, PacedUnit], baudrate: int = 9600, *, is_paced: bool = True
) -> AsyncIterator[PacedLine]:
    """A line with *units*, plugged in."""
    line = PacedLine(units, baudrate, is_paced=is_paced)
    line.plug_in()
    try:
        yield line
    finally:
        line.unplug()
