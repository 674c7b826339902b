"""Advice on how a heat pump is configured: what keeps it from being blocked, what wears it, what cools its storage."""

from collections.abc import Iterator, Mapping
from math import ceil, inf

from .. import Ability, Advice
from ..heating import LIMIT, SETPOINT
from ..later_start import ON
from .frost_guard import OUTDOOR
from .settings import HeatPumpSettings
from .sg_ready import MODE, RELAYS

_DAY_S = 86_400.0
_SHARE_OF_BAND = 0.5
"""A run that lifts its storage through more of its band leaves little to choose."""


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
    yield from _written_too_often(settings, abilities)
    yield from _wear(settings)


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


def _wear(settings: HeatPumpSettings) -> Iterator[Advice]:
    storage, power = settings.thermal_storage, settings.power_w
    band_k = settings.band_k
    if storage is None or band_k is None or settings.cop is None or power is None:
        return
    lifts_k = settings.timers.run_s * power[0] * settings.cop.points[0][1] / storage.heat_capacity_j_per_k
    if lifts_k > _SHARE_OF_BAND * band_k:
        what = (
            f"the shortest run, {settings.timers.run_s / 60:g} min at {power[0]:g} W, makes its storage "
            f"{lifts_k:.1f} K warmer, of {band_k:g} K between the ends of comfort"
        )
        yield Advice(("storage",), what, "Widen `comfort`, or shorten `timers: run` if its compressor may")
    draws_wh = [draw.energy_wh for day in settings.usage.days for draw in day] if settings.usage else []
    if draws_wh and (drop_k := storage.kelvin(max(draws_wh))) > band_k:
        drawn = f"a draw of {max(draws_wh) / 1000:g} kWh cools it by {drop_k:.1f} K"
        what = f"{drawn}, more than the {band_k:g} K of comfort"
        yield Advice(("usage",), what, "It will be heated in between; widen `comfort` if that is not wanted")
