"""The explanation of a device, in lines: what is known of it, offered to a CEM, and safe whatever fails. Pure.

What is offered is what the resource manager of the daemon says, made from the same, to a CEM that selects each control
type; what is safe is what its model becomes on each occasion.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import count
from math import inf

from msgspec.structs import replace

from ..cem.conversation import Conversation
from ..commissioning.columns import aligned
from ..commissioning.in_words import LIABILITY, setpoints_text, span_text, unit_of_point
from ..commissioning.table import shown
from ..config import DeviceConfig
from ..device.command import Command
from ..device.device_map import commands_of
from ..events import Measured
from ..host.console import DIM, ConsoleLine, StyledText
from ..rm.kinds import Kind, Resource, kind
from ..rm.occasion import MEANING, Occasion
from ..rm.resource_manager import ResourceManager
from ..rm.setup import Setup
from ..s2.effects import Connected, Effect, Received, Send, Started
from ..s2.messages import wire
from ..s2.messages.common import CONTROL_TYPES, ControlType, Tagged
from ..values import Now, Quality, Reading, Value

_AHEAD_S, _LOOKS = 3 * 3600.0, 20
"""How far ahead, and at how many instants at most, is looked what it does at rest by itself."""
_OF_SELECTED = (Occasion.UNINSTRUCTED, Occasion.ENDED)
"""What no order means is another thing under another control type."""
_BAR = "bar"
"""The style of what is drawn and says nothing."""


def explanation(device: DeviceConfig, setup: Setup | None, readings: Iterable[Reading], now: Now) -> list[ConsoleLine]:
    """What there is to say of *device* after *readings*; *setup* is None where it is of no kind."""
    readings = list(readings)
    made_by = f", profile {device.profile}" if device.profile else ""
    what = device.kind or "no kind"
    lines: list[ConsoleLine] = [f"{device.name}: {what}{made_by}, {device.driver.where(device.connection)}"]
    lines += _section("KNOWN NOW", _known(device, readings))
    if setup and device.kind:
        of_kind = kind(device.kind)
        lines += _section("TO A CEM", _offered(device, of_kind, setup, readings, now))
        lines += _section("WHEN NOBODY IS IN CHARGE, OR AN ORDER FAILED", _safe_states(device, setup, readings, now))
    else:
        lines += _section("TO A CEM", [("", "no CEM hears of it: it only gives its points to other devices")])
    if setup:
        lines += _wished(setup, readings, now)
    if device.house:
        held = f"{device.house.unknown_a:g} A on each phase while nobody tells that"
        lines += ["", f"house_limit: it takes no more than the house leaves it, {held}"]
    values = {each.point: each.value for each in readings if each.value is not None}
    lines += _section("IF THIS MACHINE DIES", _left_alone(device, values))
    if device.is_shadowed:
        lines += ["", "shadow: nothing is ever written to it, and no order succeeds"]
    if device.danger:
        lines += ["", f"danger: {device.danger}"]
    return [*lines, *(["", LIABILITY] if setup else [])]


def _section(title: str, rows: Iterable[tuple[str, ...]]) -> list[ConsoleLine]:
    rows = list(rows)
    return ["", StyledText(title, DIM), *(aligned(rows) if rows else ["nothing"])]


def _known(device: DeviceConfig, readings: Iterable[Reading]) -> Iterator[tuple[str, ...]]:
    """The points by which a CEM would know it; of a device without a kind all."""
    of_kind = kind(device.kind).points if device.kind else {}
    for each in readings:
        if of_kind and each.point not in of_kind:
            continue
        meaning = of_kind[each.point].meaning if each.point in of_kind else ""
        unit = unit_of_point(device, each.point)
        is_good = each.quality is Quality.GOOD and each.value is not None
        value = f"{shown(each.value)} {unit}".rstrip() if is_good else f"unknown: {each.detail or each.quality}"
        yield each.point, value, meaning


def _offered(
    device: DeviceConfig, of_kind: Kind, setup: Setup, readings: list[Reading], now: Now
) -> Iterator[tuple[str, ...]]:
    """Each control type: what is described under it, or what it is out of reach by."""
    out_of_reach = of_kind.out_of_reach(setup.settings, setup.abilities)
    awaited = of_kind.awaits(setup.settings, setup.abilities)
    introduced = _told(setup, ControlType.NOT_CONTROLABLE, readings, now)
    assert introduced.details
    measured = introduced.details.provides_power_measurement_types
    yield "measured", ", ".join(str(each).removeprefix("ELECTRIC.POWER.") for each in measured) or "nothing"
    for short in of_kind.control_types:
        control_type = CONTROL_TYPES[short]
        if control_type in introduced.details.available_control_types:
            choices = _told(setup, control_type, readings, now).choices
            yield short, "can be selected"
            for row in choices.rows() if choices else ():
                yield "", f"{row.label}: " + "".join(text for style, text in row.fragments if style != _BAR).strip()
        elif device.control_types is not None and short not in device.control_types:
            yield short, "left out by control_types"
        elif short in out_of_reach:
            yield short, f"out of reach: {out_of_reach[short]}"
        else:
            yield short, f"not now; {_why_not_now(of_kind, readings, awaited.get(short))}"
    if not of_kind.control_types:
        yield "", "it is only measured"


def _wished(setup: Setup, readings: Iterable[Reading], now: Now) -> Iterator[ConsoleLine]:
    """That its owner wants it to do its work now, if he does."""
    _, resource = _met(setup, readings, now)
    if resource.wish and resource.wish.reason:
        ends_at = resource.wish.ends_at
        left = "" if ends_at is None else f", for {span_text(max(1, round((ends_at - now.mono) / 60)) * 60)} at most"
        yield ""
        yield f"{resource.wish.reason}, until it is done{left}: whoever orders less is rejected"


def _why_not_now(of_kind: Kind, readings: Iterable[Reading], awaited: str | None) -> str:
    unknown = [each.point for each in readings if each.point in of_kind.points and each.value is None]
    reasons = [f"unknown: {', '.join(unknown)}"] if unknown else []
    reasons += [f"offered once {awaited}"] if awaited else []
    return "; ".join(reasons) or "what it stands on does not hold"


def _safe_states(device: DeviceConfig, setup: Setup, readings: list[Reading], now: Now) -> Iterator[tuple[str, ...]]:
    if not setup.safe.usual and not setup.safe.special:
        yield ("nothing is ever written to it",)
        return

    def met(occasion: Occasion) -> dict[str, Resource]:
        """What is brought to rest, by the control type that was selected where it matters."""
        _, resource = _met(setup, readings, now)
        offered = [short for short, each in CONTROL_TYPES.items() if each in resource.control_types()]
        if occasion not in _OF_SELECTED or not offered:
            return {"": resource}
        return {short: _selected(setup, CONTROL_TYPES[short], readings, now)[1] for short in offered}

    for occasion in Occasion:
        is_lost = occasion is Occasion.CEM_LOST
        hold_s = setup.policy.fallback_after_s if is_lost else setup.policy.hold_s.get(occasion, 0.0)
        after = f"after {span_text(hold_s)}" if hold_s else "at once"
        becomes = {short: _becomes(device, resource, occasion, now) for short, resource in met(occasion).items()}
        if len({*becomes.values()}) == 1:
            yield occasion, after, next(iter(becomes.values())), MEANING[occasion]
        else:
            for short, each in becomes.items():
                yield f"{occasion}, {short}", after, each, MEANING[occasion]


def _becomes(device: DeviceConfig, resource: Resource, occasion: Occasion, now: Now) -> str:
    """What it becomes at rest, and by itself later on, while nothing changes that is read of it."""
    told = resource.rest(occasion, occasion, now)
    text, at = setpoints_text(device, told) if told else "left as it is", now
    for _ in range(0 if occasion is Occasion.STOPPING else _LOOKS):
        after_s = min(resource.deadlines(), default=inf) - now.mono
        if after_s > _AHEAD_S:
            break
        at = Now(max(at.mono, now.mono + after_s), now.utc + timedelta(seconds=max(0.0, after_s)))
        resource.advance(at)
        if protection := resource.protect(at):
            text += (
                f", then {setpoints_text(device, protection.setpoints)} after {span_text(round(at.mono - now.mono))}"
            )
    return text


def _left_alone(device: DeviceConfig, values: Mapping[str, Value]) -> Iterator[tuple[str, ...]]:
    """What becomes of what was written last, by what it is steered."""
    known = {**device.parameters, **values}
    make = device.make_of(known)
    commands = commands_of(make)
    steered_by = kind(device.kind).steered_by(make.points, make.commands) if device.kind else ()
    for name in steered_by:
        if command := commands.get(name):
            yield name, _forgotten(command, known)
    for step in make.start:
        if step.write:
            written = ", ".join(f"{point} {expression}" for point, expression in step.write.items())
            yield "start", f"programmed whenever it is opened: {written}"


def _forgotten(command: Command, known: Mapping[str, Value]) -> str:
    if command.timeout is None:
        kept = "what it was told last stays until somebody tells it otherwise: it has no watchdog that is known here"
        return f"{kept}; it is told again every {span_text(command.refresh_s)}" if command.refresh_s else kept
    timeout_s = command.timeout_s(known)
    after = f"after {span_text(timeout_s)}" if timeout_s else f"after {command.timeout} s, which is not known now"
    again = f", and is told again every {span_text(command.refresh_s)} while we live" if command.refresh_s else ""
    return f"the device forgets what it was told {after}{again}; what it does then is its own"


def _met(setup: Setup, readings: Iterable[Reading], now: Now) -> tuple[ResourceManager, Resource]:
    """A resource manager that has started and heard *readings*, which hold from then on, and its model."""
    ids = (f"explained-{number}" for number in count(1))
    resource = setup.resource()
    resource_manager = setup.resource_manager(lambda: next(ids), resource)
    resource_manager.handle(Started(), now)
    resource_manager.handle(Measured(tuple(replace(each, good_until=inf) for each in readings)), now)
    return resource_manager, resource


def _told(setup: Setup, control_type: ControlType, readings: Iterable[Reading], now: Now) -> Conversation:
    """What a CEM is told that selects *control_type*."""
    return _selected(setup, control_type, readings, now)[0]


def _selected(
    setup: Setup, control_type: ControlType, readings: Iterable[Reading], now: Now
) -> tuple[Conversation, Resource]:
    """A CEM that has selected *control_type*, with what it was told; and the model."""
    resource_manager, resource = _met(setup, readings, now)
    ids = (f"cem-{number}" for number in count(1))
    cem = Conversation("", control_type, lambda: next(ids))
    waiting: list[Tagged] = [*cem.open()]

    def hear(effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                waiting.extend(cem.receive(wire.encode(effect.message).decode()).answers)

    hear(resource_manager.handle(Connected(), now))
    while waiting:
        hear(resource_manager.handle(Received(wire.encode(waiting.pop(0)).decode()), now))
    return cem, resource
