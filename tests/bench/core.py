"""How long the core takes: frames in, effects out and encoded, all rules applied; no socket, no device."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from time import perf_counter_ns
from uuid import uuid4

from s2d.events import Applied, Measured
from s2d.host import clock
from s2d.host.identifier import ids_from
from s2d.s2.effects import (
    Apply,
    Effect,
    Event,
    Received,
    Send,
)
from s2d.s2.messages import wire
from s2d.s2.messages.common import EnergyManagementRole, Message, ReceptionStatus
from s2d.s2.messages.vet import vet
from s2d.s2.rules import History, judge
from s2d.values import Now, Reading
from tests.core.stage import OK, Stage

from .every_type import times_of_every_type
from .run import Run
from .samples import long_samples, samples
from .stopwatch import loops_for, seconds_of
from .table import Row

MESSAGE_US = 40.0
"""Any message of at most 1 kB."""
RECEPTION_STATUS_US = 10.0
LONG_US = {"PowerForecast": 200.0, "FRBC.UsageForecast": 200.0, "FRBC.SystemDescription": 400.0}
"""By type, those with forecasts of 96 elements."""

_SHORT = 1000
"""Most characters of a short message."""
_WARM_UP = 20
_WAITING = 96
"""Instructions for later at once: a day's plan, by the quarter of an hour."""


def rows(run: Run) -> list[Row]:
    """The median of each kind of event."""
    count = _WARM_UP + (200 if run.is_quick else 1000)
    run.tell(f"handling {count} instructions for now and {count} for later")
    charge = _Charge()
    at_once = [charge.instruct(number) for number in range(count)]
    settled = charge.settled_us
    unchanged = [charge.measure() for _ in range(count)]
    later = [charge.instruct_later(number % _WAITING) for number in range(count)]
    return [
        _row("FRBC.Instruction, for now → effects encoded", at_once, MESSAGE_US),
        _row(f"FRBC.Instruction, for later, replacing one of {_WAITING} waiting → encoded", later, MESSAGE_US),
        _row("ReceptionStatus that settles a message", settled, RECEPTION_STATUS_US),
        _row("readings that change nothing", unchanged),
        *_every_type(run),
        *_read_and_judged(run),
    ]


def _row(what: str, times_us: list[float], limit_us: float | None = None) -> Row:
    return Row(what=what, unit="µs", ours=median(times_us[_WARM_UP:]), at_most=limit_us)


def _every_type(run: Run) -> list[Row]:
    """Everything a CEM says, by type; what selects a control type has the whole resource described."""
    run.tell("living through every control type")
    sessions = _WARM_UP + (10 if run.is_quick else 60)
    medians = {name: median(times[_WARM_UP:]) for name, times in times_of_every_type(sessions).items()}
    selections = {name: medians.pop(name) for name in list(medians) if name.startswith("SelectControlType")}
    slowest = max(medians, key=lambda name: medians[name])
    return [
        Row(
            what=f"the median of all {len(medians)} types a CEM says → encoded",
            unit="µs",
            ours=median(medians.values()),
            at_most=MESSAGE_US,
        ),
        Row(
            what=f"the slowest of all {len(medians)} types a CEM says, {slowest} → encoded",
            unit="µs",
            ours=medians[slowest],
            at_most=MESSAGE_US,
        ),
        Row(
            what="SelectControlType → the resource described, median of 5",
            unit="µs",
            ours=median(selections.values()),
        ),
        *(
            Row(what=f"{name} → encoded", unit="µs", ours=took_us, is_detail=True)
            for name, took_us in sorted((medians | selections).items())
        ),
    ]


