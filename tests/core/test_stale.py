"""What is too old is told to nobody as if it were fresh, and nothing runs on it; all comes back in order."""

from datetime import timedelta
from typing import Any

from s2d.events import Lost, Measured
from s2d.s2.effects import Close, Effect, Note, ReconnectPolicy
from s2d.s2.messages.common import ControlType, PowerMeasurement, ResourceManagerDetails, SelectControlType
from s2d.values import Reading

from .resources_played import updates
from .stage import FRBC, NOON, Stage, applied, closed, notes, said, settings, told

MAX_AGE_S = 10.0
STATUSES = {"FRBC.StorageStatus", "FRBC.ActuatorStatus", "PowerMeasurement"}


class Dated(Stage):
    """A battery whose readings say when they were true, and grow too old; what is told is told again every minute."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(every_s=60.0, **changes)

    def read(self, *, age_s: float = 0.0, **values: float) -> list[Effect]:
        at = self.now.mono - age_s
        readings = tuple(Reading(point, value, at=at, good_until=at + MAX_AGE_S) for point, value in values.items())
        return self.on(Measured(readings))

    def polled(self, seconds: int, **values: float) -> list[Effect]:
        """It is read every second; the CEM answers whatever it hears."""
        effects: list[Effect] = []
        for _ in range(seconds):
            heard = self.after(1)
            heard += self.read(**values)
            self.heard(*heard)
            effects += heard
        return effects

    def selected(self) -> None:
        self.read(soc=50.0, power=0.0)
        self.negotiated()
        self.heard(*self.hears(SelectControlType(message_id="select", control_type=FRBC)))

    def charging(self) -> None:
        self.selected()
        self.confirmed(*self.hears(self.instruction("one", self.charge, 0.5)))


def types(effects: list[Effect]) -> set[str]:
    return {each.partition(" ")[0] for each in told(effects)} & STATUSES


def test_a_reading_from_before_the_write_says_nothing_of_the_order() -> None:
    stage = Dated()
    stage.charging()
    stage.elapsed_s += 5
    assert updates(stage.read(power=2500.0, age_s=9.0)) == []
    assert updates(stage.read(power=2500.0)) == [("one", "SUCCEEDED")]


def test_a_measurement_says_when_it_was_true_whatever_the_clock_did_since() -> None:
    stage = Dated()
    stage.selected()
    stage.elapsed_s += 5
    stage.utc_step = timedelta(hours=1)
    (measurement,) = [each for each in said(stage.read(power=800.0, age_s=4.0)) if isinstance(each, PowerMeasurement)]
    assert measurement.measurement_timestamp == NOON + timedelta(hours=1, seconds=1)


def test_quantities_of_different_instants_are_told_apart() -> None:
    stage = Dated(settings=settings(phases=3), points=("soc", "power_setpoint", "power", *PHASES))
    stage.read(soc=50.0, power=0.0, power_l1=0.0, power_l2=0.0, power_l3=0.0)
    stage.negotiated()
    stage.hears(SelectControlType(message_id="select", control_type=FRBC))
    stage.elapsed_s += 5
    stage.read(power_l3=900.0, age_s=3.0)
    told_of = [each for each in said(stage.read(power_l1=500.0, power_l2=600.0)) if isinstance(each, PowerMeasurement)]
    assert [(each.measurement_timestamp, [value.value for value in each.values]) for each in told_of] == [
        (NOON + timedelta(seconds=5), [500.0, 600.0])
    ]


PHASES = ("power_l1", "power_l2", "power_l3")


def test_what_is_too_old_when_it_comes_is_told_to_nobody() -> None:
    stage = Dated()
    stage.selected()
    stage.elapsed_s += 60
    assert types(stage.read(soc=77.0, power=900.0, age_s=MAX_AGE_S)) == set()
    assert updates(stage.hears(stage.instruction("one", stage.charge, 0.5))) == [("one", "REJECTED")]
    assert types(stage.read(soc=77.0, power=900.0, age_s=9.9)) == STATUSES


def test_what_is_too_old_when_it_comes_takes_the_place_of_nothing_newer() -> None:
    stage = Dated()
    stage.charging()
    stage.elapsed_s += 1
    stage.read(soc=50.0, power=2500.0)
    stage.read(soc=77.0, power=900.0, age_s=60.0)
    assert stage.battery.state.number("soc") == 50.0
    assert types(stage.polled(9)) == set()


def test_when_the_state_of_charge_is_too_old_its_status_stops_and_what_runs_on_it_ends() -> None:
    stage = Dated()
    stage.charging()
    stage.polled(3, soc=50.0, power=100.0)
    effects = stage.polled(11, power=100.0)
    assert updates(effects) == [("one", "ABORTED")]
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert types(stage.polled(280, power=100.0)) == {"FRBC.ActuatorStatus", "PowerMeasurement"}


def test_when_power_is_too_old_nobody_is_told_what_the_actuator_does() -> None:
    stage = Dated()
    stage.charging()
    effects = stage.polled(11, soc=50.0)
    assert updates(effects) == [("one", "ABORTED")]
    assert types(stage.polled(280, soc=51.0)) == {"FRBC.StorageStatus"}


def test_a_fault_that_cannot_be_read_any_more_has_not_gone() -> None:
    stage = Dated(points=("soc", "power", "power_setpoint", "fault"))
    stage.selected()
    stage.read(fault=7.0)
    stage.polled(60, soc=50.0, power=0.0)
    assert updates(stage.hears(stage.instruction("one", stage.charge, 0.5))) == [("one", "REJECTED")]
    stage.read(fault=0.0)
    assert updates(stage.hears(stage.instruction("two", stage.charge, 0.5)))[-1] == ("two", "STARTED")
    stage.polled(20, soc=50.0, power=2500.0)
    assert updates(stage.hears(stage.instruction("three", stage.charge, 1.0)))[-1] == ("three", "STARTED")


def test_of_a_lost_device_nothing_is_told_once_its_readings_are_too_old() -> None:
    stage = Dated()
    stage.charging()
    aborted = stage.on(Lost("no answer"))
    assert updates(aborted) == [("one", "ABORTED")]
    stage.after(MAX_AGE_S)
    assert types(stage.after(250)) == set()


def test_what_another_device_lends_does_not_mean_that_this_one_answers() -> None:
    stage = Dated()
    stage.on(Measured((Reading("soc", 50.0), Reading("power", 0.0)), is_lent=True))
    stage.negotiated()
    stage.heard(*stage.hears(SelectControlType(message_id="select", control_type=FRBC)))
    assert updates(stage.hears(stage.instruction("never", stage.charge, 0.5))) == [("never", "REJECTED")]
    stage.read(soc=50.0, power=0.0)
    stage.confirmed(*stage.hears(stage.instruction("one", stage.charge, 0.5)))
    stage.read(power=2500.0)
    stage.on(Lost("no answer"))
    lent = stage.on(Measured((Reading("soc", 60.0),), is_lent=True))
    assert types(lent) == {"FRBC.StorageStatus"}
    assert updates(stage.hears(stage.instruction("two", stage.charge, 1.0))) == [("two", "REJECTED")]
    stage.after(MAX_AGE_S)
    assert applied(stage.on(Measured((Reading("soc", 61.0),), is_lent=True))) == []
    assert applied(stage.read(power=0.0)) == [("power_setpoint", 0.0)]


def test_what_is_too_old_for_five_minutes_is_offered_no_longer_and_what_it_ran_is_ended() -> None:
    stage = Dated()
    stage.charging()
    stage.polled(3, soc=50.0, power=2500.0)
    stage.on(Lost("no answer"))
    stage.after(MAX_AGE_S)
    effects = stage.after(300)
    assert notes(effects).count("control_type.withdrawn") == 1
    (details,) = [each for each in said(effects) if isinstance(each, ResourceManagerDetails)]
    assert details.available_control_types == (ControlType.NOT_CONTROLABLE,)
    assert applied(effects) == [("power_setpoint", 0.0)]
    refused = stage.hears(stage.instruction("two", stage.charge, 0.5))
    assert told(refused) == ["ReceptionStatus INVALID_CONTENT"]


def test_all_comes_back_after_half_a_minute_of_good_readings() -> None:
    stage = Dated()
    stage.charging()
    stage.on(Lost("no answer"))
    stage.heard(*stage.after(MAX_AGE_S + 301))
    stage.heard(*stage.hears(SelectControlType(message_id="look", control_type=ControlType.NOT_CONTROLABLE)))
    effects = stage.polled(30, soc=50.0, power=0.0)
    assert "ResourceManagerDetails" not in told(effects)
    effects = stage.polled(1, soc=50.0, power=0.0)
    (details,) = [each for each in said(effects) if isinstance(each, ResourceManagerDetails)]
    assert details.available_control_types == (FRBC,)
    described = stage.hears(SelectControlType(message_id="again", control_type=FRBC))
    assert told(described) == [
        "ReceptionStatus OK",
        "FRBC.SystemDescription",
        "FRBC.StorageStatus",
        "FRBC.ActuatorStatus",
        "PowerMeasurement",
    ]
    stage.heard(*described)
    stage.confirmed(*stage.hears(stage.instruction("three", stage.charge, 0.5)))
    assert updates(stage.polled(1, soc=50.0, power=2500.0)) == [("three", "SUCCEEDED")]


def test_a_cem_that_selects_only_at_first_is_asked_to_come_anew_once() -> None:
    stage = Dated()
    stage.negotiated()
    stage.read(soc=50.0, power=0.0)
    effects = stage.polled(29, soc=50.0, power=0.0)
    assert closed(effects) == []
    effects = stage.polled(2, soc=50.0, power=0.0)
    reason = "the offer has changed, and nothing of it was selected"
    assert closed(effects) == [Close(reason, ReconnectPolicy.SOON)]
    assert "SessionRequest" in told(effects)
    assert [note.facts for note in effects if isinstance(note, Note) and note.event == "offer.unanswered"] == [
        {"offered": "FILL_RATE_BASED_CONTROL"}
    ]
    stage.left()
    assert closed([*stage.negotiated(), *stage.polled(120, soc=50.0, power=0.0)]) == []


def test_a_cem_that_does_not_notice_a_withdrawal_is_asked_to_come_anew() -> None:
    stage = Dated()
    stage.charging()
    stage.on(Lost("no answer"))
    stage.heard(*stage.after(MAX_AGE_S + 301))
    assert [close.back for close in closed(stage.after(30))] == [ReconnectPolicy.SOON]


def test_a_cem_that_would_be_asked_too_often_is_asked_when_it_may_be() -> None:
    stage = Dated()
    stage.charging()
    stage.on(Lost("no answer"))
    stage.heard(*stage.after(MAX_AGE_S + 300))
    withdrawn = stage.after(30)
    asked_at = stage.elapsed_s
    assert len(closed(withdrawn)) == 1
    stage.left()
    stage.heard(*stage.negotiated())
    effects = stage.polled(599, soc=50.0, power=0.0)
    assert told(effects).count("ResourceManagerDetails") == 1
    assert closed(effects) == []
    effects = stage.polled(1, soc=50.0, power=0.0)
    assert len(closed(effects)) == 1
    assert stage.elapsed_s == asked_at + 600
    stage.left()
    stage.negotiated()
    assert closed(stage.polled(2000, soc=50.0, power=0.0)) == []


def test_a_cem_that_selects_what_is_new_is_left_in_peace() -> None:
    stage = Dated()
    stage.negotiated()
    stage.heard(*stage.read(soc=50.0, power=0.0))
    stage.heard(*stage.hears(SelectControlType(message_id="select", control_type=FRBC)))
    assert closed(stage.polled(60, soc=50.0, power=0.0)) == []
