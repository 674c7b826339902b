"""What is shown on a narrow screen."""

from s2d.cem.text_wrap import wrapped

LINES = [
    [("label", "@1 "), ("name", "Home battery"), ("label", "  e489d13f-8724"), ("good", "  FRBC")],
    [("label", "   modes   "), ("", "idle 0 W, charge 0 .. 5000 W")],
]


def test_what_fits_stays_as_it_is() -> None:
    assert wrapped(LINES, 80, 2) == LINES


def test_what_is_long_goes_on_below_from_word_to_word() -> None:
    assert wrapped(LINES, 20, 10) == [
        [("label", "@1 "), ("name", "Home battery")],
        [("", "    "), ("label", "e489d13f-8724")],
        [("", "    "), ("good", "FRBC")],
        [("label", "   modes   "), ("", "idle 0 W,")],
        [("", "    charge 0 .. 5000")],
        [("", "    W")],
    ]


def test_a_word_that_is_longer_than_the_screen_is_broken() -> None:
    assert wrapped([[("", "a" * 30)]], 16, 10) == [[("", "a" * 16)], [("", "    " + "a" * 12)], [("", "    aa")]]


def test_where_rows_are_few_each_line_has_one() -> None:
    assert wrapped(LINES, 20, 3) == [
        [("label", "@1 "), ("name", "Home battery"), ("label", "  e4"), ("label", "…")],
        [("label", "   modes   "), ("", "idle 0 W"), ("label", "…")],
    ]
