"""What a heat pump usually takes is learnt by hours of doing it, and told anew once it is far enough off."""

from s2d.s2.messages import frbc, ombc
from s2d.s2.messages.common import ControlType

from .stage import OMBC, KindStage, of_type
from .test_heat_pump_frbc import SET, by_setpoint
from .test_heat_pump_sg_ready import RELAYS

HOUR, MINUTE = 3600.0, 60.0
UNTOLD = RELAYS.replace("power_normal: 650 W\n", "").replace("power_boost: 2.1 kW\n", "")


def lives(stage: KindStage, seconds: float, **read: object) -> list[object]:
    """So long this is read every half minute; the messages that it led to."""
    effects = []
    for _ in range(round(seconds / 30)):
        effects += stage.seen(30.0, **read)
    return of_type(ombc.SystemDescription, effects)


def test_states_are_offered_once_an_hour_has_told_what_is_usual_in_them() -> None:
    stage = KindStage(UNTOLD)
    read = {"relay_1": False, "relay_2": False, "outdoor": 10.0}
    stage.measured(**read, power=610.0)
    stage.negotiated()
    assert stage.offered() == (ControlType.NOT_CONTROLABLE,)
    lives(stage, HOUR + MINUTE, **read, power=610.0)
    assert stage.offered() == (OMBC,)
    stage.left()
    stage.negotiated()
    (description,) = of_type(ombc.SystemDescription, stage.selects(OMBC))
    # Up to the next 50 W; nobody knows of boost what it has never done.
    assert [mode.power_ranges[0].start_of_range for mode in description.operation_modes[:2]] == [650.0, 650.0]
    (boosted,) = lives(stage, HOUR + MINUTE, relay_1=False, relay_2=True, outdoor=10.0, power=2063.0)
    assert [mode.power_ranges[0].start_of_range for mode in boosted.operation_modes[:2]] == [650.0, 2100.0]
    # A little more is not worth a CEM's plan.
    assert lives(stage, 30 * HOUR, **read, power=690.0) == []
    *_, more = lives(stage, 30 * HOUR, **read, power=1000.0)
    assert more.operation_modes[0].power_ranges[0].start_of_range == 1000.0


def test_what_it_learnt_it_knows_after_a_restart() -> None:
    stage = KindStage(UNTOLD)
    read = {"relay_1": False, "relay_2": False, "outdoor": 10.0, "power": 610.0}
    lives(stage, HOUR + MINUTE, **read)
    stage.after(HOUR)
    stage.restarted()
    stage.measured(**read)
    stage.negotiated()
    assert stage.offered() == (OMBC,)


def test_its_power_while_it_heats_is_as_its_owner_says_until_it_is_seen() -> None:
    pump = by_setpoint(SET)
    (description,) = of_type(frbc.SystemDescription, pump.lives(2 * HOUR, 30.0, status="hot_water", power=2430.0))
    (element,) = description.actuators[0].operation_modes[0].elements
    assert element.power_ranges[0].start_of_range == 2450.0
