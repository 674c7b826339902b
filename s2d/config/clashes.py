"""Clashes: what is wrong with devices beside each other: names, points taken from others, buses."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..driver import PointSettings
from ..errors import Problem
from ..rm.kinds import KINDS
from ..rm.kinds import kind as kind_of
from .checked import DeviceConfig
from .decoder import did_you_mean, node_at
from .device_node import name_of, points_of, position_of, text_of, where_of
from .driver_discovery import DriverUnavailable, code_of
from .point import unit_problem
from .yaml_source import SourcePosition, YamlNode


class Clash(NamedTuple):
    """What is wrong with the device of that *name* beside others; if it *is_warning*, it works all the same."""

    name: str
    problem: Problem
    is_warning: bool = False


def clashes_of(nodes: list[YamlNode], devices: Mapping[str, DeviceConfig]) -> Iterator[Clash]:
    """The clashes of the devices written in *nodes*; *devices* are those of them that are right by themselves."""
    for key, words in (("name", "are named"), ("resource_id", "have the resource_id")):
        yield from _duplicates(nodes, key, words)
    for node in nodes:
        yield from (Clash(name_of(node), problem) for problem in _source_problems(node, nodes, devices))
    yield from _bus_problems(nodes, devices)


def _duplicates(nodes: list[YamlNode], key: str, words: str) -> Iterator[Clash]:
    """Devices that have the same under *key* as one before."""
    first: dict[str, SourcePosition] = {}
    for text, position, name in sorted((*found, name_of(node)) for node in nodes if (found := text_of(node, key))):
        if text in first:
            yield Clash(name, position.problem((), f'two devices {words} "{text}" (the other: {first[text]})'))
        first.setdefault(text, position)


def _source_problems(node: YamlNode, nodes: list[YamlNode], decoded: Mapping[str, DeviceConfig]) -> Iterator[Problem]:
    """Where points of *node* come from other devices that do not have them."""
    where = where_of(node, nodes)
    named = text_of(node, "kind")
    kind = kind_of(named[0]) if named and named[0] in KINDS else None
    for name, entry in points_of(node):
        source = text_of(entry.node, "from")
        device, _, point = source[0].rpartition(".") if source else ("", "", "")
        if source is None or not device or not point:
            continue
        position, inside = source[1], (*where, "points", name, "from")
        if named is None:
            yield position.problem(inside, "only a device with a kind takes points from others")
        elif device == name_of(node):
            yield position.problem(inside, "a device cannot take a point from itself")
        elif device not in (names := [name_of(other) for other in nodes]):
            yield position.problem(inside, f'no device is named "{device}"', did_you_mean(device, names))
        elif target := decoded.get(device):
            found = target.points.get(point) or target.computed.get(point)
            if found is None and point in target.sources:
                yield position.problem(inside, f'"{device}" takes "{point}" from another device itself')
            elif found is None:
                what = f'"{device}" has no point "{point}"'
                yield position.problem(inside, what, did_you_mean(point, (*target.points, *target.computed)))
            elif isinstance(found, PointSettings) and not found.is_readable:
                yield position.problem(inside, f'"{point}" of "{device}" can only be written')
            elif kind and name in kind.points and (isinstance(found, PointSettings) or found.unit):
                yield from unit_problem(kind.points[name], found, position, inside)


def _bus_problems(nodes: list[YamlNode], decoded: Mapping[str, DeviceConfig]) -> Iterator[Clash]:
    """What drivers find in devices that share a bus."""
    by_name = {name_of(node): node for node in nodes}
    drivers = dict.fromkeys(device.driver for device in decoded.values())
    for driver in drivers:
        devices = [device for device in decoded.values() if device.driver is driver]
        named = node_at(by_name[devices[0].name], "driver")
        try:
            with code_of(str(named.content)):
                remarks = list(driver.problems_of_bus(devices))
        except DriverUnavailable as exc:
            for device in devices:
                position = node_at(by_name[device.name], "driver").position
                problem = position.problem((device.name, "driver"), f'"{exc.name}" {exc.why}', exc.hint)
                yield Clash(device.name, problem)
            continue
        for name, keys, what, hint, is_warning in remarks:
            yield Clash(name, position_of(by_name[name], *keys).problem((name, *keys), what, hint), is_warning)
