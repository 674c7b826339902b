"""The merge of two YAML nodes: specific keys over general ones."""

from ..yaml_source import YamlEntry, YamlNode

_ONE_NAMESPACE = ("points", "computed")
"""A name defined anew in one of these is removed from the other."""


def merge(under: YamlNode, over: YamlNode) -> YamlNode:
    """*over* merged into *under*.

    Mappings are joined key by key, all the way down; anything else replaces what stood there, and `null` removes it. A
    point that comes from another device (`from`) replaces the whole point. Every value keeps its position in its file.
    """
    if not isinstance(under.content, dict) or not isinstance(over.content, dict) or "from" in over.content:
        return over
    entries, more = dict(under.content), dict(over.content)
    for here, there in (_ONE_NAMESPACE, _ONE_NAMESPACE[::-1]):
        if there in over.content:
            anew = _defined(over.content[there])
            if here in entries:
                entries[here] = _without(entries[here], anew)
            if here in more:
                more[here] = _without(more[here], anew - _defined(more[here]))
    for key, entry in more.items():
        if key in entries and entry.node.content is None:
            del entries[key]
        elif key in entries:
            entries[key] = YamlEntry(entry.position, merge(entries[key].node, entry.node))
        else:
            entries[key] = entry
    return YamlNode(entries, over.position)


def _without(entry: YamlEntry, names: frozenset[str]) -> YamlEntry:
    if not isinstance(entry.node.content, dict):
        return entry
    left = {name: inner for name, inner in entry.node.content.items() if name not in names}
    return YamlEntry(entry.position, YamlNode(left, entry.node.position))


def _defined(entry: YamlEntry) -> frozenset[str]:
    """Names that *entry* defines; what it removes is not among them."""
    content = entry.node.content
    named = content.items() if isinstance(content, dict) else ()
    return frozenset(name for name, inner in named if inner.node.content is not None)
