"""A simulated battery behind a real Modbus server in this process, which sees every write and can be switched off."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.modbus import ModbusAddress, serve_rtu, serve_tcp
from s2d.simulation.registers import BatteryRegisters
from tests.chronicle import PATIENCE_S, Chronicle


class Simulator:
    """One battery, at 50 % and without a watchdog, so that nothing but a write changes its power."""

    def __init__(self, **battery: Any) -> None:
        known = {"capacity_wh": 1000.0, "max_discharge_power_w": 4000.0, "ramp_w_per_s": 1e12, "watchdog_s": 0.0}
        self.battery = SimulatedBattery(**(known | battery))
        self.writes: Chronicle[int] = Chronicle("setpoints written")
        self._registers = BatteryRegisters(self.battery, lambda name, value: self.writes.add(value))

    def on_tcp(self, port: int = 0) -> AbstractAsyncContextManager[ModbusAddress]:
        """Serves while the context lasts."""
        return serve_tcp(self._registers, port=port)

    def on_line(self, serial: str) -> AbstractAsyncContextManager[None]:
        return serve_rtu(self._registers, serial)

    async def written(self, *setpoints: int) -> None:
        """Waits until these, and in this order, are all the setpoints that were ever written."""
        await self.writes.until(lambda writes: len(writes) >= len(setpoints), f"written: {setpoints}")
        assert self.writes.all == list(setpoints)


def at(address: ModbusAddress) -> dict[str, Any]:
    """The `connection:` for it."""
    return {"host": address.host, "port": address.port, "unit": 1, "timeout": f"{PATIENCE_S:g} s"}
