"""Commands at work: steps in order, writes saved, what was done checked and repeated. Time is virtual."""

import pytest

from s2d.device.command import Allowed, Command, Step, Verify
from s2d.device.computed import Computed
from s2d.device.device_map import DeviceMap
from s2d.device.expression import Expression
from s2d.driver import PointSettings
from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.events import Applied, Measured, Refused, Undone, UndoneBy
from s2d.quantities import Duration
from s2d.values import RELEASE, Reading, Setpoint
from tests.fakes import pass_s
from tests.shell.device_stage import about, at_work

pytestmark = pytest.mark.virtual_time

GONE = DeviceUnreachable("nobody is there")
E = Expression.parse
WRITTEN = PointSettings(access="write")
NEVER = PointSettings(poll="never")


def write(**points):
    return Step(write={name: E(text) for name, text in points.items()})


def wait(seconds):
    return Step(wait_s=Duration(seconds))


FORCED = Command(
    unit="W",
    steps=(
        write(mode="2"),
        write(direction="'charge' if value > 0 else 'discharge' if value < 0 else 'stop'"),
        wait(1),
        write(forced="abs(value)"),
    ),
    release=(write(direction="'stop'"), write(mode="0")),
)
POINTS = dict.fromkeys(("mode", "direction", "forced"), WRITTEN)


def made(points=None, **commands):
    return DeviceMap(points=POINTS | (points or {}), commands=commands)


def wanted(value, point="power_setpoint"):
    return Setpoint(point, value, "test")


async def test_its_steps_are_taken_in_order_and_it_is_applied_after_the_last():
    async with at_work(made(power_setpoint=FORCED)) as stage:
        stage.device.offer(wanted(-800.0))
        await pass_s(0.5)
        assert stage.news() == []
        await pass_s(1)
        assert stage.hardware.writes == [
            (about(0), "mode", 2),
            (about(0), "direction", "discharge"),
            (about(1), "forced", 800.0),
        ]
        assert stage.news() == [Applied(wanted(-800.0))]


async def test_what_a_point_holds_already_is_not_written_again():
    async with at_work(made(power_setpoint=FORCED)) as stage:
        for value in (500.0, 600.0, 600.0):
            stage.device.offer(wanted(value))
            await pass_s(2)
        assert stage.written() == [("mode", 2), ("direction", "charge"), ("forced", 500.0), ("forced", 600.0)]
        assert stage.news() == [Applied(wanted(value)) for value in (500.0, 600.0, 600.0)]
        tally = stage.device.tally
        assert (tally.commands, tally.refreshes, tally.writes, tally.saved) == (3, 0, 4, 5)


async def test_a_command_may_insist_on_every_write():
    async with at_work(made(power_setpoint=Command(steps=(write(mode="1"),), if_unchanged="write"))) as stage:
        for value in (1.0, 2.0):
            stage.device.offer(wanted(value))
            await pass_s(1)
        assert stage.written() == [("mode", 1), ("mode", 1)]


async def test_a_point_that_reads_otherwise_is_written_again():
    both = PointSettings(access="read_write", scale=10)
    make = DeviceMap(points={"forced": both}, commands={"power_setpoint": Command(steps=(write(forced="value"),))})
    async with at_work(make, forced=0.0) as stage:
        stage.device.offer(wanted(1234.0))
        await pass_s(0.5)
        stage.hardware.values["forced"] = 1230.0  # what a register that counts in tens reads then
        await pass_s(3)
        stage.device.offer(wanted(1234.0))
        await pass_s(0.5)
        assert stage.written() == [("forced", 1234.0)]
        stage.hardware.values["forced"] = 0.0  # somebody else wrote it
        await pass_s(3)
        stage.device.offer(wanted(1234.0))
        await pass_s(0.5)
        assert stage.written() == [("forced", 1234.0)]


async def test_neighbours_are_written_with_one_request():
    both = Command(steps=(Step(together={"up": E("max(value, 0)"), "down": E("max(-value, 0)")}),))
    make = DeviceMap(points=dict.fromkeys(("up", "down"), WRITTEN), commands={"power_setpoint": both})
    async with at_work(make) as stage:
        stage.device.offer(wanted(-300.0))
        await pass_s(1)
        assert stage.written() == [("up", 0), ("down", 300.0)]
        assert stage.device.tally.writes == 1


