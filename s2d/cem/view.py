"""How the CEM's conversations look to people. Pure: lines of styled text, for a screen, a log or a live table."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec

from ..s2.messages.common import (
    InstructionStatusUpdate,
    Message,
    PowerForecast,
    PowerMeasurement,
    ReceptionStatus,
    ReceptionStatusValues,
    ResourceManagerDetails,
    Tagged,
)
from ..s2.messages.wire import name_of
from .conversation import Conversation
from .formatting import Fragment, Line, course, moment, unit_of
from .sent_instructions import Given
from .transcript import Closed, Event, Heard, Opened, Said, TurnedAway

MOST_REFUSALS = 2
"""Of the last refusals, so many are shown."""
MOST_INSTRUCTIONS = 5
"""Of the instructions under way, so many are shown; the very last always is."""

_LABEL_WIDTH = 13
_ROUTINE = (
    "PowerMeasurement",
    "PowerForecast",
    "FRBC.StorageStatus",
    "FRBC.ActuatorStatus",
    "OMBC.Status",
    "DDBC.ActuatorStatus",
    "DDBC.PresentDemandStatus",
    "PPBC.PowerProfileStatus",
    "ReceptionStatus",
)
"""What the live view shows by itself."""


def overview(conversations: Iterable[Conversation]) -> list[Line]:
    """What is known of every resource manager, numbered from 1."""
    lines: list[Line] = []
    for number, conversation in enumerate(conversations, 1):
        lines += [*([[]] if lines else []), *lines_of(conversation, number)]
    return lines or [[("label", "no resource manager is connected")]]


def lines_of(conversation: Conversation, number: int) -> list[Line]:
    """What is known of one resource manager; what is not known has no line."""
    lines = [_title(conversation, number)]
    if conversation.power:
        lines.append(_row("power", ("", _power(conversation.power))))
    if conversation.forecast:
        lines.append(_row("forecast", ("", _forecast(conversation.forecast))))
    if conversation.menu:
        lines += [_row(each.label, *each.fragments) for each in conversation.menu.rows()]
    for given in _shown(conversation):
        lines.append(_row("instruction", ("", f"#{given.number} {given.meaning}  "), (_mood(given), given.state)))
    lines.append(_row("in", ("label", _counts(conversation.heard))))
    lines.append(_row("out", ("label", _counts(conversation.said))))
    for refusal in list(conversation.refusals)[-MOST_REFUSALS:]:
        label = f": {refusal.label}" if refusal.label else ""
        lines.append(_row("refused", ("bad", f"{refusal.message_type} {refusal.status}{label}")))
    return lines


def text_of(line: Line) -> str:
    """*line* without its styles."""
    return "".join(text for _, text in line)


def event_line(event: Event) -> Line | None:
    """*event* on one line; None for an OK, which says nothing new."""
    match event:
        case Opened(at, conversation):
            return [_when(at), ("name", printable(conversation.name)), ("good", "  connected")]
        case Closed(at, conversation, reason):
            return [_when(at), ("name", printable(conversation.name)), ("bad", f"  {printable(reason)}")]
        case TurnedAway(at, path, reason):
            return [_when(at), ("name", printable(path)), ("bad", f"  turned away: {reason}")]
        case Heard(at, conversation, frame, None):
            shown = frame if isinstance(frame, str) else f"{len(frame)} bytes"
            return [*_from(at, conversation, "<"), ("bad", f"no message: {printable(shown[:200])}")]
        case Heard(at, conversation, _, message) if message is not None and not _is_ok(message):
            return [*_from(at, conversation, "<"), *_told(message, conversation)]
        case Said(at, conversation, message) if not _is_ok(message):
            return [*_from(at, conversation, ">"), *_told(message, conversation)]
    return None


def is_news(event: Event) -> bool:
    """Whether *event* is worth a line beside the live view, which shows the course of things by itself."""
    if not isinstance(event, Heard | Said) or event.message is None:
        return True
    if isinstance(event.message, ReceptionStatus):
        return not _is_ok(event.message)
    return name_of(type(event.message)) not in _ROUTINE


def printable(text: str) -> str:
    """*text* as it may be shown: what a peer sends must not steer the terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _title(conversation: Conversation, number: int) -> Line:
    resource_id = f"  {conversation.resource_id}" if conversation.resource_id else ""
    version = f"  {conversation.version}" if conversation.version else ""
    offered = conversation.details.available_control_types if conversation.details else ()
    is_wanted = conversation.control_type is conversation.wanted
    waiting = "" if is_wanted else f"  (wanted {conversation.wanted}, offered {', '.join(offered) or 'nothing yet'})"
    return [
        ("label", f"@{number} "),
        ("name", printable(conversation.name)),
        ("label", printable(f"{resource_id}{version}  ")),
        ("good" if is_wanted else "busy", f"{conversation.control_type}{waiting}"),
    ]


