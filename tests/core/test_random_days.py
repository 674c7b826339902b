"""Whatever happens to a battery: what is said keeps to the rules, what is written to the limits."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest

from s2d.events import Lost
from s2d.quantities import PercentageRange
from s2d.s2.effects import (
    Connected,
    Effect,
    Note,
)
from s2d.s2.messages.common import ControlType, HandshakeResponse, SelectControlType

from .stage import FRBC, Stage, applied, settings

STEPS = 200


@pytest.mark.parametrize("seed", range(25))
def test_nothing_said_breaks_a_rule_and_nothing_written_a_limit(seed: int) -> None:
    chance = Random(seed)
    stage = Stage(
        settings=settings(
            phases=chance.choice([1, 3]),
            fill_level_unit=chance.choice(["%", "Wh", "kWh"]),
            min_charge_power_w=chance.choice([0.0, 300.0]),
            usable_range=PercentageRange(chance.choice([(0.0, 100.0), (10.0, 95.0), (0.5, 99.0)])),
        )
    )
    effects = stage.active(soc=chance.uniform(0, 100))

    def comes_back() -> list[Effect]:
        stage.left()
        version = HandshakeResponse(message_id=f"v-{len(stage.said)}", selected_protocol_version="1.0.0")
        return [*stage.on(Connected()), *stage.hears(version), *selects(FRBC)]

    def selects(control_type: ControlType) -> list[Effect]:
        return stage.hears(SelectControlType(message_id=f"s-{len(stage.said)}", control_type=control_type))

    def instructs() -> list[Effect]:
        mode = chance.choice([stage.idle, stage.charge, stage.discharge])
        at = chance.choice([0, 0, -5, 60])
        return stage.hears(stage.instruction(f"i-{len(stage.said)}", mode, chance.random(), after_s=at))

    def steps_the_clock() -> list[Effect]:
        stage.utc_step += timedelta(seconds=chance.choice([-3600, 3600]))
        return []

    happenings: dict[Callable[[], list[Effect]], int] = {
        lambda: stage.measured(
            soc=chance.choice([chance.uniform(-1, 101), 0.0, 95.0]), power=chance.uniform(-6e3, 6e3)
        ): 10,
        instructs: 5,
        lambda: stage.confirmed(*effects[-5:]): 3,
        lambda: stage.after(chance.choice([1, 10, 400])): 3,
        steps_the_clock: 1,
        lambda: selects(chance.choice([FRBC, ControlType.NOT_CONTROLABLE])): 1,
        lambda: stage.on(Lost("no answer")): 1,
        comes_back: 1,
    }
    for happens in chance.choices(list(happenings), list(happenings.values()), k=STEPS):
        effects += happens()
    withheld = [each for each in effects if isinstance(each, Note) and each.event == "message.withheld"]
    assert withheld == []
    written = [value for _, value in applied(effects)]
    assert any(written)
    assert all(-4000.0 <= float(str(value)) <= 5000.0 for value in written)
