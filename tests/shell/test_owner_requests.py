"""What an owner asks of the daemon that it cannot do: he is told why, and nothing breaks."""

import pytest

from s2d.service.owner_requests import ShowWishes, WantNoMore, WantNow, answer_in, answer_to, question_of

UNSTARTED = {"Meter": None}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"type": "reboot"}',
        b'{"type": "now", "device": "Meter", "for_s": -1}',
        b"[" * 10_000,
    ],
)
def test_what_is_no_request_is_answered(line):
    assert answer_in(answer_to(line, UNSTARTED)).problem.startswith("that is no request that this version knows: ")


def test_nothing_can_be_wanted_of_what_there_is_not_or_no_cem_hears_of():
    for request in (WantNow("Car", 60.0), WantNoMore("Car")):
        assert answer_in(answer_to(question_of(request), UNSTARTED)).problem == "there is no such device"
    for request in (WantNow("Meter", 60.0), WantNoMore("Meter")):
        assert answer_in(answer_to(question_of(request), UNSTARTED)).problem.startswith("no CEM hears of it, or")
    assert answer_in(answer_to(question_of(ShowWishes()), UNSTARTED)).wishes == {"Meter": None}