async def test_a_refusal_names_its_step_and_ends_the_command():
    async with at_work(made(power_setpoint=FORCED)) as stage:
        stage.hardware.refusals["direction"] = DeviceRefused("unit 1 refused")
        stage.device.offer(wanted(500.0))
        await pass_s(600)
        assert stage.news() == [Refused(wanted(500.0), "step 2 of 4 (direction): unit 1 refused")]
        assert stage.written() == [("mode", 2), ("direction", "charge")]


async def test_an_interlock_refuses_with_its_reason():
    guarded = Command(steps=(write(forced="value"),), allowed=Allowed(if_=E("ess == 0"), else_="ESS is steering"))
    async with at_work(made({"ess": PointSettings()}, power_setpoint=guarded), ess=2) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(2)
        assert stage.news(Applied, Refused) == [Refused(wanted(500.0), "ESS is steering")]
        stage.hardware.values["ess"] = 0
        await pass_s(2)
        stage.device.offer(wanted(500.0))
        await pass_s(2)
        assert stage.news(Applied, Refused) == [Applied(wanted(500.0))]
        assert stage.written() == [("forced", 500.0)]


async def test_what_it_lacks_is_read_first():
    limited = Command(steps=(write(forced="value"),), max=E("limit"))
    async with at_work(made({"limit": NEVER}, power_setpoint=limited), limit=400.0) as stage:
        await pass_s(10)
        assert stage.hardware.reads == []
        stage.device.offer(wanted(500.0))
        await pass_s(1)
        stage.hardware.values["limit"] = 300.0
        stage.device.offer(wanted(500.0))
        await pass_s(1)
        assert stage.written() == [("forced", 400.0), ("forced", 300.0)]
        assert stage.hardware.reads == [(about(10), ("limit",)), (about(11), ("limit",))]


