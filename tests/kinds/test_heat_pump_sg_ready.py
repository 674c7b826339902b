"""A heat pump by SG-Ready: told by two contacts, never for too long, never back and forth, never into the frost."""

from typing import Any

import pytest

from s2d.s2.effects import Disconnected, Effect, Started, Stopping
from s2d.s2.messages import ombc
from s2d.s2.messages.common import ControlType

from ..core.stage import applied, notes
from .stage import OMBC, KindStage, of_type, statuses

RELAYS = """
kind: heat_pump
power_normal: 650 W
power_boost: 2.1 kW
frost: device
points:
  relay_1: {register: 1, table: coil, access: read_write}
  relay_2: {register: 2, table: coil, access: read_write}
  power: {register: 3, unit: W}
  outdoor: {register: 4, type: int16, unit: "°C"}
"""
MODE = RELAYS.replace("  relay_1: {register: 1, table: coil, access: read_write}\n", "").replace(
    "  relay_2: {register: 2, table: coil, access: read_write}\n",
    "  mode: {register: 1, access: read_write, values: {0: 'off', 1: normal, 2: boost}}\n",
)
MINUTE, HOUR = 60.0, 3600.0
STEP_S = 10.0
"""It is read so often, if nothing else is said."""
OPEN = [("relay_1", False), ("relay_2", False)]


class Pump(KindStage):
    """A heat pump that shows the contacts it was told, and confirms whatever it is told."""

    def __init__(self, keys: str = RELAYS, **read: Any) -> None:
        super().__init__(keys)
        contacts = {"mode": "normal"} if "mode:" in keys else {"relay_1": False, "relay_2": False}
        self.read: dict[str, Any] = {**contacts, "power": 650.0, "outdoor": 10.0, **read}
        self.moves: list[tuple[float, str, object]] = []
        self.on(Started())
        (self.description,) = of_type(ombc.SystemDescription, self.in_session(OMBC, **self.read))
        modes = self.description.operation_modes
        self.modes = {mode.diagnostic_label.split(" ")[0].strip(":,"): mode.id for mode in modes}

    def does(self, effects: list[Effect]) -> list[Effect]:
        """It does what is written, and shows it."""
        while written := applied(effects):
            for point, value in written:
                if self.read.get(point) != value:
                    self.moves.append((self.elapsed_s, point, value))
            self.read |= {point: value for point, value in written if point in self.read}
            confirmed = self.confirmed(*effects)
            self.lived += [*effects, *confirmed]
            effects = confirmed
        self.lived += effects
        return effects

    def lives(self, seconds: float, step_s: float = STEP_S) -> list[Effect]:
        """So long it is read every few seconds."""
        self.lived: list[Effect] = []
        until = self.elapsed_s + seconds
        while self.elapsed_s < until:
            self.does(self.after(min(step_s, until - self.elapsed_s)))
            self.does(self.measured(**self.read))
        return self.lived

    def told(self, name: str, mode: str, *, is_abnormal: bool = False) -> list[Effect]:
        """The CEM orders *mode*."""
        self.lived = []
        instruction = ombc.Instruction(
            message_id=f"m-{name}",
            id=name,
            execution_time=self.now.utc,
            operation_mode_id=self.modes[mode],
            operation_mode_factor=0.0,
            abnormal_condition=is_abnormal,
        )
        self.does(self.hears(instruction))
        return [*self.lived, *self.lives(3.0, 1.0)]


def test_what_it_is_by_its_states_is_told_at_the_power_that_is_usual_in_each() -> None:
    description = Pump().description
    assert [
        (mode.diagnostic_label, mode.power_ranges[0].start_of_range, mode.power_ranges[0].end_of_range)
        for mode in description.operation_modes
    ] == [
        ("normal: its own control", 650.0, 650.0),
        ("boost: recommended on", 2100.0, 2100.0),
        ("blocked, for 1 h 55 min at most", 0.0, 0.0),
    ]
    assert [(timer.diagnostic_label, timer.duration) for timer in description.timers] == [
        ("least time in a state", 600_000),
        ("least time between blocks", 6_900_000),
    ]
    assert len(description.transitions) == 10
    assert sum(each.abnormal_condition_only for each in description.transitions) == 4


def test_dimmed_it_may_take_what_the_grid_leaves_it() -> None:
    description = Pump(RELAYS + "state_1: dim\nforced: true\n").description
    ranges = {
        mode.diagnostic_label: (mode.power_ranges[0].start_of_range, mode.power_ranges[0].end_of_range)
        for mode in description.operation_modes
    }
    assert ranges["dimmed to 4200 W, for 1 h 55 min at most (the factor means nothing)"] == (0.0, 4200.0)
    assert ranges["forced: ordered on"] == (2100.0, 2100.0)


def test_a_block_is_lifted_after_1_h_55_min_and_another_has_to_wait_as_long() -> None:
    pump = Pump()
    assert statuses(pump.told("block", "blocked"))[-1] == ("block", "SUCCEEDED")
    began_s = pump.moves[0][0]
    lived = pump.lives(2 * HOUR)
    assert [each[1:] for each in pump.moves] == [("relay_1", True), ("relay_1", False)]
    assert began_s + 6900.0 <= pump.moves[-1][0] <= began_s + 6900.0 + STEP_S
    assert statuses(lived) == [("block", "ABORTED")]
    assert notes(lived).count("resource.protected") == 1
    assert statuses(pump.told("again", "blocked")) == [("again", "REJECTED")]
    pump.lives(10 * MINUTE)
    assert statuses(pump.told("boost", "boost"))[-1] == ("boost", "SUCCEEDED")
    pump.lives(1.8 * HOUR)
    assert statuses(pump.told("later", "blocked"))[-1] == ("later", "SUCCEEDED")


