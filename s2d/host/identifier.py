"""New ids for messages."""

from itertools import count
from random import SystemRandom
from uuid import uuid4

_PREFIX = str(uuid4())[:24]
_NUMBERS = count(SystemRandom().getrandbits(47))


def new_id() -> str:
    """An id that nobody else gives, in the form of a random UUID; those of one process count up from a random number.

    Every message needs one, and `uuid4` takes ten times as long. Spec: RFC 9562, 5.4 (version 4).
    """
    return f"{_PREFIX}{next(_NUMBERS):012x}"
