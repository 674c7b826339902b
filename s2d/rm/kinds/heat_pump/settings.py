"""The settings of a heat pump: what its owner configures."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ....heat import CoefficientOfPerformance, StandingLosses
from ....quantities import (
    Duration,
    Energy,
    Power,
    PowerSpan,
    Temperature,
    TemperatureDifference,
    TemperatureDifferenceRange,
    TemperatureRange,
    Volume,
    limits,
)
from ....schedule import TimeOfDay, WeekDraws
from ..thermal_storage import J_PER_L_K, LevelUnit, ThermalStorage

_NO_LEGIONELLA_FROM_C = 50.0
_SCALDS_ABOVE_C = 60.0
_J_PER_WH = 3600.0
_USUAL_HOT_WATER = TemperatureRange((50.0, 55.0))


class HeatPumpTimers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The least times of a heat pump."""

    run_s: Annotated[Duration, Meta(description="It runs for so long at least", extra=limits("0 s", "1 d"))] = field(
        name="run", default=Duration(1200)
    )
    pause_s: Annotated[Duration, Meta(description="It rests for so long at least", extra=limits("0 s", "1 d"))] = field(
        name="pause", default=Duration(600)
    )
    hold_s: Annotated[
        Duration, Meta(description="It stays in an SG-Ready state for so long at least", extra=limits("0 s", "1 d"))
    ] = field(name="hold", default=Duration(600))
    rest_s: Annotated[
        Duration, Meta(description="So long it is not blocked after a block", extra=limits("0 s", "1 d"))
    ] = field(name="rest", default=Duration(6900))


