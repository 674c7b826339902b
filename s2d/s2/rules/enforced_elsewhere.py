"""The rules that are enforced in other files; here they are only stated, so that the registry is complete.

They are about frames, about whose turn it is, or about what a control type alone knows: how its device stands.
"""

from .registry import Rule, Severity, add_rule

_WIRE, _VET, _SESSION = "s2d/s2/messages/wire.py", "s2d/s2/messages/vet.py", "s2d/s2/session.py"
_MODES, _MACHINE = (
    "s2d/rm/control/operation_modes/operation_modes.py",
    "s2d/rm/control/operation_modes/state_machine.py",
)
_ERROR, _REJECTED = Severity.ERROR, Severity.WARNING

for _rule in (
    Rule("MSG-001", _ERROR, "a message is a text frame", "S2 JSON over WebSocket", _SESSION),
    Rule("MSG-002", _ERROR, "a frame is JSON", "S2 JSON, ReceptionStatusValues.INVALID_DATA", _WIRE),
    Rule("MSG-003", _ERROR, "a message is a JSON object", "S2 JSON, ReceptionStatusValues.INVALID_DATA", _WIRE),
    Rule("MSG-004", _ERROR, "a message has the shape of its type", "S2 JSON, messages and schemas", _WIRE),
    Rule("MSG-005", _ERROR, "a message has a usable message_id", "S2 JSON, *.message_id and ID", _WIRE),
    Rule("MSG-006", _ERROR, "a key stands once in its object", "RFC 8259, section 4", _VET),
    Rule(
        "STATE-001",
        _ERROR,
        "a message is allowed now and from its sender",
        "EN 50491-12-2, State of communication",
        _SESSION,
    ),
    Rule("STATE-002", _ERROR, "one side is a CEM, the other an RM", "S2 JSON, Handshake.role", _SESSION),
    Rule("STATE-003", _ERROR, "the version selected is one that was offered", "S2 JSON, HandshakeResponse", _SESSION),
    Rule(
        "INST-004",
        _REJECTED,
        "a mode for abnormal conditions only is ordered under such; its control type rejects it",
        "S2 JSON, *.OperationMode.abnormal_condition_only",
        _MODES,
    ),
    Rule(
        "INST-005",
        _REJECTED,
        "a transition for abnormal conditions only is made under such; its control type rejects it",
        "S2 JSON, Transition.abnormal_condition_only",
        _MACHINE,
    ),
    Rule(
        "INST-006",
        _REJECTED,
        "a transition is not made while a timer blocks it; its control type rejects it",
        "S2 JSON, Transition.blocking_timers",
        _MACHINE,
    ),
    Rule(
        "INST-007",
        _REJECTED,
        "where there are transitions, one leads to the mode that is ordered; its control type rejects it",
        "EN 50491-12-2, Transition",
        _MACHINE,
    ),
    Rule(
        "PEBC-010",
        _REJECTED,
        "a limit lies in an allowed range, one for abnormal conditions only under such; its control type rejects it",
        "S2 JSON, PEBC.PowerEnvelopeElement, PEBC.AllowedLimitRange",
        "s2d/rm/control/pebc/constraints.py",
    ),
    Rule(
        "PPBC-014",
        _REJECTED,
        "a sequence for abnormal conditions only is scheduled under such; its control type rejects it",
        "S2 JSON, PPBC.PowerSequence.abnormal_condition_only",
        "s2d/rm/control/ppbc/schedule.py",
    ),
):
    add_rule(_rule)
