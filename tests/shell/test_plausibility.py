"""What a device says that cannot be, or not so soon: limits, changes too fast, text for numbers. Time is virtual."""

from functools import partial
from math import inf, nan

import pytest

from s2d.device.computed import Computed
from s2d.device.device_map import DeviceMap, Nameplate, Variant
from s2d.device.expression import Expression
from s2d.device.plausibility import PlausibilityCheck
from s2d.driver import PointSettings
from s2d.events import Applied, Lost, Measured
from s2d.quantities import Duration, Energy, Power
from s2d.rm.kinds.battery import KIND, BatterySettings
from s2d.values import Quality, Reading, Setpoint
from tests.fakes import FakeLog, pass_s
from tests.shell.device_stage import at_work

pytestmark = pytest.mark.virtual_time

E = Expression.parse
SETTINGS = BatterySettings(
    capacity_wh=Energy(10_000), max_charge_power_w=Power(5000), max_discharge_power_w=Power(4000)
)
SOC = PointSettings(unit="%")
POWER = PointSettings(unit="W")


class WithSentinel(PointSettings, frozen=True, kw_only=True):
    """A point of a driver that knows values which stand for none."""

    sentinel: int | None = None


def battery(nameplate=None, computed=None, **points):
    """The map of a battery with a capacity of 10 kWh, to be read every 2 s."""
    plate = Nameplate(power=nameplate)
    return DeviceMap(
        points=points or {"soc": SOC},
        computed=computed or {},
        nameplate=plate,
        plausible=partial(KIND.plausible, SETTINGS),
    )


async def said(make, **values):
    """The readings that a device of *make* gives when it says *values*, and the log."""
    async with at_work(make, poll_s=2.0, **values) as stage:
        await pass_s(1)
        readings = {each.point: each for event in stage.told for each in event.readings}
        return readings, [(each["event"], each["reason"]) for each in stage.log.lines]


def known(stage):
    """What expressions of the device may use."""
    assert stage.device.latest
    return stage.device.latest.values


