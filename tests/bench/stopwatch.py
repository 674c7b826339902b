"""How calls are timed, ours and the peer's alike: in a plain loop, with the garbage collector on.

Runs in the peer's venv too, so it imports nothing but the standard library.
"""

from collections.abc import Callable
from itertools import repeat
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


def seconds_of(call: Callable[[T], object], argument: T, loops: int) -> float:
    """How long *loops* calls take."""
    start = perf_counter()
    for _ in repeat(None, loops):
        call(argument)
    return perf_counter() - start


def loops_for(call: Callable[[T], object], argument: T, seconds: float) -> int:
    """How many calls take about *seconds*."""
    loops = 10
    while (took_s := seconds_of(call, argument, loops)) < seconds / 10:
        loops *= 4
    return max(1, round(loops * seconds / took_s))
