"""Commands: how one wanted value becomes a sequence of writes to a device, as a profile spells it.

`Command.plan` is pure: it bounds the value, asks the interlock, works out every step with what is known of the device,
and says how soon that may be done. `s2d/device/command_runner.py` carries plans out. All values are in base units.
"""

import re
from collections.abc import Iterator, Mapping
from math import copysign, inf, isfinite
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from ..errors import DeviceRefused
from ..quantities import Duration, dimension_of, limits
from ..values import RELEASE, Value
from .command_plan import Check, CommandMemory, Plan, Wait, Write, direction_of
from .computed import check_base_unit
from .expression import Expression

SAME_AGAIN_WITHIN_S = 1.0
"""What was confirmed last is confirmed once more no sooner, whoever wants it, if it has an interval at all."""
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
FOUND = "found"
"""In `release`, what the point that is written held before the first order."""


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of a sequence: exactly one of `write`, `together`, `wait` and `life`."""

    if_: Annotated[Expression | None, Meta(description="Only then; otherwise the step is left out")] = msgspec.field(
        name="if", default=None
    )
    write: Annotated[
        dict[str, Expression] | None, Meta(description="Point → what it becomes; one request after the other")
    ] = None
    together: Annotated[
        dict[str, Expression] | None, Meta(description="Neighbouring points that are written with one request")
    ] = None
    wait_s: Annotated[
        Duration | None, Meta(description="Pause before the next step", extra=limits("0 s", "10 min"))
    ] = msgspec.field(name="wait", default=None)
    life: Annotated[
        dict[str, str] | None,
        Meta(description='Point → "1..255": a counter that goes one up, and round, each time'),
    ] = None

    def __post_init__(self) -> None:
        """Raises: ValueError: not one thing to do, or a counter without a range."""
        if sum(part is not None for part in (self.write, self.together, self.wait_s, self.life)) != 1:
            raise ValueError("a step is one of write, together, wait and life")
        for written in (self.life or {}).values():
            match = _RANGE.fullmatch(written)
            if match is None or int(match[1]) >= int(match[2]):
                raise ValueError(f'life: expected a range such as "1..255", got "{written}"')

    @property
    def written(self) -> frozenset[str]:
        """Points it writes."""
        return frozenset({*(self.write or {}), *(self.together or {}), *(self.life or {})})

    @property
    def names(self) -> frozenset[str]:
        """Names in its expressions."""
        expressions = [*(self.write or {}).values(), *(self.together or {}).values()]
        expressions += [self.if_] if self.if_ else []
        return frozenset().union(*(each.names for each in expressions))


class Disallowed(DeviceRefused):
    """A command that its interlock forbids: the device, or whoever works at it, says no, and means it."""


class Allowed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An interlock: unless its condition is true, the command is refused."""

    if_: Annotated[Expression, Meta(description="Must be true; unknown is not")] = msgspec.field(name="if")
    else_: Annotated[str, Meta(min_length=1, description="The reason for refusing, in words")] = msgspec.field(
        name="else"
    )


