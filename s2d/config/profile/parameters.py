"""What the owner says of a device of some type, and how it is filled in where the profile has holes.

A hole is an expression over parameters in braces: `"{unit_id}"`, `"{connector * 1000 + 114}"`, `"car/{serial}/amp"`.
A scalar that is nothing but the name of a parameter becomes what the owner wrote, with its type; other braces stay.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...device.expression import Expression
from ...errors import ConfigError, Problem
from ...values import Value
from ..decoder import Decoder, Findings, did_you_mean, mapping_of
from ..yaml_source import Entry, Node, Spot, Where
from .keys import QUANTITIES, Parameter

NAME = r"[a-z][a-z0-9_]*"
"""Of a parameter."""
RESERVED = frozenset({"value", "resource_id", "name"})
"""Braces with these belong to somebody else: a payload, a URL."""
TAKEN = frozenset(
    {"kind", "driver", "profile", "part", "connection", "points", "poll", "computed", "commands", "start", "nameplate"}
    | {"variants", "fallback", "report", "cem", "resource_id", "control_types", "true", "false"}
)
"""What an owner writes under these is said of every device."""

_HOLE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Argument:
    """What a parameter is for one device."""

    node: Node
    """As written by the owner, or by the profile as its default."""
    value: Value
    """In the base unit."""


def argument_of(parameter: Parameter, node: Node, decoder: Decoder, where: Where) -> Argument:
    """What *node* says, for *parameter*.

    Raises: ConfigError: something else than the parameter can be.
    """
    shown = node._replace(is_secret=parameter.secret)
    expected: dict[str, object] = {**QUANTITIES, "integer": int, "number": float, "text": str, "boolean": bool}
    if parameter.choices:
        if not any(_is_same(choice, node) for choice in parameter.choices):
            choices = ", ".join(choice.written for choice in parameter.choices)
            hint = did_you_mean(shown.written, (choice.written for choice in parameter.choices))
            raise ConfigError([node.spot.problem(where, f"expected one of: {choices}, got {shown}", hint)])
        assert isinstance(node.content, bool | int | float | str)
        return Argument(shown, node.content)
    value = decoder.value(shown, expected[parameter.type], where)
    assert isinstance(value, bool | int | float | str)
    for limit, sign, words in ((parameter.min, 1, "at least"), (parameter.max, -1, "at most")):
        if limit is not None:
            bound = decoder.value(limit, expected[parameter.type], where)
            assert isinstance(bound, int | float)
            assert isinstance(value, int | float)
            if value * sign < bound * sign:
                raise ConfigError([node.spot.problem(where, f"must be {words} {limit.written}, got {shown}")])
    return Argument(shown, float(value) if isinstance(value, float) else value)


def arguments_of(
    parameters: Mapping[str, Parameter], device: Node, decoder: Decoder, where: Where, findings: Findings
) -> dict[str, Argument]:
    """What every one of *parameters* is for the *device* as its owner wrote it.

    What is missing or wrong is a finding, and stood in for, so that everything else can be looked at as well.
    """
    entries = mapping_of(device, where)
    arguments: dict[str, Argument] = {}
    for name, parameter in parameters.items():
        argument = None
        if name in entries:
            argument = findings.attempt(argument_of, parameter, entries[name].node, decoder, (*where, name))
        elif parameter.is_required:
            hint = f'{parameter.help}, for example "{name}: {parameter.example}"'
            findings.problems.append(device.spot.problem(where, f'missing key "{name}"', hint))
        if argument is None:
            argument = argument_of(parameter, _stand_in(parameter, device.spot), decoder, where)
        arguments[name] = argument
    return arguments


def parameter_problems(name: str, parameter: Parameter, entry: Entry, decoder: Decoder, where: Where) -> list[Problem]:
    """What is wrong with *parameter* itself: its name, its default, its limits."""
    findings = Findings()
    if not re.fullmatch(NAME, name) or name in RESERVED | TAKEN:
        hint = "It means something else" if name in RESERVED | TAKEN else "Use small letters, digits and _"
        findings.problems.append(entry.spot.problem(where, f'"{name}" is no name of a parameter', hint))
    entries = mapping_of(entry.node, where)
    for key in ("min", "max"):
        if key in entries and parameter.type in ("text", "boolean", "choice"):
            findings.problems.append(entries[key].spot.problem((*where, key), f"a {parameter.type} has no limits"))
            return findings.problems
    plain = Parameter(type=parameter.type, help=parameter.help, choices=parameter.choices)
    for key in ("min", "max"):
        if key in entries:
            findings.attempt(argument_of, plain, entries[key].node, decoder, (*where, key))
    if parameter.default is not None and not findings.problems:
        findings.attempt(argument_of, parameter, parameter.default, decoder, (*where, "default"))
    return findings.problems


def filled(node: Node, arguments: Mapping[str, Argument], where: Where, findings: Findings) -> Node:
    """*node* with all its holes filled in; a hole that names no parameter is a finding."""
    match node.content:
        case dict() as entries:
            done = {
                key: Entry(entry.spot, filled(entry.node, arguments, (*where, key), findings))
                for key, entry in entries.items()
            }
            return Node(done, node.spot)
        case list() as members:
            return Node([filled(member, arguments, where, findings) for member in members], node.spot)
        case str() as text if "{" in text:
            return _filled_text(node, text, arguments, where, findings)
    return node


def _filled_text(node: Node, text: str, arguments: Mapping[str, Argument], where: Where, findings: Findings) -> Node:
    whole = _HOLE.fullmatch(text)
    if whole and whole[1].strip() in arguments:
        return arguments[whole[1].strip()].node
    values = {name: argument.value for name, argument in arguments.items()}
    is_secret = False

    def fill(hole: re.Match[str]) -> str:
        nonlocal is_secret
        expression = _expression(hole[1])
        if expression is None:
            return hole[0]
        if unknown := sorted(expression.names - arguments.keys()):
            what = f'no parameter "{unknown[0]}"'
            findings.problems.append(node.spot.problem(where, what, did_you_mean(unknown[0], arguments)))
            return hole[0]
        is_secret = is_secret or any(arguments[name].node.is_secret for name in expression.names)
        if expression.text in arguments:
            return arguments[expression.text].node.written
        value = expression.evaluate(values)
        if value is None:
            findings.problems.append(node.spot.problem(where, f"{hole[0]} cannot be computed"))
            return hole[0]
        return _text(value)

    written = _HOLE.sub(fill, text)
    expression = _expression(whole[1]) if whole else None
    value = expression.evaluate(values) if expression else None
    return Node(written if value is None else _plain(value), node.spot, written, is_secret)


def _expression(written: str) -> Expression | None:
    """The expression in a pair of braces; None if they are no hole."""
    try:
        expression = Expression.parse(written)
    except ValueError:
        return None
    return expression if expression.names and not expression.names & RESERVED else None


def _plain(value: Value) -> Value:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_same(choice: Node, given: Node) -> bool:
    return type(choice.content) is type(given.content) and choice.content == given.content


def _stand_in(parameter: Parameter, spot: Spot) -> Node:
    """Some value that *parameter* can have."""
    for node in (parameter.default, parameter.min, *parameter.choices):
        if node is not None:
            return node
    contents: dict[str, Value] = {"integer": 1, "number": 1.0, "boolean": True}
    if parameter.max is not None:
        return parameter.max
    return Node(contents.get(parameter.type, parameter.example), spot, parameter.example)
