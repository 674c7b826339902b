"""FlexMeasures' own client as the CEM: what it plans is carried out. Skipped where it is not installed."""

import asyncio
import json
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

pytest.importorskip("flexmeasures_client", reason="its client is not installed: pip install '.[peers]'")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from flexmeasures_client.s2.cem import CEM
    from flexmeasures_client.s2.control_types.FRBC.frbc_simple import FRBCSimple
from s2python.common import ControlType

from s2d.simulation.car import SimulatedCar
from s2d.simulation.draws import HotWaterDraws
from s2d.simulation.ev_charger import SimulatedEvCharger
from s2d.simulation.heat_pump import SimulatedHeatPump
from s2d.simulation.outdoor import OutdoorTemperature
from s2d.simulation.tank import Tank

from .own import ModbusDevice, Plant

pytestmark = pytest.mark.filterwarnings("ignore")  # what the client's own libraries have to say of it

SLOT = timedelta(minutes=15)
PLANS_WITHIN_S = 300.0


class Platform:
    """The FlexMeasures server, as its client knows it. It has a plan in watts, slot by slot."""

    def __init__(self, *plan_w: float) -> None:
        self.plan_w = plan_w
        self.began: datetime | None = None
        self.is_asked = asyncio.Event()
        self.socs: list[float] = []
        """The fill levels that it was to plan from."""
        self.fates: list[str] = []

    async def trigger_and_get_schedule(
        self, *, start: datetime, flex_model: dict[str, Any], **_: Any
    ) -> dict[str, Any]:
        self.began = self.began or start
        self.is_asked.set()
        self.socs.append(flex_model["soc-at-start"])
        left = self.plan_w[(start - self.began) // SLOT :]
        return {"start": start, "duration": len(left) * SLOT, "values": list(left)}

    async def post_measurements(self, *_: Any, **__: Any) -> None: ...


@asynccontextmanager
async def planned_by(platform: Platform) -> AsyncIterator[tuple[str, list[CEM]]]:
    """Its URL, and the client of each connection, which is set up as its own server does that."""
    clients: list[CEM] = []

    async def serve_one(websocket: ServerConnection) -> None:
        client = CEM(platform, default_control_type=ControlType.FILL_RATE_BASED_CONTROL, power_sensor_id={"none": 1})
        client.register_control_type(FRBCSimple(1, 2, 3, 4, valid_from_shift=timedelta(0)))
        clients.append(client)
        telling = asyncio.create_task(_tell(websocket, client))
        try:
            async for frame in websocket:
                await client.handle_message(frame)
        finally:
            telling.cancel()

    async with serve(serve_one, "127.0.0.1", 0, ping_interval=None, close_timeout=1.0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/s2", clients


async def _tell(websocket: ServerConnection, client: CEM) -> None:
    with suppress(ConnectionClosed):
        while True:
            await websocket.send(json.dumps(await client.get_message()))


async def carried_out(plant: Plant, directory: Path, platform: Platform, power_w: Callable[[], float]) -> list[float]:
    """The power in the middle of each slot of its plan. *platform* keeps what became of the instructions."""
    async with planned_by(platform) as (url, clients), plant.at_work(url, directory):
        async with asyncio.timeout(PLANS_WITHIN_S):
            await platform.is_asked.wait()
        taken_w = []
        for _ in platform.plan_w:
            await asyncio.sleep(SLOT.total_seconds() / 2)
            taken_w.append(power_w())
            await asyncio.sleep(SLOT.total_seconds() / 2)
        (handler,) = clients[-1]._control_types_handlers.values()
        platform.fates = [each.value for each in handler._instruction_status_history.values()]
    return taken_w


@pytest.mark.virtual_time
async def test_a_car_is_charged_as_planned(tmp_path: Path) -> None:
    station = SimulatedEvCharger(SimulatedCar(soc_percent=40.0))
    station.plug_in(0.0)
    leaves = datetime.now().astimezone() + timedelta(hours=12)
    plant = ModbusDevice(
        "ev_charger",
        station,
        phases=3,
        max_current="16 A",
        cars=[{"name": "Our car", "battery_capacity": "60 kWh", "phases": 3}],
        arrival_soc="40 %",
        target_soc="60 %",
        departure=f"{leaves:%H:%M}",
    )
    platform = Platform(11_040, 7_590, 0, 11_040, 4_140, 0)
    taken_w = await carried_out(plant, tmp_path, platform, lambda: station.power_w)
    assert taken_w == pytest.approx(platform.plan_w, rel=0.02, abs=1)
    assert platform.socs[0] == pytest.approx(40.0, abs=0.5)
    assert platform.fates[-len(platform.plan_w) :] == ["SUCCEEDED"] * len(platform.plan_w)


@pytest.mark.virtual_time
async def test_water_is_heated_as_planned(tmp_path: Path) -> None:
    pump = SimulatedHeatPump(
        tank=Tank(1000, 52.0), draws=HotWaterDraws(0), outdoor=OutdoorTemperature(18, 18), hysteresis_k=1.0
    )
    plant = ModbusDevice(
        "heat_pump",
        pump,
        kind="heat_pump",
        storage="dhw",
        volume="1000 l",
        cop=3,
        power="2 kW",
        hysteresis="1 K",
        timers={"run": "10 min", "pause": "5 min"},
    )
    platform = Platform(2_000, 0, 2_000, 0)
    taken_w = await carried_out(plant, tmp_path, platform, lambda: float(pump.values()["power"]))
    assert platform.fates[-len(platform.plan_w) :] == ["SUCCEEDED"] * len(platform.plan_w)
    assert taken_w == pytest.approx(platform.plan_w, rel=0.05, abs=60)
    assert platform.socs[0] == pytest.approx(52.0, abs=0.5)