class Verify(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verification: how to see that the device follows."""

    point: Annotated[str, Meta(description="Point, or computed value, that shows it")]
    is_: Annotated[Expression, Meta(description="What it has to become")] = msgspec.field(name="is")
    tolerance: Annotated[float, Meta(ge=0, description="How far it may be off")] = 0.0
    within_s: Annotated[Duration, Meta(description="How long that may take", extra=limits("1 ms", "10 min"))] = (
        msgspec.field(name="within", default=Duration(3))
    )


class Command(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command: how a value becomes writes. In expressions it is `value`: bounded, except in `min` and `max`."""

    steps: Annotated[tuple[Step, ...], Meta(min_length=1, description="What is done, in this order")]
    unit: Annotated[str, Meta(description="Base unit of the value, such as W; none for a state or plain number")] = ""
    min: Annotated[Expression | None, Meta(description="The value is raised to this")] = None
    max: Annotated[Expression | None, Meta(description="The value is lowered to this")] = None
    step: Annotated[float | None, Meta(gt=0, description="Rounded to a multiple of this, towards 0")] = None
    least: Annotated[Expression | None, Meta(description="Values nearer to 0 than this become 0")] = None
    deadband: Annotated[
        float, Meta(ge=0, description="A smaller change counts as done; a change from, to or across 0 never does")
    ] = 0.0
    interval_s: Annotated[
        Duration | None,
        Meta(
            description="Least time between two executions; the newest value waits, unless it is safe, 0 or lower "
            "than the one before. 0 s: none; default: 1 s",
            extra=limits("0 s", "1 d"),
        ),
    ] = msgspec.field(name="interval", default=None)
    dwell_s: Annotated[
        Duration,
        Meta(
            description="Least time between changes of sign, from 0 or to 0; the newest value waits",
            extra=limits("0 s", "1 d"),
        ),
    ] = msgspec.field(name="dwell", default=Duration(0))
    refresh_s: Annotated[
        Duration | None,
        Meta(description="Everything is done again this often, with the newest readings", extra=limits("10 ms", "1 d")),
    ] = msgspec.field(name="refresh", default=None)
    timeout: Annotated[
        Duration | Expression | None,
        Meta(
            description="After this long the device forgets; a duration, or an expression in s over its points",
            extra=limits("100 ms", "30 d"),
        ),
    ] = None
    allowed: Annotated[Allowed | None, Meta(description="Refused with a reason unless")] = None
    verify: Annotated[Verify | None, Meta(description="How to see that the device follows, after the last step")] = None
    release: Annotated[
        tuple[Step, ...],
        Meta(
            description="Steps that give control back to the device; in what they write, `found` is what the point "
            "held before the first order"
        ),
    ] = ()
    if_unchanged: Annotated[
        Literal["skip", "write"], Meta(description="Whether a point that is known to hold the value is written anyway")
    ] = "skip"

    def __post_init__(self) -> None:
        """Raises: ValueError: settings that make no sense together."""
        check_base_unit(self.unit)
        if self.refresh_s is not None and self.refresh_s <= 0:
            raise ValueError("refresh: must be above 0 s")
        if self.timeout is not None and self.refresh_s is None:
            raise ValueError("timeout: a device that forgets needs a `refresh` of less than half of that")
        if self.refresh_s is not None and isinstance(self.timeout, Duration) and self.refresh_s >= self.timeout / 2:
            raise ValueError(f"refresh: must be less than half of the timeout, which is {self.timeout:g} s")
        if any("value" in step.names for step in self.release):
            raise ValueError("release: there is no `value` when control is given back")
        if any(FOUND in step.names for step in self.steps):
            raise ValueError(f"steps: what was `{FOUND}` is put back in `release` only")
        if any(step.if_ and FOUND in step.if_.names for step in self.release):
            raise ValueError(f"release: `{FOUND}` is of the point that is written, so no `if` knows it")
        if self.verify and self.verify.within_s <= 0:
            raise ValueError("verify: within must be above 0 s")

    @property
    def dimension(self) -> str:
        """Dimension of the value, "" for a state or plain number."""
        return dimension_of(self.unit) if self.unit else ""

    @property
    def written(self) -> frozenset[str]:
        """Points it writes, releasing included."""
        return frozenset().union(*(step.written for step in (*self.steps, *self.release)))

    @property
    def scaled(self) -> frozenset[str]:
        """Points to which it writes more or less by the value that is wanted."""
        written = (
            item for step in self.steps for item in (*(step.write or {}).items(), *(step.together or {}).items())
        )
        return frozenset(point for point, expression in written if "value" in expression.names)

    @property
    def restored(self) -> frozenset[str]:
        """Points in which releasing puts back what was found there."""
        written = (
            item for step in self.release for item in (*(step.write or {}).items(), *(step.together or {}).items())
        )
        return frozenset(point for point, expression in written if FOUND in expression.names)

    @property
    def names(self) -> frozenset[str]:
        """Points, computed values and parameters in its expressions."""
        return self.names_for(0) | self.names_for(RELEASE)

    def names_for(self, value: Value) -> frozenset[str]:
        """Those that must be known to plan *value*."""
        if value == RELEASE:
            return frozenset().union(*(step.names for step in self.release)) - {FOUND}
        expressions = [self.min, self.max, self.least, self.timeout if isinstance(self.timeout, Expression) else None]
        expressions += [self.allowed.if_] if self.allowed else []
        expressions += [self.verify.is_] if self.verify else []
        of_steps = (step.names for step in self.steps)
        return frozenset().union(*of_steps, *(each.names for each in expressions if each)) - {"value"}

    def plan(
        self,
        value: Value,
        known: Mapping[str, Value],
        memory: CommandMemory,
        *,
        again: bool = False,
        is_safe: bool = False,
        found: Mapping[str, Value] = {},
    ) -> Plan:
        """How *value* is done, given what is *known* of the device and what was done before.

        RELEASE is planned as well, and may be done at once, if it was not just now; it puts back what was *found*.
        *again* is for a refresh: nothing is left out, and nothing has to wait. What *is_safe* is never done already:
        nobody knows what the device really holds. Neither that, nor what is 0 or lower, waits for the interval, or
        begins one; only what was confirmed a moment ago, and nothing else begun since, waits for that moment.

        Raises: Disallowed: its interlock forbids it now. DeviceRefused: something it depends on is unknown.
        """
        if value == RELEASE:
            if not self.release:
                raise DeviceRefused("the device cannot take control back: its command has no `release`")
            steps, counts = sequence(self.release, known, memory.counts, found)
            again_at = memory.repeated_at + self._moment_s if memory.told == RELEASE else -inf
            return Plan(RELEASE, steps, not_before=again_at, counts=counts)
        if self.allowed and not self.allowed.if_.evaluate(known):
            raise Disallowed(self.allowed.else_)
        value = self.bounded(value, known)
        if not again and not is_safe and self._is_within_deadband(value, memory):
            return Plan(value, (), is_needless=True)
        scope = {**known, "value": value}
        check = None
        if self.verify:
            wanted = _evaluated(self.verify.is_, scope, "verify")
            check = Check(self.verify.point, wanted, self.verify.tolerance, self.verify.within_s)
        steps, counts = sequence(self.steps, scope, memory.counts)
        is_prompt = is_safe or _is_lower(value, memory)
        not_before = -inf if again else self._not_before(value, memory, is_prompt=is_prompt)
        return Plan(value, steps, check, not_before, counts, is_prompt=is_prompt)

    def timeout_s(self, known: Mapping[str, Value]) -> float | None:
        """After how long the device forgets; None if it does not, or that is unknown."""
        if isinstance(self.timeout, Expression):
            timeout = self.timeout.evaluate(known)
            return timeout if isinstance(timeout, int | float) else None
        return self.timeout

    def bounded(self, value: Value, known: Mapping[str, Value]) -> Value:
        """*value* as it is done: within `min`..`max`, a multiple of `step`, and 0 where it is nearer than `least`.

        Raises: DeviceRefused: no value to set, or a bound is not *known*.
        """
        # 0 is what a device is told to be safe; it must not fail because a limit is unknown.
        if isinstance(value, str | bool) or value == 0:
            return value
        if not isfinite(value):
            raise DeviceRefused(f"{value} is no value to set")
        scope, direction = {**known, "value": value}, direction_of(value)
        for nearer, limit, what in ((min, self.max, "max"), (max, self.min, "min")):
            if limit is not None:
                value = nearer(value, _number(limit, scope, what))
                if direction_of(value) != direction:
                    return 0.0  # a limit beyond 0 leaves nothing, and never makes a discharge of a charge
        # A hair more, so that what is a multiple but for binary fractions stays one.
        if self.step is not None and isfinite(steps := abs(value) / self.step + 1e-9):
            value = copysign(int(steps) * self.step, value)
        if self.least is not None and abs(value) < _number(self.least, scope, "least"):
            value = 0.0
        return value + 0.0

    def _is_within_deadband(self, value: Value, memory: CommandMemory) -> bool:
        if not isinstance(value, int | float) or not isinstance(memory.value, int | float):
            return False
        return abs(value - memory.value) < self.deadband and direction_of(value) == memory.direction

    def _not_before(self, value: Value, memory: CommandMemory, *, is_prompt: bool) -> float:
        is_switching = direction_of(value) != memory.direction
        return max(
            self._paced(value, memory, is_prompt=is_prompt),
            memory.switched_at + self.dwell_s if is_switching else -inf,
        )

    def _paced(self, value: Value, memory: CommandMemory, *, is_prompt: bool) -> float:
        is_confirmed = memory.value == memory.told
        if is_prompt:
            return memory.repeated_at + self._moment_s if is_confirmed and value == memory.told else -inf
        if value == memory.told and not is_confirmed:
            return -inf  # it is what was begun, tried again
        return max(memory.done_at + (self.interval_s or 0.0), memory.told_at + self._moment_s)

    @property
    def _moment_s(self) -> float:
        return min(float(self.interval_s or 0.0), SAME_AGAIN_WITHIN_S)


def _is_lower(value: Value, memory: CommandMemory) -> bool:
    """Whether *value* is 0, or asks for less than what was done last, and than what was begun since."""
    if value == 0:
        return True
    return _is_less(value, memory.value) and (memory.told is None or _is_less(value, memory.told))


def _is_less(value: Value, before: Value | None) -> bool:
    if not isinstance(value, int | float) or not isinstance(before, int | float):
        return False
    return direction_of(value) == direction_of(before) and abs(value) <= abs(before)


def sequence(
    steps: tuple[Step, ...],
    known: Mapping[str, Value],
    counts: Mapping[str, float],
    found: Mapping[str, Value] = {},
) -> tuple[tuple[Write | Wait, ...], dict[str, float]]:
    """What *steps* come to, and where the life counters stand afterwards that stood at *counts*.

    Raises: DeviceRefused: something in them is unknown.
    """
    following = dict(counts)
    return tuple(_actions(steps, known, following, found)), following


def _actions(
    steps: tuple[Step, ...], known: Mapping[str, Value], counts: dict[str, float], found: Mapping[str, Value]
) -> Iterator[Write | Wait]:
    for number, step in enumerate(steps, 1):
        if step.if_ and not _evaluated(step.if_, known, f"step {number}"):
            continue
        if step.wait_s is not None:
            yield Wait(step.wait_s)
        for point, value in _written(step.write or {}, known, found, number):
            yield Write({point: value})
        if together := dict(_written(step.together or {}, known, found, number)):
            yield Write(together)
        for point, written in (step.life or {}).items():
            low, _, high = written.partition("..")
            count = counts.get(point, int(high)) + 1
            counts[point] = count if count <= int(high) else int(low)
            yield Write({point: counts[point]})


def _written(
    expressions: Mapping[str, Expression], known: Mapping[str, Value], found: Mapping[str, Value], number: int
) -> Iterator[tuple[str, Value]]:
    """Points and what they become; one is left out that would get back what was found there, and was never written."""
    for point, expression in expressions.items():
        scope = {**known, FOUND: found[point]} if point in found else known
        if point in found or FOUND not in expression.names or expression.evaluate(known) is not None:
            yield point, _evaluated(expression, scope, f"step {number}, {point}")


def _evaluated(expression: Expression, known: Mapping[str, Value], what: str) -> Value:
    value = expression.evaluate(known)
    if value is None:
        missing = ", ".join(sorted(expression.names - known.keys())) or f"{expression} cannot be computed"
        raise DeviceRefused(f"{what} is unknown: {missing}")
    return value


def _number(expression: Expression, known: Mapping[str, Value], what: str) -> float:
    value = _evaluated(expression, known, what)
    if isinstance(value, str):
        raise DeviceRefused(f"{what} is no number: {value}")
    return value
