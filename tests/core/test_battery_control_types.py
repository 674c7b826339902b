"""One battery, several control types: by what it is steered decides what it offers, and it is switched among them."""

from typing import Any

import pytest

from s2d.events import Applied, Refused, Undone, UndoneBy
from s2d.rm.kinds import Ability
from s2d.rm.kinds.battery import KIND
from s2d.rm.occasion import SafeStates
from s2d.s2.effects import Apply, Effect
from s2d.s2.messages import ombc, pebc
from s2d.s2.messages.common import ControlType, NumberRange, ResourceManagerDetails, SelectControlType
from s2d.s2.messages.pebc import PowerConstraints, PowerEnvelopeConsequenceType
from s2d.values import RELEASE, Setpoint

from .resources_played import L1, updates
from .resources_roof import envelope
from .stage import FRBC, Stage, applied, notes, said, told

PEBC, OMBC = ControlType.POWER_ENVELOPE_BASED_CONTROL, ControlType.OPERATION_MODE_BASED_CONTROL
READ, WRITTEN = Ability(can_read=True), Ability(can_read=False, can_write=True)
RELEASED = Ability(can_read=False, can_write=True, can_release=True)
MEASURED = {"soc": READ, "power": READ}
LIMITS = {"charge_limit": WRITTEN, "discharge_limit": WRITTEN}
FREE = (Setpoint("charge_limit", 5000.0, ""), Setpoint("discharge_limit", 4000.0, ""))


class Steered(Stage):
    """A battery with these abilities, and what it is when nobody is in charge."""

    def __init__(self, abilities: dict[str, Ability], *safe: Setpoint, **changes: Any) -> None:
        self._abilities, self._safe = abilities, safe
        super().__init__(**changes)

    def abilities(self) -> dict[str, Ability]:
        return self._abilities

    def safe(self) -> SafeStates:
        return SafeStates(self._safe)

    def selects(self, control_type: ControlType) -> list[Effect]:
        effects = self.hears(SelectControlType(message_id=f"select-{self.new_id()}", control_type=control_type))
        self.heard(*effects)
        return effects

    def envelope(self, name: str, lower: float, upper: float, seconds: float = 3600.0) -> pebc.Instruction:
        told_last = [message.id for message in self.said if isinstance(message, PowerConstraints)][-1]
        return pebc.Instruction(
            message_id=f"m-{name}",
            id=name,
            execution_time=self.now.utc,
            abnormal_condition=False,
            power_constraints_id=told_last,
            power_envelopes=(envelope((seconds, lower, upper)),),
        )

    def seen(self, **values: Any) -> list[Effect]:
        self.elapsed_s += 1
        return self.measured(**values)


def both() -> Steered:
    """It can be held at a power, given back its freedom, and limited."""
    stage = Steered({**MEASURED, **LIMITS, "power_setpoint": RELEASED}, Setpoint("power_setpoint", 0.0, ""), *FREE)
    stage.measured(soc=50.0, power=0.0)
    stage.negotiated()
    return stage


@pytest.mark.parametrize(
    ("abilities", "offered"),
    [
        ({**MEASURED, "power_setpoint": WRITTEN}, (FRBC,)),
        ({**MEASURED, **LIMITS}, (PEBC,)),
        ({**MEASURED, "mode": WRITTEN}, (OMBC,)),
        ({**MEASURED, **LIMITS, "power_setpoint": RELEASED}, (FRBC, PEBC)),
        ({**MEASURED, **LIMITS, "power_setpoint": WRITTEN}, (FRBC,)),
        (MEASURED, (ControlType.NOT_CONTROLABLE,)),
    ],
    ids=["a power", "limits", "a mode", "a power and limits", "a power that is never let go", "nothing"],
)
def test_what_it_is_steered_by_decides_what_it_offers(
    abilities: dict[str, Ability], offered: tuple[ControlType, ...]
) -> None:
    stage = Steered(abilities)
    stage.measured(soc=50.0, power=0.0)
    (details,) = [each for each in said(stage.negotiated()) if isinstance(each, ResourceManagerDetails)]
    assert details.available_control_types == offered