def _row(label: str, *fragments: Fragment) -> Line:
    return [("label", f"   {label:{_LABEL_WIDTH}}"), *((style, printable(text)) for style, text in fragments)]


def _shown(conversation: Conversation) -> list[Given]:
    """The instructions under way, and the last one whatever became of it."""
    *earlier, last = conversation.instructions.values() or [None]
    under_way = [given for given in earlier if given and _mood(given) == "busy"]
    return [*under_way[1 - MOST_INSTRUCTIONS :], *([last] if last else [])]


def _power(measured: PowerMeasurement) -> str:
    return ", ".join(
        f"{each.value:g} {unit_of(each.commodity_quantity)} {each.commodity_quantity}" for each in measured.values
    )


def _forecast(forecast: PowerForecast) -> str:
    powers = course(
        (
            element.duration,
            ", ".join(f"{each.value_expected:g} {unit_of(each.commodity_quantity)}" for each in element.power_values),
        )
        for element in forecast.elements
    )
    return f"from {moment(forecast.start_time)}: {powers}"


def _mood(given: Given) -> str:
    if given.state == "SUCCEEDED":
        return "good"
    return "bad" if given.is_finished else "busy"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.items())


def _when(at: datetime) -> Fragment:
    return ("label", f"{at:%H:%M:%S}Z ")


def _from(at: datetime, conversation: Conversation, direction: str) -> Line:
    return [_when(at), ("name", printable(conversation.name)), ("label", f" {direction} ")]


def _told(message: Tagged, conversation: Conversation) -> Line:
    """The type of *message* and what it says; ids and nested parts only where they can be put in words."""
    name = name_of(type(message))
    words = _words(message, conversation) if isinstance(message, Message) else ""
    if words:
        return [("", printable(f"{name}  {words}"))]
    facts = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in msgspec.to_builtins(message).items()
        if isinstance(value, str | int | float) and name != "message_type" and not name.endswith("id")
    ]
    style = "bad" if isinstance(message, ReceptionStatus) else ""
    return [(style, printable("  ".join([name, *facts])))]


def _words(message: Message, conversation: Conversation) -> str:
    """What *message* says, where that is more than its plain facts."""
    match message:
        case PowerMeasurement():
            return _power(message)
        case PowerForecast():
            return _forecast(message)
        case ResourceManagerDetails():
            # Introduced again, it is the control types that differ.
            offer = f"offers {', '.join(message.available_control_types) or 'nothing'}"
            return f"{message.name}  {offer}" if message.name else offer
        case InstructionStatusUpdate() if given := conversation.instructions.get(message.instruction_id):
            return f"#{given.number} {given.name}  status_type {message.status_type}"
    if given := conversation.instructions.get(getattr(message, "id", "")):
        return given.meaning
    return conversation.menu.told(message) if conversation.menu else ""


def _is_ok(message: Tagged) -> bool:
    return isinstance(message, ReceptionStatus) and message.status is ReceptionStatusValues.OK
