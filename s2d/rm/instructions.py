"""Instructions and their life, the same for every control type: held, due, started, overtaken, revoked, finished.

    ACCEPTED --> STARTED --> SUCCEEDED | ABORTED      REVOKED from ACCEPTED and STARTED      or REJECTED at once

Each instruction is for one *scope* (an actuator, or the whole resource). In a scope at most one has started and not
finished; others wait for their execution time. What an instruction means is the control type's business.

Spec: EN 50491-12-2, InstructionStatus; S2 JSON InstructionStatusUpdate, RevokeObject.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Generic, Literal, TypeVar

from msgspec import Struct

from ..errors import InvalidContent
from ..s2.effects import Effect, Level, Note, Send
from ..s2.messages.common import InstructionStatus, InstructionStatusUpdate
from ..s2.messages.instruction import Instruction
from ..s2.messages.references import canonical
from ..s2.messages.wire import name_of
from ..values import Now, Value

HELD_LIMIT = 2000
"""Most instructions that wait at once; further ones are rejected."""
ELEMENTS_LIMIT = 50_000
"""Most elements that all that wait have together, however they are spread; what goes beyond is rejected."""
Updates = Literal["full", "final"]
"""Whether the CEM hears of every status, or only of the one an instruction ends in."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which instructions are taken, as the owner decided."""

    updates: Updates = "full"
    max_age_s: float | None = None
    """Instructions whose execution time is longer ago are rejected; None: whatever comes late is done at once."""


_FINAL = (
    InstructionStatus.REJECTED,
    InstructionStatus.REVOKED,
    InstructionStatus.SUCCEEDED,
    InstructionStatus.ABORTED,
)

_BAD = (InstructionStatus.REJECTED, InstructionStatus.ABORTED)

_EVENTS = {status: f"instruction.{status.lower()}" for status in InstructionStatus} | {
    InstructionStatus.REJECTED: "instruction.refused"
}

Goal = TypeVar("Goal")
"""What an instruction asks for, as its control type understands it."""


class Order(Struct, Generic[Goal], frozen=True):
    """An order: an instruction that was taken on."""

    execution_time: datetime
    id: str
    message_type: str
    message_id: str
    scope: str
    goal: Goal
    elements: int = 1
    """How many parts it is made of: what it takes to remember it."""


_execution_time_of = attrgetter("execution_time")


