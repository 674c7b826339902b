"""A device at work in virtual time, what it told, and what it logged."""

import asyncio
from contextlib import asynccontextmanager
from math import inf

import pytest
from msgspec.structs import replace

from s2d.device.device import Device
from s2d.device.device_map import DeviceMap
from s2d.device.write_ledger import WriteLedger
from s2d.events import Measured
from tests.fakes import FakeDriver, FakeLog, Hardware, now


class Stage:
    """A device of *make*, or with nothing but these points; *values* are those of its hardware."""

    def __init__(
        self,
        make,
        poll_s=1.0,
        variants=(),
        ledger=None,
        found=None,
        hardware=None,
        is_expected_offline=False,
        is_shadowed=False,
        **values,
    ):
        make = make if isinstance(make, DeviceMap) else DeviceMap(points=make)
        self.hardware = hardware or Hardware(values)
        self.log = FakeLog()
        self.told = []
        """What was heard, but for how old it was."""
        self.dated = []
        """The same, as it was told."""
        self.opened_with = []
        self.device = Device(
            "battery",
            self.opened,
            make,
            poll_s=poll_s,
            clock=now,
            log=self.log.logger,
            variants=variants,
            ledger=ledger or WriteLedger(),
            found=found,
            is_expected_offline=is_expected_offline,
            is_shadowed=is_shadowed,
        )
        self.device.listen(self.dated.append)
        self.device.listen(lambda event: self.told.append(_ageless(event)))

    def opened(self, points):
        self.opened_with.append(set(points))
        return FakeDriver.open(self.hardware, points, None)

    def news(self, *kinds):
        """What was told since the last time; only of these kinds, if any are given."""
        news, self.told[:] = self.told[:], []
        self.dated.clear()
        return [event for event in news if not kinds or isinstance(event, kinds)]

    def writes(self):
        return [value for _, _, value in self.hardware.writes]

    def written(self):
        """Points and values written since the last time."""
        written, self.hardware.writes[:] = self.hardware.writes[:], []
        return [(point, value) for _, point, value in written]


@asynccontextmanager
async def at_work(make, **settings):
    stage = Stage(make, **settings)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(stage.device.run())
        yield stage
        running.cancel()


def _ageless(event):
    if not isinstance(event, Measured):
        return event
    return Measured(tuple(replace(each, at=None, good_until=inf) for each in event.readings))


def about(seconds):
    return pytest.approx(seconds, abs=0.2)
