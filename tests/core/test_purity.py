"""The purity line: what lies below it reads no clock, does no I/O, starts no task, draws no random number."""

import ast
from pathlib import Path

import pytest

import s2d

S2D = Path(s2d.__file__).parent
PURE = sorted(
    path.relative_to(S2D)
    for pattern in (
        "errors.py",
        "values.py",
        "quantities.py",
        "effects.py",
        "backoff.py",
        "messages/*.py",
        "rules/*.py",
        "session.py",
        "instructions.py",
        "control/*.py",
        "resources/*.py",
        "policy.py",
        "resource_manager.py",
        "expression.py",
        "computed.py",
        "command.py",
        "plan.py",
        "variant.py",
        "schedule.py",
        "simulation/battery.py",
        "simulation/registers.py",
        "cem/conversation.py",
        "cem/commands.py",
        "cem/view.py",
    )
    for path in S2D.glob(pattern)
)
IMPURE_MODULES = {
    "asyncio",
    "time",
    "random",
    "secrets",
    "socket",
    "threading",
    "os",
    "pathlib",
    "logging",
    "structlog",
}
IMPURE_METHODS = {"now", "utcnow", "today", "uuid1", "uuid4"}
IMPURE_FUNCTIONS = {"uuid1", "uuid4", "open", "print", "input"}


@pytest.mark.parametrize("path", PURE, ids=str)
def test_nothing_below_the_line_reaches_outside(path: Path) -> None:
    tree = ast.parse((S2D / path).read_text())
    imported = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert imported & IMPURE_MODULES == set()
    assert {function.attr for function in called if isinstance(function, ast.Attribute)} & IMPURE_METHODS == set()
    assert {function.id for function in called if isinstance(function, ast.Name)} & IMPURE_FUNCTIONS == set()
