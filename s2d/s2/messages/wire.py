"""The wire format: frames to messages and back; what is JSON, what is a message, and what to answer to neither.

The shape of a message is checked by its Struct; `vet` checks the little that a Struct cannot see.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Union

import msgspec

from ...errors import RemoteProtocolError
from . import common, ddbc, frbc, ombc, pebc, ppbc
from .common import NIL_ID, Tagged

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

ID_LETTERS = bytes(
    octet if chr(octet).isascii() and (chr(octet).isalnum() or chr(octet) in "-_:") else 0 for octet in range(256)
)
"""For `bytes.translate`: what an id may not hold becomes 0. This takes a fraction of a regular expression's time."""

_CLAIMS = {
    key: re.compile(rf'"{key}"\s*:\s*"({value})"')
    for key, value in {
        "message_type": r"[A-Za-z.]{1,64}",
        "message_id": r"[A-Za-z0-9_:-]{2,64}",
        "subject_message_id": r"[A-Za-z0-9_:-]{2,64}",
    }.items()
}

_NOT_JSON = (msgspec.DecodeError, RecursionError, UnicodeError)
"""What msgspec raises at text that is no JSON, or nested beyond what can be read."""


class UnreadableFrame(RemoteProtocolError):
    """A frame that is no message; answer *status* to *subject_message_id*, unless that is None."""

    def __init__(self, status: str, label: str, subject_message_id: str | None = NIL_ID) -> None:
        super().__init__(status, label)
        self.subject_message_id = subject_message_id
        """NIL_ID when the frame had no usable id; None when it was a ReceptionStatus, which is never answered."""


def decode(frame: str, version: str = VERSIONS[0]) -> Tagged:
    """The message in the text *frame*, as the protocol *version*, one of `VERSIONS`, has it; `vet` it before use.

    Raises: UnreadableFrame: not JSON, not an object (INVALID_DATA); no message of S2 (INVALID_MESSAGE).
    """
    return _DECODERS[version](frame)


def decoder_of(version: str) -> Callable[[str], Tagged]:
    """`decode` for one *version*, a little faster."""
    return _DECODERS[version]


def _new_decoder(messages: tuple[type[Tagged], ...]) -> Callable[[str], Tagged]:
    decode_json: Callable[[str], Tagged] = msgspec.json.Decoder(Union[messages]).decode  # noqa: UP007 (of a tuple)

    # A function within a function finds its names faster than one in a module, and every frame passes here.
    def decode_frame(frame: str) -> Tagged:
        try:
            return decode_json(frame)
        except msgspec.ValidationError as exc:
            raise misshapen(frame, str(exc)) from exc
        except _NOT_JSON as exc:
            raise _no_json(exc) from exc

    return decode_frame


def encode(message: Tagged) -> bytes:
    """The text frame, UTF-8, that says *message*; `message_type` comes first."""
    return _encode_json(message)


@cache
def name_of(message: type[Tagged]) -> str:
    """Its `message_type`, e.g. `FRBC.Instruction`."""
    return str(message.__struct_config__.tag)


def misshapen(frame: str, sentence: str) -> UnreadableFrame:
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


def claims_of(frame: str | bytes) -> dict[str, str]:
    """What *frame*, which is no message, says it is about: its type and ids, as far as they can be made out."""
    text = frame.decode(errors="replace") if isinstance(frame, bytes) else frame
    return {key: found[1] for key, pattern in _CLAIMS.items() if (found := pattern.search(text))}


def is_id(text: str) -> bool:
    """Whether *text* can be an S2 id."""
    return 2 <= len(text) <= 64 and 0 not in text.encode().translate(ID_LETTERS)


def _no_json(exc: Exception) -> UnreadableFrame:
    return UnreadableFrame("INVALID_DATA", f"MSG-002 at : not JSON: {exc}")


_encode_json = msgspec.json.Encoder().encode
_DECODERS = {version: _new_decoder(messages) for version, messages in MESSAGES_OF.items()}