class TestLimits:
    """What a point can be at all."""

    @pytest.mark.parametrize(
        ("soc", "is_told_as"), [(0, 0), (55.5, 55.5), (100, 100), (100.6, 100), (101, 100), (-1, 0), (-0.2, 0)]
    )
    async def test_what_is_hardly_beyond_is_taken_for_full_or_empty(self, soc, is_told_as):
        assert await said(battery(), soc=soc) == ({"soc": Reading("soc", is_told_as)}, [])

    @pytest.mark.parametrize(
        ("soc", "hint"),
        [
            (500, "(raw value 500); is a `scale` missing, `scale: 0.1`?"),
            (2500, "(raw value 2500); is a `scale` missing, `scale: 0.01`?"),
            (1e7, "(raw value 10000000)"),
            (-5, "(raw value -5)"),
            (101.5, "(raw value 101.5); is a `scale` missing, `scale: 0.1`?"),
        ],
    )
    async def test_an_impossible_state_of_charge_is_dropped_with_its_raw_value_and_a_hint(self, soc, hint):
        readings, log = await said(battery(), soc=soc)
        what = f"{soc:g} % is outside 0 .. 100, which is all that soc can be {hint}"
        assert (readings, log) == ({}, [("reading.rejected", what)])

    @pytest.mark.parametrize("raw", [255, 65535, 32767, -32768, 2**32 - 1])
    async def test_what_looks_like_no_value_is_asked_about_where_the_driver_knows_such(self, raw):
        _, [(_, reason)] = await said(battery(soc=WithSentinel(unit="%")), soc=raw)
        assert reason.endswith(f"(raw value {raw}); does it say so that it has none, `sentinel: {raw}`?")

    async def test_the_scale_that_is_hinted_at_comes_on_top_of_the_one_there_is(self):
        scaled = PointSettings(unit="%", scale=10)
        _, [(_, reason)] = await said(battery(soc=scaled), soc=550.0)
        assert "raw value 55); is a `scale` missing, `scale: 1`?" in reason

    async def test_min_and_max_of_the_owner_go_before(self):
        wide = PointSettings(unit="%", min=-10, max=120)
        assert await said(battery(soc=wide), soc=112.0) == ({"soc": Reading("soc", 112.0)}, [])
        assert await said(battery(soc=wide), soc=-8.0) == ({"soc": Reading("soc", -8.0)}, [])
        narrow = PointSettings(unit="kW", max=3.0)
        readings, [(event, reason)] = await said(battery(power=narrow), power=9000.0)
        assert (readings, event) == ({}, "reading.rejected")
        assert reason.startswith("9 kW is outside -100 .. 3, which is all that power can be")

    @pytest.mark.parametrize("power", ["power", "power_l1", "power_l2", "power_l3"])
    async def test_without_a_nameplate_power_is_up_to_100_kw(self, power):
        make = battery(**{power: POWER})
        readings, _ = await said(make, **{power: -99_000.0})
        assert readings[power].value == -99_000
        assert (await said(make, **{power: 101_000.0}))[0] == {}

    @pytest.mark.parametrize("nameplate", [Power(6000), E("rated"), E("2 * rated / 2")])
    async def test_with_a_nameplate_it_is_up_to_half_as_much_again_whatever_the_owner_allows(self, nameplate):
        rated = PointSettings(unit="W", poll="once")
        make = battery(nameplate, power=POWER, **({} if isinstance(nameplate, Power) else {"rated": rated}))
        values = {} if isinstance(nameplate, Power) else {"rated": 6000}
        async with at_work(make, poll_s=2.0, power=8900.0, **values) as stage:
            await pass_s(1)
            assert Reading("power", 8900.0) in stage.news(Measured)[-1].readings
            stage.hardware.values["power"] = 9100.0
            await pass_s(3)
            assert stage.news(Measured) == []

    async def test_more_than_the_owner_allows_is_believed_and_noted_once(self):
        async with at_work(battery(Power(12_000), power=POWER), poll_s=2.0, power=7000.0) as stage:
            await pass_s(3)
            assert stage.log.lines == []
            for power in (7600.0, -6100.0, 7600.0):
                stage.hardware.values["power"] = power
                await pass_s(2)
            assert [each.readings[0].value for each in stage.news(Measured)] == [7000, 7000, 7600, -6100, 7600]
            reason = "7600 W is believed, though no more than -6000 .. 7500 is expected"
            assert [(each["event"], each["reason"]) for each in stage.log.lines] == [("reading.unusual", reason)]

    async def test_what_was_good_holds_until_it_is_too_old(self):
        async with at_work(battery(), poll_s=2.0, soc=55.0) as stage:
            await pass_s(1)
            stage.hardware.values["soc"] = 2500.0
            stage.news()
            await pass_s(12)
            assert stage.news() == [Measured((Reading("soc", None, Quality.BAD, "no good value for 12 s"),))]

    async def test_a_computed_value_has_the_same_limits(self):
        make = battery(computed={"soc": Computed(value=E("raw / 10"))}, raw=PointSettings())
        readings, [(event, reason)] = await said(make, raw=2500)
        assert ("soc" in readings, event) == (False, "reading.rejected")
        assert reason == "250 is outside 0 .. 100, which is all that soc can be"

    @pytest.mark.parametrize("sentinel", [-3276.8, 3276.7, 6553.5])
    async def test_no_temperature_is_that_of_a_sentinel(self, sentinel):
        make = battery(temperature=PointSettings(unit="°C", scale=0.1))
        assert await said(make, temperature=21.5) == ({"temperature": Reading("temperature", 21.5)}, [])
        readings, [(event, _)] = await said(make, temperature=sentinel)
        assert (readings, event) == ({}, "reading.rejected")


