"""The settings of a battery: what its owner configures."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ....quantities import Duration, Energy, Percentage, PercentageRange, Power, limits


class BatterySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a battery: what its owner knows about it."""

    capacity_wh: Annotated[
        Energy, Meta(description="Energy between 0 % and 100 % state of charge", extra=limits("1 Wh", "100 MWh"))
    ] = field(name="capacity")
    max_charge_power_w: Annotated[Power, Meta(description="Most it may take", extra=limits("1 W", "10 MW"))] = field(
        name="max_charge_power"
    )
    max_discharge_power_w: Annotated[Power, Meta(description="Most it may give", extra=limits("1 W", "10 MW"))] = field(
        name="max_discharge_power"
    )
    min_charge_power_w: Annotated[
        Power, Meta(description="Least it can take while charging", extra=limits("0 W", "10 MW"))
    ] = field(name="min_charge_power", default=Power(0))
    min_discharge_power_w: Annotated[
        Power, Meta(description="Least it can give while discharging", extra=limits("0 W", "10 MW"))
    ] = field(name="min_discharge_power", default=Power(0))
    round_trip_efficiency: Annotated[
        Percentage, Meta(description="Energy out per energy in", extra=limits("1 %", "100 %"))
    ] = Percentage(90)
    usable_range: Annotated[PercentageRange, Meta(description="State of charge to stay within")] = PercentageRange(
        (0.0, 100.0)
    )
    reserve: Annotated[
        Percentage | None,
        Meta(
            description="State of charge below which it is discharged under abnormal conditions only; default: none",
            extra=limits("0 %", "100 %"),
        ),
    ] = None
    standing_losses_w: Annotated[
        Power, Meta(description="What it loses while it stands, inverter included", extra=limits("0 W", "10 kW"))
    ] = field(name="standing_losses", default=Power(0))
    fill_level_margin: Annotated[
        Percentage,
        Meta(
            description="How far the fill levels told to the CEM may reach beyond usable_range",
            extra=limits("0 %", "100 %"),
        ),
    ] = Percentage(0)
    phases: Annotated[Literal[1, 3], Meta(description="Phases it is connected to")] = 1
    fill_level_unit: Annotated[Literal["%", "Wh", "kWh"], Meta(description="Unit of the S2 fill level")] = "%"
    follow_within_s: Annotated[
        Duration,
        Meta(
            description="An instruction the battery has not followed after this long is aborted",
            extra=limits("100 ms", "1 d"),
        ),
    ] = field(name="follow_within", default=Duration(60))
    follow_tolerance_w: Annotated[
        Power | None,
        Meta(
            description="How near the ordered power counts as followed; default 5 % of the larger power",
            extra=limits("0 W", "10 MW"),
        ),
    ] = field(name="follow_tolerance", default=None)

    def __post_init__(self) -> None:
        """Raises: ValueError: values that cannot be true together."""
        for key, value in (
            ("capacity", self.capacity_wh),
            ("max_charge_power", self.max_charge_power_w),
            ("max_discharge_power", self.max_discharge_power_w),
        ):
            if value <= 0:
                raise ValueError(f"{key}: must be above 0")
        for key, least, most in (
            ("min_charge_power", self.min_charge_power_w, self.max_charge_power_w),
            ("min_discharge_power", self.min_discharge_power_w, self.max_discharge_power_w),
        ):
            if not 0 <= least < most:
                raise ValueError(f"{key}: must be between 0 W and {most:g} W")
        if not 0 < self.round_trip_efficiency <= 100:
            raise ValueError("round_trip_efficiency: must be above 0 % and at most 100 %")
        if self.usable_range[0] < 0 or self.usable_range[1] > 100:
            raise ValueError("usable_range: must lie between 0 % and 100 %")
        low, high = self.usable_range
        if self.reserve is not None and not low <= self.reserve < high:
            raise ValueError(f"reserve: must lie within usable_range, from {low:g} % to below {high:g} %")
        if self.fill_level_margin < 0:
            raise ValueError("fill_level_margin: must not be negative")

    @property
    def lowest_soc(self) -> float:
        """State of charge in % down to which it may be discharged."""
        return float(self.usable_range[0] if self.reserve is None else self.reserve)

    @property
    def largest_power_w(self) -> float:
        """The larger of what it may take and give."""
        return max(self.max_charge_power_w, self.max_discharge_power_w)

    @property
    def tolerance_w(self) -> float:
        """So near the ordered power counts as followed."""
        return self.follow_tolerance_w or max(50.0, 0.05 * self.largest_power_w)

    @property
    def idle_below_w(self) -> float:
        """Less power than this is none."""
        return max(25.0, 0.01 * self.largest_power_w)

    @property
    def fill_level_per_percent(self) -> float:
        """How much fill level one percent of state of charge is."""
        return {"%": 1.0, "Wh": self.capacity_wh / 100, "kWh": self.capacity_wh / 100_000}[self.fill_level_unit]
