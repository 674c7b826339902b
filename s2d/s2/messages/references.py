"""References to ids: where a message of a CEM names what was named before; a UUID is the same in capital letters.

Spec: RFC 9562, section 4 (UUIDs are written in small letters, and read in any); S2 JSON, ID.
"""

import re
from typing import TypeVar

from msgspec.structs import replace

from . import ddbc, frbc, ombc, pebc, ppbc
from .common import Tagged

_SEQUENCE = ("power_profile_id", "sequence_container_id", "power_sequence_id")
_TO_OURS: dict[type[Tagged], tuple[str, ...]] = {
    frbc.Instruction: ("actuator_id", "operation_mode"),
    ombc.Instruction: ("operation_mode_id",),
    ddbc.Instruction: ("actuator_id", "operation_mode_id"),
    pebc.Instruction: ("power_constraints_id",),
    ppbc.ScheduleInstruction: _SEQUENCE,
    ppbc.StartInterruptionInstruction: _SEQUENCE,
    ppbc.EndInterruptionInstruction: _SEQUENCE,
}
"""By type of message: the members that name something by an id that an RM has given."""
_IS_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch

_Message = TypeVar("_Message", bound=Tagged)


def canonical(text: str) -> str:
    """The id *text* as it is compared: a UUID in small letters, any other as it is."""
    small = text.lower()
    return small if small != text and _IS_UUID(text) else text


def canonical_references(message: _Message) -> _Message:
    """*message*, with what it names of an RM's as an RM writes that. Its own ids stay as they are, to be echoed."""
    for member in _TO_OURS.get(message.__class__, ()):
        named: str = getattr(message, member)
        if named.lower() != named:
            message = replace(message, **{member: canonical(named)})
    return message
