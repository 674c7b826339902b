"""The tools for work at the device as their user meets them: typed, and looked at."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from s2d.__main__ import main
from s2d.simulation.modbus import ModbusAddress
from tests.chronicle import PATIENCE_S


async def s2d(*typed: object) -> int:
    """The exit status of the command *typed*; it runs in a thread, so that a peer in this process can answer it."""
    return await asyncio.to_thread(main, [str(word) for word in typed])


def without_ages(text: str) -> list[str]:
    """The lines of *text*; how old a reading is depends on how slow the machine is."""
    return re.sub(r"\d\.\d s  ", "A.G s  ", text).splitlines()


def configured(folder: Path, **device: Any) -> Path:
    """A configuration in *folder* of one device, called `battery`."""
    config = {
        "gateway": {"state_dir": str(folder / "state")},
        "cem": {"url": "ws://localhost"},
        "devices": [{"name": "battery", **device}],
    }
    file = folder / "s2d.yaml"
    file.write_text(json.dumps(config))
    return file


def sma(address: ModbusAddress, **connection: Any) -> dict[str, Any]:
    """A battery of the profile sma-storage at *address*."""
    return {
        "profile": "sma-storage",
        "connection": {"host": address.host, "port": address.port, "timeout": f"{PATIENCE_S:g} s", **connection},
        "capacity": "10 kWh",
        "max_charge_power": "5 kW",
        "max_discharge_power": "5 kW",
    }
