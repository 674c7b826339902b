"""The settings of a heat pump: what its owner configures."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ....heat import CoefficientOfPerformance
from ....quantities import (
    Duration,
    Power,
    PowerSpan,
    TemperatureDifferenceRange,
    TemperatureRange,
    limits,
)
from ..storage_settings import USUAL_HOT_WATER_C, StorageSettings
from ..thermal_storage import ThermalStorage


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


class HeatPumpSettings(StorageSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a heat pump: what its owner knows about it, and about what it heats."""

    storage: Annotated[
        Literal["dhw", "buffer", "building"],
        Meta(description="What it heats for the CEM: a hot water tank, a heating buffer, or the building alone"),
    ] = "building"
    comfort: Annotated[
        TemperatureRange | ComfortCurve | None,
        Meta(
            description="Temperatures to stay within, of a buffer also around flow_setpoint; "
            "default: 50 °C .. 55 °C for hot water, and none for a buffer"
        ),
    ] = None
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
    timers: Annotated[HeatPumpTimers, Meta(description="Its least times")] = HeatPumpTimers()
    frost: Annotated[
        Literal["rm", "device"],
        Meta(description="Who sees to it that nothing freezes; device: it keeps its water moving though it is blocked"),
    ] = "rm"
    hygiene: Annotated[
        Literal["device", "rm", "off"],
        Meta(description="Who heats hot water to 60 °C once a week"),
    ] = "device"
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
        if self.curve_k and self.storage == "dhw":
            raise ValueError("comfort: hot water follows no heating curve")
        self.check_band(self.band_c)
        if self.storage == "dhw" and self.band_c:
            self.check_hot_water(self.band_c, is_ever_hot=self.hygiene != "off")

    @property
    def band_c(self) -> tuple[float, float] | None:
        """Between which temperatures its storage is always kept; None where nobody says."""
        if self.storage == "building" or isinstance(self.comfort, ComfortCurve):
            return None
        band = self.comfort or (USUAL_HOT_WATER_C if self.storage == "dhw" else None)
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
    def thermal_storage(self) -> ThermalStorage | None:
        """Its storage; None where nobody says how large it is, and between which temperatures it is kept.

        One that follows a heating curve is kept within what it can have at all, as long as nobody knows where that is.
        """
        band = (float(self.level_limits[0]), float(self.level_limits[1])) if self.curve_k else self.band_c
        return None if band is None else self.storage_within(band)
