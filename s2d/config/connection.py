"""What stands under `connection:` of a device, together with its profile and its bus → what the driver gets."""

from collections.abc import Collection, Mapping

from msgspec import Struct
from msgspec.structs import fields

from ..driver import Driver
from ..errors import ConfigError
from .decoder import Decoder, did_you_mean, mapping_of
from .yaml_source import Entry, Node, Where


def connection_of(
    device: Node, driver: type[Driver], buses: Mapping[str, Node], decoder: Decoder, where: Where
) -> Struct | None:
    """What *driver* gets: one of *buses* lies over what the profile assumes, and the owner's own keys over both.

    None where *device* says nothing of it.

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
        raise ConfigError([node.spot.problem(inside, f"expected a mapping, got {node}", hint)])
    written = mapping_of(node, inside)
    own = {key: entry for key, entry in written.items() if entry.spot.path == device.spot.path}
    said = {**_bus(own.pop("bus", None), inside, buses), **own}
    assumed = {key: entry for key, entry in written.items() if key not in said and key != "bus"}
    needs: Mapping[str, Collection[str]] = getattr(driver.Connection, "belongs_to", {})
    fitting = {key for key in assumed if any(need in said or need in assumed for need in needs.get(key, (key,)))}
    told = said | {key: entry for key, entry in assumed.items() if key in fitting}
    return decoder.struct(Node({**told}, node.spot), driver.Connection, inside)


def _bus(wish: Entry | None, inside: Where, buses: Mapping[str, Node]) -> Mapping[str, Entry]:
    """What the bus that *wish* names says of a connection.

    Raises: ConfigError: there is no such bus.
    """
    if wish is None:
        return {}
    name = wish.node.content
    if not isinstance(name, str) or name not in buses:
        hint = (did_you_mean(name, buses) if isinstance(name, str) else "") or (
            f"There are: {', '.join(buses)}" if buses else 'The gateway file lists none under "buses"'
        )
        what = f"expected the name of one of the buses, got {wish.node}"
        raise ConfigError([wish.node.spot.problem((*inside, "bus"), what, hint)])
    return mapping_of(buses[name], inside)
