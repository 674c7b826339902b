"""Two chargers behind the fuse of a house, and a meter before it: real Modbus servers, the daemon between them."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.simulation.car import SimulatedCar
from s2d.simulation.ev_charger import Feeder, SimulatedEvCharger
from s2d.simulation.faults import Faults
from s2d.simulation.mains import Mains
from s2d.simulation.modbus import serve_tcp
from s2d.values import Now, Value
from tests.system.daemon import configured
from tests.system.in_process import running

pytestmark = [pytest.mark.system, pytest.mark.virtual_time]

LIMIT_A = 25.0


def now():
    """The loop's time on both clocks."""
    loop = asyncio.get_running_loop()
    return Now(loop.time(), loop.utc())


class Connection:
    """What the meter of a house measures: some chargers, and whatever else is switched on."""

    fault = False

    def __init__(self, *chargers: SimulatedEvCharger) -> None:
        self.chargers = chargers
        self.others_a = (2.0, 2.0, 2.0)
        self.most_a = 0.0
        """What ever flowed on a phase since somebody began to look."""

    def advance(self, now_s: float) -> None:
        for each in self.chargers:
            each.advance(now_s)
        self.most_a = max(self.most_a, *self.currents_a())

    def currents_a(self) -> tuple[float, ...]:
        drawn = [each.car.currents_a for each in self.chargers if each.car]
        return tuple(other + sum(each) for other, each in zip(self.others_a, zip(*drawn, strict=True), strict=True))

    def values(self) -> Mapping[str, Value | None]:
        known: dict[str, Value | None] = {"serial_number": "1", "energy_import": 0.0, "energy_export": 0.0}
        for phase, amperes in enumerate(self.currents_a(), 1):
            known |= {f"current_l{phase}": amperes, f"voltage_l{phase}": 230.0, f"power_l{phase}": 230.0 * amperes}
        return known | {"power": 230.0 * sum(self.currents_a())}

    def obey(self, orders: Mapping[str, Value], now_s: float) -> None:
        self.advance(now_s)

    def set_fault(self, on: bool, now_s: float) -> None:
        raise AssertionError("nobody has it fail")

    def status_line(self) -> str:
        return ""


async def test_the_fuse_of_a_house_holds_whatever_is_switched_on(tmp_path):
    chargers = {
        name: SimulatedEvCharger(SimulatedCar(reaction_s=0.0), feeder=Feeder(mains=Mains(noise_v=0)))
        for name in ("Left", "Right")
    }
    for each in chargers.values():
        each.plug_in(0.0)
    house = Connection(*chargers.values())
    owner = {"max_current": "16 A", "safe_current": "16 A"}

    def offered():
        return tuple(each.offered_a for each in chargers.values())

    async with AsyncExitStack() as servers:
        devices = []
        for name, charger in chargers.items():
            keys = {key: f'"{value}"' for key, value in owner.items()}
            simulated = profile_device("simulated-ev-charger", keys, charger, Faults(), kind_name="ev_charger")
            address = await servers.enter_async_context(serve_tcp(simulated.units[1]))
            device = {"name": name, "profile": "simulated-ev-charger", "poll": "2 s", **owner}
            devices.append(device | {"connection": {"host": address.host, "port": address.port}})
        simulated = profile_device("simulated-meter", {"measures": "house"}, house, Faults(), kind_name="meter")
        async with AsyncExitStack() as at_the_meter:
            address = await at_the_meter.enter_async_context(serve_tcp(simulated.units[1]))
            devices.append(
                {
                    "name": "Connection",
                    "profile": "simulated-meter",
                    "measures": "grid",
                    "connection": {"host": address.host, "port": address.port},
                }
            )
            config = configured(tmp_path, {"url": "ws://127.0.0.1:1"}, *devices)
            written = json.loads((config / "s2d.yaml").read_text())
            written["house_limit"] = {"current": f"{LIMIT_A:g} A", "from": "Connection", "of": ["Left", "Right"]}
            (config / "s2d.yaml").write_text(json.dumps(written))
            async with running(config, clock=now):
                # The two have 16 A when nobody is in charge, which is after five minutes.
                await asyncio.sleep(8 * 60)
                assert offered() == (11.5, 11.5)
                assert house.currents_a() == (25.0, 25.0, 25.0)
                house.others_a = (10.0, 2.0, 2.0)
                await asyncio.sleep(12)
                assert offered() == (7.5, 7.5)
                house.most_a = 0.0
                house.others_a = (15.0, 2.0, 2.0)
                await asyncio.sleep(12)
                # There is enough for one of them, which gets more after a while.
                assert sorted(offered()) == [0, 7.5]
                house.most_a = 0.0
                await asyncio.sleep(4 * 60)
                assert sorted(offered()) == [0, 10]
                assert house.most_a <= LIMIT_A
                house.others_a = (2.0, 2.0, 2.0)
                await asyncio.sleep(5 * 60)
                assert offered() == (11.5, 11.5)
                house.most_a = 0.0
                await asyncio.sleep(6 * 60)
                assert house.most_a <= LIMIT_A
                await at_the_meter.aclose()
                # Nobody tells what is left, and 2 x 16 A are too much.
                await asyncio.sleep(30)
                assert offered() == (0, 0)
        assert offered() == (0, 0)
