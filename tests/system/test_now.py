"""`s2d now`: an owner has his car charged at once, from a terminal beside the daemon, whatever its CEM has ordered."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import pytest

from s2d.cli.simulated_device import profile_device
from s2d.simulation.car import SimulatedCar
from s2d.simulation.ev_charger import SimulatedEvCharger
from s2d.simulation.faults import Faults
from s2d.simulation.modbus import serve_tcp
from tests.chronicle import PATIENCE_S
from tests.system.cem import cem
from tests.system.daemon import battery, configured, daemon

pytestmark = pytest.mark.system


async def s2d(*typed: object) -> tuple[int | None, list[str], list[str]]:
    """Exit status, stdout and stderr of a process of its own."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s2d", *map(str, typed), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return process.returncode, out.decode().splitlines(), err.decode().splitlines()


def in_hours(hours: float) -> str:
    """That time of day, in UTC."""
    return f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}"


async def test_an_owner_has_the_car_charged_at_once_also_after_the_daemon_was_killed(tmp_path):
    charger = SimulatedEvCharger(SimulatedCar(reaction_s=0.0), max_current_a=16.0)
    charger.plug_in(0.0)
    simulated = profile_device(
        "simulated-ev-charger", {"max_current": '"16 A"'}, charger, Faults(), kind_name="ev_charger"
    )
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    written: asyncio.Queue[str] = asyncio.Queue()
    simulated.on_event = written.put_nowait

    async def told(amperes):
        """Waits until it is told to give so much."""
        async with asyncio.timeout(PATIENCE_S):
            name = value = ""
            while (name, value) != ("limit", amperes):
                name, _, value = (await written.get()).partition(" ")

    async with serve_tcp(simulated.units[1], clock=lambda: loop.time() - began_s) as address, cem() as energy_manager:
        connection = {"host": address.host, "port": address.port, "timeout": f"{PATIENCE_S:g} s"}
        car = {
            "name": "Car",
            "profile": "simulated-ev-charger",
            "connection": connection,
            "poll": "200 ms",
            "max_current": "16 A",
            "cars": [{"name": "Ours", "battery_capacity": "60 kWh", "first_charge": "0 s"}],
            "arrival_soc": "30 %",
            "target_soc": "30 %",
            "departure": in_hours(20),
            "timers": {"on": "0 s", "off": "0 s"},
            "safe": {"cem_lost": {"after": "1 s"}, "started": {"after": "0 s"}},
        }
        other = battery(connection=connection | {"port": 1})
        config = configured(tmp_path, {"url": energy_manager.url + "/{name}"}, car, other)
        config.joinpath("s2d.yaml").write_text(
            config.joinpath("s2d.yaml").read_text().replace('"gateway": {', '"gateway": {"time_zone": "UTC", ')
        )
        async with daemon(config) as first:
            rm = await energy_manager.joined("Car")
            await rm.in_charge()
            off = await rm.instruct(mode="off", factor=0.0)
            await rm.reached(off, "SUCCEEDED")
            assert await s2d("now", "-c", config) == (
                0,
                [
                    "Car           as ordered; it can be wanted now",
                    "Home battery  nothing can be wanted of it but what its CEM orders",
                ],
                [],
            )
            assert await s2d("now", "-c", config, "Car", "for", "2", "h") == (
                0,
                ["Car: wanted now, until it is done, for 2 h at most"],
                [],
            )
            await told("16")
            refused = rm.instruction(mode="off", factor=0.0)
            await rm.must_take(refused)
            assert await rm.status_of(refused.id) == ["REJECTED"]
            assert await s2d("now", "-c", config, "Kar") == (
                2,
                [],
                ['s2d now: no device is named "Kar". Did you mean "Car"?'],
            )
            status, _, said = await s2d("now", "-c", config, "Home battery")
            assert status == 1
            assert said == ["s2d now: Home battery: nothing can be wanted of such a device but what its CEM orders"]
            assert (await s2d("now", "-c", config, "Car", "for", "2", "weeks"))[0] == 2
            first.kill()
            await first.ended()
            while not written.empty():
                written.get_nowait()
        status, _, said = await s2d("now", "-c", config)
        assert status == 1
        assert said[0].startswith(f"s2d now: no s2d run is at work whose state is in {tmp_path}/state.")
        async with daemon(config):
            rm = await energy_manager.joined("Car")
            await rm.in_charge()
            await told("16")
            _, said, _ = await s2d("now", "-c", config)
            assert said[0] in [
                f"Car           wanted now, until it is done, for {left} at most" for left in ("2 h", "119 min")
            ]
            assert await s2d("now", "-c", config, "Car", "stop") == (
                0,
                ["Car: wanted no more; what is ordered counts again"],
                [],
            )
            await told("0")
