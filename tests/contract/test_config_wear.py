"""A refresh leaves out what wears out; a command that would need it there is a mistake, said where it stands."""

from pathlib import Path

import pytest

from s2d.__main__ import main
from s2d.config import load
from s2d.errors import ConfigError

TEXT = """\
devices:
- name: Store
  driver: modbus
  connection: {host: a}
  points:
    load: {register: 1}
    size: {register: 2, poll: once}
    mode: {register: 3, access: read_write}
    other: {register: 4, access: write}
    worn: {register: 5, access: read_write, persistent: true}
    also_worn: {register: 6, access: read_write, persistent: true}
  computed: {double: load * 2, fixed: size * 2 + worn}
  commands:
    power:
      refresh: 10 s
      steps:
        - write: {mode: load}
        - STEP
      release:
        - together: {mode: 0, worn: load}
"""
WORN = 'Store: commands: power: steps: {}: "worn" is persistent, so it is never refreshed; it cannot {}, '
WORN += "or leave the refresh out"


def problems(folder: Path, text: str) -> list[str]:
    (folder / "s2d.yaml").write_text(text)
    try:
        load(folder)
    except ConfigError as exc:
        return str(exc).splitlines()
    return []


@pytest.mark.parametrize(
    ("step", "column", "key", "cannot"),
    [
        (
            "together: {mode: value, worn: value, other: 1}",
            35,
            "together",
            'go together with "mode", "other". Write it in a step of its own',
        ),
        ("write: {worn: load + value}", 19, "write", "follow load. Make it of what does not change"),
        (
            "{if: value > 0, write: {worn: double - mode}}",
            35,
            "write",
            "follow double, mode. Make it of what does not change",
        ),
        ("together: {worn: load, also_worn: 1}", 22, "together", "follow load. Make it of what does not change"),
        ('life: {worn: "1..9"}', 18, "life", "count. Take a volatile point"),
    ],
)
def test_what_wears_out_takes_no_part_in_a_refresh(
    tmp_path: Path, step: str, column: int, key: str, cannot: str
) -> None:
    text = TEXT.replace("STEP", step)
    assert problems(tmp_path, text) == [f"s2d.yaml:18:{column}: {WORN.format(key, cannot)}"]
    assert problems(tmp_path, text.replace("      refresh: 10 s\n", "")) == []


@pytest.mark.parametrize(
    "step",
    [
        "write: {worn: value}",
        "together: {worn: value, also_worn: fixed + size}",
        "{if: load > 0 and worn != 4, write: {worn: 4, mode: load}}",
        "wait: 1 s",
    ],
)
def test_what_is_written_once_for_each_order_may_wear_out(tmp_path: Path, step: str) -> None:
    assert problems(tmp_path, TEXT.replace("STEP", step)) == []


def test_a_refresh_of_nothing_but_what_wears_out_repeats_nothing(tmp_path: Path) -> None:
    text = TEXT.replace("STEP", "write: {worn: value}").replace("        - write: {mode: load}\n", "")
    what = "has nothing to repeat: all that is written is persistent. Leave it out"
    assert problems(tmp_path, text) == [f"s2d.yaml:15:16: Store: commands: power: refresh: {what}"]


def test_check_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s2d.yaml").write_text(TEXT.replace("STEP", "write: {worn: load}"))
    assert main(["check", "-c", str(tmp_path)]) == 78
    assert capsys.readouterr().err.startswith("s2d.yaml:18:19: Store: commands: power: steps: write: ")
