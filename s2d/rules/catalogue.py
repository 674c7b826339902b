"""What a rule is, how one is stated, and how a message is judged by all that are about it.

A rule is a function whose first argument is annotated with what it is about: messages, or parts that
messages are made of. It returns where in that, and how, it is broken first, or None. A rule about a
message may also ask for what was said in the session, and for the instant, as its second and third argument.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from ..messages import wire
from ..messages.common import EnergyManagementRole, Tagged
from ..values import Now
from .said import Said

Breach = tuple[str, str]
"""JSON pointer to what is wrong, and what is wrong with it."""


class Severity(StrEnum):
    ERROR = "error"
    """The message is refused; as one of our own it is a bug."""
    WARNING = "warning"
    """It is only logged."""


class Rule(NamedTuple):
    """One sentence every message must keep to."""

    id: str
    """Stable, e.g. `FRBC-003`."""
    severity: Severity
    sentence: str
    source: str
    judged_in: str = ""
    """The file that judges it, where that is not here."""


class Violation(NamedTuple):
    rule: Rule
    pointer: str
    """JSON pointer into the message."""
    sentence: str

    @property
    def label(self) -> str:
        """As a diagnostic label has it, e.g. `NUM-004 at /operation_mode_factor: a factor lies between 0 and 1`."""
        return f"{self.rule.id} at {self.pointer}: {self.sentence}"


CATALOGUE: dict[str, Rule] = {}
"""Every rule by its id."""

_Check = Callable[..., Breach | None]
_Stated = TypeVar("_Stated", bound=_Check)
_Checks = list[tuple[Rule, _Check]]

_ByKind = dict[type[Struct], _Checks]

_alone: _ByKind = {}
"""By message or part."""
_in_session: dict[EnergyManagementRole, _ByKind] = {role: {} for role in EnergyManagementRole}
_in_time: dict[EnergyManagementRole, _ByKind] = {role: {} for role in EnergyManagementRole}


def judge(message: Tagged, sender: EnergyManagementRole, said: Said, now: Now) -> list[Violation]:
    """Every rule that *message* from *sender* breaks, each with the first place where it does, in a stable order.

    Rules about the message alone come first, then those about the session; *said* does not hold the message yet.
    """
    kind = message.__class__
    violations: list[Violation] = []
    walk = _walk_through(kind)
    if walk is not None:
        walk(message, violations)
        if len(violations) > 1:
            violations = _first_of_each(violations)
    for rule, check in _in_session[sender].get(kind, ()):
        breach = check(message, said)
        if breach is not None:
            violations.append(Violation(rule, *breach))
    for rule, check in _in_time[sender].get(kind, ()):
        breach = check(message, said, now)
        if breach is not None:
            violations.append(Violation(rule, *breach))
    return violations


def rule(
    rule_id: str,
    sentence: str,
    *,
    source: str,
    severity: Severity = Severity.ERROR,
    sender: EnergyManagementRole | None = None,
) -> Callable[[_Stated], _Stated]:
    """States a rule; one about the session may hold for what *sender* says only."""
    stated = state(Rule(rule_id, severity, sentence, source))

    def register(check: _Stated) -> _Stated:
        subject, *further = check.__annotations__.values()
        # What is left of the annotations is what else it asks for, and the return type.
        by_role = {1: dict.fromkeys(EnergyManagementRole, _alone), 2: _in_session, 3: _in_time}[len(further)]
        tables = {id(table): table for role, table in by_role.items() if sender in (None, role)}.values()
        for kind in get_args(subject) or (subject,):
            about = [message for message in wire.MESSAGES if issubclass(message, kind)] or [kind]
            for table in tables:
                for each in about:
                    table.setdefault(each, []).append((stated, check))
        return check

    return register


def state(stated: Rule) -> Rule:
    """Adds a rule to the catalogue."""
    assert stated.id not in CATALOGUE, f"{stated.id} is stated twice"
    CATALOGUE[stated.id] = stated
    return stated


_Walk = Callable[[Any, list[Violation]], None]


@cache
def _walk_through(kind: type[Struct]) -> _Walk | None:
    """Judges one *kind* by the rules about it alone and about its parts; None where there are none.

    Made when the first of its kind is judged: by then all rules are stated.
    """
    checks = _alone.get(kind, [])
    parts = [
        (field.name, is_many, walk_part)
        for field in msgspec.structs.fields(kind)
        for part, is_many in [_part_of(field.type)]
        if part is not None and (walk_part := _walk_through(part)) is not None
    ]

    def walk(message: object, violations: list[Violation]) -> None:
        for rule, check in checks:
            breach = check(message)
            if breach is not None:
                violations.append(Violation(rule, *breach))
        for name, is_many, walk_part in parts:
            count = len(violations)
            value = getattr(message, name)
            if is_many:
                for index, part in enumerate(value):
                    walk_part(part, violations)
                    if len(violations) > count:
                        _prefix(f"/{name}/{index}", violations, count)
                        count = len(violations)
            elif value is not None:
                walk_part(value, violations)
                _prefix(f"/{name}", violations, count)

    return walk if checks or parts else None


def _part_of(annotation: Any) -> tuple[type[Struct] | None, bool]:
    """The Struct that a field is made of, if it is of one, and whether it holds many."""
    is_many = False
    while get_args(annotation):
        is_many |= get_origin(annotation) is tuple
        annotation = get_args(annotation)[0]
    return (annotation if isinstance(annotation, type) and issubclass(annotation, Struct) else None), is_many


def _prefix(place: str, violations: list[Violation], start: int) -> None:
    violations[start:] = [Violation(rule, place + pointer, sentence) for rule, pointer, sentence in violations[start:]]


def _first_of_each(violations: list[Violation]) -> list[Violation]:
    first: dict[str, Violation] = {}
    for violation in violations:
        first.setdefault(violation.rule.id, violation)
    return list(first.values())
