"""What an owner may say of a battery, and what the CEM then is told."""

from typing import Any

import pytest

from s2d.events import Refused
from s2d.quantities import Percentage, PercentageRange
from s2d.rm.occasion import Occasion
from s2d.s2.effects import (
    Apply,
    Level,
    Note,
)
from s2d.s2.messages import frbc
from s2d.s2.messages.common import NumberRange
from s2d.values import RELEASE, Setpoint

from .stage import Stage, applied, said, settings, told

FULL = PercentageRange((0.0, 100.0))


@pytest.mark.parametrize(("unit", "per_percent"), [("%", 1.0), ("Wh", 100.0), ("kWh", 0.1)])
def test_a_margin_keeps_the_very_ends_of_the_usable_range_inside_what_is_told(unit: Any, per_percent: float) -> None:
    stage = Stage(
        settings=settings(usable_range=FULL, fill_level_margin=Percentage(0.5), fill_level_unit=unit),
    )
    effects = stage.active(soc=100.0)
    description, status = said(effects)[1:3]
    assert isinstance(description, frbc.SystemDescription)
    assert isinstance(status, frbc.StorageStatus)
    widened = NumberRange(start_of_range=-0.5 * per_percent, end_of_range=100.5 * per_percent)
    assert description.storage.fill_level_range == widened
    modes = description.actuators[0].operation_modes
    assert [mode.elements[0].fill_level_range for mode in modes] == [widened] * 3
    assert status.present_fill_level == 100.0 * per_percent


def test_a_margin_lets_no_order_go_beyond_the_usable_range() -> None:
    stage = Stage(settings=settings(fill_level_margin=Percentage(1)))
    stage.active(soc=95.0)
    effects = stage.hears(stage.instruction("more", stage.charge, 1.0))
    assert told(effects) == ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]
    stage.measured(soc=94.0)
    stage.hears(stage.instruction("now", stage.charge, 1.0))
    assert applied(stage.measured(soc=95.0)) == [("power_setpoint", 0.0)]


def test_a_margin_is_not_negative() -> None:
    with pytest.raises(ValueError, match="fill_level_margin: must not be negative"):
        settings(fill_level_margin=Percentage(-0.1))


def test_a_battery_that_is_given_control_back_was_ordered_nothing() -> None:
    stage = Stage(fallback=(Setpoint("power_setpoint", RELEASE, "fallback"),))
    released = Setpoint("power_setpoint", RELEASE, "start", is_safe=True)
    assert stage.battery.rest(Occasion.STARTED, "start", stage.now) == [released]
    assert stage.battery.protect(stage.now) is None


def test_what_protects_it_is_wanted_until_the_device_takes_it() -> None:
    stage = Stage()
    stage.active(soc=94.0)
    stage.hears(stage.instruction("now", stage.charge, 1.0))
    why = "the state of charge 95 % is at its upper limit 95 %"
    rest = Setpoint("power_setpoint", 0.0, f"protection: {why}", is_safe=True)
    assert Apply(rest) in stage.measured(soc=95.0)
    assert stage.on(Refused(rest, "exception 4", will_retry=True)) == [
        Note(
            Level.WARNING,
            "setpoint.refused",
            {"point": rest.point, "value": 0.0, "reason": rest.reason, "why": "exception 4", "will_retry": True},
        )
    ]
    assert applied(stage.measured(soc=99.0)) == []
