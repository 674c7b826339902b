"""How long an order takes until it shows, as a CEM is told before that was timed."""

import pytest

from s2d.s2.messages.common import ResourceManagerDetails

from .ev_stage import POINTS
from .stage import KindStage, of_type
from .test_battery_reserve import FORCED
from .test_heat_pump_frbc import OFFERED
from .test_heat_pump_sg_ready import RELAYS

ROOF = "kind: pv\nmax_power: 4 kW\npoints: {power: {register: 1, type: int16, unit: W}}\n"
METER = "kind: meter\nmeasures: house\npoints: {power: {register: 1, type: int16, unit: W}}\n"
PLUG = "kind: load\npower: 2 kW\npoints: {on: {register: 1, table: coil, access: read_write}}\n"


@pytest.mark.parametrize(
    ("keys", "delay_ms"),
    [
        (POINTS, 3000),
        (POINTS + "poll: 10 s\n", 10_000),
        (OFFERED, 10_000),
        (RELAYS, 60_000),
        (ROOF, 5000),
        (FORCED, 2000),
        (PLUG, 2000),
        (METER, 0),
    ],
)
def test_it_is_told_by_what_a_device_is_and_no_less_than_from_one_poll_to_the_next(keys: str, delay_ms: int) -> None:
    stage = KindStage(keys)
    stage.measured(power=0.0)
    (details,) = of_type(ResourceManagerDetails, stage.negotiated())
    assert details.instruction_processing_delay == delay_ms
