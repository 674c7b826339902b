"""What no device can mean is not believed: no profile takes "not available", or nonsense, for a measurement."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from msgspec.structs import replace
from s2d_drivers.modbus.codec import Codec
from s2d_drivers.modbus.point import ModbusPoint
from s2d_drivers.modbus.sunspec.definitions import definition_of
from s2d_drivers.payload.document import Document
from s2d_drivers.payload.point import PayloadPoint

from s2d.commissioning.device_visit import visited
from s2d.device.device_map import DeviceMap
from s2d.errors import BadReading
from s2d.host import clock
from s2d.rm.kinds import KINDS, kind
from s2d.simulation.modbus import serve_tcp
from s2d.values import Quality, Value
from tests.profiles.every import BY_MODBUS, NAMES, SIMULATED, device, inputs_of, makes, simulated, there

TOLD = {name for each in KINDS for name, point in kind(each).points.items() if point.access == "read"}
TOLD |= {"energy_import", "energy_export"}
"""What owners, and CEMs, are told of devices."""

SAID = ("status", "state", "fault", "max_power", "current_max", "authorised", "car_id", "compressor", "sg_state")
"""What a device says of itself, which is no measurement."""

HARMLESS = {("marstek-venus", "remote"), ("sungrow-sh", "command")}
"""What they hold counts as one more state of which nothing is known; that is what their commands expect."""


BITS = ("coil", "discrete")
"""Tables in which nothing can stand for no value."""


class Register(NamedTuple):
    """Where a device may have a point, and what it may hold there where it has no value."""

    codec: Codec
    nothings: list[list[int]]


def registers_of(name: str, point: ModbusPoint) -> Iterator[Register]:
    if not point.alternatives:
        yield Register(Codec(name, point), [*nothings(point)])
    for address in point.alternatives:
        place = definition_of(address, point.group)
        found = point.located(place)
        # The standard has one for each type.
        own = [words_of(place.sentinel, found)] if isinstance(place.sentinel, int) else [*nothings(found)]
        yield Register(Codec(name, found), own)


def nothings(point: ModbusPoint) -> Iterator[list[int]]:
    """Words with which devices say that they have no value of the type of *point*."""
    if point.is_text:
        return
    bits = 16 * point.count
    if point.value_type.startswith("float"):
        yield words_of({32: 0x7FC00000, 64: 0x7FF8000000000000}[bits], point)
    if point.value_type.startswith("int"):
        yield words_of(1 << bits - 1, point)
        yield words_of((1 << bits - 1) - 1, point)
    else:
        yield words_of((1 << bits) - 1, point)


def words_of(number: int, point: ModbusPoint) -> list[int]:
    words = [number >> 16 * at & 0xFFFF for at in range(point.count)]
    return words if point.order == "CDAB" else words[::-1]


def reported(make: DeviceMap) -> Iterator[str]:
    """What the owner and the CEM are told of such a device."""
    readable = {name for name, point in make.points.items() if point.is_readable}
    yield from sorted(TOLD & (readable | make.computed.keys()))


def steering(make: DeviceMap) -> frozenset[str]:
    """What orders depend on."""
    return frozenset().union(*(command.names for command in make.commands.values()))


def zeros_of(make: DeviceMap) -> set[str]:
    """Points of which "no value" says that there is none of it."""
    return {name for name, point in make.points.items() if isinstance(point, ModbusPoint) and point.absent == "zero"}


def measured_for(make: DeviceMap, name: str) -> set[str]:
    """What *name* is computed of, but for what is read once: that tells what the device is."""
    return {each for each in inputs_of(make, name) if make.points[each].poll != "once"}


@pytest.mark.parametrize("name", BY_MODBUS)
def test_a_register_without_a_value_gives_none(name: str) -> None:
    believed = set()
    for make in makes(name):
        for each in set().union(*(inputs_of(make, used) for used in {*reported(make), *steering(make)})):
            point = make.points[each]
            assert isinstance(point, ModbusPoint)
            if point.table in BITS:
                continue
            for codec, held in registers_of(each, point):
                scale = [0] * (len(codec.blocks) - len(codec.value_blocks))
                for words in held:
                    reading = codec.reading_of([*words, *scale])
                    if reading.quality is Quality.GOOD and not (point.absent == "zero" and reading.value == 0):
                        believed.add((each, tuple(words), reading.value))
    assert {each for each in believed if (name, each[0]) not in HARMLESS} == set()


@pytest.mark.parametrize("name", sorted({*NAMES} - {*BY_MODBUS}))
def test_a_message_without_a_value_gives_none(name: str) -> None:
    for make in makes(name):
        for each in set().union(*(inputs_of(make, used) for used in {*reported(make), *steering(make)})):
            point = make.points[each]
            assert isinstance(point, PayloadPoint)
            for word in (b"", b"null", b"nan", b"unknown", b"unavailable", b"{}", b"[]"):
                reading = replace(point, json=None).reading_in(each, Document(word), 0.0)
                assert reading is not None
                assert reading.quality is not Quality.GOOD


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_told_of_a_device_that_has_no_value(name: str) -> None:
    """But that it takes and gives nothing, where that is what it means by it."""
    for make in makes(name):
        zero = zeros_of(make)
        known: dict[str, Value] = {**make.parameters, **dict.fromkeys(zero, 0)}
        for each in reported(make):
            if each in make.points or measured_for(make, each) <= zero:
                continue
            with pytest.raises(BadReading):
                make.computed[each].value_of(known)


@pytest.mark.system
@pytest.mark.parametrize("name", SIMULATED)
async def test_a_simulated_one_whose_measurements_are_away_tells_nothing(name: str) -> None:
    served, _ = simulated(name, ["nan"])
    (unit, registers), *others = served.units.items()
    async with serve_tcp(registers, unit=unit, also=dict(others)) as address:
        connection = there(address.host, address.port)
        async with visited(device(name, connection=connection), clock.now) as visit:
            measured = [each for each in reported(visit.make) if each not in SAID]
            zero = zeros_of(visit.make)
            told = {each.point: each.value for each in await visit.read(measured)}
            sure = {each for each in measured if measured_for(visit.make, each) <= zero}
            assert told == {each: 0 if each in sure else None for each in measured}
