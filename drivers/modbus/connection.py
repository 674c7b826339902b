"""Modbus connection: where a device is found, as it stands under `connection:`."""

import os
import re
from ipaddress import ip_address
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from s2d.quantities import Duration, limits

from .read_planner import MOST_REGISTERS
from .register_block import RegisterBlock, Table
from .request_cost import LineSettings, RequestCost, cost_on_line, cost_on_network

_HOLE = r"^((holding|input|coil|discrete) )?\d{1,5}(\.\.\d{1,5})?$"
_TABLES: tuple[Table, ...] = ("holding", "input", "coil", "discrete")

Hole = Annotated[
    str, Meta(pattern=_HOLE, extra={"expected": 'registers as "100..120", or with their table as "input 100..120"'})
]


class ModbusConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Modbus TCP server (`host`) or an RTU line (`serial`), and which unit there."""

    host: Annotated[str, Meta(min_length=1, description="Name or address of a Modbus TCP device")] | None = None
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port")] = 502
    framing: Annotated[
        Literal["tcp", "rtu"] | None,
        Meta(description="What is spoken: rtu through a `host` that only passes a serial line on; tcp by default"),
    ] = None
    transaction_ids: Annotated[
        Literal["checked", "ignored"],
        Meta(
            description="Whether the transaction number of a response must be that of its request; ignored: a device "
            "that has numbers of its own"
        ),
    ] = "checked"
    serial: (
        Annotated[str, Meta(min_length=1, description="Serial port of an RTU line, best from /dev/serial/by-id/")]
        | None
    ) = None
    baudrate: Annotated[int, Meta(ge=300, le=4_000_000, description="Bits per second of the line")] = 9600
    parity: Annotated[Literal["N", "E", "O"], Meta(description="None, even or odd")] = "N"
    stopbits: Annotated[Literal[1, 2], Meta(description="Stop bits of the line")] = 1
    unit: Annotated[int, Meta(ge=0, le=255, description="Modbus unit id of the device: 0..247, or 255")] = 1
    timeout_s: Annotated[
        Duration,
        Meta(
            description="Longest wait for an answer, beside what the line itself needs; 1 s by default",
            extra=limits("10 ms", "5 min"),
        ),
    ] = field(name="timeout", default_factory=lambda: Duration(1))
    gap_s: Annotated[
        Duration | None,
        Meta(
            description="Silence before each request to it; on a serial line 3.5 characters by default, else none",
            extra=limits("0 s", "1 min"),
        ),
    ] = field(name="gap", default=None)
    warm_up_s: Annotated[
        Duration,
        Meta(
            description="How long to leave it alone after connecting; no time by default", extra=limits("0 s", "10 min")
        ),
    ] = field(name="warm_up", default_factory=lambda: Duration(0))
    address_base: Annotated[
        Literal[0, 1] | None, Meta(description="What its manual counts registers from; 0 by default")
    ] = None
    write: Annotated[
        Literal["single", "multiple"] | None,
        Meta(description="Function for writing where the point says nothing; single by default for one register"),
    ] = None
    max_registers: Annotated[int, Meta(ge=1, le=MOST_REGISTERS, description="Most registers that it gives at once")] = (
        MOST_REGISTERS
    )
    holes: Annotated[
        tuple[Hole, ...], Meta(description='Registers that are never read over, as "100..120" or "input 100..120"')
    ] = ()

    def __post_init__(self) -> None:
        """Raises: ValueError: settings that make no sense together."""
        if self.host is None and self.serial is None:
            raise ValueError("say where the device is: `host: 192.168.1.20`, or `serial: /dev/serial/by-id/…`")
        if self.host is not None and self.serial is not None:
            raise ValueError("`host` and `serial` exclude each other: a device is on the network or on a serial line")
        if self.host is not None and ("/" in self.host or re.search(r"^[^:]+:\d+$|[\s\[\]]", self.host)):
            raise ValueError(
                f"host: expected a name or an address alone, got {self.host!r}; the `port` has its own key"
            )
        if self.host is not None and re.fullmatch(r"[\d.]+|.*:.*", self.host) and not _is_address(self.host):
            raise ValueError(f"host: {self.host!r} is no address; one looks like 192.168.1.20")
        if self.host is not None and not self.is_rtu and self.line != (9600, "N", 1):
            raise ValueError(
                "`baudrate`, `parity` and `stopbits` belong to `serial`, not to `host`; beside `framing: rtu` "
                "they are those of the line that the host passes on"
            )
        if self.serial is not None and self.port != 502:
            raise ValueError("`port` is a TCP port and belongs to `host`, not to `serial`")
        if self.serial is not None and self.framing == "tcp":
            raise ValueError("framing: a serial line speaks rtu; leave it out")
        if self.is_rtu and not self.is_number_checked:
            raise ValueError("transaction_ids: RTU has no transaction numbers; leave it out")
        if 247 < self.unit < 255:
            raise ValueError(f"unit: expected 0..247 or 255, got {self.unit}")
        if self.is_rtu and not 0 < self.unit < 248:
            raise ValueError(f"unit: nobody on a serial line answers to {self.unit}; expected 1..247")
        if self.timeout_s <= 0:
            raise ValueError("timeout: must be above 0 s")
        if self.gap_s is not None and self.gap_s < 0:
            raise ValueError("gap: must not be below 0 s")
        if self.warm_up_s < 0:
            raise ValueError("warm_up: must not be below 0 s")
        _ = self.hole_blocks

    @property
    def is_rtu(self) -> bool:
        """Whether frames are those of a serial line, on one or through a TCP connection."""
        return self.serial is not None or self.framing == "rtu"

    @property
    def is_number_checked(self) -> bool:
        """Whether the transaction number of a response counts."""
        return self.transaction_ids == "checked"

    @property
    def line(self) -> LineSettings:
        """The serial line, also that behind a `host` which passes one on; a usual one if nothing is said of it."""
        return LineSettings(self.baudrate, self.parity, self.stopbits)

    @property
    def endpoint(self) -> str:
        """What all units behind one owner share, as an owner reads it: `192.168.1.20:502` or the serial port."""
        if self.serial is not None:
            return self.serial
        return f"[{self.host}]:{self.port}" if ":" in str(self.host) else f"{self.host}:{self.port}"

    @property
    def bus(self) -> tuple[str | int, ...]:
        """The same for all that share one owner, however they write its name or call a serial port."""
        if self.serial is not None:
            return "serial", os.path.realpath(self.serial)
        return "tcp", str(self.host).lower(), self.port

    @property
    def place(self) -> str:
        """The device, as an owner reads it: `unit 1 at 192.168.1.20:502`."""
        return f"unit {self.unit} at {self.endpoint}"

    @property
    def silence_s(self) -> float:
        """Silence before each request to this unit."""
        if self.gap_s is not None:
            return self.gap_s
        return self.line.silence_s if self.is_rtu else 0.0

    @property
    def hole_blocks(self) -> list[RegisterBlock]:
        """`holes`, by their addresses on the wire.

        Raises: ValueError: a range that ends before it begins or beyond 65535.
        """
        blocks: list[RegisterBlock] = []
        for hole in self.holes:
            where, _, place = hole.rpartition(" ")
            low, _, high = place.partition("..")
            first, last = int(low) - (self.address_base or 0), int(high or low) - (self.address_base or 0)
            if not re.fullmatch(_HOLE, hole) or not 0 <= first <= last <= 65535:
                raise ValueError(f'holes: {hole} is no range of registers; write it as "100..120"')
            blocks += (RegisterBlock(table, first, last - first + 1) for table in _TABLES if where in ("", table))
        return blocks

    def cost(self, turnaround_s: float | None = None) -> RequestCost:
        """What a read costs, of a unit that takes *turnaround_s* to answer; None where nobody has seen it yet."""
        if self.is_rtu:
            return cost_on_line(self.line, turnaround_s, self.silence_s)
        return cost_on_network(turnaround_s, self.silence_s)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
