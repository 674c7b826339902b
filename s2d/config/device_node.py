"""The node of a device: what can be told of what its owner wrote before that is decoded."""

from .decoder import node_at
from .yaml_source import KeyPath, SourcePosition, YamlEntry, YamlNode


def name_of(node: YamlNode) -> str:
    """The name of the device *node*, or nothing."""
    found = text_of(node, "name")
    return found[0] if found else ""


def where_of(node: YamlNode, nodes: list[YamlNode]) -> KeyPath:
    """How *node*, one of *nodes*, is called where something is wrong in it."""
    return (name_of(node) or f"device {nodes.index(node) + 1}",)


def text_of(node: YamlNode, key: str) -> tuple[str, SourcePosition] | None:
    """The text that *node* has under *key*, and its position; None if it is no mapping or no text."""
    entry = node.content.get(key) if isinstance(node.content, dict) else None
    if entry and isinstance(entry.node.content, str) and entry.node.content:
        return entry.node.content, entry.node.position
    return None


def points_of(node: YamlNode) -> list[tuple[str, YamlEntry]]:
    """The points that stand in the device *node*, by name."""
    entry = node.content.get("points") if isinstance(node.content, dict) else None
    return list(entry.node.content.items()) if entry and isinstance(entry.node.content, dict) else []


def position_of(device: YamlNode, *keys: str) -> SourcePosition:
    """The position of *keys* in *device*; in its connection, of what its owner wrote, not its profile."""
    positions = [node_at(device, *keys[:depth]).position for depth in range(len(keys) + 1)]
    if keys[:1] == ("connection",):
        positions = [position for position in positions if position.path == device.position.path]
    return positions[-1]