class TestNumbers:
    """What has a unit is a number."""

    @pytest.mark.parametrize("text", ["12.5", " 12.5 ", "1.25e1", "+12.5"])
    async def test_text_that_is_one_is_converted_as_a_number_is(self, text):
        make = battery(power=PointSettings(unit="kW", scale=2, offset=1, invert=True))
        assert (await said(make, power=text))[0] == {"power": Reading("power", -24_000.0)}

    @pytest.mark.parametrize(
        "text", ["hello", "", "12,5", "nan", "inf", "1_000", "１２", "0x10", "12.5 W", True, False]
    )
    async def test_nothing_else_is(self, text):
        readings, log = await said(battery(power=POWER), power=text)
        assert (readings, log) == ({}, [("reading.rejected", f"{text!r} is no number of W")])

    async def test_text_has_limits_as_numbers_have(self):
        readings, [(event, reason)] = await said(battery(), soc="2500")
        assert (readings, event) == ({}, "reading.rejected")
        assert reason.startswith("2500 % is outside 0 .. 100")

    @pytest.mark.parametrize("number", [nan, inf, -inf])
    async def test_no_measurement_is_infinite(self, number):
        assert (await said(battery(voltage=PointSettings(unit="V")), voltage=number))[0] == {}
        assert (await said(battery(), soc=number))[0] == {}

    async def test_no_number_is_as_long_as_a_novel(self):
        readings, [(_, reason)] = await said(battery(power=POWER), power="0" * 10_000)
        assert (readings, reason) == ({}, f"{'0' * 64!r} is no number of W")

    async def test_what_is_computed_with_a_unit_is_one_too(self):
        computed = {"power": Computed(value=E("state"), unit="W"), "soc": Computed(value=E("state == 'on'"))}
        readings, log = await said(battery(computed=computed, state=PointSettings()), state="on")
        assert readings.keys() == {"state"}
        assert {reason for _, reason in log} == {"'on' is no number of W", "True is no number"}

    async def test_what_has_no_unit_may_be_text_or_a_switch(self):
        make = battery(status=PointSettings(), is_on=PointSettings(invert=True))
        readings, _ = await said(make, status="12.5", is_on=True)
        assert readings == {"status": Reading("status", "12.5"), "is_on": Reading("is_on", True)}


