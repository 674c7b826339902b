"""A heat pump under PEBC: it keeps its cap, and whoever goes or fails, a cap is never answered with more power."""

from collections.abc import Callable

import pytest

from s2d.events import Applied, Lost, Refused
from s2d.rm.occasion import Occasion
from s2d.s2.effects import Apply, Connected, Disconnected, Effect, Event, Started, Stopping
from s2d.s2.messages.common import (
    CommodityQuantity,
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    NumberRange,
    RevokableObjects,
    RevokeObject,
)
from s2d.s2.messages.pebc import PowerConstraints, PowerEnvelopeConsequenceType

from ..core.stage import applied
from .stage import PEBC, KindStage, of_type, statuses

SYMMETRIC = CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC
CAPPED = """
kind: heat_pump
phases: 3
cap: 1.1 kW .. 6 kW
points:
  power: {register: 1, unit: W}
  outdoor: {register: 2, type: int16, unit: "°C"}
  power_limit: {register: 3, unit: kW, scale: 0.1, step: 100, access: write}
"""
MINUTE, HOUR = 60.0, 3600.0
STEP_S = 10.0
FREE = 6000.0


class Capped(KindStage):
    """A heat pump that takes 3 kW, or less where it is told so; it confirms whatever it is told."""

    def __init__(self, keys: str = CAPPED, outdoor: float | None = 10.0) -> None:
        super().__init__(keys)
        self.written: list[tuple[float, object]] = []
        self.limit_w = FREE
        self.outdoor = outdoor
        self.obeys = True
        self.on(Started())
        self.first = self.in_session(PEBC, **self.read)
        self.written.clear()

    @property
    def read(self) -> dict[str, float | None]:
        return {"power": min(3000.0, self.limit_w) if self.obeys else 3000.0, "outdoor": self.outdoor}

    def on(self, event: Event) -> list[Effect]:
        effects = super().on(event)
        for point, value in applied(effects):
            if point == "power_limit":
                self.written.append((self.elapsed_s, value))
                self.limit_w = float(value) if isinstance(value, int | float) else FREE
        return effects

    def lives(self, seconds: float) -> list[Effect]:
        lived: list[Effect] = []
        until = self.elapsed_s + seconds
        while self.elapsed_s < until:
            for effects in (self.after(STEP_S), self.measured(**self.read)):
                lived += [*effects, *self.confirmed(*effects)]
        return lived

    def capped(
        self, cap_w: float, seconds: float = HOUR, *, name: str = "cap", is_abnormal: bool = False
    ) -> list[Effect]:
        """The CEM sets a cap for so long."""
        options = {"quantity": SYMMETRIC, "is_abnormal": is_abnormal}
        effects = self.limited(name, (seconds, 0.0, cap_w), **options)
        return [*effects, *self.lives(2 * STEP_S)]

    def caps(self, seconds: float) -> list[tuple[float, object]]:
        """What it was told from now on: after how long, and which cap; each once."""
        began_at, self.written = self.elapsed_s, []
        self.lives(seconds)
        told = [(at - began_at, value) for at, value in self.written]
        return [each for number, each in enumerate(told) if not number or each[1] != told[number - 1][1]]


def loses_cem(pump: Capped) -> None:
    pump.on(Disconnected("gone"))


