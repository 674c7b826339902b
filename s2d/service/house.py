"""The loop of a house limit: what its meter and its devices say is shared out to the devices, every few seconds.

It has no task: it runs as whoever measured something is heard. If nobody is heard, what devices were left runs out, and
each has the share that is meant for that.
"""

from collections.abc import Callable, Mapping

from ..config import House
from ..events import DeviceEvent, Measured
from ..rm.house_limit import HouseLimit
from ..values import Clock
from .node import Node

EVERY_S = 5.0


class HouseLoop:
    """The loop of one house limit. `heard` is its only way in."""

    def __init__(self, house: House, nodes: Callable[[], Mapping[str, Node | None]], clock: Clock) -> None:
        """*nodes*: by device, those at work by then."""
        self._held = [each.name for each in house.held]
        self._limit = HouseLimit(house.limit_a, house.held, house.meter, house.unbalance_a)
        self._nodes = nodes
        self._clock = clock
        self._next_at = 0.0

    def heard(self, device: str, event: DeviceEvent) -> None:
        """*event* is what *device*, the meter or one that is held, has emitted."""
        if not isinstance(event, Measured):
            return
        self._limit.observe(device, event.readings)
        now = self._clock()
        if now.mono < self._next_at:
            return
        self._next_at = now.mono + EVERY_S
        nodes = {name: node for name, node in self._nodes().items() if node and name in self._held}
        wanted_a = {name: node.wanted_a for name, node in nodes.items()}
        for name, readings in self._limit.shares(wanted_a, now.mono).items():
            if name in nodes:
                nodes[name].post(Measured(readings, is_lent=True))
