"""The limit of a house: what it leaves to the devices that are held within it, by whatever they and its meter say."""

from typing import Any

import pytest

from s2d.phases import UNROTATED, PhaseRotation
from s2d.rm.house_limit import HOLDS_S, LASTS_S, HeldDevice, HouseLimit, alike, currents_of
from s2d.values import Quality, Reading

CAR = HeldDevice("Car", 3, UNROTATED, 6.0, 16.0)
TURNED = HeldDevice("Turned", 3, PhaseRotation((2, 3, 1)), 6.0, 16.0)
ONE_PHASE = HeldDevice("Small", 1, PhaseRotation((2, 1, 3)), 6.0, 32.0)
GOOD_S = 20.0


class House:
    """A house that is read: all of it at the same instants, unless something else is said."""

    def __init__(self, *held: HeldDevice, limit_a: float = 25.0, meter: str | None = "Meter", **options: Any) -> None:
        self.held = held
        self.limit = HouseLimit(limit_a, held, meter, **options)
        self.now_s = 1000.0

    def says(self, name: str, *amperes: float | None, at_s: float | None = None) -> None:
        """*name* says what flows on each phase, or None where it does not know."""
        at = self.now_s if at_s is None else at_s
        readings = [
            Reading(f"current_l{phase}", None, Quality.BAD)
            if each is None
            else Reading(f"current_l{phase}", each, at=at, good_until=at + GOOD_S)
            for phase, each in enumerate(amperes, 1)
        ]
        self.limit.observe(name, readings)

    def left(self, **wanted_a: float) -> dict[str, tuple[float, ...]]:
        """What is left to each by now, on its own phases."""
        shares = self.limit.shares(wanted_a, self.now_s)
        return {name: tuple(round(each.number, 3) for each in readings) for name, readings in shares.items()}

    def after(self, seconds: float) -> None:
        self.now_s += seconds


def test_what_others_take_is_taken_from_the_limit_phase_by_phase() -> None:
    house = House(CAR)
    house.says("Meter", 21.3, 10.0, -4.0)
    house.says("Car", 6.0, 6.0, 6.0)
    assert house.left(Car=16.0) == {"Car": (9.7, 16.0, 16.0)}


def test_less_than_its_least_is_nothing() -> None:
    house = House(CAR)
    house.says("Meter", 21.3, 1.0, 1.0)
    house.says("Car", 0.0, 0.0, 0.0)
    assert house.left(Car=16.0) == {"Car": (0.0, 0.0, 0.0)}


def test_the_phases_of_a_device_are_those_of_the_house_on_which_an_electrician_has_put_them() -> None:
    house = House(TURNED)
    house.says("Meter", 9.0, 13.0, 17.0)
    house.says("Turned", 0.0, 0.0, 0.0)
    # Its L1 is on L2 of the house, its L2 on L3, its L3 on L1.
    assert house.left(Turned=16.0) == {"Turned": (12.0, 8.0, 16.0)}


def test_less_is_left_at_once_where_the_limit_is_exceeded() -> None:
    house = House(CAR)
    house.says("Meter", 20.0, 20.0, 20.0)
    house.says("Car", 16.0, 16.0, 16.0)
    assert house.left(Car=16.0) == {"Car": (16.0, 16.0, 16.0)}
    house.after(5)
    house.says("Meter", 33.0, 20.0, 20.0)
    house.says("Car", 16.0, 16.0, 16.0)
    assert house.left(Car=16.0) == {"Car": (8.0, 16.0, 16.0)}


def test_what_a_device_begins_to_take_is_not_taken_for_that_of_others() -> None:
    house = House(CAR)
    house.says("Meter", 8.0, 8.0, 8.0)
    house.says("Car", 0.0, 0.0, 0.0)
    assert house.left(Car=16.0)["Car"][0] == 16.0
    house.after(5)
    # The meter of the house knows, that of the station does not yet.
    house.says("Meter", 24.0, 24.0, 24.0)
    house.says("Car", 0.0, 0.0, 0.0)
    assert house.left(Car=16.0)["Car"][0] == 16.0
    house.after(LASTS_S)
    house.says("Meter", 24.0, 24.0, 24.0)
    house.says("Car", 16.0, 16.0, 16.0)
    assert house.left(Car=16.0)["Car"][0] == 16.0


