"""The registry of rules: how a rule is stated, and how a message is judged by all rules about its type.

A rule is a function whose first argument is annotated with what it is about: messages, or parts that
messages are made of. It returns where in that, and how, it is broken first, or None. A rule about a
message may also ask for the history of the session, and for the instant, as its second and third argument.
A rule about parts of which a message has hundreds asks for a Sequence of them: all that stand in one place.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from ...values import Now
from ..messages import wire
from ..messages.common import EnergyManagementRole, Tagged
from .history import History

Breach = tuple[str, str]
"""JSON pointer to what is wrong, and what is wrong with it."""
PartBreach = tuple[int, str, str]
"""Which of the parts it is, JSON pointer within it, and what is wrong with it."""


class Severity(StrEnum):
    """What becomes of a message that breaks a rule."""

    ERROR = "error"
    """The message is refused; as one of our own it is a bug."""
    WARNING = "warning"
    """It is only logged."""


class Rule(NamedTuple):
    """A semantic rule: one sentence that every message must keep to, with its source and its severity."""

    id: str
    """Stable, e.g. `FRBC-003`."""
    severity: Severity
    sentence: str
    source: str
    judged_in: str = ""
    """The file that enforces it, where that is not one of this package."""


class Violation(NamedTuple):
    """A rule broken by one message, and where."""

    rule: Rule
    pointer: str
    """JSON pointer into the message."""
    sentence: str

    @property
    def label(self) -> str:
        """As a diagnostic label has it, e.g. `NUM-004 at /operation_mode_factor: a factor lies between 0 and 1`."""
        return f"{self.rule.id} at {self.pointer}: {self.sentence}"


REGISTRY: dict[str, Rule] = {}
"""Every rule by its id."""

_Check = Callable[..., Breach | None]
_PartsCheck = Callable[[Sequence[Any]], PartBreach | None]
_CheckFunction = TypeVar("_CheckFunction", bound=_Check | _PartsCheck)
_Checks = list[tuple[Rule, _Check]]
_ByKind = dict[type[Struct], _Checks]

_alone: _ByKind = {}
_in_session: dict[EnergyManagementRole, _ByKind] = {role: {} for role in EnergyManagementRole}
_in_time: dict[EnergyManagementRole, _ByKind] = {role: {} for role in EnergyManagementRole}
_of_parts: dict[type[Struct], list[tuple[Rule, _PartsCheck]]] = {}


def judge(message: Tagged, sender: EnergyManagementRole, history: History, now: Now) -> list[Violation]:
    """Every rule that *message* from *sender* breaks, each with the first place where it does, in a stable order.

    Rules about the message alone come first, then those about the session; *history* does not hold the message yet.
    """
    alone, paths, in_session, in_time = _rules_about(message.__class__, sender)
    violations: list[Violation] = []
    for rule, check in alone:
        breach = check(message)
        if breach is not None:
            violations.append(Violation(rule, *breach))
    if paths:
        _judge_parts(message, paths, violations)
    for rule, check in in_session:
        breach = check(message, history)
        if breach is not None:
            violations.append(Violation(rule, *breach))
    for rule, check in in_time:
        breach = check(message, history, now)
        if breach is not None:
            violations.append(Violation(rule, *breach))
    return violations if len(violations) < 2 else _first_of_each(violations)


def rule(
    rule_id: str,
    sentence: str,
    *,
    source: str,
    severity: Severity = Severity.ERROR,
    sender: EnergyManagementRole | None = None,
) -> Callable[[_CheckFunction], _CheckFunction]:
    """States a rule; one about the session may hold for what *sender* says only."""
    new_rule = add_rule(Rule(rule_id, severity, sentence, source))

    def register(check: _CheckFunction) -> _CheckFunction:
        subject: Any
        subject, *further = check.__annotations__.values()
        asks_for_all = get_origin(subject) is Sequence
        if asks_for_all:
            (subject,) = get_args(subject)
        of_message: Any = _of_one(check) if asks_for_all else check  # type: ignore[arg-type]
        of_parts: Any = check if asks_for_all else _of_each(check)  # type: ignore[arg-type]
        # What is left of the annotations is what else it asks for, and the return type.
        by_role = {1: dict.fromkeys(EnergyManagementRole, _alone), 2: _in_session, 3: _in_time}[len(further)]
        tables = {id(table): table for role, table in by_role.items() if sender in (None, role)}.values()
        for kind in get_args(subject) or (subject,):
            messages = [message for message in wire.MESSAGES if issubclass(message, kind)]
            for table in tables:
                for message in messages:
                    table.setdefault(message, []).append((new_rule, of_message))
            if not messages:
                _of_parts.setdefault(kind, []).append((new_rule, of_parts))
        return check

    return register


def add_rule(new_rule: Rule) -> Rule:
    """Adds *new_rule* to the registry."""
    assert new_rule.id not in REGISTRY, f"{new_rule.id} is stated twice"
    REGISTRY[new_rule.id] = new_rule
    return new_rule


class _PartsPath(NamedTuple):
    """The path to all parts of one kind in a message, e.g. `/actuators/*/timers/*`."""

    parent: int
    """The number of the path to what they are parts of; 0 is the message, 1 the first path, and so on."""
    name: str
    is_many: bool
    parts_of: Callable[[Any], Sequence[Any]]
    """Those of one part at the parent's path."""
    checks: list[tuple[Rule, _PartsCheck]]


