"""Kinds of devices, in S2's terms: which points they have, what is configured of them, what they can offer a CEM.

A kind makes the model of one device: it turns readings into what is known, and wanted states into Setpoints. For each
control type that it offers an adapter makes of the model what that control type asks for. A model knows no message, no
session and no register.
"""

from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, NamedTuple, Protocol

from msgspec import Struct

from ...s2.messages.common import CONTROL_TYPES, CommodityQuantity, ControlType, Role
from ...values import Now, PlausibleRange, Reading, Setpoint, Value
from ..control import Control
from ..control.context import ControlContext
from ..control.execution import RestingResource
from ..control.not_controllable import MeasuredResource
from ..control.power_forecast import ForeseeingResource
from ..control.reporting import ReportThresholds
from ..occasion import Occasion, SafeStates
from .head_room import HeadRoom, HouseShare
from .kept_values import KeptValues
from .owners_wish import OwnersWish


def _always(settings: object) -> bool:
    return True


def _by_name(settings: object, name: str) -> str:
    return name


def _nothing(settings: object, abilities: object) -> tuple["Advice", ...]:
    return ()


def _at_once(abilities: object) -> float:
    return 0.0


def _no_power(settings: object, name: str, value: Value) -> None:
    return None


def _all_in_reach(settings: object, abilities: object) -> Mapping[str, str]:
    return {}


class Advice(NamedTuple):
    """An advice on how one device is configured: it works, and its owner should look at it."""

    keys: tuple[str, ...]
    """Where in its configuration, outermost first."""
    what: str
    hint: str = ""


class CanonicalPoint(NamedTuple):
    """A canonical point, by which a kind of device is known; hardware is mapped to these names."""

    access: Literal["read", "write"]
    dimension: str
    """Of the point's unit; "" for a plain number, a state or a switch."""
    meaning: str
    is_switch: bool = False
    """It is on or off: true or false, or a number of which 0 is off, and no state with a name."""
    may_be_text: bool = False
    """Without a unit it is text that says the same."""


class Ability(NamedTuple):
    """The ability of a point of one device: what can be done with it."""

    can_read: bool
    can_write: bool = False
    can_release: bool = False
    """Control of it can be given back to the device."""
    settle_s: float = 0.0
    """What is written to it has this long to show..."""
    shows_after_s: float = 0.0
    """...and so long it may take until that is seen."""
    includes_others: bool = False
    """It holds more than what the device alone does: what it becomes says nothing of an order."""
    step: float | None = None
    """What is written to it is rounded to a multiple of this, towards 0, in its base unit; None: not that is known."""
    daily_writes: int | None = None
    """Most writes within 24 h, as they wear its memory out; None: as many as one likes."""


class Protection(NamedTuple):
    """A protection: what is written against an order that would do harm now."""

    reason: str
    setpoints: list[Setpoint]
    """Each marked `is_safe`."""
    ends_orders: bool = True
    """Whether what runs is over; otherwise it goes on as far as it is harmless."""
    is_harm: bool = True
    """Whether there is harm; otherwise it is but the next that is due, and nothing to warn of."""


class ResourceSetup(Struct, frozen=True, kw_only=True):
    """The setup of a model: what one resource is made from, as plain values."""

    resource_id: str
    """The same in every run."""
    name: str | None
    settings: Any
    """Of the kind's type."""
    abilities: Mapping[str, Ability]
    """What can be done with the points of its device."""
    safe: SafeStates
    time_zone: str = "UTC"
    """In which its owner tells the time."""
    is_expected_offline: bool = False
    """Its device is switched off at times, as an inverter is at night."""
    house: HouseShare | None = None
    """None: no limit of the house holds it."""


