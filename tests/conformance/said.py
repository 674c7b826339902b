"""The rows on what an RM says whatever it is asked: each message of each session is held against them."""

from typing import NamedTuple

from .rows import House, Peer, Published, Row, state

VALID = state(
    "SAID-1", "every message is valid by the published schema", source=Published("S2 JSON", "the schema of the message")
)
ANSWERED = state(
    "SAID-2",
    "every message to the RM is answered with a ReceptionStatus",
    source=Published("EN 50491-12-2", "ReceptionStatus"),
)
HANDSHAKE_FIRST = state(
    "SAID-3", "a Handshake comes first", source=Published("EN 50491-12-2", "State of communication")
)
ANSWERED_ONCE = state("SAID-4", "nothing is answered twice, and no answer is answered", source=House("ReceptionStatus"))
OF_ITS_OWN = state("SAID-5", "no message_id is used twice in a session", source=House("message_id"))
TEXT = state("SAID-6", "messages come in text frames", source=House("S2 JSON over WebSocket"))
READABLE = state(
    "SAID-7", "every message can be read by a CEM made with s2-python", source=Peer("s2-python"), by=["s2-python"]
)
SAID = (VALID, ANSWERED, HANDSHAKE_FIRST, ANSWERED_ONCE, OF_ITS_OWN, TEXT, READABLE)


class Fault(NamedTuple):
    """Something an RM said, or left unsaid, against one of these rows."""

    row: Row
    why: str