def _read_and_judged(run: Run) -> list[Row]:
    """Every message by itself: the slowest of the short ones, and the long ones."""
    run.tell("reading and judging every message")
    short_us = {
        name: _read_and_judge_us(run, frame)
        for name, message in samples().items()
        if len(frame := wire.encode(message).decode()) <= _SHORT
    }
    slowest = max(short_us, key=lambda name: short_us[name])
    rows = [
        Row(
            what=f"the slowest of {len(short_us)} types of messages up to 1 kB, {slowest}: read and judged",
            unit="µs",
            ours=short_us[slowest],
            at_most=MESSAGE_US,
        )
    ]
    for what, message in long_samples().items():
        frame = wire.encode(message).decode()
        limit_us = LONG_US[wire.name_of(type(message))]
        what = f"{what}, {len(frame) / 1000:.0f} kB: read and judged"
        rows.append(Row(what=what, unit="µs", ours=_read_and_judge_us(run, frame), at_most=limit_us))
    return rows


def _read_and_judge_us(run: Run, frame: str) -> float:
    decode, history, now = wire.decoder_of(wire.VERSIONS[0]), History(), clock.now()

    def read_and_judge(frame: str) -> None:
        message = decode(frame)
        vet(frame, message)
        judge(message, EnergyManagementRole.RM, history, now)

    loops = loops_for(read_and_judge, frame, 0.01)
    rounds = 3 if run.is_quick else 15
    return median(seconds_of(read_and_judge, frame, loops) / loops * 1e6 for _ in range(rounds))


class _Charge(Stage):
    """In charge of a battery that follows at once; real time, real ids, and a CEM that answers OK to everything."""

    def __post_init__(self) -> None:
        self._ids = ids_from(uuid4())
        super().__post_init__()
        self.settled_us: list[float] = []
        self._power_w = 0.0
        self._midnight = self.now.utc + timedelta(days=1)
        self.active()

    @property
    def now(self) -> Now:
        return clock.now()

    def new_id(self) -> str:
        return self._ids()

    def instruct(self, number: int, at: datetime | None = None) -> float:
        """How long an instruction, for now or for *at*, takes, in µs; what follows from it is lived through untimed."""
        mode, factor = (self.charge, self.discharge)[number % 2], 0.1 + number % 80 / 100
        told = {"message_id": str(uuid4()), "execution_time": at or self.now.utc}
        instruction = self.instruction(str(uuid4()), mode, factor, **told)
        took_us, effects = self._time(Received(wire.encode(instruction).decode()))
        self._answer(effects)
        for effect in effects:
            if isinstance(effect, Apply):
                self._answer(self.on(Applied(effect.setpoint)))
                self._power_w = float(effect.setpoint.value)
        self._answer(self.on(self._measured()))
        return took_us

    def instruct_later(self, slot: int) -> float:
        """As `instruct`, for a quarter of an hour to come; one that waited for it before is replaced."""
        return self.instruct(slot, self._midnight + timedelta(minutes=15 * slot))

    def measure(self) -> float:
        """How long readings take that change nothing, in µs."""
        return self._time(self._measured())[0]

    def _measured(self) -> Measured:
        at = self.now.mono
        values = {"soc": 50.0, "power": self._power_w}
        return Measured(tuple(Reading(point, value, at=at, good_until=at + 10) for point, value in values.items()))

    def _answer(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.message, Message):
                answer = ReceptionStatus(subject_message_id=effect.message.message_id, status=OK)
                self.settled_us.append(self._time(Received(wire.encode(answer).decode()))[0])

    def on(self, event: Event) -> list[Effect]:
        effects = super().on(event)
        self.resource_manager.wake_after(self.now)
        return effects

    def _time(self, event: Event) -> tuple[float, list[Effect]]:
        """How long *event* takes until all that it leads to is encoded. A node asks then when to wake next: untimed."""
        handle, now = self.resource_manager.handle, self.now
        start = perf_counter_ns()
        effects = handle(event, now)
        for effect in effects:
            if isinstance(effect, Send):
                wire.encode(effect.message)
        took_us = (perf_counter_ns() - start) / 1000
        self.resource_manager.wake_after(now)
        return took_us, effects
