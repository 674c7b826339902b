"""Register bus: a Modbus bus as a device on it sees it; registers of units, and what asking for them costs."""

from collections.abc import Sequence
from typing import Protocol

from s2d.driver import Doubt

from .connection import ModbusConnection
from .register_block import RegisterBlock
from .request_cost import RequestCost


class RegisterBus(Protocol):
    """A bus to the units behind one endpoint."""

    @property
    def connection(self) -> ModbusConnection:
        """As it was opened: its endpoint, line and framing are those of all units, its unit is anybody's."""
        ...

    @property
    def connection_number(self) -> int | None:
        """Another for each connection that was made; None while there is none."""
        ...

    @property
    def doubt(self) -> Doubt | None:
        """As that of a driver, for all on the bus; what is written meanwhile is not sent."""
        ...

    def judge(self, doubt: Doubt, *, is_device: bool) -> None:
        """As that of a driver; what one device on the bus is sure of holds for all."""
        ...

    async def read(self, connection: ModbusConnection, block: RegisterBlock) -> Sequence[int]:
        """The words of *block* of the unit that *connection* names; bits as 0 or 1.

        Raises: DeviceUnreachable: no response, or none that makes sense. BlockSilent: none to this, though the unit is
        there. RequestRefused: an exception response.
        """
        ...

    async def write(
        self, connection: ModbusConnection, block: RegisterBlock, words: Sequence[int], *, is_multiple: bool
    ) -> None:
        """Has the unit take *words* as *block*; returns when it acknowledged.

        Raises: DeviceUnreachable: no response, or none that makes sense. RequestRefused: an exception response.
        """
        ...

    def oddities_of(self, connection: ModbusConnection) -> Sequence[str]:
        """What is odd about how the unit that *connection* names speaks, though it is understood; only ever grows."""
        ...

    def cost(self, connection: ModbusConnection) -> RequestCost:
        """What a read from the unit that *connection* names costs, as far as is known; the same until that changes."""
        ...
