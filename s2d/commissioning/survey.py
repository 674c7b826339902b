"""Asks who is there, and prints what is found as soon as that is known; progress is for terminals only."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from .table import table
from .tools import Enquiry, Finding


async def ask(enquiry: Enquiry, arguments: Namespace) -> Finding:
    """What *enquiry* finds; it is printed.

    Raises: ValueError: *arguments* make no sense together.
    """
    is_live = sys.stderr.isatty()

    def tell(progress: str) -> None:
        if is_live:
            print(f"\r\x1b[K{progress}", end="", file=sys.stderr, flush=True)

    try:
        finding = await enquiry.find(arguments, tell)
    finally:
        tell("")
    show(finding.parts)
    return finding


def show(parts: Sequence[str | Sequence[Sequence[str]]]) -> None:
    """Prints *parts* of a finding."""
    for part in parts:
        lines = [part] if isinstance(part, str) else table(part[0], part[1:])
        print(*lines, sep="\n", flush=True)
