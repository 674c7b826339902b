"""The commands of the command line, one file each, and what they share: problems, output, exit statuses."""

import errno
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from ..errors import ConfigError, Problem

EX_TEMPFAIL = 75
"""Exit status: another process is at work, and a later try may do. Spec: sysexits.h."""
EX_CONFIG = 78
"""Exit status: the configuration cannot be used. Spec: sysexits.h."""
DEFAULT_CONFIG = Path("/etc/s2d")

BOLD, DIM = "1", "2"


def add_config_argument(parser: ArgumentParser, purpose: str = "gateway file, or the directory with s2d.yaml") -> None:
    """Has *parser* know `-c PATH`, which is wanted for its *purpose*."""
    parser.add_argument(
        "-c", "--config", type=Path, default=DEFAULT_CONFIG, metavar="PATH", help=f"{purpose} (default: %(default)s)"
    )


def no_devices(path: Path) -> ConfigError:
    """The error that a configuration at *path* names no device."""
    hint = "Describe one under devices, or in a file that include names"
    return ConfigError([Problem(str(path), 0, 0, "", "no devices: there is nothing to look after", hint)])


def print_problems(error: ConfigError) -> int:
    """Prints every problem of *error* to stderr, a line each, and returns EX_CONFIG."""
    for problem in error.problems:
        _print_problem(problem)
    return EX_CONFIG


def print_warnings(warnings: Sequence[Problem]) -> None:
    """Prints every one of *warnings* to stderr, a line each."""
    for warning in warnings:
        _print_problem(warning, "warning: ")


class OutputStream:
    """The output stream of a command that prints as it goes."""

    def __init__(self, command: str, on_closed: Callable[[], None]) -> None:
        """*on_closed* is called once nobody reads it any more."""
        self._command = command
        self._on_closed = on_closed
        self.is_closed = False

    def write_line(self, text: str) -> None:
        """Prints *text* at once; never raises."""
        try:
            print(text, flush=True)
        except OSError as exc:
            discard_output(self._command, exc)
            self.is_closed = True
            self._on_closed()


def discard_output(command: str, why: OSError) -> None:
    """Discards all that is printed from now on, and what waits to be; prints why unless the reader only left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if why.errno != errno.EPIPE:  # whoever reads this has had enough, as `head` has
        print(f"s2d {command}: cannot write: {why.strerror}", file=sys.stderr)


def styled(text: str, style: str, stream: TextIO) -> str:
    """*text* in *style*, where *stream* is a terminal that nobody wants plain (NO_COLOR)."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{style}m{text}\x1b[0m"


def _print_problem(problem: Problem, degree: str = "") -> None:
    place, colon, sentence = str(problem).partition(": ")
    print(f"{styled(place + colon, BOLD, sys.stderr)}{degree}{sentence}", file=sys.stderr)
