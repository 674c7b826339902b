"""Every event the daemon can log stands in the README's table of events, and nothing else does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import s2d
from s2d.rm.instructions import _EVENTS

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception"}
NEVER_SAID = {"instruction.new"}
"""The status NEW exists in S2; an instruction is accepted or rejected at once."""


def test_the_readme_lists_every_event_and_no_other():
    said = {event for path in sorted(Path(s2d.__file__).parent.rglob("*.py")) for event in events_in(path)}
    table = (ROOT / "README.md").read_text().partition("| event |")[2]
    listed = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", table, re.MULTILINE))
    assert listed - said == set(), "listed, but never logged"
    assert said - listed - NEVER_SAID == set(), "logged, but not listed"


def test_events_are_found_however_they_are_written(tmp_path):
    path = tmp_path / "says.py"
    path.write_text(
        "def say(self, is_bad, status):\n"
        "    event = 'a.denied' if is_bad else 'a.lost'\n"
        "    self._log.warning(event, reason=1)\n"
        "    log.bind(a=1).info('b.opened')\n"
        "    yield Note(Level.INFO, 'c.told', {})\n"
        "    yield Note(Level.INFO, _EVENTS[status])\n"
        "    print('not.logged')\n"
    )
    assert set(events_in(path)) == {"a.denied", "a.lost", "b.opened", "c.told", *_EVENTS.values()}


def test_an_event_that_cannot_be_known_is_not_let_through(tmp_path):
    path = tmp_path / "says.py"
    path.write_text("def say(log, event):\n    log.info(event)\n")
    with pytest.raises(AssertionError, match=r"says\.py:2: what is logged here\?"):
        list(events_in(path))


def events_in(path: Path) -> Iterator[str]:
    """What the code in *path* can log."""
    tree = ast.parse(path.read_text())
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                assigned.setdefault(ast.unparse(target), []).append(node.value)
    log = re.compile(r"(^|\W|_)log\b")
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=logger, attr=level), args=[event, *_]) if level in LEVELS:
                if not log.search(ast.unparse(logger)):
                    continue
            case ast.Call(func=ast.Name(id="Note"), args=[_, event, *_]):
                pass
            case _:
                continue
        known = list(_texts_of(event, assigned))
        assert known, f"{path.name}:{node.lineno}: what is logged here?"
        yield from known


def _texts_of(expression: ast.expr, assigned: dict[str, list[ast.expr]]) -> Iterator[str]:
    match expression:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _texts_of(one, assigned)
            yield from _texts_of(other, assigned)
        case ast.Name(id=name):
            for value in assigned.get(name, []):
                yield from _texts_of(value, assigned)
        case ast.Subscript(value=ast.Name(id="_EVENTS")):
            yield from _EVENTS.values()
