"""The grammar of commands. Pure: from words to a command, whatever the control type.

A line is `[@WHO] VERB [ARGUMENT] [abnormal] [in DURATION | at TIME]`; a script spells the same commands as YAML.
"""

import re
from datetime import datetime, time, timedelta
from math import isfinite
from typing import NamedTuple

from ..quantities import Duration, Power
from ..s2.messages.common import ControlType
from .commands import (
    CONTROL_TYPES,
    Command,
    CommandRefused,
    Element,
    Envelope,
    Limit,
    Operate,
    Reconnect,
    Revoke,
    Select,
    SequenceOrder,
    Stop,
    Terminate,
    When,
)

VERBS = ("factor", "limit", "stop", "schedule", "interrupt", "resume", "revoke", "select", "reconnect", "terminate")
"""What a line begins with, unless with an operation mode."""

LONGEST_S = timedelta(days=365).total_seconds()
MOST_ELEMENTS = 288
"""Of one envelope, as S2 has it."""


class ParsedLine(NamedTuple):
    """A typed line: a command, and the resource manager that it is for."""

    command: Command
    to: str | None
    """Number, or start of the name or resource id; None for the only one."""


def parse(line: str) -> ParsedLine:
    """The command in the typed *line*.

    Raises: CommandRefused: there is none.
    """
    words = line.split()
    to = words.pop(0)[1:] if words and words[0].startswith("@") else None
    if not words or to == "":
        raise CommandRefused('expected a command, such as charge 0.5; "help" lists them')
    verb, *rest = words
    for index, word in enumerate(rest):
        if word in ("in", "at"):
            argument, moment = " ".join(rest[:index]), " ".join(rest[index + 1 :])
            when = after(moment) if word == "in" else at(moment)
            return ParsedLine(command_of(verb, argument, when), to)
    return ParsedLine(command_of(verb, " ".join(rest)), to)


def command_of(verb: str, argument: str, when: When | None = None) -> Command:
    """The command *verb* with its *argument*, "" for none.

    Raises: CommandRefused: the argument does not belong to the verb.
    """
    if verb in ("revoke", "select", "terminate", "reconnect"):
        if when is not None:
            raise CommandRefused(f"{verb} happens at once; only instructions take a time")
        return _session_command(verb, argument)
    when = when or When()
    plain = re.sub(r"(^| )abnormal$", "", argument)
    is_abnormal = plain != argument
    match verb:
        case "limit":
            return Limit(_envelopes(plain), when, is_abnormal)
        case "stop":
            if plain and not plain.startswith("of "):
                raise CommandRefused(f'stop stands alone, or with an actuator as in stop of 2, got "{plain}"')
            return Stop(plain.removeprefix("of ") or None, when, is_abnormal)
        case "schedule" | "interrupt" | "resume":
            path = tuple(plain.split())
            if len(path) > 3:
                raise CommandRefused(f'{verb} takes a profile, a container and a sequence, got "{plain}"')
            return SequenceOrder(verb, path, when, is_abnormal)
    return _operate(verb, plain, when, is_abnormal)


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
    return When(after_s=_duration_s(written))


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


def _session_command(verb: str, argument: str) -> Command:
    if verb == "select":
        return Select(control_type_of(argument))
    if verb == "revoke":
        return Revoke(argument or None)
    if argument:
        raise CommandRefused(f'{verb} stands alone, got "{argument}"')
    return Terminate() if verb == "terminate" else Reconnect()


def _operate(verb: str, argument: str, when: When, is_abnormal: bool) -> Operate:
    if _number(verb) is not None:
        raise CommandRefused(f'expected a command, such as charge 0.5, got "{verb}"; "help" lists them')
    of = re.fullmatch(r"(?:(.*) )?of (.+)", argument)
    wanted, actuator = (of[1] or "", of[2]) if of else (argument, None)
    mode, share, factor, power_w = verb, None, None, None
    if verb == "factor":
        mode, _, written = wanted.rpartition(" ")
        if not mode:
            raise CommandRefused(f'factor needs a mode and a number, such as factor charge 0.3, got "{argument}"')
        factor = _fraction(verb, written)
    elif percent := re.fullmatch(r"(.+?) ?%", wanted):
        share = _fraction(verb, percent[1], per=100.0)
    elif re.search(r"[\d.] ?[kM]?W$", wanted):
        power_w = _power(wanted)
        if power_w is None or power_w < 0:
            raise CommandRefused(f'{verb} takes a power such as 2 kW, whichever way it flows, got "{wanted}"')
    elif wanted:
        share = _fraction(verb, wanted)
    return Operate(mode, share, factor, power_w, actuator, when, is_abnormal)


def _envelopes(argument: str) -> tuple[Envelope, ...]:
    return tuple(_envelope(each.strip()) for each in argument.split(" and "))


def _envelope(written: str) -> Envelope:
    first, _, rest = written.partition(" ")
    quantity = first if rest and _power(first) is None else None
    elements = tuple(map(_element, (written if quantity is None else rest).split(" then ")))
    if any(element.duration_s is None for element in elements[:-1]):
        raise CommandRefused(f'all but the last limits need a duration, such as 0 4000 for 15 min, got "{written}"')
    if len(elements) > MOST_ELEMENTS:
        raise CommandRefused(f"an envelope has at most {MOST_ELEMENTS} elements, got {len(elements)}")
    return Envelope(quantity, elements)


def _element(written: str) -> Element:
    limits, for_, duration = f" {written} ".partition(" for ")
    duration_s = _duration_s(duration.strip()) if for_ else None
    # "2 kW" is one power.
    match [_power(word) for word in re.sub(r"(?<=[\d.]) +(?=[kM]?W\b)", "", limits).split()]:
        case [float(limit)]:
            # A limit of consumption leaves production alone, and the other way round.
            return Element(limit if limit <= 0 else None, limit if limit >= 0 else None, duration_s)
        case [float(lower), float(upper)]:
            if lower > upper:
                raise CommandRefused(f"the lower limit stands first, got {lower:g} and {upper:g}")
            return Element(lower, upper, duration_s)
    what = "limit takes an upper limit, or a lower and an upper one, such as limit 2000 or limit 0 2kW for 15 min"
    raise CommandRefused(f'{what}, got "{written}"')


def _power(written: str) -> float | None:
    """In W; None for what is none. Other quantities than power have no unit written."""
    number = _number(written)
    if number is not None:
        return number
    try:
        power_w = Power.parse(written)
    except ValueError:
        return None
    return float(power_w) if isfinite(power_w) else None


def _number(written: str) -> float | None:
    try:
        number = float(written)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _duration_s(written: str) -> float:
    try:
        duration_s = Duration.parse(re.sub(r"(?<=[\d. ])m$", "min", written))
    except ValueError as exc:
        raise CommandRefused(str(exc)) from exc
    if not 0 <= duration_s <= LONGEST_S:
        raise CommandRefused(f'expected a duration between 0 s and a year, got "{written}"')
    return float(duration_s)


def _fraction(verb: str, written: str, per: float = 1.0) -> float:
    number, span = _number(written), "from 0 to 1" if per == 1 else "of % from 0 to 100"
    if number is None and written.casefold().lstrip("+-") not in ("nan", "inf", "infinity"):
        such = ", or a power such as 2 kW" if per == 1 and verb != "factor" else ""
        raise CommandRefused(f'{verb} takes a number {span}{such}, got "{written}"')
    if number is None or not 0 <= number <= per:
        raise CommandRefused(f"{verb} takes a number {span}, got {written}")
    return number / per
