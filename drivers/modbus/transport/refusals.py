"""Refusals: what an exception response of a device means, as an error with a sentence; and silence, as others.

Spec: MODBUS Application Protocol V1.1b3, 7.
"""

from s2d.errors import DeviceError, DeviceRefused, DeviceUnreachable

from ..register_block import RegisterBlock, Table
from .request import Request

NOUNS: dict[Table, str] = {
    "holding": "holding register",
    "input": "input register",
    "coil": "coil",
    "discrete": "discrete input",
}
"""What one register or bit of a table is called."""

UNKNOWN_FUNCTION = 1

_OTHER_TABLE: dict[Table, Table] = {"holding": "input", "input": "holding", "coil": "discrete", "discrete": "coil"}


class RequestRefused(DeviceRefused):
    """An exception response that repeating the request will not change."""

    def __init__(self, unit: str, request: Request, code: int) -> None:
        self.code = code
        meaning, hint = _explained(request, code)
        asked = f"{'write' if request.is_write else 'read'} {label_of(request.block)}"
        super().__init__(f"{unit} refused to {asked}: {meaning} (exception {code}){f'; {hint}' if hint else ''}")


class Busy(DeviceUnreachable):
    """An exception response saying that the device is busy; it will have time."""


class Silent(DeviceUnreachable):
    """No response from a unit, though the way to it is there."""


class BlockSilent(Silent):
    """No response to this request, though the unit responds to others: what is silent is the block."""


class BackingOff(DeviceUnreachable):
    """The bus backs off from the unit, which was silent; nothing was sent."""


def refusal_of(unit: str, request: Request, code: int) -> DeviceError:
    """The error that the exception *code* in response to *request* is; *unit*: as `unit 1 at 192.168.1.20:502`."""
    match code:
        case 5 | 6:
            return Busy(f"{unit} is busy")
        case 10:
            return Silent(f"the gateway has no path to {unit}")
        case 11:
            return Silent(f"the gateway got no answer from {unit}")
    return RequestRefused(unit, request, code)


def label_of(block: RegisterBlock) -> str:
    """*block* as people say it: `holding registers 10..12`."""
    noun, first, last = NOUNS[block.table], block.register, block.register + block.count - 1
    return f"{noun} {first}" if first == last else f"{noun}s {first}..{last}"


def _explained(request: Request, code: int) -> tuple[str, str]:
    block = request.block
    other_table = f"table: {_OTHER_TABLE[block.table]}"
    match code:
        case 1 if request.is_write:
            other = "single" if request.is_multiple else "multiple"
            return "it does not know the function", f"it may want `write: {other}`" * (block.count == 1)
        case 1:
            return "it does not know the function", f"it may want `{other_table}`"
        case 2 if request.is_write:
            return "it has no such address", "some manuals count from 1"
        case 2:
            return "it has no such address", f"some manuals count from 1, or mean `{other_table}`"
        case 3 if request.is_write:
            return "it does not accept the value", ""
        case 3:
            return "it does not accept the number of registers", ""
        case 4:
            return "it failed to do so", ""
    return "it gave no reason that Modbus defines", ""
