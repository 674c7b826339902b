"""SunSpec discovery: where a device keeps its points; its models are found once, and checked after reconnecting."""

import asyncio
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager

from s2d.errors import DeviceUnreachable
from s2d.values import Quality, Reading

from ..codec import Codec
from ..point import ModbusPoint
from .model_scan import BASES, HEADER, NO_MODEL, FoundModel, ModelScan, Read, header_at

_SCAN_WITHIN_S = 20.0
"""Whoever is slower is asked on next time, so that whoever waits hears of it before giving up."""


class SunSpecDiscovery:
    """The discovery of one device's points: `codecs` of those it has, `missing` with the reasons for the others.

    Both are empty until `discover` has been called; call it again before every use.
    """

    def __init__(self, points: Mapping[str, ModbusPoint]) -> None:
        self._points = {name: point for name, point in points.items() if point.alternatives}
        self._scan = ModelScan()
        self._scanned_on: Hashable = None
        """The connection on which all that the scan has found was said; None if that is not certain."""
        self._models: list[FoundModel] = []
        self._end = 0
        self._used: set[FoundModel] = set()
        self._checked_on: Hashable = None
        self.codecs: Mapping[str, Codec] = {}
        """Another object whenever something has changed."""
        self.missing: Mapping[str, Reading] = {}
        """What to say of a point that is not there."""

    async def discover(self, read: Read, connection: Callable[[], Hashable]) -> None:
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
            await self._scan_and_locate(read, connection)
        after = connection()
        self._checked_on = after if before in (None, after) else None

    @contextmanager
    def invalidated_by_silence(self) -> Iterator[None]:
        """Around a use: a device that does not answer may be another when it does, also on the same serial line."""
        try:
            yield
        except DeviceUnreachable:
            self._checked_on = self._scanned_on = None
            raise

    async def _is_unchanged(self, read: Read) -> bool:
        """Whether the models in use and the end of the map are where they were."""
        for model in self._used:
            if await header_at(read, model.register) != [model.id, model.length]:
                return False
        end = await header_at(read, self._end)
        return not end or end[0] in NO_MODEL

    async def _scan_and_locate(self, read: Read, connection: Callable[[], Hashable]) -> None:
        from .definitions import definition_of  # only for who has SunSpec points

        models, end = await self._scanned(read, connection)
        if self.missing and not self._models and not models:
            return
        used: set[FoundModel] = set()
        codecs: dict[str, Codec] = {}
        missing: dict[str, Reading] = {}
        for name, point in self._points.items():
            for address in point.alternatives:
                if found := _model_of(address, point, models):
                    used.add(found)
                    codecs[name] = Codec(name, point.located(definition_of(address, point.group), found.register))
                    break
            else:
                quality = Quality.ABSENT if point.optional else Quality.BAD
                missing[name] = Reading(name, None, quality, _why_missing(point, models))
        self._models, self._end, self._used = models, end, used
        self.codecs, self.missing = codecs, missing

    async def _scanned(self, read: Read, connection: Callable[[], Hashable]) -> tuple[list[FoundModel], int]:
        """All models and the register after them; goes on where it was broken off, if that was on this connection."""
        before = connection()
        if before is None or before != self._scanned_on:
            self._scan = ModelScan()
        scan, self._scanned_on = self._scan, None
        try:
            async with asyncio.timeout(_SCAN_WITHIN_S):
                await scan.finish(read)
        except TimeoutError as exc:
            after = connection()
            self._scanned_on = after if before in (None, after) else None
            named = f"{len(scan.models)} so far"
            raise DeviceUnreachable(f"it is slow to say which SunSpec models it has: {named}; asking goes on") from exc
        return scan.models, scan.register


def _model_of(address: str, point: ModbusPoint, models: list[FoundModel]) -> FoundModel | None:
    """The model that holds *address*; None if there is no such model, or it ends before the point."""
    from .definitions import SunSpecAddress, definition_of  # only for who has SunSpec points

    wanted = SunSpecAddress.parse(address)
    alike = [model for model in models if model.id == wanted.model]
    if len(alike) < wanted.occurrence:
        return None
    model = alike[wanted.occurrence - 1]
    place = definition_of(address, point.group)
    return model if place.end <= HEADER + model.length else None


def _why_missing(point: ModbusPoint, models: list[FoundModel]) -> str:
    if not models:
        bases = ", ".join(map(str, BASES[:-1]))
        return f'the device has no SunSpec map: no "SunS" at {bases} or {BASES[-1]}; is SunSpec switched on there?'
    wanted = " nor ".join(point.alternatives)
    group = f" group {point.group}" if point.group is not None else ""
    known = ", ".join(str(model.id) for model in models)
    return f"the device has no {wanted}{group}; its SunSpec models are {known}"
