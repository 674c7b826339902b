"""The confirmation of a write: what the device acknowledged is looked at until it shows, or its time to settle is over.

Silence meanwhile says nothing: many devices are deaf for a while after a write, and hold what they were told.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from ..backoff import Backoff
from ..driver import PointSettings
from ..errors import DeviceUnreachable, S2dError
from ..values import Clock, Value
from .opened_device import NotReady, OpenedDevice

_BETWEEN_LOOKS = Backoff(first_s=0.05, most_s=1.0)


class Unseen(DeviceUnreachable):
    """Silence after an acknowledged write: the device may hold the value, and is read before it is told again."""


class Preempted(S2dError):
    """Something goes before what is not done or not seen yet, which can wait."""


async def seen(
    opened: OpenedDevice,
    reads_as: Mapping[str, Value],
    until: float,
    *,
    clock: Clock,
    stirs: asyncio.Event,
    is_preempted: Callable[[], bool],
) -> Mapping[str, Value]:
    """What the points of *reads_as* read: that, as soon as they do, else what they still read at *until*.

    What is due is read beside it. *stirs* is set whenever the device is to be told something else, which goes first if
    this *is_preempted* by it.

    Raises: Preempted. Unseen: the device was silent to the end. NotReady: it cannot be had.
    """
    attempt = 0
    while True:
        silence = ""
        found: Mapping[str, Value] = {}
        try:
            found = await opened.look(reads_as)
        except NotReady:
            raise
        except DeviceUnreachable as exc:
            silence = exc.reason
        left_s = until - clock().mono
        if not silence and (left_s <= 0 or all(found.get(name) == value for name, value in reads_as.items())):
            return found
        if left_s <= 0:
            raise Unseen(silence)
        await undisturbed(min(_BETWEEN_LOOKS.ceiling_s(attempt), left_s), stirs, is_preempted)
        attempt += 1


def swapped_words(name: str, point: PointSettings, value: Value, found: Value) -> str | None:
    """That *point* shows the words of *value* in another order, as a sentence with the way out; None: it does not."""
    if found != point.swapped(value):
        return None
    what = f"{name} shows {point.shown(value)} with its words in another order, {point.shown(found)}"
    return f"{what}: if the device wants them so, say `write_order`"


async def undisturbed(seconds: float, stirs: asyncio.Event, is_preempted: Callable[[], bool]) -> None:
    """Lets *seconds* pass. Raises: Preempted."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not is_preempted():
                stirs.clear()
                await stirs.wait()
    if is_preempted():
        raise Preempted
