"""A unit that takes longer than it is given: what it still says is never taken for the response to something else."""

import asyncio

import pytest
from modbus_peers import OddUnit, device, odd_device
from s2d_drivers.modbus import ModbusPoint

from s2d.errors import DeviceUnreachable
from s2d.quantities import Duration
from s2d.values import Quality

pytestmark = pytest.mark.virtual_time

LATE_S = 1.2
AWAY_S = 60.0
"""By then it is asked anew."""
POINTS = {f"at {register}": ModbusPoint(register=register) for register in (10, 11, 20, 310)}


@pytest.mark.parametrize("transport", ["line", "through tcp"])
@pytest.mark.parametrize("late", [1, 2, 3])
async def test_a_late_response_of_another_length_says_that_more_may_come(late: int, transport: str) -> None:
    """It comes where the unit is asked whether it is there; what it says to that comes later still."""
    left = 0

    def says(frame: bytes) -> list[tuple[float, bytes]]:
        nonlocal left
        left -= 1
        return [(LATE_S if left >= 0 else 0.0, frame)]

    unit = OddUnit(says=says)
    good = 0
    async with odd_device(unit, transport) as where, device(POINTS, timeout_s=Duration(1), **where) as modbus:
        for names in (["at 10", "at 11", "at 20"], ["at 310"], ["at 11", "at 20"], ["at 10"], list(POINTS)):
            await modbus.read(POINTS)
            await modbus.read(["at 310"])
            left = late
            for _ in range(3):
                try:
                    readings = await modbus.read(names)
                except DeviceUnreachable:
                    continue
                believed = {each.point: each.value for each in readings if each.quality is Quality.GOOD}
                assert believed == {name: int(name.removeprefix("at ")) for name in believed}
                good += len(believed)
            left = 0
            await asyncio.sleep(AWAY_S)
    assert good > 0
