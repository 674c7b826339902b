"""Modbus device: the points of one device; due points in, readings out; writes, and what is to be read then."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from msgspec.structs import replace

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.values import Quality, Reading, Setpoint, Value

from .codec import Codec
from .connection import ModbusConnection
from .framed_value import FramedValue, frames_of, settle
from .point import ModbusPoint
from .read_planner import Borders
from .reader import Answer, NotGiven, ReadBatch, Reader
from .register_block import RegisterBlock
from .register_bus import RegisterBus
from .sunspec.discovery import SunSpecDiscovery
from .transport.refusals import UNKNOWN_FUNCTION, BackingOff, BlockSilent, RequestRefused, Silent
from .write_requests import PointWords, WriteRequest, requests_for

_MOST_DUE = 64
"""Sets of points whose requests are remembered."""


class _UnitShare(NamedTuple):
    """The part of a read that goes to one unit."""

    reader: Reader
    batch: ReadBatch
    wholes: list[tuple[Codec, int, tuple[slice, ...]]]
    """What one request reads: its place in the batch, and where the parts of a value in several places are in it."""
    framed: list[FramedValue]
    """What no one request reads."""
    is_apart: bool
    """The device is there without this unit."""


class _DuePoints(NamedTuple):
    """The points of one read, and what is asked for them."""

    shares: list[_UnitShare]
    missing: list[Reading]


class PlannedWrite(NamedTuple):
    """A write of setpoints, as it is about to be made."""

    unit: int | None
    """None for the connection's own."""
    written: list[PointWords]
    requests: list[WriteRequest]
    reads_as: dict[str, Value]
    """What the points that can be read say once they hold that."""


