"""The decoder: YAML nodes → msgspec Structs, field by field, so that all problems are found at once, in plain words.

msgspec's own decoder stops at its first error and knows no positions; the Structs, their `Meta` and their
`__post_init__` stay the only description of what is allowed.
"""

import math
import os
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, NamedTuple, ParamSpec, TypeVar, Union, get_args, get_origin
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from ..device.expression import Expression
from ..errors import ConfigError, Problem
from ..host import time_zone
from ..host.regular_file import contents_of
from ..quantities import Duration, Quantity, QuantityRange
from ..written import Composed, Written
from .lookalikes import cure_of
from .wording import did_you_mean, example_of, phrase_of, unit_hint
from .yaml_source import KeyPath, SourcePosition, YamlEntry, YamlNode

__all__ = [
    "Decoder",
    "Findings",
    "Formula",
    "did_you_mean",
    "mapping_of",
    "missing_key",
    "node_at",
    "unknown_key",
]

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=Struct)


class Findings:
    """A collector of problems: several attempts are made, and their problems raised together in the end."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def attempt(self, decode: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What *decode* returns; None after it raised ConfigError, whose problems are kept."""
        try:
            return decode(*args, **kwargs)
        except ConfigError as exc:
            self.problems += exc.problems
            return None

    def raise_problems(self) -> None:
        """Raises: ConfigError: there are problems."""
        if self.problems:
            raise ConfigError(self.problems)


class Formula(NamedTuple):
    """An expression that was decoded, and its node."""

    expression: Expression
    node: YamlNode
    where: KeyPath


@dataclass(frozen=True, slots=True)
class Decoder:
    """A decoder of YAML nodes; relative paths in them start at *folder*."""

    folder: Path
    formulas: list[Formula] = field(default_factory=list)
    """Every expression it decoded, whose names are still to be checked."""

    def struct(self, node: YamlNode, shape: type[S], where: KeyPath) -> S:
        """The *shape* that is written as the mapping *node*.

        Raises: ConfigError: unknown, missing or wrong keys, or values that do not go together.
        """
        findings = Findings()
        values = self.fields(node, shape, where, findings)
        findings.raise_problems()
        try:
            return shape(**values)
        except ValueError as exc:
            raise _objection(exc, node, where) from exc

    def fields(self, node: YamlNode, shape: type[Struct], where: KeyPath, findings: Findings) -> dict[str, object]:
        """The fields of *shape* that are right in *node*; None for the others, which are findings.

        Raises: ConfigError: *node* is no mapping.
        """
        entries = mapping_of(node, where)
        known = {field.encode_name: field for field in fields(shape)}
        values: dict[str, object] = {}
        for key, entry in entries.items():
            if key in known:
                field = known[key]
                values[field.name] = findings.attempt(self.value, entry.node, field.type, (*where, key))
            else:
                findings.problems.append(unknown_key(key, entry, known, where))
        for key, field in known.items():
            if field.required and key not in entries:
                findings.problems.append(missing_key(key, node, where, field))
        return values

    def value(self, node: YamlNode, expected: object, where: KeyPath) -> object:
        """The value of *node*, as an *expected*.

        Raises: ConfigError: it is something else.
        """
        if expected is YamlNode:
            return node
        if get_origin(expected) is Annotated:
            expected, *notes = get_args(expected)
            value = self.value(node, expected, where)
            for note in notes:
                if isinstance(note, Meta) and value is not None:
                    _check_bounds(node, value, expected, note, where)
                    _check_limits(node, value, note, where)
                    _check_file(node, value, note, where)
                    _check_time_zone(node, value, note, where)
            return value
        if get_origin(expected) in (Union, UnionType):
            return self._one_of(node, get_args(expected), where)
        if isinstance(expected, type) and issubclass(expected, Struct):
            return self.struct(node, expected, where)
        if isinstance(expected, type) and issubclass(expected, Composed):
            return self._composed(node, expected, where)
        if get_origin(expected) is dict:
            return self._dict(node, expected, where)
        if get_origin(expected) in (list, tuple) and isinstance(node.content, list):
            findings = Findings()
            member = get_args(expected)[0]
            values = [findings.attempt(self.value, inner, member, where) for inner in node.content]
            findings.raise_problems()
            return values if get_origin(expected) is list else tuple(values)
        return self._scalar(node, expected, where)

    def _composed(self, node: YamlNode, expected: type[Composed], where: KeyPath) -> Composed:
        parts = self.value(node, expected.shape, where)
        try:
            return expected.of(parts)
        except ValueError as exc:
            raise _objection(exc, node, where) from exc

    def _dict(self, node: YamlNode, expected: object, where: KeyPath) -> dict[object, object]:
        findings = Findings()
        of_keys, member = get_args(expected)
        values: dict[object, object] = {}
        positions: dict[object, SourcePosition] = {}
        for written, entry in mapping_of(node, where).items():
            value = findings.attempt(self.value, entry.node, member, (*where, written))
            key = findings.attempt(self._key, written, entry, of_keys, where)
            if key is None:
                continue
            if key in positions:
                what = f'key "{written}" is given twice (the other: {positions[key]})'
                findings.problems.append(entry.position.problem(where, what))
            values[key], positions[key] = value, entry.position
        findings.raise_problems()
        return values

    def _key(self, written: str, entry: YamlEntry, expected: object, where: KeyPath) -> object:
        if get_origin(expected) is Literal and written not in get_args(expected):
            raise ConfigError([unknown_key(written, entry, get_args(expected), where)])
        return self.value(YamlNode(written, entry.position, written), expected, where)

    def _one_of(self, node: YamlNode, members: tuple[object, ...], where: KeyPath) -> object:
        if node.content is None and type(None) in members:
            return None
        members = tuple(member for member in members if member is not type(None))
        if len(members) == 1:
            return self.value(node, members[0], where)
        for member in members:
            try:
                return self.value(node, member, where)
            except ConfigError as exc:
                is_other = node.position.problem(where, f"expected {phrase_of(member)}, got {node}")
                if exc.problems[0]._replace(hint="") != is_other:
                    raise  # it is a *member*, but one that cannot be
        phrases = " or ".join(phrase_of(member) for member in members)
        raise ConfigError([node.position.problem(where, f"expected {phrases}, got {node}")])

    def _scalar(self, node: YamlNode, expected: object, where: KeyPath) -> object:
        content = node.content
        if isinstance(expected, type) and issubclass(expected, Written):
            return _written(node, expected, where)
        if expected is Expression:
            return self._expression(node, where)
        if get_origin(expected) is Literal:
            for choice in get_args(expected):
                if type(choice) is type(content) and choice == content:
                    return content
        elif expected is float and isinstance(content, int | float) and not isinstance(content, bool):
            if math.isfinite(content):
                return float(content)
        elif expected is Path and isinstance(content, str) and content:
            return self.folder / os.path.expanduser(content)
        elif expected is UUID and isinstance(content, str):
            try:
                return UUID(content)
            except ValueError:
                pass
        elif type(content) is expected:
            return content
        what = f"expected {phrase_of(expected)}, got {node}"
        raise ConfigError([node.position.problem(where, what, _hint(node, expected))])

    def _expression(self, node: YamlNode, where: KeyPath) -> Expression:
        written = node.content if isinstance(node.content, str | int | float) else None
        try:
            expression = Expression.parse(node if written is None else written)
        except ValueError as exc:
            hint = "A comma within {…} ends it: write it in quotes" if "never closed" in str(exc) else ""
            raise ConfigError([node.position.problem(where, f"no expression: {exc}", hint)]) from exc
        self.formulas.append(Formula(expression, node, where))
        return expression


