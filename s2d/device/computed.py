"""Computed values: what a device does not say itself, worked out of what it says."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated

from msgspec import Meta, Struct

from ..errors import BadReading
from ..quantities import dimension_of, factor_of, number_in
from ..values import Value
from .expression import Expression


class Computed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A computed value: how to compute it. `power: a - b` is short for `power: {value: a - b}`."""

    value: Annotated[Expression, Meta(description="Over points, computed values and parameters, in base units")]
    unit: Annotated[str, Meta(description="Base unit of what it comes to, such as W; none for a state")] = ""
    includes_others: Annotated[
        bool, Meta(description="It holds more than what the device alone does, such as sun or load")
    ] = False
    min: Annotated[float | None, Meta(description="Lowest plausible value")] = None
    max: Annotated[float | None, Meta(description="Highest plausible value")] = None

    def __post_init__(self) -> None:
        """Raises: ValueError: no base unit, or limits that exclude everything."""
        check_base_unit(self.unit)
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min: must not be above max, which is {self.max:g}")

    @property
    def dimension(self) -> str:
        """Dimension of the unit, "" without one."""
        return dimension_of(self.unit) if self.unit else ""

    def value_of(self, known: Mapping[str, Value]) -> Value:
        """What it comes to.

        Raises: BadReading: it cannot be computed of what is *known*, is outside `min`..`max`, or no number though it
        has a unit.
        """
        value = self.value.evaluate(known)
        if value is None:
            raise BadReading(f"{self.value} cannot be computed")
        if self.unit and isinstance(value, str | bool):
            value = number_in(value, self.unit)
        if isinstance(value, int | float) and not self._is_plausible(value):
            low, high = ("…" if limit is None else f"{limit:g}" for limit in (self.min, self.max))
            raise BadReading(f"{value:g} {self.unit}".rstrip() + f" is outside {low} .. {high}")
        return value

    def _is_plausible(self, value: float) -> bool:
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


def in_order(computed: Mapping[str, Computed]) -> list[str]:
    """The names of *computed*, each after those it is computed of.

    Raises: ValueError: some of them are computed of each other.
    """
    needs = {name: sorted(each.value.names & computed.keys()) for name, each in computed.items()}
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as exc:
        raise ValueError(f"{' and '.join(dict.fromkeys(exc.args[1]))} cannot be computed of each other") from None


def check_base_unit(unit: str) -> None:
    """Raises: ValueError: expressions are in base units, and *unit* is none."""
    if unit and factor_of(unit) != 1:
        raise ValueError(f"unit: expressions are in base units, {unit} is none")
