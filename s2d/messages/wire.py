"""Frames to messages and back: what is JSON, what is a message, and what to answer when it is neither.

The shape of a message is checked by its Struct. Two things a Struct cannot see are checked here: which characters an
id is made of, and keys that stand twice.
"""

import json
from collections.abc import Callable
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from ..errors import RemoteProtocolError
from . import common, ddbc, frbc, ombc, pebc, ppbc
from .common import ID, NIL_ID, Tagged

_ALIKE: tuple[type[Tagged], ...] = common.MESSAGES + frbc.MESSAGES + pebc.MESSAGES + ppbc.MESSAGES + ombc.MESSAGES
MESSAGES_OF: dict[str, tuple[type[Tagged], ...]] = {
    "0.0.2-beta": _ALIKE + ddbc.MESSAGES_BETA,
    "1.0.0": _ALIKE + ddbc.MESSAGES,
}
"""Version → every message it has."""

VERSIONS = tuple(MESSAGES_OF)
"""Protocol versions spoken, in the order offered."""

MESSAGES = tuple({message: None for messages in MESSAGES_OF.values() for message in messages})
"""Every message of any version."""

_ID_CHARACTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:"

_NOT_JSON = (msgspec.DecodeError, RecursionError, UnicodeError)
"""What msgspec raises at text that is no JSON, or nested beyond what can be read."""


class UnreadableFrame(RemoteProtocolError):
    """A frame that is no message; answer *status* to *subject_message_id*, unless that is None."""

    def __init__(self, status: str, label: str, subject_message_id: str | None = NIL_ID) -> None:
        super().__init__(status, label)
        self.subject_message_id = subject_message_id
        """NIL_ID when the frame had no usable id; None when it was a ReceptionStatus, which is never answered."""


def decode(frame: str, version: str = VERSIONS[0]) -> Tagged:
    """The message in the text *frame*, as the protocol *version*, one of `VERSIONS`, has it.

    Raises: UnreadableFrame: not JSON, not an object, keys twice (INVALID_DATA); no message of S2 (INVALID_MESSAGE).
    """
    return _DECODERS[version](frame)


def decoder_of(version: str) -> Callable[[str], Tagged]:
    """`decode` for one *version*, a little faster."""
    return _DECODERS[version]


def _new_decoder(messages: tuple[type[Tagged], ...]) -> Callable[[str], Tagged]:
    decode_json: Callable[[str], Tagged] = msgspec.json.Decoder(Union[messages]).decode  # noqa: UP007 (of a tuple)
    shapes = {message: _shape_of(message) for message in messages}
    join, id_characters = "".join, _ID_CHARACTERS

    # A function within a function finds its names faster than one in a module, and every frame passes here.
    def decode_frame(frame: str) -> Tagged:
        try:
            message = decode_json(frame)
        except msgspec.ValidationError as exc:
            raise _misshapen(frame, str(exc)) from exc
        except _NOT_JSON as exc:
            raise _no_json(exc) from exc
        ids_of, has_several, collect, fewest, further = shapes[message.__class__]
        commas = frame.count(",")
        # A key that stands twice leaves more commas in the frame than its message has.
        if (commas != fewest and (further is None or commas != fewest + further(message))) or "\\" in frame:
            _refuse_twins(frame, message)
        ids = join(ids_of(message)) if has_several else ids_of(message)
        if collect is not None:
            collected = [ids]
            collect(message, collected)
            ids = join(collected)
        octets = ids.encode()
        # A single UUID, which nearly all ids are, is told fastest by its letters and digits.
        if (has_several or not octets.replace(b"-", b"").isalnum()) and octets.translate(None, id_characters):
            raise _misshapen(frame, "an id may hold only a-z, A-Z, 0-9, '-', '_' and ':'")
        return message

    return decode_frame


def encode(message: Tagged) -> bytes:
    """The text frame, UTF-8, that says *message*; `message_type` comes first."""
    return _encode_json(message)


def name_of(message: type[Tagged]) -> str:
    """Its `message_type`, e.g. `FRBC.Instruction`."""
    return str(message.__struct_config__.tag)


def _misshapen(frame: str, sentence: str) -> UnreadableFrame:
    """What to answer to JSON that is no message."""
    try:
        found = msgspec.json.decode(frame)
    except _NOT_JSON as exc:
        return _no_json(exc)
    if not isinstance(found, dict):
        return UnreadableFrame("INVALID_DATA", "MSG-003 at : a message is a JSON object")
    what, _, path = sentence.partition(" - at `$")
    pointer = path.rstrip("`").replace(".", "/").replace("[", "/").replace("]", "")
    label = f"MSG-004 at {pointer}: {what}"
    if found.get("message_type") == "ReceptionStatus":
        return UnreadableFrame("INVALID_MESSAGE", label, None)
    message_id = found.get("message_id")
    if not isinstance(message_id, str) or not is_id(message_id):
        return UnreadableFrame("INVALID_DATA", "MSG-005 at /message_id: no usable message_id")
    return UnreadableFrame("INVALID_MESSAGE", label, message_id)


