"""The connection of a device: its keys, those of its profile and its bus, merged → the driver's `Connection`."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import fields

from ..driver import AnyDriver
from ..errors import ConfigError
from .decoder import Decoder, did_you_mean, mapping_of
from .yaml_source import KeyPath, YamlEntry, YamlNode


def connection_of(
    device: YamlNode, driver: type[AnyDriver], buses: Mapping[str, YamlNode], decoder: Decoder, where: KeyPath
) -> Struct | None:
    """The connection of *device* for *driver*: the keys of its bus win over the profile's, and the owner's over both.

    None where *device* has no `connection:`.

    Raises: ConfigError: no such bus, or no connection of this driver.
    """
    entries = mapping_of(device, where)
    if "connection" not in entries:
        return None
    node = entries["connection"].node
    inside = (*where, "connection")
    if isinstance(node.content, str):
        known = {field.encode_name for field in fields(driver.Connection)}
        key = "serial" if node.content.startswith("/") else "host"
        hint = f"Write {{{key}: {node.content}}}" if key in known else ""
        raise ConfigError([node.position.problem(inside, f"expected a mapping, got {node}", hint)])
    written = mapping_of(node, inside)
    own = {key: entry for key, entry in written.items() if entry.position.path == device.position.path}
    own = {**_bus(own.pop("bus", None), inside, buses), **own}
    defaults = {key: entry for key, entry in written.items() if key not in own and key != "bus"}
    needs = driver.belongs_to
    applicable = {key for key in defaults if any(need in own or need in defaults for need in needs.get(key, (key,)))}
    values = own | {key: entry for key, entry in defaults.items() if key in applicable}
    # What its owner left out altogether stands nowhere: that is said where the device is.
    is_owners = node.position.path == device.position.path
    position = node.position if is_owners else device.position
    return decoder.struct(YamlNode({**values}, position), driver.Connection, inside)


def _bus(reference: YamlEntry | None, inside: KeyPath, buses: Mapping[str, YamlNode]) -> Mapping[str, YamlEntry]:
    """The keys of a connection under the bus that *reference* names; none without a reference.

    Raises: ConfigError: there is no such bus.
    """
    if reference is None:
        return {}
    name = reference.node.content
    if not isinstance(name, str) or name not in buses:
        hint = (did_you_mean(name, buses) if isinstance(name, str) else "") or (
            f"There are: {', '.join(buses)}" if buses else 'The gateway file lists none under "buses"'
        )
        what = f"expected the name of one of the buses, got {reference.node}"
        raise ConfigError([reference.node.position.problem((*inside, "bus"), what, hint)])
    return mapping_of(buses[name], inside)