def test_what_lasts_is_believed_though_the_limit_is_kept() -> None:
    house = House(CAR)
    for seconds in (0, 5, 5, 5):
        house.after(seconds)
        house.says("Meter", 8.0 if house.now_s == 1000.0 else 16.0, 8.0, 8.0)
        house.says("Car", 0.0, 0.0, 0.0)
        left = house.left(Car=16.0)
    assert left["Car"][0] == 9.0


def test_readings_are_set_against_each_other_as_of_the_same_instant() -> None:
    house = House(CAR)
    for second in range(40):
        # The station is told 8 A at the fifth second; the meter of the house tells only every twenty.
        draws_a = 16.0 if second < 5 else 8.0
        house.says("Car", draws_a, draws_a, draws_a)
        if second % 20 == 0:
            house.says("Meter", 9.0 + draws_a, 0.0, 0.0)
        if second % 5 == 0:
            assert house.left(Car=16.0)["Car"][0] == 16.0
        house.after(1)


def test_that_the_limit_is_exceeded_waits_for_nobody() -> None:
    house = House(CAR)
    house.says("Meter", 20.0, 20.0, 20.0)
    house.says("Car", 16.0, 16.0, 16.0)
    assert house.left(Car=16.0)["Car"][0] == 16.0
    house.after(8)
    # The station is slow to say what it takes.
    house.says("Meter", 33.0, 20.0, 20.0)
    assert house.left(Car=16.0)["Car"][0] == 8.0


def test_what_flowed_long_ago_is_not_believed_for_as_long_as_a_device_wants() -> None:
    house = House(CAR)
    for name in ("Meter", "Car"):
        house.limit.observe(name, [Reading(f"current_l{phase}", 5.0, at=house.now_s) for phase in (1, 2, 3)])
    assert house.left(Car=16.0)["Car"][0] == 16.0
    house.after(61)
    assert house.left(Car=16.0) == {}


def test_a_meter_that_says_nothing_any_more_leaves_it_to_the_devices() -> None:
    house = House(CAR)
    house.says("Meter", 8.0, 8.0, 8.0)
    house.says("Car", 0.0, 0.0, 0.0)
    (told, *_) = house.limit.shares({"Car": 16.0}, house.now_s)["Car"]
    assert told.good_until == house.now_s + GOOD_S
    house.after(GOOD_S)
    house.says("Car", 0.0, 0.0, 0.0)
    assert house.left(Car=16.0) == {}
    house.says("Meter", 8.0, None, 8.0)
    assert house.left(Car=16.0) == {}


def test_what_a_station_takes_and_does_not_say_counts_as_that_of_others() -> None:
    house = House(CAR)
    house.says("Meter", 18.0, 18.0, 18.0)
    house.says("Car", None, 10.0, 10.0)
    assert house.left(Car=16.0) == {"Car": (7.0, 7.0, 7.0)}


def test_what_is_in_doubt_counts_as_it_would_be_worse() -> None:
    house = House(CAR)
    house.says("Meter", 10.0, 10.0, 10.0)
    house.says("Car", 0.0, 0.0, 0.0)
    for amperes in (2.0, 31.0):
        doubtful = Reading("current_l1", amperes, Quality.DOUBTFUL, at=house.now_s)
        house.limit.observe("Meter", [doubtful])
    assert house.left(Car=16.0)["Car"][0] == 0.0
    house = House(CAR)
    house.says("Meter", 20.0, 20.0, 20.0)
    house.says("Car", 10.0, 10.0, 10.0)
    for amperes in (16.0, 4.0):
        house.limit.observe("Car", [Reading("current_l1", amperes, Quality.DOUBTFUL, at=house.now_s)])
    assert house.left(Car=16.0)["Car"][0] == 9.0


