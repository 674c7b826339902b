"""Advice: warnings of what is right in a configuration, though hardly meant, or unwise."""

from collections.abc import Iterator, Mapping

from ..device.device_map import commands_of
from ..driver import AnyDriver
from ..errors import Problem
from ..rm.kinds import kind as kind_of
from .cem_url import holds_secret, is_overheard, shown_url
from .checked import Cem, DeviceConfig
from .decoder import node_at
from .device_node import name_of, position_of
from .driver_discovery import deprecations
from .plausible import range_warnings
from .yaml_source import KeyPath, YamlNode

_SHORTEST_POLL_S = 0.1
"""A shorter time between readings is more often a mistake than meant."""
_LONGEST_AFTER_S = 3600.0
"""A longer time without a CEM is more often a mistake than meant."""


def advice_on(
    root: YamlNode, cem: Cem | None, nodes: list[YamlNode], devices: Mapping[str, DeviceConfig]
) -> Iterator[Problem]:
    """Advice on the gateway file *root*, its *cem*, and *devices*, which are written in *nodes*."""
    if cem:
        yield from _told_secrets(root, cem, ())
    for node in nodes:
        if device := devices.get(name_of(node)):
            yield from _suspicious_times(node, device)
            yield from range_warnings(device, node)
            yield from _unsettled_refreshes(device, node)
            yield from _advice_of_kind(device, node)
            if device.cem and node_at(node, "cem", "url").content:
                yield from _told_secrets(node, device.cem, (device.name,))
    yield from _deprecations(nodes, devices)


def _told_secrets(node: YamlNode, cem: Cem, where: KeyPath) -> Iterator[Problem]:
    """Warnings of secrets in the `cem` of *node*: where others may read them, here or on the way."""
    url = node_at(node, "cem", "url")
    if holds_secret(cem.url):
        what = f"whoever reads this file reads who we are to the CEM, as {shown_url(cem.url)} is shown elsewhere"
        hint = "Put a token into a file of its own, and name that under token_file"
        yield url.position.problem((*where, "cem", "url"), what, hint)
    if (cem.token_file or holds_secret(cem.url)) and is_overheard(cem.url):
        what = "whoever is on the way to the CEM can read the token, and act as this gateway"
        yield url.position.problem((*where, "cem", "url"), what, "Use wss://, or a CEM on this machine")


def _suspicious_times(node: YamlNode, device: DeviceConfig) -> Iterator[Problem]:
    """Warnings of times in *device* that are possible, but hardly meant."""
    if device.poll_s < _SHORTEST_POLL_S:
        poll, what = node_at(node, "poll"), f"asks the device {1 / device.poll_s:.0f} times a second"
        hint = "Few answer that fast, and a CEM is told far less often"
        yield poll.position.problem((device.name, "poll"), what, hint)
    if device.fallback and device.fallback.after_s > _LONGEST_AFTER_S:
        cell = ("safe", "cem_lost", "after")
        where = ("fallback", "after") if node_at(node, *cell).content is None else cell
        after = node_at(node, *where)
        what = f"without a CEM the last order stays in force for {after.written}"
        yield after.position.problem((device.name, *where), what, "Minutes are enough to bridge a restart")


def _unsettled_refreshes(device: DeviceConfig, node: YamlNode) -> Iterator[Problem]:
    """Warnings of what is written again before it can show, as its owner wrote."""
    for command in commands_of(device.make).values():
        written = frozenset[str]().union(*(step.written for step in command.steps)) & device.points.keys()
        for name in sorted(written):
            point, at = device.points[name], node_at(node, "points", name)
            keys = [key for key in ("settle", "rest") if isinstance(at.content, dict) and key in at.content]
            shows_s = point.settle + point.rest
            if keys and command.refresh_s is not None and shows_s >= command.refresh_s:
                what = f"it settles and rests for {shows_s:g} s, and is written again every {command.refresh_s:g} s"
                hint = "Make that shorter, or the refresh longer; a later version will refuse it"
                yield node_at(at, keys[0]).position.problem((device.name, "points", name, keys[0]), what, hint)


def _advice_of_kind(device: DeviceConfig, node: YamlNode) -> Iterator[Problem]:
    """What the kind of *device* has to say of how it is configured."""
    kind = kind_of(device.kind) if device.kind else None
    for keys, what, hint in kind.advice(device.settings, device.abilities(kind)) if kind else ():
        yield position_of(node, *keys).problem((device.name, *keys), what, hint)


def _deprecations(nodes: list[YamlNode], devices: Mapping[str, DeviceConfig]) -> Iterator[Problem]:
    """Warnings of drivers whose authors have something to change, each at the first device that has it."""
    by_name = {name_of(node): node for node in nodes}
    first: dict[type[AnyDriver], DeviceConfig] = {}
    for device in devices.values():
        first.setdefault(device.driver, device)
    for driver, device in first.items():
        driver_node = node_at(by_name[device.name], "driver")
        for what, hint in deprecations(driver):
            yield driver_node.position.problem((device.name, "driver"), f"{driver_node} {what}", hint)
