"""Cars: what the owner knows of those that come to a charger, and which of them is there."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ....quantities import Current, Duration, Energy, Percentage, limits

YesOrNo = bool | Literal["yes", "no"]


class Car(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A car that comes to a charger."""

    name: Annotated[str, Meta(min_length=1, description="What people call it")]
    id: Annotated[
        str | None,
        Meta(
            min_length=1,
            description="How the charger knows it: of a card (RFID) or of the car (EVCCID); in quotes if it is a "
            "number. One car without an id is the only one",
        ),
    ] = None
    battery_capacity_wh: Annotated[
        Energy | None,
        Meta(description="Energy between 0 % and 100 % state of charge", extra=limits("1 kWh", "1 MWh")),
    ] = field(name="battery_capacity", default=None)
    phases: Annotated[
        Literal[1, 2, 3] | None, Meta(description="Phases that it charges by; default: as it is seen to")
    ] = None
    max_current_a: Annotated[
        Current | None,
        Meta(description="Most it takes on each phase; default: as it is seen to", extra=limits("6 A", "80 A")),
    ] = field(name="max_current", default=None)
    min_current_a: Annotated[Current, Meta(description="Least with which it charges", extra=limits("6 A", "32 A"))] = (
        field(name="min_current", default=Current(6))
    )
    limit_soc: Annotated[
        Percentage, Meta(description="State of charge at which it is full enough", extra=limits("1 %", "100 %"))
    ] = Percentage(100)
    pause: Annotated[
        Literal["allowed", "never"],
        Meta(description="Whether charging may be interrupted; never: it gets least current"),
    ] = "allowed"
    stated_switch_phases: Annotated[
        YesOrNo, Meta(description="Whether it takes a change between one and three phases")
    ] = field(name="switch_phases", default=True)
    stated_wake: Annotated[YesOrNo, Meta(description="Whether it is woken when it does not charge though it may")] = (
        field(name="wake", default=True)
    )
    first_charge_s: Annotated[
        Duration, Meta(description="How long it charges before it is paused first", extra=limits("0 s", "1 h"))
    ] = field(name="first_charge", default=Duration(120))

    def __post_init__(self) -> None:
        """Raises: ValueError: a least current above the most."""
        if self.max_current_a is not None and self.min_current_a > self.max_current_a:
            raise ValueError(f"min_current: must not be above max_current, which is {self.max_current_a:g} A")

    @property
    def can_switch_phases(self) -> bool:
        """Whether it takes a change between one and three phases."""
        return self.stated_switch_phases in (True, "yes")

    @property
    def can_be_woken(self) -> bool:
        """Whether it may be woken when it does not charge."""
        return self.stated_wake in (True, "yes")


def check_ids(cars: Sequence[Car]) -> None:
    """Raises: ValueError: *cars*, under the key `cars`, that no charger can tell apart."""
    first: dict[str, str] = {}
    for number, car in enumerate(cars, 1):
        if car.id is None:
            if len(cars) > 1:
                raise ValueError(f'cars: {number}: missing key "id", by which a charger knows one of several cars')
            continue
        if car.id.casefold() in first:
            other = first[car.id.casefold()]
            raise ValueError(f'cars: {number}: id: two cars have the id "{car.id}" (the other is "{other}")')
        first[car.id.casefold()] = car.name


def only_car(cars: Sequence[Car]) -> Car | None:
    """The one of *cars* that comes, if no other does."""
    return cars[0] if len(cars) == 1 and cars[0].id is None else None


def car_of(cars: Sequence[Car], charger_says: str | None) -> Car | None:
    """Which of *cars* it is whose id the *charger says*; None for one that is not known, a guest perhaps.

    Letters may be large or small, as chargers tell the same card either way.
    """
    if only := only_car(cars):
        return only
    wanted = (charger_says or "").strip().casefold()
    return next((car for car in cars if car.id is not None and car.id.casefold() == wanted), None)