class Resource(RestingResource, MeasuredResource, Protocol):
    """The model of one device, as far as every kind is alike. What it does further, its control types say."""

    roles: tuple[Role, ...]
    kept: KeptValues
    """What it must know after a restart; empty until the first event."""
    is_time_known: bool
    """Whether our clock tells what time it is; false while it is not synchronised, and another than the CEM's."""

    @property
    def wish(self) -> OwnersWish | None:
        """What its owner may want of it now, whatever is ordered; None: nothing."""
        ...

    @property
    def head_room(self) -> HeadRoom | None:
        """What the limit of the house leaves it; None: none holds it."""
        ...

    @property
    def quantities(self) -> tuple[CommodityQuantity, ...]:
        """What it measures."""
        ...

    @property
    def follow_within_s(self) -> float:
        """How long an order may take until it is followed, or done again that was undone."""
        ...

    @property
    def foreseen_power(self) -> ForeseeingResource | None:
        """What is foreseen of its power; None if nothing ever is."""
        ...

    def observe(self, readings: Iterable[Reading], now: Now) -> None:
        """Takes what the device said; a reading that is not good makes its point unknown."""
        ...

    @property
    def waits_for_device(self) -> bool:
        """Whether orders outlast that the device does not answer: one that is off at night is told in the morning."""
        ...

    def lose(self) -> None:
        """The device does not answer; nothing is undertaken on it, and what was last read holds until it is too old."""
        ...

    def advance(self, now: Now) -> bool:
        """Does what time does: forgets what is too old, looks at what can be offered. Comes first at every event.

        Whether anything has changed by that.
        """
        ...

    def deadlines(self) -> Iterable[float]:
        """When (monotonic seconds) `advance` has something to do."""
        ...

    def confirm(self, setpoint: Setpoint, keeps: float | None) -> None:
        """The device does *setpoint*; of a power it may keep less: what it rounds to, or the most that it can."""
        ...

    @property
    def troubles(self) -> tuple[str, ...]:
        """What its owner has to see to, in words, as nothing that is ordered of it helps; empty when all is well."""
        ...

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is ordered of it."""
        ...

    def control_types(self) -> tuple[ControlType, ...]:
        """What can be offered now, richest first; empty while too little is known of the device."""
        ...

    def control(self, control_type: ControlType, context: ControlContext) -> Control:
        """The control of one of the control types that it can offer at all."""
        ...

    def protect(self, now: Now) -> Protection | None:
        """What to write against orders that would do harm now, and why; None when all is well."""
        ...


@dataclass(frozen=True)
class Kind:
    """A kind of device."""

    name: str
    settings: type[Struct]
    """What is configured of such a device, beside what every device has."""
    points: Mapping[str, CanonicalPoint]
    needs: tuple["OneOf", ...]
    """Points without which it is nothing: all of one alternative of each."""
    control_types: tuple[str, ...]
    """What it can offer to a CEM, by the short names of `messages.common.CONTROL_TYPES`, richest first; empty: it is
    only measured."""
    steered_by: Callable[[Collection[str], Collection[str]], tuple[str, ...]]
    """Of the points and the commands of a device: those by which it is steered. Others of these names are its own."""
    safe: Callable[[Any, Collection[str]], Mapping[str, Value]]
    """Of its settings and what it is steered by: what this becomes at rest, unless the owner says otherwise."""
    thresholds: Callable[[Any, float | None, float | None, float], ReportThresholds]
    """How eager to tell: `thresholds(settings, power_w, percent, every_s)`, where None is what suits such a device."""
    reach: Callable[[Any], Mapping[str, tuple[float, float]]]
    """Of its settings: the least and the most that may be written to its points."""
    plausible: Callable[[Any, float | None], Mapping[str, PlausibleRange]]
    """Of its settings and the power that it is built for (W; None: nobody says): what its numbers can be."""
    states: Mapping[str, tuple[str, ...]]
    """What may be written to those of its points that hold a state."""
    shows: Mapping[str, tuple[str, ...]]
    """What those of its points may show that say a state of which it knows the meaning; no other means anything."""
    hold_s: Mapping[Occasion, float]
    """How long it is left as it is on an occasion, unless its owner says otherwise; where nothing is said, it rests at
    once. On `cem_lost` something is always said."""
    resource: Callable[["ResourceSetup"], Resource]
    """Makes the model."""
    may_be_released: Callable[[Any], bool] = _always
    """Of its settings: whether it may be left to itself; then it rests by that, unless its owner says a value."""
    advice: Callable[[Any, Mapping[str, Ability]], Iterable[Advice]] = _nothing
    """Of its settings and the abilities of its points: what is unwise, and what keeps a control type out of reach."""
    out_of_reach: Callable[[Any, Mapping[str, Ability]], Mapping[str, str]] = _all_in_reach
    """Of its settings and the abilities of its points: the control types that can never be offered, by short name, and
    what keeps each from it, in words."""
    awaits: Callable[[Any, Mapping[str, Ability]], Mapping[str, str]] = _all_in_reach
    """Of the same: the control types that are offered only once something was seen, by short name, and what that is, in
    words."""
    shows_within_s: Callable[[Mapping[str, Ability]], float] = _at_once
    """Of the abilities of its points: how long it usually takes until an order shows, before that was timed."""
    comes_to_w: Callable[[Any, str, Value], float | None] = _no_power
    """Of its settings, one of its points that holds no power, and what that becomes: the most that it takes then, in W;
    None where that says nothing of it."""
    called: Callable[[Any, str], str] = _by_name
    """Of its settings and its name: what it is called to the CEM."""

    @property
    def one(self) -> str:
        """One of them, as people say it."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"

    def missing(self, points: Collection[str]) -> list[str]:
        """What *points* lack to be enough; of alternatives, what the one lacks that they come nearest to."""
        lacking: list[str] = []
        for alternatives in self.needs:
            gaps = [[name for name in each if name not in points] for each in alternatives]
            begun = [gap for gap, each in zip(gaps, alternatives, strict=True) if len(gap) < len(each)]
            nearest: list[str] = min(begun or gaps[:1], key=len)
            lacking += nearest
        return lacking

    def instead_of(self, name: str, points: Collection[str]) -> list[tuple[str, ...]]:
        """What would do in place of *name*, as *points* have no part of that and of none of its alternatives."""
        for alternatives in self.needs:
            named = {each for several in alternatives for each in several}
            if name in named and named.isdisjoint(points):
                return [each for each in alternatives if name not in each]
        return []


def short_names(control_types: Container[ControlType]) -> tuple[str, ...]:
    """The short names of *control_types*, richest first."""
    return tuple(short for short, control_type in CONTROL_TYPES.items() if control_type in control_types)


OneOf = tuple[tuple[str, ...], ...]
"""Alternatives, the usual one first, each the names of points that belong together."""


KINDS = ("battery", "ev_charger", "heat_pump", "pv", "meter", "load")
"""Every kind there is; its module is imported when a device is of it."""


def kind(name: str) -> Kind:
    """The kind *name*, one of `KINDS`."""
    found = import_module(f"{__name__}.{name}").KIND
    assert isinstance(found, Kind)
    return found
