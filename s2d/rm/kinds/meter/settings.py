"""The settings of a meter: what its owner configures."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Measures = Literal["house", "grid", "generation", "device"]


class MeterSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a meter: what its owner knows about it."""

    measures: Annotated[
        Measures,
        Meta(
            description="What flows through it: all that the `house` uses, what the `grid` gives and takes, what a "
            "`generation` gives, or what one `device` uses"
        ),
    ]
    phases: Annotated[Literal[1, 3], Meta(description="Phases it is connected to")] = 3
