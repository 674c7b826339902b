"""The gateway file and the files it includes → `Draft`, with the checks across devices."""

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from ..device.device_map import commands_of
from ..driver import AnyDriver, PointSettings
from ..errors import ConfigError, Problem
from ..rm.kinds import KINDS
from ..rm.kinds import kind as kind_of
from .cem_url import holds_secret, is_overheard, shown_url
from .checked import Cem, Config, DeviceConfig, Draft, Gateway
from .decoder import Decoder, Findings, did_you_mean, mapping_of, node_at
from .device import ConfigContext, device_of
from .driver_discovery import DriverUnavailable, code_of, deprecations
from .open_to_others import files_open_to_others, local_driver_files
from .plausible import range_warnings, with_lent_ranges
from .point import unit_problem
from .profile import FOLDER, Library, expand_device
from .yaml_source import KeyPath, SourcePosition, YamlEntry, YamlNode, entries_before_error
from .yaml_source import read as read_yaml

_INCLUDED = "devices.d/*.yaml"
_SHORTEST_POLL_S = 0.1
"""A shorter time between readings is more often a mistake than meant."""
_LONGEST_AFTER_S = 3600.0
"""A longer time without a CEM is more often a mistake than meant."""
_DEVICE_KEYS = frozenset({"profile", "driver", "connection", "points"})
_GATEWAY_KEYS = frozenset({"gateway", "buses", "include", "devices"})


class GatewayFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway file, `s2d.yaml`."""

    gateway: Annotated[Gateway, Meta(description="The machine itself")] = field(default_factory=Gateway)
    cem: Annotated[
        Cem | None, Meta(description="Where every device's resource manager connects, unless a device says otherwise")
    ] = None
    buses: Annotated[
        list[YamlNode],
        Meta(description="Lines that several devices share: a name, and what their connections have in common"),
    ] = []
    include: Annotated[str, Meta(min_length=1, description="Files of devices; each holds one or a list of them")] = (
        _INCLUDED
    )
    devices: Annotated[list[YamlNode], Meta(description="Devices that do not have a file of their own")] = []


def read(path: Path) -> Draft:
    """What stands in the gateway file *path* and the files it includes; files are named relative to its folder."""
    doubts: list[Problem] = []
    try:
        root = read_yaml(path, path.name, doubts)
        if _is_device_file(root):
            hint = "Name that file, or its folder; it includes this one"
            raise ConfigError([root.position.problem((), "this is a device file; -c wants the gateway file", hint)])
        return read_node(root, path, Library(path.parent / FOLDER), doubts)
    except ConfigError as exc:
        beginning = entries_before_error(path, path.name)
        return Draft(Config(_salvaged_gateway(beginning, path), None, ()), tuple(exc.problems))


def read_node(
    root: YamlNode, path: Path, library: Library, doubts: Iterable[Problem] = (), *, includes: bool = True
) -> Draft:
    """What stands in *root*, the content of the gateway file *path*, and in the files that it *includes*, if any.

    *doubts* are what was doubtful in that content.

    Raises: ConfigError: it is no gateway file at all.
    """
    entries = mapping_of(root, ())
    findings, doubts = Findings(), list(doubts)
    decoder = Decoder(path.parent.absolute())
    good = decoder.fields(root, GatewayFile, (), findings)
    file = replace(GatewayFile(), **{name: value for name, value in good.items() if value is not None})
    gateway = file.gateway if good.get("gateway") else _salvaged_gateway(entries, path)
    pattern = file.include if includes else ""
    nodes = [*file.devices, *_included(path, pattern, entries.get("include"), findings, doubts)]
    context = ConfigContext(decoder, _buses(file.buses, findings), file.cem, names_cem="cem" in entries)
    written = nodes
    expanded = [
        findings.attempt(expand_device, node, _where(node, nodes), library, decoder, findings) for node in nodes
    ]
    devices = [
        findings.attempt(device_of, each, _where(node, nodes), context)
        for node, each in zip(nodes, expanded, strict=True)
        if each
    ]
    nodes = [each.node if each else node for node, each in zip(nodes, expanded, strict=True)]
    decoded = {device.name: device for device in devices if device}
    clashes: list[tuple[str, Problem]] = []
    """Name of a device, and what is wrong with it beside the others."""
    for key, words in (("name", "are named"), ("resource_id", "have the resource_id")):
        clashes += _duplicates(nodes, key, words)
    for node in nodes:
        clashes += [(_name(node), problem) for problem in _source_problems(node, nodes, decoded)]
    warnings = [
        *dict.fromkeys((*doubts, *library.doubts)),
        *_ignored_files(path, pattern),
        *(warning for each in expanded if each for warning in each.warnings),
    ]
    if file.cem:
        warnings += _told_secrets(root, file.cem, ())
    for node in nodes:
        device = decoded.get(_name(node))
        warnings += _suspicious_times(node, device)
        if device:
            warnings += [*range_warnings(device, node), *_unsettled_refreshes(device, node), *_advice(device, node)]
        if device and device.cem and node_at(node, "cem", "url").content:
            warnings += _told_secrets(node, device.cem, (device.name,))
    warnings += _deprecations(nodes, decoded)
    warnings += _open_to_others(path, pattern, (device.driver for device in decoded.values()))
    for name, problem, is_warning in _bus_problems(nodes, decoded):
        if is_warning:
            warnings.append(problem)
        else:
            clashes.append((name, problem))
    clashing = {name for name, _ in clashes}
    right = with_lent_ranges(device for device in devices if device and device.name not in clashing)
    return Draft(
        Config(gateway, file.cem, right, tuple(warnings)),
        (*findings.problems, *(problem for _, problem in clashes)),
        tuple(file.buses),
        tuple(written),
        {each.profile.name: each.profile.whole for each in expanded if each and each.profile},
    )


def _salvaged_gateway(entries: Mapping[str, YamlEntry], path: Path) -> Gateway:
    """What is right under `gateway` in *entries*, for who needs to know where the state is before all else."""
    node = entries["gateway"].node if "gateway" in entries else None
    if node is None or not isinstance(node.content, dict):
        return Gateway()
    good = Decoder(path.parent.absolute()).fields(node, Gateway, ("gateway",), Findings())
    return replace(Gateway(), **{name: value for name, value in good.items() if value is not None})


def _included(
    path: Path, pattern: str, entry: YamlEntry | None, findings: Findings, doubts: list[Problem]
) -> Iterator[YamlNode]:
    """The devices in the files that match *pattern*; *entry* is where the operator asked for them."""
    names = _matching(path, pattern)
    if not names and entry:
        findings.problems.append(entry.node.position.problem(("include",), f'no file matches "{pattern}"'))
    for name in names:
        node = findings.attempt(read_yaml, path.parent / name, name, doubts)
        if node is None:
            continue
        if isinstance(node.content, list):
            yield from node.content
        elif isinstance(node.content, dict) and "devices" in node.content:
            hint = "Leave it out: a device file is one device, or a list of them"
            findings.problems.append(
                node.content["devices"].position.problem((), '"devices" belongs into the gateway file', hint)
            )
        elif isinstance(node.content, dict):
            yield node
        else:
            findings.problems.append(node.position.problem((), f"expected a device or a list of devices, got {node}"))


def _open_to_others(path: Path, pattern: str, drivers: Iterable[type[AnyDriver]]) -> Iterator[Problem]:
    """Warnings of all that is read which anybody may change."""
    own = [f"{FOLDER}/{file.name}" for file in sorted((path.parent / FOLDER).glob("*.yaml"))]
    names = [path.name, ".", *_matching(path, pattern), *own, *map(str, local_driver_files(drivers))]
    yield from files_open_to_others(path.parent, names, shared=(os.path.dirname(pattern) or ".", FOLDER))


def _is_device_file(root: YamlNode) -> bool:
    """Whether *root* is the content of a device file."""
    first = root.content[0] if isinstance(root.content, list) and root.content else root
    keys = first.content.keys() if isinstance(first.content, dict) else set[str]()
    return bool(keys & _DEVICE_KEYS) and not keys & _GATEWAY_KEYS


def _ignored_files(path: Path, pattern: str) -> Iterator[Problem]:
    """Files that lie where those of *pattern* do and look like them, but do not match."""
    if not pattern:
        return
    matching = _matching(path, pattern)
    for name in _matching(path, os.path.join(os.path.dirname(pattern), "*")):
        if name not in matching and name.lower().endswith((".yaml", ".yml")):
            hint = "Rename it, or change `include`, if it holds devices"
            yield Problem(name, 0, 0, "", f'is not read: it does not match include "{pattern}"', hint)


def _matching(path: Path, pattern: str) -> list[str]:
    """Names of the files that match *pattern*, but for the gateway file *path* itself; none match nothing."""
    names = sorted(glob.glob(pattern, root_dir=path.parent))
    return [name for name in names if os.path.realpath(path.parent / name) != os.path.realpath(path)]


def _buses(nodes: list[YamlNode], findings: Findings) -> dict[str, YamlNode]:
    buses: dict[str, YamlNode] = {}
    positions: dict[str, SourcePosition] = {}
    for number, node in enumerate(nodes, 1):
        if not isinstance(node.content, dict):
            findings.problems.append(node.position.problem((f"bus {number}",), f"expected a mapping, got {node}"))
            continue
        entries = dict(node.content)
        entry = entries.pop("name", None)
        if entry is None or not isinstance(entry.node.content, str) or not entry.node.content:
            position = entry.node.position if entry else node.position
            got = entry.node if entry else "nothing"
            findings.problems.append(
                position.problem((f"bus {number}", "name"), f"expected the name of the bus, got {got}")
            )
            continue
        name, position = entry.node.content, entry.node.position
        if name in buses:
            findings.problems.append(
                position.problem((), f'two buses are named "{name}" (the other: {positions[name]})')
            )
        buses[name], positions[name] = YamlNode(entries, node.position), position
    return buses


def _where(node: YamlNode, nodes: list[YamlNode]) -> KeyPath:
    return (_name(node) or f"device {nodes.index(node) + 1}",)


def _text(node: YamlNode, key: str) -> tuple[str, SourcePosition] | None:
    """The text that *node* has under *key*, and its position; None if it is no mapping or no text."""
    entry = node.content.get(key) if isinstance(node.content, dict) else None
    if entry and isinstance(entry.node.content, str) and entry.node.content:
        return entry.node.content, entry.node.position
    return None


def _name(node: YamlNode) -> str:
    found = _text(node, "name")
    return found[0] if found else ""


def _duplicates(nodes: list[YamlNode], key: str, words: str) -> Iterator[tuple[str, Problem]]:
    """The names of devices that have the same under *key* as one before, and that as a problem."""
    first: dict[str, SourcePosition] = {}
    for text, position, name in sorted((*found, _name(node)) for node in nodes if (found := _text(node, key))):
        if text in first:
            yield name, position.problem((), f'two devices {words} "{text}" (the other: {first[text]})')
        first.setdefault(text, position)


def _source_problems(node: YamlNode, nodes: list[YamlNode], decoded: Mapping[str, DeviceConfig]) -> Iterator[Problem]:
    """Where points of *node* come from other devices that do not have them."""
    where = _where(node, nodes)
    named = _text(node, "kind")
    kind = kind_of(named[0]) if named and named[0] in KINDS else None
    for name, entry in _points(node):
        source = _text(entry.node, "from")
        device, _, point = source[0].rpartition(".") if source else ("", "", "")
        if source is None or not device or not point:
            continue
        position, inside = source[1], (*where, "points", name, "from")
        if named is None:
            yield position.problem(inside, "only a device with a kind takes points from others")
        elif device == _name(node):
            yield position.problem(inside, "a device cannot take a point from itself")
        elif device not in (names := [_name(other) for other in nodes]):
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
                yield from unit_problem(kind.points[name].dimension, found, position, inside)


def _suspicious_times(node: YamlNode, device: DeviceConfig | None) -> Iterator[Problem]:
    """Warnings of times in *device* that are possible, but hardly meant."""
    if device is None:
        return
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


def _advice(device: DeviceConfig, node: YamlNode) -> Iterator[Problem]:
    """What the kind of *device* has to say of how it is configured."""
    kind = kind_of(device.kind) if device.kind else None
    for keys, what, hint in kind.advice(device.settings, device.abilities(kind)) if kind else ():
        yield _position_of(node, *keys).problem((device.name, *keys), what, hint)


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


def _bus_problems(nodes: list[YamlNode], decoded: Mapping[str, DeviceConfig]) -> Iterator[tuple[str, Problem, bool]]:
    """Problems that drivers find in devices that share a bus, each with whose it is and whether it is but a warning."""
    by_name = {_name(node): node for node in nodes}
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
                yield device.name, position.problem((device.name, "driver"), f'"{exc.name}" {exc.why}', exc.hint), False
            continue
        for name, keys, what, hint, is_warning in remarks:
            yield name, _position_of(by_name[name], *keys).problem((name, *keys), what, hint), is_warning


def _deprecations(nodes: list[YamlNode], decoded: Mapping[str, DeviceConfig]) -> Iterator[Problem]:
    """Warnings of drivers whose authors have something to change, each at the first device that has it."""
    by_name = {_name(node): node for node in nodes}
    first: dict[type[AnyDriver], DeviceConfig] = {}
    for device in decoded.values():
        first.setdefault(device.driver, device)
    for driver, device in first.items():
        driver_node = node_at(by_name[device.name], "driver")
        for what, hint in deprecations(driver):
            yield driver_node.position.problem((device.name, "driver"), f"{driver_node} {what}", hint)


def _position_of(device: YamlNode, *keys: str) -> SourcePosition:
    """The position of *keys* in *device*; in its connection, of what its owner wrote, not its profile."""
    positions = [node_at(device, *keys[:depth]).position for depth in range(len(keys) + 1)]
    if keys[:1] == ("connection",):
        positions = [position for position in positions if position.path == device.position.path]
    return positions[-1]


def _points(node: YamlNode) -> list[tuple[str, YamlEntry]]:
    entry = node.content.get("points") if isinstance(node.content, dict) else None
    return list(entry.node.content.items()) if entry and isinstance(entry.node.content, dict) else []
