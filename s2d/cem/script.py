"""A script for the CEM: the steps in a YAML file. Carries nothing out.

- wait for: FRBC.StorageStatus
- charge: 0.5
  in: 10 s
- wait: 5 s
- terminate
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..config.decoder import Findings, did_you_mean, mapping_of
from ..config.yaml_source import SourcePosition, YamlEntry, YamlNode, parse, read
from ..errors import ConfigError
from ..quantities import Duration
from ..s2.messages.common import InstructionStatus
from ..s2.messages.wire import MESSAGES, name_of
from .commands import Command, CommandRefused, When
from .grammar import after, at, command_of
from .grammar import parse as parse_line

PATIENCE_S = 60.0
"""How long `wait for` waits unless `within` says otherwise."""
CONTROL_TYPE = "control type"
"""Waited for until the wanted control type is active."""

_AWAITABLE = (CONTROL_TYPE, *InstructionStatus, *dict.fromkeys(map(name_of, MESSAGES)))
_MODIFIERS = ("in", "at", "to", "within")


@dataclass(frozen=True, slots=True)
class WaitStep:
    """A step that lets time pass."""

    position: SourcePosition
    for_s: float


@dataclass(frozen=True, slots=True)
class WaitForStep:
    """A step that waits until something has happened."""

    position: SourcePosition
    what: str
    """A message type, a status of the last instruction, or `CONTROL_TYPE`."""
    within_s: float = PATIENCE_S
    to: str | None = None


@dataclass(frozen=True, slots=True)
class CommandStep:
    """A step that gives a command."""

    position: SourcePosition
    command: Command
    to: str | None = None


Step: TypeAlias = WaitStep | WaitForStep | CommandStep


def load(path: Path) -> list[Step]:
    """The steps in the file *path*.

    Raises: ConfigError: it cannot be read or is no script; names every problem.
    """
    return _steps(read(path, str(path)))


def steps_of(text: str, name: str) -> list[Step]:
    """The steps in *text*; problems call its file *name*.

    Raises: ConfigError: it is no script; names every problem.
    """
    return _steps(parse(text, name))


def _steps(node: YamlNode) -> list[Step]:
    if not isinstance(node.content, list) or not node.content:
        what = f"a script is a list of steps, got {node}"
        raise ConfigError([node.position.problem((), what, 'For example "- charge: 0.5"')])
    findings = Findings()
    steps = [findings.attempt(_step, each, (f"step {number}",)) for number, each in enumerate(node.content, 1)]
    findings.raise_problems()
    return [step for step in steps if step is not None]


def _step(node: YamlNode, where: tuple[str, ...]) -> Step:
    if isinstance(node.content, str):
        try:
            line = parse_line(node.content)
        except CommandRefused as exc:
            raise _misspelt(node, where, exc) from exc
        return CommandStep(node.position, line.command, line.to)
    entries = mapping_of(node, where)
    verbs = [key for key in entries if key not in _MODIFIERS]
    if len(verbs) != 1:
        what = f"one step says one thing, got {' and '.join(verbs) or 'none'}"
        position = entries[verbs[1]].position if verbs else node.position
        raise ConfigError([position.problem(where, what, "Begin each step with a dash")])
    verb = verbs[0]
    allowed = {"wait": (), "wait for": ("within", "to")}.get(verb, ("in", "at", "to"))
    findings = Findings()
    for key, entry in entries.items():
        if key != verb and key not in allowed:
            hint = f"It goes with {' and '.join(allowed)}" if allowed else ""
            findings.problems.append(entry.position.problem(where, f'"{key}" does not go with "{verb}"', hint))
    to = findings.attempt(_text, entries["to"].node, where) if "to" in entries and "to" in allowed else None
    step = findings.attempt(_verb_step, verb, entries, where, to)
    findings.raise_problems()
    assert step is not None
    return step


def _verb_step(verb: str, entries: dict[str, YamlEntry], where: tuple[str, ...], to: str | None) -> Step:
    position, value = entries[verb]
    if verb == "wait":
        return WaitStep(position, _duration_s(value, where))
    if verb == "wait for":
        what = _text(value, where)
        if what not in _AWAITABLE:
            known = f"{CONTROL_TYPE}, a message type or one of {', '.join(InstructionStatus)}"
            raise ConfigError(
                [value.position.problem(where, f'expected {known}, got "{what}"', did_you_mean(what, _AWAITABLE))]
            )
        within_s = _duration_s(entries["within"].node, where) if "within" in entries else PATIENCE_S
        return WaitForStep(position, what, within_s, to)
    if "in" in entries and "at" in entries:
        raise ConfigError([entries["at"].position.problem(where, '"in" and "at" exclude each other')])
    when: When | None = None
    for key, moment_of in (("in", after), ("at", at)):
        if key in entries:
            node = entries[key].node
            try:
                when = moment_of(_text(node, where))
            except CommandRefused as exc:
                raise _misspelt(node, where, exc) from exc
    try:
        command = command_of(verb, "" if value.content is None else _text(value, where), when)
    except CommandRefused as exc:
        raise _misspelt(value, where, exc) from exc
    return CommandStep(position, command, to)


def _text(node: YamlNode, where: tuple[str, ...]) -> str:
    if isinstance(node.content, list | dict) or node.content is None:
        raise ConfigError([node.position.problem(where, f"expected one value, got {node}")])
    return node.written


def _duration_s(node: YamlNode, where: tuple[str, ...]) -> float:
    try:
        duration_s = Duration.parse(node.written)
        if duration_s < 0:
            raise ValueError(f"must not be negative, got {node}")
    except ValueError as exc:
        raise ConfigError([node.position.problem(where, str(exc))]) from exc
    return duration_s


def _misspelt(node: YamlNode, where: tuple[str, ...], refused: CommandRefused) -> ConfigError:
    return ConfigError([node.position.problem(where, str(refused))])
