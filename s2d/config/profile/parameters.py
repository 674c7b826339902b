"""Parameters of a profile: the owner's arguments, and how they replace the placeholders of the profile.

A placeholder is an expression over parameters in braces: `"{unit_id}"`, `"{connector * 1000 + 114}"`,
`"car/{serial}/amp"`. A scalar that is nothing but the name of a parameter becomes what the owner wrote, with its type;
other braces stay, and so do `{value}`, `{id}` and `{client}` of a payload.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...device.expression import Expression
from ...errors import ConfigError, Problem
from ...values import Value
from ..decoder import Decoder, Findings, did_you_mean, mapping_of
from ..yaml_source import KeyPath, SourcePosition, YamlEntry, YamlNode
from .keys import QUANTITIES, Parameter

NAME = r"[a-z][a-z0-9_]*"
"""Of a parameter."""
RESERVED = frozenset({"value", "resource_id", "name"})
"""Names in braces that are no parameters: of a payload, of a URL."""
MAYBE_RESERVED = frozenset({"id", "client"})
"""Names in braces of a payload, unless a parameter is called so."""
TAKEN = frozenset(
    {"kind", "driver", "profile", "part", "connection", "points", "poll", "computed", "commands", "start", "nameplate"}
    | {"variants", "fallback", "safe", "report", "cem", "resource_id", "control_types", "true", "false"}
)
"""Keys of every device, which no parameter may be called."""

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument: the value of a parameter for one device."""

    node: YamlNode
    """As written by the owner, or by the profile as its default."""
    value: Value
    """In the base unit."""


def argument_of(parameter: Parameter, node: YamlNode, decoder: Decoder, where: KeyPath) -> Argument:
    """The argument in *node* for *parameter*.

    Raises: ConfigError: a value that the parameter cannot have.
    """
    shown = node._replace(is_secret=parameter.secret)
    expected: dict[str, object] = {**QUANTITIES, "integer": int, "number": float, "text": str, "boolean": bool}
    if parameter.choices:
        if not any(_is_same(choice, node) for choice in parameter.choices):
            choices = ", ".join(choice.written for choice in parameter.choices)
            hint = did_you_mean(shown.written, (choice.written for choice in parameter.choices))
            raise ConfigError([node.position.problem(where, f"expected one of: {choices}, got {shown}", hint)])
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
                raise ConfigError([node.position.problem(where, f"must be {words} {limit.written}, got {shown}")])
    return Argument(shown, float(value) if isinstance(value, float) else value)


def arguments_of(
    parameters: Mapping[str, Parameter], device: YamlNode, decoder: Decoder, where: KeyPath, findings: Findings
) -> dict[str, Argument]:
    """The arguments for all of *parameters* in the *device* as its owner wrote it.

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
            findings.problems.append(device.position.problem(where, f'missing key "{name}"', hint))
        if argument is None:
            argument = argument_of(parameter, _stand_in(parameter, device.position), decoder, where)
        arguments[name] = argument
    return arguments


def parameter_problems(
    name: str, parameter: Parameter, entry: YamlEntry, decoder: Decoder, where: KeyPath
) -> list[Problem]:
    """Problems of *parameter* itself: its name, its default, its limits."""
    findings = Findings()
    if not re.fullmatch(NAME, name) or name in RESERVED | TAKEN:
        hint = "It means something else" if name in RESERVED | TAKEN else "Use small letters, digits and _"
        findings.problems.append(entry.position.problem(where, f'"{name}" is no name of a parameter', hint))
    entries = mapping_of(entry.node, where)
    for key in ("min", "max"):
        if key in entries and parameter.type in ("text", "boolean", "choice"):
            findings.problems.append(entries[key].position.problem((*where, key), f"a {parameter.type} has no limits"))
            return findings.problems
    plain = Parameter(type=parameter.type, help=parameter.help, choices=parameter.choices)
    for key in ("min", "max"):
        if key in entries:
            findings.attempt(argument_of, plain, entries[key].node, decoder, (*where, key))
    if parameter.default is not None and not findings.problems:
        findings.attempt(argument_of, parameter, parameter.default, decoder, (*where, "default"))
    return findings.problems


def fill_placeholders(
    node: YamlNode, arguments: Mapping[str, Argument], where: KeyPath, findings: Findings
) -> YamlNode:
    """*node* with all its placeholders filled in; one that names no parameter is a finding."""
    match node.content:
        case dict() as entries:
            done = {
                key: YamlEntry(entry.position, fill_placeholders(entry.node, arguments, (*where, key), findings))
                for key, entry in entries.items()
            }
            return YamlNode(done, node.position)
        case list() as members:
            return YamlNode(
                [fill_placeholders(member, arguments, where, findings) for member in members], node.position
            )
        case str() as text if "{" in text:
            return _fill_text(node, text, arguments, where, findings)
    return node


def _fill_text(
    node: YamlNode, text: str, arguments: Mapping[str, Argument], where: KeyPath, findings: Findings
) -> YamlNode:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole and whole[1].strip() in arguments:
        return arguments[whole[1].strip()].node
    values = {name: argument.value for name, argument in arguments.items()}
    is_secret = False

    def fill(placeholder: re.Match[str]) -> str:
        nonlocal is_secret
        expression = _expression(placeholder[1])
        if expression is None or expression.names & MAYBE_RESERVED - arguments.keys():
            return placeholder[0]
        if unknown := sorted(expression.names - arguments.keys()):
            what = f'no parameter "{unknown[0]}"'
            findings.problems.append(node.position.problem(where, what, did_you_mean(unknown[0], arguments)))
            return placeholder[0]
        is_secret = is_secret or any(arguments[name].node.is_secret for name in expression.names)
        if expression.text in arguments:
            return arguments[expression.text].node.written
        value = expression.evaluate(values)
        if value is None:
            findings.problems.append(node.position.problem(where, f"{placeholder[0]} cannot be computed"))
            return placeholder[0]
        return _text(value)

    written = _PLACEHOLDER.sub(fill, text)
    expression = _expression(whole[1]) if whole else None
    value = expression.evaluate(values) if expression else None
    return YamlNode(written if value is None else _plain(value), node.position, written, is_secret)


def _expression(written: str) -> Expression | None:
    """The expression in a pair of braces; None if they are no placeholder."""
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


def _is_same(choice: YamlNode, node: YamlNode) -> bool:
    return type(choice.content) is type(node.content) and choice.content == node.content


def _stand_in(parameter: Parameter, position: SourcePosition) -> YamlNode:
    """Some value that *parameter* can have."""
    for node in (parameter.default, parameter.min, *parameter.choices):
        if node is not None:
            return node
    contents: dict[str, Value] = {"integer": 1, "number": 1.0, "boolean": True}
    if parameter.max is not None:
        return parameter.max
    return YamlNode(contents.get(parameter.type, parameter.example), position, parameter.example)
