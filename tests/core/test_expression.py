"""Expressions: they say what Python says, do without what is unknown only where they may, and never raise or run on."""

import math
import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s2d.device.expression import Expression

NAMES = {"a": 7, "b": -2.5, "c": 0, "on": True, "mode": "forced"}


def worth(text, **values):
    return Expression.parse(text).evaluate(values)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("-power", -1500),
        ("power // 400 + power % 400", 303),
        ("2 ** 10", 1024),
        ("0x10", 16),
        ("abs(-3)", 3),
        ("min(power, 1000, 2000)", 1000),
        ("max(power, 0)", 1500),
        ("round(2.567, 1)", 2.6),
        ("round(2.567)", 3),
        ("floor(-0.5)", -1),
        ("ceil(0.5)", 1),
        ("sign(-power)", -1),
        ("sign(0)", 0),
        ("clamp(power, 0, 1000)", 1000),
        ("clamp(-power, 0, 1000)", 0),
        ("starts_with('StCha 3', 'stcha')", True),
        ("starts_with('StDisCha 4', 'StCha')", False),
        ("power > 0 and mode == 'forced'", True),
        ("0 < power <= 1000", False),
        ("not true", False),
        ("1 if false else 2", 2),
        ("mode in ('forced', 'auto')", True),
        ("mode not in ('forced', 'auto')", False),
        ("state(power, 0, 'off', 1500, 'on')", "on"),
        ("state(power, 0, 'off', 'other')", "other"),
        ("0xAA if power > 0 else 0xBB if power < 0 else 0xCC", 0xAA),
    ],
)
def test_it_comes_to(text, value):
    assert worth(text, power=1500, mode="forced") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gone", None),
        ("gone + 1", None),
        ("0 * gone", None),
        ("max(here, gone)", None),
        ("here if gone > 1 else here", None),
        ("here in (1, gone)", None),
        ("here if here else gone", 5),
        ("gone if here == 0 else here", 5),
        ("here or gone", 5),
        ("known(gone) and gone > 1", False),
        ("known(here)", True),
        ("known(here + gone)", False),
        ("known(1 / 0)", False),
        ("first(gone, here)", 5),
        ("first(gone, -gone)", None),
        ("first(gone, 1 / 0, 9)", 9),
    ],
)
def test_what_needs_an_unknown_is_unknown(text, value):
    assert worth(text, here=5) == value


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "1 % 0",
        "1e308 * 10",
        "min(1e308 * 10, 5)",
        "10 ** 400",
        "10.0 ** 400",
        "9 ** 9 ** 9",
        "(-8) ** 0.5",
        "0 ** -1",
        "'a' + 'b'",
        "'a' * 1000",
        "'%1000000d' % 1",
        "'a' < 1",
        "-'a'",
        "max('a', 1)",
        "round(5, -999999999)",
        "state(9, 1, 'one')",
        "floor('a')",
    ],
)
def test_what_cannot_be_computed_is_unknown(text):
    assert worth(text) is None


def test_its_names_are_known_beforehand():
    expression = Expression.parse("max(a, b) if known(c) and mode == 'd' else first(e, true)")
    assert expression.names == {"a", "b", "c", "mode", "e"}


def test_a_number_or_a_switch_stands_for_itself():
    assert [Expression.parse(written).evaluate({}) for written in (5, -2.5, True, False)] == [5, -2.5, True, False]


