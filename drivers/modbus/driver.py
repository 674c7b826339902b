"""Modbus TCP and RTU devices: points in registers, one connection per endpoint, writes confirmed by reading back.

driver: modbus
connection: {host: 192.168.1.20, unit: 1}
points:
  soc:            {register: 843, table: input, unit: "%"}
  power:          {register: 842, table: input, type: int16, unit: W}
  power_setpoint: {register: 2700, type: int16, unit: W, access: read_write}
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, Self

from msgspec import Struct

from s2d.driver import Driver, PointSettings
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.values import Quality, Reading, Setpoint

from .connection import ModbusConnection
from .plan import block_of, blocks_of, in_order
from .refusals import NOUNS, Refused
from .registers import Codec, ModbusPoint

if TYPE_CHECKING:
    from .endpoint import Endpoint

_READ_BACK_AFTER_S = (0.0, 0.05, 0.1, 0.2)
"""Pauses before each look whether a write was taken; many devices acknowledge first and apply later."""


class Modbus(Driver):
    """One Modbus device."""

    Connection: ClassVar[type[Struct]] = ModbusConnection
    Point: ClassVar[type[PointSettings]] = ModbusPoint

    @classmethod
    def bus_of(cls, connection: ModbusConnection) -> Hashable:
        if connection.serial is not None:
            return "serial", connection.serial
        return "tcp", connection.host, connection.port

    @classmethod
    def open_bus(cls, connection: ModbusConnection) -> "AbstractAsyncContextManager[Endpoint]":
        from .endpoint import Endpoint  # pymodbus costs memory and start-up time: only for who uses it

        return Endpoint.opened(connection)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, connection: ModbusConnection, points: Mapping[str, ModbusPoint], bus: "Endpoint"
    ) -> AsyncIterator[Self]:
        yield cls(connection, points, bus)

    def __init__(self, connection: ModbusConnection, points: Mapping[str, ModbusPoint], endpoint: "Endpoint") -> None:
        self._connection = connection
        self._endpoint = endpoint
        self._codecs = {codec.name: codec for codec in in_order(Codec(name, points[name]) for name in points)}
        self._alone: set[str] = set()
        """Points that the device does not give together with their neighbours."""

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        self._check_line()
        due = [codec for name, codec in self._codecs.items() if name in points]
        readings: list[Reading] = []
        for block, members in blocks_of(codec for codec in due if codec.name not in self._alone):
            try:
                words = await self._endpoint.read(self._connection.unit, block, self._connection.timeout_s)
            except Refused as refusal:
                if len(members) > 1:
                    self._alone.update(codec.name for codec in members)
                else:
                    readings.append(_refused(members[0], refusal))
            else:
                readings += (codec.reading_of(block.part(words, codec)) for codec in members)
        for codec in due:
            if codec.name in self._alone:
                readings.append(await self._read_alone(codec))
        return readings

    async def write(self, setpoint: Setpoint) -> None:
        self._check_line()
        codec = self._codecs[setpoint.point]
        point = codec.point
        if not point.is_writable:
            raise DeviceRefused(f"{codec.name} is not for writing; its access is {point.access}")
        present = await self._words(codec) if codec.is_part else []
        words = codec.words_of(setpoint.value, present)
        await self._endpoint.write(
            self._connection.unit,
            block_of(codec),
            words,
            is_multiple=point.write == "multiple" or codec.count > 1,
            timeout_s=self._connection.timeout_s,
        )
        if point.is_readable:
            await self._confirm(codec, words)

    async def _confirm(self, codec: Codec, words: list[int]) -> None:
        written = codec.raw_of(words)
        found = None
        for pause_s in _READ_BACK_AFTER_S:
            if pause_s:
                await asyncio.sleep(pause_s)
            found = codec.raw_of(await self._words(codec))
            if found == written:
                return
        place = f"{NOUNS[codec.point.table]} {codec.point.register} of unit {self._connection.unit}"
        raise DeviceRefused(
            f"{codec.name}: {place} at {self._connection.endpoint} took {written} but still reads {found}"
        )

    async def _read_alone(self, codec: Codec) -> Reading:
        try:
            return codec.reading_of(await self._words(codec))
        except Refused as refusal:
            return _refused(codec, refusal)

    async def _words(self, codec: Codec) -> list[int]:
        return await self._endpoint.read(self._connection.unit, block_of(codec), self._connection.timeout_s)

    def _check_line(self) -> None:
        mine, shared = self._connection.line, self._endpoint.connection.line
        if mine != shared:
            raise DeviceUnreachable(
                f"{self._connection.endpoint} runs at {shared} for another device, so it cannot run at {mine}; "
                "give all devices on a line the same baudrate, parity and stopbits"
            )


def _refused(codec: Codec, refusal: Refused) -> Reading:
    return Reading(codec.name, None, Quality.BAD, str(refusal))
