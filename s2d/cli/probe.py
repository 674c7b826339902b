"""Finds out how a device speaks that is not configured yet, and shows everything its registers may mean.

What it prints below `connection:` and `points:` can be pasted into a device file.
"""

import asyncio
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from ..commissioning.survey import run_survey
from ..commissioning.tools import tools_of
from ..config.driver_discovery import find_driver
from ..host.console import complain

DRIVER = "modbus"


def add_arguments(parser: ArgumentParser) -> None:
    parser.formatter_class = RawDescriptionHelpFormatter
    tools = tools_of(find_driver(DRIVER))
    assert tools
    tools.probe.add_arguments(parser)


def run(args: Namespace) -> int:
    """Returns 0, 1 when nothing answered, 2 for arguments that make no sense."""
    tools = tools_of(find_driver(DRIVER))
    assert tools
    try:
        result = asyncio.run(run_survey(tools.probe, args))
    except ValueError as exc:
        complain(f"s2d probe: {exc}")
        return 2
    return 0 if result.connections else 1
