"""Names and first words: who reads a name knows which class is meant, who opens a file hears first what it is.

No class name stands twice, private and nested ones included. Only the messages of the five control types may share
names, for these are S2's own: FRBC and DDBC both have an ActuatorStatus, which S2 tells apart by a prefix, and the code
by the module. Together they count as one.
"""

import ast
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED_BY_S2 = {f"s2d/s2/messages/{name}.py" for name in ("frbc", "ombc", "ddbc", "pebc", "ppbc")}
RIDDLES = {"How", "Of", "What", "When", "Where", "Whether", "Which", "Who", "Whose", "Why"}
"""First words of a docstring that tells what something does before it says what it is."""
FILES = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
    for folder in ("s2d", "drivers")
    for file in sorted((ROOT / folder).rglob("*.py"))
}


def test_no_class_name_stands_twice() -> None:
    assert FILES.keys() >= NAMED_BY_S2
    assert twice(FILES) == {}


def test_every_module_says_first_what_it_is() -> None:
    first_words = {file: first_word(text) for file, text in FILES.items() if text}
    assert {file: word for file, word in first_words.items() if word in RIDDLES | {""}} == {}


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


def first_word(text: str) -> str:
    """That of the docstring of a module, whose source is *text*; "" if it has none."""
    return (ast.get_docstring(ast.parse(text)) or "").partition(" ")[0]


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
