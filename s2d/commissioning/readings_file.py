"""A file of readings: what the points of a device are, written by hand instead of read from hardware."""

from collections.abc import Mapping
from pathlib import Path

from ..config import DeviceConfig
from ..config.decoder import Decoder, Findings, mapping_of, unknown_key
from ..config.point import quantity_of
from ..config.yaml_source import KeyPath, YamlNode, read
from ..device.device_map import DeviceMap
from ..device.latest_values import LatestValues
from ..host.log import silent
from ..rm.kinds import kind
from ..values import Now, Quality, Reading, Value


def readings_of(path: Path, device: DeviceConfig, now: Now) -> list[Reading]:
    """The readings of *device* by the YAML file *path*, `point: value`, with what is computed of them.

    A number without a unit is in the base unit. What is not said, or null, is unknown.

    Raises: ConfigError: every mistake in it.
    """
    root, findings = read(path, path.name), Findings()
    dimensions = _dimensions(device)
    said: dict[str, Value] = {}
    for name, entry in mapping_of(root, ()).items():
        if name not in dimensions:
            findings.problems.append(unknown_key(name, entry, dimensions, ()))
        elif entry.node.content is not None:
            value = findings.attempt(_value, entry.node, dimensions[name], (name,))
            said |= {} if value is None else {name: value}
    findings.raise_problems()
    make = device.make_of({**device.parameters, **said})
    latest = LatestValues(make, {}, now.mono, silent())
    computed = latest.observe([Reading(name, value) for name, value in said.items()], now.mono)
    found = {each.point: each for each in computed} | latest.rejected
    names = [*(name for name, point in make.points.items() if point.is_readable), *make.computed, *device.sources]
    return [found.get(name) or Reading(name, None, Quality.ABSENT, "not said") for name in names]


def _dimensions(device: DeviceConfig) -> Mapping[str, str]:
    """All that may be said of *device*: name → dimension."""
    makes: list[DeviceMap] = [device.make, *(each.make for each in device.variants)]
    points = {name: each.dimension for make in makes for name, each in make.points.items() if each.is_readable}
    computed = {name: each.dimension for make in makes for name, each in make.computed.items()}
    of_kind = kind(device.kind).points if device.kind else {}
    lent = {name: of_kind[name].dimension if name in of_kind else "" for name in device.sources}
    return points | computed | lent


def _value(node: YamlNode, dimension: str, where: KeyPath) -> Value:
    """Raises: ConfigError: it is none."""
    content = node.content
    if isinstance(content, bool | int | float):
        return float(content) if dimension and not isinstance(content, bool) else content
    if isinstance(content, str) and not dimension:
        return content
    value = Decoder(Path()).value(node, quantity_of(dimension) if dimension else str, where)
    assert isinstance(value, float)
    return float(value)
