"""SunSpec definitions: where a point is within its model, as the SunSpec Alliance says (package pysunspec2).

Only the definitions are used, as files; none of that package's code is run.

Spec: SunSpec Device Information Model Specification 1.1, 4 and 5.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from s2d.driver import OTHERS

from ..value_format import Sentinel

_TYPES: dict[str, tuple[str, Sentinel | tuple[Sentinel, ...] | None]] = {
    "int16": ("int16", 0x8000),
    "sunssf": ("int16", 0x8000),
    "int32": ("int32", 0x80000000),
    "int64": ("int64", 0x8000000000000000),
    "uint16": ("uint16", 0xFFFF),
    "count": ("uint16", 0xFFFF),
    "enum16": ("uint16", 0xFFFF),
    "bitfield16": ("uint16", 0xFFFF),
    "acc16": ("uint16", 0),
    "uint32": ("uint32", 0xFFFFFFFF),
    "enum32": ("uint32", 0xFFFFFFFF),
    "bitfield32": ("uint32", 0xFFFFFFFF),
    "acc32": ("uint32", 0),
    "uint64": ("uint64", 0xFFFFFFFFFFFFFFFF),
    "bitfield64": ("uint64", 0xFFFFFFFFFFFFFFFF),
    "acc64": ("uint64", 0),
    "float32": ("float32", None),
    "float64": ("float64", None),
    "string": ("string", ""),
    "ipaddr": ("bytes", 0),
    "ipv6addr": ("bytes", 0),
    "eui48": ("bytes", 0xFFFFFFFFFFFF),
}
"""Type in SunSpec → type here and what it holds where the device does not have the point."""


class SunSpecAddress(NamedTuple):
    """The address of a point: `203#2:W` is the point W of the second model 203 in a device."""

    model: int
    occurrence: int
    """Counted from 1."""
    group: str
    """Name of the group that does not repeat in which the point is; mostly empty."""
    point: str

    @classmethod
    def parse(cls, written: str) -> "SunSpecAddress":
        """The address *written* stands for.

        Raises: ValueError: it is none.
        """
        match = re.fullmatch(r"(\d{1,5})(?:#([1-9]\d?))?:(?:(\w+)\.)?(\w+)", written, re.ASCII)
        if match is None:
            raise ValueError("is no SunSpec address; write a model and its point, as `802:SoC`")
        return cls(int(match[1]), int(match[2] or 1), match[3] or "", match[4])


class PointDefinition(NamedTuple):
    """The definition of a point: where in its model it is, and what stands there."""

    offset: int
    """In registers, from the model's first, which holds its id."""
    end: int
    """Offset behind its last register."""
    type: str
    format: Literal["hex"] | None
    sentinel: Sentinel | tuple[Sentinel, ...] | None
    scale_offset: int | None
    """Where its scale factor is."""
    exponent: int
    """A scale factor that is always the same."""
    names: Mapping[str, str]
    """Number → symbol; of a bit field, bit → symbol."""
    is_bitfield: bool

    def names_in(
        self, values: dict[str, str] | None, flags: dict[str, str] | str | None, *, is_number: bool
    ) -> tuple[dict[str, str] | None, dict[str, str] | None]:
        """The states and flags of a point for which its owner wrote *values* and *flags*, by number.

        *is_number*: without `values` its states are numbers, not the names of the model.

        Raises: ValueError: the model has no such state or flag, or no flags at all.
        """
        if flags is not None and not self.is_bitfield:
            raise ValueError("is no field of flags")
        if isinstance(flags, str):
            if not self.names:
                raise ValueError("the model gives its flags no names")
            return values, dict(self.names)
        if self.is_bitfield:
            return values, None if flags is None else self._numbered(flags)
        if values is not None:
            return self._numbered(values), None
        return None if is_number or not self.names else dict(self.names), None

    def _numbered(self, texts: Mapping[str, str]) -> dict[str, str]:
        """*texts* by number, where their keys are names of states or bits."""
        numbers = {name: number for number, name in self.names.items()}
        for key in texts:
            if not (key in numbers or key == OTHERS or key.lstrip("-").isdecimal()):
                known = f"; known are {', '.join(numbers)}" if numbers else ""
                raise ValueError(f"{key!r} is neither a number nor a name of the model{known}")
        return {numbers.get(key, key): text for key, text in texts.items()}


class _Symbol(Struct):
    name: str
    value: int


class _Point(Struct):
    name: str
    type: str
    size: int
    sf: str | int | None = None
    symbols: list[_Symbol] = []


class _Group(Struct):
    name: str
    points: list[_Point] = []
    groups: list["_Group"] = []
    count: int | str = 1

    @property
    def repeats(self) -> bool:
        return self.count != 1


class _ModelFile(Struct):
    group: _Group


