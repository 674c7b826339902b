"""Whatever a file holds: `load` gives a Config or explains itself in single lines, and nothing else happens."""

import string
from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2d.config import Config, load
from s2d.errors import ConfigError, Problem

CONFIG = Path(__file__).parents[2] / "config"
TEXT = (CONFIG / "demo/s2d.yaml").read_text() + indent((CONFIG / "example/devices.d/cellar.yaml").read_text(), "  ")
WORDS = sorted(set(TEXT.replace("{", " ").replace("}", " ").replace(",", " ").split()))
ODDITIES = [
    *WORDS,
    *(
        "null",
        "~",
        "true",
        ".nan",
        "-.inf",
        "1e999",
        "9" * 5000,
        "0x10",
        "!!int",
        "&a",
        "*a",
        "<<:",
        "[",
        "]",
        "{",
        "}",
    ),
    *("'", '"', '"\\0"', '"\\ud800"', "---", "...", "%YAML 1.2", "? ", "- ", ": ", "\t", "\x85", "\ufeff", "\0", "😀"),
    *("from: a.b", "from: .", "bus: cellar", "buses: [{name: cellar}]", "include: '**'", "kind: battery", "os:path"),
    *("{resource_id}", "{", "ws://[", "-1", "0", "5 kW", "-5 s", "0 s", "1e400 W", "95 % .. 10 %"),
]

calm = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def explains_or_loads(file: Path) -> None:
    try:
        loaded: Config | list[Problem] = load(file)
    except ConfigError as exc:
        loaded = exc.problems
    assert loaded
    for problem in loaded if isinstance(loaded, list) else []:
        assert str(problem).isprintable()
        assert problem.line > 0
        assert problem.column > 0


@calm
@given(raw=st.binary() | st.text(alphabet=string.printable).map(str.encode) | st.text().map(str.encode))
def test_anything_at_all(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "s2d.yaml").write_bytes(raw)
    explains_or_loads(tmp_path / "s2d.yaml")


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = TEXT
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.sampled_from([0, 1, 5, 30, 300])))
        text = text[:start] + draw(st.sampled_from(ODDITIES)) + text[stop:]
    return text


@st.composite
def reworded(draw: st.DrawFn) -> str:
    """Still well-formed for the most part: values are exchanged for others."""
    text = TEXT
    for _ in range(draw(st.integers(1, 5))):
        text = text.replace(draw(st.sampled_from(WORDS)), draw(st.sampled_from(ODDITIES)), 1)
    return text


@calm
@given(text=mutated() | reworded())
def test_a_good_configuration_gone_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "s2d.yaml").write_text(text, encoding="utf-8")
    explains_or_loads(tmp_path / "s2d.yaml")


def test_the_text_that_goes_wrong_is_good_before(tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text("buses: [{name: cellar, serial: /dev/ttyUSB0}]\n" + TEXT)
    assert len(load(tmp_path).devices) == 3


@pytest.mark.parametrize("depth", [31, 40, 1000, 200_000])
def test_depth_does_not_matter(tmp_path: Path, depth: int) -> None:
    (tmp_path / "s2d.yaml").write_text("devices: " + "[" * depth)
    explains_or_loads(tmp_path / "s2d.yaml")
