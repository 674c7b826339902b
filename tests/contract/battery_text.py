"""The battery of the tests of configurations, as its owner writes it: alone, or as the one device of a gateway file."""

from textwrap import indent

KEYS = """\
name: Home battery
kind: battery
driver: modbus
connection: {host: 192.168.1.20}
capacity: 10 kWh
max_charge_power: 5 kW
max_discharge_power: 5 kW
"""
"""All but its points."""
BATTERY = f"""\
{KEYS}\
points:
  soc: {{register: 843, unit: "%"}}
  power: {{register: 842, unit: W}}
  power_setpoint: {{register: 2700, unit: W, access: write, type: int16}}
"""


def gateway_file(device: str = BATTERY, cem: str = "ws://10.0.0.1:8080/{resource_id}") -> str:
    """The gateway file with this *device* alone, for the CEM with that URL."""
    item = indent(device, "  ").replace("  ", "- ", 1)
    return f'cem: {{url: "{cem}"}}\ndevices:\n{item}'
