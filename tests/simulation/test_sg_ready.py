"""The SG-Ready input of a simulated heat pump: what it believes, how long, and what it refuses and counts."""

import pytest

from s2d.simulation.sg_ready import SgReady, SgState, sg_state_of

MINUTE_S = 60.0
HOUR_S = 3600.0


class Contacts:
    """Two contacts, moved by hand, and the input behind them, asked every 10 s."""

    def __init__(self):
        self.input = SgReady()
        self.now_s = 0.0
        self.pause(HOUR_S)

    def pause(self, duration_s):
        for _ in range(round(duration_s / 10)):
            self.now_s += 10
            self.input.advance(self.now_s)
        return self.input.state

    def say(self, state, for_s=0.0):
        self.input.say(state, self.now_s)
        return self.pause(for_s)

    @property
    def refused(self):
        return self.input.refused_changes, self.input.refused_blocks


@pytest.mark.parametrize(
    ("contacts", "state"),
    [
        ((True, False), SgState.BLOCKED),
        ((False, False), SgState.NORMAL),
        ((False, True), SgState.RECOMMENDED),
        ((True, True), SgState.ORDERED),
    ],
)
def test_two_contacts_say_four_states(contacts, state):
    assert sg_state_of(*contacts) is state


def test_contacts_that_move_one_after_the_other_are_one_change():
    contacts = Contacts()
    contacts.say(SgState.BLOCKED, HOUR_S)
    contacts.input.say(SgState.NORMAL, contacts.now_s)
    contacts.input.advance(contacts.now_s + 1)
    contacts.input.say(SgState.RECOMMENDED, contacts.now_s + 1)
    assert contacts.input.state is SgState.BLOCKED
    assert contacts.pause(20) is SgState.RECOMMENDED
    assert contacts.refused == (0, 0)


def test_contacts_moved_the_wrong_way_round_pass_the_order_and_that_is_counted():
    contacts = Contacts()
    contacts.say(SgState.BLOCKED, HOUR_S)
    contacts.input.say(SgState.ORDERED, contacts.now_s)
    contacts.input.say(SgState.RECOMMENDED, contacts.now_s + 1)
    assert contacts.pause(20) is SgState.RECOMMENDED
    assert contacts.input.orders_passed == 1


def test_a_state_that_comes_too_soon_waits_and_is_counted_once():
    contacts = Contacts()
    assert contacts.say(SgState.RECOMMENDED, 4 * MINUTE_S) is SgState.RECOMMENDED
    assert contacts.say(SgState.NORMAL, 5 * MINUTE_S) is SgState.RECOMMENDED
    assert contacts.refused == (1, 0)
    assert contacts.pause(MINUTE_S) is SgState.NORMAL
    assert contacts.refused == (1, 0)


def test_ten_minutes_are_long_enough():
    contacts = Contacts()
    for state in (SgState.RECOMMENDED, SgState.NORMAL, SgState.ORDERED, SgState.NORMAL):
        assert contacts.say(state, 10 * MINUTE_S) is state
    assert contacts.refused == (0, 0)


def test_a_block_comes_at_once():
    contacts = Contacts()
    contacts.say(SgState.RECOMMENDED, MINUTE_S)
    assert contacts.say(SgState.BLOCKED, 10) is SgState.BLOCKED
    assert contacts.refused == (0, 0)


def test_a_block_ends_after_two_hours_whatever_the_contacts_say():
    contacts = Contacts()
    assert contacts.say(SgState.BLOCKED, 2 * HOUR_S - 10) is SgState.BLOCKED
    assert contacts.refused == (0, 0)
    assert contacts.pause(10) is SgState.NORMAL
    assert contacts.pause(3 * HOUR_S) is SgState.NORMAL
    assert contacts.refused == (0, 1)
    contacts.say(SgState.NORMAL, MINUTE_S)
    assert contacts.say(SgState.BLOCKED, MINUTE_S) is SgState.BLOCKED


def test_two_blocks_are_as_far_apart_as_the_first_was_long():
    contacts = Contacts()
    contacts.say(SgState.BLOCKED, HOUR_S)
    contacts.say(SgState.NORMAL, HOUR_S / 2)
    assert contacts.say(SgState.BLOCKED, HOUR_S) is SgState.NORMAL
    assert contacts.refused == (0, 1)
    contacts.say(SgState.NORMAL, 20)
    assert contacts.say(SgState.BLOCKED, 20) is SgState.BLOCKED
    assert contacts.refused == (0, 1)


def test_three_blocks_a_day_are_the_most():
    contacts = Contacts()
    for _ in range(3):
        assert contacts.say(SgState.BLOCKED, HOUR_S) is SgState.BLOCKED
        contacts.say(SgState.NORMAL, HOUR_S)
    assert contacts.refused == (0, 0)
    assert contacts.say(SgState.BLOCKED, HOUR_S) is SgState.NORMAL
    assert contacts.refused == (0, 1)
    contacts.say(SgState.NORMAL, 17 * HOUR_S)
    assert contacts.say(SgState.BLOCKED, 20) is SgState.BLOCKED
