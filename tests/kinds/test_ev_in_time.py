"""A car leaves as full as it is wanted, whatever a CEM orders, as long as what it takes allows that at all."""

from random import Random

import pytest

from .ev_stage import HOUR, MINUTE
from .test_ev_frbc import BOTH, KEYS, selected

STEP_S = 10.0
NIGHT_S = 13 * HOUR
"""From 19:00 to 8:00, when it leaves; on one phase of 16 A it takes 47.8 kWh in that time."""


@pytest.mark.parametrize("seed", range(6))
def test_it_leaves_with_its_target_whatever_is_ordered(seed: int) -> None:
    random = Random(seed)
    can_switch, is_said, phases = random.random() < 0.5, random.random() < 0.5, random.choice((1, 2, 3))
    keys = BOTH if can_switch else KEYS
    night = selected(
        keys.replace("60 kWh", f"60 kWh, phases: {phases}") if is_said else keys,
        relay=random.choice((1, 3)) if can_switch else 3,
    )
    began_at = night.elapsed_s
    night.car_phases, night.car_soc = phases, random.uniform(25, 75)
    number = 0
    while night.elapsed_s < began_at + NIGHT_S:
        number += 1
        modes = [*night.control._resource.description.modes, night.off]
        night.orders(f"order-{number}", random.choice(modes), random.choice((0.0, 0.0, 0.3, 1.0)))
        night.lives(random.choice((MINUTE, 5 * MINUTE, 40 * MINUTE)), STEP_S)
    assert night.car_soc >= 79.5, (can_switch, is_said, phases)
