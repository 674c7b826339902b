"""The commands, one file each, and what they have in common."""

import os
import sys
from pathlib import Path
from typing import TextIO

from ..errors import ConfigError

EX_CONFIG = 78
"""Exit status: the configuration cannot be used. Spec: sysexits.h."""
DEFAULT_CONFIG = Path("/etc/s2d")

BOLD, DIM = "1", "2"


def print_problems(error: ConfigError) -> int:
    """Prints every problem of *error* to stderr, a line each, and returns EX_CONFIG."""
    for problem in error.problems:
        place, colon, sentence = str(problem).partition(": ")
        print(f"{styled(place + colon, BOLD, sys.stderr)}{sentence}", file=sys.stderr)
    return EX_CONFIG


def styled(text: str, style: str, stream: TextIO) -> str:
    """*text* in *style*, where *stream* is a terminal that nobody wants plain (NO_COLOR)."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{style}m{text}\x1b[0m"
