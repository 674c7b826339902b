"""How the RM introduces itself."""

from s2d.values import Quality, Reading
from tests.core.stage import FRBC as OUR_FRBC

from .plants import home_battery, pump_with_tank
from .rm import versions_of
from .rows import House, Peer, leading_there, row
from .wire import FRBC, NO_SELECTION, NOT_CONTROLABLE, OMBC

TAKES_S = 30.0


@row(
    "DETAILS-1",
    "the details come by themselves within 5 s of the HandshakeResponse",
    source=Peer("certification tool", "9.2.1"),
)
async def test_details(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        await rm.expect("Handshake")
        version = bench.profile.version_of(versions_of(rm.told("Handshake")[0]))
        await rm.must_take("HandshakeResponse", selected_protocol_version=version)
        details = await rm.expect("ResourceManagerDetails", within_s=rm.answers_within_s)
        assert details["available_control_types"]
        assert details["roles"]


@row("DETAILS-2", "a resource keeps its id from session to session", source=House("ResourceManagerDetails.resource_id"))
async def test_resource_id(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        with leading_there("it introduces itself twice"):
            first = await rm.negotiate()
            await rm.reconnect()
            again = await (await cem.joined()).negotiate()
        assert again["resource_id"] == first["resource_id"]


@row(
    "DETAILS-3",
    "NO_SELECTION is never among the control types offered, and none stands twice",
    source=House("ControlType"),
)
async def test_no_selection(bench):
    async with bench.negotiated() as rm:
        offered = rm.details["available_control_types"]
        assert NO_SELECTION not in offered
        assert len(offered) == len(set(offered))


@row(
    "DETAILS-4",
    "while its device is unknown an RM offers no control, and says so again once it is known",
    source=Peer("peers"),
)
async def test_more_is_offered_later(own):
    plant = home_battery()
    plant.is_lost()
    async with own.negotiated(plant) as rm:
        assert rm.details["available_control_types"] == [NOT_CONTROLABLE]
        await rm.must_take("SelectControlType", control_type=NOT_CONTROLABLE)
        plant.is_back()
        assert (await rm.expect("ResourceManagerDetails"))["available_control_types"] == [FRBC]
        await rm.take_charge(FRBC)


@row(
    "DETAILS-5",
    "the owner may limit what is offered, and an RM left with nothing offers NOT_CONTROLABLE",
    source=Peer("certification tool"),
)
async def test_limited_offer(own):
    async with own.negotiated(pump_with_tank(control_types=(OUR_FRBC,))) as rm:
        assert await rm.is_offering(FRBC)
        assert rm.details["available_control_types"] == [FRBC]
        assert (await rm.tell("SelectControlType", control_type=OMBC))["status"] == "INVALID_CONTENT"
    async with own.negotiated(home_battery(control_types=())) as rm:
        assert rm.details["available_control_types"] == [NOT_CONTROLABLE]


@row("DETAILS-6", "under NOT_CONTROLABLE power is measured, and nothing else is told", source=House("NOT_CONTROLABLE"))
async def test_not_controllable(own):
    plant = home_battery()
    async with own.negotiated(plant) as rm:
        await rm.is_offering(FRBC)
        await rm.select(NOT_CONTROLABLE)
        await rm.expect("PowerMeasurement")
        plant.shows(power=1000.0)
        values = [{"commodity_quantity": "ELECTRIC.POWER.L1", "value": 1000.0}]
        await rm.expect("PowerMeasurement", values=values)
        kinds = {each["message_type"] for each in rm.heard.all[rm.heard.all.index(rm.details) + 1 :]}
        walked = {"FRBC.SystemDescription", "FRBC.StorageStatus", "FRBC.ActuatorStatus"} if rm.profile.walks else set()
        assert kinds <= {"PowerMeasurement"} | walked


@row("DETAILS-7", "power that cannot be read is not told, and is told again once it can", source=Peer("peers"))
async def test_unknown_power(own):
    plant = home_battery()
    async with own.negotiated(plant) as rm:
        await rm.is_offering(FRBC)
        plant.shows(power=Reading("power", None, Quality.BAD, "a sentinel"), soc=51.0)
        await rm.take_charge(FRBC)
        plant.shows(power=300.0)
        await rm.expect("PowerMeasurement", values=[{"commodity_quantity": "ELECTRIC.POWER.L1", "value": 300.0}])
        told = [each["values"][0]["value"] for each in rm.told("PowerMeasurement")]
        assert set(told) <= {0.0, 300.0}


@row(
    "DETAILS-8",
    "the processing delay is the one timed last, as the next introduction tells",
    source=House("ResourceManagerDetails.instruction_processing_delay"),
    by=["plain"],
)
async def test_processing_delay(own):
    plant = home_battery()
    async with own.cem(plant) as cem:
        rm = await cem.joined()
        expected = await rm.negotiate()
        assert expected["instruction_processing_delay"] < 1000 * TAKES_S
        await own.select(rm, FRBC)
        await plant.waits()
        order = await rm.instruct(rm.mode("charge"), 1.0)
        await rm.reached(order, "STARTED")
        plant.passes(TAKES_S)
        plant.waits_no_more()
        assert (await rm.fate_of(order))[-1] == "SUCCEEDED"
        await rm.must_take("SessionRequest", request="RECONNECT")
        timed = await (await cem.joined()).negotiate()
        assert TAKES_S <= timed["instruction_processing_delay"] / 1000 < 2 * TAKES_S
