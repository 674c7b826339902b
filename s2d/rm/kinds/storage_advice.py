"""Advice on how a thermal storage is configured: what leaves a CEM little to choose, or cools it beyond its band."""

from collections.abc import Iterator

from . import Advice
from .storage_settings import StorageSettings

_SHARE_OF_BAND = 0.5
"""A run that lifts its storage through more of its band leaves little to choose."""


def storage_advice(
    settings: StorageSettings, band_k: float, key: str, *, power_w: float, cop: float, run_s: float, shorten: str
) -> Iterator[Advice]:
    """What the owner of a storage should look at, the ends of whose comfort are *band_k* apart.

    *key*: what he says of it. *power_w*: the least that heats it, *cop* times as much, for *run_s* at least, which he
    may *shorten*.
    """
    capacity_j_per_k = settings.heat_capacity_j_per_k
    if capacity_j_per_k is None:
        return
    lifts_k = run_s * power_w * cop / capacity_j_per_k
    if lifts_k > _SHARE_OF_BAND * band_k:
        what = (
            f"the shortest run, {run_s / 60:g} min at {power_w:g} W, makes its storage {lifts_k:.1f} K "
            f"warmer, of {band_k:g} K between the ends of comfort"
        )
        yield Advice((key,), what, f"Widen `comfort`, or {shorten}")
    draws_wh = [draw.energy_wh for day in settings.usage.days for draw in day] if settings.usage else []
    if draws_wh and (drop_k := max(draws_wh) * 3600 / capacity_j_per_k) > band_k:
        drawn = f"a draw of {max(draws_wh) / 1000:g} kWh cools it by {drop_k:.1f} K"
        what = f"{drawn}, more than the {band_k:g} K of comfort"
        yield Advice(("usage",), what, "It will be heated in between; widen `comfort` if that is not wanted")
