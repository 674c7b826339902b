"""Text from outside made fit to be shown, and YAML that reads back as the very text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2d.config.yaml_source import parse
from s2d.text import printable, printable_json, yaml_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Büro 10 €", "Büro 10 €"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31m", r"\u001b[31m"),
        ("\x9b2J \x7f", r"\u009b2J \u007f"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("one\u2028two\u2029", r"one\u2028two\u2029"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("no\xa0break", r"no\u00a0break"),
        ("half \ud83d", r"half \ud83d"),
        ("tag \U000e0001", r"tag \udb40\udc01"),
    ],
)
def test_what_cannot_be_seen_is_written_as_json_would(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY_TEXT)
def test_what_was_made_printable_is_and_stays_so(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown


@given(st.dictionaries(ANY_TEXT, ANY_TEXT))
def test_a_line_of_json_says_the_same(said: dict[str, str]) -> None:
    line = json.dumps(said, ensure_ascii=False).encode(errors="surrogatepass").decode(errors="replace").encode()
    shown = printable_json(line)
    assert shown.decode().isprintable()
    assert json.loads(shown) == json.loads(line)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("192.168.1.20", "192.168.1.20"),
        ("/dev/ttyUSB0", "/dev/ttyUSB0"),
        ("Acme Store 10", "Acme Store 10"),
        ("Acme\n  max_charge_power: 99 kW", r'"Acme\n  max_charge_power: 99 kW"'),
        ("1.20", '"1.20"'),
        ("no", '"no"'),
        ("", '""'),
        ("# note", '"# note"'),
        ('5" {x}', r'"5\" {x}"'),
        ("\U000e0001", r'"\U000e0001"'),
    ],
)
def test_text_is_quoted_in_yaml_where_it_needs_it(text: str, written: str) -> None:
    assert yaml_text(text) == written


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_what_is_pasted_is_the_very_text(text: str) -> None:
    written = yaml_text(text)
    assert written.isprintable()
    entries = parse(f"{{first: {written}, list: [{written}]}}\n", "pasted").content
    assert isinstance(entries, dict)
    assert entries["first"].node.content == text
