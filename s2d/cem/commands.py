"""What can be asked of the CEM, typed or scripted, as values. Pure; knows no conversation.

A line is `[@WHO] COMMAND [in DURATION | at TIME]`; a script spells the same commands as YAML.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from ..errors import S2dError
from ..messages import common
from ..messages.common import ControlType
from ..quantities import Duration

CONTROL_TYPES = {
    **common.CONTROL_TYPES,
    "not_controlable": ControlType.NOT_CONTROLABLE,
    "no_selection": ControlType.NO_SELECTION,
}
"""Short name → control type."""

USAGE = """\
charge 0.5              a mode by the first word of its label, and the share of its full power, 0 to 1
charge 0.5 in 30s       later; also "in 5 min", "at 14:30:00Z", "at 2030-01-31T14:30:00+01:00"
idle                    a mode of one power needs no share
factor charge 0.3       a mode by label or id, with the operation mode factor as S2 counts it
revoke                  take back the last instruction that is not finished
select pebc             another control type: {control_types}
reconnect               ask the resource manager to connect again
terminate               end the session
@2 charge 0.5           to the second resource manager; also by the start of its name or resource id"""
USAGE = USAGE.format(control_types=", ".join(CONTROL_TYPES))
"""Every command with what it does, one per line."""


class CommandRefused(S2dError):
    """A command makes no sense, or not now."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class When:
    """When an instruction shall be carried out; at once unless one of the two is given."""

    after_s: float = 0.0
    at: datetime | time | None = None
    """Aware; a time of day means the next one."""

    def instant(self, utc: datetime) -> datetime:
        """The execution time, said at *utc*."""
        if isinstance(self.at, datetime):
            return self.at.astimezone(UTC)
        if self.at is None:
            return utc + timedelta(seconds=self.after_s)
        today = datetime.combine(utc.astimezone(self.at.tzinfo).date(), self.at)
        return (today if today >= utc else today + timedelta(days=1)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Instruct:
    """Order an operation mode."""

    mode: str
    """Its label, the first word of it, or its id."""
    share: float | None = None
    """0: the power of smallest magnitude the mode has, 1: of largest."""
    factor: float | None = None
    """The S2 operation mode factor, instead of a share."""
    when: When = When()


@dataclass(frozen=True, slots=True)
class Revoke:
    """Take back the last instruction that is not finished."""


@dataclass(frozen=True, slots=True)
class Select:
    """Choose another control type."""

    control_type: ControlType


@dataclass(frozen=True, slots=True)
class Terminate:
    """End the session."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Ask the resource manager to connect again."""


Command = Instruct | Revoke | Select | Terminate | Reconnect

_BARE: dict[str, Command] = {"revoke": Revoke(), "terminate": Terminate(), "reconnect": Reconnect()}


class Line(NamedTuple):
    """A command and whom it is for."""

    command: Command
    to: str | None
    """Number, or start of the name or resource id; None for the only one."""


def parse(line: str) -> Line:
    """What the typed *line* asks.

    Raises: CommandRefused: it asks nothing possible.
    """
    words = line.split()
    to = words.pop(0)[1:] if words and words[0].startswith("@") else None
    if not words or to == "":
        raise CommandRefused('expected a command, such as charge 0.5; "help" lists them')
    verb, *rest = words
    for place, word in enumerate(rest):
        if word in ("in", "at"):
            argument, moment = " ".join(rest[:place]), " ".join(rest[place + 1 :])
            when = after(moment) if word == "in" else at(moment)
            return Line(command_of(verb, argument, when), to)
    return Line(command_of(verb, " ".join(rest)), to)


def command_of(verb: str, argument: str, when: When | None = None) -> Command:
    """The command *verb* with its *argument*, "" for none.

    Raises: CommandRefused: the argument does not belong to the verb.
    """
    if verb in _BARE or verb == "select":
        if when is not None:
            raise CommandRefused(f"{verb} happens at once; only instructions take a time")
        if verb == "select":
            return Select(control_type_of(argument))
        if argument:
            raise CommandRefused(f'{verb} stands alone, got "{argument}"')
        return _BARE[verb]
    if verb == "factor":
        mode, _, written = argument.rpartition(" ")
        if not mode:
            raise CommandRefused(f'factor needs a mode and a number, such as factor charge 0.3, got "{argument}"')
        return Instruct(mode, factor=_fraction(verb, written), when=when or When())
    return Instruct(verb, share=_fraction(verb, argument) if argument else None, when=when or When())


def control_type_of(name: str) -> ControlType:
    """The control type with the short name *name*.

    Raises: CommandRefused: there is none.
    """
    if name not in CONTROL_TYPES:
        raise CommandRefused(f'expected a control type, one of {", ".join(CONTROL_TYPES)}, got "{name}"')
    return CONTROL_TYPES[name]


def after(written: str) -> When:
    """After the duration *written*, e.g. "30s" or "5 min".

    Raises: CommandRefused: no duration, or a negative one.
    """
    try:
        after_s = Duration.parse(written)
    except ValueError as exc:
        raise CommandRefused(str(exc)) from exc
    if not 0 <= after_s <= timedelta(days=365).total_seconds():
        raise CommandRefused(f'expected a duration between 0 s and a year, got "{written}"')
    return When(after_s=after_s)


def at(written: str) -> When:
    """At the instant *written*, a time of day or a full timestamp, with `Z` or an offset.

    Raises: CommandRefused: no such instant, or one without an offset.
    """
    for kind in (time, datetime):
        try:
            instant = kind.fromisoformat(written)
        except ValueError:
            continue
        if instant.tzinfo is not None:
            return When(at=instant)
        raise CommandRefused(f"{written} could be anywhere: add Z for UTC, or an offset such as +01:00")
    raise CommandRefused(f'expected a time such as 14:30:00Z, got "{written}"')


def _fraction(verb: str, written: str) -> float:
    try:
        fraction = float(written)
    except ValueError:
        raise CommandRefused(f'{verb} takes a number from 0 to 1, got "{written}"') from None
    if not 0 <= fraction <= 1:
        raise CommandRefused(f"{verb} takes a number from 0 to 1, got {written}")
    return fraction
