"""Days of an EV charger with a simulated station and car behind it, which know nothing of how they are steered."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from s2d.events import Applied
from s2d.s2.effects import Apply, Effect
from s2d.s2.messages import frbc
from s2d.s2.messages.common import ControlType
from s2d.simulation.car import SimulatedCar
from s2d.simulation.ev_charger import SimulatedEvCharger
from s2d.values import Value

from ..core.stage import NOON
from .ev_stage import HOUR, MAX_AGE_S, MINUTE, SYMMETRIC
from .stage import FRBC, PEBC, KindStage, of_type, statuses
from .test_ev_frbc import EVENING

KEYS = """\
kind: ev_charger
max_current: 16 A
phase_switching: true
points:
  status: {register: 1, values: {0: A, 1: B, 2: C, 4: E, 5: F}}
  power: {register: 2, unit: W}
  current_offered: {register: 3, unit: A}
  current_l1: {register: 4, unit: A}
  current_l2: {register: 5, unit: A}
  current_l3: {register: 6, unit: A}
  voltage_l1: {register: 7, unit: V}
  voltage_l2: {register: 8, unit: V}
  voltage_l3: {register: 9, unit: V}
  authorised: {register: 10}
  session_energy: {register: 11, unit: Wh}
  vehicle_soc: {register: 12, unit: "%"}
  phase_count: {register: 13, access: read_write}
  current_limit: {register: 14, unit: A, access: write}
  wake: {register: 15, access: write}
