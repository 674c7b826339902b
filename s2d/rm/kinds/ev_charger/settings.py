"""The settings of an EV charger: what its owner configures."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr

from ....phases import UNROTATED, PhaseRotation
from ....quantities import Current, Duration, Percentage, Power, Voltage, limits
from ....schedule import WeekTimes
from .car import Car, check_ids

_Amperes = limits("1 A", "500 A")


class ChargingTimers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The least times between switchings of a charger; what is safe waits for none, but to start is never safe."""

    on_s: Annotated[
        Duration, Meta(description="Least time that it charges once it does", extra=limits("0 s", "1 d"))
    ] = field(name="on", default=Duration(300))
    off_s: Annotated[
        Duration, Meta(description="Least time that it does not once it has stopped", extra=limits("0 s", "1 d"))
    ] = field(name="off", default=Duration(60))
    phases_s: Annotated[
        Duration, Meta(description="Least time between changes of phases", extra=limits("0 s", "1 d"))
    ] = field(name="phases", default=Duration(600))


class EvChargerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a charger: how it is connected, and what it may do."""

    max_current_a: Annotated[Current, Meta(description="Most it may give on each phase", extra=_Amperes)] = field(
        name="max_current"
    )
    min_current_a: Annotated[
        Current, Meta(description="Least it can give; to give less is to stop", extra=_Amperes)
    ] = field(name="min_current", default=Current(6))
    max_current_1p_a: Annotated[
        Current,
        Meta(description="Most it may give on one phase, where it is connected to three", extra=_Amperes),
    ] = field(name="max_current_1p", default=Current(20))
    safe_current_a: Annotated[
        Current | None,
        Meta(description="What it may give when nobody is in charge; default: min_current", extra=_Amperes),
    ] = field(name="safe_current", default=None)
    phases: Annotated[Literal[1, 3], Meta(description="Phases it is connected to")] = 3
    phase_rotation: Annotated[
        PhaseRotation, Meta(description="The phases of the house on which its L1, L2 and L3 are")
    ] = UNROTATED
    phase_switching: Annotated[
        bool, Meta(description="It may be switched between one phase and three, as all its cars can take that")
    ] = False
    voltage_v: Annotated[Voltage, Meta(description="Of one phase", extra=limits("100 V", "300 V"))] = field(
        name="voltage", default=Voltage(230)
    )
    min_charge_power_w: Annotated[
        Power | None,
        Meta(
            description="Least it can give, where it is told a power; default: min_current on its phases",
            extra=limits("1 W", "10 MW"),
        ),
    ] = field(name="min_charge_power", default=None)
    max_charge_power_w: Annotated[
        Power | None,
        Meta(
            description="Most it may give, where it is told a power; default: max_current on its phases",
            extra=limits("1 W", "10 MW"),
        ),
    ] = field(name="max_charge_power", default=None)
    legal_limit_w: Annotated[
        Power | None,
        Meta(
            description="What the operator of the grid may bring it down to; a limit as low as this is his",
            extra=limits("0 W", "10 MW"),
        ),
    ] = field(name="legal_limit", default=None)
    timers: Annotated[ChargingTimers, Meta(description="Least times between switchings")] = ChargingTimers()
    cars: Annotated[tuple[Car, ...], Meta(description="The cars that come; others are limited, and nothing more")] = ()
    charge_efficiency: Annotated[
        Percentage, Meta(description="Energy that gets into the car per energy taken", extra=limits("50 %", "100 %"))
    ] = Percentage(90)
    limit_soc: Annotated[
        Percentage, Meta(description="State of charge at which a car is full enough", extra=limits("1 %", "100 %"))
    ] = Percentage(100)
    target_soc: Annotated[
        Percentage, Meta(description="State of charge that a car has at departure", extra=limits("1 %", "100 %"))
    ] = Percentage(80)
    min_soc: Annotated[
        Percentage,
        Meta(description="State of charge to which a car is charged whatever is ordered", extra=limits("0 %", "99 %")),
    ] = Percentage(0)
    arrival_soc: Annotated[
        Percentage | None,
        Meta(description="State of charge that is assumed of a car that tells none", extra=limits("0 %", "100 %")),
    ] = None
    departure: Annotated[
        WeekTimes | None, Meta(description="When a car leaves; without, a charger is only limited")
    ] = None
    max_starts: Annotated[
        int, Meta(ge=1, le=1000, description="So often a car may be started; then it charges half an hour at least")
    ] = 20
    fill_level_margin: Annotated[
        Percentage,
        Meta(
            description="How far the fill levels told to the CEM reach beyond min_soc and limit_soc",
            extra=limits("0 %", "100 %"),
        ),
    ] = Percentage(0)
    fill_level_unit: Annotated[Literal["%", "kWh"], Meta(description="Unit of the S2 fill level")] = "%"
    measure: Annotated[
        Literal["total", "per_phase"] | None,
        Meta(description="What the CEM is told of the power; default: as many phases as are in use"),
    ] = None

    def __post_init__(self) -> None:
        """Raises: ValueError: values that cannot be true together."""
        if self.min_current_a > self.max_current_a:
            raise ValueError(f"min_current: must be at most max_current, {self.max_current_a:g} A")
        if self.safe_current_a is None:
            force_setattr(self, "safe_current_a", self.min_current_a)  # expressions of profiles name it
        elif not self.min_current_a <= self.safe_current_a <= self.max_current_a:
            most = f"{self.min_current_a:g} A and {self.max_current_a:g} A"
            raise ValueError(f"safe_current: must be between min_current and max_current, {most}")
        if self.least_power_w > self.most_power_w:
            raise ValueError(f"min_charge_power: must be at most {self.most_power_w:g} W")
        if self.target_soc > self.limit_soc:
            raise ValueError(f"target_soc: must be at most limit_soc, {self.limit_soc:g} %")
        if self.min_soc >= self.target_soc:
            raise ValueError(f"min_soc: must be below target_soc, {self.target_soc:g} %")
        check_ids(self.cars)
        if self.phase_switching and self.phases == 1:
            raise ValueError("phase_switching: it is connected to one phase")

    @property
    def safe_a(self) -> float:
        """What it may give on each phase when nobody is in charge."""
        return float(self.min_current_a if self.safe_current_a is None else self.safe_current_a)

    @property
    def least_power_w(self) -> float:
        """Least it can give on its phases, where it is told a power."""
        least_w = self.phases * self.voltage_v * self.min_current_a
        return least_w if self.min_charge_power_w is None else float(self.min_charge_power_w)

    @property
    def most_power_w(self) -> float:
        """Most it may give on its phases."""
        most_w = self.phases * self.voltage_v * self.max_current_a
        return most_w if self.max_charge_power_w is None else float(self.max_charge_power_w)

    @property
    def idle_below_w(self) -> float:
        """A change of power below this is not worth telling."""
        return max(50.0, 0.02 * self.most_power_w)
