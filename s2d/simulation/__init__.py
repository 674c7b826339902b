"""Simulation: a simulated home battery and recorded devices, behind a real Modbus server. A peer of the daemon."""
