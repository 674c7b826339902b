"""The command line: finds the command, which lives in its own file under `s2d/cli/`, and runs it.

Exit status: 0 done, 1 failed while running, 2 wrong use of the command line, 75 somebody else is at work (EX_TEMPFAIL),
78 configuration unusable (EX_CONFIG).
"""

import errno
import os
import sys
from argparse import ArgumentParser
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

from . import __version__
from .host.console import discard_output, show
from .text import printable

COMMANDS = {
    "run": "be the resource manager of the configured devices",
    "safe": "bring the devices that `s2d run` left behind to their safe state",
    "check": "find everything wrong in a configuration, change nothing",
    "now": "have a device do at once what it is there for: charge the car, heat the water",
    "explain": "say what a device is to a CEM now, and what becomes of it whatever fails",
    "profiles": "list the device types that come with s2d, or explain one",
    "demo": "see the whole at work: simulated device, daemon and CEM",
    "probe": "find out how a device speaks, and what its registers may mean",
    "scan": "find the devices on a line or at addresses, and the profiles that fit them",
    "read": "say what a configured device says now",
    "write": "have a configured device take a value, by hand",
    "record": "keep what a device says over time, to replay it",
    "simulate": "be a simulated device behind a real Modbus server",
    "cem": "be a small energy manager to commission with",
}

USAGE = "s2d [--version] COMMAND ..."


class PrintableParser(ArgumentParser):
    """A parser of arguments that says what is wrong with them in printable text, as it quotes them."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def main(argv: list[str] | None = None) -> int:
    """Runs one command with *argv* (the process's arguments by default) and returns its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments and arguments[0] in COMMANDS:
        name = arguments[0]
        command = import_module(f".cli.{name}", __package__)
        parser = PrintableParser(prog=f"s2d {name}", description=command.__doc__)
        command.add_arguments(parser)
        options = parser.parse_args(arguments[1:])
        _complete_streams()
        try:
            status = command.run(options)
            sys.stdout.flush()
        except OSError as exc:
            if exc.errno not in (errno.EPIPE, errno.ENOSPC):
                raise
            discard_output(name, exc)
            return 1
        except KeyboardInterrupt:  # what there is to say of that, the command has said
            return 1
        assert isinstance(status, int)
        return status
    parser = PrintableParser(prog="s2d", usage=USAGE, add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", action="version", version=f"s2d {__version__}")
    if not arguments or parser.parse_known_args(arguments)[0].help:
        listing = [f"  {name:10}{purpose}" for name, purpose in COMMANDS.items()]
        show(f"usage: {USAGE}", "", "An S2 Resource Manager for the hardware around it.", "", *listing)
        show("", "`s2d COMMAND --help` explains one command.")
        return 0
    parser.add_argument("command", choices=list(COMMANDS), metavar="COMMAND")
    parser.parse_args(arguments)
    return 2


def _complete_streams() -> None:
    """Has what is closed already lead nowhere, so that nothing we open takes its number.

    What a stream has no character for is escaped.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
