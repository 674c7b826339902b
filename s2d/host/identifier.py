"""Identifiers of messages: UUIDs that follow from a seed."""

from collections.abc import Callable
from itertools import count
from uuid import UUID


def ids_from(seed: UUID) -> Callable[[], str]:
    """New ids in the form of a random UUID, which follow from *seed*; with a random seed nobody else gives them.

    Every message needs one, and `uuid4` takes ten times as long: these keep the front of *seed*, and count up from its
    last 47 bits, so that they do not overflow. Spec: RFC 9562, 5.4 (version 4).
    """
    prefix, numbers = str(seed)[:24], count(seed.node % 2**47)

    def new_id() -> str:
        return f"{prefix}{next(numbers):012x}"

    return new_id