def test_it_is_switched_from_a_power_to_limits_and_back_while_orders_run() -> None:
    stage = both()
    stage.selects(FRBC)
    stage.confirmed(*stage.hears(stage.instruction("charge", stage.charge, 0.5)))
    switched = stage.selects(PEBC)
    assert updates(switched) == [("charge", "ABORTED")]
    assert told(switched)[:3] == ["ReceptionStatus OK", "InstructionStatusUpdate ABORTED", "PEBC.PowerConstraints"]
    limited = stage.hears(stage.envelope("limit", -1000.0, 2000.0))
    assert applied(limited) == [("power_setpoint", RELEASE), ("charge_limit", 2000.0), ("discharge_limit", 1000.0)]
    stage.confirmed(*limited)
    assert updates(stage.seen(power=1500.0)) == [("limit", "SUCCEEDED")]
    back = stage.selects(FRBC)
    assert applied(back) == [("power_setpoint", 0.0), ("charge_limit", 5000.0), ("discharge_limit", 4000.0)]
    stage.confirmed(*back, *stage.hears(stage.instruction("again", stage.discharge, 0.5)))
    assert updates(stage.seen(power=-2000.0)) == [("again", "SUCCEEDED")]


def test_its_constraints_are_what_it_may_take_and_give() -> None:
    stage = both()
    (constraints,) = [each for each in said(stage.selects(PEBC)) if isinstance(each, PowerConstraints)]
    assert constraints.consequence_type is PowerEnvelopeConsequenceType.DEFER
    assert [
        (each.limit_type, each.range_boundary, each.commodity_quantity) for each in constraints.allowed_limit_ranges
    ] == [
        ("UPPER_LIMIT", NumberRange(start_of_range=0.0, end_of_range=5000.0), L1),
        ("LOWER_LIMIT", NumberRange(start_of_range=-4000.0, end_of_range=0.0), L1),
    ]


def test_a_lapsed_envelope_leaves_it_at_rest() -> None:
    stage = both()
    stage.selects(PEBC)
    stage.confirmed(*stage.hears(stage.envelope("limit", 0.0, 0.0, seconds=60)))
    stage.seen(power=0.0)
    assert applied(stage.after(60)) == [("power_setpoint", 0.0), ("charge_limit", 5000.0), ("discharge_limit", 4000.0)]


def test_a_full_battery_is_limited_further_and_the_envelope_stays_in_force() -> None:
    stage = both()
    stage.selects(PEBC)
    stage.confirmed(*stage.hears(stage.envelope("limit", -1000.0, 2000.0)))
    stage.seen(soc=94.0, power=1500.0)
    full = stage.seen(soc=95.0, power=1500.0)
    assert applied(full) == [("charge_limit", 0.0), ("discharge_limit", 1000.0)]
    assert notes(full) == ["resource.protected"]
    assert applied(stage.seen(soc=94.5, power=0.0)) == []
    assert applied(stage.seen(soc=93.9, power=0.0)) == [("charge_limit", 2000.0), ("discharge_limit", 1000.0)]
    assert updates(stage.seen(soc=93.9, power=1500.0)) == []


def test_what_a_full_battery_is_not_kept_from_stays_what_was_ordered() -> None:
    stage = both()
    stage.selects(PEBC)
    stage.confirmed(*stage.hears(stage.envelope("limit", -1000.0, 2000.0)))
    full = stage.seen(soc=95.0, power=1500.0)
    assert [each.setpoint.is_safe for each in full if isinstance(each, Apply)] == [True, False]
    stage.confirmed(*full)
    lifted = stage.seen(soc=93.9, power=0.0)
    assert [each.setpoint.is_safe for each in lifted if isinstance(each, Apply)] == [False, False]
    stage.confirmed(*lifted)
    charge_limit = next(each.setpoint for each in lifted if isinstance(each, Apply))
    undone = stage.on(Undone(charge_limit, "it reads 4999", UndoneBy.OTHERS))
    assert applied(undone) == [("charge_limit", 2000.0)]
    assert updates(stage.on(Refused(charge_limit, "it is set to local operation"))) == [("limit", "ABORTED")]