class Instructions(Generic[Goal]):
    """All instructions of one control type within a session."""

    def __init__(self, new_id: Callable[[], str], terms: Terms) -> None:
        self.started: dict[str, Order[Goal]] = {}
        """By scope: commanded and not ended yet; also what was followed and stays in force."""
        self._in_force: set[str] = set()
        self._held: list[Order[Goal]] = []
        """Soonest first; those for one instant as they arrived."""
        self._held_elements = 0
        self._new_id = new_id
        self._terms = terms

    def accept(self, instruction: Instruction, *, scope: str, goal: Goal, now: Now, elements: int = 1) -> list[Effect]:
        """Holds *instruction* until its execution time; one for the same scope and instant gives way to it."""
        execution_time = instruction.execution_time
        if objection := self.objection_to(execution_time, now, scope, elements):
            return self.reject(instruction, objection, now)
        effects: list[Effect] = []
        place = bisect_left(self._held, execution_time, key=_execution_time_of)
        while place < len(self._held) and self._held[place].execution_time == execution_time:
            if self._held[place].scope == scope:
                rival = self._pop_held(place)
                effects += self._report(rival, InstructionStatus.ABORTED, now, "replaced by one for the same instant")
            else:
                place += 1
        message_type = name_of(type(instruction))
        order = Order(execution_time, instruction.id, message_type, instruction.message_id, scope, goal, elements)
        self._held.insert(place, order)
        self._held_elements += elements
        return [*effects, *self._report(order, InstructionStatus.ACCEPTED, now)]

    def objection_to(self, execution_time: datetime, now: Now, scope: str, elements: int = 1) -> str | None:
        """Why no instruction for that time and *scope* is taken on, whatever it asks for."""
        is_full = len(self._held) >= HELD_LIMIT or self._held_elements + elements > ELEMENTS_LIMIT
        if is_full and execution_time > now.utc:  # what is due does not wait
            rivals = [each for each in self._held if each.scope == scope and each.execution_time == execution_time]
            if len(self._held) - len(rivals) >= HELD_LIMIT:
                return f"{HELD_LIMIT} instructions are waiting already"
            if self._held_elements - sum(each.elements for each in rivals) + elements > ELEMENTS_LIMIT:
                return f"with its {elements} elements more than {ELEMENTS_LIMIT} would be waiting"
        max_age_s = self._terms.max_age_s
        if max_age_s is not None and (age_s := (now.utc - execution_time).total_seconds()) > max_age_s:
            return f"its execution time was {age_s:.0f} s ago, of at most {max_age_s:g} s"
        return None

    def reject(self, instruction: Instruction, reason: str, now: Now) -> list[Effect]:
        """Declines a well-formed *instruction* that cannot be carried out."""
        return self._report(instruction, InstructionStatus.REJECTED, now, reason)

    def due(self, now: Now) -> tuple[list[Effect], list[Order[Goal]]]:
        """Starts what is due. Of several due for one scope only the latest starts, the others are aborted."""
        ripe: dict[str, Order[Goal]] = {}
        effects: list[Effect] = []
        while self._held and self._held[0].execution_time <= now.utc:
            order = self._pop_held(0)
            if order.scope in ripe:
                earlier = ripe.pop(order.scope)
                effects += self._report(earlier, InstructionStatus.ABORTED, now, "overtaken before it started")
            ripe[order.scope] = order
        for order in ripe.values():
            if order.scope in self.started:
                effects += self.end(order.scope, "overtaken by a newer instruction", now)
            self.started[order.scope] = order
            effects += self._report(order, InstructionStatus.STARTED, now)
        return effects, list(ripe.values())

    def succeed(self, scope: str, now: Now, *, stays_in_force: bool = False) -> list[Effect]:
        """The device follows what was started in *scope*; what *stays_in_force* can still be revoked or aborted."""
        order = self.started[scope] if stays_in_force else None
        effects = self._finish(scope, InstructionStatus.SUCCEEDED, now)
        if order:
            self.started[scope] = order
            self._in_force.add(scope)
        return effects

    def has_succeeded(self, scope: str) -> bool:
        """Whether what was started in *scope* has succeeded and stays in force."""
        return scope in self._in_force

    def end(self, scope: str, reason: str, now: Now) -> list[Effect]:
        """What was started in *scope* is over: silently if it had succeeded, else it is aborted."""
        if scope not in self._in_force:
            return self.abort(scope, reason, now)
        self._in_force.remove(scope)
        del self.started[scope]
        return []

    def abort(self, scope: str, reason: str, now: Now) -> list[Effect]:
        """Ends what was started in *scope*, if anything is."""
        return self._finish(scope, InstructionStatus.ABORTED, now, reason)

    def revoke(self, object_id: str, now: Now) -> tuple[list[Effect], str | None]:
        """Takes back the instruction with the id *object_id*, else the first one that came in the message of that id.

        Also gives the scope it had started in.
        Raises: InvalidContent: no such instruction waits or runs.
        """
        order = self._named(object_id)
        if order is None:
            raise InvalidContent("REV-001", "/object_id", f"instruction {object_id!r} has ended")
        if self.started.get(order.scope) is order:
            return self._finish(order.scope, InstructionStatus.REVOKED, now), order.scope
        self._pop_held(self._held.index(order))
        return self._report(order, InstructionStatus.REVOKED, now), None

    def abort_all(self, reason: str, now: Now) -> list[Effect]:
        """Ends everything that waits or runs."""
        effects = [effect for scope in list(self.started) for effect in self.end(scope, reason, now)]
        while self._held:
            effects += self._report(self._pop_held(0), InstructionStatus.ABORTED, now, reason)
        return effects

    def waiting(self, scope: str) -> list[Order[Goal]]:
        """What waits for its execution time in *scope*, earliest first."""
        return [order for order in self._held if order.scope == scope]

    def is_next(self, scope: str, execution_time: datetime) -> bool:
        """Whether nothing waits in *scope* that is due before *execution_time*."""
        for order in self._held:
            if order.execution_time >= execution_time:
                break
            if order.scope == scope:
                return False
        return True

    def abort_waiting(self, scope: str, reason: str, now: Now) -> list[Effect]:
        """Aborts all that waits in *scope*."""
        effects: list[Effect] = []
        for order in self.waiting(scope):
            self._pop_held(self._held.index(order))
            effects += self._report(order, InstructionStatus.ABORTED, now, reason)
        return effects

    def next_execution_times(self) -> Iterable[datetime]:
        """When `due` has something to start."""
        if self._held:
            yield self._held[0].execution_time

    def _named(self, object_id: str) -> Order[Goal] | None:
        orders, key = [*self._held, *self.started.values()], canonical(object_id)
        for order in orders:
            if order.id == object_id:  # as most name it
                return order
        for order in orders:
            if canonical(order.id) == key:
                return order
        for order in orders:
            if canonical(order.message_id) == key:
                return order
        return None

    def _pop_held(self, place: int) -> Order[Goal]:
        order = self._held.pop(place)
        self._held_elements -= order.elements
        return order

    def _finish(self, scope: str, status: InstructionStatus, now: Now, reason: str = "") -> list[Effect]:
        order = self.started.pop(scope, None)
        self._in_force.discard(scope)
        return self._report(order, status, now, reason) if order else []

    def _report(
        self, of: Order[Goal] | Instruction, status: InstructionStatus, now: Now, reason: str = ""
    ) -> list[Effect]:
        message_type = of.message_type if isinstance(of, Order) else name_of(type(of))
        facts: dict[str, Value | None] = {
            "instruction": of.id,
            "message_type": message_type,
            "message_id": of.message_id,
        }
        if reason:
            facts["reason"] = reason
        note = Note(Level.WARNING if status in _BAD else Level.INFO, _EVENTS[status], facts)
        if self._terms.updates == "final" and status not in _FINAL:
            return [note]
        update = InstructionStatusUpdate(
            message_id=self._new_id(), instruction_id=of.id, status_type=status, timestamp=now.utc
        )
        return [Send(update), note]

    @property
    def is_any_held(self) -> bool:
        """Whether anything waits for its execution time."""
        return bool(self._held)

    @property
    def held(self) -> tuple[Order[Goal], ...]:
        """All that waits for its execution time, soonest first."""
        return tuple(self._held)