async def test_a_limit_that_cannot_be_read_refuses_all_but_zero():
    limited = Command(steps=(write(forced="value"),), max=E("limit"))
    async with at_work(made({"limit": NEVER}, power_setpoint=limited), limit=Reading("limit", None)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(1)
        stage.device.offer(wanted(0.0))
        await pass_s(1)
        assert stage.news() == [Refused(wanted(500.0), "max is unknown: limit"), Applied(wanted(0.0))]
        assert stage.written() == [("forced", 0.0)]


async def test_a_limit_that_was_known_once_is_not_taken_for_what_it_is_now():
    limited = Command(steps=(write(forced="value"),), max=E("limit"))
    async with at_work(made({"limit": NEVER}, power_setpoint=limited), limit=400.0) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(1)
        stage.hardware.values["limit"] = Reading("limit", None, detail="odd")
        stage.device.offer(wanted(600.0))
        await pass_s(1)
        assert stage.news(Applied, Refused) == [
            Applied(wanted(500.0), 400.0),
            Refused(wanted(600.0), "max is unknown: limit"),
        ]


async def test_after_a_refusal_nobody_knows_what_the_point_holds():
    async with at_work(made(power_setpoint=Command(steps=(write(forced="value"),)))) as stage:
        stage.device.offer(wanted(100.0))
        await pass_s(1)
        stage.hardware.refusals["forced"] = DeviceRefused("odd")
        stage.device.offer(wanted(200.0))
        await pass_s(1)
        stage.hardware.refusals.clear()
        stage.device.offer(wanted(100.0))
        await pass_s(1)
        assert stage.written() == [("forced", 100.0), ("forced", 200.0), ("forced", 100.0)]


async def test_a_device_that_was_away_may_have_forgotten():
    calm = Command(steps=(write(forced="value"),), deadband=50)
    async with at_work(made({"power": PointSettings()}, power_setpoint=calm), power=5.0) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(1)
        stage.hardware.faults.append(GONE)
        await pass_s(10)
        stage.device.offer(wanted(500.0))
        await pass_s(1)
        assert stage.written() == [("forced", 500.0), ("forced", 500.0)]


async def test_a_command_that_does_not_get_through_is_done_again_as_a_whole():
    async with at_work(made(power_setpoint=FORCED)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(0.5)
        stage.hardware.faults.append(GONE)
        await pass_s(0.6)
        reason = (
            "it took a write, and may hold it, but has said nothing since: step 4 of 4 (forced): nobody is there. "
            "If it always does so, state a `rest`, or a longer `settle`"
        )
        assert stage.news() == [Refused(wanted(500.0), reason, will_retry=True)]
        await pass_s(5)
        assert stage.news() == [Applied(wanted(500.0))]
        assert [point for point, _ in stage.written()] == [
            *("mode", "direction", "forced"),
            *("mode", "direction", "forced"),
        ]


async def test_no_other_command_comes_between_the_steps_of_one():
    other = Command(steps=(write(mode="9"),))
    async with at_work(made(power_setpoint=FORCED, boost=other)) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(0.5)
        stage.device.offer(wanted(1, "boost"))
        await pass_s(2)
        assert [point for point, _ in stage.written()] == ["mode", "direction", "forced", "mode"]


async def test_what_this_device_has_no_command_for_is_refused():
    async with at_work(made()) as stage:
        stage.device.offer(wanted(500.0))
        await pass_s(1)
        assert stage.news() == [Refused(wanted(500.0), "this device has no power_setpoint to set")]


class TestVerify:
    VERIFIED = Command(
        steps=(write(forced="value"),),
        verify=Verify(point="power", is_=E("value"), tolerance=20.0, within_s=Duration(3)),
    )

    async def test_it_is_applied_when_the_device_follows(self):
        make = made({"power": PointSettings(poll=Duration(60))}, power_setpoint=self.VERIFIED)
        async with at_work(make, power=0.0) as stage:
            await pass_s(1)
            stage.device.offer(wanted(500.0))
            await pass_s(1.8)
            assert stage.news(Applied, Refused) == []
            stage.hardware.values["power"] = 490.0
            await pass_s(0.5)
            assert stage.news(Applied, Refused) == [Applied(wanted(500.0))]

    async def test_it_is_refused_when_the_device_only_says_yes(self):
        make = made({"power": PointSettings(poll=Duration(60))}, power_setpoint=self.VERIFIED)
        async with at_work(make, power=0.0) as stage:
            await pass_s(1)
            stage.device.offer(wanted(500.0))
            await pass_s(10)
            why = "the device did not follow: power is 0.0 instead of 500.0"
            assert stage.news(Applied, Refused) == [Refused(wanted(500.0), why)]

    async def test_what_did_not_help_is_done_again_as_a_whole(self):
        make = made({"power": PointSettings(poll=Duration(60))}, power_setpoint=self.VERIFIED)
        async with at_work(make, power=0.0) as stage:
            for _ in range(2):
                stage.device.offer(wanted(500.0))
                await pass_s(10)
            assert stage.written() == [("forced", 500.0), ("forced", 500.0)]

    async def test_a_computed_value_can_show_it(self):
        make = DeviceMap(
            points=POINTS | {"raw": PointSettings(poll="never")},
            computed={"power": Computed(value=E("-raw"))},
            commands={"power_setpoint": self.VERIFIED},
        )
        async with at_work(make, raw=-505.0) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(1)
            assert stage.news() == [
                Measured((Reading("raw", -505.0), Reading("power", 505.0))),
                Applied(wanted(500.0)),
            ]

    async def test_what_cannot_be_read_is_not_followed(self):
        make = made({"power": PointSettings(poll="never")}, power_setpoint=self.VERIFIED)
        async with at_work(make, power=Reading("power", None, detail="no idea")) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(10)
            why = "the device did not follow: power is unknown instead of 500.0"
            assert stage.news(Applied, Refused) == [Refused(wanted(500.0), why)]


class TestRelease:
    async def test_it_gives_control_back(self):
        refreshed = Command(steps=FORCED.steps, release=FORCED.release, refresh_s=Duration(20))
        async with at_work(made(power_setpoint=refreshed)) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(2)
            stage.written()
            stage.device.offer(wanted(RELEASE))
            await pass_s(600)
            assert stage.written() == [("direction", "stop"), ("mode", 0)]
            assert stage.news() == [Applied(wanted(500.0)), Applied(wanted(RELEASE))]

    async def test_who_has_control_back_may_change_everything(self):
        async with at_work(made(power_setpoint=FORCED)) as stage:
            for value in (500.0, RELEASE, 500.0):
                stage.device.offer(wanted(value))
                await pass_s(2)
            assert [point for point, _ in stage.written()] == [
                *("mode", "direction", "forced"),
                *("direction", "mode"),
                *("mode", "direction", "forced"),
            ]

    async def test_a_point_without_such_a_command_cannot_be_released(self):
        async with at_work(POINTS) as stage:
            stage.device.offer(wanted(RELEASE, "forced"))
            await pass_s(1)
            why = "the device cannot take control back: its command has no `release`"
            assert stage.news() == [Refused(wanted(RELEASE, "forced"), why)]


class TestPace:
    async def test_the_newest_value_waits_for_its_interval(self):
        paced = Command(steps=(write(forced="value"),), interval_s=Duration(5))
        async with at_work(made(power_setpoint=paced)) as stage:
            for value in (1.0, 2.0, 3.0):
                stage.device.offer(wanted(value))
                await pass_s(0.5)
            assert stage.news() == [Applied(wanted(1.0))]
            await pass_s(10)
            assert stage.hardware.writes == [(about(0), "forced", 1.0), (about(5), "forced", 3.0)]
            assert stage.news() == [Applied(wanted(3.0))]

    async def test_a_switching_waits_longer_and_a_release_not_at_all(self):
        paced = Command(steps=(write(forced="value"),), dwell_s=Duration(30), release=(write(mode="0"),))
        async with at_work(made(power_setpoint=paced)) as stage:
            for value in (100.0, -100.0, -200.0, 50.0):
                stage.device.offer(wanted(value))
                await pass_s(5)
            assert stage.written() == [("forced", 100.0), ("forced", -100.0), ("forced", -200.0)]
            stage.device.offer(wanted(RELEASE))
            await pass_s(1)
            assert stage.written() == [("mode", 0)]
            stage.device.offer(wanted(-1.0))
            await pass_s(13)
            assert stage.written() == []
            await pass_s(2)
            assert stage.written() == [("forced", -1.0)]

    async def test_a_small_change_counts_as_done(self):
        calm = Command(steps=(write(forced="value"),), deadband=50)
        async with at_work(made(power_setpoint=calm)) as stage:
            for value in (500.0, 540.0, 560.0, 0.0):
                stage.device.offer(wanted(value))
                await pass_s(1)
            assert stage.written() == [("forced", 500.0), ("forced", 560.0), ("forced", 0.0)]
            assert [event.setpoint.value for event in stage.news(Applied)] == [500.0, 540.0, 560.0, 0.0]

    async def test_a_plain_point_can_have_a_deadband_and_an_interval_too(self):
        calm = PointSettings(access="write", unit="kW", deadband=0.05, interval=Duration(5))
        async with at_work({"limit": calm}) as stage:
            for value in (500.0, 540.0, 600.0, 700.0):
                stage.device.offer(wanted(value, "limit"))
                await pass_s(1)
            await pass_s(5)
            assert stage.hardware.writes == [(about(0), "limit", 500.0), (about(5), "limit", 700.0)]


class TestRefresh:
    async def test_everything_is_done_again_on_time_and_nobody_is_told(self):
        refreshed = Command(steps=FORCED.steps, refresh_s=Duration(20))
        async with at_work(made(power_setpoint=refreshed)) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(60)
            times = [at for at, point, _ in stage.hardware.writes if point == "forced"]
            assert times == [about(1), about(22), about(43)]
            assert stage.news() == [Applied(wanted(500.0))]
            assert (stage.device.tally.commands, stage.device.tally.refreshes) == (1, 2)

    async def test_it_is_a_sign_of_life(self):
        alive = Command(steps=(write(forced="value"), Step(life={"mode": "1..3"})), refresh_s=Duration(5))
        async with at_work(made(power_setpoint=alive)) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(17)
            assert [value for point, value in stage.written() if point == "mode"] == [1, 2, 3, 1]

    async def test_it_closes_a_loop_with_fresh_readings(self):
        closed = Command(steps=(write(forced="value - grid"),), refresh_s=Duration(2))
        points = {"grid": PointSettings(poll=Duration(60))}
        async with at_work(made(points, power_setpoint=closed), poll_s=60.0, grid=100.0) as stage:
            await pass_s(1)
            stage.device.offer(wanted(500.0))
            await pass_s(0.1)
            stage.hardware.values["grid"] = 250.0
            await pass_s(2.5)
            assert stage.written() == [("forced", 400.0), ("forced", 250.0)]
            stage.news()
            stage.hardware.values["grid"] = 300.0
            await pass_s(2)
            assert stage.news() == [Measured((Reading("grid", 300.0),))]

    async def test_none_keeps_the_device_from_being_read(self):
        one = Command(steps=(write(forced="value"), wait(1)), refresh_s=Duration(0.1))
        other = Command(steps=(write(mode="value"), wait(1)), refresh_s=Duration(0.1))
        make = made({"power": PointSettings()}, power_setpoint=one, boost=other)
        async with at_work(make, poll_s=2.0, power=5.0) as stage:
            stage.device.offer(wanted(500.0))
            stage.device.offer(wanted(1, "boost"))
            await pass_s(20)
            assert len(stage.hardware.reads) >= 8

    async def test_what_is_read_for_it_does_not_put_off_the_next_poll(self):
        closed = Command(
            steps=(write(forced="value - grid"),),
            refresh_s=Duration(2),
            allowed=Allowed(if_=E("grid < 200"), else_="enough"),
        )
        make = made({"grid": PointSettings()}, power_setpoint=closed)
        async with at_work(make, poll_s=60.0, grid=100.0) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(100)
            stage.hardware.values["grid"] = 300.0
            await pass_s(3)
            stage.news()
            await pass_s(60)
            assert stage.news() == [Measured((Reading("grid", 300.0),))]

    async def test_the_interlock_holds_for_it_too(self):
        guarded = Command(
            steps=(write(forced="value"),), allowed=Allowed(if_=E("ess == 0"), else_="no"), refresh_s=Duration(5)
        )
        async with at_work(made({"ess": PointSettings()}, power_setpoint=guarded), ess=0) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(1)
            stage.hardware.values["ess"] = 1
            stage.news()
            await pass_s(60)
            assert stage.news(Applied, Refused) == [Refused(wanted(500.0), "no")]
            assert stage.written() == [("forced", 500.0)]

    @pytest.mark.parametrize(("timeout_s", "forgotten_at"), [(Duration(60), 60), (E("watchdog"), 60), (None, None)])
    async def test_refused_it_is_tried_again_and_whoever_wants_it_hears_of_that_once(self, timeout_s, forgotten_at):
        refreshed = Command(steps=(write(forced="value"),), refresh_s=Duration(20), timeout=timeout_s)
        async with at_work(made({"watchdog": NEVER}, power_setpoint=refreshed), watchdog=60.0) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(1)
            stage.hardware.refusals["forced"] = DeviceRefused("exception 4")
            await pass_s(45)
            order = wanted(500.0)
            undone = Undone(order, "exception 4", UndoneBy.REFUSED_REFRESH, forgotten_at=forgotten_at)
            assert stage.news(Applied, Refused, Undone) == [Applied(order), undone]
            del stage.hardware.refusals["forced"]
            await pass_s(60)
            assert stage.news(Applied, Refused, Undone) == [Applied(order)]
            times = [at for at, _, _ in stage.hardware.writes]
            assert times == [about(at) for at in (0, 20, 21, 23, 27, 35, 51, 71, 91)]
            assert stage.device.tally.refreshes == 3

    async def test_refused_it_gives_way_to_what_is_safe(self):
        refreshed = Command(steps=(write(forced="value"),), refresh_s=Duration(20))
        async with at_work(made(power_setpoint=refreshed)) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(1)
            stage.hardware.refusals["forced"] = DeviceRefused("exception 4")
            await pass_s(29)
            del stage.hardware.refusals["forced"]
            stage.news()
            rest = Setpoint("power_setpoint", 0.0, "aborted", is_safe=True)
            stage.device.offer(rest)
            await pass_s(40)
            assert stage.news(Applied, Refused, Undone) == [Applied(rest)]
            assert stage.written()[-2:] == [("forced", 0.0), ("forced", 0.0)]

    async def test_a_device_that_forgets_too_soon_is_warned_about_once(self):
        watched = Command(steps=(write(forced="value"),), refresh_s=Duration(20), timeout=E("watchdog"))
        async with at_work(made({"watchdog": NEVER}, power_setpoint=watched), watchdog=60.0) as stage:
            stage.device.offer(wanted(500.0))
            await pass_s(30)
            assert stage.log.events() == []
            stage.hardware.values["watchdog"] = 30.0
            await pass_s(100)
            assert stage.log.events() == ["watchdog.endangered"]
            facts = {"point": "power_setpoint", "timeout_s": 30.0, "refresh_s": 20.0}
            assert facts.items() <= stage.log.lines[-1].items()


async def test_a_new_command_goes_before_a_refresh_that_is_due_at_the_same_time():
    first = Command(steps=(write(mode="value"),), refresh_s=Duration(10))
    make = made(boost=first, power_setpoint=Command(steps=(write(forced="value"), wait(4))))
    async with at_work(make) as stage:
        stage.device.offer(wanted(1, "boost"))
        await pass_s(8)
        stage.device.offer(wanted(500.0))  # busy until 12, when the refresh has been due since 10
        await pass_s(1)
        stage.device.offer(wanted(600.0))
        await pass_s(9)
        assert stage.hardware.writes == [
            (about(0), "mode", 1),
            (about(8), "forced", 500.0),
            (about(12), "forced", 600.0),
            (about(16), "mode", 1),
        ]
