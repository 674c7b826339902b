"""A manual write: from the value as it is typed to the plan of writes in words."""

from collections.abc import AsyncIterator, Iterator
from math import inf
from operator import gt, lt

from ..config import DeviceConfig
from ..config.point import quantity_of
from ..config.wording import did_you_mean
from ..device.command import Command
from ..device.command_plan import Plan, Wait
from ..device.device_map import commands_of
from ..errors import S2dError
from ..quantities import dimension_of
from ..rm.kinds import kind
from ..values import RELEASE, Setpoint, Value
from .device_visit import DeviceVisit
from .table import shown, unit_of

REASON = "s2d write"


class InvalidWrite(S2dError):
    """An error: what was typed is no point or value that the device can be told."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


def command_of(visit: DeviceVisit, point: str) -> Command:
    """The command that writes *point*.

    Raises: InvalidWrite: it cannot be.
    """
    commands = commands_of(visit.make)
    if point in commands:
        return commands[point]
    hint = did_you_mean(point, commands) or f"It takes: {', '.join(commands) or 'nothing'}"
    raise InvalidWrite(f"{visit.config.name} cannot be told {point}. {hint}")


def parsed_value(visit: DeviceVisit, point: str, typed: str) -> Value:
    """The value *typed* for *point*: `release`, a quantity ("3 kW"), a number in the base unit, or a state.

    Raises: InvalidWrite: none of these.
    """
    if typed == RELEASE:
        return RELEASE
    try:
        return float(typed)
    except ValueError:
        pass
    if unit := unit_of(visit, point):
        try:
            return float(quantity_of(dimension_of(unit)).parse(typed))
        except ValueError as exc:
            raise InvalidWrite(str(exc)) from exc
    return {"true": True, "false": False}.get(typed, typed)


def within_reach(config: DeviceConfig, point: str, value: Value) -> Value:
    """*value* for *point*, bounded by what the configuration of the device says of its powers."""
    if config.kind is None or isinstance(value, str | bool):
        return value
    low, high = kind(config.kind).reach(config.settings).get(point, (-inf, inf))
    return min(max(value, low), high)


def bounds_in_words(visit: DeviceVisit, command: Command, point: str, wanted: Value, plan: Plan) -> list[str]:
    """Why *plan* is for another value than was *wanted* of *point*, in a line for each reason; often none."""
    if isinstance(wanted, str | bool) or isinstance(plan.value, str | bool) or plan.value == wanted:
        return []
    unit = unit_of(visit, point)
    lines = []
    reached = within_reach(visit.config, point, wanted)
    assert not isinstance(reached, str)
    if reached != wanted:
        lines.append(f"its configuration allows {shown(reached)} {unit} of the {shown(wanted)} {unit} asked for")
    scope = {**visit.opened.latest.values, "value": reached}
    for key, limit, is_beyond in (("max", command.max, gt), ("min", command.min, lt)):
        bound = limit.evaluate(scope) if limit else None
        if isinstance(bound, int | float) and is_beyond(reached, bound):
            lines.append(f"the `{key}` of its command, {limit}, is {shown(float(bound))} {unit} now")
    least = command.least.evaluate(scope) if command.least else None
    if isinstance(least, int | float) and abs(plan.value) < abs(reached) < least:
        lines.append(f"nearer to 0 than its `least`, {shown(float(least))} {unit}, it does nothing")
    elif command.step and not lines:
        lines.append(f"it takes steps of {command.step:g} {unit}")
    return [f"  bounded: {line}".rstrip() for line in lines]


def what_is_left(visit: DeviceVisit, point: str, plan: Plan) -> str:
    """What stays in the device once nobody cares for it any more, in a sentence."""
    if plan.value == RELEASE:
        return "control is with the device again"
    command = command_of(visit, point)
    value = f"{shown(plan.value)} {unit_of(visit, point)}".rstrip()
    if forgets_s := command.timeout_s(visit.opened.latest.values):
        return f"{point} was told {value}, which stays until the device forgets it within {forgets_s:g} s"
    if command.release:
        return f"{point} was told {value}, which stays; to give control back, write `release`"
    return f"{point} was told {value}, which stays until something else is written"


async def plan_in_words(visit: DeviceVisit, point: str, plan: Plan) -> list[str]:
    """The writes of *plan* for *point* in words, one line each.

    Raises: DeviceUnreachable: the device did not answer. DeviceRefused: a point cannot hold its value.
    """
    lines = [line async for line in _step_lines(visit, plan)]
    command = command_of(visit, point)
    unit = unit_of(visit, point)
    becomes = "is given back to the device" if plan.value == RELEASE else f"becomes {shown(plan.value)} {unit}".rstrip()
    head = f"{point} of {visit.config.name} {becomes}{':' if lines else ', for which nothing has to be written'}"
    if plan.check:
        check = plan.check
        lines.append(f"then {check.point} has to become {shown(check.value)} within {check.within_s:g} s")
    numbered = [f"  {number}. {line}" for number, line in enumerate(lines, 1)]
    forgets_s = command.timeout_s(visit.opened.latest.values)
    if forgets_s and plan.value != RELEASE:
        numbered.append(f"  the device forgets that after {forgets_s:g} s, and nobody repeats it")
    return [head, *numbered]


async def _step_lines(visit: DeviceVisit, plan: Plan) -> AsyncIterator[str]:
    for step in plan.steps:
        if isinstance(step, Wait):
            yield f"wait {step.seconds:g} s"
            continue
        parts = []
        for name, value in step.values.items():
            wear = " (kept in memory that wears out)" if visit.make.points[name].persistent else ""
            parts.append(f"{name} becomes {shown(value)} {unit_of(visit, name)}".rstrip() + wear)
        requests = ""
        if visit.tap:
            first, *others = (Setpoint(name, value, REASON) for name, value in step.values.items())
            requests = f": {', '.join(await visit.tap.preview_write(first, *others))}"
        yield " and ".join(parts) + requests


def written_points(plan: Plan) -> Iterator[str]:
    """The points that *plan* writes."""
    for step in plan.steps:
        if not isinstance(step, Wait):
            yield from step.values


def wears_out(visit: DeviceVisit, plan: Plan) -> bool:
    """Whether *plan* writes memory that wears out."""
    return any(visit.make.points[name].persistent for name in written_points(plan) if name in visit.make.points)