def test_an_envelope_that_is_limited_further_before_it_is_confirmed_stays_in_force() -> None:
    stage = both()
    stage.selects(PEBC)
    limited = stage.hears(stage.envelope("limit", -1000.0, 2000.0))
    full = stage.seen(soc=95.0, power=1500.0)
    assert applied(full) == [("charge_limit", 0.0), ("discharge_limit", 1000.0)]
    late, *replaced = [effect.setpoint for effect in limited if isinstance(effect, Apply)]
    stage.on(Applied(late))
    assert updates(stage.on(Refused(replaced[0], "what brings the device to safety goes before it", True))) == []
    stage.confirmed(*full)
    assert updates(stage.seen(soc=95.0, power=0.0)) == [("limit", "SUCCEEDED")]
    effects = [effect for _ in range(70) for effect in stage.seen(soc=95.0, power=0.0)]
    assert (updates(effects), applied(effects)) == ([], [])


def test_limits_that_are_not_kept_are_an_order_that_failed() -> None:
    stage = both()
    stage.selects(PEBC)
    stage.confirmed(*stage.hears(stage.envelope("limit", 0.0, 0.0)))
    stage.seen(power=3000.0)
    assert updates(stage.after(60)) == [("limit", "ABORTED")]


def test_a_battery_with_modes_idles_charges_and_discharges_as_it_likes() -> None:
    stage = Steered({**MEASURED, "mode": WRITTEN}, Setpoint("mode", "idle", ""))
    stage.measured(soc=50.0, power=0.0)
    stage.negotiated()
    (description,) = [each for each in said(stage.selects(OMBC)) if isinstance(each, ombc.SystemDescription)]
    ranges = {
        mode.diagnostic_label: (mode.power_ranges[0].start_of_range, mode.power_ranges[0].end_of_range)
        for mode in description.operation_modes
    }
    assert ranges == {"idle": (0.0, 0.0), "charge": (5000.0, 5000.0), "discharge": (-4000.0, -4000.0)}
    charge = ombc.Instruction(
        message_id="m-one",
        id="one",
        execution_time=stage.now.utc,
        operation_mode_id=stage.charge,
        operation_mode_factor=1.0,
        abnormal_condition=False,
    )
    effects = stage.hears(charge)
    assert applied(effects) == [("mode", "charge")]
    stage.confirmed(*effects)
    assert updates(stage.seen(power=3100.0)) == [("one", "SUCCEEDED")]
    full = stage.seen(soc=95.0, power=3000.0)
    assert applied(full) == [("mode", "idle")]


def test_a_mode_that_is_read_back_says_more_than_the_power() -> None:
    stage = Steered({**MEASURED, "mode": Ability(can_read=True, can_write=True)}, Setpoint("mode", "idle", ""))
    stage.measured(soc=50.0, power=0.0, mode="idle")
    stage.negotiated()
    stage.selects(OMBC)
    charge = ombc.Instruction(
        message_id="m-one",
        id="one",
        execution_time=stage.now.utc,
        operation_mode_id=stage.charge,
        operation_mode_factor=1.0,
        abnormal_condition=False,
    )
    stage.confirmed(*stage.hears(charge))
    assert updates(stage.seen(power=3100.0)) == []
    assert updates(stage.seen(mode="charge")) == [("one", "SUCCEEDED")]


def test_a_kind_says_which_points_are_missing() -> None:
    assert KIND.missing(()) == ["power", "soc", "power_setpoint"]
    assert KIND.missing(("power", "charge_limit")) == ["discharge_limit"]
    assert KIND.missing(("power", "mode")) == []
