"""Profiles: maps of device types, as YAML files. A profile is a device as written, with placeholders, and facts.

The language is described in `drivers/profiles/README.md`. This package finds profiles, fills in their placeholders with
the owner's arguments, and merges her device over them; the result is a device as if she had written every key herself,
and is decoded as every device is.
"""

from .expand import ExpandedDevice, ExpandedVariant, expand_device
from .keys import Parameter, ProfileKeys, Simulation
from .library import ABOUT, FOLDER, Library, NoSuchProfile, Profile

__all__ = [
    "ABOUT",
    "FOLDER",
    "ExpandedDevice",
    "ExpandedVariant",
    "Library",
    "NoSuchProfile",
    "Parameter",
    "Profile",
    "ProfileKeys",
    "Simulation",
    "expand_device",
]
