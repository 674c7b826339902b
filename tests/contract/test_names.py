"""No class name stands twice, private and nested ones included: whoever reads a name knows which class is meant.

Only the messages of the five control types may share names, for these are S2's own: FRBC and DDBC both have an
ActuatorStatus, which S2 tells apart by a prefix, and the code by the module. Together they count as one.
"""

import ast
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED_BY_S2 = {f"s2d/s2/messages/{name}.py" for name in ("frbc", "ombc", "ddbc", "pebc", "ppbc")}


def test_no_class_name_stands_twice() -> None:
    files = {
        str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
        for folder in ("s2d", "drivers")
        for file in sorted((ROOT / folder).rglob("*.py"))
    }
    assert files.keys() >= NAMED_BY_S2
    assert twice(files) == {}


def test_names_are_found_wherever_they_stand() -> None:
    files = {
        "s2d/s2/messages/frbc.py": "class Status: ...\nclass Actuator: ...",
        "s2d/s2/messages/ddbc.py": "class Status: ...\nclass Actuator: ...",
        "s2d/one.py": "class Device:\n    class _Line: ...",
        "drivers/other.py": "class _Line: ...\nclass Status: ...",
    }
    assert twice(files) == {
        "Status": ["s2d/s2/messages/frbc.py", "drivers/other.py"],
        "_Line": ["s2d/one.py", "drivers/other.py"],
    }


def twice(files: Mapping[str, str]) -> dict[str, list[str]]:
    """Class name → the places where it stands, if they are several; *files* are source text by place."""
    places_of: dict[str, list[str]] = {}
    for place, text in files.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                places = places_of.setdefault(node.name, [])
                if place not in NAMED_BY_S2 or NAMED_BY_S2.isdisjoint(places):
                    places.append(place)
    return {name: places for name, places in places_of.items() if len(places) > 1}