class ComfortCurve(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A comfort that follows the heating curve."""

    curve_k: Annotated[
        TemperatureDifferenceRange,
        Meta(description="From so far below flow_setpoint to so far above it", extra=limits("-30 K", "30 K")),
    ] = field(name="curve")


class HeatPumpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a heat pump: what its owner knows about it, and about what it heats."""

    storage: Annotated[
        Literal["dhw", "buffer", "building"],
        Meta(description="What it heats for the CEM: a hot water tank, a heating buffer, or the building alone"),
    ] = "building"
    volume_l: Annotated[Volume | None, Meta(description="Water in the storage", extra=limits("10 l", "100000 l"))] = (
        field(name="volume", default=None)
    )
    heat_capacity_wh_per_k: Annotated[
        Energy | None,
        Meta(description="Instead of volume: energy for each kelvin", extra=limits("10 Wh", "1 MWh")),
    ] = field(name="heat_capacity", default=None)
    comfort: Annotated[
        TemperatureRange | ComfortCurve | None,
        Meta(
            description="Temperatures to stay within, of a buffer also around flow_setpoint; "
            "default: 50 °C .. 55 °C for hot water, and none for a buffer"
        ),
    ] = None
    level_limits: Annotated[
        TemperatureRange, Meta(description="Temperatures the storage can have: between them its modes are described")
    ] = TemperatureRange((5.0, 95.0))
    hysteresis_k: Annotated[
        TemperatureDifference,
        Meta(description="Its own thermostat starts so far below its setpoint", extra=limits("0 K", "30 K")),
    ] = field(name="hysteresis", default=TemperatureDifference(5))
    power_w: Annotated[
        PowerSpan | None,
        Meta(
            description="What it takes while it heats; one power if it does not modulate", extra=limits("1 W", "10 MW")
        ),
    ] = field(name="power", default=None)
    cop: Annotated[
        CoefficientOfPerformance | None,
        Meta(description="Heat for its power: a number, or one at each of two temperatures outdoors"),
    ] = None
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
    timers: Annotated[HeatPumpTimers, Meta(description="Its least times")] = HeatPumpTimers()
    frost: Annotated[
        Literal["rm", "device"],
        Meta(description="Who sees to it that nothing freezes; device: it keeps its water moving though it is blocked"),
    ] = "rm"
    hygiene: Annotated[
        Literal["device", "rm", "off"],
        Meta(description="Who heats hot water to 60 °C once a week"),
    ] = "device"
    hygiene_at: Annotated[TimeOfDay, Meta(description="From when on, each day, it may, once it is due")] = TimeOfDay(
        13, 0
    )
    mixing_valve: Annotated[bool, Meta(description="A valve mixes what is too hot for hands")] = False
    i_know: Annotated[
        Literal["legionella"] | None, Meta(description="Its owner knows what grows in water that is not hot enough")
    ] = None
    power_normal_w: Annotated[
        Power | None,
        Meta(
            description="What it usually takes while it is left to itself; default: learnt",
            extra=limits("0 W", "10 MW"),
        ),
    ] = field(name="power_normal", default=None)
    power_boost_w: Annotated[
        Power | None,
        Meta(description="What it usually takes in boost; default: learnt", extra=limits("0 W", "10 MW")),
    ] = field(name="power_boost", default=None)
    state_1: Annotated[
        Literal["block", "dim"], Meta(description="What it does in SG-Ready's state 1: nothing, or no more than 4.2 kW")
    ] = "block"
    forced: Annotated[bool, Meta(description="SG-Ready's state 4 may be ordered; it may start a heater rod")] = False
    cap_w: Annotated[
        PowerSpan | None,
        Meta(description="To what power_limit can limit it; default: as power", extra=limits("1 W", "10 MW")),
    ] = field(name="cap", default=None)
    cap_stops: Annotated[bool, Meta(description="A power_limit below its least stops it")] = False
    legal_limit_w: Annotated[
        Power | None,
        Meta(
            description="What the grid's operator may limit it to; the electrician's word", extra=limits("1 W", "10 MW")
        ),
    ] = field(name="legal_limit", default=None)
    pump_power_w: Annotated[
        Power, Meta(description="What its circulation pumps take", extra=limits("0 W", "10 kW"))
    ] = field(name="pump_power", default=Power(0))
    phases: Annotated[Literal[1, 3], Meta(description="Phases it is connected to")] = 1
    follow_within_s: Annotated[
        Duration,
        Meta(
            description="An order to heat that it has not followed after this long is aborted",
            extra=limits("1 s", "1 d"),
        ),
    ] = field(name="follow_within", default=Duration(900))

    def __post_init__(self) -> None:
        """Raises: ValueError: values that cannot be true together, or that do harm to who does not know."""
        if self.volume_l is not None and self.heat_capacity_wh_per_k is not None:
            raise ValueError("heat_capacity: volume says this already")
        if self.losses_at_c is not None and self.losses_at_c <= self.ambient_c:
            raise ValueError(f"standing_losses: nothing is lost at or below ambient, {self.ambient_c:g} °C")
        if self.curve_k and self.storage == "dhw":
            raise ValueError("comfort: hot water follows no heating curve")
        band = self.band_c
        if band and not (self.level_limits[0] <= band[0] and band[1] <= self.level_limits[1]):
            raise ValueError("comfort: must lie within level_limits")
        if self.storage != "dhw" or band is None:
            return
        if band[0] < _NO_LEGIONELLA_FROM_C and self.i_know != "legionella":
            raise ValueError(
                f"comfort: legionella grow below {_NO_LEGIONELLA_FROM_C:g} °C; if you know, write i_know: legionella"
            )
        if self.hygiene == "off" and self.i_know != "legionella":
            raise ValueError("hygiene: without it legionella grow; if you know, write i_know: legionella")
        if band[1] > _SCALDS_ABOVE_C and not self.mixing_valve:
            raise ValueError(f"comfort: it scalds above {_SCALDS_ABOVE_C:g} °C without mixing_valve: true")

    @property
    def losses_at_c(self) -> float | None:
        return None if self.standing_losses is None else self.standing_losses.at_c

    @property
    def band_c(self) -> tuple[float, float] | None:
        """Between which temperatures its storage is always kept; None where nobody says."""
        if self.storage == "building" or isinstance(self.comfort, ComfortCurve):
            return None
        band = self.comfort or (_USUAL_HOT_WATER if self.storage == "dhw" else None)
        return None if band is None else (float(band[0]), float(band[1]))

    @property
    def curve_k(self) -> tuple[float, float] | None:
        """How far below and above its heating curve its storage is kept; None where it follows none."""
        if self.storage == "building" or not isinstance(self.comfort, ComfortCurve):
            return None
        return float(self.comfort.curve_k[0]), float(self.comfort.curve_k[1])

    @property
    def band_k(self) -> float | None:
        """How far the ends of comfort are apart; None where nobody says."""
        band = self.band_c or self.curve_k
        return None if band is None else band[1] - band[0]

    @property
    def heat_capacity_j_per_k(self) -> float | None:
        """Of its storage; None where nobody says."""
        if self.heat_capacity_wh_per_k is not None:
            return float(self.heat_capacity_wh_per_k) * _J_PER_WH
        return None if self.volume_l is None else float(self.volume_l) * J_PER_L_K

    @property
    def thermal_storage(self) -> ThermalStorage | None:
        """Its storage; None where nobody says how large it is, and between which temperatures it is kept.

        One that follows a heating curve is kept within what it can have at all, as long as nobody knows where that is.
        """
        band = (float(self.level_limits[0]), float(self.level_limits[1])) if self.curve_k else self.band_c
        if self.heat_capacity_j_per_k is None or band is None:
            return None
        low_c, high_c = band
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
