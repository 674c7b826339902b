"""The keys of a profile beside those of a device: its sources, its parameters, its simulation."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ...device.expression import Expression
from ...quantities import Duration, Quantity
from ..yaml_source import YamlNode

Kinds = Literal["battery", "pv", "meter", "ev_charger", "heat_pump", "load"]
"""The kinds a list of profiles is sorted by."""

QUANTITIES = {quantity.dimension: quantity for quantity in Quantity.__subclasses__()}


class Parameter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the owner of such a device has to say, or may."""

    type: Annotated[
        Literal[
            "integer", "number", "text", "boolean", "choice", "power", "energy", "current", "duration", "percentage"
        ],
        Meta(description="How it is written; quantities carry their unit"),
    ]
    help: Annotated[str, Meta(min_length=1, description="What it is, for the owner")]
    default: Annotated[YamlNode | None, Meta(description="Without one the owner must say it")] = None
    min: Annotated[YamlNode | None, Meta(description="Lowest value; a quantity carries its unit")] = None
    max: Annotated[YamlNode | None, Meta(description="Highest value; a quantity carries its unit")] = None
    choices: Annotated[tuple[YamlNode, ...], Meta(description="For `type: choice`")] = ()
    secret: Annotated[bool, Meta(description="Never shown")] = False

    def __post_init__(self) -> None:
        """Raises: ValueError: a choice without choices, or choices of something else."""
        if bool(self.choices) != (self.type == "choice"):
            raise ValueError("choices: belong to `type: choice`, and it needs them")

    @property
    def is_required(self) -> bool:
        return self.default is None

    @property
    def example(self) -> str:
        """How a value is written."""
        if self.choices:
            return self.choices[0].written
        if self.type in QUANTITIES:
            return QUANTITIES[self.type].example
        return {"integer": "1", "number": "1.0", "text": "text", "boolean": "true"}[self.type]


class Simulation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a simulated device of this profile does."""

    shows: Annotated[
        dict[str, Expression],
        Meta(description="Point → what it reads, over soc, power, capacity, max_charge_power, max_discharge_power"),
    ] = {}
    obeys: Annotated[
        Expression | None, Meta(description="The power it is ordered to take, in W, over the points that are written")
    ] = None
    starts: Annotated[dict[str, YamlNode], Meta(description="Point → its value at the start")] = {}
    fails: Annotated[
        dict[str, Expression], Meta(description="Point → what it reads instead while the device has a fault")
    ] = {}
    forgets_s: Annotated[
        Duration | None, Meta(description="Without a write for so long it goes back to how it started")
    ] = field(name="forgets", default=None)


class ProfileKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A profile, as far as it is not the device it describes."""

    title: Annotated[str, Meta(min_length=1, description="One line, for lists")]
    of: Annotated[Kinds | None, Meta(description="What lists sort it by; default: its kind")] = None
    confidence: Annotated[
        Literal["high", "medium", "low"], Meta(description="How far the facts are sure: two independent sources agree")
    ] = "low"
    sources: Annotated[tuple[str, ...], Meta(description="Where the facts come from")] = ()
    tested_firmware: Annotated[tuple[str, ...], Meta(description="Versions it was seen working with")] = ()
    setup: Annotated[tuple[str, ...], Meta(description="What to set on the device first")] = ()
    caveats: Annotated[tuple[str, ...], Meta(description="What the owner must know")] = ()
    parameters: Annotated[
        dict[str, Parameter], Meta(description="What the owner says; {NAME} anywhere in the profile")
    ] = {}
    include: Annotated[tuple[str, ...], Meta(description="Profiles that are laid under this one")] = ()
    parts: Annotated[
        dict[str, YamlNode] | None,
        Meta(description="Several devices behind one connection: name → keys of a device; the first is the default"),
    ] = None
    simulation: Annotated[Simulation | None, Meta(description="What a simulated device of this profile does")] = None
