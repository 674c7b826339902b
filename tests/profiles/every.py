"""Every profile that comes with s2d, as devices whose owners said what they have to."""

from collections.abc import Iterable, Iterator

from s2d.cli.simulated_device import SimulatedDevice, profile_device
from s2d.cli.simulated_kinds import hardware_of
from s2d.commissioning.profile_matching import example_keys
from s2d.commissioning.unconfigured_device import device_without_connection
from s2d.config import DeviceConfig
from s2d.config.decoder import node_at
from s2d.config.profile import Library
from s2d.device.device_map import DeviceMap
from s2d.simulation.faults import Faults
from s2d.simulation.hardware import SimulatedHardware
from tests.chronicle import PATIENCE_S

LIBRARY = Library()
NAMES = LIBRARY.names()
BY_MODBUS = [name for name in NAMES if node_at(LIBRARY.profile(name).device, "driver").content == "modbus"]
SIMULATED = [name for name in NAMES if LIBRARY.profile(name).about.simulation]


def asked(name: str) -> dict[str, str]:
    """The parameters that the owner of such a device has to say, as YAML."""
    parameters = LIBRARY.profile(name).about.parameters
    return {key: each.example for key, each in parameters.items() if each.is_required}


def of(name: str) -> str:
    """The kind of a device of the profile *name*, be it a resource or not."""
    profile = LIBRARY.profile(name)
    return str(profile.about.of or node_at(profile.device, "kind").content)


def simulated(name: str, faults: Iterable[str] = ()) -> tuple[SimulatedDevice, SimulatedHardware]:
    """A device of the profile *name* as `s2d simulate` makes it, and the hardware in it."""
    kind_name = of(name)
    hardware = hardware_of(kind_name, profile=name)
    return profile_device(name, asked(name), hardware, Faults(faults), kind_name=kind_name), hardware


def device(name: str, **keys: str) -> DeviceConfig:
    """A device of the profile *name*; *keys* are its owner's, as YAML."""
    return device_without_connection(name, {**example_keys(LIBRARY.profile(name)), **keys}, LIBRARY, name).device


def there(host: str, port: int) -> str:
    """The `connection` of a device that need not be spared, and is waited for."""
    return f'{{host: {host}, port: {port}, gap: "0 s", warm_up: "0 s", timeout: "{PATIENCE_S:g} s"}}'


def makes(name: str) -> Iterator[DeviceMap]:
    """All that a device of the profile *name* may turn out to be."""
    config = device(name)
    yield config.make
    yield from (variant.make for variant in config.variants)


def inputs_of(make: DeviceMap, name: str) -> set[str]:
    """The points that *name* is, or is computed of."""
    if name in make.points:
        return {name}
    if name not in make.computed:
        return set()
    return set().union(*(inputs_of(make, each) for each in make.computed[name].value.names))
