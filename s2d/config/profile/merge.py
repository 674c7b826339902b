"""Laying what is written more closely over what is written more generally."""

from ..yaml_source import Entry, Node

_ONE_NAMESPACE = ("points", "computed")
"""Whoever defines a name anew in one of these does away with it in the other."""


def overlay(under: Node, over: Node) -> Node:
    """*under* with what *over* says laid on top.

    Mappings are joined key by key, all the way down; anything else replaces what stood there, and `null` removes it. A
    point that comes from another device (`from`) replaces the whole point. Every value keeps its place in its file.
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
            entries[key] = Entry(entry.spot, overlay(entries[key].node, entry.node))
        else:
            entries[key] = entry
    return Node(entries, over.spot)


def _without(entry: Entry, names: frozenset[str]) -> Entry:
    if not isinstance(entry.node.content, dict):
        return entry
    left = {name: inner for name, inner in entry.node.content.items() if name not in names}
    return Entry(entry.spot, Node(left, entry.node.spot))


def _defined(entry: Entry) -> frozenset[str]:
    """Names that *entry* defines; what it removes is not among them."""
    content = entry.node.content
    named = content.items() if isinstance(content, dict) else ()
    return frozenset(name for name, inner in named if inner.node.content is not None)
