"""The settings of a load: what its owner configures."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ....quantities import Duration, PowerSpan, limits

_LEAST = limits("0 s", "1 d")


class LoadTimers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The least times of a load that is switched."""

    on_s: Annotated[Duration, Meta(description="It stays on for so long at least", extra=_LEAST)] = field(
        name="on", default=Duration(600)
    )
    off_s: Annotated[Duration, Meta(description="It stays off for so long at least", extra=_LEAST)] = field(
        name="off", default=Duration(300)
    )


class LoadSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a load: what its owner knows about it."""

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
        """Raises: ValueError: no power at all."""
        if self.power_w is not None and self.power_w[1] <= 0:
            raise ValueError("power: must be above 0 W")
