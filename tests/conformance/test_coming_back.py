"""Who comes back after what: a lost CEM, one that hangs, and one that selects, refuses or sends elsewhere."""

import pytest

from tests.fakes import pass_s

from .plants import home_battery
from .rows import House, Peer, Published, row
from .test_session import AHEAD_S, in_virtual_time, now_s, patient_battery
from .wire import FRBC, NOT_CONTROLABLE

IN_CHARGE = House("who is in charge")
AFTER_S = 2.0
NOTICED_WITHIN_S = 25.0
SLACK_S = 1.0
QUIET_S = 600.0
SELECTS_WITHIN_S = 30.0
RETRY_AFTER_S = 120.0
YOUNG_DEATHS_WITHIN_S = 600.0
MOST_YOUNG_DEATHS = 60


@row(
    "BACK-1",
    "sessions that select and order nothing keep an order of one before them for its time once, not for ever",
    source=IN_CHARGE,
    by=["plain"],
)
async def test_selects_only(own):
    plant = home_battery(fallback_after_s=AHEAD_S)
    async with own.cem(plant) as cem:
        rm = await own.ordered(cem)
        for _ in range(2):
            rm.break_off()
            rm = await own.joined(cem, FRBC)
            assert await rm.active_mode(rm.machine()) == rm.mode("charge")
            assert plant.written("power_setpoint") == [0, 5000]
            plant.passes(AHEAD_S / 2)
        await plant.has_written("power_setpoint", 0, 5000, 0)
        await rm.expect("FRBC.ActuatorStatus", active_operation_mode_id=rm.mode("idle"))
        await rm.is_well()


@in_virtual_time
@row("BACK-2", "a session that orders is in charge for as long as it lasts", source=IN_CHARGE, by=["plain"])
async def test_orders_again(own):
    plant = patient_battery(fallback_after_s=AHEAD_S)
    async with own.cem(plant) as cem:
        cem.joins_within_s = 3600.0
        (await own.ordered(cem)).break_off()
        rm = await own.joined(cem, FRBC)
        assert (await rm.fate_of(await rm.instruct(rm.mode("charge"), 0.5)))[-1] == "SUCCEEDED"
        await pass_s(QUIET_S)
        assert plant.written("power_setpoint") == [0, 5000, 2500]
        await rm.is_well()


@in_virtual_time
@pytest.mark.parametrize("is_ponging", [True, False], ids=["application", "host"])
@row(
    "BACK-3",
    "a CEM that hangs is noticed within half a minute, and the device is not left alone with its order",
    source=House("silence"),
    by=["plain"],
)
async def test_hung(own, is_ponging):
    plant = patient_battery(fallback_after_s=AFTER_S)
    async with own.cem(plant) as cem:
        rm = await own.ordered(cem)
        cem.turns_away_with = 503
        since_s = now_s()
        if is_ponging:
            rm.answers_to = lambda message: ()
            await plant.has_logged("session.hung", 3600.0)
        else:
            with rm.not_reading():
                await plant.has_logged("session.hung", 3600.0)
        assert now_s() - since_s <= NOTICED_WITHIN_S + SLACK_S
        await plant.has_written("power_setpoint", 0, 5000, 0)
        assert now_s() - since_s <= NOTICED_WITHIN_S + SLACK_S


@in_virtual_time
@row(
    "BACK-4",
    "a CEM that says nothing but answers is there: what it ordered stays in force",
    source=House("silence"),
    by=["plain"],
)
async def test_silent_and_well(own):
    plant = patient_battery(fallback_after_s=AFTER_S)
    async with own.cem(plant) as cem:
        rm = await own.ordered(cem)
        await pass_s(QUIET_S)
        assert plant.written("power_setpoint") == [0, 5000]
        await rm.is_well()