def _no_json(exc: Exception) -> UnreadableFrame:
    return UnreadableFrame("INVALID_DATA", f"MSG-002 at : not JSON: {exc}")


def is_id(text: str) -> bool:
    """Whether *text* can be an S2 id."""
    return 2 <= len(text) <= 64 and not text.encode().translate(None, _ID_CHARACTERS)


def _refuse_twins(frame: str, message: Tagged) -> None:
    """Looks closely at a frame that may hold a key twice: texts may hold commas too, and escapes hide them."""
    _encode_json_into(message, _scratch)
    if "\\" not in frame and frame.count(",") == _scratch.count(b","):
        return

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            subject = None if isinstance(message, common.ReceptionStatus) else NIL_ID
            raise UnreadableFrame("INVALID_DATA", f"MSG-006 at : the key {twice!r} stands twice in one object", subject)
        return found

    json.loads(frame, object_pairs_hook=once)


Collect = Callable[[Any, list[str]], None]


_Shape = tuple[Callable[[Any], Any], bool, Collect | None, int, Callable[[Any], int] | None]
"""What decode must know of a Struct to check its ids and keys without walking it.

Gives the ids that every such Struct has itself; whether these are several (a tuple) or one; adds the ids that it may
have, or that its parts have, to a list; the fewest commas its JSON can have; how many more it has, texts aside, or None
where it always has the fewest. A plain tuple, which is taken apart faster than a named one.
"""


def _shape_of(struct: type[Struct]) -> _Shape:
    own: list[str] = []
    with_ids: list[tuple[str, bool, Collect]] = []
    optional: list[str] = []
    lists: list[tuple[str, int, int]] = []
    fewest = 0 if struct.__struct_config__.tag else -1
    is_told = True
    for field in msgspec.structs.fields(struct):
        kind, least, is_optional = _unwrapped(field.type)
        within = 0
        if isinstance(kind, type) and issubclass(kind, Struct):
            with_ids.append((field.name, least is not None, _collector_of(kind)))
            *_, within, further = _shape_of(kind)
            is_told &= further is None and not is_optional
        elif kind == ID and (least is not None or is_optional):
            with_ids.append((field.name, least is not None, _take))
        elif kind == ID:
            own.append(field.name)
        if least is not None:
            each = within + 1
            within = 0 if is_optional else max(least * each - 1, 0)
            lists.append((field.name, each, within))
        if is_optional:
            optional.append(field.name)
        else:
            fewest += 1 + within
    ids_of = attrgetter(*own) if own else _no_ids
    more = _further_commas(optional, lists) if is_told else _untold
    return ids_of, len(own) != 1, _collect_from(with_ids), fewest, more if optional or lists or not is_told else None


def _further_commas(optional: list[str], lists: list[tuple[str, int, int]]) -> Callable[[Any], int]:
    def further_commas(message: object) -> int:
        commas = 0
        for name in optional:
            if getattr(message, name) is not None:
                commas += 1
        for name, each, fewest in lists:
            members = getattr(message, name)
            if members is not None:
                commas += max(len(members) * each - 1, 0) - fewest
        return commas

    return further_commas


def _untold(message: object) -> int:
    """More than a message can lack: what depends on its parts has to be written out and counted."""
    return -(2**30)


def _collector_of(struct: type[Struct]) -> Collect:
    ids_of, has_several, collect_further, *_ = _shape_of(struct)

    def collect(part: object, ids: list[str]) -> None:
        ids.extend(ids_of(part)) if has_several else ids.append(ids_of(part))
        if collect_further is not None:
            collect_further(part, ids)

    return _nothing if ids_of is _no_ids and collect_further is None else collect


def _collect_from(fields: list[tuple[str, bool, Collect]]) -> Collect | None:
    having_ids = [field for field in fields if field[2] is not _nothing]

    def collect(message: object, ids: list[str]) -> None:
        for name, is_many, collect_part in having_ids:
            value = getattr(message, name)
            for part in value if is_many else () if value is None else (value,):
                collect_part(part, ids)

    return collect if having_ids else None


def _take(one: str, ids: list[str]) -> None:
    ids.append(one)


def _nothing(part: object, ids: list[str]) -> None:
    pass


def _no_ids(part: object) -> tuple[str, ...]:
    return ()


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


_encode_json = msgspec.json.Encoder().encode
_encode_json_into = msgspec.json.Encoder().encode_into
_scratch = bytearray()
_DECODERS = {version: _new_decoder(messages) for version, messages in MESSAGES_OF.items()}
