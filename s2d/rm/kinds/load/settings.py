"""The settings of a load: what its owner configures."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ....quantities import Duration, PowerSpan, TemperatureRange, limits
from ..storage_settings import USUAL_HOT_WATER_C, StorageSettings
from ..thermal_storage import ThermalStorage

_LEAST = limits("0 s", "1 d")


class LoadTimers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The least times of a load that is switched."""

    on_s: Annotated[Duration, Meta(description="It stays on for so long at least", extra=_LEAST)] = field(
        name="on", default=Duration(600)
    )
    off_s: Annotated[Duration, Meta(description="It stays off for so long at least", extra=_LEAST)] = field(
        name="off", default=Duration(300)
    )


class LoadSettings(StorageSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a load: what its owner knows about it, and about the water in it where it is a boiler."""

    power_w: Annotated[
        PowerSpan | None,
        Meta(
            description="What it takes while it is on, until that was seen; of one that modulates, from least to most",
            extra=limits("0 W", "10 MW"),
        ),
    ] = field(name="power", default=None)
    thermostat: Annotated[
        bool | None, Meta(description="true: it has its own, and may be left on; false: somebody has to switch it off")
    ] = None
    comfort: Annotated[
        TemperatureRange, Meta(description="Temperatures its water stays within, where it is a boiler")
    ] = USUAL_HOT_WATER_C
    hygiene: Annotated[
        Literal["device", "rm", "off"] | None,
        Meta(
            description="Who heats hot water to 60 °C once a week; default: its thermostat (device), or who switches it"
        ),
    ] = None
    consequence: Annotated[
        Literal["defer", "vanish"],
        Meta(description="What a limit keeps it from, it does later (a heater), or never (a lamp)"),
    ] = "defer"
    timers: Annotated[LoadTimers, Meta(description="Least times on and off")] = LoadTimers()
    phases: Annotated[Literal[1, 3], Meta(description="Phases it is connected to")] = 1
    follow_within_s: Annotated[
        Duration | None,
        Meta(
            description="An order it has not followed after this long is aborted; default: 10 s where it says whether "
            "it is on, else 60 s",
            extra=limits("100 ms", "1 d"),
        ),
    ] = field(name="follow_within", default=None)

    def __post_init__(self) -> None:
        """Raises: ValueError: no power at all; of a boiler, values that cannot be true, or that do harm."""
        if self.power_w is not None and self.power_w[1] <= 0:
            raise ValueError("power: must be above 0 W")
        self.check_band(self.band_c)
        if self.heat_capacity_j_per_k is not None:
            self.check_hot_water(self.band_c, is_ever_hot=self.hygiene != "off")

    @property
    def band_c(self) -> tuple[float, float]:
        """Between which temperatures its water is kept."""
        return float(self.comfort[0]), float(self.comfort[1])

    @property
    def thermal_storage(self) -> ThermalStorage | None:
        """The water in it; None where nobody says how much that is: it is no boiler, or not to be filled by plan."""
        return self.storage_within(self.band_c)

    @property
    def is_hot_by_us(self) -> bool:
        """Whether nobody else sees to it that its water gets hot once a week."""
        return self.hygiene == "rm" or (self.hygiene is None and self.thermostat is not True)
