"""The library of profiles: the owner's own, in `profiles/` beside the gateway file, and those that come with s2d."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from msgspec.structs import fields

from ...errors import Problem, S2dError
from ..decoder import Decoder, Findings, did_you_mean, mapping_of
from ..yaml_source import YamlEntry, YamlNode, read
from .keys import ProfileKeys
from .merge import merge
from .parameters import parameter_problems

FOLDER = "profiles"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
ABOUT = frozenset(field.encode_name for field in fields(ProfileKeys))
"""Keys of a profile that are not those of a device."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile: the map of a device type, as a device with placeholders, and facts about it."""

    name: str
    about: ProfileKeys
    device: YamlNode
    """The keys of a device, of all its parts."""
    parts: Mapping[str, YamlNode]
    """Name → keys of a device, merged over `device`; the first is the default. Empty: there is but one device."""
    whole: YamlNode
    """As written, with all that it includes."""


class NoSuchProfile(S2dError):
    """An error: there is no profile of that name."""

    def __init__(self, name: str, known: list[str], *, is_circle: bool = False) -> None:
        self.name = name
        self.known = known
        self.is_circle = is_circle
        """It is there, but includes itself."""

    def __str__(self) -> str:
        if self.is_circle:
            return f'"{self.name}" includes itself'
        hint = did_you_mean(self.name, self.known) or f"Known are: {', '.join(self.known) or 'none'}"
        return f'no profile "{self.name}". {hint}'


class Library:
    """A library of profiles; one in *own* wins over one that comes with s2d."""

    def __init__(self, own: Path | None = None) -> None:
        # The drivers travel as the package s2d_drivers; nothing of its code is needed here.
        places = import_module("s2d_drivers").__path__
        self._own = own
        self._shipped = [folder for place in places if (folder := Path(place) / FOLDER).is_dir()]
        self._read: dict[str, Profile] = {}
        self.doubts: list[Problem] = []
        """What is doubtful in what was read."""

    def names(self) -> list[str]:
        """Of all profiles but fragments, whose names begin with `_`."""
        files = (file for folder, _ in self._folders() for file in folder.glob("*.yaml"))
        return sorted({file.stem for file in files if not file.stem.startswith("_")})

    def profile(self, name: str) -> Profile:
        """The profile *name*, with all that it includes.

        Raises: NoSuchProfile: it is not there. ConfigError: all that is wrong with it by itself.
        """
        if name.startswith("_"):
            raise NoSuchProfile(name, self.names())
        if name not in self._read:
            self._read[name] = _profile(name, self._node(name, ()))
        return self._read[name]

    def _folders(self) -> Iterator[tuple[Path, str]]:
        """Where to look, in this order, and how problems call the place."""
        if self._own:
            yield self._own, FOLDER
        for folder in self._shipped:
            yield folder, str(folder)

    def _node(self, name: str, including: tuple[Path, ...]) -> YamlNode:
        """The content of the profile *name*; *including* are the files that include it, directly or not."""
        found = [(folder / f"{name}.yaml", shown) for folder, shown in self._folders()] if _NAME.fullmatch(name) else []
        # A file that includes its own name means the one it is merged over.
        there = [(file, shown) for file, shown in found if os.path.exists(file)]
        files = [(file, shown) for file, shown in there if file not in including]
        if not files:
            raise NoSuchProfile(name, self.names(), is_circle=bool(there))
        file, shown = files[0]
        node = read(file, f"{shown}/{file.name}", self.doubts)
        bases = mapping_of(node, ()).get("include")
        if bases is None:
            return node
        findings = Findings()
        under: YamlNode | None = None
        for wish in bases.node.content if isinstance(bases.node.content, list) else ():
            try:
                base = findings.attempt(self._node, str(wish.content), (*including, file))
            except NoSuchProfile as exc:
                findings.problems.append(wish.position.problem(("include",), str(exc)))
                continue
            if base:
                under = merge(under, base) if under else base
        findings.raise_problems()
        return merge(under, node) if under else node


def _profile(name: str, node: YamlNode) -> Profile:
    entries = mapping_of(node, ())
    findings = Findings()
    about, device = (
        YamlNode({key: entry for key, entry in entries.items() if (key in ABOUT) is wanted}, node.position)
        for wanted in (True, False)
    )
    decoder = Decoder(Path())
    keys = findings.attempt(decoder.struct, about, ProfileKeys, ())
    for parameter, entry in _inside(entries, "parameters").items() if keys else ():
        assert keys
        where = ("parameters", parameter)
        findings.problems += parameter_problems(parameter, keys.parameters[parameter], entry, decoder, where)
    parts = {part: entry.node for part, entry in _inside(entries, "parts").items()}
    for part, inner in parts.items():
        findings.attempt(mapping_of, inner, ("parts", part))
    for key in ("name", "profile", "part"):
        if key in entries:
            findings.problems.append(entries[key].position.problem((), f'"{key}" has no place in a profile'))
    findings.raise_problems()
    assert keys
    return Profile(name, keys, device, parts, node)


def _inside(entries: Mapping[str, YamlEntry], key: str) -> Mapping[str, YamlEntry]:
    content = entries[key].node.content if key in entries else None
    return content if isinstance(content, dict) else {}
