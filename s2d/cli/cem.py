"""Be a small energy manager to commission with: accepts resource managers, shows what they tell, gives instructions."""

import asyncio
import os
import signal
import stat
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TypeAlias
from uuid import uuid4

from ..cem.commands import CONTROL_TYPES, CommandRefused
from ..cem.control_types import CHOICES, usage
from ..cem.grammar import VERBS, control_type_of, parse
from ..cem.script import Step, load
from ..cem.script_runner import ScriptFailed, run_script
from ..cem.server import CemServer, serve
from ..cem.transcript import Event, Observer, json_line
from ..cem.view import event_line, overview, text_of
from ..errors import ConfigError, S2dError
from ..host import clock
from ..host.console import OutputStream, complain
from ..text import printable
from . import print_problems

EndCallback: TypeAlias = Callable[[int], None]
"""Ends the CEM with an exit status; the first counts."""

_EPILOG = f"""\
commands:
{usage()}
  help                    the commands that are possible now; also of one control type: help pebc
  quit                    end; so do Ctrl-C and Ctrl-D
"""


class CannotLog(S2dError):
    """An error: the log file cannot be written."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot write {self.path}: {self.reason}"


def add_arguments(parser: ArgumentParser) -> None:
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("--port", type=_port, default=8080, help="0 for any free one (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--control-type",
        choices=CONTROL_TYPES,
        metavar="TYPE",
        default="frbc",
        help=f"to select wherever it is offered: {', '.join(CONTROL_TYPES)} (default: frbc)",
    )
    parser.add_argument("--script", type=Path, metavar="FILE", help="carry out these steps, then end")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append every frame as one line of JSON")
    parser.add_argument("--token", help="turn away who does not bear it")


def run(args: Namespace) -> int:
    """Serves until told to end. Returns 0, 1 when it cannot or the script fails, 78 for a script with mistakes."""
    try:
        steps = load(args.script) if args.script else None
    except ConfigError as exc:
        return print_problems(exc)
    failures: list[S2dError] = []
    try:
        with ExitStack() as resources:
            log = resources.enter_context(_opened(args.log)) if args.log else None
            return asyncio.run(_serve(args, steps, log))
    except* S2dError as exc:
        failures += _leaves(exc)
    for failure in failures:
        complain(f"s2d cem: {failure}")
    return 1


async def _serve(args: Namespace, steps: list[Step] | None, log: IO[bytes] | None) -> int:
    loop = asyncio.get_running_loop()
    ending: asyncio.Future[int] = loop.create_future()

    def end(status: int) -> None:
        if not ending.done():
            ending.set_result(status)

    output = OutputStream("cem", lambda: end(1))
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    observers: list[Observer] = [lambda event: _print_event(event, output)]
    if on_terminal:
        from ..cem import terminal

        observers = [terminal.show]
    if log:
        observers.append(lambda event: _write(event, log, args.log))
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, end, 0)
    async with serve(
        args.host,
        args.port,
        control_type=CONTROL_TYPES[args.control_type],
        clock=clock.now,
        new_id=lambda: str(uuid4()),
        token=args.token,
        observers=observers,
    ) as cem:
        output.write(f"S2 on ws://{cem.address}, any path; {cem.control_type} wanted")
        async with asyncio.TaskGroup() as tasks:
            work = []
            if steps is not None:
                work.append(tasks.create_task(_run_script(steps, cem, output, end)))
            if on_terminal:
                work.append(tasks.create_task(_prompt(cem, end)))
            elif steps is None:
                work.append(tasks.create_task(_execute_lines(cem, output, end)))
            status = await ending
            for task in work:
                task.cancel()
    return status


async def _run_script(steps: list[Step], cem: CemServer, output: OutputStream, end: EndCallback) -> None:
    try:
        await run_script(steps, cem, output.write)
    except ScriptFailed as exc:
        complain(f"s2d cem: {exc}")
        end(1)
    else:
        end(0)


async def _prompt(cem: CemServer, end: EndCallback) -> None:
    from ..cem.terminal import converse

    await converse(cem, lambda line: _answer(line, cem))
    end(0)


async def _execute_lines(cem: CemServer, output: OutputStream, end: EndCallback) -> None:
    async for line in _lines(sys.stdin.fileno()):
        if line.strip():
            try:
                output.write(*_answer(line, cem).split("\n"))
            except EOFError:
                end(0)


def _answer(line: str, cem: CemServer) -> str:
    """The answer to the typed *line*, in a sentence; raises EOFError for a command to end."""
    words = line.split()
    if words in (["quit"], ["exit"]):
        raise EOFError
    if words == ["status"]:
        return "\n".join(text_of(line) for line in overview(cem.conversations, clock.now().utc))
    try:
        if words[0] == "help":
            return _help(words[1:], cem)
        parsed = parse(line)
    except CommandRefused as exc:
        return printable(f"{exc}{_possible(line, cem)}")
    try:
        return printable(cem.execute(parsed.command, cem.find(parsed.to)).sentence)
    except CommandRefused as exc:
        return printable(str(exc))


def _help(names: list[str], cem: CemServer) -> str:
    """What can be typed: of the control types named, else of those in use, else of all."""
    named = {control_type_of(name): None for name in names}
    in_use = {each.control_type: None for each in cem.conversations if each.choices}
    return usage(named or in_use or CHOICES)


def _possible(line: str, cem: CemServer) -> str:
    """The commands that are possible, for a *line* that begins with no known word."""
    verb = next((word for word in line.split() if not word.startswith("@")), "")
    offered = [each.choices for each in cem.conversations if each.choices]
    if verb in VERBS or any(verb in choices.completions() for choices in offered):
        return ""
    return "".join(f"; {each.name}: {each.possible}" for each in cem.conversations)


def _print_event(event: Event, output: OutputStream) -> None:
    line = event_line(event)
    if line is not None:
        output.write(text_of(line))


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("ab", buffering=0)
    except OSError as exc:
        raise CannotLog(path, exc.strerror or str(exc)) from exc


def _write(event: Event, log: IO[bytes], path: Path) -> None:
    line = json_line(event)
    if line is not None:
        try:
            log.write(line)
        except OSError as exc:
            raise CannotLog(path, exc.strerror or str(exc)) from exc


async def _lines(fd: int) -> AsyncIterator[str]:
    """The lines that come from *fd*, as they come."""
    mode = os.fstat(fd).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)):
        for line in _lines_at_once(fd):
            yield line
        return
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(fd, lambda: arrived.put_nowait(_chunk(fd)))
    try:
        pending = b""
        while chunk := await arrived.get():
            *whole, pending = (pending + chunk).split(b"\n")
            for raw in whole:
                yield raw.decode(errors="replace")
        yield pending.decode(errors="replace")
    finally:
        loop.remove_reader(fd)


def _lines_at_once(fd: int) -> list[str]:
    """All lines of a file or of /dev/null, which cannot be waited for and need not be."""
    with open(fd, errors="replace", closefd=False) as file:
        return file.readlines()


def _chunk(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""  # a terminal that is gone


def _port(written: str) -> int:
    if not (written.isdecimal() and int(written) <= 65535):
        raise ArgumentTypeError(f"expected a port from 0 to 65535, got {written}")
    return int(written)


def _leaves(group: BaseExceptionGroup[S2dError]) -> list[S2dError]:
    """The errors in *group*, however deep."""
    return [
        leaf
        for each in group.exceptions
        for leaf in (_leaves(each) if isinstance(each, BaseExceptionGroup) else [each])
    ]
