"""The simulated sun: its day, its clouds, and that it is straight between two instants."""

import pytest

from s2d.simulation.sun import CLOUD_S, NOON_S, Sun

HOUR_S = 3600.0


def day_of(sun: Sun, step_s: float = CLOUD_S) -> list[float]:
    """What it gives from 0 s on, for a day."""
    return [sun.power_w(step * step_s) for step in range(int(24 * HOUR_S / step_s))]


def test_a_day_has_twelve_hours_of_it_and_the_most_at_noon() -> None:
    powers = day_of(Sun(4000, time_of_day_s=0.0))
    light = [step * CLOUD_S / HOUR_S for step, power_w in enumerate(powers) if power_w]
    assert light[0] == pytest.approx(6.0, abs=0.02)
    assert light[-1] == pytest.approx(18.0, abs=0.02)
    assert max(powers) == pytest.approx(4000, abs=1)
    assert max(powers[: int(8 * HOUR_S / CLOUD_S)]) < 2000


def test_it_begins_at_noon_unless_told_otherwise() -> None:
    morning, noon = Sun(4000, 7, time_of_day_s=6 * HOUR_S), Sun(4000, 7)
    assert max(noon.power_w(each) for each in range(600)) == pytest.approx(4000, abs=2)
    assert morning.power_w(0.0) == 0.0
    assert morning.power_w(NOON_S + HOUR_S) == 0.0


def test_the_next_day_has_other_clouds() -> None:
    sun = Sun(4000, 7)
    assert [sun.power_w(each) for each in range(600)] != [sun.power_w(86_400.0 + each) for each in range(600)]


def test_it_is_straight_as_long_as_it_says() -> None:
    sun, now_s = Sun(4000, 3), 41.0
    until_s = sun.steady_until_s(now_s)
    assert until_s == 60.0
    begin_w, end_w = sun.power_w(now_s), sun.power_w(until_s)
    assert begin_w != end_w
    assert sun.power_w(50.5) == pytest.approx((begin_w + end_w) / 2)
    assert sun.steady_until_s(60.0) == 80.0
