"""Whether a CEM is there: silence is legal, but what is said while an order is in force wants an answer in time."""

from itertools import pairwise
from math import floor

import pytest
from msgspec.structs import replace

from s2d.events import Applied, Lost, Measured
from s2d.s2.effects import (
    Apply,
    Close,
    Connected,
    Disconnected,
    Effect,
    Event,
    Note,
    Pinged,
    Ponged,
    Received,
    ReconnectPolicy,
    ReconnectTerms,
    Started,
    Tick,
)
from s2d.s2.messages import wire
from s2d.s2.messages.common import (
    ControlType,
    HandshakeResponse,
    Message,
    PowerMeasurement,
    ReceptionStatus,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
    Tagged,
)
from s2d.values import Reading

from .stage import FRBC, OK, Stage, applied, closed, notes, said

HOUR_S, DAY_S = 3600.0, 86_400.0
PING_EVERY_S = 60
every_after = pytest.mark.parametrize("after_s", [0.0, 2.0, 24.0, 25.0, 31.0, 60.0, HOUR_S])


class Scene:
    """A battery that is read every second and obeys, and a CEM that *answers* all it hears, pings included."""

    def __init__(self, after_s: float = 60.0, *, answers: bool = True) -> None:
        self.stage = Stage(is_cem_there=False, after_s=after_s)
        self.answers = answers
        self.pongs = True
        self.power_w = 0.0
        self._second = 0
        """The last at which the battery was read."""
        self.lived: list[tuple[float, Effect]] = []
        """What was wanted, and when."""
        self.heard_at = 0.0
        """When the CEM last said something."""
        self.happens(Started())
        self.lives(2)
        self.joins()

    def joins(self) -> None:
        """The CEM comes and selects FRBC."""
        self.happens(Connected())
        self.says(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta"))
        self.says(SelectControlType(message_id="select", control_type=FRBC))

    def orders(self, name: str = "order", factor: float = 1.0) -> None:
        """The CEM wants the battery charged with 5000 W, or a part of them; it is seen to be."""
        self.says(self.stage.instruction(name, self.stage.charge, factor))
        self.lives(1)
        assert self.power_w == 5000.0 * factor

    def says(self, message: Tagged) -> list[Effect]:
        self.heard_at = self.stage.elapsed_s
        return self.happens(Received(wire.encode(message).decode()))

    def happens(self, event: Event) -> list[Effect]:
        effects = self.stage.on(event)
        self.lived += [(self.stage.elapsed_s, effect) for effect in effects]
        for effect in effects:
            if isinstance(effect, Apply):
                self.power_w = float(effect.setpoint.value)
                self.happens(Applied(effect.setpoint))
        for message in said(effects):
            if isinstance(message, Message) and self.answers:
                self.says(ReceptionStatus(subject_message_id=message.message_id, status=OK))
        return effects

    def lives(self, seconds: float, *, reads_every_s: int = 1) -> list[Effect]:
        """Lets time pass, and reads the battery now and then; all that is wanted meanwhile."""
        stage, until, before = self.stage, self.stage.elapsed_s + seconds, len(self.lived)
        second = floor(stage.elapsed_s)
        while True:
            wait = stage.resource_manager.wake_after(stage.now)
            due_at = stage.elapsed_s + wait if wait is not None else until + 1
            second += second <= self._second
            if min(due_at, second) > until:
                break
            stage.elapsed_s = min(due_at, second)
            if due_at <= second:
                self.happens(Tick())
                continue
            self._second = second
            if second % PING_EVERY_S == 0:
                self.happens(Pinged())
                if self.pongs:
                    self.happens(Ponged())
            if second % reads_every_s == 0:
                until_s = stage.now.mono + 120.0
                soc, power = Reading("soc", 50.0), Reading("power", self.power_w)
                self.happens(Measured(tuple(replace(each, good_until=until_s) for each in (soc, power))))
        stage.elapsed_s = until
        return [effect for _, effect in self.lived[before:]]

    def hangs(self, *, pongs: bool = True) -> None:
        """The CEM answers nothing any more; its library may answer pings."""
        self.answers, self.pongs = False, pongs

    def after_its_last(self, event: str) -> float:
        """How long after the CEM was last heard *event* was noted."""
        (at,) = [at for at, effect in self.lived if isinstance(effect, Note) and effect.event == event]
        return at - self.heard_at


@every_after
@pytest.mark.parametrize("pongs", [True, False])
@pytest.mark.parametrize("lag_s", [0, 3, 17])
def test_a_cem_that_hangs_leaves_its_order_in_force_for_as_long_as_it_may_and_no_longer(
    after_s: float, pongs: bool, lag_s: int
) -> None:
    scene = Scene(after_s)
    scene.orders()
    scene.lives(100 + lag_s)
    scene.hangs(pongs=pongs)
    effects = scene.lives(after_s + 100)
    assert applied(effects) == [("power_setpoint", 0.0)]
    assert max(after_s, 5.0) <= scene.after_its_last("fallback.applied") <= max(after_s, 25.0) + 1.0
    assert scene.after_its_last("session.hung") <= min(max(after_s, 25.0), 50.0) + 1.0


def test_a_cem_that_hangs_is_given_up_and_called_again() -> None:
    scene = Scene(after_s=60.0)
    scene.orders()
    scene.hangs()
    effects = scene.lives(55)
    assert [close.back for close in closed(effects)] == [ReconnectPolicy.SOON]
    (hung,) = [effect for effect in effects if isinstance(effect, Note) and effect.event == "session.hung"]
    assert hung.facts["message_type"] == "PowerMeasurement"
    assert hung.facts["last_heard"] == "ReceptionStatus"
    assert scene.happens(Disconnected("we closed the connection")) == [ReconnectTerms(is_anew=True, within_s=15.0)]


@pytest.mark.parametrize("after_s", [2.0, 60.0])
def test_a_healthy_cem_that_only_answers_keeps_its_order_for_a_day(after_s: float) -> None:
    scene = Scene(after_s)
    scene.orders()
    effects = scene.lives(DAY_S, reads_every_s=30)
    assert applied(effects) == []
    assert [each for each in notes(effects) if each != "message.doubted"] == []
    told_at = [at for at, effect in scene.lived if said([effect])]
    assert max(later - earlier for earlier, later in pairwise(told_at)) <= 20.0


def test_the_newest_power_is_told_again_while_an_order_is_in_force_and_nothing_else_is_said() -> None:
    scene = Scene()
    scene.lives(61)
    assert said(scene.lives(200)) == []
    scene.orders()
    scene.lives(30)
    scene.power_w = 5020.0
    repeated = [each for each in said(scene.lives(100)) if isinstance(each, PowerMeasurement)]
    assert len(repeated) >= 4
    assert {each.values[0].value for each in repeated} == {5020.0}
    scene.says(SelectControlType(message_id="enough", control_type=ControlType.NOT_CONTROLABLE))
    scene.lives(5)
    assert said(scene.lives(200)) == []


def test_power_that_is_not_known_any_more_is_not_told_again() -> None:
    scene = Scene()
    scene.orders()
    scene.happens(Lost("gone"))
    scene.lives(120, reads_every_s=10_000)
    assert [type(each) for each in said(scene.lives(HOUR_S, reads_every_s=10_000))].count(PowerMeasurement) == 0


@pytest.mark.parametrize(
    "frame", ['{"message_type":"Hello","message_id":"aa"}', "no JSON", b"\x00", '{"message_type":"ReceptionStatus"}']
)
def test_any_frame_shows_that_somebody_is_there(frame: str | bytes) -> None:
    scene = Scene(after_s=2.0)
    scene.orders()
    scene.hangs(pongs=False)
    for _ in range(100):
        scene.lives(4.9)
        scene.happens(Received(frame))
    assert "fallback.applied" not in [effect.event for _, effect in scene.lived if isinstance(effect, Note)]


def test_a_pong_does_not_answer_what_was_said() -> None:
    scene = Scene(after_s=2.0)
    scene.orders()
    scene.hangs()
    effects: list[Effect] = []
    for _ in range(26):
        effects += scene.lives(1)
        scene.happens(Pinged())
        scene.happens(Ponged())
    assert "fallback.applied" in notes(effects)


@pytest.mark.parametrize("after_s", [2.0, 60.0, 600.0])
def test_a_cem_that_never_answers_is_judged_by_pings_alone_which_is_said_once(after_s: float) -> None:
    scene = Scene(after_s, answers=False)
    scene.orders()
    effects = scene.lives(HOUR_S)
    assert applied(effects) == []
    assert notes(effects).count("session.unanswered") == 1
    assert closed(effects) == []
    last_pong_at = scene.stage.elapsed_s // PING_EVERY_S * PING_EVERY_S
    scene.pongs = False
    effects = scene.lives(after_s + 100)
    assert applied(effects) == [("power_setpoint", 0.0)]
    (at,) = [at for at, each in scene.lived if isinstance(each, Note) and each.event == "fallback.applied"]
    assert max(after_s, 65.0) <= at - last_pong_at <= max(after_s, 65.0) + 1.0


def test_that_a_cem_answers_may_be_learnt_late() -> None:
    scene = Scene(after_s=2.0, answers=False)
    scene.orders()
    scene.lives(HOUR_S)
    scene.answers = True
    scene.lives(HOUR_S)
    scene.hangs()
    assert "fallback.applied" in notes(scene.lives(26))


def test_nothing_is_given_up_for_silence_while_nothing_wants_an_answer() -> None:
    scene = Scene(after_s=2.0)
    scene.lives(61)
    scene.hangs()
    assert closed(scene.lives(58)) == []


@pytest.mark.parametrize("after_s", [2.0, 60.0])
def test_a_cem_that_plans_for_a_while_is_not_given_up_where_nothing_of_its_is_in_force(after_s: float) -> None:
    scene = Scene(after_s)
    scene.lives(HOUR_S + 100)
    scene.hangs(pongs=False)
    scene.power_w = 500.0
    effects = scene.lives(290)
    assert PowerMeasurement in [type(each) for each in said(effects)]
    assert closed(effects) == []
    scene.answers = scene.pongs = True
    scene.orders()


def test_a_cem_that_hangs_before_it_orders_anything_is_called_again_all_the_same() -> None:
    scene = Scene(after_s=2.0)
    scene.hangs()
    effects = scene.lives(700)
    assert len(closed(effects)) == 1
    assert scene.power_w == 0.0


def test_what_was_there_in_time_counts_though_it_is_looked_at_late() -> None:
    scene = Scene(after_s=2.0)
    scene.orders()
    scene.hangs()
    scene.lives(20.5)
    *_, asked = [m for m in said([each for _, each in scene.lived]) if isinstance(m, PowerMeasurement)]
    scene.stage.elapsed_s += 30  # nothing had a turn
    scene.says(ReceptionStatus(subject_message_id=asked.message_id, status=OK))
    assert "fallback.applied" not in notes(scene.lives(1))


def test_who_was_not_looking_looks_once_more_before_he_gives_up() -> None:
    scene = Scene(after_s=2.0)
    scene.orders()
    scene.hangs()
    scene.lives(20.5)
    *_, asked = [m for m in said([each for _, each in scene.lived]) if isinstance(m, PowerMeasurement)]
    scene.stage.elapsed_s += 30
    assert "fallback.applied" not in notes(scene.happens(Tick()))
    scene.says(ReceptionStatus(subject_message_id=asked.message_id, status=OK))
    assert "fallback.applied" not in notes(scene.lives(5))


def test_who_was_not_looking_gives_up_soon_after() -> None:
    scene = Scene(after_s=2.0)
    scene.orders()
    scene.hangs()
    scene.lives(20.5)
    scene.stage.elapsed_s += 30
    assert "fallback.applied" in notes(scene.lives(6))


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_connection_that_ends_counts_from_when_the_cem_was_heard_if_it_had_fallen_silent(is_silent: bool) -> None:
    scene = Scene(after_s=60.0)
    scene.orders()
    if is_silent:
        scene.hangs()
    since = scene.stage.elapsed_s
    scene.lives(28)
    scene.happens(Disconnected("the connection broke"))
    ended = scene.stage.elapsed_s
    scene.lives(120)
    (at,) = [at for at, each in scene.lived if isinstance(each, Note) and each.event == "fallback.applied"]
    assert at == pytest.approx(60.0 + (since if is_silent else ended), abs=1.1)


class TestComingBack:
    """How soon the CEM is called again."""

    @pytest.mark.parametrize(
        ("after_s", "within_s"), [(0.0, 1.0), (2.0, 1.0), (8.0, 2.0), (60.0, 15.0), (HOUR_S, 15.0)]
    )
    def test_while_an_order_is_in_force_it_is_called_often(self, after_s: float, within_s: float) -> None:
        scene = Scene(after_s)
        scene.orders()
        effects = scene.happens(Disconnected("gone"))
        assert effects == [ReconnectTerms(is_anew=True, within_s=within_s)]
        effects = scene.lives(after_s + 1)
        assert [each for each in effects if isinstance(each, ReconnectTerms)] == [
            ReconnectTerms(is_anew=False, within_s=None)
        ]
        assert scene.power_w == 0.0

    def test_with_nothing_in_force_it_is_called_as_usual(self) -> None:
        scene = Scene()
        scene.lives(60)
        assert scene.happens(Disconnected("gone")) == [ReconnectTerms(is_anew=True, within_s=None)]

    def test_a_session_that_died_young_is_no_success_and_is_warned_of_once(self) -> None:
        scene = Scene()
        scene.orders()
        scene.happens(Disconnected("gone"))
        told: list[Effect] = []
        for _ in range(3):
            scene.joins()
            scene.lives(2)
            effects = scene.happens(Disconnected("the CEM closed the connection with 1011"))
            assert effects[0] == ReconnectTerms(is_anew=False, within_s=None)
            told += effects[1:]
        (failed,) = [each for each in told if isinstance(each, Note)]
        assert failed.event == "session.failed"
        assert failed.facts["reason"] == "the CEM closed the connection with 1011"
        assert failed.facts["message_type"] == "PowerMeasurement"
        assert failed.facts["last_heard"] == "ReceptionStatus"
        assert failed.facts["lasted_s"] == 2.0

    def test_that_sessions_die_young_is_told_again_once_one_has_not(self) -> None:
        scene = Scene()
        assert "session.failed" in notes(scene.happens(Disconnected("gone")))
        scene.joins()
        scene.lives(60)
        assert notes(scene.happens(Disconnected("gone"))) == []
        scene.joins()
        assert "session.failed" in notes(scene.happens(Disconnected("gone")))

    @pytest.mark.parametrize(("lasted_s", "is_anew"), [(59.0, False), (60.0, True)])
    def test_a_session_that_lasted_is_a_success(self, lasted_s: float, is_anew: bool) -> None:
        scene = Scene()
        scene.lives(lasted_s)
        (terms, *_) = scene.happens(Disconnected("gone"))
        assert terms == ReconnectTerms(is_anew=is_anew, within_s=None)

    def test_an_instruction_that_is_refused_is_no_success(self) -> None:
        scene = Scene()
        scene.says(scene.stage.instruction("order", "no-such-mode", 1.0))
        (terms, *_) = scene.happens(Disconnected("gone"))
        assert terms == ReconnectTerms(is_anew=False, within_s=None)

    @pytest.mark.parametrize("request_type", SessionRequestType)
    def test_a_session_that_the_cem_ended_on_purpose_is_not_warned_of(self, request_type: SessionRequestType) -> None:
        scene = Scene()
        effects = scene.says(SessionRequest(message_id="bye", request=request_type))
        assert isinstance(effects[-1], Close)
        is_anew = request_type is SessionRequestType.RECONNECT
        assert scene.happens(Disconnected("gone")) == [ReconnectTerms(is_anew=is_anew, within_s=None)]

    def test_a_connection_on_which_nothing_was_said_to_us_is_warned_of(self) -> None:
        scene = Scene()
        scene.happens(Disconnected("gone"))
        scene.joins()
        scene.lives(60)
        scene.happens(Disconnected("gone"))
        scene.answers = False
        scene.happens(Connected())
        (_, failed) = scene.happens(Disconnected("gone"))
        assert isinstance(failed, Note)
        assert (failed.facts["message_type"], failed.facts["last_heard"]) == ("Handshake", None)
