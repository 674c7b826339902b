"""Advice on how a heat pump is configured: what keeps it from being blocked, what wears it, what cools its storage."""

from collections.abc import Iterator, Mapping

from .. import Ability, Advice
from ..heating import LIMIT, ON
from .frost_guard import OUTDOOR
from .settings import HeatPumpSettings
from .sg_ready import MODE, RELAYS

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
    yield from _wear(settings)


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