def _objection(error: ValueError, node: YamlNode, where: KeyPath) -> ConfigError:
    """The *error* "key: what is wrong" of what was made of *node*, at the value of that key, or of keys within keys."""
    what = str(error)
    while True:
        key, colon, rest = what.partition(": ")
        inner = _part(node, key) if colon else None
        if inner is None:
            break
        where = where if isinstance(node.content, list) else (*where, key)
        node, what = inner, rest
    got = f", got {node}" if what.startswith("must ") and not isinstance(node.content, dict) else ""
    return ConfigError([node.position.problem(where, what + got)])


def _part(node: YamlNode, key: str) -> YamlNode | None:
    """The value of *key* in *node*, or where it is a list, that which *key* counts from 1; None if there is none."""
    match node.content:
        case dict() as entries:
            return entries[key].node if key in entries else None
        case list() as members:
            return dict(zip(map(str, range(1, len(members) + 1)), members, strict=True)).get(key)
    return None


def mapping_of(node: YamlNode, where: KeyPath) -> dict[str, YamlEntry]:
    """The entries of *node*.

    Raises: ConfigError: it is no mapping.
    """
    if not isinstance(node.content, dict):
        raise ConfigError([node.position.problem(where, f"expected a mapping, got {node}")])
    return node.content


def node_at(node: YamlNode, *keys: str) -> YamlNode:
    """The node in *node* under *keys*; where one is missing or no mapping, an empty node at that position."""
    for key in keys:
        if not isinstance(node.content, dict) or key not in node.content:
            return YamlNode(None, node.position)
        node = node.content[key].node
    return node


def unknown_key(key: str, entry: YamlEntry, known: Iterable[str], where: KeyPath) -> Problem:
    """The problem that *key* is none of *known*."""
    return entry.position.problem(where, f'unknown key "{key}"', did_you_mean(key, known))


def missing_key(key: str, node: YamlNode, where: KeyPath, field: FieldInfo) -> Problem:
    """The problem that the mapping *node* lacks *field*."""
    example = example_of(field.type)
    return node.position.problem(where, f'missing key "{key}"', f'For example "{key}: {example}"' if example else "")


