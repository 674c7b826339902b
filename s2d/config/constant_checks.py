"""Checks of constants in expressions: whether a point can take, or ever be, the values known before it is read."""

import ast
from collections.abc import Iterator, Mapping

from ..device.command import Command, Step
from ..device.device_map import DeviceMap
from ..device.expression import Expression
from ..driver import PointSettings
from ..errors import DeviceRefused, Problem
from ..values import RELEASE, Value
from .decoder import did_you_mean, node_at
from .yaml_source import KeyPath, SourcePosition, YamlEntry


def constant_problems(make: DeviceMap, entries: Mapping[str, YamlEntry], where: KeyPath) -> Iterator[Problem]:
    """Where steps of *make* write what a point cannot take, and where `verify` waits for what it never is."""
    sequences = [(make.start, entries["start"].node, (*where, "start"))] if "start" in entries else []
    for name, command in make.commands.items():
        node, inside = node_at(entries["commands"].node, name), (*where, "commands", name)
        sequences.append((command.steps, node_at(node, "steps"), (*inside, "steps")))
        sequences.append((command.release, node_at(node, "release"), (*inside, "release")))
        if command.verify:
            position, inside = node_at(node, "verify", "is").position, (*inside, "verify", "is")
            for value in _possible_values(_tree(command.verify.is_), make.parameters):
                yield from _never(command.verify.point, value, make.points, position, inside)
    for steps, node, inside in sequences:
        written = node.content if isinstance(node.content, list) else []
        for step, each in zip(steps, written, strict=False):
            for key, name, objection in _objections(step, make.points, make.parameters):
                yield node_at(each, key, name).position.problem((*inside, key, name), objection)


def comparison_problems(
    expression: Expression, points: Mapping[str, PointSettings], position: SourcePosition, where: KeyPath
) -> Iterator[Problem]:
    """Where *expression* compares one of *points* with a state that it is never in."""
    for name, value in _comparisons(_tree(expression)):
        yield from _never(name, value, points, position, where)


def objection_to(command: Command, value: Value, make: DeviceMap) -> str | None:
    """Why *command* of *make* can never do *value*, if so; what is wrong whatever the value is does not count."""
    if value == RELEASE:
        return None
    known = {**make.parameters}
    try:
        known["value"] = command.bounded(value, make.parameters)
    except DeviceRefused:  # only the device knows how it is bounded
        return None
    for step in command.steps:
        anyway = set(_objections(step, make.points, make.parameters))
        for each in _objections(step, make.points, known):
            if each not in anyway:
                return f"{each[1]}: {each[2]}"
    return None


def _objections(
    step: Step, points: Mapping[str, PointSettings], known: Mapping[str, Value]
) -> Iterator[tuple[str, str, str]]:
    """Key of *step*, point under it, and why that can never take its value, as far as *known* settles it."""
    if step.if_ and (_truth(_tree(step.if_), known) is False or _is_undecided(_tree(step.if_), known)):
        return
    told: list[tuple[str, str, Iterator[Value]]] = [
        (key, name, _possible_values(_tree(expression), known))
        for key, of in (("write", step.write), ("together", step.together))
        for name, expression in (of or {}).items()
    ]
    told += [("life", name, map(int, ends.split(".."))) for name, ends in (step.life or {}).items()]
    for key, name, values in told:
        point = points.get(name)
        objections = (point.objection_to(value) for value in values) if point and point.is_writable else ()
        yield from ((key, name, objection) for objection in objections if objection)


def _never(
    name: str, value: Value, points: Mapping[str, PointSettings], position: SourcePosition, where: KeyPath
) -> Iterator[Problem]:
    """That *name*, if it is one of *points* and has states, is never *value*."""
    states = points[name].values if name in points else None
    if states is not None and value not in states.values():
        shown = f"'{value}'" if isinstance(value, str) else str(value)
        hint = did_you_mean(str(value), states.values()) or f"It has the states {', '.join(states.values())}"
        yield position.problem(where, f'"{name}" is never {shown}', hint)


def _possible_values(node: ast.expr, known: Mapping[str, Value]) -> Iterator[Value]:
    """The values *node* can have, as far as *known* settles that: of `a if c else b` both, unless it settles c."""
    if not isinstance(node, ast.IfExp):
        value = _value(node, known)
        yield from () if value is None else (value,)
        return
    if _is_undecided(node.test, known):
        return
    holds = _truth(node.test, known)
    if holds is None or holds:
        yield from _possible_values(node.body, known)
    if not holds:
        yield from _possible_values(node.orelse, known)


def _truth(node: ast.expr, known: Mapping[str, Value]) -> bool | None:
    """Whether *node* holds; None if *known* does not settle that."""
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            truths = [_truth(part, known) for part in parts]
            return False if False in truths else None if None in truths else True
        case ast.BoolOp(op=ast.Or(), values=parts):
            truths = [_truth(part, known) for part in parts]
            return True if True in truths else None if None in truths else False
        case ast.UnaryOp(op=ast.Not(), operand=part):
            truth = _truth(part, known)
            return None if truth is None else not truth
    value = _value(node, known)
    return None if value is None else bool(value)


def _is_undecided(test: ast.expr, known: Mapping[str, Value]) -> bool:
    """Whether only the device can decide *test* for the value that is known."""
    names = {each.id for each in ast.walk(test) if isinstance(each, ast.Name)}
    return "value" in names and "value" in known and _truth(test, known) is None


def _comparisons(tree: ast.expr) -> Iterator[tuple[str, Value]]:
    """Names, each with a constant that it is compared with for equality."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
                pairs = [(left, right), (right, left)]
            case ast.Compare(
                left=left, ops=[ast.In() | ast.NotIn()], comparators=[ast.Tuple(elts=choices) | ast.List(elts=choices)]
            ):
                pairs = [(left, choice) for choice in choices]
            case ast.Call(func=ast.Name(id="state"), args=[left, *choices]):
                pairs = [(left, choice) for choice, _ in zip(choices[::2], choices[1::2], strict=False)]
            case _:
                pairs = []
        for one, other in pairs:
            constant = _value(other, {})
            if isinstance(one, ast.Name) and constant is not None:
                yield one.id, constant


def _value(node: ast.expr, known: Mapping[str, Value]) -> Value | None:
    """The value of *node*; None if *known* lacks a name in it."""
    try:
        expression = Expression.parse(ast.unparse(node))
    except ValueError:  # spelt out again it can be longer than an expression may be
        return None
    return expression.evaluate(known) if expression.names <= known.keys() else None


def _tree(expression: Expression) -> ast.expr:
    return ast.parse(expression.text, mode="eval").body
