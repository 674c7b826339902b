"""SunSpec maps as pysunspec2 itself writes them, on pymodbus' own server."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pymodbus.constants import ExcCodes
from pymodbus.simulator import DataType, SimData, SimDevice
from sunspec2.device import Model

MARK = [0x5375, 0x6E53]
END = [0xFFFF, 0]


COUNTS = ("NPt", "NCrv", "NCrvSet", "NProf", "IVLen", "NCtl", "NPrt", "NStr", "NMod")
"""Points that say how many groups follow."""


def model(number: int, values: Mapping[str, object] | None = None) -> list[int]:
    """Model *number* with *values*, raw and by name; what is not named is not implemented. Groups are lists."""
    packed = Model(number, data=dict.fromkeys(COUNTS, 0) | dict(values or {})).get_mb()
    words = list(struct.unpack(f">{len(packed) // 2}H", packed))
    return [number, len(words) - 2, *words[2:]]


def sunspec_map(*models: Sequence[int]) -> list[int]:
    return [*MARK, *(word for each in models for word in each), *END]


@dataclass
class SunSpecUnit:
    """A device with its registers from *base* on and nothing elsewhere; remembers what it was asked."""

    words: list[int]
    base: int = 40000
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    """Function, register, count."""

    def device(self, unit: int) -> SimDevice:
        registers = [SimData(self.base, values=self.words, datatype=DataType.REGISTERS)]
        return SimDevice(id=unit, simdata=registers, action=self.act)

    async def act(
        self, function: int, start: int, address: int, count: int, registers: list[int], written: list[int] | None
    ) -> ExcCodes | None:
        if written is not None or function == 3:
            self.asked.append((function, address, count))
        return None
