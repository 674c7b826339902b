"""Model scan: finds which SunSpec models a device has, and in which registers.

Spec: SunSpec Device Information Model Specification 1.1, 3 (the map begins with "SunS" at 40000, 0 or 50000; each model
says its id and length; id 0xFFFF ends it).
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from s2d.errors import DeviceRefused

from ..register_block import RegisterBlock

BASES = (40000, 0, 50000)
HEADER = 2
"""Registers of a model before those that its length counts: id and length."""
NO_MODEL = (0xFFFF, 0)
"""Ids that end the map; some devices forget the end and go on with zeros."""
_MARK = [0x5375, 0x6E53]
"""SunS"""
_MOST_MODELS = 100

Read = Callable[[RegisterBlock], Awaitable[list[int]]]
"""Reads a block. Raises: DeviceUnreachable: no answer. DeviceRefused: there is no such block."""


class FoundModel(NamedTuple):
    """A model that one device has."""

    id: int
    length: int
    """Registers after its header."""
    register: int
    """Of its id."""


class ModelScan:
    """A scan from model to model through the map of one device; what breaks it off may take it up again."""

    def __init__(self) -> None:
        self.models: list[FoundModel] = []
        """Those found so far, in order."""
        self.register = 0
        """After the last of them."""

    async def finish(self, read: Read) -> None:
        """Finds the models that are not found yet.

        Raises: DeviceUnreachable: no answer.
        """
        if not self.register:
            for base in BASES:
                if await header_at(read, base) == _MARK:
                    break
            else:
                return
            self.register = base + len(_MARK)
        while len(self.models) < _MOST_MODELS:
            header = await header_at(read, self.register)
            if not header or header[0] in NO_MODEL or self.register + HEADER + header[1] > 65536 - HEADER:
                break
            self.models.append(FoundModel(header[0], header[1], self.register))
            self.register += HEADER + header[1]


async def scanned_models(read: Read) -> tuple[list[FoundModel], int]:
    """All models of the device in order, and the register after the last."""
    scan = ModelScan()
    await scan.finish(read)
    return scan.models, scan.register


async def header_at(read: Read, register: int) -> list[int]:
    """Two words, such as the id and length of a model; none if there are no such registers."""
    try:
        return await read(RegisterBlock("holding", register, 2))
    except DeviceRefused:
        return []
