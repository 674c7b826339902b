"""The keys of a profile beside those of a device: its sources, its parameters, its simulation."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ...device.expression import Expression
from ...quantities import Duration, Quantity, limits
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
    soon_required: Annotated[
        bool,
        Meta(description="The default is a stopgap: who takes it is warned, and the next release asks for one"),
    ] = False

    def __post_init__(self) -> None:
        """Raises: ValueError: a choice without choices, or choices of something else."""
        if bool(self.choices) != (self.type == "choice"):
            raise ValueError("choices: belong to `type: choice`, and it needs them")
        if self.soon_required and self.default is None:
            raise ValueError("soon_required: without a `default` it is required already")

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


Level = Literal["high", "medium", "low"]


class Confidence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The confidence in the facts of a profile: what is read, and what is written."""

    read: Annotated[Level, Meta(description="Of what it says")]
    write: Annotated[Level | None, Meta(description="Of what it is told; none where it is only read")] = None

    def __str__(self) -> str:
        return f"read {self.read}" + (f", write {self.write}" if self.write else "")


class Simulation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a simulated device of this profile does."""

    shows: Annotated[
        dict[str, Expression],
        Meta(
            description="Point → what it reads, over what is simulated (of a battery soc, power, sun, capacity, "
            "max_charge_power, max_discharge_power) and the points that are written"
        ),
    ] = {}
    obeys: Annotated[
        dict[str, Expression] | Expression | None,
        Meta(
            description="What it is told → in which words, over the points that are written and `sun`, in base units; "
            "an expression alone is the power it shall take, in W"
        ),
    ] = None
    starts: Annotated[dict[str, YamlNode], Meta(description="Point → its value at the start")] = {}
    fails: Annotated[
        dict[str, Expression], Meta(description="Point → what it reads instead while the device has a fault")
    ] = {}
    forgets_s: Annotated[
        Duration | None,
        Meta(description="Without a write for so long it goes back to how it started", extra=limits("100 ms", "1 d")),
    ] = field(name="forgets", default=None)

    @property
    def orders(self) -> Mapping[str, Expression]:
        """What it is told, each by the expression of it."""
        if self.obeys is None or isinstance(self.obeys, dict):
            return self.obeys or {}
        return {"power": self.obeys}


class ProfileKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A profile, as far as it is not the device it describes."""

    title: Annotated[str, Meta(min_length=1, description="One line, for lists")]
    of: Annotated[Kinds | None, Meta(description="What lists sort it by; default: its kind")] = None
    stated_confidence: Annotated[
        Level | Confidence,
        Meta(
            description="How far the facts are sure. high: seen working, see tested_firmware; medium: two independent "
            "sources agree. One word counts for both, and is deprecated"
        ),
    ] = field(name="confidence", default=Confidence(read="low", write="low"))
    sources: Annotated[tuple[str, ...], Meta(description="Where the facts come from")] = ()
    tested_firmware: Annotated[tuple[str, ...], Meta(description="Versions it was seen working with")] = ()
    setup: Annotated[tuple[str, ...], Meta(description="What to set on the device first")] = ()
    danger: Annotated[
        str | None, Meta(min_length=1, description="What may do harm, in one sentence; shown wherever it is used")
    ] = None
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

    @property
    def confidence(self) -> Confidence:
        """As it is understood: one word counts for both, and nothing is high that was never seen working."""
        stated = self.stated_confidence
        if isinstance(stated, str):
            stated = Confidence(read=stated, write=stated)
        if self.tested_firmware:
            return stated
        return Confidence(read=_untested(stated.read), write=_untested(stated.write) if stated.write else None)


def _untested(level: Level) -> Level:
    return "medium" if level == "high" else level
