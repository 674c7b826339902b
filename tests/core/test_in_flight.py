"""What changed while an instruction was on its way is well received and rejected; only what never was is invalid."""

from collections.abc import Callable
from typing import get_args

import pytest
from msgspec.structs import fields

from s2d.s2.effects import Connected, Effect
from s2d.s2.messages import frbc
from s2d.s2.messages.common import (
    ID,
    NIL_ID,
    Handshake,
    ReceptionStatus,
    ReceptionStatusValues,
    RevokableObjects,
    RevokeObject,
    Tagged,
)
from s2d.s2.messages.instruction import Instruction
from s2d.s2.messages.references import canonical, canonical_references
from s2d.s2.session import RESEND_AFTER_S

from .resources_modes import HeatPump, Hybrid, Play, Tank
from .resources_played import updates
from .resources_roof import LOWER, UPPER, RoofStage, allowed, constraints
from .resources_washer import WasherStage, dishes
from .stage import OK, Stage, applied, notes, said, told

REJECTED = ["ReceptionStatus OK", "InstructionStatusUpdate REJECTED"]
INVALID = ["ReceptionStatus INVALID_CONTENT"]
Later = Callable[[str], list[Effect]]
"""What an instruction that names something so leads to."""


def mode_of_a_tank() -> Later:
    tank = Tank(modes=("off", "on", "boost"))
    play = Play(tank)
    play.connected()
    tank.modes = ("off", "on")
    play.seen(pump="off 0")
    return lambda name: play.orders(f"{name} 1", of="pump")


def actuator_of_a_tank() -> Later:
    tank = Tank()
    play = Play(tank)
    play.connected()
    del tank.doing["rod"]
    play.seen(pump="off 0")
    return lambda name: play.orders("on 1", of=name)


def mode_of_a_heat_pump() -> Later:
    pump = HeatPump(transitions=(), timers=())
    play = Play(pump)
    play.connected()
    pump.modes = ("off", "on")
    play.seen(resource="off 0")
    return lambda name: play.orders(f"{name} 1")


def actuator_of_a_house() -> Later:
    house = Hybrid()
    play = Play(house)
    play.connected()
    del house.doing["boiler"]
    play.seen(pump="off 0")
    return lambda name: play.orders("on 1", of=name)


def constraints_of_a_roof() -> Later:
    stage = RoofStage()
    stage.active()
    former = stage.constraints_id
    stage.roof.offered = constraints(allowed(LOWER, -3000, 0), allowed(UPPER, 0, 0))
    stage.measured(power=0.0)
    return lambda name: stage.hears(
        stage.envelope(name, (60, -100, 0), power_constraints_id=former if name == "former" else name)
    )


def task_of_a_washer() -> Later:
    stage = WasherStage()
    stage.active()
    stage.washer.task = dishes(id="dishes-2")
    stage.measured(power=0.0)
    return lambda name: stage.hears(stage.schedule(name, power_profile_id=name))


IN_FLIGHT = (
    (mode_of_a_tank, "boost"),
    (actuator_of_a_tank, "rod"),
    (mode_of_a_heat_pump, "boost"),
    (actuator_of_a_house, "boiler"),
    (constraints_of_a_roof, "former"),
    (task_of_a_washer, "dishes-1"),
)


@pytest.mark.parametrize(("described_anew", "former"), IN_FLIGHT)
def test_what_was_described_is_rejected_and_what_never_was_is_invalid(
    described_anew: Callable[[], Later], former: str
) -> None:
    late = described_anew()
    effects = late(former)
    assert told(effects) == REJECTED
    assert applied(effects) == []
    assert told(late("never-described")) == INVALID


def test_what_is_described_again_can_be_ordered_again() -> None:
    pump = HeatPump(transitions=(), timers=())
    play = Play(pump)
    play.connected()
    for modes in (("off", "on"), ("off", "on", "boost")):
        pump.modes = modes
        play.seen(resource="off 0")
    assert updates(play.orders("boost 1", name="now"))[-1] == ("now", "STARTED")


