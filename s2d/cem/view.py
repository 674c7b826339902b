"""The live view of the CEM's conversations. Pure: lines of styled text, for a screen, a log or a live table."""

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
from ..text import printable
from .conversation import Conversation
from .formatting import Fragment, Line, timeline, unit_of, utc_text
from .sent_instructions import SentInstruction
from .transcript import ConnectionRejected, Event, FrameReceived, MessageSent, RmConnected, RmDisconnected

MOST_REFUSALS = 2
"""The most refusals shown, the last ones."""
MOST_INSTRUCTIONS = 5
"""The most instructions under way that are shown; the very last always is."""

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
"""Message types that the live view shows by itself."""


def overview(conversations: Iterable[Conversation], at: datetime | None = None) -> list[Line]:
    """The lines of every resource manager, numbered from 1; with *at*, how old by then what was measured is."""
    lines: list[Line] = []
    for number, conversation in enumerate(conversations, 1):
        lines += [*([[]] if lines else []), *lines_of(conversation, number, at)]
    return lines or [[("label", "no resource manager is connected")]]


def lines_of(conversation: Conversation, number: int, at: datetime | None = None) -> list[Line]:
    """The lines of one resource manager; what is not known has no line."""
    lines = [_title(conversation, number)]
    if conversation.power:
        age = ("label", _age(conversation.power.measurement_timestamp, at)) if at else ("", "")
        lines.append(_row("power", ("", _power(conversation.power)), age))
    if conversation.forecast:
        lines.append(_row("forecast", ("", _forecast(conversation.forecast))))
    if conversation.choices:
        lines += [_row(each.label, *each.fragments) for each in conversation.choices.rows()]
    for sent in _listed_instructions(conversation):
        lines.append(
            _row("instruction", ("", f"#{sent.number} {sent.meaning}  "), (_instruction_style(sent), sent.state))
        )
    lines.append(_row("in", ("label", _counts(conversation.received))))
    lines.append(_row("out", ("label", _counts(conversation.sent))))
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
        case RmConnected(at, conversation):
            return [_time(at), ("name", printable(conversation.name)), ("good", "  connected")]
        case RmDisconnected(at, conversation, reason):
            return [_time(at), ("name", printable(conversation.name)), ("bad", f"  {printable(reason)}")]
        case ConnectionRejected(at, path, reason):
            return [_time(at), ("name", printable(path)), ("bad", f"  turned away: {printable(reason)}")]
        case FrameReceived(at, conversation, frame, None):
            shown = frame if isinstance(frame, str) else f"{len(frame)} bytes"
            return [*_head(at, conversation, "<"), ("bad", f"no message: {printable(shown[:200])}")]
        case FrameReceived(at, conversation, _, message) if message is not None and not _is_ok(message):
            return [*_head(at, conversation, "<"), *_message_fragments(message, conversation)]
        case MessageSent(at, conversation, message) if not _is_ok(message):
            return [*_head(at, conversation, ">"), *_message_fragments(message, conversation)]
    return None


def is_news(event: Event) -> bool:
    """Whether *event* is worth a line beside the live view, which shows routine messages by itself."""
    if not isinstance(event, FrameReceived | MessageSent) or event.message is None:
        return True
    if isinstance(event.message, ReceptionStatus):
        return not _is_ok(event.message)
    return name_of(type(event.message)) not in _ROUTINE


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


def _listed_instructions(conversation: Conversation) -> list[SentInstruction]:
    """The instructions under way, and the last one whatever became of it."""
    *earlier, last = conversation.instructions.values() or [None]
    under_way = [sent for sent in earlier if sent and _instruction_style(sent) == "busy"]
    return [*under_way[1 - MOST_INSTRUCTIONS :], *([last] if last else [])]


def _age(timestamp: datetime, at: datetime) -> str:
    """How long before *at* something was so; nothing where the clocks differ by more than it could tell."""
    age_s = (at - timestamp).total_seconds()
    return f"  {age_s:.0f} s ago" if age_s >= 0 else ""


def _power(measured: PowerMeasurement) -> str:
    return ", ".join(
        f"{each.value:g} {unit_of(each.commodity_quantity)} {each.commodity_quantity}" for each in measured.values
    )


def _forecast(forecast: PowerForecast) -> str:
    powers = timeline(
        (
            element.duration,
            ", ".join(f"{each.value_expected:g} {unit_of(each.commodity_quantity)}" for each in element.power_values),
        )
        for element in forecast.elements
    )
    return f"from {utc_text(forecast.start_time)}: {powers}"


def _instruction_style(sent: SentInstruction) -> str:
    if sent.state == "SUCCEEDED":
        return "good"
    return "bad" if sent.is_finished else "busy"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.items())


def _time(at: datetime) -> Fragment:
    return ("label", f"{at:%H:%M:%S}Z ")


def _head(at: datetime, conversation: Conversation, direction: str) -> Line:
    return [_time(at), ("name", printable(conversation.name)), ("label", f" {direction} ")]


def _message_fragments(message: Tagged, conversation: Conversation) -> Line:
    """The type of *message* and its fields; ids and nested parts only where they can be put in words."""
    name = name_of(type(message))
    words = _described(message, conversation) if isinstance(message, Message) else ""
    if words:
        return [("", printable(f"{name}  {words}"))]
    facts = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in msgspec.to_builtins(message).items()
        if isinstance(value, str | int | float) and name != "message_type" and not name.endswith("id")
    ]
    style = "bad" if isinstance(message, ReceptionStatus) else ""
    return [(style, printable("  ".join([name, *facts])))]


def _described(message: Message, conversation: Conversation) -> str:
    """*message* in words, where that is more than its plain fields."""
    match message:
        case PowerMeasurement():
            return _power(message)
        case PowerForecast():
            return _forecast(message)
        case ResourceManagerDetails():
            # Introduced again, it is the control types that differ.
            offer = f"offers {', '.join(message.available_control_types) or 'nothing'}"
            return f"{message.name}  {offer}" if message.name else offer
        case InstructionStatusUpdate() if sent := conversation.instructions.get(message.instruction_id):
            return f"#{sent.number} {sent.name}  status_type {message.status_type}"
    if sent := conversation.instructions.get(getattr(message, "id", "")):
        return sent.meaning
    return conversation.choices.describe(message) if conversation.choices else ""


def _is_ok(message: Tagged) -> bool:
    return isinstance(message, ReceptionStatus) and message.status is ReceptionStatusValues.OK
