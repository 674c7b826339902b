"""What a tap keeps, and lets go of."""

from s2d.observe.tap import MOST, MOST_CHARACTERS, Tap
from s2d.s2.effects import Received, Tick
from s2d.values import Now
from tests.fakes import EPOCH


def at(second: float) -> Now:
    return Now(second, EPOCH)


def filled(*frames: str) -> Tap:
    tap = Tap()
    for second, frame in enumerate(frames):
        tap.append((Received(frame), [], at(second)))
    return tap


def lengths(tap: Tap) -> list[int]:
    return [len(event.frame) for event, _, _ in tap.newest() if isinstance(event, Received)]


def test_it_keeps_the_newest() -> None:
    tap = Tap()
    for second in range(MOST + 10):
        tap.append((Tick(), [], at(second)))
    assert tap.newest() == tuple((Tick(), [], at(second)) for second in range(10, MOST + 10))


def test_as_many_short_frames_as_it_keeps_are_never_too_long() -> None:
    tap = filled(*["x" * (MOST_CHARACTERS // MOST)] * (MOST + 10))
    assert sum(lengths(tap)) == MOST_CHARACTERS


def test_long_frames_push_out_what_is_older() -> None:
    third = MOST_CHARACTERS // 3
    tap = filled("x" * third, "y", "x" * third, "x" * third)
    assert lengths(tap) == [third, 1, third, third]
    tap.append((Received("x" * third), [], at(4)))
    assert lengths(tap) == [1, third, third, third]
    tap.append((Tick(), [], at(5)))
    assert tap.newest()[-1] == (Tick(), [], at(5))


def test_even_a_frame_that_is_longer_than_all_together_may_be_is_kept_until_the_next() -> None:
    tap = filled("x", "x" * (MOST_CHARACTERS + 1))
    assert lengths(tap) == [MOST_CHARACTERS + 1]
    tap.append((Received("x" * 5000), [], at(3)))
    assert lengths(tap) == [5000]
