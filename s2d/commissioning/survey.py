"""A survey carried out: runs it, prints its progress on terminals, and its result in the end."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from ..host.console import LiveLine, show
from .table import table
from .tools import Survey, SurveyResult


async def run_survey(survey: Survey, arguments: Namespace) -> SurveyResult:
    """The result of *survey*, which is printed.

    Raises: ValueError: *arguments* make no sense together.
    """
    live_line = LiveLine(sys.stderr)
    try:
        result = await survey.find(arguments, live_line.draw)
    finally:
        live_line.draw("")
    print_parts(result.parts)
    return result


def print_parts(parts: Sequence[str | Sequence[Sequence[str]]]) -> None:
    """Prints the *parts* of a result: lines, and tables."""
    for part in parts:
        lines = [part] if isinstance(part, str) else table(part[0], part[1:])
        show(*lines)
