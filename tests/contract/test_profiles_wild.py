"""Whatever a profile holds: its device loads, or everything wrong is explained in single lines."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from s2d.config import Config, load
from s2d.errors import ConfigError, Problem
from tests.contract.test_config_wild import ODDITIES, calm
from tests.contract.test_profiles import DEVICE, PROFILE, VARIANTS

PARTS = "parts: {battery: {poll: 1 s}, grid: {kind: null, points: {power: {register: 1, unit: W}}}}\n"
TEXT = PROFILE + VARIANTS + PARTS + 'simulation: {shows: {charging: "max(power, 0)"}, forgets: 60 s}\n'
WORDS = sorted({word for word in TEXT.replace("{", " ").replace("}", " ").replace(",", " ").split() if len(word) > 1})
MORE = [
    *ODDITIES,
    *WORDS,
    *("include: [acme]", "include: [sma-storage]", "parts: {}", "parts: {a: 1}", "parameters: {}", "parameters: 1"),
    *('"{limit}"', '"{limit * 2}"', '"{}"', '"{x}"', "[[]]", "{{}}", "{a: {b: {c: d}}}", "null", "- when: true"),
    *("'a' + 1", "1 / 0", "value ** 99999", "known(x)", "(", "lambda: 0", "poll: once", "persistent: true"),
    *("from: a.b", "commands: null"),
]  # fmt: skip


@st.composite
def wild(draw: st.DrawFn, text: str) -> str:
    """*text*, where words were exchanged for others and lines moved about."""
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.booleans()):
            text = text.replace(draw(st.sampled_from(WORDS)), draw(st.sampled_from(MORE)), draw(st.integers(1, 3)))
        else:
            start = draw(st.integers(0, len(text)))
            stop = min(len(text), start + draw(st.sampled_from([0, 1, 5, 30, 300])))
            text = text[:start] + draw(st.sampled_from(MORE)) + text[stop:]
    return text


@calm
@given(profile=wild(TEXT), device=st.just(DEVICE) | wild(DEVICE))
def test_a_good_profile_gone_wrong(tmp_path: Path, profile: str, device: str) -> None:
    (tmp_path / "profiles").mkdir(exist_ok=True)
    (tmp_path / "profiles/acme.yaml").write_text(profile, encoding="utf-8")
    (tmp_path / "devices.d").mkdir(exist_ok=True)
    (tmp_path / "devices.d/a.yaml").write_text(device, encoding="utf-8")
    (tmp_path / "s2d.yaml").write_text('cem: {url: "ws://cem"}\n')
    try:
        loaded: Config | list[Problem] = load(tmp_path)
    except ConfigError as exc:
        loaded = exc.problems
    assert loaded
    for problem in loaded if isinstance(loaded, list) else []:
        assert str(problem).isprintable()
        assert problem.line > 0
        assert problem.column > 0


def test_the_text_that_goes_wrong_is_good_before(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/acme.yaml").write_text(TEXT)
    (tmp_path / "s2d.yaml").write_text('cem: {url: "ws://cem"}\n')
    (tmp_path / "devices.d").mkdir()
    (tmp_path / "devices.d/a.yaml").write_text(DEVICE)
    assert len(load(tmp_path).devices) == 1
