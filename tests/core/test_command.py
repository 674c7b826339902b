"""Commands: what one wanted value comes to, with what is known of the device and what was done before."""

import re
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from s2d.device.command import Allowed, Command, Step, Verify
from s2d.device.command_plan import Check, CommandMemory, Plan, Wait, Write, direction_of
from s2d.device.device_map import DeviceMap, commands_of
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused
from s2d.quantities import Duration
from s2d.values import RELEASE

E = Expression.parse


def step(when=None, **verbs):
    """A step as YAML spells it, expressions as text."""
    for verb in ("write", "together"):
        if verb in verbs:
            verbs[verb] = {point: E(text) for point, text in verbs[verb].items()}
    if "wait" in verbs:
        verbs["wait_s"] = Duration(verbs.pop("wait"))
    return Step(if_=None if when is None else E(when), **verbs)


def command(*steps, **keys):
    for key in ("min", "max", "least"):
        if key in keys:
            keys[key] = E(keys[key])
    for key in ("interval", "dwell", "refresh"):
        if key in keys:
            keys[f"{key}_s"] = Duration(keys.pop(key))
    return Command(steps=steps or (step(write={"setpoint": "value"}),), **keys)


def done(of, value, known=None, memory=None):
    """The value that is written in the end."""
    return of.plan(value, known or {}, memory or CommandMemory()).value


FORCED = command(
    step(write={"mode": "2"}),
    step("value > 0", write={"direction": "'charge'"}),
    step("value < 0", write={"direction": "'discharge'"}),
    step(wait=1.0),
    step(together={"charge": "max(value, 0)", "discharge": "max(-value, 0)"}),
    step(life={"alive": "1..3"}),
    verify=Verify(point="power", is_=E("value"), tolerance=20.0, within_s=Duration(5)),
    release=(step(write={"mode": "0"}),),
)


def test_a_value_becomes_steps_in_order():
    assert FORCED.plan(-800.0, {}, CommandMemory()) == Plan(
        -800.0,
        (
            Write({"mode": 2}),
            Write({"direction": "discharge"}),
            Wait(1.0),
            Write({"charge": 0, "discharge": 800.0}),
            Write({"alive": 1}),
        ),
        Check("power", -800.0, 20.0, 5.0),
        counts={"alive": 1},
    )


def test_several_points_of_one_write_are_several_requests():
    plan = command(step(write={"a": "value", "b": "-value"})).plan(5.0, {}, CommandMemory())
    assert plan.steps == (Write({"a": 5.0}), Write({"b": -5.0}))


def test_release_takes_its_own_steps_and_asks_nobody():
    locked = command(allowed=Allowed(if_=E("false"), else_="no"), release=(step(write={"mode": "0"}),), dwell=60)
    memory = CommandMemory(value=5.0, direction="+", done_at=100.0, switched_at=100.0)
    assert locked.plan(RELEASE, {}, memory) == Plan(RELEASE, (Write({"mode": 0}),))


def test_a_device_that_takes_no_control_back_says_so():
    with pytest.raises(DeviceRefused, match="has no `release`"):
        command().plan(RELEASE, {}, CommandMemory())


@pytest.mark.parametrize(
    ("keys", "value", "becomes"),
    [
        ({"min": "-3000", "max": "limit"}, 9000.0, 5000.0),
        ({"min": "-3000", "max": "limit"}, -9000.0, -3000.0),
        ({"min": "-3000", "max": "min(2000, limit)"}, 9000.0, 2000.0),
        ({"min": "-3000", "max": "limit"}, 1.5, 1.5),
        ({"max": "value / 2"}, 10.0, 5.0),
        ({"min": "-3000", "max": "-limit"}, 3000.0, 0.0),
        ({"min": "limit", "max": "9000"}, -3000.0, 0.0),
        ({"min": "6", "max": "-limit"}, 16.0, 0.0),
        ({"min": "6", "max": "0"}, 16.0, 0.0),
        ({"step": 10.0}, 119.0, 110.0),
        ({"step": 10.0}, -119.0, -110.0),
        ({"step": 0.1}, 0.3, 0.30000000000000004),
        ({"step": 10.0}, -9.0, 0.0),
        ({"least": "100"}, 99.9, 0.0),
        ({"least": "100"}, -100.0, -100.0),
        ({"least": "limit"}, -100.0, 0.0),
        ({"min": "6", "max": "16", "step": 1.0}, 7.9, 7.0),
        ({"min": "6"}, 0.0, 0.0),
        ({"max": "gone"}, 0.0, 0.0),
        ({"min": "1", "max": "2", "step": 1.0, "least": "1"}, "boost", "boost"),
        ({"max": "0"}, True, True),
    ],
)
def test_a_value_is_bounded_and_rounded_towards_zero(keys, value, becomes):
    assert done(command(**keys), value, {"limit": 5000.0}) == becomes


