"""Last good: the configuration that ran last, spelt out, so that its devices can be made safe whatever became of it.

It stands by itself in `state_dir/last-good/`: the devices as written, their buses, and the profiles they use. Of a CEM
it says nothing, as nobody needs one to be safe.
"""

import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError
from ..host import state_file
from .checked import Draft
from .decoder import mapping_of
from .files import read_node
from .profile import FOLDER as PROFILES
from .profile import Library
from .yaml_source import YamlNode, read

FOLDER = "last-good"
_FILE = "s2d.yaml"
_GATEWAY_FILE = "gateway_file"
"""The key that says of which gateway file it is, from whose folder relative paths begin, too."""
_NOBODY = {"url": "ws://localhost"}
"""A resource manager has a CEM; this one is never called."""
_AT_REST = "at-rest"
"""A file that is there once all devices were brought to rest by who ran them last."""
_SHADOWED = "shadowed"
"""A file that is there if who ran last has written nothing to any device."""


def files_of(draft: Draft, gateway_file: Path) -> Mapping[str, bytes]:
    """The files that keep *draft*, which was read from *gateway_file*: name below the folder → content."""
    whole: dict[str, object] = {
        _GATEWAY_FILE: str(gateway_file.absolute()),
        "gateway": {"id": str(draft.config.gateway.id)} if draft.config.gateway.id else {},
        "cem": _NOBODY,
        "buses": [_plain(node) for node in draft.buses],
        "devices": [_plain(node, but=("cem",)) for node in draft.nodes],
    }
    if draft.house_limit:
        whole["house_limit"] = _plain(draft.house_limit)
    profiles = {f"{PROFILES}/{name}.yaml": _plain(node, but=("include",)) for name, node in draft.profiles.items()}
    # The devices come last: they are nothing without their profiles.
    return {name: _encoded(content) for name, content in (*profiles.items(), (_FILE, whole))}


def keep(state_dir: Path, files: Mapping[str, bytes]) -> None:
    """Has *state_dir* keep *files*, of devices at work; what is there already is not written again. Raises: OSError."""
    for mark in (_AT_REST, _SHADOWED):
        (state_dir / FOLDER / mark).unlink(missing_ok=True)
    for name, content in files.items():
        path = state_dir / FOLDER / name
        if not os.path.exists(path) or path.read_bytes() != content:
            state_file.replace(path, content)


def keep_at_rest(state_dir: Path) -> None:
    """Has *state_dir* keep that all devices are at rest. Raises: OSError."""
    state_file.replace(state_dir / FOLDER / _AT_REST, b"")


def keep_shadowed(state_dir: Path) -> None:
    """Has *state_dir* keep that nothing is written to any device by who runs; else all stays. Raises: OSError."""
    state_file.replace(state_dir / FOLDER / _SHADOWED, b"")


def is_shadowed(state_dir: Path) -> bool:
    """Whether who ran last has written nothing to any device."""
    return os.path.exists(state_dir / FOLDER / _SHADOWED)


def is_at_rest(state_dir: Path) -> bool:
    """Whether all devices were brought to rest by who ran them last."""
    return os.path.exists(state_dir / FOLDER / _AT_REST)


def read_last_good(state_dir: Path, gateway_file: Path) -> Draft:
    """What ran last with *state_dir* and *gateway_file*, as far as it can be read; nothing if that was another file."""
    folder = state_dir / FOLDER
    if not os.path.lexists(folder / _FILE):
        return Draft.empty()
    try:
        root = read(folder / _FILE, f"{FOLDER}/{_FILE}")
        entries = dict(mapping_of(root, ()))
        of = entries.pop(_GATEWAY_FILE, None)
        if of is None or of.node.content != str(gateway_file.absolute()):
            return Draft.empty()
        return read_node(YamlNode(entries, root.position), gateway_file, Library(folder / PROFILES), includes=False)
    except ConfigError as exc:
        return replace(Draft.empty(), problems=tuple(exc.problems))


def _plain(node: YamlNode, but: Collection[str] = ()) -> object:
    """The value of *node*; of a mapping without the keys *but*."""
    match node.content:
        case dict(entries):
            return {key: _plain(entry.node) for key, entry in entries.items() if key not in but}
        case list(nodes):
            return [_plain(each) for each in nodes]
    return node.content


def _encoded(value: object) -> bytes:
    """*value* as JSON, which is YAML but for characters that only YAML takes for the ends of lines."""
    written = json.dumps(value, indent=1, ensure_ascii=False)
    return re.sub(r"[^\n -~]", lambda found: f"\\U{ord(found[0]):08x}", written).encode() + b"\n"
