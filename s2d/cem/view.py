"""How the CEM's conversations look to people. Pure: lines of styled text, for a screen, a log or a live table."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

import msgspec

from ..messages.common import PowerMeasurement, ReceptionStatus, ReceptionStatusValues, Tagged
from ..messages.frbc import ActuatorStatus, Instruction
from ..messages.wire import name_of
from . import frbc
from .conversation import Conversation
from .given import Given
from .transcript import Closed, Event, Heard, Opened, Said, TurnedAway

Fragment: TypeAlias = tuple[str, str]
"""A style, one of `STYLES`, and the text in it."""
Line: TypeAlias = list[Fragment]

STYLES = {
    "name": "bold",
    "label": "ansibrightblack",
    "good": "ansigreen",
    "bad": "ansired",
    "busy": "ansiyellow",
    "bar": "ansicyan",
    "": "",
}
"""What a style looks like, in the words of prompt_toolkit."""

BAR_WIDTH = 20
MOST_REFUSALS = 2
"""Of the last refusals, so many are shown."""

_LABEL_WIDTH = 13
_ROUTINE = ("PowerMeasurement", "PowerForecast", "FRBC.StorageStatus", "FRBC.ActuatorStatus", "ReceptionStatus")
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
    if conversation.fill_level is not None:
        lines.append(_row("fill level", *_fill_level(conversation, conversation.fill_level)))
    if conversation.power:
        lines.append(_row("power", ("", _power(conversation.power))))
    if conversation.description:
        statuses = (conversation.actuator_statuses.get(each.id) for each in conversation.description.actuators)
        lines += [_row("mode", ("", _activity_of(conversation, each))) for each in statuses if each]
    if conversation.last:
        given = conversation.last
        lines.append(_row("instruction", ("", printable(f"{given.meaning}  ")), (_mood(given), printable(given.state))))
    lines.append(_row("in", ("label", _counts(conversation.heard))))
    lines.append(_row("out", ("label", _counts(conversation.said))))
    for refusal in list(conversation.refusals)[-MOST_REFUSALS:]:
        label = f": {refusal.label}" if refusal.label else ""
        lines.append(_row("refused", ("bad", printable(f"{refusal.message_type} {refusal.status}{label}"))))
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
    return [("label", f"   {label:{_LABEL_WIDTH}}"), *fragments]


def _fill_level(conversation: Conversation, level: float) -> Line:
    if conversation.description is None:
        return [("", f"{level:g}")]
    storage = conversation.description.storage
    low, high = storage.fill_level_range.start_of_range, storage.fill_level_range.end_of_range
    share = min(1.0, max(0.0, (level - low) / (high - low))) if high > low else 0.0
    full = round(share * BAR_WIDTH)
    label = f"  {printable(storage.fill_level_label)}" if storage.fill_level_label else ""
    style = "bar" if low <= level <= high else "bad"
    bar = "█" * full + "░" * (BAR_WIDTH - full)
    return [(style, bar), ("", f" {level:.4g}"), ("label", f"  of {low:g} .. {high:g}{label}")]


def _power(measured: PowerMeasurement) -> str:
    return ", ".join(f"{each.value:g} W {each.commodity_quantity}" for each in measured.values)


def _activity_of(conversation: Conversation, status: ActuatorStatus) -> str:
    """What the actuator does, by the label of its mode."""
    actuators = conversation.description.actuators if conversation.description else ()
    named = {mode.id: frbc.label_of(mode) for actuator in actuators for mode in actuator.operation_modes}
    label = named.get(status.active_operation_mode_id, status.active_operation_mode_id)
    return printable(f"{label}  factor {status.operation_mode_factor:.4g}")


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
    match message:
        case PowerMeasurement():
            return [("", f"PowerMeasurement  {_power(message)}")]
        case ActuatorStatus() if activity := _activity_of(conversation, message):
            return [("", f"FRBC.ActuatorStatus  {activity}")]
        case Instruction() if given := conversation.instructions.get(message.id):
            return [("", printable(f"FRBC.Instruction  {given.meaning}"))]
    facts = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in msgspec.to_builtins(message).items()
        if isinstance(value, str | int | float) and name != "message_type" and not name.endswith("id")
    ]
    style = "bad" if isinstance(message, ReceptionStatus) else ""
    return [(style, printable("  ".join([name_of(type(message)), *facts])))]


def _is_ok(message: Tagged) -> bool:
    return isinstance(message, ReceptionStatus) and message.status is ReceptionStatusValues.OK