cars: [{name: Our car, battery_capacity: 60 kWh}]
limit_soc: 95 %
target_soc: 80 %
departure: "08:00"
"""
READ = (
    *("status", "power", "current_offered", "current_l1", "current_l2", "current_l3", "voltage_l1", "voltage_l2"),
    *("voltage_l3", "authorised", "session_energy", "vehicle_soc", "phase_count"),
)


class SimulatedEvening(KindStage):
    """A station that is read every five seconds; what is written it is told."""

    def __init__(self, car: SimulatedCar, *, at: datetime = EVENING, **station: Any) -> None:
        super().__init__(KEYS, holds_s=MAX_AGE_S, utc_step=at - NOON)
        self.station = SimulatedEvCharger(car, knows_soc=True, **station)
        self.orders_to_station: dict[str, Value] = {}

    def lives(self, seconds: float) -> list[Effect]:
        effects: list[Effect] = []
        for _ in range(round(seconds / 5)):
            heard = self.does(self.after(5))
            heard += self.reads()
            self.heard(*heard)
            effects += heard
        return effects

    def reads(self) -> list[Effect]:
        self.station.advance(self.elapsed_s)
        values = self.station.values()
        return self.does(self.measured(**{name: values[name] for name in READ}))

    def does(self, effects: list[Effect]) -> list[Effect]:
        done = [*effects]
        for effect in effects:
            if isinstance(effect, Apply):
                self.orders_to_station[effect.setpoint.point] = effect.setpoint.value
                self.station.obey(self.orders_to_station, self.elapsed_s)
                self.orders_to_station.pop("wake", None)
                done += self.does(self.on(Applied(effect.setpoint)))
        return done

    def session(self, control_type: ControlType) -> None:
        self.reads()
        self.negotiated()
        self.does(self.selects(control_type))
        self.lives(370)

    def ordered(self, name: str, mode: str, factor: float = 1.0) -> list[Effect]:
        """The CEM orders the mode that is called so."""
        described = [each for each in self.said if isinstance(each, frbc.SystemDescription)][-1].actuators[0]
        named = [each.id for each in described.operation_modes if str(each.diagnostic_label).startswith(mode)]
        message = frbc.Instruction(
            message_id=f"m-{name}",
            id=name,
            actuator_id=described.id,
            operation_mode=named[0],
            operation_mode_factor=factor,
            execution_time=self.now.utc,
            abnormal_condition=False,
        )
        return self.does(self.hears(message))

    @property
    def soc(self) -> float:
        assert self.station.car
        return self.station.car.soc_percent


@pytest.mark.parametrize("phases", [1, 2, 3])
def test_a_night_of_orders_ends_with_a_car_that_can_leave(phases: int) -> None:
    stage = SimulatedEvening(SimulatedCar(phases=phases, soc_percent=60.0), bounces=True)
    stage.station.plug_in(0.0)
    stage.station.authorise(0.0)
    stage.session(FRBC)
    assert stage.station.power_w == 0.0
    first = "charge on 1" if phases > 1 else "charge"  # of one phase it was seen already that it has but that
    effects = [*stage.ordered("one", first, 0.5), *stage.lives(12 * MINUTE)]
    assert ("one", "SUCCEEDED") in statuses(effects)
    assert stage.station.offered_a == 11.0
    effects = [*stage.ordered("three", "charge on 3"), *stage.lives(12 * MINUTE)] if phases > 1 else []
    assert not effects or ("three", "SUCCEEDED") in statuses(effects)
    effects = [*stage.ordered("off", "off"), *stage.lives(2 * MINUTE)]
    assert ("off", "SUCCEEDED") in statuses(effects)
    left_s = (EVENING + timedelta(hours=13) - stage.now.utc).total_seconds()
    stage.lives(left_s - 10)
    assert stage.soc >= 80.0
    assert stage.soc < 95.5
    assert (stage.station.welded_contactors, stage.station.early_phase_orders) == (0, 0)


def test_a_car_that_fell_asleep_is_woken() -> None:
    car = SimulatedCar(soc_percent=40.0, sleeps_after_s=600.0)
    stage = SimulatedEvening(car)
    stage.station.plug_in(0.0)
    stage.station.authorise(0.0)
    stage.session(FRBC)
    stage.lives(HOUR)
    assert car.is_asleep
    effects = [*stage.ordered("go", "charge on 3"), *stage.lives(3 * MINUTE)]
    assert ("go", "SUCCEEDED") in statuses(effects)
    assert stage.station.interruptions == 1


def test_a_car_that_is_forbidden_to_charge_by_its_owner_refuses() -> None:
    stage = SimulatedEvening(SimulatedCar(soc_percent=40.0, refuses=True))
    stage.station.plug_in(0.0)
    stage.station.authorise(0.0)
    stage.session(FRBC)
    effects = [*stage.ordered("go", "charge on 3"), *stage.lives(6 * MINUTE)]
    assert ("go", "ABORTED") in statuses(effects)
    description = of_type(frbc.SystemDescription, effects)[-1]
    assert description.storage.fill_level_label == "the car does not charge"


def test_a_card_is_waited_for_and_its_car_charged_then() -> None:
    stage = SimulatedEvening(SimulatedCar(soc_percent=40.0), needs_authorisation=True)
    stage.station.plug_in(0.0)
    stage.session(FRBC)
    assert [each.storage.fill_level_label for each in stage.said if isinstance(each, frbc.SystemDescription)] == [
        "waiting for authorisation"
    ]
    stage.station.authorise(stage.elapsed_s)
    stage.lives(10)
    effects = [*stage.ordered("go", "charge on 3"), *stage.lives(2 * MINUTE)]
    assert ("go", "SUCCEEDED") in statuses(effects)


def test_limits_through_a_day_are_kept_on_the_phases_that_they_allow() -> None:
    stage = SimulatedEvening(SimulatedCar(soc_percent=20.0))
    stage.station.plug_in(0.0)
    stage.station.authorise(0.0)
    stage.session(PEBC)
    for number, limit_w in enumerate((11040.0, 5000.0, 3000.0, 1500.0, 0.0, 8000.0, 3700.0)):
        effects = stage.hears(stage.envelope(f"i{number}", (3600, 0, limit_w), quantity=SYMMETRIC))
        effects = [*stage.does(effects), *stage.lives(15 * MINUTE)]
        assert (f"i{number}", "SUCCEEDED") in statuses(effects)
        assert stage.station.power_w <= 1.03 * limit_w + 100
        assert bool(stage.station.power_w) is (limit_w > 0), limit_w
    assert (stage.station.welded_contactors, stage.station.early_phase_orders) == (0, 0)
