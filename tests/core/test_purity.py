"""The purity line: what lies below it reads no clock, does no I/O, starts no task, draws no random number.

Below it are the S2 language, the resource manager and the ground they stand on, folder by folder; and every other
module whose docstring calls it pure.
"""

import ast
from pathlib import Path

import pytest

import s2d

S2D = Path(s2d.__file__).parent
PURE_FOLDERS = ("s2", "rm")
PURE_MODULES = (
    "errors.py",
    "written.py",
    "values.py",
    "quantities.py",
    "phases.py",
    "heat.py",
    "schedule.py",
    "text.py",
    "backoff.py",
    "events.py",
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
COMMAND_LINES = {"s2/rules/__main__.py", "s2/messages/schema.py"}
"""Run by hand beside the daemon: they print, or write the schemas."""


def _is_pure(path: Path) -> bool:
    place = path.relative_to(S2D)
    claims = "Pure" in (ast.get_docstring(ast.parse(path.read_text())) or "")
    return claims or place.parts[0] in PURE_FOLDERS or str(place) in PURE_MODULES


PURE = sorted(
    place for path in S2D.rglob("*.py") if _is_pure(path) and str(place := path.relative_to(S2D)) not in COMMAND_LINES
)


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
