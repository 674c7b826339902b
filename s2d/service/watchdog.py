"""The watchdog: has a site started anew of which a task is hung, and tells the service manager that all goes on.

Each task says until when it may be silent; that the event loop turns shows in this one's being at work. The service
manager is told nothing while a hung site does not end: then only another process helps.

Spec: sd_notify(3), WATCHDOG=1.
"""

from collections.abc import Sequence
from typing import Protocol

from ..host.clock import sleep
from ..host.log import Logger
from ..host.notify import notify, watchdog_s
from ..values import Clock

LOOK_EVERY_S = 15.0
ENDS_WITHIN_S = 10.0
"""A site that is to end and does not is stuck."""
_FEEDINGS = 4
"""Within the time that the service manager gives."""


class Hung(Exception):
    """A task said nothing of itself in time; what it belongs to was ended."""


class Site(Protocol):
    """What is started anew as a whole."""

    @property
    def name(self) -> str: ...
    @property
    def alive_until(self) -> float:
        """Until when (monotonic seconds) all its tasks may be silent."""
        ...

    @property
    def ending_since(self) -> float | None:
        """Since when (monotonic seconds) it is to end, as it is hung; None: it is not."""
        ...

    def end(self, now: float) -> None:
        """Has it end, as it is hung."""
        ...


async def watch(sites: Sequence[Site], clock: Clock, log: Logger) -> None:
    """Watches *sites* for ever."""
    given_s = watchdog_s()
    period_s = min(LOOK_EVERY_S, given_s / _FEEDINGS) if given_s else LOOK_EVERY_S
    is_withheld = False
    while True:
        stuck = [each for each in sites if each.ending_since is not None]
        stuck = [each for each in stuck if clock().mono - (each.ending_since or 0) > ENDS_WITHIN_S]
        if not stuck:
            notify("WATCHDOG=1")
        elif not is_withheld:
            log.error("watchdog.withheld", devices=[each.name for each in stuck])
        is_withheld = bool(stuck)
        slept_at = clock().mono
        await sleep(period_s)
        now = clock().mono
        if now - slept_at > 2 * period_s:
            continue  # all stood still, and each has a turn first to say that it goes on
        for site in sites:
            if site.ending_since is None and site.alive_until < now:
                log.error("node.hung", device=site.name, silent_s=round(now - site.alive_until))
                site.end(now)
