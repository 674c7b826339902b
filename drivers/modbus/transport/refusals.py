"""Refusals: what an exception response of a device means, as an error with a sentence; and silence, as others.

Spec: MODBUS Application Protocol V1.1b3, 7.
"""

from collections.abc import Mapping

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

UNKNOWN_FUNCTION, UNKNOWN_VALUE, FAILURE = 1, 3, 4
ABOUT_THE_REQUEST = (1, 2, UNKNOWN_VALUE)
"""Exceptions that will be the same the next time; all others may pass."""

_OTHER_TABLE: dict[Table, Table] = {"holding": "input", "input": "holding", "coil": "discrete", "discrete": "coil"}


class RequestRefused(DeviceRefused):
    """An exception response that repeating the request at once will not change."""

    remedy: Mapping[str, object] = {}
    """The keys of a connection with which it would not have come to that."""

    def __init__(self, unit: str, request: Request, code: int) -> None:
        self.code = code
        meaning, hint = _explained(request, code)
        super().__init__(
            f"{unit} refused to {asked_for(request)}: {meaning} (exception {code}){f'; {hint}' if hint else ''}"
        )

    @property
    def may_pass(self) -> bool:
        """Whether it says nothing of what was asked."""
        return self.code not in ABOUT_THE_REQUEST


class MalformedResponse(RequestRefused):
    """A response that is ours, but not to what was asked: of another function, or of another length.

    Fewer registers than were asked for are a refusal of so many, as an exception 3 is.
    """

    def __init__(self, unit: str, request: Request, pdu: bytes) -> None:
        self.most = 0
        """Registers that it gives at once, where that is why."""
        self.code = FAILURE
        what, hint = f"its answer is {pdu.hex(' ')}", ""
        if pdu[0] != request.function:
            what = f"it answered to function {request.function} with {pdu.hex(' ')}"
        elif not request.is_write and len(pdu) >= 2:
            given, wanted = min(pdu[1], len(pdu) - 2), request.response_size - 2
            what = f"it gave {given} bytes where {wanted} were asked for, {pdu.hex(' ')}"
            if given < wanted:
                self.code = UNKNOWN_VALUE
                self.most = given // 2 if request.block.table in ("holding", "input") else 0
            if self.most:
                self.remedy = {"max_registers": self.most}
                hint = f"; `max_registers: {self.most}` spares it the asking"
        DeviceRefused.__init__(self, f"{unit} did not {asked_for(request)}: {what}{hint}")


class ForeignResponse(DeviceUnreachable):
    """No proper response, but one that fits in all but the number or the unit, or is of another framing."""

    def __init__(self, reason: str, remedy: Mapping[str, object]) -> None:
        super().__init__(reason)
        self.remedy = remedy
        """The keys of a connection that have it taken; may be empty."""


class Busy(DeviceUnreachable):
    """An exception response saying that the device is busy; it will have time."""


class Silent(DeviceUnreachable):
    """No response from a unit, though the way to it is there."""

    def __init__(self, reason: str, remedy: Mapping[str, object] | None = None) -> None:
        super().__init__(reason)
        self.remedy = remedy or {}
        """The keys of a connection with which another answered in its place."""


class GatewaySilent(Silent):
    """A gateway's exception response: it has no answer from the unit."""


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
            return GatewaySilent(f"the gateway has no path to {unit}")
        case 11:
            return GatewaySilent(f"the gateway got no answer from {unit}")
    return RequestRefused(unit, request, code)


def asked_for(request: Request) -> str:
    """*request* as people say it: `read holding registers 10..12`."""
    return f"{'write' if request.is_write else 'read'} {label_of(request.block)}"


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
            own = f"some manuals count from 1, or mean `{other_table}`"
            return "it has no such address", f"{own}; of a profile, `null` takes away a point that the device lacks"
        case 3 if request.is_write:
            return "it does not accept the value", ""
        case 3:
            return "it does not accept the number of registers", ""
        case 4:
            return "it failed to do so", ""
    return "it gave no reason that Modbus defines", ""