@cache
def _rules_about(
    kind: type[Struct], sender: EnergyManagementRole
) -> tuple[_Checks, list[_PartsPath], _Checks, _Checks]:
    """The rules about a *kind* of message alone, about its parts, in the session, and in time.

    Put together when the first of its kind is judged: by then all rules are stated.
    """
    paths: list[_PartsPath] = []
    _add_paths(paths, kind, 0)
    return _alone.get(kind, []), paths, _in_session[sender].get(kind, []), _in_time[sender].get(kind, [])


def _add_paths(paths: list[_PartsPath], kind: type[Struct], parent: int) -> None:
    """Adds the paths in a *kind* of message or part that lead to something to judge, parents first."""
    for field in msgspec.structs.fields(kind):
        part, is_many = _part_of(field.type)
        if part is not None and _is_judged(part):
            parts_of = attrgetter(field.name) if is_many else _one_or_none(field.name)
            paths.append(_PartsPath(parent, field.encode_name, is_many, parts_of, _of_parts.get(part, [])))
            _add_paths(paths, part, len(paths))


def _is_judged(part: type[Struct]) -> bool:
    within = (_part_of(field.type)[0] for field in msgspec.structs.fields(part))
    return part in _of_parts or any(_is_judged(each) for each in within if each is not None)


def _part_of(annotation: Any) -> tuple[type[Struct] | None, bool]:
    """The Struct that a field is made of, if it is of one, and whether it holds many."""
    is_many = False
    while get_args(annotation):
        is_many |= get_origin(annotation) is tuple
        annotation = get_args(annotation)[0]
    return (annotation if isinstance(annotation, type) and issubclass(annotation, Struct) else None), is_many


def _judge_parts(message: Tagged, paths: list[_PartsPath], violations: list[Violation]) -> None:
    parts_at: list[Sequence[Any]] = [(message,)]
    for parent, _, _, parts_of, checks in paths:
        owners = parts_at[parent]
        parts: Sequence[Any]
        if len(owners) == 1:
            parts = parts_of(owners[0])
        else:
            parts = list(chain.from_iterable(map(parts_of, owners)))
        parts_at.append(parts)
        for rule, check in checks if parts else ():
            breach = check(parts)
            if breach is not None:
                index, pointer, sentence = breach
                where = _pointer_to(index, len(parts_at) - 1, paths, parts_at)
                violations.append(Violation(rule, where + pointer, sentence))


def _pointer_to(index: int, number: int, paths: list[_PartsPath], parts_at: list[Sequence[Any]]) -> str:
    """The JSON pointer to one of the parts at the path of that *number*."""
    if number == 0:
        return ""
    path = paths[number - 1]
    owner = 0
    while index >= (count := len(path.parts_of(parts_at[path.parent][owner]))):
        index -= count
        owner += 1
    step = f"/{path.name}/{index}" if path.is_many else f"/{path.name}"
    return _pointer_to(owner, path.parent, paths, parts_at) + step


def _of_each(check: _Check) -> _PartsCheck:
    def check_each(parts: Sequence[object]) -> PartBreach | None:
        for index, part in enumerate(parts):
            breach = check(part)
            if breach is not None:
                return index, *breach
        return None

    return check_each


def _of_one(check: _PartsCheck) -> _Check:
    def check_one(message: object) -> Breach | None:
        breach = check((message,))
        return None if breach is None else breach[1:]

    return check_one


def _one_or_none(name: str) -> Callable[[object], Sequence[object]]:
    def parts_of(whole: object) -> Sequence[object]:
        part = getattr(whole, name)
        return () if part is None else (part,)

    return parts_of


def _first_of_each(violations: list[Violation]) -> list[Violation]:
    first: dict[str, Violation] = {}
    for violation in violations:
        first.setdefault(violation.rule.id, violation)
    return list(first.values())
