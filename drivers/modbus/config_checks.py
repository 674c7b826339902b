"""Checks of a configuration: where devices that share endpoints clash, and how busy these will be.

Registers by their manual's name: 40013 (or 30013, 10013) may be the address on the wire, as with SunSpec and SMA, or
how a manual calls holding register 12. Nobody but the owner knows, so it is a warning where table and number would fit
that, until `address_base` (or the point's `base`) says something. Numbers of six digits are no addresses at all.
"""

import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

from s2d.driver import AttachedDevice, BusLoad, Remark

from .codec import Codec
from .connection import ModbusConnection
from .point import ModbusPoint
from .read_planner import Borders, planned_reads
from .register_block import RegisterBlock
from .request_cost import RequestCost
from .transport.refusals import label_of

BUSY = 0.7
"""Of the time; above it there is no room for a unit that does not answer, or for writes in a hurry."""
BY_ID = Path("/dev/serial/by-id")

_MORE_TO_WRITE = {False: 1, True: 4}
"""Characters that it takes to write more than to read, by whether there are several registers."""
_LINE_KEYS = ("baudrate", "parity", "stopbits")
_NAMED = {"holding": range(40001, 50000), "input": range(30001, 40000), "discrete": range(10001, 20000)}
"""Table → how manuals call its places, if they do not count from 0."""


ModbusAttached: TypeAlias = AttachedDevice[ModbusConnection, ModbusPoint]


def remarks(devices: Iterable[ModbusAttached], by_id: Path = BY_ID) -> Iterator[Remark]:
    """What is wrong or unwise about *devices*; *by_id* has the lasting names of serial ports."""
    for sharing in _endpoints(devices):
        first = sharing[0]
        for device in sharing:
            yield from _clash_of_settings(first, device)
            yield from _unlasting_name(device, by_id)
            yield from _remarks_on_points(device)
        for one, other in combinations(sharing, 2):
            yield from _clash_of_units(one, other)
        for load in loads(sharing):
            if load.share > BUSY:
                what = f"{load.bus} will be busy for {100 * load.share:.0f} % of its time ({load.detail})"
                hint = "Poll less often, read fewer points, or raise the baudrate of all devices on it"
                yield Remark(first.name, ("connection",), what, hint, is_warning=True)


def loads(devices: Iterable[ModbusAttached]) -> Iterator[BusLoad]:
    """How busy *devices* will keep each serial line; a network has room."""
    for sharing in _endpoints(devices):
        connection: ModbusConnection = sharing[0].connection
        if connection.is_rtu:
            units = len({device.connection.unit for device in sharing})
            detail = f"{connection.line}, {units} unit{'s' * (units > 1)}"
            yield BusLoad(connection.endpoint, sum(map(_share_of, sharing)), detail)


def _endpoints(devices: Iterable[ModbusAttached]) -> Iterable[list[ModbusAttached]]:
    sharing: dict[Hashable, list[ModbusAttached]] = {}
    for device in devices:
        sharing.setdefault(device.connection.bus, []).append(device)
    return sharing.values()


def _share_of(device: ModbusAttached) -> float:
    connection: ModbusConnection = device.connection
    cost, borders = connection.cost(), Borders(connection.hole_blocks)
    codecs = {codec.name: codec for codec in _codecs(device)}
    due: dict[float, list[Codec]] = defaultdict(list)
    for codec in codecs.values():
        point = codec.point
        if point.is_readable and (point.poll is None or isinstance(point.poll, float)):
            due[point.poll or device.poll_s].append(codec)

    def read_s(wanted: Sequence[Codec]) -> float:
        wholes = [(codec, codec.whole(borders, connection.max_registers)) for codec in wanted]
        shared = [whole for codec, whole in wholes if whole and codec.point.merge]
        alone = [whole for codec, whole in wholes if whole and not codec.point.merge]
        alone += [block for codec, whole in wholes if not whole for block in codec.blocks]
        planned = [block for block, _ in planned_reads(shared, cost, borders, connection.max_registers)]
        return sum(map(cost.of, planned + alone))

    share = sum(read_s(wanted) / period_s for period_s, wanted in due.items())
    for period_s, read, writes in device.refreshes:
        share += read_s([codecs[name] for name in read if name in codecs]) / period_s
        for names in writes:
            written = [codecs[name] for name in names if name in codecs]
            share += _write_s(written, cost, connection.line.character_s) / period_s
    return share


def _write_s(written: Sequence[Codec], cost: RequestCost, character_s: float) -> float:
    """What it costs to write all of *written* at once, with the looks before and after."""
    looks = [block for codec in written if codec.needs_present for block in codec.blocks]
    looks += [block for codec in written if codec.point.is_readable for block in codec.value_blocks]
    blocks = [block for codec in written for block in codec.value_blocks]
    if len(written) > 1:
        blocks = [RegisterBlock(blocks[0].table, blocks[0].register, sum(block.count for block in blocks))]
    more = sum(_MORE_TO_WRITE[block.count > 1] for block in blocks)
    return sum(map(cost.of, looks + blocks)) + more * character_s


def _codecs(device: ModbusAttached) -> Iterator[Codec]:
    """The codecs of all points, SunSpec models taken to be one after the other; without those that are wrong."""
    models: dict[str, int] = {}
    for name, point in device.points.items():
        if point.alternatives:
            from .sunspec.definitions import definition_of  # reads files: only for who uses it

            address = point.alternatives[0]
            register = models.setdefault(address.partition(":")[0], 256 * len(models))
            point = point.located(definition_of(address, point.group), register)
        if not _is_below_all(point, device.connection):
            yield Codec(name, point, device.connection.address_base or 0)


def _is_below_all(point: ModbusPoint, connection: ModbusConnection) -> bool:
    base = connection.address_base if point.base is None else point.base
    return base == 1 and 0 in (*point.places, point.scale_register)