def test_those_written_the_same_are_equal():
    assert Expression.parse("a + 1") == Expression.parse(" a + 1 ")
    assert len({Expression.parse("a"), Expression.parse("a"), Expression.parse("b")}) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "column 1: something is missing"),
        ("a +", "column 4: something is missing"),
        ("power = 3", "column 7: to compare, write =="),
        ("value if value = 3 else 1", "column 16: to compare, write =="),
        ("mode == 'a=b' if", "column 17: something is missing"),
        ("5 kW", "column 1: expressions are in base units; for 5 kW write 5000"),
        ("max(power, 1.5kWh)", "column 12: expressions are in base units; for 1.5kWh write 1500"),
        ("soc > 50 %", "column 7: expressions are in base units; for 50 % write 50"),
        ("2 °C", "column 1: expressions are in base units; for 2 °C write 2"),
        ("2 K", "column 1: expressions are in base units; for 2 K write 2"),
        ("max(flow, 3600 l/h)", "column 11: expressions are in base units; for 3600 l/h write 1"),
        ("volume > 200 l", "column 10: expressions are in base units; for 200 l write 200"),
        ("5 % 3 +", "column 8: something is missing"),
        ("5 min(a, b)", "column 3: invalid syntax"),
        ("1 2", "invalid syntax"),
        ("a + b.c", "column 5: this cannot be computed here"),
        ("a[0]", "column 1: this cannot be computed here"),
        ("lambda: 1", "column 1: this cannot be computed here"),
        ("[x for x in y]", "column 1: this cannot be computed here"),
        ("(a, b)", "column 1: this cannot be computed here"),
        ("f'{a}'", "column 1: this cannot be computed here"),
        ("None", "column 1: this cannot be computed here"),
        ("2j", "column 1: this cannot be computed here"),
        ("a & b", "column 1: this cannot be computed here"),
        ("min(*a)", "column 5: this cannot be computed here"),
        ("round(a, digits=2)", "column 1: this cannot be computed here"),
        ("(a)(b)(c)", "column 1: this cannot be computed here"),
        ("a in b", "column 6: expected choices such as (1, 2)"),
        ("a is b", "column 6: expected choices such as (1, 2)"),
        ("maxi(a, b)", "column 1: no function maxi; known are abs, ceil, clamp, first, floor, known, max, min, "),
        ("clamp(a, b)", "column 1: clamp does not take 2 values"),
        ("known()", "column 1: known does not take 0 values"),
        ("1e999", "column 1: too large a number"),
        ("9" * 999, "column 1: too large a number"),
        ("1" * 1001, "expected at most 1000 characters"),
        ("-" * 100 + "1", "column 61: too deeply nested"),
        ("(" * 400 + ")" * 400, "too many nested parentheses"),
        ("'\\d'", "column 1: invalid escape sequence '\\d'"),
        ("a\0b", "column 1: "),
    ],
)
def test_what_is_no_expression_is_said_with_its_place(text, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        Expression.parse(text)


@pytest.mark.parametrize("written", [None, [1], {"a": 1}])
def test_only_text_and_numbers_are_expressions(written):
    with pytest.raises(ValueError, match="expected an expression"):
        Expression.parse(written)


WORDS = ["a", "mode", "(", ")", "if", "else", "**", "first(", "known(", ",", "9e99", "in", "<", "-", "'x'"]


def operations(inner):
    pairs = st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", ">", ">=", "and", "or"])
    return st.one_of(
        st.builds("({} {} {})".format, inner, pairs, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("(-{})".format, inner),
        st.builds("({} < {} <= {})".format, inner, inner, inner),
        st.builds("({} in ({}, {}))".format, inner, inner, inner),
        st.builds("abs({})".format, inner),
        st.builds("round({})".format, inner),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("min({}, {}, {})".format, inner, inner, inner),
        st.builds("({} ** {})".format, inner, st.integers(-3, 6)),
    )


ATOMS = st.one_of(
    st.integers(-1000, 1000).map(lambda number: f"({number})"),
    st.floats(-1e6, 1e6).map(lambda number: f"({number!r})"),
    st.sampled_from([*NAMES, "'forced'"]),
)


@given(st.recursive(ATOMS, operations, max_leaves=20))
@example("((-0.0) * a)")
@example("((-8) ** (1 / 2))")
def test_it_says_what_python_says(text):
    try:
        expected = eval(text, {"__builtins__": {"abs": abs, "max": max, "min": min, "round": round}}, NAMES)
    except (ArithmeticError, TypeError, ValueError):
        expected = None
    if is_text_arithmetic(expected) or isinstance(expected, complex):
        return
    found = worth(text, **NAMES)
    if found is None:
        # Text in arithmetic, and numbers on the way that no float holds, are unknown here.
        assert expected is None or "mode" in text or "'" in text or "**" in text or not math.isfinite(expected)
    else:
        assert (found, type(found)) == (expected, type(expected))


def is_text_arithmetic(value):
    return isinstance(value, str) and value not in ("forced",)


@given(
    st.one_of(
        st.text(max_size=60),
        st.text(string.printable, max_size=60),
        st.text("ab1.+-*/%()<>= '\n", max_size=60),
        st.lists(
            st.sampled_from(["a", "mode", "(", ")", "if", "else", "**", "first(", "known(", ",", "9e99", "in"])
        ).map(" ".join),
    )
)
def test_whatever_is_written_is_an_expression_or_a_sentence(text):
    try:
        expression = Expression.parse(text)
    except ValueError:
        return
    value = expression.evaluate(NAMES)
    assert value is None or isinstance(value, int | float | str)


@pytest.mark.parametrize(
    "text",
    [
        "1 < (" * 40 + "a" + ") < 9" * 40,
        "first(" * 50 + "a" + ", a)" * 50,
        "(" * 40 + "9" + ") ** 999" * 40,
        "(" * 40 + "9 ** 300" + ") * 9 ** 300" * 40,
        "a if (" * 40 + "a" + ") else a" * 40,
    ],
)
def test_none_takes_long(text):
    Expression.parse(text).evaluate(NAMES)