class TestChanges:
    """What a point can be, but not so soon after the last."""

    async def test_an_outlier_is_held_back_and_what_was_there_keeps_its_instant(self):
        async with at_work(battery(), poll_s=2.0, soc=55.0) as stage:
            await pass_s(1)
            stage.hardware.values["soc"] = 0.0
            await pass_s(4)
            stage.hardware.values["soc"] = 55.0
            await pass_s(2)
            readings = [reading for event in stage.dated for reading in event.readings]
            assert [(each.value, each.quality, each.at) for each in readings] == [
                (55.0, "good", 0.0),
                (0.0, "doubtful", 2.0),
                (0.0, "doubtful", 4.0),
                (55.0, "good", 6.0),
            ]
            assert known(stage)["soc"] == 55.0
            [line] = stage.log.lines
            assert (line["event"], line["reason"]) == (
                "reading.doubted",
                "went from 55 to 0 % within 2 s, which is too soon to be believed at once",
            )

    async def test_what_lasts_is_believed_at_the_fourth_reading_and_told_once(self):
        async with at_work(battery(), poll_s=2.0, soc=20.0) as stage:
            await pass_s(1)
            stage.hardware.values["soc"] = 100.0
            await pass_s(30)
            qualities = [event.readings[0].quality for event in stage.told]
            assert qualities == ["good", *["doubtful"] * 3, *["good"] * 12]
            assert stage.log.events() == ["reading.doubted", "reading.believed"]
            believed = "went from 20 to 100 % within 8 s, and stays there for 6 s by now"
            assert stage.log.lines[-1]["reason"] == believed

    @pytest.mark.parametrize(
        ("poll_s", "max_age_s", "held_back"),
        [
            (2.0, None, 3),
            (1.0, None, 3),
            (2.0, 3600.0, 3),
            (2.0, 7.0, 2),  # half of it is over
            (10.0, None, 1),  # the next would come when the last good one is too old
        ],
    )
    async def test_nothing_is_held_back_for_longer_than_half_of_max_age(self, poll_s, max_age_s, held_back):
        aged = PointSettings(unit="%", max_age=max_age_s and Duration(max_age_s))
        async with at_work(battery(soc=aged), poll_s=poll_s, soc=20.0) as stage:
            await pass_s(poll_s / 2)
            stage.hardware.values["soc"] = 90.0
            await pass_s(8 * poll_s)
            qualities = [event.readings[0].quality for event in stage.told]
            assert qualities == ["good", *["doubtful"] * held_back, *["good"] * (8 - held_back)]

    async def test_several_outliers_do_not_add_up(self):
        async with at_work(battery(), poll_s=2.0, soc=55.0) as stage:
            await pass_s(1)
            for soc in (0.0, 0.0, 55.0, 0.0, 0.0, 0.0, 55.0):
                stage.hardware.values["soc"] = soc
                await pass_s(2)
            assert {event.readings[0].value for event in stage.told if event.readings[0].quality == "good"} == {55.0}

    def test_what_comes_unasked_is_held_back_for_half_of_max_age_at_most(self):
        log = FakeLog()
        check = PlausibilityCheck(battery(), log.logger)
        held = Reading("soc", 20.0, at=0.0, good_until=10.0)
        judged = [check.judged(Reading("soc", 90.0, at=at, good_until=at + 10), held).quality for at in (1.0, 4.3, 6.0)]
        assert judged == ["doubtful", "doubtful", "good"]

    async def test_noise_does_not_last_and_ends_in_the_unknown(self):
        async with at_work(battery(), poll_s=2.0, soc=50.0) as stage:
            await pass_s(1)
            told = []
            for soc in (0.0, 90.0, 20.0, 70.0, 10.0, 95.0):
                stage.hardware.values["soc"] = soc
                await pass_s(2)
                told += stage.news()
            assert [each.quality for event in told for each in event.readings].count("good") == 1
            assert Reading("soc", None, Quality.BAD, "no good value for 12 s") in told[-1].readings

    @pytest.mark.parametrize(
        ("nameplate", "minutes", "soc", "is_good"),
        [
            (None, 10, 80.0, True),  # 10 kW for 10 min, twice as fast, and 5 %: 38 %
            (None, 10, 10.0, False),
            (Power(20_000), 10, 10.0, True),
            (None, 0.0, 45.1, True),
            (None, 0.0, 44.8, False),
        ],
    )
    async def test_time_explains_what_the_nameplate_can_do_in_it_twice_over(self, nameplate, minutes, soc, is_good):
        async with at_work(battery(nameplate, soc=PointSettings(unit="%", max_age=Duration(7200))), soc=50.0) as stage:
            await pass_s(0.5)
            stage.hardware.values["soc"] = Reading("soc", None, Quality.BAD, "it is silent about that")
            await pass_s(60 * minutes)
            stage.hardware.values["soc"] = soc
            stage.news()
            await pass_s(1)
            assert stage.news()[0].readings[0].quality == ("good" if is_good else "doubtful")

    async def test_after_an_outage_that_was_too_long_anything_is_believed(self):
        async with at_work(battery(), poll_s=2.0, soc=50.0) as stage:
            await pass_s(1)
            stage.hardware.values["soc"] = 2500.0
            await pass_s(20)
            stage.hardware.values["soc"] = 5.0
            stage.news()
            await pass_s(2)
            assert stage.news() == [Measured((Reading("soc", 5.0),))]

    async def test_a_computed_state_of_charge_is_held_back_as_well(self):
        make = battery(computed={"soc": Computed(value=E("charge / 2"), unit="%")}, charge=PointSettings())
        async with at_work(make, poll_s=2.0, charge=110.0) as stage:
            await pass_s(1)
            stage.hardware.values["charge"] = 0.0
            stage.news()
            await pass_s(2)
            [event] = stage.news()
            assert [(each.point, each.value, each.quality) for each in event.readings] == [
                ("charge", 0.0, "good"),
                ("soc", 0.0, "doubtful"),
            ]

    async def test_power_may_change_at_once(self):
        async with at_work(battery(power=POWER), poll_s=2.0, power=-4000.0) as stage:
            await pass_s(1)
            stage.hardware.values["power"] = 5000.0
            await pass_s(2)
            assert [event.readings[0].quality for event in stage.told] == ["good", "good"]


