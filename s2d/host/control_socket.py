"""The control socket of a state directory: who may use its files asks the daemon at work there, a line each way.

The kernel lets nobody else connect. Spec: unix(7).
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

SOCKET = "control.sock"
WITHIN_S = 5.0
"""Who has asked nothing by then, or not answered, is not waited for any longer."""
_LONGEST = 65_536


@asynccontextmanager
async def listening(folder: Path, answer: Callable[[bytes], bytes]) -> AsyncIterator[None]:
    """Has *answer* answer each line that is asked in *folder*, of which one has the lock, while the context lasts.

    Raises: OSError: there can be no socket.
    """
    talks: set[_Talk] = set()
    with _reached(folder) as path:
        _remove(path)  # of a process that was killed
        server = await asyncio.get_running_loop().create_unix_server(lambda: _Talk(answer, talks), sock=_bound(path))
        try:
            yield
        finally:
            server.close()
            for each in [*talks]:
                each.end()
            await asyncio.sleep(0)
            _remove(path)


def ask(folder: Path, question: bytes) -> bytes:
    """What the daemon at work in *folder* answers to *question*, a line without its end.

    Raises: OSError: nobody answers, or one may not ask.
    """
    answer = b""
    with _reached(folder) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(WITHIN_S)
        connection.connect(path)
        connection.sendall(question + b"\n")
        while not answer.endswith(b"\n"):
            piece = connection.recv(_LONGEST)
            if not piece:
                raise ConnectionResetError("it gave no answer")
            answer += piece
    return answer[:-1]


class _Talk(asyncio.Protocol):
    """A talk with one who asks: one line, one answer."""

    def __init__(self, answer: Callable[[bytes], bytes], talks: "set[_Talk]") -> None:
        self._answer = answer
        self._talks = talks
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._talks.add(self)
        self._is_late = asyncio.get_running_loop().call_later(WITHIN_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._asked += data
        question, end, _ = self._asked.partition(b"\n")
        if end:
            self._transport.pause_reading()
            self._transport.write(self._answer(question) + b"\n")
            self._transport.close()
        elif len(self._asked) > _LONGEST:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_late.cancel()
        self._talks.discard(self)

    def end(self) -> None:
        self._transport.abort()


@contextmanager
def _reached(folder: Path) -> Iterator[str]:
    """A path of the socket in *folder* that is short enough for one, however long its own is. Raises: OSError."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def _bound(path: str) -> socket.socket:
    """A socket at *path* for its user alone; that of root is for whom the folder belongs to. Raises: OSError."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(bound.fileno(), 0o600)  # before it has a name by which anybody could reach it
        bound.bind(path)
        if os.geteuid() == 0:
            folder = os.stat(os.path.dirname(path))
            os.chown(path, folder.st_uid, folder.st_gid)
    except OSError:
        bound.close()
        raise
    return bound


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
