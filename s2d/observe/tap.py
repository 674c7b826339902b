"""The tap of a node: what it took last, what that led to, and when. Making sense of it is left to who asks. Pure."""

from collections import deque
from collections.abc import Sequence

from ..s2.effects import Effect, Event, Received
from ..values import Now

Taken = tuple[Event, Sequence[Effect], Now]
"""An event, its effects, and the instant at which it was taken."""

MOST = 256
"""So many of the newest are kept: some minutes of a device that is read every two seconds..."""
MOST_CHARACTERS = 2**20
"""...and fewer where a long frame comes and all frames together are longer; the newest is kept in any case."""
_LONG = MOST_CHARACTERS // MOST


class Tap:
    """The tap of a node: the newest of what it took, usually some 100 kB."""

    def __init__(self) -> None:
        self._taken: deque[Taken] = deque(maxlen=MOST)

    def append(self, taken: Taken) -> None:
        """Keeps *taken*."""
        self._taken.append(taken)
        event = taken[0]
        # Short ones alone never come to so much, and are most of what is taken.
        if isinstance(event, Received) and len(event.frame) > _LONG:
            self._give_way()

    def newest(self) -> tuple[Taken, ...]:
        """What is kept, oldest first."""
        return tuple(self._taken)

    def _give_way(self) -> None:
        characters = sum(map(_characters_of, self._taken))
        while characters > MOST_CHARACTERS and len(self._taken) > 1:
            characters -= _characters_of(self._taken.popleft())


def _characters_of(taken: Taken) -> int:
    event = taken[0]
    return len(event.frame) if isinstance(event, Received) else 0
