"""Where a device keeps its SunSpec points: which models it has and where, asked once and checked after reconnecting.

Spec: SunSpec Device Information Model Specification 1.1, 3 (the map begins with "SunS" at 40000, 0 or 50000; each model
says its id and length; id 0xFFFF ends it).
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.values import Quality, Reading

from ..codec import Codec
from ..point import ModbusPoint
from ..register_block import Block

_BASES = (40000, 0, 50000)
_MARK = [0x5375, 0x6E53]
"""SunS"""
_HEADER = 2
"""Registers of a model before those that its length counts: id and length."""
_NO_MODEL = (0xFFFF, 0)
"""Ids that end the map; some devices forget the end and go on with zeros."""
_MOST_MODELS = 100
_WALK_WITHIN_S = 20.0
"""Whoever is slower is asked on next time, so that whoever waits hears of it before giving up."""

Read = Callable[[Block], Awaitable[list[int]]]
"""Reads a block. Raises: DeviceUnreachable: no answer. DeviceRefused: there is no such block."""


class Model(NamedTuple):
    """A model as one device has it."""

    id: int
    length: int
    """Registers after its header."""
    register: int
    """Of its id."""


class Layout:
    """The SunSpec points of one device: `codecs` of those it has, `missing` with the reasons for the others.

    Both are empty until `find` has been called; call it again before every use.
    """

    def __init__(self, points: Mapping[str, ModbusPoint]) -> None:
        self._points = {name: point for name, point in points.items() if point.alternatives}
        self._walk = Walk()
        self._walked_on: Hashable = None
        """The connection on which all that the walk has found was said; None if that is not certain."""
        self._models: list[Model] = []
        self._end = 0
        self._used: set[Model] = set()
        self._checked_on: Hashable = None
        self.codecs: Mapping[str, Codec] = {}
        """Another object whenever something has changed."""
        self.missing: Mapping[str, Reading] = {}
        """What to say of a point that is not there."""

    async def find(self, read: Read, connection: Callable[[], Hashable]) -> None:
        """Makes `codecs` and `missing` true.

        *connection* gives what is another for each connection to the device; None where there is none yet. Asks nothing
        of the device if it was asked on this connection and has answered since, and little if its models are where they
        were; looks anew each time while there are none at all.

        Raises: DeviceUnreachable: no answer, or not all of them yet; try again.
        """
        before = connection()
        if not self._points or (self._models and before is not None and before == self._checked_on):
            return
        if not (self._models and await self._is_unchanged(read)):
            await self._discover(read, connection)
        after = connection()
        self._checked_on = after if before in (None, after) else None

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """Around a use: a device that does not answer may be another when it does, also on the same serial line."""
        try:
            yield
        except DeviceUnreachable:
            self._checked_on = self._walked_on = None
            raise

    async def _is_unchanged(self, read: Read) -> bool:
        """Whether the models in use and the end of the map are where they were."""
        for model in self._used:
            if await _words(read, model.register) != [model.id, model.length]:
                return False
        end = await _words(read, self._end)
        return not end or end[0] in _NO_MODEL

    async def _discover(self, read: Read, connection: Callable[[], Hashable]) -> None:
        from .definitions import place_of  # only for who has SunSpec points

        models, end = await self._walked(read, connection)
        if self.missing and not self._models and not models:
            return
        used: set[Model] = set()
        codecs: dict[str, Codec] = {}
        missing: dict[str, Reading] = {}
        for name, point in self._points.items():
            for address in point.alternatives:
                if found := _model_of(address, point, models):
                    used.add(found)
                    codecs[name] = Codec(name, point.located(place_of(address, point.group), found.register))
                    break
            else:
                quality = Quality.ABSENT if point.optional else Quality.BAD
                missing[name] = Reading(name, None, quality, _why_missing(point, models))
        self._models, self._end, self._used = models, end, used
        self.codecs, self.missing = codecs, missing

    async def _walked(self, read: Read, connection: Callable[[], Hashable]) -> tuple[list[Model], int]:
        """All models and the register after them; goes on where it was broken off, if that was on this connection."""
        before = connection()
        if before is None or before != self._walked_on:
            self._walk = Walk()
        walk, self._walked_on = self._walk, None
        try:
            async with asyncio.timeout(_WALK_WITHIN_S):
                await walk.finish(read)
        except TimeoutError as exc:
            after = connection()
            self._walked_on = after if before in (None, after) else None
            named = f"{len(walk.models)} so far"
            raise DeviceUnreachable(f"it is slow to say which SunSpec models it has: {named}; asking goes on") from exc
        return walk.models, walk.register


class Walk:
    """From model to model through the map of one device; what breaks it off may take it up again."""

    def __init__(self) -> None:
        self.models: list[Model] = []
        """Those found so far, in order."""
        self.register = 0
        """After the last of them."""

    async def finish(self, read: Read) -> None:
        """Finds the models that are not found yet.

        Raises: DeviceUnreachable: no answer.
        """
        if not self.register:
            for base in _BASES:
                if await _words(read, base) == _MARK:
                    break
            else:
                return
            self.register = base + len(_MARK)
        while len(self.models) < _MOST_MODELS:
            header = await _words(read, self.register)
            if not header or header[0] in _NO_MODEL or self.register + _HEADER + header[1] > 65536 - _HEADER:
                break
            self.models.append(Model(header[0], header[1], self.register))
            self.register += _HEADER + header[1]


async def models_of(read: Read) -> tuple[list[Model], int]:
    """All models of the device in order, and the register after the last."""
    walk = Walk()
    await walk.finish(read)
    return walk.models, walk.register


async def _words(read: Read, register: int) -> list[int]:
    """Two words; none if there are no such registers."""
    try:
        return await read(Block("holding", register, 2))
    except DeviceRefused:
        return []


def _model_of(address: str, point: ModbusPoint, models: list[Model]) -> Model | None:
    """The model that holds *address*; None if there is no such model, or it ends before the point."""
    from .definitions import SunSpecAddress, place_of  # only for who has SunSpec points

    wanted = SunSpecAddress.parse(address)
    alike = [model for model in models if model.id == wanted.model]
    if len(alike) < wanted.occurrence:
        return None
    model = alike[wanted.occurrence - 1]
    place = place_of(address, point.group)
    return model if place.end <= _HEADER + model.length else None


def _why_missing(point: ModbusPoint, models: list[Model]) -> str:
    if not models:
        bases = ", ".join(map(str, _BASES[:-1]))
        return f'the device has no SunSpec map: no "SunS" at {bases} or {_BASES[-1]}; is SunSpec switched on there?'
    wanted = " nor ".join(point.alternatives)
    group = f" group {point.group}" if point.group is not None else ""
    known = ", ".join(str(model.id) for model in models)
    return f"the device has no {wanted}{group}; its SunSpec models are {known}"
