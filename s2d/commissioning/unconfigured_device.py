"""A device of some profile that nobody has configured: for simulating it, and for trying whether a real one is such."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..config.checked import Cem, DeviceConfig
from ..config.decoder import Decoder, Findings
from ..config.device import Surroundings, device_of
from ..config.profile import FOLDER, Library, Profile, spelt_out
from ..config.yaml_source import Entry, Node, Spot, parse
from ..errors import ConfigError

_NOWHERE = "ws://localhost"


class Profiled(NamedTuple):
    """A device, and the profile it is of."""

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
    return (config if config.is_dir() else config.parent) / FOLDER


def profiled(name: str, keys: Mapping[str, str], library: Library, place: str) -> Profiled:
    """A device of the profile *name* whose owner wrote *keys*, as YAML; problems are in a file called *place*.

    Raises: NoSuchProfile. ConfigError: all that is wrong.
    """
    profile = library.profile(name)
    spot = Spot(place, 0, 0)
    written = {"name": Node("Device", spot), "profile": Node(name, spot)}
    written |= {key: parse(text, place) for key, text in keys.items()}
    node = Node({key: Entry(value.spot, value) for key, value in written.items()}, spot)
    findings, decoder = Findings(), Decoder(Path())
    spelt = spelt_out(node, (), library, decoder, findings)
    findings.settle()
    around = Surroundings(decoder, {}, Cem(url=_NOWHERE), names_cem=True)
    return Profiled(device_of(spelt, (), around), profile)


def somewhere(name: str, keys: Mapping[str, str], library: Library, place: str) -> Profiled:
    """As `profiled`, of a device that need not be anywhere: on the network or, if it must be, on a serial line.

    Raises: as `profiled`.
    """
    try:
        return profiled(name, {"connection": "{host: localhost}", **keys}, library, place)
    except ConfigError:
        try:
            return profiled(name, {"connection": "{serial: /dev/null}", **keys}, library, place)
        except ConfigError:
            pass
        raise
