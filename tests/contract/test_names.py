"""One name, one class: who reads a name in a trace or a search finds one thing."""

import ast
from collections import defaultdict
from pathlib import Path

import s2d_drivers

import s2d

S2D, DRIVERS = Path(s2d.__file__).parent, Path(s2d_drivers.__path__[0])


def files_by_class(*folders: Path) -> dict[str, list[Path]]:
    """Name of a class → the files that define it."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                files[node.name].append(path)
    return files


def test_no_class_of_a_driver_is_called_as_another_class() -> None:
    everywhere = files_by_class(S2D, DRIVERS)
    assert {name: everywhere[name] for name in files_by_class(DRIVERS) if len(everywhere[name]) > 1} == {}