class TestReadiness:
    """A device that shows zeros as it is not ready yet."""

    MAKE = DeviceMap(
        points={"soc": PointSettings(unit="%", poll=Duration(10)), "voltage": PointSettings(unit="V")},
        ready=E("voltage"),
    )

    async def test_nothing_is_believed_before_it_is_ready(self):
        async with at_work(self.MAKE, poll_s=2.0, soc=0.0, voltage=0.0) as stage:
            await pass_s(5)
            assert stage.news() == [Lost("it is not ready: voltage is 0.0")]
            stage.hardware.values |= {"soc": 55.0, "voltage": 51.2}
            await pass_s(2)
            voltage = Reading("voltage", 51.2)
            assert stage.news() == [Measured((voltage,)), Measured((Reading("soc", 55.0), voltage))]
            assert stage.log.events() == ["device.unavailable", "device.recovered"]

    async def test_zeros_in_between_are_an_absence(self):
        async with at_work(self.MAKE, poll_s=2.0, soc=55.0, voltage=51.2) as stage:
            await pass_s(9)
            stage.news()
            stage.hardware.values |= {"soc": 0.0, "voltage": 0.0}
            await pass_s(4)
            assert stage.news() == [Lost("it is not ready: voltage is 0.0")]
            assert known(stage)["soc"] == 55.0

    async def test_what_tells_it_is_read_along_however_seldom_it_is_read_else(self):
        points = {"soc": SOC, "serial": PointSettings(poll="once")}
        async with at_work(DeviceMap(points=points, ready=E("serial")), poll_s=2.0, soc=55.0, serial="A1") as stage:
            await pass_s(3)
            stage.hardware.values |= {"soc": 0.0, "serial": ""}
            stage.news()
            await pass_s(2)
            assert stage.news() == [Lost("it is not ready: serial is ''")]

    @pytest.mark.parametrize("is_persistent", [False, True])
    @pytest.mark.parametrize("shows", [False, True])
    async def test_it_is_brought_to_safety_all_the_same_once_and_nothing_else_is_ordered(self, is_persistent, shows):
        limit = PointSettings(access="read_write", poll="never", persistent=is_persistent)
        points = {**self.MAKE.points, "limit": limit, "mode": PointSettings(access="write")}
        taken = []

        async def take(values):
            taken.append(values)
            stage.hardware.values |= values
            return values if shows else {}

        async with at_work(DeviceMap(points=points, ready=E("voltage")), soc=55.0, voltage=51.2, limit=0.0) as stage:
            stage.hardware.take = take
            stage.device.offer(Setpoint("limit", 3000.0, "order"))
            await pass_s(3)
            stage.hardware.values["voltage"] = 0.0
            await pass_s(5)
            rest, mode = Setpoint("limit", 0.0, "fallback", is_safe=True), Setpoint("mode", 1.0, "order")
            stage.device.offer(rest)
            stage.device.offer(mode)
            await pass_s(600)
            assert taken == [{"limit": 3000.0}, {"limit": 0.0}]
            assert stage.log.events("warning") == ["device.unavailable"]
            stage.hardware.values["voltage"] = 51.2
            await pass_s(61)
            assert taken[2:] == [{"mode": 1.0}]
            assert {each.setpoint for each in stage.news(Applied)[1:]} == {rest, mode}

    async def test_which_variant_it_is_is_not_asked_before_it_is_ready(self):
        once = {"firmware": PointSettings(poll="once")}
        polled = {"soc": SOC, "voltage": PointSettings(unit="V")}
        old = DeviceMap(points=once | polled, ready=E("voltage"))
        new = Variant(E("firmware >= 2"), DeviceMap(points=once | polled | {"power": POWER}, ready=E("voltage")))
        values = {"firmware": 0, "soc": 0.0, "voltage": 0.0, "power": 100.0}
        async with at_work(old, variants=(new,), poll_s=2.0, **values) as stage:
            await pass_s(3)
            assert stage.news() == [Lost("it is not ready: voltage is 0.0")]
            stage.hardware.values |= {"firmware": 2, "soc": 50.0, "voltage": 51.0}
            await pass_s(3)
            assert known(stage) == {"firmware": 2, "soc": 50.0, "voltage": 51.0, "power": 100.0}

    async def test_what_is_unknown_keeps_nothing_back(self):
        make = DeviceMap(points={"soc": SOC, "voltage": PointSettings(optional=True)}, ready=E("voltage"))
        async with at_work(make, poll_s=2.0, soc=0.0, voltage=Reading("voltage", None, Quality.ABSENT)) as stage:
            await pass_s(1)
            assert stage.told == [Measured((Reading("soc", 0.0),))]
