"""What only Demand Driven Based Control has."""

from datetime import timedelta

from s2d.s2.messages.common import NumberRange

from .plants import hybrid
from .rows import House, row
from .wire import DDBC, DONE, soon, time_of

AHEAD_S = 60.0


@row(
    "DDBC-1",
    "the present demand is told, as far as it matters: to 0.0.2-beta in the description, then by its own message",
    source=House("DDBC"),
    by=["plain", "victron"],
)
async def test_present_demand(own):
    plant = hybrid()
    async with own.in_charge(DDBC, plant) as rm:
        is_described = own.profile.picks == "beta"
        teller, other = ("DDBC.SystemDescription", "DDBC.PresentDemandStatus")[:: 1 if is_described else -1]
        demand = {"start_of_range": 3000.0, "end_of_range": 3500.0}
        if is_described:
            assert rm.description["present_demand_rate"] == demand
        else:
            await rm.expect(teller, present_demand_rate=demand)
        assert not any("present_demand_rate" in each for each in rm.told(other))
        for start, end in ((1000.0, 2000.0), (1000.0, 1500.0)):
            plant.built.demand = NumberRange(start_of_range=start, end_of_range=end)
            await rm.expect(teller, present_demand_rate={"start_of_range": start, "end_of_range": end})


@row(
    "DDBC-2",
    "a forecast of demand is told if and only if it is announced, after the description, and when it changes",
    source=House("DDBC"),
    by=["plain"],
)
async def test_demand_forecast(own):
    plant = hybrid(provides_forecast=True)
    async with own.in_charge(DDBC, plant) as rm:
        assert rm.description["provides_average_demand_rate_forecast"]
        first = await rm.expect("DDBC.AverageDemandRateForecast")
        start, elements = plant.built.forecast
        plant.built.forecast = (start + timedelta(hours=1), elements)
        changed = await rm.expect("DDBC.AverageDemandRateForecast")
        assert time_of(changed["start_time"]) - time_of(first["start_time"]) == timedelta(hours=1)
    async with own.in_charge(DDBC, hybrid()) as rm:
        assert await rm.fate_of(await rm.instruct("on")) == DONE
        assert not rm.told("DDBC.AverageDemandRateForecast")


@row(
    "DDBC-3",
    "two actuators are steered on their own, each with its instructions and timers",
    source=House("DDBC"),
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


@row(
    "DDBC-4",
    "instructions for the same instant for two actuators are both done",
    source=House("DDBC"),
    by=["plain"],
)
async def test_same_instant_for_two(own):
    plant = hybrid()
    async with own.in_charge(DDBC, plant) as rm:
        at = soon(AHEAD_S)
        pump = await rm.instruct("on", 1.0, of="pump", at=at)
        boiler = await rm.instruct("on", 0.8, of="boiler", at=at)
        plant.passes(AHEAD_S)
        assert await rm.fate_of(pump) == DONE
        assert await rm.fate_of(boiler) == DONE
        await plant.has_written("pump", "off 0", "on 1")
        await plant.has_written("boiler", "off 0", "on 0.8")
