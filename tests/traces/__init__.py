"""Recorded runs of nodes."""

from pathlib import Path

FOLDER = Path(__file__).parent