def _written(node: YamlNode, expected: type[Written], where: KeyPath) -> Written:
    try:
        # What is no text is handed over as a node, which says in the error what it is.
        value = expected.parse(node.content if isinstance(node.content, str) else node)
    except ValueError as exc:
        raise ConfigError([node.position.problem(where, str(exc), unit_hint(node.content, expected))]) from exc
    if isinstance(value, Duration) and value < 0:
        raise ConfigError([node.position.problem(where, f"must not be negative, got {node}")])
    return value


def _check_bounds(node: YamlNode, value: object, expected: object, meta: Meta, where: KeyPath) -> None:
    if isinstance(value, str) and meta.pattern and not re.search(meta.pattern, value):
        phrase = (meta.extra or {}).get("expected", f"text like {meta.pattern}")
        raise ConfigError([node.position.problem(where, f"expected {phrase}, got {node}")])
    if isinstance(value, str | list | tuple) and meta.min_length and len(value) < meta.min_length:
        what = "must not be empty" if meta.min_length == 1 else f"must have at least {meta.min_length} parts"
        raise ConfigError([node.position.problem(where, what)])
    if not isinstance(value, int | float):
        return
    low, high = (meta.ge if meta.gt is None else meta.gt), (meta.le if meta.lt is None else meta.lt)
    too_low = low is not None and (value < low or value == meta.gt)
    too_high = high is not None and (value > high or value == meta.lt)
    if too_low or too_high:
        if meta.ge is not None and meta.le is not None:
            bounds = f"between {meta.ge:g} and {meta.le:g}"
        elif too_low:
            bounds = f"above {low:g}" if meta.gt is not None else f"of at least {low:g}"
        else:
            bounds = f"below {high:g}" if meta.lt is not None else f"of at most {high:g}"
        hint = str((meta.extra or {}).get("hint", ""))
        raise ConfigError([node.position.problem(where, f"expected {phrase_of(expected)} {bounds}, got {node}", hint)])


def _check_limits(node: YamlNode, value: object, meta: Meta, where: KeyPath) -> None:
    """`Meta(extra=limits("10 ms", "1 d"))`; of a range, for both ends."""
    extra = meta.extra or {}
    if isinstance(value, Quantity | QuantityRange) and "least" in extra:
        quantity, ends = (type(value), (value,)) if isinstance(value, Quantity) else (value.quantity, value)
        least, most = extra["least"], extra["most"]
        if not all(quantity.parse(least) <= end <= quantity.parse(most) for end in ends):
            raise ConfigError([node.position.problem(where, f"must be from {least} to {most}, got {node}")])


def _check_file(node: YamlNode, value: object, meta: Meta, where: KeyPath) -> None:
    """`Meta(extra={"file": "public" | "secret"})`: there must be such a file; a secret one is its owner's alone."""
    kind = (meta.extra or {}).get("file")
    if kind is None or not isinstance(value, Path):
        return
    try:
        written = contents_of(value)
        status = value.stat()
    except OSError as exc:
        raise ConfigError([node.position.problem(where, f"{node} cannot be read: {exc.strerror}")]) from exc
    if kind != "secret":
        return
    if status.st_mode & 0o077:
        what = f"{node} is open to others than its owner (mode {stat.S_IMODE(status.st_mode):03o})"
        raise ConfigError([node.position.problem(where, what, f"Run: chmod 600 {value}")])
    lines = written.strip().splitlines()
    if len(lines) != 1 or not re.fullmatch(rb"[\x20-\x7e]+", lines[0]):
        is_odd = "has more than one line" if len(lines) > 1 else "has other than plain characters"
        what = f"{node} {is_odd if lines else 'is empty'}"
        raise ConfigError([node.position.problem(where, what, "The secret stands in it alone, on one line")])


def _check_time_zone(node: YamlNode, value: object, meta: Meta, where: KeyPath) -> None:
    """`Meta(extra={"time_zone": True})`: this machine knows it."""
    if "time_zone" in (meta.extra or {}) and isinstance(value, str) and not time_zone.is_known(value):
        known = time_zone.known_zones()
        what = f'expected a time zone such as "Europe/Amsterdam", got {node}'
        hint = did_you_mean(value, known) if known else "This machine knows none: install the package tzdata"
        raise ConfigError([node.position.problem(where, what, hint)])


def _hint(node: YamlNode, expected: object) -> str:
    match node.content, expected:
        case str(text), _ if get_origin(expected) is Literal:
            choices = list(map(str, get_args(expected)))
            initial = text[:1].upper()
            return did_you_mean(initial if initial in choices else text, choices)
        case (("on" | "yes" | "On" | "Yes"), type()) if expected is bool:
            return "Write true"
        case (("off" | "no" | "Off" | "No"), type()) if expected is bool:
            return "Write false"
        case str(text), type() if expected in (int, float):
            return cure_of(text)
        case ((int() | float()), type()) if expected is str:
            return f'Write it in quotes: "{node.written}"'
        case ((str() | int() | float()), _) if get_origin(expected) in (list, tuple):
            return f"Write [{node.written}]"
    return ""