def returns(pump: Capped) -> None:
    """A CEM connects, and selects what was selected before."""
    pump.on(Connected())
    pump.hears(Handshake(message_id="hello", role=EnergyManagementRole.CEM))
    pump.heard(*pump.hears(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta")))
    pump.selects(PEBC)


def loses_cem_which_returns(pump: Capped) -> None:
    loses_cem(pump)
    pump.lives(MINUTE)
    returns(pump)


def deselects(pump: Capped) -> None:
    pump.selects(ControlType.NO_SELECTION)


def revokes(pump: Capped) -> None:
    kind = RevokableObjects.PEBC_INSTRUCTION
    pump.confirmed(*pump.hears(RevokeObject(message_id="revoke", object_type=kind, object_id="cap")))


def is_refused(pump: Capped) -> None:
    """A later cap did not get into the device."""
    effects = pump.hears(pump.envelope("lower", (HOUR, 0.0, 1500.0), quantity=SYMMETRIC))
    (setpoint,) = [effect.setpoint for effect in effects if isinstance(effect, Apply)]
    aborted = pump.on(Refused(setpoint, "exception 4", will_retry=False))
    assert ("lower", "ABORTED") in statuses(aborted)
    pump.confirmed(*aborted)


def stops(pump: Capped) -> None:
    pump.confirmed(*pump.on(Stopping()))


def starts_anew(pump: Capped) -> None:
    pump.restarted(after_s=MINUTE)
    pump.confirmed(*pump.on(Started()))


def device_returns(pump: Capped) -> None:
    loses_cem(pump)
    pump.lives(11 * MINUTE)
    pump.on(Lost("no answer"))
    pump.elapsed_s += MINUTE
    pump.confirmed(*pump.measured(**pump.read))


def its_clock_is_wrong(pump: Capped) -> None:
    loses_cem(pump)
    pump.confirmed(*pump.on(Connected(cem_time=pump.now.utc.replace(year=2030), is_clock_synchronised=False)))


MATRIX: dict[str, tuple[Callable[[Capped], None], object, float]] = {
    "cem_lost": (loses_cem, 2000.0, HOUR),
    "uninstructed": (loses_cem_which_returns, 2000.0, 20 * MINUTE),
    "deselected": (deselects, 2000.0, HOUR),
    "ended": (revokes, FREE, 0.0),
    "aborted": (is_refused, 1500.0, HOUR),
    "stopping": (stops, FREE, 0.0),
    "started": (starts_anew, 2000.0, HOUR),
    "returned": (device_returns, 2000.0, HOUR),
    "clock": (its_clock_is_wrong, 2000.0, HOUR),
}
"""By occasion: what happens, the cap that holds then, and by when it is free, at the latest."""


@pytest.mark.parametrize("occasion", MATRIX)
def test_a_cap_is_kept_to_its_end_and_then_gone(occasion: str) -> None:
    happens, cap_w, free_after_s = MATRIX[occasion]
    pump = Capped()
    assert statuses(pump.capped(2000.0))[-1] == ("cap", "SUCCEEDED")
    happens(pump)
    if occasion in ("aborted", "stopping"):
        assert pump.limit_w == cap_w
        return
    if free_after_s == 0.0:
        assert pump.limit_w == cap_w
        return
    assert pump.limit_w == cap_w
    told = pump.caps(free_after_s + 2 * STEP_S)
    assert {value for _, value in told} <= {cap_w, FREE}
    assert pump.limit_w == FREE


def test_every_occasion_has_a_row_but_that_nothing_is_read_which_a_cap_does_not_need() -> None:
    assert {*MATRIX} == {*Occasion} - {Occasion.STALE}


@pytest.mark.parametrize(("happens", "least_s"), [(loses_cem, 2 * HOUR), (deselects, 2 * HOUR)])
def test_a_cap_of_the_grid_outlasts_its_cem_by_two_hours(happens: Callable[[Capped], None], least_s: float) -> None:
    pump = Capped()
    pump.capped(4200.0, 10 * MINUTE, is_abnormal=True)
    happens(pump)
    pump.lives(least_s - MINUTE)
    assert pump.limit_w == 4200.0
    pump.lives(20 * MINUTE)
    assert pump.limit_w == FREE


def test_what_the_grid_may_ask_for_holds_for_a_day_after_its_cap() -> None:
    pump = Capped(CAPPED + "legal_limit: 4.2 kW\n")
    pump.capped(3000.0, 10 * MINUTE)
    loses_cem(pump)
    pump.lives(2 * HOUR)
    assert pump.limit_w == 3000.0
    pump.lives(15 * MINUTE)
    assert pump.limit_w == 4200.0
    pump.lives(24 * HOUR)
    assert pump.limit_w == FREE


@pytest.mark.parametrize(("corrected", "told"), [("cap: 2.5 kW .. 6 kW", 2500.0), ("cap: 1.1 kW .. 1.5 kW", 1500.0)])
def test_a_cap_that_was_kept_is_told_within_its_range_as_it_is_after_the_restart(corrected: str, told: float) -> None:
    pump = Capped()
    pump.capped(2000.0)
    pump.keys = CAPPED.replace("cap: 1.1 kW .. 6 kW", corrected)
    starts_anew(pump)
    assert pump.caps(20 * MINUTE)[0][1] == told


def test_no_cap_is_kept_for_longer_than_a_day() -> None:
    pump = Capped()
    pump.capped(2000.0, 48 * HOUR)
    loses_cem(pump)
    pump.lives(24 * HOUR)
    assert pump.limit_w == 2000.0
    pump.lives(15 * MINUTE)
    assert pump.limit_w == FREE


def test_one_that_was_never_heard_is_only_measured() -> None:
    pump = KindStage(CAPPED)
    pump.after(10.0)
    pump.negotiated()
    assert pump.offered() == (ControlType.NOT_CONTROLABLE,)
    pump.measured(power=0.0)
    assert pump.offered() == (PEBC,)


def test_it_can_be_capped_between_what_it_needs_to_run_and_the_most_it_takes() -> None:
    (constraints,) = of_type(PowerConstraints, Capped().first)
    assert constraints.consequence_type is PowerEnvelopeConsequenceType.DEFER
    ranges = [
        (each.limit_type, each.range_boundary, each.commodity_quantity) for each in constraints.allowed_limit_ranges
    ]
    assert ranges == [
        ("UPPER_LIMIT", NumberRange(start_of_range=1100.0, end_of_range=6000.0), SYMMETRIC),
        ("LOWER_LIMIT", NumberRange(start_of_range=0.0, end_of_range=0.0), SYMMETRIC),
    ]
    (constraints,) = of_type(PowerConstraints, Capped(CAPPED + "cap_stops: true\n").first)
    assert [each.range_boundary.end_of_range for each in constraints.allowed_limit_ranges] == [6000.0, 0.0, 0.0]


def test_a_cap_below_what_it_needs_is_rejected_unless_it_stops_it() -> None:
    assert statuses(Capped().capped(900.0)) == [("cap", "REJECTED")]
    pump = Capped(CAPPED + "cap_stops: true\n")
    assert statuses(pump.capped(900.0))[-1] == ("cap", "SUCCEEDED")
    assert pump.limit_w == 0.0


def test_a_cap_that_it_does_not_keep_within_2_min_is_aborted_and_stays() -> None:
    pump = Capped()
    pump.obeys = False
    assert statuses(pump.capped(2000.0)) == [("cap", "ACCEPTED"), ("cap", "STARTED")]
    assert statuses(pump.lives(2 * MINUTE)) == [("cap", "ABORTED")]
    assert pump.limit_w == 2000.0


@pytest.mark.parametrize(("outdoor", "outcome"), [(3.0, "REJECTED"), (None, "REJECTED"), (5.0, "SUCCEEDED")])
def test_it_is_not_stopped_in_frost(outdoor: float | None, outcome: str) -> None:
    pump = Capped(CAPPED + "cap_stops: true\n", outdoor)
    assert statuses(pump.capped(0.0))[-1] == ("cap", outcome)


def test_frost_lets_it_run_with_the_least_it_needs() -> None:
    pump = Capped(CAPPED + "cap_stops: true\n")
    pump.capped(0.0)
    pump.outdoor = 2.0
    assert statuses(pump.lives(STEP_S)) == [("cap", "ABORTED")]
    assert pump.limit_w == 1100.0


def test_one_that_keeps_its_water_moving_is_stopped_in_frost_for_2_h_at_most() -> None:
    pump = Capped(CAPPED + "cap_stops: true\nfrost: device\n", 2.0)
    assert statuses(pump.capped(0.0, 5 * HOUR))[-1] == ("cap", "SUCCEEDED")
    pump.lives(HOUR)
    assert statuses(pump.capped(0.0, 5 * HOUR, name="longer"))[-1] == ("longer", "SUCCEEDED")
    pump.lives(HOUR - MINUTE)
    assert pump.limit_w == 0.0
    pump.lives(2 * MINUTE)
    assert pump.limit_w == 1100.0


def test_what_was_confirmed_of_a_cap_is_enough_where_no_power_is_read() -> None:
    pump = Capped(CAPPED.replace("  power: {register: 1, unit: W}\n", ""))
    effects = pump.hears(pump.envelope("cap", (HOUR, 0.0, 2000.0), quantity=SYMMETRIC))
    (setpoint,) = [effect.setpoint for effect in effects if isinstance(effect, Apply)]
    assert statuses([*pump.on(Applied(setpoint)), *pump.seen(outdoor=10.0)]) == [("cap", "SUCCEEDED")]
