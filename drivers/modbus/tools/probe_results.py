"""Probe results: what came of requests to a place that nobody configured yet."""

from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

from msgspec.structs import replace

from s2d.errors import DeviceUnreachable
from s2d.quantities import Duration
from s2d.text import yaml_text

from ..connection import ModbusConnection
from ..read_planner import MOST_REGISTERS
from ..register_block import RegisterBlock
from ..transport.bus import ModbusBus
from ..transport.refusals import Busy, ForeignResponse, RequestRefused, Silent

MODBUS_PORT = 502

Part = str | Sequence[Sequence[str]]
Parity = Literal["N", "E", "O"]
Outcome = Literal["words", "refused", "foreign", "silent", "lost"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of one request to one unit."""

    outcome: Outcome
    """Words, an exception, an answer that is none to this, nothing though the way is there, or no proper connection."""
    seconds: float
    words: Sequence[int] = ()
    reason: str = ""
    remedy: Mapping[str, object] = field(default_factory=dict)
    """The keys of a connection with which it would have gone otherwise."""

    @property
    def is_there(self) -> bool:
        """Whether a Modbus unit answered, if only with no."""
        return self.outcome in ("words", "refused")

    @property
    def is_foreign(self) -> bool:
        """Whether something answered that would be taken with other keys, or cannot be."""
        return self.outcome == "foreign" or (self.outcome == "silent" and bool(self.remedy))

    @property
    def is_port_missing(self) -> bool:
        """Whether there is nothing to speak to, however one speaks."""
        return self.outcome == "lost" and self.reason.startswith("cannot ")


@dataclass
class FoundDevices:
    """The devices that were found. See `s2d.commissioning.tools.SurveyResult`."""

    parts: list[Part] = field(default_factory=list)
    connections: list[Mapping[str, Any]] = field(default_factory=list)


async def probed(bus: ModbusBus, connection: ModbusConnection, block: RegisterBlock) -> ProbeResult:
    """What comes of reading *block*."""
    began = perf_counter()
    try:
        words = await bus.read(connection, block)
    except RequestRefused as exc:
        return ProbeResult("refused", perf_counter() - began, reason=exc.reason, remedy=exc.remedy)
    except Busy as exc:
        return ProbeResult("refused", perf_counter() - began, reason=exc.reason)
    except ForeignResponse as exc:
        return ProbeResult("foreign", perf_counter() - began, reason=exc.reason, remedy=exc.remedy)
    except Silent as exc:
        return ProbeResult("silent", perf_counter() - began, reason=exc.reason, remedy=exc.remedy)
    except DeviceUnreachable as exc:
        return ProbeResult("lost", perf_counter() - began, reason=exc.reason)
    return ProbeResult("words", perf_counter() - began, words)


async def answering(
    bus: ModbusBus, connection: ModbusConnection, block: RegisterBlock
) -> list[tuple[ModbusConnection, ProbeResult]]:
    """What comes of reading *block*, and of doing so with the keys that the answers ask for; the last counts."""
    trials = [(connection, await probed(bus, connection, block))]
    while (better := cured(*trials[-1])) and better not in [way for way, _ in trials]:
        trials.append((better, await probed(bus, better, block)))
    return trials


def cured(connection: ModbusConnection, result: ProbeResult) -> ModbusConnection | None:
    """*connection* with the keys that *result* asks for; None if it asks for none, or for another bus."""
    if result.is_there or not result.remedy or "framing" in result.remedy:
        return None
    return replace(connection, **result.remedy)


def at_unit(connection: ModbusConnection, unit: int) -> ModbusConnection:
    """*connection* with another unit."""
    return replace(connection, unit=unit)


def at_line(serial: str, baudrate: int, parity: Parity, timeout_s: Duration) -> ModbusConnection:
    """A serial line set so."""
    return ModbusConnection(serial=serial, baudrate=baudrate, parity=parity, timeout_s=timeout_s)


def settings_of(connection: ModbusConnection) -> dict[str, Any]:
    """What has to stand under `connection:`, the settings of a line in any case: a profile may think otherwise."""
    most = {"max_registers": connection.max_registers} if connection.max_registers < MOST_REGISTERS else {}
    if connection.serial is not None:
        line = {"serial": connection.serial, "baudrate": connection.baudrate, "parity": connection.parity}
        return {**line, "unit": connection.unit, **most}
    port = {"port": connection.port} if connection.port != MODBUS_PORT else {}
    framing = {"framing": connection.framing} if connection.framing else {}
    numbers = {} if connection.is_number_checked else {"transaction_ids": connection.transaction_ids}
    return {"host": connection.host, **port, **framing, **numbers, "unit": connection.unit, **most}


def in_yaml(mapping: Mapping[str, Any]) -> str:
    """*mapping* on one line of YAML."""
    words = {key: yaml_text(value) if isinstance(value, str) else value for key, value in mapping.items()}
    return "{" + ", ".join(f"{key}: {word}" for key, word in words.items()) + "}"


def numbers(text: str, most: int, what: str) -> list[int]:
    """The numbers in *text*, such as `1,3..5`.

    Raises: ValueError: none, or one above *most*.
    """
    found: list[int] = []
    for part in text.split(","):
        low, _, high = part.strip().partition("..")
        if not (low.isdecimal() and (high or low).isdecimal() and int(low) <= int(high or low) <= most):
            raise ValueError(f"{what}: expected numbers up to {most} such as 3 or 1..10, got {text}")
        found += range(int(low), int(high or low) + 1)
    return found


def wait_s(text: str) -> float:
    """The time in s to wait for an answer that *text* says.

    Raises: ArgumentTypeError: it says none that makes sense.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 300:
        raise ArgumentTypeError(f"expected seconds from 0.01 to 300, got {text}")
    return seconds


def port_of(text: str) -> int:
    """The TCP port *text*.

    Raises: ValueError: there is no such port.
    """
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise ValueError(f"expected a port from 1 to 65535, got {text}")
    return int(text)
