"""The settings of a thermal storage: what its owner knows about the water in it, whatever heats that."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ...heat import StandingLosses
from ...quantities import Energy, Temperature, TemperatureDifference, TemperatureRange, Volume, limits
from ...schedule import TimeOfDay, WeekDraws
from .thermal_storage import J_PER_L_K, LevelUnit, ThermalStorage

USUAL_HOT_WATER_C = TemperatureRange((50.0, 55.0))
"""How warm hot water is kept where nobody says."""
_NO_LEGIONELLA_FROM_C = 50.0
_SCALDS_ABOVE_C = 60.0
_J_PER_WH = 3600.0


class StorageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a thermal storage, of which its kind says between which temperatures it is kept."""

    volume_l: Annotated[Volume | None, Meta(description="Water in the storage", extra=limits("10 l", "100000 l"))] = (
        field(name="volume", default=None)
    )
    heat_capacity_wh_per_k: Annotated[
        Energy | None,
        Meta(description="Instead of volume: energy for each kelvin", extra=limits("10 Wh", "1 MWh")),
    ] = field(name="heat_capacity", default=None)
    level_limits: Annotated[
        TemperatureRange, Meta(description="Temperatures the storage can have: between them its modes are described")
    ] = TemperatureRange((5.0, 95.0))
    hysteresis_k: Annotated[
        TemperatureDifference,
        Meta(description="Its own thermostat starts so far below its setpoint", extra=limits("0 K", "30 K")),
    ] = field(name="hysteresis", default=TemperatureDifference(5))
    standing_losses: Annotated[
        StandingLosses | None, Meta(description="What the storage loses by itself, such as 50 W at 50 °C")
    ] = None
    ambient_c: Annotated[Temperature, Meta(description="Where the storage stands", extra=limits("-30 °C", "50 °C"))] = (
        field(name="ambient", default=Temperature(20))
    )
    usage: Annotated[WeekDraws | None, Meta(description="What is usually drawn of it, by day and time")] = None
    fill_level_margin_k: Annotated[
        TemperatureDifference,
        Meta(description="How far the fill levels told to the CEM reach beyond comfort", extra=limits("0 K", "30 K")),
    ] = field(name="fill_level_margin", default=TemperatureDifference(0))
    fill_level_unit: Annotated[LevelUnit, Meta(description="Unit of the S2 fill level")] = "°C"
    hygiene_at: Annotated[TimeOfDay, Meta(description="From when on, each day, it may, once it is due")] = TimeOfDay(
        13, 0
    )
    mixing_valve: Annotated[bool, Meta(description="A valve mixes what is too hot for hands")] = False
    i_know: Annotated[
        Literal["legionella"] | None, Meta(description="Its owner knows what grows in water that is not hot enough")
    ] = None

    def check_band(self, band_c: tuple[float, float] | None) -> None:
        """Raises: ValueError: values that cannot be true together of a storage that is kept between *band_c*."""
        if self.volume_l is not None and self.heat_capacity_wh_per_k is not None:
            raise ValueError("heat_capacity: volume says this already")
        if self.standing_losses is not None and self.standing_losses.at_c <= self.ambient_c:
            raise ValueError(f"standing_losses: nothing is lost at or below ambient, {self.ambient_c:g} °C")
        if band_c and not (self.level_limits[0] <= band_c[0] and band_c[1] <= self.level_limits[1]):
            raise ValueError("comfort: must lie within level_limits")

    def check_hot_water(self, band_c: tuple[float, float], *, is_ever_hot: bool) -> None:
        """*is_ever_hot*: once a week it is hot enough.

        Raises: ValueError: what does harm to who does not know.
        """
        if band_c[0] < _NO_LEGIONELLA_FROM_C and self.i_know != "legionella":
            raise ValueError(
                f"comfort: legionella grow below {_NO_LEGIONELLA_FROM_C:g} °C; if you know, write i_know: legionella"
            )
        if not is_ever_hot and self.i_know != "legionella":
            raise ValueError("hygiene: without it legionella grow; if you know, write i_know: legionella")
        if band_c[1] > _SCALDS_ABOVE_C and not self.mixing_valve:
            raise ValueError(f"comfort: it scalds above {_SCALDS_ABOVE_C:g} °C without mixing_valve: true")

    @property
    def heat_capacity_j_per_k(self) -> float | None:
        """Of its storage; None where nobody says."""
        if self.heat_capacity_wh_per_k is not None:
            return float(self.heat_capacity_wh_per_k) * _J_PER_WH
        return None if self.volume_l is None else float(self.volume_l) * J_PER_L_K

    def storage_within(self, band_c: tuple[float, float]) -> ThermalStorage | None:
        """The storage, kept between *band_c*; None where nobody says how large it is."""
        if self.heat_capacity_j_per_k is None:
            return None
        low_c, high_c = band_c
        return ThermalStorage(
            heat_capacity_j_per_k=self.heat_capacity_j_per_k,
            low_c=low_c,
            high_c=high_c,
            coldest_c=float(self.level_limits[0]),
            hottest_c=float(self.level_limits[1]),
            margin_k=float(self.fill_level_margin_k),
            unit=self.fill_level_unit,
            losses=self.standing_losses,
            ambient_c=float(self.ambient_c),
            usage=self.usage,
        )
