"""The YAML source: text → nodes that know their positions. YAML 1.2 core schema: `on`, `off`, `yes`, `no` are text.

Built on PyYAML's events instead of its nodes: recursion stays bounded (libyaml's own composer overflows the stack on
deeply nested text), and merge keys, timestamps and foreign tags do not exist.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ..errors import ConfigError, Problem
from ..host.regular_file import contents_of
from ..text import printable
from .lookalikes import lookalike_at_an_end, lookalike_in_key, structural_lookalike

if TYPE_CHECKING:
    from yaml import CSafeLoader, SafeLoader
    from yaml.error import MarkedYAMLError
    from yaml.events import AliasEvent, CollectionStartEvent, Event, ScalarEvent

_DEEPEST = 32
"""A configuration nests half as deep at most; what nests deeper is an accident or an attack."""
_MOST_ALIASED = 100_000
"""Values that aliases may stand for together: aliases of aliases make of a short file one that nobody can read."""
_LONGEST = 500
"""Characters of one sentence of a problem, which may quote the file."""
_LOOKED_AT_ABOVE = 2
"""Lines above that where the grammar gives up which may be the cause."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SAVE_AS_UTF_8 = "Save it as UTF-8 in the editor"
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_CORE = "tag:yaml.org,2002:"
_CORE_SCHEMA = (
    ("null", re.compile(r"null|Null|NULL|~|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]{1,99}|0o[0-7]{1,99}|0x[0-9a-fA-F]{1,99}")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)
"""Spec: YAML 1.2.2, section 10.3.2, tag resolution. What matches nothing is text."""
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Spec: YAML 1.2.2, section 5.1, what is not `c-printable`."""
_MISTAKES: tuple[tuple[str, bool, str, str], ...] = (
    (
        "cannot start any token",
        False,
        "nothing can begin with this character",
        "Indent with spaces, not tabs; put text in quotes that begins with a sign",
    ),
    ("expected ':'", True, "this key has no colon", 'Behind a key come a colon and a space: "poll: 2 s"'),
    (
        "values are not allowed",
        False,
        "no key can stand before this colon",
        "Begin the line below its neighbours, or put text with a colon in quotes",
    ),
    (
        "parsing a block collection",
        False,
        "this does not go on with the list before it",
        "Begin the dashes of one list in the same column",
    ),
    (
        "parsing a block mapping",
        False,
        "this does not go on with the mapping before it",
        "Begin the keys of one mapping in the same column",
    ),
    ("expected ',' or", True, "the bracket that opens here is not closed", "A comma stands between its parts"),
    ("unexpected end of stream", True, "the quotes that open here are not closed", ""),
)
"""What the library says; whether the mistake stands where the matter begins, or where it is noticed; what we say."""

KeyPath: TypeAlias = tuple[str, ...]
"""The path of keys to a value in the operator's words, outermost first, e.g. ("Home battery", "points", "soc")."""


class SourcePosition(NamedTuple):
    """A position in a file; line and column count from 1."""

    path: str
    line: int
    column: int

    def problem(self, where: KeyPath, what: str, hint: str = "") -> Problem:
        """A problem at this position, on one line however wild the text it quotes."""
        return Problem(*self, _one_line(": ".join(where)), _one_line(what), _one_line(hint))

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class YamlEntry(NamedTuple):
    """An entry of a YAML mapping: the value of one key."""

    position: SourcePosition
    """Of the key."""
    node: "YamlNode"


Content: TypeAlias = "bool | int | float | str | list[YamlNode] | dict[str, YamlEntry] | None"


class YamlNode(NamedTuple):
    """A YAML node: a value and its position."""

    content: Content
    position: SourcePosition
    written: str = ""
    """The text of a scalar as it stands in the file."""
    is_secret: bool = False
    """Not to be shown."""

    def __str__(self) -> str:
        if self.is_secret:
            return "***"
        match self.content:
            case None:
                return "nothing"
            case str():
                return f'"{self.content}"'
            case list():
                return "a list"
            case dict():
                return "a mapping"
        return self.written


def read(path: Path, name: str, doubts: list[Problem] | None = None) -> YamlNode:
    """The value the YAML file *path* holds; problems call the file *name*. What is doubtful is added to *doubts*.

    Raises: ConfigError: it cannot be read, or is not one YAML document.
    """
    try:
        raw = contents_of(path)
    except OSError as exc:
        raise ConfigError([Problem(str(path), 0, 0, "", f"cannot be read: {exc.strerror}")]) from exc
    if raw.startswith(_UTF_16) or b"\0" in raw[:2]:
        raise ConfigError([SourcePosition(name, 1, 1).problem((), "is UTF-16 text, not UTF-8", _SAVE_AS_UTF_8)])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        before = raw[: exc.start].decode("utf-8", "replace")
        raise ConfigError([_position_after(before, name).problem((), "is not UTF-8 text", _SAVE_AS_UTF_8)]) from exc
    return parse(text, name, doubts)


def parse(text: str, name: str, doubts: list[Problem] | None = None) -> YamlNode:
    """The value the YAML document *text* holds; problems call its file *name*. What is doubtful is added to *doubts*.

    Raises: ConfigError: it is not one YAML document in the core schema with distinct keys.
    """
    doubts = [] if doubts is None else doubts
    import yaml

    if unreadable := _UNREADABLE.search(text):
        position = _position_after(text[: unreadable.start()], name)
        raise ConfigError([position.problem((), f"the character U+{ord(unreadable[0]):04X} does not belong in YAML")])
    try:
        return _composed(text, name, getattr(yaml, "CSafeLoader", yaml.SafeLoader), doubts)
    except yaml.YAMLError:
        pass  # libyaml has limits and words of its own, others with each version
    try:
        return _composed(text, name, yaml.SafeLoader, doubts)
    except yaml.MarkedYAMLError as exc:
        raise ConfigError([_not_yaml(exc, text, name)]) from exc
    except yaml.YAMLError as exc:
        raise ConfigError([SourcePosition(name, 1, 1).problem((), f"not YAML: {exc}")]) from exc


def entries_before_error(path: Path, name: str) -> dict[str, YamlEntry]:
    """The entries of the mapping in the YAML file *path* that stand whole before whatever keeps it from being read."""
    import yaml

    try:
        text = contents_of(path).decode("utf-8-sig", "replace")
    except OSError:
        return {}
    unreadable = _UNREADABLE.search(text)
    composer = _Composer(yaml.parse(text[: unreadable.start() if unreadable else None], Loader=yaml.SafeLoader), name)
    with suppress(ConfigError, yaml.YAMLError):
        composer.document()
    return composer.top


def _composed(text: str, name: str, loader: "type[SafeLoader | CSafeLoader]", doubts: list[Problem]) -> YamlNode:
    import yaml

    composer = _Composer(yaml.parse(text, Loader=loader), name)
    node = composer.document()
    if composer.problems:
        raise ConfigError(composer.problems)
    doubts += composer.doubts
    return node


class _Composer:
    """A composer: turns the parser's events of one document into nodes; problems that do not stop it are kept."""

    def __init__(self, events: "Iterator[Event]", name: str) -> None:
        self.problems: list[Problem] = []
        self.top: dict[str, YamlEntry] = {}
        """The entries of the outermost mapping so far."""
        self.doubts: list[Problem] = []
        self._events = events
        self._name = name
        self._anchors: dict[str, YamlNode | None] = {}
        self._sizes: dict[str, int] = {}
        """By anchor: of how many values it consists."""
        self._size = 0
        """Values so far, those included that aliases stand for."""
        self._aliased_size = 0

    def document(self) -> YamlNode:
        import yaml

        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise ConfigError([SourcePosition(self._name, 1, 1).problem((), "the file is empty")])
        node = self._node(next(self._events), ())
        next(self._events)  # the document ends
        if not isinstance(following := next(self._events), yaml.StreamEndEvent):
            raise ConfigError([self._position(following).problem((), "a second document; a file holds one")])
        return node

    def _node(self, event: "Event", where: KeyPath, depth: int = 0) -> YamlNode:
        import yaml

        position, size_before = self._position(event), self._size
        self._size += 1
        if depth > _DEEPEST:
            raise ConfigError([position.problem(where[:2], "nested too deeply")])
        match event:
            case yaml.AliasEvent():
                return self._aliased(event, position, where)
            case yaml.ScalarEvent():
                node = self._scalar(event, position, where)
            case yaml.SequenceStartEvent():
                self._check_tag(event, "seq", position, where)
                self._reserve_anchor(event)
                nodes = [self._node(inner, where, depth + 1) for inner in self._until(yaml.SequenceEndEvent)]
                node = YamlNode(nodes, position)
            case yaml.MappingStartEvent():
                self._check_tag(event, "map", position, where)
                self._reserve_anchor(event)
                node = YamlNode(self._mapping(where, depth), position)
            case _:
                raise AssertionError(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
            self._sizes[event.anchor] = self._size - size_before
        return node

    def _mapping(self, where: KeyPath, depth: int) -> dict[str, YamlEntry]:
        import yaml

        entries: dict[str, YamlEntry] = {}
        if not depth:
            self.top = entries
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, where, depth + 1)
            name = str(key.content) if type(key.content) is int else key.written
            value_event = next(self._events)
            value = self._node(value_event, (*where, name), depth + 1)
            if _is_plain(value_event) and (odd := lookalike_at_an_end(value.written)):
                end = "begins" if odd.at == 0 else "ends"
                what = f"{value} {end} with {odd.name}"
                self.problems.append(value.position.problem((*where, name), what, odd.cure))
            if isinstance(key.content, list | dict):
                self.problems.append(key.position.problem(where, f"expected a key, got {key}"))
            elif name in entries:
                what = f'key "{name}" is given twice (the other: {entries[name].position})'
                self.problems.append(key.position.problem(where, what))
            elif _is_plain(event) and (odd := lookalike_in_key(name)):
                self.problems.append(key.position.problem(where, f'the key "{name}" has {odd.name}', odd.cure))
            else:
                entries[name] = YamlEntry(key.position, value)
        return entries

    def _scalar(self, event: "ScalarEvent", position: SourcePosition, where: KeyPath) -> YamlNode:
        text = event.value
        if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
            self.problems.append(position.problem(where, "text with a character that nothing can hold"))
        kinds = dict(_CORE_SCHEMA)
        if _is_plain(event):
            tag = next((tag for tag, pattern in _CORE_SCHEMA if pattern.fullmatch(text)), "str")
            if tag == "int" and _LEADING_ZERO.match(text):
                self.doubts.append(_leading_zero(text, position, where))
        else:
            tag = (event.tag or "!").removeprefix(_CORE)
            if tag in kinds and not kinds[tag].fullmatch(text):
                self.problems.append(position.problem(where, f'"{text}" is no {tag}'))
                tag = "str"
            elif tag not in (*kinds, "str", "!"):
                self._refuse_tag(event, position, where)
        return YamlNode(_value(tag, text), position, text)

    def _aliased(self, event: "AliasEvent", position: SourcePosition, where: KeyPath) -> YamlNode:
        if event.anchor not in self._anchors:
            raise ConfigError([position.problem(where, f'no "&{event.anchor}" stands before this alias')])
        node = self._anchors[event.anchor]
        if node is None:
            raise ConfigError([position.problem(where, f'"*{event.anchor}" stands within itself')])
        self._size += self._sizes[event.anchor]
        self._aliased_size += self._sizes[event.anchor]
        if self._aliased_size > _MOST_ALIASED:
            raise ConfigError([position.problem(where[:2], f"aliases stand for more than {_MOST_ALIASED} values")])
        return node._replace(position=position)

    def _reserve_anchor(self, event: "CollectionStartEvent") -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = None

    def _check_tag(
        self, event: "ScalarEvent | CollectionStartEvent", kind: str, position: SourcePosition, where: KeyPath
    ) -> None:
        if event.tag not in (None, "!", _CORE + kind):
            self._refuse_tag(event, position, where)

    def _refuse_tag(
        self, event: "ScalarEvent | CollectionStartEvent", position: SourcePosition, where: KeyPath
    ) -> None:
        tag = str(event.tag).replace(_CORE, "!!")
        self.problems.append(position.problem(where, f"the tag {tag} means nothing here", "Leave it out"))

    def _until(self, end: type["Event"]) -> "Iterator[Event]":
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _position(self, event: "Event") -> SourcePosition:
        mark = event.start_mark
        assert mark is not None
        return SourcePosition(self._name, mark.line + 1, mark.column + 1)


def _is_plain(event: "Event") -> bool:
    """Whether *event* is a scalar without quotes and tag."""
    import yaml

    return isinstance(event, yaml.ScalarEvent) and event.tag is None and not event.style


def _leading_zero(text: str, position: SourcePosition, where: KeyPath) -> Problem:
    octal = f", and {int(text, 8)} to who reads it as octal" if not set(text) & set("89") else ""
    value = int(text)
    return position.problem(where, f"{text} is {value} here{octal}", f'Write {value}; or "{text}", if it is text')


def _value(tag: str, text: str) -> bool | int | float | str | None:
    match tag:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _not_yaml(error: "MarkedYAMLError", text: str, name: str) -> Problem:
    """Where and why YAML's grammar gives up, in our words where they are known, and what that most often comes from."""
    if error.problem_mark and (found := _lookalike_before(error.problem_mark.line, text, name)):
        return found
    sentence = ", ".join(part for part in (error.context, error.problem) if part)
    unknown = ("", False, sentence, "Look at the lines before, too")
    _, begins, what, advice = next((each for each in _MISTAKES if each[0] in sentence), unknown)
    mark = (error.context_mark if begins else None) or error.problem_mark
    position = SourcePosition(name, mark.line + 1, mark.column + 1) if mark else SourcePosition(name, 1, 1)
    return position.problem((), f"not YAML: {what}", advice)


def _lookalike_before(line: int, text: str, name: str) -> Problem | None:
    """The lookalike that broke the file, if there is one in *line*, counted from 0, or a little above."""
    lines = text.split("\n")
    above = "\n".join(lines[: max(0, line - _LOOKED_AT_ABOVE)])
    near = "\n".join(lines[max(0, line - _LOOKED_AT_ABOVE) : line + 1])
    before = f"{above}\n" if above else ""
    if (odd := structural_lookalike(near)) is None:
        return None
    return _position_after(before + near[: odd.at], name).problem((), f"not YAML: here is {odd.name}", odd.cure)


def _position_after(text: str, name: str) -> SourcePosition:
    return SourcePosition(name, text.count("\n") + 1, len(text) - text.rfind("\n"))


def _one_line(sentence: str) -> str:
    shown = sentence if len(sentence) <= _LONGEST else f"{sentence[:_LONGEST]}…"
    return printable(shown)
