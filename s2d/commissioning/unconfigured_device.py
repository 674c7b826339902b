"""An unconfigured device: made from a profile alone, to be simulated, or to try whether a real one fits the profile."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..config.checked import Cem, DeviceConfig
from ..config.decoder import Decoder, Findings
from ..config.device import ConfigContext, device_of
from ..config.profile import FOLDER, Library, Profile, expand_device
from ..config.yaml_source import SourcePosition, YamlEntry, YamlNode, parse
from ..errors import ConfigError

_NOWHERE = "ws://localhost"


class UnconfiguredDevice(NamedTuple):
    """A device made from a profile alone, and that profile."""

    device: DeviceConfig
    profile: Profile


def library_for(wish: str, config: Path | None = None) -> tuple[Library, str]:
    """Where to look for the profile *wish*, a name or a file, and its name.

    Profiles of one's own are beside the gateway file in *config*; None: there are none.
    """
    path = Path(wish)
    if path.suffix == ".yaml":
        return Library(path.parent), path.stem
    return Library(own_profiles(config) if config else None), wish


def own_profiles(config: Path) -> Path:
    """Where an owner keeps profiles of her own, whose gateway file is *config* or in it."""
    return (config if os.path.isdir(config) else config.parent) / FOLDER


def unconfigured_device(name: str, keys: Mapping[str, str], library: Library, place: str) -> UnconfiguredDevice:
    """A device of the profile *name* whose owner wrote *keys*, as YAML; problems are in a file called *place*.

    Raises: NoSuchProfile. ConfigError: all that is wrong.
    """
    profile = library.profile(name)
    position = SourcePosition(place, 0, 0)
    written = {"name": YamlNode("Device", position), "profile": YamlNode(name, position)}
    written |= {key: parse(text, place) for key, text in keys.items()}
    node = YamlNode({key: YamlEntry(value.position, value) for key, value in written.items()}, position)
    findings, decoder = Findings(), Decoder(Path())
    expanded = expand_device(node, (), library, decoder, findings)
    findings.raise_problems()
    context = ConfigContext(decoder, {}, Cem(url=_NOWHERE), names_cem=True)
    return UnconfiguredDevice(device_of(expanded, (), context), profile)


def device_without_connection(name: str, keys: Mapping[str, str], library: Library, place: str) -> UnconfiguredDevice:
    """An `unconfigured_device` that need not be anywhere: on the network or, if it must be, on a serial line.

    Raises: as `unconfigured_device`.
    """
    try:
        return unconfigured_device(name, {"connection": "{host: localhost}", **keys}, library, place)
    except ConfigError:
        try:
            return unconfigured_device(name, {"connection": "{serial: /dev/null}", **keys}, library, place)
        except ConfigError:
            pass
        raise
