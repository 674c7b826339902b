"""The README of s2d draws the house as it is: the floors that lint-imports checks, in that order, and every file."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
S2D = ROOT / "s2d"
README = (S2D / "README.md").read_text(encoding="utf-8")
TELL_OF_THEMSELVES = ("cem/", "simulation/", "s2/rules/")
"""Folders with a README of their own."""


def test_the_floors_are_those_that_are_checked_in_that_order() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each["type"] == "layers"]
    assert [[module_of(name) for name in names] for names in first_columns("## The floors")] == [
        layer.split(" | ") for layer in layers
    ]


def test_every_file_stands_under_its_floor_and_none_that_is_gone() -> None:
    floors = [name for names in first_columns("## The floors") for name in names]
    folders = [name for name in floors if name.endswith("/")]
    listed = {f"{folder}{name}" for folder in folders for name in listed_in(folder)} | {*floors} - {*folders}
    there = {
        str(path.relative_to(S2D))
        for path in S2D.rglob("*.py")
        if path.name != "__init__.py" and not str(path.relative_to(S2D)).startswith(TELL_OF_THEMSELVES)
    }
    assert listed - there == set(), "told of, but not there"
    assert there - listed == set(), "there, but not told of"


def listed_in(folder: str) -> list[str]:
    """The files that stand under the heading of *folder*; none if it tells of itself."""
    if folder in TELL_OF_THEMSELVES:
        return []
    return [name for names in first_columns(f"### `{folder}`") for name in names if name.endswith(".py")]


def first_columns(heading: str) -> list[list[str]]:
    """What stands in backticks in the first column of the table under *heading*, row by row."""
    table = README.partition(f"\n{heading}\n")[2].partition("\n#")[0]
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in re.findall(r"^\| .*`.*$", table, re.MULTILINE)]


def module_of(name: str) -> str:
    return f"s2d.{name.removesuffix('/').removesuffix('.py')}"
