"""Who imports whom: no file in a circle, wherever in it an import stands and whatever for.

lint-imports sees to the floors; a circle of files on one floor it lets pass.
"""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import s2d_drivers

import s2d

PACKAGES = {"s2d": Path(s2d.__file__).parent, "s2d_drivers": Path(s2d_drivers.__path__[0])}
MODULES = {
    ".".join((package, *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__"): path
    for package, root in PACKAGES.items()
    for path in root.rglob("*.py")
}


def imported(module: str, path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    """Those of *modules* that *module* imports, in functions and for the type checker too."""
    parts = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            above = parts[: len(parts) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                if (found := inner if inner in modules else source) in modules:
                    yield found


def circle_in(modules: Mapping[str, Path]) -> list[str]:
    """A circle of imports, from a module round to itself; nothing if there is none."""
    graph = {module: set(imported(module, path, modules)) - {module} for module, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        return circle.args[1]
    return []


def test_no_file_imports_in_a_circle() -> None:
    assert circle_in(MODULES) == []


def test_a_circle_is_found_wherever_its_imports_stand(tmp_path: Path) -> None:
    texts = {
        "a.one": "from . import two",
        "a.two": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .deep.three import name",
        "a.deep.three": "def late():\n    from ..one import name",
        "a.deep.four": "import a.one",
    }
    modules = {name: tmp_path / f"{name}.py" for name in texts}
    for name, text in texts.items():
        modules[name].write_text(text)
    assert sorted(set(circle_in(modules))) == ["a.deep.three", "a.one", "a.two"]
    assert circle_in({name: path for name, path in modules.items() if name != "a.two"}) == []
