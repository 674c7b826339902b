"""Vetting of messages: what a Struct cannot see, which letters ids are made of and keys that stand twice in a frame.

Every frame passes here, so each type of message has a function of its own, written for its fields, as dataclasses and
attrs write theirs.
"""

import json
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from .common import ID, NIL_ID, ReceptionStatus, Tagged
from .wire import ID_LETTERS, UnreadableFrame, encode, is_id, misshapen


def vet(frame: str, message: Tagged) -> None:
    """Checks of *message*, decoded from *frame*, the letters of its ids, and that no key of the frame stands twice.

    Raises: UnreadableFrame: a key stands twice (INVALID_DATA); an id has letters S2 does not know (INVALID_MESSAGE).
    """
    _VETS[message.__class__](frame, message)


def _refuse_twins(frame: str, message: Tagged) -> None:
    """Looks closely at a frame with more commas than its message needs: its texts may hold them, too."""
    if "\\" not in frame and frame.count(",") == encode(message).count(b","):
        return

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            subject = None if isinstance(message, ReceptionStatus) else NIL_ID
            raise UnreadableFrame("INVALID_DATA", f"MSG-006 at : the key {twice!r} stands twice in one object", subject)
        return found

    json.loads(frame, object_pairs_hook=once)


def _refuse_id(frame: str, message: Tagged) -> None:
    """Finds the id that has other letters than S2 allows."""
    path = next(path for path, text in _ids_in(message, "$") if not is_id(text))
    raise misshapen(frame, f"an id may hold only a-z, A-Z, 0-9, '-', '_' and ':' - at `{path}`")


def _ids_in(part: Struct, path: str) -> Iterator[tuple[str, str]]:
    for field in msgspec.structs.fields(part):
        kind, least, _ = _unwrapped(field.type)
        value, at = getattr(part, field.name), f"{path}.{field.encode_name}"
        for index, each in enumerate((value,) if least is None else value or ()):
            at_each = at if least is None else f"{at}[{index}]"
            if isinstance(each, Struct):
                yield from _ids_in(each, at_each)
            elif kind == ID and each is not None:
                yield at_each, each


class _Written(NamedTuple):
    """The vetting of a Struct *m*, as the text of expressions."""

    ids: str
    """What an f-string holds to be all its ids."""
    fewest: int
    """Commas that its JSON always has, texts aside."""
    further: str
    """Terms that add the others."""


class _Vets(dict[type[Tagged], Callable[..., Any]]):
    """By type of message; each is written when the first of its type comes."""

    def __missing__(self, message: type[Tagged]) -> Callable[..., Any]:
        self[message] = _new_vet(message)
        return self[message]


def _new_vet(message: type[Tagged]) -> Callable[..., Any]:
    ids, fewest, further = _written(message)
    # A key that stands twice leaves more commas in the frame than its message has.
    return _made(
        f"""lambda frame, m: (
            frame.count(',') != {fewest + 1}{further} and refuse_twins(frame, m),
            0 in f"{ids}".encode().translate(letters) and refuse_id(frame, m),
        )"""
    )


def _written(struct: type[Struct]) -> _Written:
    ids, fewest, further = "", -1, ""
    for field in msgspec.structs.fields(struct):
        kind, least, is_optional = _unwrapped(field.type)
        value = f"m.{field.name}"
        is_part = isinstance(kind, type) and issubclass(kind, Struct)
        part = _written(kind) if is_part else _Written("{m}" if kind == ID else "", 0, "")
        if is_part:
            _NAMES[f"ids_of_{_name(kind)}"] = _made(f'lambda m: f"{part.ids}"')
            _NAMES[f"commas_of_{_name(kind)}"] = _made(f"lambda m: {part.fewest}{part.further}")
        if part.ids:
            each = f"ids_of_{_name(kind)}({{}})" if is_part else "{}"
            if least is not None:
                ids_here = f"''.join([{each.format('each')} for each in {value}])"
            else:
                ids_here = each.format(value)
            ids += f"{{'' if {value} is None else {ids_here}}}" if is_optional else f"{{{ids_here}}}"
        if least is not None and part.further:
            within = f"sum([commas_of_{_name(kind)}(each) for each in {value}]) + len({value}) - 1"
        elif least is not None:
            within = f"len({value}) * {part.fewest + 1} - 1"
        else:
            within = f"commas_of_{_name(kind)}({value})" if part.further else f"{part.fewest}"
        if least == 0:
            within = f"max({within}, 0)"
        if is_optional:
            further += f" + (0 if {value} is None else 1 + {within})"
        else:
            fewest += 1
            further += "" if within == "0" else f" + {within}"
    return _Written(ids, fewest, further)


def _made(text: str) -> Callable[..., Any]:
    """The function that *text*, which is made of names of fields alone, says."""
    made: Callable[..., Any] = eval(text, _NAMES)
    return made


def _name(struct: type[Struct]) -> str:
    return f"{struct.__module__.rpartition('.')[2]}_{struct.__name__}"


def _unwrapped(annotation: Any) -> tuple[Any, int | None, bool]:
    """What the field is made of, how many it holds at least (None where it is no list), whether it may be absent."""
    least: int | None = None
    given, is_optional = 0, False
    while annotation != ID:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            annotation = arguments[0]
            given = next((each.min_length for each in arguments[1:] if isinstance(each, Meta)), None) or given
        elif origin is tuple:
            annotation, least = arguments[0], given
        elif origin in (Union, UnionType):
            annotation, is_optional = arguments[0], True
        else:
            break
    return annotation, least, is_optional


_NAMES: dict[str, object] = {"refuse_twins": _refuse_twins, "refuse_id": _refuse_id, "letters": ID_LETTERS}
_VETS = _Vets()
