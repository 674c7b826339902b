"""The rules that cannot be judged here, for they are about frames or about whose turn it is: stated, to be found."""

from .catalogue import Rule, Severity, state

_WIRE, _VET, _SESSION = "s2d/messages/wire.py", "s2d/messages/vet.py", "s2d/session.py"
_ERROR = Severity.ERROR

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
):
    state(_rule)
