"""A day of each kind while its device is shadowed: no order succeeds, and nothing is wanted over and over."""

from typing import Any

import pytest

from s2d.events import Shadowed
from s2d.s2.effects import Apply, Effect, Event, Started, Stopping
from s2d.s2.messages import frbc, ombc
from s2d.s2.messages.common import CommodityQuantity, ControlType, InstructionStatus

from .ev_stage import POINTS as CHARGER
from .ev_stage import SWITCHED, SYMMETRIC
from .stage import FRBC, OMBC, PEBC, KindStage, statuses
from .test_heat_pump_frbc import OFFERED, SET
from .test_heat_pump_sg_ready import RELAYS
from .test_random_days import PLUG, ROOF

PLANNED = (
    CHARGER + "  vehicle_soc: {register: 5, unit: '%'}\ncars: [{name: Ours, battery_capacity: 60 kWh}]\n"
    "departure: {weekdays: '07:00', weekend: '09:00'}\ntarget_soc: 80 %\n"
)
BATTERY = """
kind: battery
capacity: 10 kWh
max_charge_power: 5 kW
max_discharge_power: 5 kW
usable_range: 10 % .. 90 %
points:
  soc: {register: 1, unit: '%'}
  power: {register: 2, type: int16, unit: W}
  charge_limit: {register: 3, unit: W, access: write}
  discharge_limit: {register: 4, unit: W, access: write}
"""
L1 = CommodityQuantity.ELECTRIC_POWER_L1
COLD = {"temperature": 40.0, "power": 0.0, "outdoor": 2.0, "status": "rest", "heat_now": True}
WARM = {"temperature": 52.0, "temperature_setpoint": 50.0, "heat_now": False}
DAYS: dict[str, tuple[str, ControlType, dict[str, Any], CommodityQuantity]] = {
    "a full battery within limits": (BATTERY, PEBC, {"soc": 95.0, "power": 0.0}, L1),
    "a charger that limits": (CHARGER, PEBC, {"status": "C", "power": 11040.0}, SYMMETRIC),
    "a charger that switches phases": (
        CHARGER + SWITCHED,
        PEBC,
        {"status": "C", "power": 11040.0, "phase_count": 3},
        SYMMETRIC,
    ),
    "a charger whose car is to be full in time": (
        PLANNED,
        FRBC,
        {"status": "B", "power": 0.0, "vehicle_soc": 20.0},
        SYMMETRIC,
    ),
    "a tank that is too cold": (OFFERED, FRBC, COLD, L1),
    "a tank told how warm": (SET, FRBC, COLD | WARM, L1),
    "a pump told by contacts": (
        RELAYS,
        OMBC,
        {"relay_1": True, "relay_2": False, "power": 650.0, "outdoor": -15.0},
        L1,
    ),
    "a plug": (PLUG, OMBC, {"on": True, "power": 2000.0}, L1),
    "a roof": (ROOF, PEBC, {"power": -3000.0, "limit": 4000.0}, L1),
}
HOURS, PER_HOUR = 24, 12


class ShadowedStage(KindStage):
    """A device of which all that is wanted is worked out, and not written."""

    def __init__(self, keys: str) -> None:
        super().__init__(keys, holds_s=30.0)
        self.wanted = 0
        self.told: list[tuple[str, str]] = []

    def on(self, event: Event) -> list[Effect]:
        effects = super().on(event)
        told = list(effects)
        self.told += statuses(effects)
        for effect in effects:
            if isinstance(effect, Apply):
                self.wanted += 1
                assert self.wanted < 10_000, "it is wanted over and over"
                told += self.on(Shadowed(effect.setpoint))
        return told

    def order(self, name: str, control_type: ControlType, quantity: CommodityQuantity, share: float) -> None:
        """Orders something else every time."""
        if control_type is PEBC:
            low_w, high_w = (-2000.0, 0.0) if "kind: pv" in self.keys else (0.0, 5000.0 + 100 * share)
            self.hears(self.envelope(name, (3600, low_w, high_w), quantity=quantity))
        elif control_type is FRBC:
            (actuator,) = of_type_said(frbc.SystemDescription, self)[-1].actuators
            mode = actuator.operation_modes[int(10 * share) % len(actuator.operation_modes)]
            self.hears(
                frbc.Instruction(
                    message_id=f"m-{name}",
                    id=name,
                    actuator_id=actuator.id,
                    operation_mode=mode.id,
                    operation_mode_factor=share,
                    execution_time=self.now.utc,
                    abnormal_condition=False,
                )
            )
        else:
            modes = of_type_said(ombc.SystemDescription, self)[-1].operation_modes
            self.hears(
                ombc.Instruction(
                    message_id=f"m-{name}",
                    id=name,
                    operation_mode_id=modes[int(10 * share) % len(modes)].id,
                    operation_mode_factor=share,
                    execution_time=self.now.utc,
                    abnormal_condition=False,
                )
            )


def of_type_said(kind: type, stage: ShadowedStage) -> list[Any]:
    return [message for message in stage.said if isinstance(message, kind)]


@pytest.mark.parametrize(("keys", "control_type", "reads", "quantity"), DAYS.values(), ids=DAYS.keys())
def test_a_day(keys: str, control_type: ControlType, reads: dict[str, Any], quantity: CommodityQuantity) -> None:
    stage = ShadowedStage(keys)
    known = {name: value for name, value in reads.items() if f"{name}:" in keys or f'"{name}":' in keys}
    stage.on(Started())
    stage.in_session(control_type, **known)
    assert control_type in stage.offered()
    for hour in range(HOURS):
        stage.order(f"order-{hour}", control_type, quantity, (hour % 10) / 10)
        for _ in range(180):
            stage.seen(20.0, **known)
    stage.on(Stopping())
    ends = dict(stage.told)
    assert {*ends.values()} <= {InstructionStatus.ABORTED, InstructionStatus.REJECTED}
    assert InstructionStatus.ABORTED in ends.values()
    assert InstructionStatus.SUCCEEDED not in [status for _, status in stage.told]
    assert stage.wanted <= HOURS * PER_HOUR
