"""Request cost: the seconds that a request takes of its bus, for the planner, the timeouts and the forecast of load.

On a serial line a request is 8 characters, its answer 5 and two for each register, and both are followed by a silence.
At 9600 baud 8N1 two registers take 25.0 ms, 125 take 281 ms and each further one 2.1 ms.
"""

from typing import NamedTuple

from msgspec import Struct

from .register_block import RegisterBlock

REQUEST_BYTES = 8
ANSWER_BYTES = 5
"""Of an RTU frame to read with, and of its answer, besides what is read."""
_SILENT_CHARACTERS = 3.5
_LEAST_SILENCE_S = 0.00175

_TCP_REQUEST_S = 0.01
"""What a request costs a device on the network at least, whatever its network is worth: it has to look things up."""
_TCP_BYTE_S = 0.00005
"""Most devices fetch registers from another processor; 0.1 ms for each."""


class LineSettings(NamedTuple):
    """The settings of a serial line."""

    baudrate: int
    parity: str
    stopbits: int

    @property
    def character_s(self) -> float:
        """A start bit, eight bits, perhaps a parity bit, and the stop bits."""
        return (9 + (self.parity != "N") + self.stopbits) / self.baudrate

    @property
    def silence_s(self) -> float:
        """What parts two frames.

        Spec: MODBUS over Serial Line V1.02, 2.5.1.1: 3.5 characters; 1.75 ms above 19200 baud.
        """
        return max(_SILENT_CHARACTERS * self.character_s, _LEAST_SILENCE_S)

    def __str__(self) -> str:
        return f"{self.baudrate} 8{self.parity}{self.stopbits}"


class RequestCost(Struct, frozen=True):
    """The cost of a read: something for itself, and something for each byte read."""

    request_s: float
    byte_s: float

    def of(self, block: RegisterBlock) -> float:
        """Seconds from the silence before the request to the end of its answer."""
        return self.request_s + size_of(block) * self.byte_s


def size_of(block: RegisterBlock) -> int:
    """The bytes in which *block* travels."""
    return 2 * block.count if block.table in ("holding", "input") else (block.count + 7) // 8


def cost_on_line(line: LineSettings, turnaround_s: float | None = None, silence_s: float | None = None) -> RequestCost:
    """The cost on a serial *line*, for a unit that thinks for *turnaround_s* and rests for *silence_s* before each."""
    own_s = (REQUEST_BYTES + ANSWER_BYTES) * line.character_s
    thinks_s = line.silence_s if turnaround_s is None else turnaround_s
    rests_s = line.silence_s if silence_s is None else silence_s
    return RequestCost(own_s + thinks_s + rests_s, line.character_s)


def cost_on_network(turnaround_s: float | None = None, silence_s: float = 0.0) -> RequestCost:
    """The cost on Modbus TCP, for such a unit."""
    return RequestCost(max(turnaround_s or 0.0, _TCP_REQUEST_S) + silence_s, _TCP_BYTE_S)