def test_it_is_blocked_three_times_a_day_at_most() -> None:
    pump = Pump()
    for count in range(39):
        pump.told(f"block-{count}", "blocked")
        pump.lives(0.6 * HOUR, 30.0)
    blocked_s, since = 0.0, None
    for at, point, value in pump.moves:
        if point == "relay_1":
            blocked_s += at - since if since is not None and not value else 0.0
            since = at if value else None
    assert len([value for _, point, value in pump.moves if point == "relay_1" and value]) == 3
    assert 5.5 * HOUR < blocked_s <= 5.75 * HOUR + 60


def test_from_blocked_to_boost_both_contacts_are_open_for_a_second() -> None:
    pump = Pump()
    pump.told("block", "blocked")
    pump.lives(11 * MINUTE)
    pump.moves.clear()
    pump.told("boost", "boost")
    (opened_at, *opened), (closed_at, *closed) = pump.moves
    assert (opened, closed) == (["relay_1", False], ["relay_2", True])
    assert closed_at - opened_at >= 1.0


def test_a_mode_is_told_as_a_mode() -> None:
    pump = Pump(MODE)
    assert statuses(pump.told("block", "blocked"))[-1] == ("block", "SUCCEEDED")
    assert pump.moves[0][1:] == ("mode", "off")


def test_it_stays_in_a_state_for_10_min_and_sheds_at_once_if_that_is_abnormal() -> None:
    pump = Pump()
    pump.told("boost", "boost")
    assert statuses(pump.told("block", "blocked")) == [("block", "REJECTED")]
    assert statuses(pump.told("shed", "blocked", is_abnormal=True))[-1] == ("shed", "SUCCEEDED")
    assert statuses(pump.told("boost-again", "boost", is_abnormal=True)) == [("boost-again", "REJECTED")]
    assert statuses(pump.told("normal", "normal", is_abnormal=True))[-1] == ("normal", "SUCCEEDED")


@pytest.mark.parametrize(("outdoor", "outcome"), [(3.9, "REJECTED"), (None, "REJECTED"), (4.0, "SUCCEEDED")])
def test_it_is_not_blocked_into_the_frost(outdoor: float | None, outcome: str) -> None:
    pump = Pump(RELAYS.replace("frost: device\n", ""), outdoor=outdoor)
    assert statuses(pump.told("block", "blocked"))[-1] == ("block", outcome)


def test_a_block_is_lifted_as_frost_comes_once_it_has_lasted_for_10_min() -> None:
    pump = Pump(RELAYS.replace("frost: device\n", ""))
    pump.told("block", "blocked")
    pump.read["outdoor"] = 2.0
    assert statuses(pump.lives(11 * MINUTE)) == [("block", "ABORTED")]
    assert pump.moves[-1][0] - pump.moves[0][0] >= 600.0
    assert pump.moves[-1][1:] == ("relay_1", False)


def test_it_is_not_blocked_while_its_owner_wants_it_to_heat() -> None:
    pump = Pump(RELAYS + "  heat_now: {register: 5, table: discrete}\n", heat_now=True)
    assert statuses(pump.told("block", "blocked")) == [("block", "REJECTED")]
    pump.read["heat_now"] = False
    pump.lives(STEP_S)
    assert statuses(pump.told("later", "blocked"))[-1] == ("later", "SUCCEEDED")


def test_when_its_cem_is_lost_it_is_left_to_itself_after_10_min() -> None:
    pump = Pump()
    pump.told("boost", "boost")
    pump.moves.clear()
    pump.on(Disconnected("gone"))
    lost_at = pump.elapsed_s
    pump.lives(15 * MINUTE)
    assert pump.moves == [(lost_at + 600.0, "relay_2", False)]


def test_a_block_that_nobody_answers_for_any_more_is_not_lifted_within_10_min() -> None:
    pump = Pump()
    pump.told("block", "blocked")
    began_at = pump.moves[0][0]
    pump.selects(ControlType.NO_SELECTION)
    pump.lives(15 * MINUTE)
    assert [point for _, point, _ in pump.moves] == ["relay_1", "relay_1"]
    assert began_at + 600.0 <= pump.moves[-1][0] <= began_at + 610.0


def test_it_is_never_left_blocked_by_a_daemon_that_stops() -> None:
    pump = Pump()
    pump.told("block", "blocked")
    assert applied(pump.on(Stopping())) == OPEN


def test_a_block_goes_on_counting_over_a_restart() -> None:
    pump = Pump()
    pump.told("block", "blocked")
    began_at = pump.moves[0][0]
    pump.lives(HOUR)
    pump.restarted(after_s=60.0)
    pump.on(Started())
    pump.measured(**pump.read)
    pump.in_session(OMBC, **pump.read)
    pump.lives(MINUTE)
    # A CEM that orders it to stay as it is does not make it any longer.
    pump.told("block-again", "blocked")
    pump.lives(2 * HOUR)
    assert pump.moves[-1][1:] == ("relay_1", False)
    assert pump.moves[-1][0] <= began_at + 6900.0 + STEP_S
