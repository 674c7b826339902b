"""Measures what s2d costs, beside s2-python and the bare libraries, on this machine, in one run.

Each section is a module here with `rows(run)`. Timings are shown, not asserted: the exit status is 0 unless something
could not be measured at all.
"""

import json
import os
import platform
import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from .run import Run, Unmeasured, versions_of
from .table import Row, shown

SECTIONS = ("codec", "schema", "core", "latency", "process", "bus", "outages", "mixed", "mqtt")

_PACKAGES = ("s2d", "msgspec", "websockets", "pymodbus", "structlog", "pyyaml", "s2-python", "pydantic")


def main() -> int:
    """Runs what the command line asks for and returns the exit status."""
    arguments = _arguments()
    run = Run(arguments.quick, arguments.fresh, arguments.peer_python)
    sections: dict[str, list[Row]] = {}
    failures: list[str] = []
    load_before = os.getloadavg()[0]
    for name in arguments.sections or SECTIONS:
        try:
            sections[name] = import_module(f".{name}", __package__).rows(run)
        except Unmeasured as exc:
            failures.append(f"{name}: not measured: {exc}")
    machine = _machine(load_before)
    try:
        versions = {
            "s2d": versions_of(run.s2d_python, _PACKAGES),
            "s2-python": versions_of(run.peer_python, _PACKAGES),
        }
    except Unmeasured as exc:
        versions = {}
        failures.append(str(exc))
    print("\n".join(f"{name:10} {text}" for name, text in machine.items()))
    for name, found in versions.items():
        print(f"{name:10} {', '.join(f'{package} {version}' for package, version in found.items())}")
    print("\n" + shown(sections, verbose=arguments.verbose, colour=sys.stdout.isatty()) if sections else "")
    if arguments.json:
        rows = {name: [row.plain() for row in found] for name, found in sections.items()}
        whole = {"machine": machine, "versions": versions, "quick": run.is_quick, "sections": rows}
        arguments.json.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    for failure in failures:
        print(f"\n{failure}", file=sys.stderr)
    return 1 if failures else 0


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer repeats: for a look, not for a claim")
    parser.add_argument("--verbose", action="store_true", help="every message type by itself, and more")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rows there too")
    parser.add_argument("--peer-python", type=Path, metavar="PATH", help="a Python that has s2-python[ws]")
    parser.add_argument("--fresh", action="store_true", help="make the venvs anew")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.sections if name not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    return arguments


def _machine(load_before: float) -> dict[str, str]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} x {_processor()}, Linux {platform.release()}",
        "load": f"{load_before:.2f} before, {os.getloadavg()[0]:.2f} after (other work on the machine is noise)",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return "unknown processor"


if __name__ == "__main__":
    sys.exit(main())
