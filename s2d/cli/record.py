"""Keeps what a device says over time, register by register, so that `s2d simulate --replay` can say it again."""

import asyncio
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import IO

import msgspec

from ..commissioning.device_visit import DeviceVisit, NoSuchDevice, device_named, visited
from ..commissioning.recording import RecordedPoll, RecordingHeader, line_of
from ..commissioning.tools import tools_of
from ..config import DeviceConfig, load
from ..driver import SECRET
from ..errors import ConfigError, DeviceUnreachable, S2dError
from ..host import clock
from ..host.console import LiveLine, complain, show
from ..quantities import Duration
from . import add_config_argument, print_problems

SHORTEST_S = 0.01
"""Nobody answers more often."""


class CannotRecord(S2dError):
    """An error: there is nothing to record, or nowhere to."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


def add_arguments(parser: ArgumentParser) -> None:
    add_config_argument(parser)
    parser.add_argument("device", metavar="DEVICE", help="its name in the configuration")
    parser.add_argument("file", type=Path, metavar="FILE", help="which must not be there yet")
    parser.add_argument(
        "--for",
        type=_duration_s,
        required=True,
        dest="for_s",
        metavar="TIME",
        help="how long, such as 10m; Ctrl-C ends",
    )
    parser.add_argument(
        "--every", type=_duration_s, default=Duration(5), dest="every_s", metavar="TIME", help="default: 5s"
    )


def run(args: Namespace) -> int:
    """Returns 0, 1 when the device never answered or the file cannot be written, 2, 78."""
    try:
        device = device_named(args.device, load(args.config))
        if tools_of(device.driver) is None:
            raise CannotRecord(f"the driver {device.driver.__name__} cannot keep what its devices say")
        with _opened(args.file) as file:
            answered, asked = asyncio.run(_record(device, args, file))
    except ConfigError as exc:
        return print_problems(exc)
    except NoSuchDevice as exc:
        complain(f"s2d record: {exc}")
        return 2
    except S2dError as exc:
        complain(f"s2d record: {exc}")
        return 1
    show(f"{args.file}: answered {answered} of {asked} times")
    return 0 if answered else 1


async def _record(device: DeviceConfig, args: Namespace, file: IO[bytes]) -> tuple[int, int]:
    """How often the device answered, and how often it was asked."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    asked = answered = 0
    live_line = LiveLine(sys.stderr)
    async with visited(device, clock.now) as visit:
        _write(file, _header(device, visit, args.every_s), args.file)
        started_at = loop.time()
        while not stopping.is_set():
            at_s = loop.time() - started_at
            poll = await _poll(visit, round(at_s, 3))
            asked += 1
            answered += not poll.silent
            _write(file, poll, args.file)
            live_line.draw(f"{at_s:.0f} s of {args.for_s:g} s, answered {answered} of {asked} times {poll.silent}")
            next_at = asked * args.every_s
            if next_at > args.for_s:
                break
            try:
                async with asyncio.timeout_at(started_at + next_at):
                    await stopping.wait()
            except TimeoutError:
                pass
    live_line.leave()
    return answered, asked


async def _poll(visit: DeviceVisit, at_s: float) -> RecordedPoll:
    assert visit.tap
    points = [name for name, point in visit.make.points.items() if point.is_readable]
    try:
        await visit.read(points)
    except DeviceUnreachable as exc:
        return RecordedPoll(at_s=at_s, notes=visit.tap.drain_frames(), silent=exc.reason)
    return RecordedPoll(at_s=at_s, notes=visit.tap.drain_frames())


def _header(device: DeviceConfig, visit: DeviceVisit, every_s: float) -> RecordingHeader:
    connection = msgspec.json.decode(msgspec.json.encode(device.connection, enc_hook=_plain), type=dict[str, object])
    public = {key: value for key, value in connection.items() if not any(word in key for word in SECRET)}
    return RecordingHeader(
        device=device.name,
        driver=device.driver.__name__,
        profile=device.profile,
        connection=public,
        points=visit.names,
        started=clock.now().utc.isoformat(),
        every_s=float(every_s),
    )


def _plain(value: object) -> object:
    """What JSON can say of a *value* in a connection."""
    return float(value) if isinstance(value, float) else str(value)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("xb", buffering=0)
    except FileExistsError as exc:
        raise CannotRecord(f"{path} is there already; nothing was overwritten") from exc
    except OSError as exc:
        raise CannotRecord(f"cannot write {path}: {str(exc.strerror).lower()}") from exc


def _write(file: IO[bytes], part: RecordingHeader | RecordedPoll, path: Path) -> None:
    try:
        file.write(line_of(part))
    except OSError as exc:
        raise CannotRecord(f"cannot write {path}: {str(exc.strerror).lower()}") from exc


def _duration_s(written: str) -> Duration:
    minutes = written.removesuffix("m")
    try:
        duration = Duration.parse(f"{minutes} min" if minutes != written else written)
    except ValueError as exc:
        raise ArgumentTypeError(str(exc)) from exc
    if duration < SHORTEST_S:
        raise ArgumentTypeError(f"must be at least {SHORTEST_S:g} s, got {written}")
    return duration
