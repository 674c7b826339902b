"""Framed values: values in several places that no one request reads, each put together of what held at one moment.

Of such a value the last part is *framed* by the others, which say how it is to be taken: its more significant words,
its power of ten. They are read before and after, and have to be equal. A power of ten seldom moves: it is framed with
only where it was seen to move on this connection, at first, now and then, and when the raw value jumps as if it had.
"""

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence

from s2d.values import Quality, Reading

from .codec import Codec
from .reader import Answer, NotGiven
from .register_block import RegisterBlock

Answers = Mapping[RegisterBlock, Answer]
Ask = Callable[[Collection[RegisterBlock]], Awaitable[Answers]]
"""Reads blocks at the same time. Raises: DeviceUnreachable: no answer."""

_LOOK_EVERY = 32
"""Reads after which a power of ten is looked at though nothing seems to have changed."""
_JUMP = 3.0
"""A raw value that many times as large, or as small, may have got another power of ten: ten, and some change."""


class FramedValue:
    """A value whose parts are read apart, and what is known of its frame on the present connection."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.inner = codec.value_blocks[-1]
        self.frame = tuple(block for block in codec.blocks if block is not self.inner)
        self._is_spread = len(codec.value_blocks) > 1
        """Its more significant words are in the frame, and move with it."""
        self._connection: Hashable = None
        self._has_moved = False
        self._known: list[int] | None = None
        """The frame as it was last."""
        self._before = 0.0
        self._reads = 0

    def begin_read(self, connection: Hashable) -> bool:
        """Counts a read on *connection*, and returns whether the frame has to be read around the value."""
        if connection != self._connection:
            self._connection, self._known, self._has_moved = connection, None, False
        self._reads += 1
        return self._is_spread or self._has_moved or self._known is None or self._reads % _LOOK_EVERY == 0

    def note_jump(self, answers: Answers) -> bool:
        """Takes down the value among *answers*, and returns whether it may have got another frame."""
        words = answers[self.inner]
        if self._is_spread or isinstance(words, NotGiven):
            return False
        before, now = self._before, abs(float(self.codec.raw_of(words)))
        self._before = now
        return now > _JUMP * before or before > _JUMP * now

    def settled(self, before: Answers, inner: Answers, after: Answers) -> Reading | None:
        """What was said between *before* and *after*; None if the frame has moved meanwhile.

        Without the frame in *before* it is taken for what it was last.
        """
        frame = self._frame_in(before) if self.frame[0] in before else self._known or ()
        words, again = inner[self.inner], self._frame_in(after)
        for answer in (frame, words, again):
            if isinstance(answer, NotGiven):
                self._known = None
                return Reading(self.codec.name, None, Quality.BAD, str(answer))
        assert not isinstance(again, NotGiven)
        self._has_moved |= frame != again or self._known not in (None, again)
        self._known = again
        return self.reading_of(inner) if frame == again else None

    def reading_of(self, inner: Answers) -> Reading:
        """What was said, with the frame as it is known."""
        words, frame = inner[self.inner], self._known or []
        if isinstance(words, NotGiven):
            return Reading(self.codec.name, None, Quality.BAD, str(words))
        before = len(frame) - (self.codec.point.scale_register is not None)
        return self.codec.reading_of([*frame[:before], *words, *frame[before:]])

    def _frame_in(self, answers: Answers) -> list[int] | NotGiven:
        words: list[int] = []
        for block in self.frame:
            answer = answers[block]
            if isinstance(answer, NotGiven):
                return answer
            words += answer
        return words


def frames_of(values: Iterable[FramedValue]) -> list[RegisterBlock]:
    """The blocks that frame *values*."""
    return [block for value in values for block in value.frame]


async def settle(
    values: Sequence[FramedValue], watched: Collection[FramedValue], before: Answers, inner: Answers, ask: Ask
) -> list[Reading]:
    """What *values* say, of which *inner* was read after the frames *before* of those that are *watched*."""
    suspicious = [value for value in values if value.note_jump(inner) and value not in watched]
    watched = [*watched, *suspicious]
    after = await ask(frames_of(watched)) if watched else {}
    readings: list[Reading] = []
    moved: list[FramedValue] = []
    for value in values:
        reading = value.settled(before, inner, after) if value in watched else value.reading_of(inner)
        if reading:
            readings.append(reading)
        else:
            moved.append(value)
    if moved:
        inner = await ask([value.inner for value in moved])
        again = await ask(frames_of(moved))
        readings += (value.settled(after, inner, again) or _moving(value) for value in moved)
    return readings


def _moving(value: FramedValue) -> Reading:
    return Reading(value.codec.name, None, Quality.BAD, "its registers changed each time while they were read")
