"""The gateway file and the files it includes → `Draft`."""

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from ..driver import AnyDriver
from ..errors import ConfigError, Problem
from .advice import advice_on
from .checked import Cem, Config, Draft, Gateway
from .clashes import clashes_of
from .decoder import Decoder, Findings, mapping_of
from .device import ConfigContext, device_of
from .device_node import name_of, where_of
from .house_limit import HouseLimitKeys, held_by, house_advice, house_of
from .open_to_others import files_open_to_others, local_driver_files
from .plausible import with_lent_ranges
from .profile import FOLDER, Library, expand_device
from .yaml_source import SourcePosition, YamlEntry, YamlNode, entries_before_error
from .yaml_source import read as read_yaml

_INCLUDED = "devices.d/*.yaml"
_DEVICE_KEYS = frozenset({"profile", "driver", "connection", "points"})
_GATEWAY_KEYS = frozenset({"gateway", "buses", "include", "devices", "house_limit"})


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
    house_limit: Annotated[
        HouseLimitKeys | None, Meta(description="The current of the house within which EV chargers are held")
    ] = None


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
    written = [*file.devices, *_included(path, pattern, entries.get("include"), findings, doubts)]
    context = ConfigContext(decoder, _buses(file.buses, findings), file.cem, names_cem="cem" in entries)
    expanded = [
        findings.attempt(expand_device, node, where_of(node, written), library, decoder, findings) for node in written
    ]
    decoded = [
        findings.attempt(device_of, each, where_of(node, written), context)
        for node, each in zip(written, expanded, strict=True)
        if each
    ]
    nodes = [each.node if each else node for node, each in zip(written, expanded, strict=True)]
    devices = {device.name: device for device in decoded if device}
    clashes = list(clashes_of(nodes, devices))
    warnings = [
        *dict.fromkeys((*doubts, *library.doubts)),
        *_ignored_files(path, pattern),
        *(warning for each in expanded if each for warning in each.warnings),
        *advice_on(root, file.cem, nodes, devices),
        *_open_to_others(path, pattern, (device.driver for device in devices.values())),
        *(clash.problem for clash in clashes if clash.is_warning),
    ]
    names = [name_of(node) for node in nodes]
    house = findings.attempt(house_of, file.house_limit, root, names, devices) if file.house_limit else None
    if house and file.house_limit:
        warnings += house_advice(file.house_limit, house, root, devices)
    wrong = [clash for clash in clashes if not clash.is_warning]
    clashing = {clash.name for clash in wrong}
    sound = [device for device in decoded if device and device.name not in clashing]
    right = tuple(held_by(house, device) for device in with_lent_ranges(sound))
    return Draft(
        Config(gateway, file.cem, right, tuple(warnings), house),
        (*findings.problems, *(clash.problem for clash in wrong)),
        tuple(file.buses),
        tuple(written),
        {each.profile.name: each.profile.whole for each in expanded if each and each.profile},
        entries["house_limit"].node if "house_limit" in entries else None,
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
