"""What is installed: every folder of code travels in the wheel, though the tests run beside the checkout."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
FOLDERS = SETUPTOOLS["package-dir"]
"""Package at the top → its folder in the checkout."""


def test_every_folder_of_code_is_installed_and_none_that_is_gone() -> None:
    there = {folder for top in FOLDERS.values() for folder in folders_of_code(ROOT / top)}
    installed = {folder_of(package) for package in SETUPTOOLS["packages"] if package not in FOLDERS}
    assert installed == there - {ROOT / top for top in FOLDERS.values()}


def test_every_package_at_the_top_is_installed() -> None:
    assert {package for package in SETUPTOOLS["packages"] if "." not in package} == FOLDERS.keys()


def folders_of_code(top: Path) -> set[Path]:
    return {path.parent for path in top.rglob("*.py")}


def folder_of(package: str) -> Path:
    top, *below = package.split(".")
    return ROOT.joinpath(FOLDERS[top], *below)
