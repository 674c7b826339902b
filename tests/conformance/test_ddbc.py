"""What only Demand Driven Based Control has."""

from .plants import hybrid
from .rows import row
from .wire import DDBC, DONE


@row(
    "DDBC-1",
    "the present demand is told: in the description up to 0.0.2-beta, by a message of its own since 1.0.0",
    source="S2 JSON, DDBC",
    by=["plain", "victron"],
)
async def test_present_demand(own):
    async with own.in_charge(DDBC, hybrid()) as rm:
        demand = {"start_of_range": 3000.0, "end_of_range": 3500.0}
        if own.profile.picks == "beta":
            assert rm.description["present_demand_rate"] == demand
            assert not rm.told("DDBC.PresentDemandStatus")
        else:
            assert "present_demand_rate" not in rm.description
            assert (await rm.expect("DDBC.PresentDemandStatus"))["present_demand_rate"] == demand


@row(
    "DDBC-2",
    "a forecast of demand is told if and only if it is announced, after the description",
    source="S2 JSON, DDBC",
    by=["plain"],
)
async def test_demand_forecast(own):
    async with own.in_charge(DDBC, hybrid(provides_forecast=True)) as rm:
        assert rm.description["provides_average_demand_rate_forecast"]
        await rm.expect("DDBC.AverageDemandRateForecast")
    async with own.in_charge(DDBC, hybrid()) as rm:
        assert await rm.fate_of(await rm.instruct("on")) == DONE
        assert not rm.told("DDBC.AverageDemandRateForecast")


@row(
    "DDBC-3",
    "two actuators are steered on their own, each with its instructions and timers",
    source="S2 JSON, DDBC",
    by=["plain"],
)
async def test_two_actuators(own):
    plant = hybrid()
    async with own.in_charge(DDBC, plant) as rm:
        pump = await rm.instruct("on", 1.0, of="pump")
        boiler = await rm.instruct("off", of="boiler")
        assert await rm.fate_of(pump) == DONE
        assert await rm.fate_of(boiler) == DONE
        assert await rm.fate_of(await rm.instruct("off", of="pump")) == ["REJECTED"]
        assert await rm.fate_of(await rm.instruct("on", 0.2, of="boiler")) == DONE
        await plant.has_written("boiler", "off 0", "off 0", "on 0.2")
