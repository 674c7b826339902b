"""Checks of write wear: what a refresh cannot do for a persistent point, which it never writes."""

from collections.abc import Collection, Iterator

from ..device.command import Command, Step
from ..device.device_map import DeviceMap
from ..device.expression import Expression
from ..errors import Problem
from .decoder import node_at
from .yaml_source import KeyPath, YamlNode

_ELSE = "or leave the refresh out"


def wear_problems(command: Command, make: DeviceMap, node: YamlNode, where: KeyPath) -> Iterator[Problem]:
    """Where the refresh of *command*, written at *node*, would have to write persistent points."""
    if command.refresh_s is None:
        return
    written = frozenset().union(*(step.written for step in command.steps)) & make.points.keys()
    if written and all(make.points[name].persistent for name in written):
        position, inside = node_at(node, "refresh").position, (*where, "refresh")
        yield position.problem(inside, "has nothing to repeat: all that is written is persistent", "Leave it out")
        return
    steps = node_at(node, "steps").content
    assert isinstance(steps, list)
    for step, step_node in zip(command.steps, steps, strict=True):
        yield from _step_problems(step, make, step_node, (*where, "steps"))


def _step_problems(step: Step, make: DeviceMap, node: YamlNode, where: KeyPath) -> Iterator[Problem]:
    key = "write" if step.write else "together" if step.together else "life"
    expressions = {**(step.write or {}), **(step.together or {})}
    targets = node_at(node, key).content
    worn = {name for name, point in make.points.items() if point.persistent}
    volatile = ", ".join(f'"{name}"' for name in step.together or {} if name not in worn)
    for name, entry in targets.items() if isinstance(targets, dict) else ():
        if name not in worn:
            continue
        inside, what = (*where, key), f'"{name}" is persistent, so it is never refreshed; '
        if volatile:
            hint = f"Write it in a step of its own, {_ELSE}"
            yield entry.position.problem(inside, f"{what}it cannot go together with {volatile}", hint)
        if name not in expressions:
            yield entry.position.problem(inside, f"{what}it cannot count", f"Take a volatile point, {_ELSE}")
        elif changing := _changing(expressions[name], make, worn):
            hint = f"Make it of what does not change, {_ELSE}"
            yield entry.position.problem(inside, f"{what}it cannot follow {', '.join(changing)}", hint)


def _changing(expression: Expression, make: DeviceMap, worn: Collection[str]) -> list[str]:
    """Names in *expression* of points that are read and change by themselves."""

    def changes(name: str, path: tuple[str, ...] = ()) -> bool:
        if name in make.computed and name not in path:
            return any(changes(each, (*path, name)) for each in make.computed[name].value.names)
        return name in make.points and make.points[name].poll != "once" and name not in worn

    return sorted(filter(changes, expression.names))
