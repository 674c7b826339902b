"""Byte streams: a TCP connection or a serial port, as bytes sent and received. The only module that knows pyserial.

Nothing here waits longer than its caller does, and nothing is retried.
"""

import asyncio
import os
import termios
from abc import ABC, abstractmethod
from contextlib import suppress

from s2d.driver import Doubt
from s2d.tcp import connected

from ..request_cost import LineSettings

_MOST_UNREAD = 1024
"""Bytes nobody asked for are forgotten beyond this; the longest frame has 260."""


class ByteStream(ABC):
    """A byte stream to a Modbus server or a line: what was received and not yet taken, and whether more can come."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._awaited: asyncio.Future[None] | None = None
        self.received = bytearray()
        self.heard_at = 0.0
        """When something was last received, on the clock of the loop."""
        self.is_lost = False
        self.doubt: Doubt | None = None
        """Why it may lead to another device than is meant."""

    async def arrival(self) -> None:
        """Returns when something more has been received.

        Raises: ConnectionResetError: the other end went away.
        """
        if not self.is_lost:
            self._awaited = self._loop.create_future()
            try:
                await self._awaited
            finally:
                self._awaited = None
        if self.is_lost:
            raise ConnectionResetError

    @abstractmethod
    def send(self, frame: bytes) -> None:
        """Sends *frame*, whole.

        Raises: OSError: that cannot be done.
        """

    @abstractmethod
    def close(self) -> None:
        """Hangs up at once, whatever is still to be sent."""

    def _receive(self, received: bytes) -> None:
        self.received += received
        del self.received[:-_MOST_UNREAD]
        self.heard_at = self._loop.time()
        self._wake()

    def _lose(self) -> None:
        self.is_lost = True
        self._wake()

    def _wake(self) -> None:
        if self._awaited and not self._awaited.done():
            self._awaited.set_result(None)


class TcpStream(ByteStream, asyncio.Protocol):
    """A TCP connection as a byte stream."""

    _transport: asyncio.Transport

    @classmethod
    async def opened(cls, host: str, port: int, within_s: float) -> "TcpStream":
        """Raises: NotConnected: no such host, or it does not accept within *within_s*."""
        connection = await connected(host, port, within_s)
        address = connection.sock.getpeername()[0]
        _, stream = await asyncio.get_running_loop().create_connection(cls, sock=connection.sock)
        if connection.doubted_since is not None:
            stream.doubt = Doubt(connection.doubted_since, address)
        return stream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._receive(data)

    def eof_received(self) -> None:
        self._lose()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose()

    def send(self, frame: bytes) -> None:
        self._transport.write(frame)

    def close(self) -> None:
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # closing would wait until all is sent
        else:
            self._transport.close()


class SerialStream(ByteStream):
    """A serial port as a byte stream, opened for us alone."""

    def __init__(self, path: str, line: LineSettings) -> None:
        """Raises: OSError, ValueError, termios.error: no such port, in use, or not allowed."""
        from serial import Serial  # only for who has a serial line

        super().__init__()
        self._port = Serial(
            path,
            baudrate=line.baudrate,
            parity=line.parity,
            stopbits=line.stopbits,
            exclusive=True,
            timeout=0,
            write_timeout=0,
        )
        with suppress(OSError, ValueError, NotImplementedError):
            # Adapters by FTDI keep what they hear for 16 ms otherwise, more than most frames take.
            self._port.set_low_latency_mode(True)
        self._number = self._port.fileno()
        self._loop.add_reader(self._number, self._read)

    def send(self, frame: bytes) -> None:
        if os.write(self._number, frame) < len(frame):
            raise OSError("the serial port takes no more")

    def close(self) -> None:
        self._loop.remove_reader(self._number)
        with suppress(termios.error):
            termios.tcflush(self._number, termios.TCIOFLUSH)  # closing would wait until all is sent
        self._port.close()

    def _read(self) -> None:
        try:
            received = os.read(self._number, _MOST_UNREAD)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if received:
            self._receive(received)
        else:  # an adapter that was unplugged is for ever ready to give nothing
            self._loop.remove_reader(self._number)
            self._lose()
