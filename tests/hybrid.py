"""83 registers, scattered as a three-phase hybrid inverter by Deye scatters them."""

from s2d_drivers.modbus import ModbusPoint

_PLACES = (
    *((3, 5), (20, 2), (104, 1), (108, 2), (127, 2), (130, 1), (142, 2), (145, 2), (148, 12), (166, 12)),
    *((500, 1), (516, 4), (522, 4), (534, 2), (540, 2), (552, 1), (586, 6), (595, 1), (598, 3), (604, 4)),
    *((616, 4), (625, 1), (650, 2), (653, 1), (667, 1), (671, 5)),
)
"""First register and how many."""

REGISTERS = [register for first, count in _PLACES for register in range(first, first + count)]
POINTS = {f"r{register}": ModbusPoint(register=register) for register in REGISTERS}
assert len(REGISTERS) == 83
