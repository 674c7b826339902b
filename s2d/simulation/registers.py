"""The Modbus registers of the simulated battery: its register map. Pure, knows no server.

Values are computed when somebody asks; nothing is kept here that the battery does not know.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

from .battery import SimulatedBattery
from .faults import Faults

Table = Literal["holding", "input", "coil", "discrete"]

_ILLEGAL_FUNCTION = 1


class Registers(Protocol):
    """The Modbus registers of a simulated device, one 16-bit word per address; a bit is a word that is 0 or 1."""

    def read(self, address: int, count: int, now_s: float, table: Table = "holding") -> list[int]:
        """*count* words from *address* on.

        Raises: LookupError: one of them does not exist. ExceptionResponse, NoResponse: it is answered so.
        """
        ...

    def write(self, address: int, words: Sequence[int], now_s: float, table: Table = "holding") -> None:
        """Writes *words* from *address* on, all or none.

        Raises: LookupError: one does not exist or cannot be written. ValueError: a value it does not take.
        """
        ...


class ExceptionResponse(Exception):
    """A Modbus exception response to a request.

    Spec: MODBUS Application Protocol V1.1b3, 7.
    """

    def __init__(self, code: int) -> None:
        self.code = code

    def __str__(self) -> str:
        return f"exception {self.code}"


class NoResponse(Exception):
    """No response: a request is left unanswered."""


class Register(NamedTuple):
    """A register, or several: one value of the battery, its address and its type."""

    address: int
    name: str
    type: Literal["int16", "uint16", "string[16]"]
    unit: str
    meaning: str
    read: Callable[[SimulatedBattery], float | str]
    """The value in `unit`."""
    write: Callable[[SimulatedBattery, int, float], None] | None = None
    """Takes the value and the time; None where it is read only."""

    @property
    def size(self) -> int:
        """Words it takes."""
        return 8 if self.type == "string[16]" else 1

    def words_of(self, value: float | str) -> list[int]:
        """*value* as it travels.

        Raises: ValueError: it does not fit.
        """
        try:
            if isinstance(value, str):
                text = value.encode("ascii").ljust(16, b"\0")
                if len(text) > 16:
                    raise ValueError
                return [int.from_bytes(text[at : at + 2], "big") for at in range(0, 16, 2)]
            return [int.from_bytes(round(value).to_bytes(2, "big", signed=self.type == "int16"), "big")]
        except (ValueError, OverflowError):
            shown = value if isinstance(value, str) else f"{value:g}"
            raise ValueError(f"{self.name}: {shown} does not fit into {self.type}") from None

    def value_of(self, word: int) -> int:
        """The value that *word* encodes."""
        return int.from_bytes(word.to_bytes(2, "big"), "big", signed=self.type == "int16")


def _switch_fault(battery: SimulatedBattery, value: int, now_s: float) -> None:
    if value not in (0, 1):
        raise ValueError("the fault switch is 0 or 1")
    battery.set_fault(value == 1, now_s)


REGISTERS = (
    Register(842, "power", "int16", "W", "power now, charging positive", lambda b: b.power_w),
    Register(843, "soc", "uint16", "0.1 %", "state of charge", lambda b: b.soc_percent * 10),
    Register(844, "status", "uint16", "", "0 idle, 1 charging, 2 discharging, 3 fault", lambda b: b.status),
    Register(845, "fault", "uint16", "", "fault code, 0 none", lambda b: b.fault),
    Register(850, "serial_number", "string[16]", "", "ASCII, filled up with zeros", lambda b: b.serial_number),
    Register(
        2700,
        "power_setpoint",
        "int16",
        "W",
        "power it shall take or give, lapses to 0",
        lambda b: b.setpoint_w,
        SimulatedBattery.order,
    ),
    Register(
        2701,
        "watchdog",
        "uint16",
        "s",
        "a setpoint not rewritten for so long lapses, 0 never",
        lambda b: b.watchdog_s,
        SimulatedBattery.set_watchdog,
    ),
    Register(2710, "capacity", "uint16", "10 Wh", "energy between 0 % and 100 %", lambda b: b.capacity_wh / 10),
    Register(2711, "max_charge_power", "int16", "W", "most it takes", lambda b: b.max_charge_power_w),
    Register(2712, "max_discharge_power", "int16", "W", "most it gives", lambda b: b.max_discharge_power_w),
    Register(2799, "fault_switch", "uint16", "", "1 switches a fault on, 0 off", lambda b: b.fault, _switch_fault),
)


_MEASURED = ("power", "soc")


def register_table() -> str:
    """`REGISTERS` as text, one line each."""
    lines = []
    for register in REGISTERS:
        addresses = f"{register.address}" + (f"..{register.address + register.size - 1}" if register.size > 1 else "")
        access = "read, write" if register.write else "read"
        lines.append(f"{addresses:10}{register.type:12}{register.unit:7}{access:13}{register.name}: {register.meaning}")
    return "\n".join(lines)


class BatteryRegisters:
    """The registers of *battery*. *on_write* is called for every value written: register name and value.

    Holding and input registers are the same; there are no bits.
    """

    def __init__(
        self,
        battery: SimulatedBattery,
        on_write: Callable[[str, int], None] = lambda name, value: None,
        faults: Faults | None = None,
    ) -> None:
        """Raises: ValueError: the battery is too large for its registers, or its serial number too long."""
        for register in REGISTERS:
            register.words_of(register.read(battery))
        self._battery = battery
        self._on_write = on_write
        self._faults = faults or Faults()
        self._at = {
            register.address + index: (register, index) for register in REGISTERS for index in range(register.size)
        }

    def read(self, address: int, count: int, now_s: float, table: Table = "holding") -> list[int]:
        """See `Registers`."""
        self._advance(now_s)
        found = [self._found(wanted, table) for wanted in range(address, address + count)]
        return [self._words_of(register)[index] for register, index in found]

    def write(self, address: int, words: Sequence[int], now_s: float, table: Table = "holding") -> None:
        """See `Registers`."""
        self._advance(now_s)
        found = [self._found(wanted, table)[0] for wanted in range(address, address + len(words))]
        if not all(register.write for register in found):
            raise LookupError(f"{address}: read only")
        for register, word in zip(found, words, strict=True):
            assert register.write is not None
            register.write(self._battery, register.value_of(word), now_s)
            self._on_write(register.name, register.value_of(word))

    def _advance(self, now_s: float) -> None:
        if self._faults.is_on("forgets") and self._battery.watchdog_s != self._faults.forgets_s:
            self._battery.set_watchdog(self._faults.forgets_s, now_s)
        self._battery.advance(now_s)

    def _found(self, address: int, table: Table) -> tuple[Register, int]:
        if table in ("coil", "discrete"):
            raise ExceptionResponse(_ILLEGAL_FUNCTION)
        return self._at[address]

    def _words_of(self, register: Register) -> list[int]:
        if register.name in _MEASURED and self._faults.is_on("nan"):
            return [0x8000 if register.type == "int16" else 0xFFFF]
        return register.words_of(register.read(self._battery))
