"""Profiles: maps of device types, as YAML files. A profile is a device as written, with holes and what to know of it.

The language is described in `drivers/profiles/README.md`. This package finds profiles, fills their holes with what the
owner says, and lays her device over them; what comes out is a device as if she had written every key herself, and goes
the way every device goes.
"""

from .expand import Spelt, SpeltVariant, spelt_out
from .keys import Parameter, ProfileKeys, Simulation
from .library import ABOUT, FOLDER, Library, NoSuchProfile, Profile

__all__ = [
    "ABOUT",
    "FOLDER",
    "Library",
    "NoSuchProfile",
    "Parameter",
    "Profile",
    "ProfileKeys",
    "Simulation",
    "Spelt",
    "SpeltVariant",
    "spelt_out",
]