class ModbusDevice:
    """A Modbus device: points behind a connection to a bus that others may share."""

    def __init__(self, connection: ModbusConnection, points: Mapping[str, ModbusPoint], bus: RegisterBus) -> None:
        self._connection = connection
        self._bus = bus
        self._misfit = _misfit_of(connection, bus.connection)
        """Why it cannot be spoken to on this bus at all, if it cannot."""
        self._sunspec = SunSpecDiscovery(points)
        self._found: Mapping[str, Codec] | None = None
        """What the discovery said last."""
        self._plain = {
            name: Codec(name, point, connection.address_base or 0)
            for name, point in points.items()
            if not point.alternatives
        }
        self._codecs: dict[str, Codec] = {}
        self._due: dict[frozenset[str], _DuePoints] = {}
        self._framed: dict[str, FramedValue] = {}
        """Points that no one request reads, as far as is known."""
        self._learnt_on: Hashable = None
        """The connection on which some of them were found."""
        self._readers: dict[int | None, Reader] = {}
        self._is_read_itself = False
        """Something of the connection's own unit is read, so that its silence is heard."""

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        """See `s2d.driver.Driver`."""
        await self._prepare()
        due = self._due_of(frozenset(points))
        readings = list(due.missing)
        known = len(self._framed)
        for share in due.shares:
            try:
                with self._sunspec.invalidated_by_silence():
                    readings += await self._readings_of(share)
            except (Silent, BackingOff) as exc:
                if not share.is_apart:
                    raise
                names = [*(codec.name for codec, _, _ in share.wholes), *(each.codec.name for each in share.framed)]
                readings += (Reading(name, None, Quality.BAD, exc.reason) for name in names)
        if len(self._framed) > known:  # some were asked for as a whole, which the device does not give
            self._due.clear()
            again = self._framed.keys() & {reading.point for reading in readings if reading.value is None}
            return [*(each for each in readings if each.point not in again), *await self.read(again)]
        return readings

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> Mapping[str, Value]:
        """See `s2d.driver.Driver`."""
        for _ in range(2):
            planned = await self.planned(setpoint, *together)
            connection = self._connection_to(planned.unit)
            for request in planned.requests:
                with self._sunspec.invalidated_by_silence():
                    await self._bus.write(connection, request.block, request.words, is_multiple=request.is_multiple)
            rescaled = [one.codec.name for one in planned.written if await self._is_rescaled(one)]
            if not rescaled:
                return planned.reads_as
        raise DeviceRefused(f"{' and '.join(rescaled)}: the scale register changed each time while it was written")

    async def planned(self, setpoint: Setpoint, *together: Setpoint) -> PlannedWrite:
        """What `write` would write; where some bits of a register are kept, it is read.

        Raises: DeviceUnreachable, DeviceRefused: as `write`.
        """
        await self._prepare()
        written: list[PointWords] = []
        reads_as: dict[str, Value] = {}
        for each in (setpoint, *together):
            codec = self._writable(each.point)
            present = await self._present(codec) if codec.needs_present else ()
            words = codec.words_of(each.value, present)
            written.append(PointWords(codec, words, present))
            reading = codec.reading_of([*codec.as_read(words), *present[len(words) :]])
            if codec.point.is_readable and reading.value is not None:
                reads_as[each.point] = reading.value
        units = {one.codec.point.unit_id for one in written}
        if len(units) > 1:
            raise DeviceRefused(f"{' and '.join(one.codec.name for one in written)} are in different units")
        return PlannedWrite(units.pop(), written, requests_for(written, self._connection.write), reads_as)

    @property
    def oddities(self) -> Sequence[str]:
        """What is odd about how its units speak, though they are understood; only ever grows."""
        if len(self._readers) < 2:
            return self._bus.oddities_of(self._connection)
        return [each for unit in self._readers for each in self._bus.oddities_of(self._connection_to(unit))]

    async def _readings_of(self, share: _UnitShare) -> list[Reading]:
        """Raises: DeviceUnreachable: the unit did not answer."""

        async def ask(blocks: Collection[RegisterBlock]) -> Mapping[RegisterBlock, Answer]:
            batch = ReadBatch(blocks)
            return dict(zip(batch.wanted, await share.reader.read(batch), strict=True))

        watched = [each for each in share.framed if each.begin_read(self._bus.connection_number)]
        before = await ask(frames_of(watched)) if watched else {}
        answers = await share.reader.read(share.batch)
        readings = []
        for codec, place, parts in share.wholes:
            words = answers[place]
            if isinstance(words, NotGiven):
                readings.append(Reading(codec.name, None, Quality.BAD, str(words)))
                if parts and _is_of_the_whole(words):
                    self._framed[codec.name] = FramedValue(codec)
            else:
                readings.append(codec.reading_of(words if not parts else _picked(words, parts)))
        if share.framed:
            inner = dict(zip(share.batch.wanted, answers, strict=True))
            readings += await settle(share.framed, watched, before, inner, ask)
        return readings

    def codec_of(self, point: str) -> Codec | None:
        """The codec of *point*; None as long as it is not known where the device has it."""
        return self._codecs.get(point)

    async def _prepare(self) -> None:
        """Finds out what the device has, where that is not known."""
        if self._misfit:
            raise DeviceUnreachable(self._misfit)
        await self._sunspec.discover(self._block, lambda: self._bus.connection_number)
        if self._framed and self._bus.connection_number != self._learnt_on:
            self._framed.clear()
            self._due.clear()
        self._learnt_on = self._bus.connection_number
        if self._sunspec.codecs is not self._found:
            self._found = self._sunspec.codecs
            self._codecs = {**self._plain, **self._found}
            self._due.clear()
            self._framed.clear()
            self._is_read_itself = None in self._by_unit(
                [name for name, codec in self._codecs.items() if codec.point.is_readable]
            )
            self._readers = {
                unit: Reader(self._connection_to(unit), self._bus, _alone(codecs), _readable(codecs))
                for unit, codecs in self._by_unit(self._codecs).items()
            }

    def _due_of(self, points: frozenset[str]) -> _DuePoints:
        due = self._due.get(points)
        if due is None:
            shares = []
            for unit, codecs in self._by_unit(points).items():
                wholes = [(codec, whole) for codec in codecs if (whole := self._whole(codec))]
                apart = [codec for codec in codecs if not self._whole(codec)]
                framed = [self._framed.setdefault(codec.name, FramedValue(codec)) for codec in apart]
                batch = ReadBatch([*(whole for _, whole in wholes), *(each.inner for each in framed)])
                places = [(codec, batch.places[whole], codec.parts_in(whole)) for codec, whole in wholes]
                is_apart = unit is not None and self._is_read_itself
                shares.append(_UnitShare(self._readers[unit], batch, places, framed, is_apart))
            missing = [reading for name, reading in self._sunspec.missing.items() if name in points]
            due = _DuePoints(shares, missing)
            if len(self._due) >= _MOST_DUE:
                self._due.clear()
            self._due[points] = due
        return due

    def _by_unit(self, points: Collection[str]) -> dict[int | None, list[Codec]]:
        """The codecs of *points*; None for the connection's own unit, which comes first."""
        by_unit: dict[int | None, list[Codec]] = {}
        own = self._connection.unit
        for name, codec in self._codecs.items():
            if name in points:
                unit = codec.point.unit_id
                by_unit.setdefault(None if unit == own else unit, []).append(codec)
        return dict(sorted(by_unit.items(), key=lambda each: each[0] is not None))

    def _whole(self, codec: Codec) -> RegisterBlock | None:
        """The block that is read to know what *codec* says; None if no one request reads that."""
        if codec.name in self._framed:
            return None
        return codec.whole(Borders(self._connection.hole_blocks), self._connection.max_registers)

    def _connection_to(self, unit: int | None) -> ModbusConnection:
        return self._connection if unit is None else replace(self._connection, unit=unit)

    def _writable(self, name: str) -> Codec:
        """Raises: DeviceRefused: the device has no such point, or it is not for writing."""
        if name in self._sunspec.missing:
            raise DeviceRefused(f"{name}: {self._sunspec.missing[name].detail}")
        codec = self._codecs[name]
        if not codec.point.is_writable:
            raise DeviceRefused(f"{name} is not for writing; its access is {codec.point.access}")
        return codec

    async def _is_rescaled(self, written: PointWords) -> bool:
        """Whether what was *written* means something else by now, as its power of ten is another."""
        codec = written.codec
        if codec.point.scale_register is None or codec.point.rest:
            return False
        try:
            return await self._words(codec.blocks[-1:], codec.point.unit_id) != list(written.present[-1:])
        except DeviceUnreachable:  # deaf after the write, which it took
            return False

    async def _present(self, codec: Codec) -> list[int]:
        """What `blocks` of *codec* hold, read with one request where that can be."""
        if whole := self._whole(codec):
            with suppress(RequestRefused):
                words = await self._block(whole, codec.point.unit_id)
                return _picked(words, codec.parts_in(whole)) if len(codec.blocks) > 1 else words
        return await self._words(codec.blocks, codec.point.unit_id)

    async def _words(self, blocks: Iterable[RegisterBlock], unit: int | None = None) -> list[int]:
        return [word for block in blocks for word in await self._block(block, unit)]

    async def _block(self, block: RegisterBlock, unit: int | None = None) -> list[int]:
        with self._sunspec.invalidated_by_silence():
            return list(await self._bus.read(self._connection_to(unit), block))


