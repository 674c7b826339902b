"""Energy managers of the field, each as far as an RM can tell it from the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .wire import Message


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How one CEM behaves."""

    name: str
    what: str
    says_hello: bool = True
    """Whether it sends a Handshake of its own."""
    picks: Literal["first", "last", "beta"] = "last"
    """Which of the versions listed; "beta" is 0.0.2-beta wherever it stands."""
    unhandled: tuple[str, ...] = ()
    """Message types it answers with TEMPORARY_ERROR."""
    unknown: tuple[str, ...] = ()
    """Message types it answers with PERMANENT_ERROR."""
    fails_late_on: str = ""
    """A message type it first accepts, and then answers with PERMANENT_ERROR as well."""
    revokes_by: Literal["id", "message_id"] = "id"
    is_strict: bool = False
    """Whether ids must be UUIDs, and messages what s2-python makes of them."""
    walks: bool = False
    """Whether it selects everything that is offered before it selects what it wants."""
    instructs_late_s: float = 0.0
    """How long ago the execution time of an immediate instruction is."""

    def version_of(self, offered: Sequence[str]) -> str:
        """Its choice among the versions *offered*."""
        if self.picks == "beta" and "0.0.2-beta" in offered:
            return "0.0.2-beta"
        return offered[-1 if self.picks == "last" else 0]

    def answers_to(self, message: Message) -> tuple[str, ...]:
        """The statuses it answers *message* with, one after the other."""
        message_type = message["message_type"]
        if message_type in self.unknown:
            return ("PERMANENT_ERROR",)
        if message_type in self.unhandled:
            return ("TEMPORARY_ERROR",)
        return ("OK", "PERMANENT_ERROR") if message_type == self.fails_late_on else ("OK",)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="plain", what="does all that S2 says, and nothing else"),
        Profile(
            name="s2-python",
            what="made with s2-python: wants UUIDs, and fields that agree; a status missing or too many ends it",
            picks="beta",
            is_strict=True,
        ),
        Profile(
            name="flexmeasures",
            what="the FlexMeasures client: no Handshake, TEMPORARY_ERROR to what it has no use for, late errors",
            says_hello=False,
            unhandled=("PowerForecast", "InstructionStatusUpdate", "FRBC.TimerStatus"),
            fails_late_on="FRBC.StorageStatus",
            revokes_by="message_id",
        ),
        Profile(
            name="victron",
            what="Victron's opportunity loads: TEMPORARY_ERROR before its Handshake, PERMANENT_ERROR to unknown types",
            picks="beta",
            unhandled=("Handshake",),
            unknown=("PowerForecast", "FRBC.LeakageBehaviour", "FRBC.UsageForecast", "FRBC.FillLevelTargetProfile"),
        ),
        Profile(
            name="certification",
            what="the certification tool: the first version, every control type in one session, times in the past",
            picks="first",
            walks=True,
            instructs_late_s=600.0,
        ),
    )
}
