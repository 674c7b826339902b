"""A battery that gives where it was ordered to take: a sign is inverted, and nobody waits for it to follow."""

from dataclasses import dataclass

import pytest

from s2d.rm.kinds import Ability
from s2d.rm.occasion import Occasion, SafeStates
from s2d.s2.effects import Effect, Note
from s2d.s2.messages import ombc
from s2d.values import Setpoint

from .resources_played import updates
from .stage import Stage, abilities_of, applied
from .test_battery_control_types import MEASURED, OMBC, Steered
from .test_stale import Dated

SETTLE_S = 3.0
SAFE = (Setpoint("power_setpoint", 0.0, ""),)
ABORTED = (Setpoint("power_setpoint", 11.0, ""),)


@dataclass
class Signed(Dated):
    """A battery whose setpoints have 3 s to show."""

    includes_others: bool = False

    def __init__(self, *, includes_others: bool = False) -> None:
        self.includes_others = includes_others
        super().__init__()

    def abilities(self) -> dict[str, Ability]:
        abilities = abilities_of(self.points)
        abilities["power"] = Ability(can_read=True, includes_others=self.includes_others)
        abilities["power_setpoint"] = abilities["power_setpoint"]._replace(settle_s=SETTLE_S)
        return abilities

    def safe(self) -> SafeStates:
        return SafeStates(SAFE, {Occasion.ABORTED: ABORTED})


def ordered(stage: Stage, power_w: float, before_w: float = 0.0) -> Stage:
    """It does *before_w*, is ordered to *power_w*, and has confirmed that for as long as it has to show."""
    assert isinstance(stage, Dated)
    stage.selected()
    stage.read(soc=50.0, power=before_w)
    mode, most_w = (stage.charge, 5000.0) if power_w > 0 else (stage.discharge, 4000.0)
    factor = power_w / most_w if power_w > 0 else 1 + power_w / most_w
    effects = stage.hears(stage.instruction("one", mode, factor))
    assert applied(effects) == [("power_setpoint", pytest.approx(power_w))]
    stage.confirmed(*effects)
    stage.elapsed_s += SETTLE_S
    return stage


def reads(stage: Stage, *powers_w: float) -> list[Effect]:
    """These are read, one a second."""
    assert isinstance(stage, Dated)
    effects: list[Effect] = []
    for power_w in powers_w:
        stage.elapsed_s += 1
        effects += stage.read(soc=50.0, power=power_w)
    return effects


def reasons(effects: list[Effect]) -> list[object]:
    return [each.facts.get("reason") for each in effects if isinstance(each, Note) and each.event.endswith("aborted")]


@pytest.mark.parametrize(
    ("power_w", "before_w", "read_w", "why"),
    [
        (2000, 0, -1900, "it was to take 2000 W and gives 1900 W, 0 W before"),
        (-2000, 0, 1900, "it was to give 2000 W and takes 1900 W, 0 W before"),
        (2000, -500, -1900, "it was to take 2000 W and gives 1900 W, -500 W before"),
        (-1000, 600, 1500, "it was to give 1000 W and takes 1500 W, 600 W before"),
    ],
)
def test_two_readings_the_other_way_end_the_order_and_say_why(
    power_w: float, before_w: float, read_w: float, why: str
) -> None:
    stage = ordered(Signed(), power_w, before_w)
    assert (updates(reads(stage, read_w)), reasons(reads(stage))) == ([], [])
    effects = reads(stage, read_w)
    assert updates(effects) == [("one", "ABORTED")]
    assert applied(effects) == [("power_setpoint", 11.0)]
    assert reasons(effects) == [f"{why}: the sign of what is read or of what is written may be inverted"]


@pytest.mark.parametrize(
    ("power_w", "before_w", "reads_w"),
    [
        (2000, 0, (-1900, 1000, -1900, 1000)),  # it swings
        (2000, 0, (-990, -990, -990)),  # less than half of it
        (400, -3000, (-3000, -3000, -4000)),  # it goes on with what it did
        (2000, 3000, (-400, -400)),  # it goes the right way, too far
        (2000, 0, (1000, 1000, 0, 0)),  # it is slow
        (300, 0, (-240, -240, -240)),  # within the tolerance
    ],
)
def test_what_is_no_more_than_slow_has_its_time(power_w: float, before_w: float, reads_w: tuple[float, ...]) -> None:
    stage = ordered(Signed(), power_w, before_w)
    assert updates(reads(stage, *reads_w)) == []


def test_one_reading_that_is_told_again_is_one() -> None:
    stage = ordered(Signed(), 2000)
    reads(stage, -1900)
    assert isinstance(stage, Dated)
    for age_s in (1, 2, 3):
        stage.elapsed_s += 1
        assert updates(stage.read(soc=50.0, power=-1900.0, age_s=age_s)) == []


def test_what_was_read_before_it_could_show_says_nothing() -> None:
    stage = ordered(Signed(), 2000)
    stage.elapsed_s -= SETTLE_S
    assert updates(reads(stage, -1900, -1900, -1900)) == []
    assert updates(reads(stage, -1900)) == [("one", "ABORTED")]


def test_sun_or_load_beside_it_goes_its_own_way() -> None:
    stage = ordered(Signed(includes_others=True), 2000)
    assert updates(reads(stage, *[-1900] * 20)) == []


def test_an_order_to_stand_still_has_no_sign() -> None:
    stage = Signed()
    stage.selected()
    stage.read(soc=50.0, power=2000.0)
    stage.confirmed(*stage.hears(stage.instruction("one", stage.idle, 0.0)))
    stage.elapsed_s += SETTLE_S
    assert updates(reads(stage, -1900, -1900, -1900)) == []


@pytest.mark.parametrize(("includes_others", "became"), [(False, [("one", "ABORTED")]), (True, [])])
def test_a_mode_that_does_the_contrary_is_found_out_as_well(
    includes_others: bool, became: list[tuple[str, str]]
) -> None:
    power = Ability(can_read=True, includes_others=includes_others)
    mode = Ability(can_read=True, can_write=True)
    stage = Steered({**MEASURED, "power": power, "mode": mode}, Setpoint("mode", "idle", ""))
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
    assert updates(stage.seen(power=-3000.0)) == []
    assert updates(stage.seen(power=-3000.0)) == became
