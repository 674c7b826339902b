"""The commands of the command line, one file each, and what they share: problems, output, exit statuses."""

from argparse import Action, ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ..errors import ConfigError, Problem
from ..host.console import BOLD, StyledText, complain

EX_TEMPFAIL = 75
"""Exit status: another process is at work, and a later try may do. Spec: sysexits.h."""
EX_CONFIG = 78
"""Exit status: the configuration cannot be used. Spec: sysexits.h."""
DEFAULT_CONFIG = Path("/etc/s2d")

_T = TypeVar("_T")


def argument_of(parse: Callable[[object], _T]) -> Callable[[str], _T]:
    """*parse* for argparse, which shows the sentence of no other error than its own."""

    def parsed(written: str) -> _T:
        try:
            return parse(written)
        except ValueError as exc:
            raise ArgumentTypeError(str(exc)) from exc

    return parsed


def add_config_argument(
    parser: ArgumentParser, purpose: str = "gateway file, or the directory with s2d.yaml"
) -> Action:
    """Has *parser* know `-c PATH`, which is wanted for its *purpose*."""
    return parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="PATH",
        help=f"{purpose} (default: {DEFAULT_CONFIG})",
    )


def add_log_arguments(parser: ArgumentParser) -> None:
    """Has *parser* know in which form, and down to which level, the command logs."""
    parser.add_argument(
        "--log",
        choices=("auto", "json", "console"),
        default="auto",
        help="form of the log on stdout (default: console on a terminal, else json)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="what is less is left out (default: %(default)s)",
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


def _print_problem(problem: Problem, degree: str = "") -> None:
    place, colon, sentence = str(problem).partition(": ")
    complain((StyledText(place + colon, BOLD), f"{degree}{sentence}"))
