"""The examples of the documentation against `s2d simulate battery`: what they read is what the battery has."""

import re
from pathlib import Path

import pytest

from s2d.commissioning.device_visit import visited
from s2d.config import DeviceConfig, load
from s2d.host import clock
from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.modbus import serve_tcp
from s2d.simulation.registers import BatteryRegisters
from s2d.values import Setpoint, Value

pytestmark = pytest.mark.system

ROOT = Path(__file__).parent.parent.parent


def readme() -> str:
    """The configuration that spells registers out."""
    (block,) = [each for each in yaml_blocks(ROOT / "README.md") if "driver: modbus" in each]
    return block


def example() -> str:
    """The battery of the example, as the only device."""
    device = (ROOT / "config/example/devices.d/battery.yaml").read_text()
    lines = [line for line in device.splitlines() if not line.startswith("#")]
    listed = "\n".join(("  - " if number == 0 else "    ") + line for number, line in enumerate(lines))
    return f"cem: {{url: 'ws://localhost'}}\ndevices:\n{listed}\n"


def docstring() -> str:
    """The points with which the driver introduces itself, in a device."""
    written = (ROOT / "drivers/modbus/driver.py").read_text().partition("points:\n")[2].partition('"""')[0]
    return readme().partition("    points:\n")[0] + "    points:\n" + re.sub("^", "    ", written, flags=re.M) + "\n"


def yaml_blocks(path: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", path.read_text(), re.M | re.S)


def configured(text: str, port: int, folder: Path) -> DeviceConfig:
    """The one device of *text*, moved to this machine."""
    here = f"connection: {{host: 127.0.0.1, port: {port}}}"
    moved, count = re.subn(r"connection: \{host: [\d.]+, unit: 1\}", here, text)
    assert count == 1
    file = folder / "s2d.yaml"
    file.write_text(f"gateway: {{state_dir: {folder}}}\n{moved}")
    (device,) = load(file).devices
    return device


@pytest.mark.parametrize("text", [readme, example, docstring])
async def test_what_it_reads_is_what_the_simulated_battery_has(text, tmp_path):
    battery, passed_s = SimulatedBattery(soc_percent=61.5), [0.0]
    has: dict[str, Value] = {"soc": 61.5, "power": 0, "status": "idle", "power_setpoint": 0}
    async with serve_tcp(BatteryRegisters(battery), clock=lambda: passed_s[0]) as address:
        device = configured(text(), address.port, tmp_path)
        async with visited(device, clock.now) as visit:
            readings = {each.point: each.value for each in await visit.read(visit.names)}
            assert readings == {name: has[name] for name in readings}
            assert readings.keys() >= {"soc", "power"}
            await visit.opened.write(Setpoint("power_setpoint", -1500.0, "test"))
            assert battery.setpoint_w == -1500
            passed_s[0] += 5
            power = {each.point: each.value for each in await visit.read(["power"])}
            assert power == {"power": -1500}