def test_a_step_that_is_next_to_nothing_rounds_nothing():
    assert done(command(step=1e-320), 1234.5) == 1234.5


def test_what_is_rounded_to_nothing_has_no_sign():
    assert str(done(command(step=10.0), -9.0)) == "0.0"


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (command(max="gone * 2"), "max is unknown: gone"),
        (command(min="1 / zero"), "min is unknown: 1 / zero cannot be computed"),
        (command(max="'much'"), "max is no number: much"),
        (command(step(write={"a": "1"}), step(write={"b": "gone"})), "step 2, b is unknown: gone"),
        (command(step("gone", write={"a": "1"})), "step 1 is unknown: gone"),
        (command(allowed=Allowed(if_=E("ess == 0"), else_="Dynamic ESS is steering")), "Dynamic ESS is steering"),
        (command(allowed=Allowed(if_=E("gone == 0"), else_="it may not be steered")), "it may not be steered"),
        (command(verify=Verify(point="power", is_=E("gone"))), "verify is unknown: gone"),
    ],
)
def test_nothing_is_done_on_what_is_not_known_or_not_allowed(of, why):
    with pytest.raises(DeviceRefused) as refused:
        of.plan(5.0, {"zero": 0, "ess": 2}, CommandMemory())
    assert str(refused.value) == why


@pytest.mark.parametrize("value", [inf, -inf, float("nan")])
def test_no_number_is_no_value(value):
    with pytest.raises(DeviceRefused, match="is no value to set"):
        command().plan(value, {}, CommandMemory())


def test_a_small_change_is_needless_unless_it_changes_the_sign():
    of, memory = command(deadband=50.0), CommandMemory()
    memory.note(of.plan(30.0, {}, memory), 0.0)
    needless = {value: of.plan(value, {}, memory).is_needless for value in (60.0, 80.0, 0.0, -10.0, "auto")}
    assert needless == {60.0: True, 80.0: False, 0.0: False, -10.0: False, "auto": False}
    assert not of.plan(31.0, {}, memory, again=True).is_needless
    memory.forget()
    assert not of.plan(31.0, {}, memory).is_needless


def test_executions_keep_their_distance():
    of, memory = command(interval=5), CommandMemory()
    assert of.plan(1.0, {}, memory).not_before == -inf
    memory.note(of.plan(1.0, {}, memory), 100.0)
    assert of.plan(2.0, {}, memory).not_before == 105.0
    assert of.plan(2.0, {}, memory, again=True).not_before == -inf


def test_switchings_keep_a_longer_distance():
    of, memory = command(dwell=60, release=(step(write={"mode": "0"}),)), CommandMemory()
    for value, at in ((10.0, 100.0), (20.0, 110.0), (-5.0, 120.0), (-6.0, 130.0)):
        memory.note(of.plan(value, {}, memory), at)
    assert of.plan(-7.0, {}, memory).not_before == 130.0
    assert of.plan(0.0, {}, memory).not_before == 180.0
    assert of.plan(7.0, {}, memory).not_before == 180.0
    memory.note(of.plan(RELEASE, {}, memory), 140.0)
    assert of.plan(7.0, {}, memory).not_before == 180.0


def test_a_life_counter_goes_round():
    memory, seen = CommandMemory(), []
    for at in range(5):
        plan = FORCED.plan(1.0, {}, memory)
        seen.append(plan.steps[-1].values["alive"])
        memory.note(plan, at)
    assert seen == [1, 2, 3, 1, 2]


@pytest.mark.parametrize(
    ("check", "found", "holds"),
    [
        (Check("p", 100.0, 20.0, 1.0), 81.0, True),
        (Check("p", 100.0, 20.0, 1.0), 79.0, False),
        (Check("p", 100.0, 20.0, 1.0), None, False),
        (Check("p", "on", 0.0, 1.0), "on", True),
        (Check("p", "on", 0.0, 1.0), 1, False),
        (Check("p", 1, 0.0, 1.0), True, True),
    ],
)
def test_a_check_holds_within_its_tolerance(check, found, holds):
    assert check.holds(found) is holds


def test_text_differs_from_all_other_text():
    assert [direction_of(value) for value in (3, -0.5, 0, "boost", True)] == ["+", "-", "0", "boost", "+"]


def test_the_timeout_may_be_read_from_the_device():
    assert command().timeout_s({}) is None
    assert command(timeout=Duration(60), refresh=20).timeout_s({}) == 60
    of = command(timeout=E("watchdog * 60"), refresh=20)
    assert (of.timeout_s({"watchdog": 2}), of.timeout_s({})) == (120, None)


