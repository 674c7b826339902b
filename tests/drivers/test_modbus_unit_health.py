"""How long what does not answer is left alone, how long it is waited for then, and what is learnt of who answers."""

import pytest
from s2d_drivers.modbus import ModbusConnection
from s2d_drivers.modbus.transport.unit_backoff import UnitBackoff
from s2d_drivers.modbus.transport.unit_health import UnitHealth


def failed(times: int) -> tuple[UnitBackoff, float]:
    """After so many failures in a row, each as soon as it could be, and when the last was."""
    backoff, now = UnitBackoff(), 100.0
    for _ in range(times):
        now += backoff.left_s(now)
        backoff.fail(now)
    return backoff, now


@pytest.mark.parametrize(("times", "wait_s"), [(1, 0.5), (2, 1), (3, 2), (6, 16), (7, 30), (80, 30)])
def test_waits_double_up_to_half_a_minute(times: int, wait_s: float) -> None:
    backoff, now = failed(times)
    assert backoff.left_s(now) == wait_s
    assert backoff.left_s(now + wait_s) == 0


def test_an_answer_makes_up_for_everything() -> None:
    backoff, now = failed(5)
    backoff.succeed()
    assert (backoff.left_s(now), backoff.probe_timeout_s(1.0, 0.01)) == (0, 1.0)


@pytest.mark.parametrize(
    ("times", "usual_s", "probe_s"),
    [(0, 0, 6), (1, 0, 6), (2, 0, 0.2), (4, 0, 0.2), (6, 0, 0.8), (3, 0.5, 1.5), (3, 5, 6), (7, 0, 6)],
)
def test_who_is_not_expected_to_answer_is_not_waited_for_long(times: int, usual_s: float, probe_s: float) -> None:
    """Until waits are as long as they get: then who is slow gets all its time again."""
    backoff, _ = failed(times)
    assert backoff.probe_timeout_s(6.0, usual_s) == pytest.approx(probe_s)


def test_a_dead_unit_takes_less_than_a_tenth_of_the_time_and_soon_a_fortieth() -> None:
    backoff, now = UnitBackoff(), 0.0
    spent = []
    while now < 600:
        probe_s = backoff.probe_timeout_s(1.0, 0.0)
        now += probe_s
        spent.append((now, probe_s))
        backoff.fail(now)
        now += backoff.left_s(now)
    assert sum(probe_s for at, probe_s in spent if 10 < at < 70) < 0.1 * 60
    assert sum(probe_s for at, probe_s in spent if at > 70) < 530 / 25


def test_a_turnaround_is_an_average_that_follows_slowly() -> None:
    unit = UnitHealth()
    for _ in range(5):
        unit.record_response(0.010)
    unit.record_response(0.090)
    assert unit.turnaround_s == pytest.approx(0.020)


def test_a_unit_that_answers_is_trusted_again() -> None:
    unit = UnitHealth()
    for now in range(4):
        unit.backoff.fail(now)
    assert unit.probe_timeout_s(1.0) == 0.2
    unit.record_response(0.010)
    assert (unit.backoff.failures, unit.backoff.left_s(4), unit.probe_timeout_s(1.0)) == (0, 0, 1.0)


def test_a_cost_is_the_same_until_the_turnaround_has_changed_by_a_quarter() -> None:
    unit, connection = UnitHealth(), ModbusConnection(serial="/dev/b")
    assumed = unit.cost(connection)
    unit.record_response(0.010)
    measured = unit.cost(connection)
    assert measured.request_s > assumed.request_s
    unit.record_response(0.020)
    assert unit.cost(connection) is measured
    unit.record_response(0.090)
    assert unit.cost(connection).request_s > measured.request_s
