"""Finds the devices on a serial line or at addresses that are given, says what they are and which profiles fit them.

What it prints below a profile can be pasted into a device file. It never looks for addresses itself.
"""

import asyncio
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from ..commissioning.profile_matching import matching_profiles, sentence_of
from ..commissioning.survey import run_survey
from ..commissioning.tools import tools_of
from ..commissioning.unconfigured_device import own_profiles
from ..config.driver_discovery import find_driver
from ..config.profile import Library
from ..host import clock
from ..host.console import complain, show
from . import add_config_argument

DRIVER = "modbus"


def add_arguments(parser: ArgumentParser) -> None:
    parser.formatter_class = RawDescriptionHelpFormatter
    add_config_argument(parser, "where own profiles are: gateway file, or its directory")
    tools = tools_of(find_driver(DRIVER))
    assert tools
    tools.scan.add_arguments(parser)


def run(args: Namespace) -> int:
    """Returns 0, 1 when nobody answered, 2 for arguments that make no sense."""
    try:
        return asyncio.run(_scan(args))
    except ValueError as exc:
        complain(f"s2d scan: {exc}")
        return 2


async def _scan(args: Namespace) -> int:
    driver = find_driver(DRIVER)
    tools = tools_of(driver)
    assert tools
    result = await run_survey(tools.scan, args)
    library = Library(own_profiles(args.config))
    for connection in result.connections:
        place = ", ".join(f"{key} {value}" for key, value in connection.items())
        found = await matching_profiles(driver, connection, library, clock.now)
        for match in found:
            show(f"{place} {sentence_of(match)}", *match.yaml_lines)
        if not found:
            show(f"{place} fits no profile; `s2d probe` shows its registers")
    return 0 if result.connections else 1
