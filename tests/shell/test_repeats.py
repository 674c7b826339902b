"""What is noted over and over is told some times and then counted; nothing else is held back."""

from math import inf

from s2d.s2.effects import Level, Note
from s2d.service.log_limiter import LogLimiter


def refused(reason: str = "no JSON") -> Note:
    return Note(Level.WARNING, "message.refused", {"reason": reason})


def more(number: int) -> Note:
    return Note(Level.WARNING, "message.refused", {"more": number})


def told(repeats: LogLimiter, *notes: Note, at_s: float = 0.0) -> list[Note]:
    return [each for note in notes for each in repeats.admit(note, at_s)]


def test_of_many_alike_a_few_are_told_and_the_others_counted_after_a_minute() -> None:
    repeats = LogLimiter()
    assert told(repeats, *[refused()] * 10_000) == [refused()] * 5
    assert repeats.next_at() == 60
    assert repeats.due(59.9) == []
    assert repeats.due(60) == [more(9995)]
    assert repeats.next_at() == inf
    assert told(repeats, refused(), at_s=61) == [refused()]


def test_a_new_one_comes_after_the_count_of_those_before() -> None:
    repeats = LogLimiter()
    told(repeats, *[refused()] * 7)
    assert told(repeats, refused(), at_s=60) == [more(2), refused()]


def test_different_ones_are_all_told() -> None:
    repeats = LogLimiter()
    different = [refused(f"not {number}") for number in range(90)]
    other = Note(Level.INFO, "session.opened", {"version": "1.0.0"})
    assert told(repeats, *[refused()] * 6, *different, other) == [*[refused()] * 5, *different, other]
    assert repeats.due(60) == [more(1)]


def test_even_of_different_ones_there_is_an_end() -> None:
    repeats = LogLimiter()
    different = [refused(f"not {number}") for number in range(10_000)]
    assert told(repeats, *different) == different[:100]
    assert repeats.due(60) == [more(9900)]


def test_with_nothing_counted_there_is_nothing_to_wake_for() -> None:
    repeats = LogLimiter()
    told(repeats, *[refused()] * 5)
    assert repeats.next_at() == inf
    assert repeats.due(60) == []
