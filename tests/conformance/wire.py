"""S2 as it is on the wire: plain JSON, and the names of things in it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from tests.conftest import VirtualTimeLoop

Message = dict[str, Any]

NIL = "00000000-0000-0000-0000-000000000000"
"""What an answer is about when the question had no id."""
ANSWER_WITHIN_S = 5.0
"""Then peers in the field, and the certification tool, give up."""
DONE = ["ACCEPTED", "STARTED", "SUCCEEDED"]
"""The life of an instruction that is followed."""
FINAL = ("SUCCEEDED", "ABORTED", "REJECTED", "REVOKED")

FRBC, OMBC, DDBC = "FILL_RATE_BASED_CONTROL", "OPERATION_MODE_BASED_CONTROL", "DEMAND_DRIVEN_BASED_CONTROL"
PEBC, PPBC = "POWER_ENVELOPE_BASED_CONTROL", "POWER_PROFILE_BASED_CONTROL"
NOT_CONTROLABLE, NO_SELECTION = "NOT_CONTROLABLE", "NO_SELECTION"
SHORT = {FRBC: "FRBC", OMBC: "OMBC", DDBC: "DDBC", PEBC: "PEBC", PPBC: "PPBC"}
DESCRIPTION = {
    FRBC: "FRBC.SystemDescription",
    OMBC: "OMBC.SystemDescription",
    DDBC: "DDBC.SystemDescription",
    PEBC: "PEBC.PowerConstraints",
    PPBC: "PPBC.PowerProfileDefinition",
}
"""What comes first once a control type is selected."""


class Order(NamedTuple):
    """An instruction that was given."""

    id: str
    message_id: str


def new_id() -> str:
    return str(uuid4())


def utc_now() -> datetime:
    """The time of day, which in virtual time goes on as that does."""
    loop = asyncio.get_running_loop()
    return loop.utc() if isinstance(loop, VirtualTimeLoop) else datetime.now(UTC)


def soon(after_s: float) -> datetime:
    return utc_now() + timedelta(seconds=after_s)


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text.upper())


def seconds_from_now(text: str) -> float:
    return (time_of(text) - utc_now()).total_seconds()