def test_what_it_names_is_known_beforehand():
    of = command(
        step("mode == 'x'", write={"a": "value + offset"}),
        step(life={"alive": "1..2"}),
        min="-discharge",
        least="smallest",
        timeout=E("watchdog"),
        refresh=5,
        allowed=Allowed(if_=E("ess"), else_="no"),
        verify=Verify(point="power", is_=E("value + drift")),
        release=(step(write={"b": "resting"}),),
    )
    assert of.names == {"mode", "offset", "discharge", "smallest", "watchdog", "ess", "drift", "resting"}
    assert of.written == {"a", "alive", "b"}


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: step(), "a step is one of write, together, wait and life"),
        (lambda: step(write={"a": "1"}, wait=1.0), "a step is one of"),
        (lambda: step(life={"a": "255"}), 'life: expected a range such as "1..255", got "255"'),
        (lambda: step(life={"a": "5..5"}), "life: expected a range"),
        (lambda: command(unit="kW"), "unit: expressions are in base units, kW is none"),
        (lambda: command(unit="watts"), "unknown unit"),
        (lambda: command(refresh=0), "refresh: must be above 0 s"),
        (lambda: command(timeout=Duration(60)), "timeout: a device that forgets needs a `refresh`"),
        (lambda: command(timeout=E("watchdog")), "timeout: a device that forgets needs a `refresh`"),
        (lambda: command(timeout=Duration(60), refresh=30), "refresh: must be less than half of the timeout"),
        (lambda: command(release=(step(write={"a": "value"}),)), "release: there is no `value`"),
        (lambda: command(step(write={"a": "found"})), "steps: what was `found` is put back in `release` only"),
        (
            lambda: command(release=(step("found == 2", write={"a": "1"}),)),
            "release: `found` is of the point that is written, so no `if` knows it",
        ),
        (lambda: command(verify=Verify(point="a", is_=E("1"), within_s=Duration(0))), "verify: within must be above"),
    ],
)
def test_what_makes_no_sense_is_said(make, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        make()


@given(
    st.floats(),
    st.dictionaries(st.sampled_from(["low", "high", "smallest"]), st.floats(-1e5, 1e5) | st.text(max_size=3)),
    st.sampled_from([None, 0.1, 1.0, 7.0]),
    st.floats(0, 100),
)
def test_whatever_is_wanted_and_known_it_is_within_bounds_or_refused(value, known, step, deadband):
    of = command(min="low", max="high", least="smallest", step=step, deadband=deadband)
    try:
        plan = of.plan(value, known, CommandMemory(value=50.0, direction="+"))
    except DeviceRefused:
        return
    done = plan.value
    assert isinstance(done, float)
    if done != 0:
        assert direction_of(done) == direction_of(value)
        least = known["smallest"] if done else 0
        assert abs(done) >= least
        assert step is None or abs(done / step - round(done / step)) < 1e-6
        if step is None or known["low"] <= 0 <= known["high"]:
            slack = 1e-9 * max(1.0, abs(done))  # a multiple of the step, but for binary fractions
            assert min(known["low"], known["high"]) - slack <= done <= max(known["low"], known["high"]) + slack


def test_what_is_lower_safe_or_nothing_waits_for_no_interval():
    of, memory = command(interval=5), CommandMemory()
    memory.note(of.plan(1000.0, {}, memory), 100.0)
    held = {value: of.plan(value, {}, memory).not_before for value in (1000.1, 1000.0, 999.0, 0.0, -1.0, "auto")}
    assert held == {1000.1: 105.0, 1000.0: -inf, 999.0: -inf, 0.0: -inf, -1.0: 105.0, "auto": 105.0}
    assert of.plan(2000.0, {}, memory, is_safe=True).not_before == -inf
    memory.note(of.plan(0.0, {}, memory), 103.0)
    assert of.plan(1000.0, {}, memory).not_before == 105.0
    memory.note(of.plan(-1000.0, {}, memory), 100.0)
    held = {value: of.plan(value, {}, memory).not_before for value in (-1001.0, -999.0, 999.0)}
    assert held == {-1001.0: 105.0, -999.0: -inf, 999.0: 105.0}
    memory.forget()
    assert of.plan(-999.0, {}, memory).not_before == 105.0


def test_a_command_that_says_nothing_of_it_has_the_interval_of_its_device():
    silent, own, free = (command(**said) for said in ({}, {"interval": 5}, {"interval": 0}))
    point = PointSettings(access="write")
    make = DeviceMap(
        points={"plain": point, "free": structs.replace(point, interval=Duration(0))},
        commands={"silent": silent, "own": own, "none": free},
        interval_s=Duration(1),
    )
    assert {name: each.interval_s for name, each in commands_of(make).items()} == {
        "plain": 1.0,
        "free": 0.0,
        "silent": 1.0,
        "own": 5.0,
        "none": 0.0,
    }