def test_devices_share_alike_and_first_come_is_first_served() -> None:
    left, right = CAR._replace(name="Left"), CAR._replace(name="Right")
    feeder = House(left, right, limit_a=20.0, meter=None)
    feeder.says("Left", 0.0, 0.0, 0.0)
    feeder.says("Right", 14.0, 14.0, 14.0)
    assert feeder.left(Left=16.0, Right=16.0) == {"Left": (10.0,) * 3, "Right": (10.0,) * 3}
    assert feeder.left(Left=8.0, Right=16.0) == {"Left": (8.0,) * 3, "Right": (12.0,) * 3}
    # Who wants nothing yet may begin with what is left.
    assert feeder.left(Right=13.0) == {"Left": (7.0,) * 3, "Right": (13.0,) * 3}
    narrow = House(left, right, limit_a=10.0, meter=None)
    narrow.says("Left", 0.0, 0.0, 0.0)
    narrow.says("Right", 9.0, 9.0, 9.0)
    assert narrow.left(Left=16.0, Right=16.0) == {"Left": (0.0,) * 3, "Right": (10.0,) * 3}
    (told, *_) = narrow.limit.shares({}, narrow.now_s)["Left"]
    assert told.good_until == narrow.now_s + HOLDS_S


def test_a_phase_takes_no_more_than_another_by_more_than_it_may() -> None:
    house = House(ONE_PHASE, limit_a=63.0, unbalance_a=20.0)
    house.says("Meter", 10.0, 26.0, 14.0)
    house.says("Small", 16.0)
    # On L2 of the house are 26 A, of which 10 are others'; L1 has 10.
    assert house.left(Small=32.0)["Small"][0] == 20.0
    house.after(5)
    house.says("Meter", 2.0, 30.0, 14.0)
    house.says("Small", 16.0)
    assert house.left(Small=32.0)["Small"][0] == 8.0


def test_a_car_on_all_phases_unbalances_nothing() -> None:
    house = House(CAR, limit_a=63.0, unbalance_a=20.0)
    house.says("Meter", 40.0, 11.0, 11.0)
    house.says("Car", 10.0, 10.0, 10.0)
    assert house.left(Car=16.0)["Car"] == (16.0, 16.0, 16.0)
    house.after(5)
    house.says("Car", 10.0, 0.0, 0.0)
    house.says("Meter", 40.0, 1.0, 1.0)
    assert house.left(Car=16.0)["Car"][0] == 0.0


@pytest.mark.parametrize(
    ("told", "amperes"),
    [
        ({"current_l1": 5.0}, 5.0),
        ({"power_l1": -1150.0}, -5.0),
        ({"power_l1": 1200.0, "voltage_l1": 240.0}, 5.0),
        ({"power_l1": 1150.0, "voltage_l1": 0.0}, 5.0),
        # A meter whose currents have no sign, in whole amperes; and one that tells what is reactive as well.
        ({"power_l1": -1150.0, "current_l1": 5.0}, -5.0),
        ({"power_l1": 1265.0, "current_l1": 5.0}, 5.5),
        ({"power_l1": 1150.0, "current_l1": 7.0}, 7.0),
        ({"power": 2300.0}, 10.0),
    ],
)
def test_a_current_is_what_is_told_of_it_or_of_its_power(told: dict[str, float], amperes: float) -> None:
    known = {name: Reading(name, value, at=1.0) for name, value in told.items()}
    found = currents_of(known, [1])
    assert found is not None
    assert found.amperes == (pytest.approx(amperes), 0.0, 0.0)
    assert currents_of(known, [1, 2]) is None


def test_what_one_cannot_take_goes_to_the_others() -> None:
    assert alike(12.0, {"a": 10.0, "b": 2.0, "c": 10.0}) == {"a": 5.0, "b": 2.0, "c": 5.0}
    assert alike(30.0, {"a": 10.0, "b": 2.0}) == {"a": 10.0, "b": 2.0}
    assert alike(5.0, {}) == {}