def _clash_of_settings(first: ModbusAttached, device: ModbusAttached) -> Iterator[Remark]:
    """Told at both places: either may be the wrong one."""
    for one, other in ((first, device), (device, first)):
        mine, others = one.connection, other.connection
        if mine.is_rtu != others.is_rtu:
            spoken = f'{_framing(mine)} here and {_framing(others)} to "{other.name}"'
            what = f"{mine.endpoint} cannot be spoken to in two framings, {spoken}"
            yield Remark(one.name, ("connection", "framing"), what, "Give all devices there the same framing")
        for key in _LINE_KEYS:
            if (own := getattr(mine, key)) != (theirs := getattr(others, key)):
                what = f'{mine.endpoint} cannot have {key} {own} here and {theirs} for "{other.name}"'
                hint = f"Give all devices on a line the same {', '.join(_LINE_KEYS)}"
                yield Remark(one.name, ("connection", key), what, hint)


def _framing(connection: ModbusConnection) -> str:
    return "rtu" if connection.is_rtu else "tcp"


def _unlasting_name(device: ModbusAttached, by_id: Path) -> Iterator[Remark]:
    path = device.connection.serial
    if path is None or not Path(path).name.startswith(("ttyUSB", "ttyACM")):
        return
    lasting = (each for each in sorted(by_id.glob("*")) if os.path.realpath(each) == os.path.realpath(path))
    better = next(lasting, None)
    what = f"{path} may be another adapter after the next start"
    hint = f"Write serial: {better}" if better else f"Look into {by_id} for its lasting name while it is plugged in"
    yield Remark(device.name, ("connection", "serial"), what, hint, is_warning=True)


def _remarks_on_points(device: ModbusAttached) -> Iterator[Remark]:
    connection: ModbusConnection = device.connection
    is_told = False
    for name, point in device.points.items():
        keys = ("points", name)
        if point.unit and (point.value_type == "bool" or point.flags is not None):
            what = f"{'flags are' if point.flags else 'a bool is'} no number of {point.unit}, so it will have no value"
            yield Remark(device.name, (*keys, "unit"), what, "Leave the unit out", is_warning=True)
        if _is_below_all(point, connection):
            what = "registers are counted from 1 here, so there is no register 0"
            yield Remark(device.name, keys, what, "Leave out address_base, or write base: 0")
        elif point.register is not None and not is_told:
            is_counted = point.base is not None or connection.address_base is not None
            if not is_counted and point.register in _NAMED.get(point.table, ()):
                is_told = True
                plain = point.register - _NAMED[point.table][0]
                what = f"{point.register} is how manuals call {point.table} register {plain}"
                hint = f"Write {plain}; if {point.register} is the address on the wire, write address_base: 0"
                yield Remark(device.name, (*keys, "register"), what, hint, is_warning=True)
    for codec in _codecs(device):
        for hole in connection.hole_blocks:
            if not codec.point.alternatives and any(_overlap(hole, block) for block in codec.blocks):
                yield Remark(device.name, ("points", codec.name), "lies in one of the connection's holes")
                break


def _clash_of_units(one: ModbusAttached, other: ModbusAttached) -> Iterator[Remark]:
    """Where two devices turn out to be one: forgotten numbers of units, and two hands at one switch."""
    mine, others = _places(other), _places(one)
    is_of_one_type = one.profile is not None and one.profile == other.profile
    if mine.keys() == others.keys():
        what = f'"{one.name}" is {one.connection.place} too, and has the same registers'
        yield Remark(other.name, ("connection", "unit"), what, "Give each its own unit")
    elif is_of_one_type and one.part != other.part:
        return
    elif is_of_one_type and _written(mine) and _written(others) and _is_read_alike(mine, others):
        what = f'"{one.name}" is {one.connection.place} too; two devices cannot control one'
        yield Remark(other.name, ("connection", "unit"), what, "Give each its own unit, or leave one of them out")
    else:
        for (unit, block), codec in _written(mine).items():
            for (taken_unit, taken), whose in _written(others).items():
                if unit == taken_unit and _overlap(block, taken) and not (codec.is_part and whose.is_part):
                    what = f'"{one.name}" writes {label_of(taken)} too; two devices cannot control one'
                    hint = "Give each its own unit, or leave the point out of one"
                    yield Remark(other.name, ("points", codec.name), what, hint)
                    return


def _is_read_alike(*devices: Mapping[tuple[int, RegisterBlock], Codec]) -> bool:
    """Whether what both of *devices* say again and again is the same: other names of it would say something else."""
    mine, others = (
        {codec.name: place for place, codec in places.items() if codec.point.is_readable and not _is_fixed(codec)}
        for places in devices
    )
    common = mine.keys() & others.keys()
    return bool(common) and all(mine[name] == others[name] for name in common)


def _is_fixed(codec: Codec) -> bool:
    return isinstance(codec.point.poll, str)


def _places(device: ModbusAttached) -> dict[tuple[int, RegisterBlock], Codec]:
    """Unit and block → the point that is there."""
    own: int = device.connection.unit
    return {
        (own if codec.point.unit_id is None else codec.point.unit_id, block): codec
        for codec in _codecs(device)
        for block in codec.blocks
    }


def _written(places: Mapping[tuple[int, RegisterBlock], Codec]) -> dict[tuple[int, RegisterBlock], Codec]:
    return {
        (unit, block): codec
        for (unit, block), codec in places.items()
        if codec.point.is_writable and block in codec.value_blocks
    }


def _overlap(one: RegisterBlock, other: RegisterBlock) -> bool:
    return (
        one.table == other.table
        and one.register < other.register + other.count
        and other.register < one.register + one.count
    )
