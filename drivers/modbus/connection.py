"""Where a Modbus device is found: what stands under `connection:`."""

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct, field

from s2d.quantities import Duration


class Line(NamedTuple):
    """How a serial line is set."""

    baudrate: int
    parity: str
    stopbits: int

    def __str__(self) -> str:
        return f"{self.baudrate} 8{self.parity}{self.stopbits}"


class ModbusConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Modbus TCP server (`host`) or an RTU line (`serial`), and which unit there."""

    host: Annotated[str, Meta(min_length=1, description="Name or address of a Modbus TCP device")] | None = None
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port")] = 502
    serial: (
        Annotated[str, Meta(min_length=1, description="Serial port of an RTU line, best from /dev/serial/by-id/")]
        | None
    ) = None
    baudrate: Annotated[int, Meta(ge=300, le=4_000_000, description="Bits per second of the line")] = 9600
    parity: Annotated[Literal["N", "E", "O"], Meta(description="None, even or odd")] = "N"
    stopbits: Annotated[Literal[1, 2], Meta(description="Stop bits of the line")] = 1
    unit: Annotated[int, Meta(ge=0, le=255, description="Modbus unit id of the device: 0..247, or 255")] = 1
    timeout_s: Annotated[Duration, Meta(description="Longest wait for an answer; 1 s by default")] = field(
        name="timeout", default_factory=lambda: Duration(1)
    )
    gap_s: Annotated[
        Duration | None,
        Meta(description="Silence before each request; on a serial line 3.5 characters by default, else none"),
    ] = field(name="gap", default=None)

    def __post_init__(self) -> None:
        """Raises: ValueError: settings that make no sense together."""
        if self.host is None and self.serial is None:
            raise ValueError("say where the device is: `host: 192.168.1.20`, or `serial: /dev/serial/by-id/…`")
        if self.host is not None and self.serial is not None:
            raise ValueError("`host` and `serial` exclude each other: a device is on the network or on a serial line")
        if self.host is not None and self.line != (9600, "N", 1):
            raise ValueError("`baudrate`, `parity` and `stopbits` belong to `serial`, not to `host`")
        if self.serial is not None and self.port != 502:
            raise ValueError("`port` is a TCP port and belongs to `host`, not to `serial`")
        if 247 < self.unit < 255:
            raise ValueError(f"unit: expected 0..247 or 255, got {self.unit}")
        if self.serial is not None and self.unit == 0:
            raise ValueError("unit: 0 addresses everybody on a serial line, and nobody answers; expected 1..247")
        if self.timeout_s <= 0:
            raise ValueError("timeout: must be above 0 s")
        if self.gap_s is not None and self.gap_s < 0:
            raise ValueError("gap: must not be below 0 s")

    @property
    def line(self) -> Line:
        return Line(self.baudrate, self.parity, self.stopbits)

    @property
    def endpoint(self) -> str:
        """What all units behind one owner share, as an owner reads it: `192.168.1.20:502` or the serial port."""
        if self.serial is not None:
            return self.serial
        return f"[{self.host}]:{self.port}" if ":" in str(self.host) else f"{self.host}:{self.port}"

    @property
    def silence_s(self) -> float:
        """Silence on the line before each request.

        Spec: MODBUS over Serial Line V1.02, 2.5.1.1: 3.5 characters of 11 bits; 1.75 ms above 19200 baud.
        """
        if self.gap_s is not None:
            return self.gap_s
        return max(3.5 * 11 / self.baudrate, 0.00175) if self.serial else 0.0
