"""Advice on how a heat pump is configured: what keeps it from being blocked, what wears it, what cools its storage."""

from collections.abc import Iterator, Mapping
from math import ceil, inf

from .. import Ability, Advice
from ..heating import LIMIT, SETPOINT
from ..later_start import ON
from ..storage_advice import storage_advice
from .frost_guard import OUTDOOR
from .heat_pump import SHOWS_BY
from .settings import HeatPumpSettings
from .sg_ready import MODE, RELAYS

_DAY_S = 86_400.0


def advice(settings: HeatPumpSettings, abilities: Mapping[str, Ability]) -> Iterator[Advice]:
    """What its owner should look at."""
    told = {name for name, ability in abilities.items() if ability.can_write}
    cuts_off = told & {MODE, *RELAYS, ON} or (LIMIT in told and settings.cap_stops)
    if cuts_off and settings.frost == "rm" and OUTDOOR not in abilities:
        what = "as nobody knows how cold it is outdoors, it is never blocked or cut off, in case it freezes"
        hint = "Add a point `outdoor`, or write `frost: device` if it keeps its own water moving"
        yield Advice(("points",), what, hint)
    if ON in told:
        what = "a relay in its supply takes its protection against frost away"
        yield Advice(("points",), what, "`on` has to be its enable contact, or a register")
    shows_by = next((point for point in SHOWS_BY if point in abilities), "status")
    if settings.storage == "dhw" and settings.heat_capacity_j_per_k and shows_by != "status":
        what = f"that it heats its water is seen by its {shows_by} alone, which is the same while it heats rooms"
        hint = "Add a point `status`, unless it heats nothing but water"
        yield Advice(("storage",), what, hint)
    yield from _written_too_often(settings, abilities)
    if settings.thermal_storage and settings.band_k and settings.cop and settings.power_w:
        yield from storage_advice(
            settings,
            settings.band_k,
            "storage",
            power_w=float(settings.power_w[0]),
            cop=settings.cop.points[0][1],
            run_s=float(settings.timers.run_s),
            shorten="shorten `timers: run` if its compressor may",
        )


def _written_too_often(settings: HeatPumpSettings, abilities: Mapping[str, Ability]) -> Iterator[Advice]:
    """By what its timers allow, memory that wears out is written more often than that may be."""
    timers = settings.timers
    cycle_s, hold_s = timers.run_s + timers.pause_s, float(timers.hold_s)
    often = dict.fromkeys((SETPOINT, ON), 2 * _DAY_S / cycle_s if cycle_s else inf)
    often |= dict.fromkeys((MODE, *RELAYS), _DAY_S / hold_s if hold_s else inf)
    for point, times in often.items():
        most = abilities[point].daily_writes if point in abilities else None
        if most is not None and times > most:
            how_often = f"{ceil(times)} times a day" if times < inf else "at any time"
            keys = "run` or `pause" if point in (SETPOINT, ON) else "hold"
            what = f"by its timers a CEM may have {point} written {how_often}, and its memory allows {most}"
            yield Advice(("timers",), what, f"Make `{keys}` longer; what comes beyond is aborted")