def _misfit_of(mine: ModbusConnection, shared: ModbusConnection) -> str | None:
    """Why a device of the connection *mine* cannot be on a bus that was opened as *shared*."""
    if (mine.line, mine.is_rtu) == (shared.line, shared.is_rtu):
        return None
    if mine.serial:
        return (
            f"{mine.endpoint} runs at {shared.line} for another device, so it cannot run at {mine.line}; "
            "give all devices on a line the same baudrate, parity and stopbits"
        )
    return f"{mine.endpoint} is spoken to with another `framing` for another device; give both the same"


def _alone(codecs: Iterable[Codec]) -> list[RegisterBlock]:
    """What is never read together with anything else."""
    return [block for codec in codecs if not codec.point.merge for block in codec.blocks]


def _readable(codecs: Iterable[Codec]) -> list[RegisterBlock]:
    return [block for codec in codecs if codec.point.is_readable for block in codec.blocks]


def _is_of_the_whole(refusal: NotGiven) -> bool:
    """Whether *refusal* of several parts at once may be of their being read together; others pass, or are of each."""
    if isinstance(refusal, RequestRefused):
        return not refusal.may_pass and refusal.code != UNKNOWN_FUNCTION
    return isinstance(refusal, BlockSilent)


def _picked(words: Sequence[int], parts: Sequence[slice]) -> list[int]:
    return [word for part in parts for word in words[part]]
