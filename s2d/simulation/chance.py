"""Chance that is the same for the same seed, at whatever instant it is asked for. Pure."""

from zlib import crc32


def chance(seed: int, of: str) -> float:
    """From 0 to 1, of what is named *of*."""
    return crc32(f"{seed} {of}".encode()) / 2**32
