"""Plausible ranges of points in a configuration: what devices lend to others, and what is written against them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from ..device.device_map import DeviceMap, PlausibleOf, Variant
from ..errors import Problem
from ..quantities import factor_of
from ..values import PlausibleRange
from .checked import DeviceConfig
from .decoder import node_at
from .yaml_source import YamlNode


def with_lent_ranges(devices: Iterable[DeviceConfig]) -> tuple[DeviceConfig, ...]:
    """*devices*, each with what those of its points can be that others take from it."""
    devices = tuple(devices)
    lent: dict[str, dict[str, PlausibleRange]] = {}
    for device in devices:
        ranges = _ranges(device.make)
        for name, source in device.sources.items():
            if name in ranges:
                of_lender = lent.setdefault(source.device, {})
                before = of_lender.get(source.point)
                of_lender[source.point] = before.joined(ranges[name]) if before else ranges[name]
    return tuple(_lending(device, lent[device.name]) if device.name in lent else device for device in devices)


def range_warnings(device: DeviceConfig, node: YamlNode) -> Iterator[Problem]:
    """Where what is written of *device* in *node* cannot be true of what its points are."""
    ranges = _ranges(device.make)
    is_power_known = device.nameplate.power_w(device.parameters) is not None
    for section, named in (("points", device.points), ("computed", device.computed)):
        for name in named.keys() & ranges.keys():
            settings, expected = named[name], ranges[name]
            if settings.dimension == "power" and not is_power_known:
                continue  # who writes limits of it may know better
            factor = factor_of(settings.unit) if settings.unit else 1.0
            for key, limit, sign in (("min", settings.min, -1), ("max", settings.max, 1)):
                most = expected.low if key == "min" else expected.high
                if limit is not None and sign * limit * factor > sign * most + expected.margin:
                    what = f"lets {limit:g} {settings.unit} be believed".rstrip()
                    what += f", but {name} is {expected.low / factor:g} .. {expected.high / factor:g}"
                    hint = f"Leave {key} out; is a `scale` missing?"
                    position = node_at(node, section, name, key).position
                    yield position.problem((device.name, section, name, key), what, hint)
    power = ranges.get("power")
    if power and device.nameplate.power is not None and (power.usual_high > power.high or power.usual_low < power.low):
        what = "the device is built for less than it may take or give"
        hint = "Lower max_charge_power and max_discharge_power, or correct this"
        where = (device.name, "nameplate", "power")
        yield node_at(node, "nameplate", "power").position.problem(where, what, hint)


def _ranges(make: DeviceMap) -> Mapping[str, PlausibleRange]:
    """As far as they are known before the device is read."""
    return make.plausible(make.nameplate.power_w(make.parameters))


def _lending(device: DeviceConfig, lent: Mapping[str, PlausibleRange]) -> DeviceConfig:
    variants = tuple(
        Variant(each.when, replace(each.make, plausible=partial(_beside, lent, each.make.plausible)))
        for each in device.variants
    )
    return replace(device, plausible=partial(_beside, lent, device.plausible), variants=variants)


def _beside(
    lent: Mapping[str, PlausibleRange], own: PlausibleOf, nameplate_w: float | None
) -> dict[str, PlausibleRange]:
    return {**lent, **own(nameplate_w)}
