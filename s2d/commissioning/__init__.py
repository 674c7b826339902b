"""Commissioning: what `probe`, `scan`, `read`, `write`, `record` and `simulate` share for work at a device."""
