"""Whatever is read, however old and however good: what is told is fresh, orders end, nothing is written for ever."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from s2d.events import Applied, Lost, Measured, Refused
from s2d.quantities import PercentageRange
from s2d.rm.occasion import Occasion, SafeStates
from s2d.rm.resource_manager import RECONNECT_EVERY_S
from s2d.s2.effects import Apply, Close, Connected, Effect, Event, Note, Send, Started, Tick
from s2d.s2.legality import Phase
from s2d.s2.messages import frbc, ombc
from s2d.s2.messages.common import (
    ControlType,
    HandshakeResponse,
    InstructionStatus,
    InstructionStatusUpdate,
    PowerMeasurement,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    Tagged,
)
from s2d.values import RELEASE, Quality, Reading, Setpoint, Value

from .resources_roof import envelope
from .stage import FRBC, settings
from .test_battery_control_types import FREE, LIMITS, MEASURED, OMBC, PEBC, READ, RELEASED, WRITTEN, Steered

STEPS = 250
MAX_AGE_S = 10.0
FOLLOWS_WITHIN_S = 60.0
MOST_ELEMENTS = 2
REACH = {"power_setpoint": (-4000.0, 5000.0), "charge_limit": (0.0, 5000.0), "discharge_limit": (0.0, 4000.0)}
SELECTED_NONE = (ControlType.NO_SELECTION, ControlType.NOT_CONTROLABLE)
IDLE = (Setpoint("mode", "idle", ""),)
BLOCKED = (Setpoint("charge_limit", 0.0, ""), Setpoint("discharge_limit", 0.0, ""))


class Watched(Steered):
    """A battery of which everything is looked at as it happens."""

    def __init__(self, *args: Any, special: dict[Occasion, tuple[Setpoint, ...]], **changes: Any) -> None:
        self.good: dict[str, Reading] = {}
        self.confirmed_at: dict[str, float] = {}
        """By the reason of the setpoint."""
        self.started_at: dict[str, float] = {}
        """What runs in this session."""
        self.waiting: set[str] = set()
        self.wanted: dict[str, Setpoint] = {}
        """Of the device, and not confirmed."""
        self.written: dict[str, Setpoint] = {}
        """The last since something else came than time and readings."""
        self.asked_anew_at = -RECONNECT_EVERY_S
        self.last_tick, self.ticks = 0.0, 0
        self._special = special
        super().__init__(*args, every_s=60.0, **changes)

    def safe(self) -> SafeStates:
        return SafeStates(self._safe, self._special)

    def on(self, event: Event) -> list[Effect]:
        self.takes(event)
        effects = super().on(event)
        for effect in effects:
            match effect:
                case Send(message):
                    self.hears_of(message)
                case Apply(setpoint):
                    self.is_to_write(setpoint)
                case Note(_, name, facts):
                    assert name != "message.withheld", facts
                case Close(reason) if reason.startswith("the offer"):
                    assert self.now.mono >= self.asked_anew_at + RECONNECT_EVERY_S
                    self.asked_anew_at = self.now.mono
        if self.resource_manager.session is None or isinstance(event, Connected):
            self.started_at.clear()
            self.waiting.clear()
        most_s = MOST_ELEMENTS * FOLLOWS_WITHIN_S + 1
        assert all(self.now.mono <= at + most_s for at in self.started_at.values())
        return effects

    def takes(self, event: Event) -> None:
        match event:
            case Measured(readings):
                for reading in readings:
                    if reading.value is None:
                        self.good.pop(reading.point, None)
                    elif reading.good_until > self.now.mono:
                        self.good[reading.point] = reading
            case Applied(setpoint):
                self.confirmed_at[setpoint.reason] = self.now.mono
            case Tick():
                self.ticks = self.ticks + 1 if self.now.mono == self.last_tick else 0
                self.last_tick = self.now.mono
                assert self.ticks < 5, "it spins"
        if not isinstance(event, Measured | Tick):
            self.written.clear()

    def reading_of(self, point: str) -> Reading:
        """The one that holds."""
        reading = self.good[point]
        assert self.now.mono < reading.good_until
        return reading

    def hears_of(self, message: Tagged) -> None:
        match message:
            case frbc.StorageStatus():
                assert message.present_fill_level == self.reading_of("soc").value
            case frbc.ActuatorStatus() | ombc.Status():
                assert self.reading_of("power")
            case PowerMeasurement():
                reading = self.reading_of("power")
                assert [each.value for each in message.values] == [reading.value]
                assert message.measurement_timestamp == reading.true_at(self.now)
            case InstructionStatusUpdate(instruction_id=name, status_type=status):
                self.waiting.discard(name)
                self.started_at.pop(name, None)
                if status is InstructionStatus.ACCEPTED:
                    self.waiting.add(name)
                elif status is InstructionStatus.STARTED:
                    self.started_at[name] = self.now.mono
                elif status is InstructionStatus.SUCCEEDED:
                    at = self.reading_of("power").at
                    assert at is not None
                    assert at >= self.confirmed_at.get(f"instruction {name}", at)

    def is_to_write(self, setpoint: Setpoint) -> None:
        low, high = REACH.get(setpoint.point, (0.0, 0.0))
        if isinstance(setpoint.value, float):
            assert low <= setpoint.value <= high
        if setpoint.reason.startswith("protection"):
            assert self.written.get(setpoint.point) != setpoint, "it is written again and again"
        self.written[setpoint.point] = setpoint
        self.wanted[setpoint.point] = setpoint


def watched(chance: Random) -> tuple[Watched, tuple[ControlType, ...]]:
    """Some battery, and what it may offer."""
    rest_w = chance.choice([0.0, 500.0, -300.0, RELEASE])
    forced: tuple[Setpoint, ...] = (Setpoint("power_setpoint", rest_w, ""),)
    steered = {
        "power": ({"power_setpoint": RELEASED}, forced, (FRBC,)),
        "limits": (LIMITS, chance.choice([FREE, BLOCKED]), (PEBC,)),
        "both": ({"power_setpoint": RELEASED, **LIMITS}, (*forced, *FREE), (FRBC, PEBC)),
        "modes": ({"mode": WRITTEN}, IDLE, (OMBC,)),
    }
    abilities, safe, offered = steered[chance.choice(list(steered))]
    special = {}
    if "power_setpoint" in abilities:
        values = chance.choices([0.0, 200.0, RELEASE], k=len(Occasion))
        occasions = [each for each in zip(Occasion, values, strict=True) if chance.random() < 0.3]
        special = {occasion: (Setpoint("power_setpoint", value, ""),) for occasion, value in occasions}
    may_wait = [each for each in (Occasion.STARTED, Occasion.RETURNED) if chance.random() < 0.5]
    stage = Watched(
        {**MEASURED, "fault": READ, **abilities},
        *safe,
        special=special,
        decided={"hold_s": {occasion: chance.choice([5.0, 300.0]) for occasion in may_wait}},
        settings=settings(usable_range=PercentageRange(chance.choice([(0.0, 100.0), (10.0, 95.0)]))),
    )
    return stage, offered


@pytest.mark.parametrize("seed", range(40))
def test_nothing_old_is_told_every_order_ends_and_nothing_is_written_again_and_again(seed: int) -> None:
    chance = Random(seed)
    stage, offered = watched(chance)
    manager = stage.resource_manager

    def some_value(point: str) -> Value:
        wanted = stage.wanted.get("power_setpoint")
        as_wanted = wanted.value if wanted and isinstance(wanted.value, float) else 0.0
        values: dict[str, list[Value]] = {
            "soc": [50.0, 95.0, 10.0, chance.uniform(0, 100)],
            "power": [0.0, 500.0, as_wanted, as_wanted, chance.uniform(-5e3, 5e3)],
            "fault": ["ok"] * 30 + ["E7"],
        }
        return chance.choice(values[point])

    def is_read() -> None:
        readings = []
        for point in chance.sample(["soc", "power", "fault"], chance.choice([1, 2, 3, 3])):
            at = stage.now.mono - chance.choice([0.0, 0.0, 0.5, 3.0, 9.0, 15.0])
            good = Reading(point, some_value(point), at=at, good_until=at + MAX_AGE_S)
            quality = chance.choice([Quality.BAD, Quality.ABSENT])
            readings.append(good if chance.random() < 0.9 else Reading(point, None, quality, "nonsense"))
        stage.on(Measured(tuple(readings)))

    def is_polled() -> None:
        for _ in range(chance.choice([5, 40])):
            at, values = stage.now.mono, {"soc": 50.0, "power": 0.0, "fault": "ok"}
            good = (Reading(point, value, at=at, good_until=at + MAX_AGE_S) for point, value in values.items())
            stage.on(Measured(tuple(good)))
            stage.after(1)

    def comes() -> None:
        leaves()
        stage.on(Connected())
        version = HandshakeResponse(message_id=stage.new_id(), selected_protocol_version="0.0.2-beta")
        stage.hears(version)
        selects()

    def leaves() -> None:
        if manager.session:
            stage.left()

    def selects() -> None:
        if manager.session and manager.session.phase is not Phase.NEGOTIATING:
            control_type = chance.choice([*offered * 3, *SELECTED_NONE])
            stage.hears(SelectControlType(message_id=stage.new_id(), control_type=control_type))

    def instructs() -> None:
        selected = manager.session.control_type if manager.session else None
        name, after_s = stage.new_id(), chance.choice([0.0, 0.0, 0.0, 30.0, -5.0])
        mode, factor = chance.choice([stage.idle, stage.charge, stage.discharge]), chance.choice([0.0, 0.5, 1.0])
        at = stage.now.utc + timedelta(seconds=after_s)
        match selected:
            case ControlType.FILL_RATE_BASED_CONTROL:
                stage.hears(stage.instruction(name, mode, factor, after_s=after_s))
            case ControlType.OPERATION_MODE_BASED_CONTROL:
                stage.hears(
                    ombc.Instruction(
                        message_id=f"m-{name}",
                        id=name,
                        execution_time=at,
                        operation_mode_id=mode,
                        operation_mode_factor=factor,
                        abnormal_condition=False,
                    )
                )
            case ControlType.POWER_ENVELOPE_BASED_CONTROL:
                elements = [
                    (chance.choice([5.0, 600.0]), chance.choice([-4000.0, -1000.0, 0.0]), chance.choice([0.0, 2000.0]))
                    for _ in range(chance.randint(1, MOST_ELEMENTS))
                ]
                limits = stage.envelope(name, 0.0, 0.0)
                stage.hears(replace(limits, execution_time=at, power_envelopes=(envelope(*elements),)))

    def revokes() -> None:
        for name in [*stage.started_at, *stage.waiting][:1]:
            kind = RevokableObjects.FRBC_INSTRUCTION
            stage.hears(RevokeObject(message_id=stage.new_id(), object_type=kind, object_id=name))

    def confirms() -> None:
        wanted, stage.wanted = list(stage.wanted.values()), {}
        for setpoint in wanted:
            stage.on(Applied(setpoint))

    def refuses() -> None:
        for setpoint in list(stage.wanted.values()):
            stage.on(Refused(setpoint, "exception 4", will_retry=setpoint.is_safe))

    def steps_the_clock() -> None:
        stage.utc_step += timedelta(seconds=chance.choice([-3600, 3600]))

    happenings: dict[Callable[[], object], int] = {
        is_read: 10,
        is_polled: 2,
        instructs: 4,
        confirms: 4,
        lambda: stage.after(chance.choice([1, 3, 20, 400])): 3,
        selects: 1,
        revokes: 1,
        refuses: 1,
        steps_the_clock: 1,
        lambda: stage.on(Lost("no answer")): 1,
        comes: 1,
        leaves: 1,
    }
    stage.on(Started())
    comes()
    for happens in chance.choices(list(happenings), list(happenings.values()), k=STEPS):
        happens()
        if manager.session and manager.session.is_closing:
            leaves()
    if manager.session and manager.session.phase is not Phase.NEGOTIATING:
        stage.hears(SelectControlType(message_id="end", control_type=ControlType.NO_SELECTION))
        assert (stage.started_at, stage.waiting) == ({}, set())