@row(
    "BACK-5",
    "a CEM that selects nothing of what is offered later is asked to reconnect, once, and finds it offered first",
    source=Peer("FlexMeasures client"),
    by=["plain", "flexmeasures"],
)
async def test_offered_later(own):
    plant = home_battery()
    plant.is_lost()
    async with own.cem(plant) as cem:
        rm = await cem.joined()
        assert (await rm.negotiate())["available_control_types"] == [NOT_CONTROLABLE]
        plant.is_back()
        assert (await rm.expect("ResourceManagerDetails"))["available_control_types"] == [FRBC]
        plant.passes(SELECTS_WITHIN_S)
        await rm.expect("SessionRequest", request="RECONNECT")
        await rm.has_ended()
        rm = await cem.joined()
        assert (await rm.negotiate())["available_control_types"] == [FRBC]
        plant.passes(2 * SELECTS_WITHIN_S)
        await rm.take_charge(FRBC)
        assert plant.log.events().count("offer.unanswered") == 1


@in_virtual_time
@row(
    "BACK-6",
    "a CEM that fails each session soon is called ever less often, and once it is said by which message it fails",
    source=Peer("peers", "that fail on what they do not know"),
    by=["plain"],
)
async def test_young_deaths(own):
    plant = patient_battery()
    async with own.cem(plant) as cem:
        cem.joins_within_s = 3600.0
        until_s = now_s() + YOUNG_DEATHS_WITHIN_S
        while now_s() < until_s:
            rm = await cem.joined()
            await rm.negotiate()
            rm.break_off()
        assert len(cem.rms.all) <= MOST_YOUNG_DEATHS
        (told,) = [line for line in plant.log.lines if line["event"] == "session.failed"]
        assert told["message_type"] == "ResourceManagerDetails"
        assert told["message_id"] == cem.rms.all[0].details["message_id"]


@in_virtual_time
@pytest.mark.parametrize("status", [401, 403, 503])
@row(
    "BACK-7",
    "who is told when to come again does not come before, also where no token is good",
    source=Published("RFC 9110", "section 10.2.3"),
    by=["plain"],
)
async def test_retry_after(own, status):
    async with own.cem(patient_battery(), turns_away_with=status) as cem:
        cem.turning_away_says = {"Retry-After": f"{RETRY_AFTER_S:g}"}
        await cem.requests.next(within_s=3600.0)
        while len(cem.requests.all) < 3:
            since_s, met = now_s(), len(cem.requests.all)
            await cem.requests.until(lambda tried, met=met: len(tried) > met, "another try", 3600.0)
            assert RETRY_AFTER_S - SLACK_S <= now_s() - since_s <= 2 * RETRY_AFTER_S


@in_virtual_time
@row(
    "BACK-8",
    "each reason why there is no session is told once, whichever came before, and again after a session",
    source=House("what is told of a CEM that is away"),
    by=["plain"],
)
async def test_reasons(own):
    plant = patient_battery()
    async with own.cem(plant, turns_away_with=503) as cem:
        cem.joins_within_s = 3600.0
        for status in (503, 401, 503, 401):
            cem.turns_away_with = status
            met = len(cem.requests.all)
            await cem.requests.until(lambda tried, met=met: len(tried) > met + 1, "two tries", 3600.0)
        told = [event for event in plant.log.events() if event in ("link.lost", "link.denied")]
        assert told == ["link.lost", "link.denied"]
        cem.turns_away_with = None
        rm = await cem.joined()
        await rm.negotiate()
        cem.turns_away_with = 401
        rm.break_off()
        await plant.log.told.until(lambda _: plant.log.events().count("link.denied") > 1, "it told again", 3600.0)


@in_virtual_time
@pytest.mark.parametrize("scheme", ["ws", "http"])
@row(
    "BACK-9",
    "who is sent elsewhere goes there within the same origin, also if http stands for ws, and nowhere else",
    source=House("whom an owner named"),
    by=["plain"],
)
async def test_sent_elsewhere(own, scheme):
    plant = patient_battery()
    async with own.cem(plant, turns_away_with=307) as cem:
        cem.joins_within_s = 3600.0
        cem.turning_away_says = {"Location": f"{scheme}://127.0.0.2:{cem.port}/there"}
        await plant.has_logged("link.denied", 3600.0)
        cem.turning_away_says = {"Location": f"{scheme}://127.0.0.1:{cem.port}/there"}
        await cem.requests.next(lambda each: each.path == "/there", within_s=3600.0)
        cem.turns_away_with = None
        await (await cem.joined()).negotiate()
