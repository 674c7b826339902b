"""The settings of a PV inverter: what its owner configures."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ....quantities import Duration, Power, limits


class PvSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a PV inverter: what its owner knows about it. Powers are what it produces, positive."""

    max_power_w: Annotated[
        Power | None,
        Meta(description="Most it produces; needed where the device does not say it", extra=limits("1 W", "10 MW")),
    ] = field(name="max_power", default=None)
    min_limit_w: Annotated[Power, Meta(description="Least it can be limited to", extra=limits("0 W", "10 MW"))] = field(
        name="min_limit", default=Power(0)
    )
    feed_in_limit_w: Annotated[
        Power | None,
        Meta(
            description="What it may never exceed, whoever is in charge; the electrician's word",
            extra=limits("0 W", "10 MW"),
        ),
    ] = field(name="feed_in_limit", default=None)
    phases: Annotated[Literal[1, 3], Meta(description="Phases it is connected to")] = 1
    follow_within_s: Annotated[
        Duration,
        Meta(description="A limit it has not followed after this long is aborted", extra=limits("100 ms", "1 d")),
    ] = field(name="follow_within", default=Duration(120))

    def __post_init__(self) -> None:
        """Raises: ValueError: values that cannot be true together."""
        if self.max_power_w is not None and self.max_power_w <= 0:
            raise ValueError("max_power: must be above 0 W")
        for key, limit_w in (("min_limit", self.min_limit_w), ("feed_in_limit", self.feed_in_limit_w)):
            if limit_w is not None and limit_w < 0:
                raise ValueError(f"{key}: must not be negative; it is what is produced")
            if limit_w is not None and self.max_power_w is not None and limit_w > self.max_power_w:
                raise ValueError(f"{key}: must not be above max_power, {self.max_power_w:g} W")
        if self.feed_in_limit_w is not None and self.feed_in_limit_w < self.min_limit_w:
            raise ValueError(f"feed_in_limit: must not be below min_limit, {self.min_limit_w:g} W")
