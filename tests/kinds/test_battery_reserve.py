"""What of a battery is held in reserve: discharged under abnormal conditions only, whatever it is steered by."""

from typing import Any

import pytest

from s2d.s2.effects import Effect, Started
from s2d.s2.messages import frbc, ombc
from s2d.s2.messages.common import NumberRange

from ..core.stage import applied
from .stage import FRBC, OMBC, PEBC, KindStage, of_type, statuses
from .test_heat_pump_scenarios import as_told, modes, needs_scenarios, told

KEYS = """
kind: battery
capacity: 10 kWh
max_charge_power: 5 kW
max_discharge_power: 5 kW
round_trip_efficiency: 92 %
usable_range: 10 % .. 95 %
reserve: 20 %
phases: 3
points:
  soc: {register: 1, unit: "%"}
  power: {register: 2, type: int16, unit: W}
"""
FORCED = KEYS + "  power_setpoint: {register: 3, type: int16, unit: W, access: write}\n"
SWITCHED = KEYS + "  mode: {register: 3, access: write, values: {0: idle, 1: charge, 2: discharge}}\n"
LIMITED = KEYS + (
    "  charge_limit: {register: 3, unit: W, access: write}\n  discharge_limit: {register: 4, unit: W, access: write}\n"
)
ABNORMAL = {"abnormal_condition": True}


class Home(KindStage):
    """A battery in a session, that confirms whatever it is told."""

    def __init__(self, keys: str, control_type: Any, **read: float) -> None:
        super().__init__(keys)
        self.on(Started())
        self.first = self.in_session(control_type, **({"power": 0.0} | read))

    def order(self, name: str, label: str, factor: float = 0.0, **changes: Any) -> list[Effect]:
        """The CEM orders the mode of which the label begins so."""
        described = [each for each in self.said if isinstance(each, frbc.SystemDescription | ombc.SystemDescription)][
            -1
        ]
        is_frbc = isinstance(described, frbc.SystemDescription)
        actuator = described.actuators[0] if is_frbc else described
        (mode_id, *_) = [each.id for each in actuator.operation_modes if each.diagnostic_label.startswith(label)]
        common: dict[str, Any] = {
            "message_id": f"m-{name}",
            "id": name,
            "operation_mode_factor": factor,
            "execution_time": self.now.utc,
            "abnormal_condition": False,
        }
        instruction = (
            frbc.Instruction(**common | changes, actuator_id=actuator.id, operation_mode=mode_id)
            if is_frbc
            else ombc.Instruction(**common | changes, operation_mode_id=mode_id)
        )
        effects = self.hears(instruction)
        return [*effects, *self.confirmed(*effects)]


@needs_scenarios
def test_it_is_described_as_in_the_worked_scenario() -> None:
    home = Home(FORCED, FRBC, soc=20.0)
    (described,) = of_type(frbc.SystemDescription, home.first)
    (wanted,) = told("bat1-reserve", "FRBC.SystemDescription")
    found, expected = as_told(described), wanted
    is_abnormal = {
        mode["diagnostic_label"]: mode["abnormal_condition_only"] for mode in found["actuators"][0]["operation_modes"]
    }
    of_modes = [modes(each["actuators"][0]["operation_modes"]) for each in (found, expected)]
    assert of_modes[0].keys() == of_modes[1].keys()
    for label, (element,) in of_modes[1].items():
        (other,) = of_modes[0][label]
        assert other["fill_level_range"] == element["fill_level_range"]
        assert other["fill_rate"] == pytest.approx(element["fill_rate"])
        assert other["power_ranges"] == element["power_ranges"]
    assert [label for label, is_it in is_abnormal.items() if is_it] == [
        "discharge below the reserve (factor 0 is full power)"
    ]
    assert found["storage"]["fill_level_range"] == expected["storage"]["fill_level_range"]
    assert len(found["actuators"][0]["transitions"]) == len(expected["actuators"][0]["transitions"])


def test_it_is_discharged_to_its_reserve_and_below_only_under_abnormal_conditions() -> None:
    home = Home(FORCED, FRBC, soc=21.0)
    home.order("usual", "discharge (")
    assert applied(home.seen(soc=20.0, power=-5000.0)) == [("power_setpoint", 0.0)]
    home.seen(power=0.0)
    assert statuses(home.order("more", "discharge below")) == [("more", "REJECTED")]
    shed = home.order("shed", "discharge below", 0.8, **ABNORMAL)
    assert applied(shed) == [("power_setpoint", -1000.0)]
    assert statuses(home.seen(soc=18.0, power=-1010.0)) == [("shed", "SUCCEEDED")]
    ended = home.seen(soc=10.0, power=-1010.0)
    assert applied(ended) == [("power_setpoint", 0.0)]
    assert statuses(ended) == [("shed", "ABORTED")]


def test_below_its_reserve_it_is_only_charged() -> None:
    home = Home(FORCED, FRBC, soc=15.0)
    level = of_type(frbc.StorageStatus, home.first)[0].present_fill_level
    assert level == 15.0
    assert applied(home.order("fill", "charge", 1.0)) == [("power_setpoint", 5000.0)]
    assert statuses(home.order("empty", "discharge (")) == []  # it has no element for such a level


def test_limits_let_it_give_nothing_at_its_reserve_unless_they_are_abnormal() -> None:
    home = Home(LIMITED, PEBC, soc=50.0)
    quantity = home.resource.description.quantity
    home.limited("usual", (3600, -5000, 5000), quantity=quantity)
    assert applied(home.seen(soc=20.0, power=-3000.0)) == [("charge_limit", 5000.0), ("discharge_limit", 0.0)]
    shed = home.limited("shed", (3600, -5000, 0), quantity=quantity, is_abnormal=True)
    assert applied(shed) == [("charge_limit", 0.0), ("discharge_limit", 5000.0)]
    assert applied(home.seen(soc=15.0, power=-5000.0)) == []
    assert applied(home.seen(soc=10.0, power=-5000.0)) == [("charge_limit", 0.0), ("discharge_limit", 0.0)]


def test_it_is_switched_to_discharge_at_its_reserve_only_under_abnormal_conditions() -> None:
    home = Home(SWITCHED, OMBC, soc=20.0)
    assert statuses(home.order("usual", "discharge"))[-1] == ("usual", "REJECTED")
    assert applied(home.order("shed", "discharge", **ABNORMAL)) == [("mode", "discharge")]
    assert applied(home.seen(soc=12.0, power=-5000.0)) == []
    assert applied(home.seen(soc=10.0, power=-5000.0)) == [("mode", "idle")]


def test_what_it_loses_while_it_stands_is_told() -> None:
    home = Home(FORCED + "standing_losses: 36 W\n", FRBC, soc=50.0)
    assert of_type(frbc.SystemDescription, home.first)[0].storage.provides_leakage_behaviour
    (leakage,) = of_type(frbc.LeakageBehaviour, home.first)
    (element,) = leakage.elements
    assert element.fill_level_range == NumberRange(start_of_range=10.0, end_of_range=95.0)
    assert element.leakage_rate == pytest.approx(0.0001)
    assert not of_type(frbc.LeakageBehaviour, Home(FORCED, FRBC, soc=50.0).first)
