"""What stands in the battery's registers, and what can be written there."""

from pathlib import Path

import pytest

from s2d.simulation.battery import SimulatedBattery
from s2d.simulation.registers import REGISTERS, BatteryRegisters, register_table


def shown(registers, now_s):
    """Every register as read at *now_s*, by name: one word as a number, several as bytes."""
    values = {}
    for register in REGISTERS:
        words = registers.read(register.address, register.size, now_s)
        values[register.name] = words[0] if register.size == 1 else b"".join(word.to_bytes(2, "big") for word in words)
    return values


def test_registers_show_the_battery_as_it_is_when_read():
    registers = BatteryRegisters(SimulatedBattery(max_discharge_power_w=4000, serial_number="A-1", watchdog_s=90))
    registers.write(2700, [0x10000 - 3000], 100.0)
    assert shown(registers, 160.0) == {
        "power": 0x10000 - 3000,
        "soc": round((50 - (3000 * 60 - 1800) / 3600 / 0.92**0.5 / 100) * 10),
        "status": 2,
        "fault": 0,
        "serial_number": b"A-1" + bytes(13),
        "power_setpoint": 0x10000 - 3000,
        "watchdog": 90,
        "capacity": 1000,
        "max_charge_power": 5000,
        "max_discharge_power": 4000,
        "fault_switch": 0,
    }


def test_the_fault_switch_shows_as_fault():
    registers = BatteryRegisters(SimulatedBattery())
    registers.write(2700, [3000], 0.0)
    registers.write(2799, [1], 10.0)
    assert registers.read(842, 4, 10.0) == [0, registers.read(843, 1, 10.0)[0], 3, 1]
    registers.write(2799, [0], 11.0)
    assert registers.read(844, 2, 20.0) == [1, 0]


def test_every_write_is_told():
    written = []
    registers = BatteryRegisters(SimulatedBattery(), on_write=lambda name, value: written.append((name, value)))
    registers.write(2700, [0xFFFF, 30], 0.0)
    registers.write(2799, [1], 1.0)
    assert written == [("power_setpoint", -1), ("watchdog", 30), ("fault_switch", 1)]


@pytest.mark.parametrize(
    ("address", "words", "error"),
    [
        (2710, [1], LookupError),
        (842, [1], LookupError),
        (2702, [1], LookupError),
        (2700, [1000, 30, 0], LookupError),
        (2799, [2], ValueError),
    ],
)
def test_a_refused_write_changes_nothing(address, words, error):
    written = []
    registers = BatteryRegisters(SimulatedBattery(), on_write=lambda name, value: written.append((name, value)))
    before = shown(registers, 0.0)
    with pytest.raises(error):
        registers.write(address, words, 0.0)
    assert shown(registers, 0.0) == before
    assert written == []


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"max_charge_power_w": 40_000}, "max_charge_power: 40000 does not fit into int16"),
        ({"capacity_wh": 1e6}, "capacity: 100000 does not fit into uint16"),
        ({"watchdog_s": 70_000}, "watchdog: 70000 does not fit into uint16"),
        ({"serial_number": "12345678901234567"}, "serial_number: 12345678901234567 does not fit into string[16]"),
        ({"serial_number": "Größe"}, "serial_number: Größe does not fit into string[16]"),
    ],
)
def test_a_battery_too_large_for_its_registers_is_refused(parameters, sentence):
    with pytest.raises(ValueError, match="does not fit") as refusal:
        BatteryRegisters(SimulatedBattery(**parameters))
    assert str(refusal.value) == sentence


def test_the_readme_lists_the_registers_as_they_are():
    readme = Path(__file__).parents[2] / "s2d" / "simulation" / "README.md"
    assert register_table() in readme.read_text(encoding="utf-8")