def test_what_was_described_long_ago_is_not_remembered_without_end() -> None:
    pump = HeatPump(transitions=(), timers=(), modes=("off", "first"))
    play = Play(pump)
    play.connected()
    for number in range(11):
        pump.modes = ("off", f"mode-{number}")
        play.seen(resource="off 0")
    assert told(play.orders("first 1")) == INVALID
    assert told(play.orders("mode-0 1")) == REJECTED


def test_a_battery_that_is_full_by_now_is_not_charged() -> None:
    stage = Stage()
    stage.active(soc=94.0)
    stage.elapsed_s += 60
    stage.heard(*stage.measured(soc=95.0))
    assert told(stage.hears(stage.instruction("full", stage.charge, 0.5))) == REJECTED


# --- capital letters -------------------------------------------------------------------------------------------------

SMALL = "0f6a2c9e-8b1d-5e47-9a3c-6d2f4b8e1c70"


@pytest.mark.parametrize("text", [SMALL, NIL_ID, "Pump", "OM1", "0F6A2C9E8B1D5E479A3C6D2F4B8E1C70", f"{SMALL}X"])
def test_what_is_no_uuid_in_capital_letters_is_as_it_is(text: str) -> None:
    assert canonical(text) == text


@pytest.mark.parametrize("kind", get_args(Instruction))
def test_every_id_of_ours_that_comes_back_is_known_in_capital_letters(kind: type[Tagged]) -> None:
    members = fields(kind)
    named = [each.name for each in members if each.type == ID and each.name not in ("message_id", "id")]
    assert named
    # Nothing but ids is looked at.
    shouted = kind(**(dict.fromkeys([each.name for each in members], None) | dict.fromkeys(named, SMALL.upper())))
    heard = canonical_references(shouted)
    assert [getattr(heard, name) for name in named] == [SMALL for _ in named]


def test_a_cem_that_writes_ids_in_capital_letters_is_understood_and_answered_in_its_own() -> None:
    stage = Stage()
    stage.active()
    order = frbc.Instruction(
        message_id=SMALL.upper(),
        id=SMALL.upper(),
        actuator_id=stage.battery.description.actuator_id.upper(),
        operation_mode=stage.charge.upper(),
        operation_mode_factor=0.5,
        execution_time=stage.now.utc,
        abnormal_condition=False,
    )
    effects = stage.hears(order)
    assert updates(effects) == [(SMALL.upper(), "ACCEPTED"), (SMALL.upper(), "STARTED")]
    assert said(effects)[0] == ReceptionStatus(subject_message_id=SMALL.upper(), status=ReceptionStatusValues.OK)
    revoke = RevokeObject(message_id="no", object_type=RevokableObjects.FRBC_INSTRUCTION, object_id=SMALL)
    assert updates(stage.hears(revoke)) == [(SMALL.upper(), "REVOKED")]


class WithUuids(Stage):
    """Its messages have UUIDs."""

    def new_id(self) -> str:
        return f"{SMALL[:24]}{super().new_id()[3:]:0>12}"


@pytest.mark.parametrize("status", [OK, ReceptionStatusValues.TEMPORARY_ERROR])
def test_an_answer_in_capital_letters_is_the_answer(status: ReceptionStatusValues) -> None:
    stage = WithUuids()
    effects = stage.on(Connected())
    (hello,) = said(effects)
    assert isinstance(hello, Handshake)
    answered = stage.hears(ReceptionStatus(subject_message_id=hello.message_id.upper(), status=status))
    assert notes(answered) == ([] if status is OK else ["message.disputed"])
    assert told(stage.after(RESEND_AFTER_S)) == ([] if status is OK else ["Handshake"])


def test_an_id_in_other_letters_is_the_same_id() -> None:
    stage = Stage()
    stage.active()
    assert told(stage.hears(stage.instruction(SMALL, stage.charge, 0.5)))[0] == "ReceptionStatus OK"
    assert told(stage.hears(stage.instruction(SMALL.upper(), stage.charge, 0.5))) == INVALID
