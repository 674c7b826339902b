"""What a device's exception response means, in sentences.

Spec: MODBUS Application Protocol V1.1b3, 7.
"""

from dataclasses import dataclass

from s2d.errors import DeviceError, DeviceRefused, DeviceUnreachable

from .plan import Block
from .registers import Table

NOUNS: dict[Table, str] = {
    "holding": "holding register",
    "input": "input register",
    "coil": "coil",
    "discrete": "discrete input",
}
"""What one place of a table is called."""

_OTHER_TABLE: dict[Table, Table] = {"holding": "input", "input": "holding", "coil": "discrete", "discrete": "coil"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a device was asked to do, as far as an error message tells it."""

    unit: str
    """Such as `unit 1 at 192.168.1.20:502`."""
    block: Block
    written_with: str = ""
    """`single` or `multiple`; empty when it was asked to read."""

    def __str__(self) -> str:
        noun, first, last = NOUNS[self.block.table], self.block.register, self.block.register + self.block.count - 1
        place = f"{noun} {first}" if first == last else f"{noun}s {first}..{last}"
        return f"{'write' if self.written_with else 'read'} {place}"


class Refused(DeviceRefused):
    """The device answered with an exception."""

    def __init__(self, asked: Asked, code: int) -> None:
        self.asked = asked
        self.code = code
        meaning, hint = _explained(asked, code)
        super().__init__(f"{asked.unit} refused to {asked}: {meaning} (exception {code}){f'; {hint}' if hint else ''}")


def refusal_of(asked: Asked, code: int) -> DeviceError:
    """The error that the exception *code* in answer to *asked* is: worth another try, or not."""
    match code:
        case 5 | 6:
            return DeviceUnreachable(f"{asked.unit} is busy")
        case 10:
            return DeviceUnreachable(f"the gateway has no path to {asked.unit}")
        case 11:
            return DeviceUnreachable(f"the gateway got no answer from {asked.unit}")
    return Refused(asked, code)


def _explained(asked: Asked, code: int) -> tuple[str, str]:
    other_table = f"table: {_OTHER_TABLE[asked.block.table]}"
    match code:
        case 1 if asked.written_with:
            other = "multiple" if asked.written_with == "single" else "single"
            return "it does not know the function", f"it may want `write: {other}`" * (asked.block.count == 1)
        case 1:
            return "it does not know the function", f"it may want `{other_table}`"
        case 2 if asked.written_with:
            return "it has no such address", "some manuals count from 1"
        case 2:
            return "it has no such address", f"some manuals count from 1, or mean `{other_table}`"
        case 3 if asked.written_with:
            return "it does not accept the value", ""
        case 3:
            return "it does not accept the number of registers", ""
        case 4:
            return "it failed to do so", ""
    return "it gave no reason that Modbus defines", ""
