"""TCP connections to hosts by name or address: names looked up by threads of their own, addresses tried side by side.

A name that nobody answers for starves nobody else. It is looked up by one thread at a time, for which all wait that
want it. What it was last is kept: where it cannot be looked up the host may be there still, but somebody else may be
there, too, and so a connection says since when that is in doubt.

Spec: RFC 8305 (Happy Eyeballs Version 2), sections 3 to 5.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from ipaddress import ip_address
from threading import Thread
from typing import NamedTuple

from .errors import S2dError

ATTEMPT_DELAY_S = 0.25
"""The next address is tried while one has been silent for this long. Spec: RFC 8305, section 5."""
_PATIENCE_S = 1.0
"""For a name whose last address is known nobody waits longer."""


class NotConnected(S2dError):
    """An error: there is no connection to a host; *reason* names the addresses that were tried."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Found(NamedTuple):
    """What was found of a name."""

    addresses: Sequence[str]
    doubted_since: float | None
    """Since when, on the clock of the loop, it cannot be looked up, and this is what it was last; None: it is so."""


class Connection(NamedTuple):
    """A connection to a host."""

    sock: socket.socket
    doubted_since: float | None
    """As in `Found`."""


async def connected(host: str, port: int, within_s: float) -> Connection:
    """A connection to *port* of *host*. Raises: NotConnected."""
    by = asyncio.get_running_loop().time() + within_s
    try:
        async with asyncio.timeout_at(by):
            found = await look_up(host)
    except TimeoutError as exc:
        raise NotConnected(f"no answer within {within_s:g} s to what the address of {host} is") from exc
    except (OSError, ValueError) as exc:
        raise NotConnected(_reason(exc)) from exc
    failures = dict.fromkeys(found.addresses, f"no answer within {within_s:g} s")
    sock = await _first_connected(found.addresses, port, by, failures)
    if sock:
        return Connection(sock, found.doubted_since)
    if list(failures) == [host]:
        raise NotConnected(failures[host])
    raise NotConnected("; ".join(f"{address}: {why}" for address, why in failures.items()))


async def look_up(host: str) -> Found:
    """The addresses of *host*; those it had last, where nobody answers in time what they are.

    Raises: OSError, ValueError: it is not known, and never was.
    """
    if is_address(host):
        return Found([host], None)
    lookup = asyncio.wrap_future(_lookup_of(host))
    last = _found.get(host)
    if last is None:
        return Found(await lookup, None)
    with suppress(TimeoutError, OSError, ValueError):
        async with asyncio.timeout(_PATIENCE_S):
            return Found(await lookup, None)
    return Found(last, _doubted_since.setdefault(host, asyncio.get_running_loop().time()))


def last_addresses(host: str) -> Sequence[str]:
    """The addresses that *host* was last found to have; none for one that is an address itself."""
    return _found.get(host, ())


_found: dict[str, Sequence[str]] = {}
_doubted_since: dict[str, float] = {}
_lookups: "dict[str, Future[Sequence[str]]]" = {}
"""Those that are under way."""


def _lookup_of(host: str) -> "Future[Sequence[str]]":
    if lookup := _lookups.get(host):
        return lookup
    lookup = _lookups[host] = Future()
    lookup.set_running_or_notify_cancel()  # who does not wait any more ends nothing

    def finish() -> None:
        try:
            infos = socket.getaddrinfo(host, 0, 0, socket.SOCK_STREAM)
        except (OSError, ValueError) as exc:
            del _lookups[host]
            lookup.set_exception(exc)
        else:
            # Also where nobody waited for it so long.
            _found[host] = list(dict.fromkeys(_written(address) for _, _, _, _, address in infos))
            _doubted_since.pop(host, None)
            del _lookups[host]
            lookup.set_result(_found[host])

    Thread(target=finish, name=f"lookup {host}", daemon=True).start()
    return lookup


async def _first_connected(
    addresses: Sequence[str], port: int, by: float, failures: dict[str, str]
) -> socket.socket | None:
    """The first of *addresses* that connects *by* then; why the others did not becomes part of *failures*."""
    loop = asyncio.get_running_loop()
    left, attempts = list(addresses), dict[asyncio.Task[socket.socket], str]()
    try:
        async with asyncio.timeout_at(by):
            while left or attempts:
                if left:
                    address = left.pop(0)
                    attempts[loop.create_task(_attempt(address, port))] = address
                wait_s = ATTEMPT_DELAY_S if left else None
                done, _ = await asyncio.wait(attempts, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
                for attempt in done:
                    address = attempts.pop(attempt)
                    try:
                        return attempt.result()
                    except OSError as exc:
                        failures[address] = _reason(exc)
    except TimeoutError:
        pass
    finally:
        for attempt in attempts:
            attempt.cancel()
        for sock in await asyncio.gather(*attempts, return_exceptions=True):
            if isinstance(sock, socket.socket):
                sock.close()
    return None


async def _attempt(address: str, port: int) -> socket.socket:
    # As text it would bring the tables of all letters that a name can have, which take 0.9 MB.
    family, kind, protocol, _, place = socket.getaddrinfo(
        address.encode(), port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, place)
    except BaseException:
        sock.close()
        raise
    return sock


def is_address(host: str) -> bool:
    """Whether *host* is an address, and no name of one."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _written(address: tuple[str | int, ...] | tuple[int, bytes]) -> str:
    """*address* as people write it, with its zone where it has one."""
    host = str(address[0])
    return f"{host}%{address[3]}" if len(address) == 4 and address[3] else host


def _reason(exc: BaseException) -> str:
    if not isinstance(exc, OSError) or exc.errno is None:
        return str(exc)
    if exc.errno < 0:  # a name that is not known has numbers of its own
        return exc.strerror or str(exc)
    return os.strerror(exc.errno)