def definition_of(address: str, group: int | None = None) -> PointDefinition:
    """The definition of *address* in its model; *group* is which of the repeating groups, from 0.

    Raises: ValueError: no such model or point, or one that cannot be read.
    """
    wanted = SunSpecAddress.parse(address)
    model = _model_definition(wanted.model)
    found, scales = _found(model, wanted, group)
    offset, point = found
    kind, sentinel = _TYPES.get(point.type, ("", None))
    if not kind:
        raise ValueError(f"a {point.type} cannot be read")
    if kind in ("string", "bytes"):
        kind, is_bytes = f"string[{2 * point.size}]", kind == "bytes"
    else:
        is_bytes = False
    scale_offset = None
    if isinstance(point.sf, str):
        if point.sf not in scales:
            raise ValueError(f"its model has no scale factor {point.sf}")
        scale_offset = scales[point.sf]
    return PointDefinition(
        offset,
        offset + point.size,
        kind,
        "hex" if is_bytes else None,
        sentinel,
        scale_offset,
        point.sf if isinstance(point.sf, int) else 0,
        {str(symbol.value): symbol.name for symbol in point.symbols},
        point.type.startswith("bitfield"),
    )


def unimplemented_model(model: int, groups: int = 1) -> list[int]:
    """The registers of *model* from its id on, with so many repeating *groups*, in a device that implements none of it.

    Raises: ValueError: no such model.
    """
    return _not_implemented(_model_definition(model), groups)


def _not_implemented(group: _Group, repeated: int) -> list[int]:
    words: list[int] = []
    for point in group.points:
        kind, sentinel = _TYPES.get(point.type, ("", None))
        if kind.startswith("float"):
            words += [0x7FC0, *[0] * (point.size - 1)]
        else:
            empty = sentinel if isinstance(sentinel, int) else 0
            packed = empty.to_bytes(2 * point.size)
            words += [int.from_bytes(packed[at : at + 2]) for at in range(0, len(packed), 2)]
    for inner in group.groups:
        words += _not_implemented(inner, repeated) * (repeated if inner.repeats else 1)
    return words


def _model_definition(number: int) -> _Group:
    from importlib.resources import files  # costs start-up time: only for who has SunSpec points

    try:
        text = (files("sunspec2") / "models" / "json" / f"model_{number}.json").read_bytes()
    except FileNotFoundError:
        raise ValueError(
            f"pysunspec2 does not define model {number}; if it is the maker's own, write `register` instead"
        ) from None
    return msgspec.json.decode(text, type=_ModelFile).group


def _found(model: _Group, wanted: SunSpecAddress, index: int | None) -> tuple[tuple[int, _Point], Mapping[str, int]]:
    """The point with its offset, and the offsets of the scale factors that it can mean."""
    outer = dict(_points(model, 0))
    scales = {point.name: offset for offset, point in outer.items() if point.type == "sunssf"}
    at = sum(point.size for point in model.points)
    named: dict[str, dict[int, _Point]] = {}
    repeating: dict[int, _Point] | None = None
    for group in model.groups:
        if not group.repeats:
            named[group.name] = dict(_points(group, at))
            at += _size(group)
            continue
        if any(inner.repeats for inner in group.groups) and index is not None:
            raise ValueError(f"its groups {group.name} are not all of one size, so they cannot be addressed")
        size = _size(group)
        repeating = dict(_points(group, at + size * (index or 0)))
        break  # how many there are only the device knows; nothing follows them in any model
    if index is not None:
        if repeating is None or wanted.group:
            raise ValueError("`group` counts repeating groups, which this is none of; leave it out")
        candidates = repeating
    elif wanted.group:
        if wanted.group not in named:
            raise ValueError(f"its model has no group {wanted.group}; {_known(wanted.group, named)}")
        candidates = named[wanted.group]
    else:
        candidates = outer
    for offset, point in candidates.items():
        if point.name == wanted.point:
            inner = {point.name: offset for offset, point in candidates.items() if point.type == "sunssf"}
            return (offset, point), scales | inner
    raise ValueError(_missing(wanted.point, candidates, named, repeating if index is None else None))


def _missing(
    name: str,
    candidates: Mapping[int, _Point],
    named: Mapping[str, Mapping[int, _Point]],
    repeating: Mapping[int, _Point] | None,
) -> str:
    for group, points in named.items():
        if any(point.name == name for point in points.values()):
            return f"the point is in a group of its model: write {group}.{name}"
    if repeating and any(point.name == name for point in repeating.values()):
        return "the point is in the repeating groups of its model: say which, as `group: 0`"
    return f"its model has no such point; {_known(name, [point.name for point in candidates.values()])}"


def _known(name: str, names: Mapping[str, object] | list[str]) -> str:
    from difflib import get_close_matches  # only for who misspelt something

    by_lower = {known.lower(): known for known in names}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean {by_lower[close[0]]}?" if close else f"it has {', '.join(names)}"


def _points(group: _Group, at: int) -> Iterator[tuple[int, _Point]]:
    for point in group.points:
        yield at, point
        at += point.size


def _size(group: _Group) -> int:
    return sum(point.size for point in group.points) + sum(map(_size, group.groups))
