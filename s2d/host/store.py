"""The store, the one door to what must survive a restart: who this gateway is, values by key, and logs of lines.

    memory = store.get(Key("timers", "Home battery"), Timers) or Timers()     # as it was left
    store.put_soon(Key("timers", "Home battery"), memory)                     # returns at once, written within 10 min
    store.put_soon(Key("limit", "Home battery"), limit, within_s=0)           # likewise, written now
    await store.put(Key("before", "Home battery", "reserve"), 12.5)           # on the disk, or StoreError

How it is kept is the store's own affair; so far it is small files, each written whole or not at all. Values belong to
the process that has the lock of the state directory, logs to all. To be used on one event loop.
"""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from math import inf
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import msgspec

from ..errors import ConfigError, Problem
from . import state_file
from .append_log import AppendLog, FileLog, MemoryLog
from .disk import ANSWERS_WITHIN_S, AtOnce, Disk, answer_of
from .log import Logger, silent

T = TypeVar("T")

SOON_S = 600.0
"""What is put again and again is written no more often."""
AGAIN_AFTER_S = 60.0
"""So long after the disk failed it is tried again."""
SILENT = "the disk does not answer"
GATEWAY_ID = "gateway-id"
GATEWAY_ID_COPY = "gateway-id.copy"
"""What a power cut does to one file it hardly does to two that were written one after the other."""


class Key(NamedTuple):
    """The key of a value: whose it is, of which device, and what of it."""

    namespace: str
    device: str = ""
    name: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, self))


class _Entry(msgspec.Struct, frozen=True):
    """A value as it is written."""

    key: Key
    value: msgspec.Raw


class _Batch(NamedTuple):
    """A batch of values that are being written."""

    keys: list[Key]
    failed: Future[dict[Key, str]]
    """Which of them could not be, and why."""

    def failures(self) -> dict[Key, str]:
        try:
            return self.failed.result()
        except OSError as exc:
            return dict.fromkeys(self.keys, state_file.reason_of(exc))


class Store:
    """The store: what is kept in *folder*; without one it is forgotten with the process."""

    def __init__(self, folder: Path | None = None, disk: Disk | None = None, log: Logger | None = None) -> None:
        """*disk* waits for what is written; by default who writes does that himself."""
        self._folder = folder
        self._disk = disk or AtOnce()
        self._log = log or silent()
        self._gateway_id: UUID | None = None
        self._newest: dict[Key, bytes] = {}
        """What was put or read, as it is written."""
        self._due: dict[Key, float] = {}
        """When what is not on the disk yet is to be written."""
        self._timer: asyncio.TimerHandle | None = None
        self._batch: _Batch | None = None
        self._awaited_until = -inf
        """Until when nobody minds that the batch is not written yet."""
        self._is_failing = False

    def gateway_id(self) -> UUID:
        """The id of this gateway; made and kept on first use.

        It is kept twice, and one that is damaged is mended by the other.

        Raises: ConfigError: the folder cannot be used, or what is kept there is no id.
        """
        if self._gateway_id is None:
            self._gateway_id = self._kept_gateway_id(self._folder) if self._folder else uuid4()
        return self._gateway_id

    @property
    def known_gateway_id(self) -> UUID | None:
        """The id of this gateway, where it has one already; None where not, or that cannot be told. Changes nothing."""
        return _first_id(_gateway_ids(self._folder)) if self._folder else None

    def get(self, key: Key, type_: type[T]) -> T | None:
        """The newest that was put under *key*; None if that is nothing, or damaged, or of another type."""
        encoded = self._newest.get(key) or self._read(key)
        if encoded is None:
            return None
        try:
            entry = msgspec.json.decode(encoded, type=_Entry)
            if entry.key != key:
                raise ValueError(f"it is {entry.key}")
            value = msgspec.json.decode(entry.value, type=type_)
        except (msgspec.DecodeError, ValueError, RecursionError) as exc:
            self._log.warning("store.failed", key=str(key), reason=f"what was kept is damaged, and lost: {exc}")
            return None
        self._newest[key] = encoded
        return value

    async def put(self, key: Key, value: object) -> None:
        """Has *value* on the disk when this is done; whatever the disk does, `get` gives it at once.

        Raises: StoreError: it is not on the disk, at least not yet; that is tried again.
        """
        encoded = self._newest[key] = _encoded(key, value)
        if self._folder is None:
            return
        self._due[key] = asyncio.get_running_loop().time() + AGAIN_AFTER_S
        self._arm()
        path = _path(self._folder, key)
        await answer_of(self._disk, partial(state_file.replace, path, encoded), str(path))
        if self._newest[key] is encoded:
            self._due.pop(key, None)

    def put_soon(self, key: Key, value: object, *, within_s: float = SOON_S) -> None:
        """Has *value* on the disk within *within_s*, for which nobody waits; `get` gives it at once.

        Of what is put meanwhile the newest is written; what is no news is not. A value is what JSON can say, with
        Structs, instants and UUIDs, but without infinity.
        """
        encoded = _encoded(key, value)
        is_news = encoded != self._newest.get(key)
        self._newest[key] = encoded
        if self._folder and (is_news or key in self._due):
            at = asyncio.get_running_loop().time() + within_s
            self._due[key] = min(at, self._due.get(key, inf))
            self._arm()

    def log(self, namespace: str, name: UUID) -> AppendLog:
        """The log *name*, which comes to be with its first line."""
        return FileLog(self._folder / namespace / str(name), self._disk) if self._folder else MemoryLog()

    def close(self, within_s: float = ANSWERS_WITHIN_S) -> None:
        """Writes what is not on the disk yet; waits for it, and has all else wait, no longer than *within_s*."""
        if self._timer:
            self._timer.cancel()
        batches = [self._batch] if self._batch else []
        if self._folder and self._due:
            batches.append(self._submitted(self._folder, list(self._due)))
        _, late = wait([each.failed for each in batches], within_s)
        reasons = [SILENT] if late else [reason for each in batches for reason in each.failures().values()]
        self._log_failing(next(iter(reasons), ""))

    def _kept_gateway_id(self, folder: Path) -> UUID:
        copies = _gateway_ids(folder)
        gateway_id = _first_id(copies)
        if gateway_id is None:
            path, gateway_id = folder / GATEWAY_ID, uuid4()
            with state_file.explained(path):
                state_file.replace(path, _written_id(gateway_id))
            copies[path] = gateway_id
        for path, found in copies.items():
            if found == gateway_id:
                continue
            if isinstance(found, ConfigError):
                self._log.warning("store.failed", reason=f"{found.problems[0].what}; its copy is taken", path=str(path))
            self._disk.submit(partial(state_file.replace, path, _written_id(gateway_id)))
        return gateway_id

    def _read(self, key: Key) -> bytes | None:
        if self._folder is None:
            return None
        try:
            return _path(self._folder, key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            self._log.warning("store.failed", key=str(key), reason=f"it cannot be read: {state_file.reason_of(exc)}")
            return None

    def _arm(self) -> None:
        """Has what is due written when it is."""
        at = min(self._due.values(), default=inf)
        if self._batch:  # what is due meanwhile is written next
            at = max(at, self._awaited_until)
        if self._timer and self._timer.when() <= at:
            return
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._write_due, at) if at < inf else None

    def _write_due(self, now: float) -> None:
        self._timer = None
        keys = [key for key, at in self._due.items() if at <= now]
        if self._folder and keys and not self._batch:
            self._batch = self._submitted(self._folder, keys)
            loop = asyncio.get_running_loop()
            self._awaited_until = loop.time() + ANSWERS_WITHIN_S
            self._batch.failed.add_done_callback(lambda _: loop.call_soon_threadsafe(self._finish_batch))
        elif keys:
            self._log_failing(SILENT)
            self._try_again(keys)
        self._arm()

    def _submitted(self, folder: Path, keys: list[Key]) -> _Batch:
        entries = {key: self._newest[key] for key in keys}
        for key in keys:
            del self._due[key]
        return _Batch(keys, self._disk.submit(partial(_write_all, folder, entries)))

    def _finish_batch(self) -> None:
        assert self._batch
        failures, self._batch = self._batch.failures(), None
        self._log_failing(next(iter(failures.values()), ""))
        self._try_again(failures)
        self._arm()

    def _try_again(self, keys: Iterable[Key]) -> None:
        at = asyncio.get_running_loop().time() + AGAIN_AFTER_S
        for key in keys:
            self._due[key] = at

    def _log_failing(self, reason: str) -> None:
        """Logs why writing fails, or that it does not any more, when that changes."""
        if reason and not self._is_failing:
            self._log.warning("store.failed", reason=reason)
        elif self._is_failing and not reason:
            self._log.info("store.recovered")
        self._is_failing = bool(reason)


def try_out(folder: Path) -> None:
    """Finds out whether a store in *folder* would have a `gateway_id`, and leaves nothing behind.

    Raises: ConfigError: as that would.
    """
    if _first_id(_gateway_ids(folder)) is None:
        with state_file.explained(folder / GATEWAY_ID):
            state_file.try_out(folder)


def _gateway_ids(folder: Path) -> dict[Path, UUID | ConfigError | None]:
    """What each copy of the gateway's id says: an id, why it says none, or None where there is no such file."""
    found: dict[Path, UUID | ConfigError | None] = {}
    for path in (folder / GATEWAY_ID, folder / GATEWAY_ID_COPY):
        try:
            found[path] = _read_gateway_id(path)
        except ConfigError as exc:
            found[path] = exc
    return found


def _first_id(copies: Mapping[Path, UUID | ConfigError | None]) -> UUID | None:
    """The first id among *copies*; None where there is none yet.

    Raises: ConfigError: there was one, and no copy of it can be read.
    """
    for found in copies.values():
        if isinstance(found, UUID):
            return found
    for found in copies.values():
        if isinstance(found, ConfigError):
            raise found
    return None


def _read_gateway_id(path: Path) -> UUID | None:
    try:
        with state_file.explained(path):
            return UUID(path.read_text().strip()) if path.exists() else None
    except ValueError as exc:
        hint = f"Restore the file, or remove {GATEWAY_ID} and {GATEWAY_ID_COPY} to become a new gateway"
        raise ConfigError([Problem(str(path), 1, 1, "", "holds no UUID", hint)]) from exc


def _written_id(gateway_id: UUID) -> bytes:
    return f"{gateway_id}\n".encode()


def _encoded(key: Key, value: object) -> bytes:
    return msgspec.json.encode(_Entry(key, msgspec.Raw(msgspec.json.encode(value)))) + b"\n"


def _path(folder: Path, key: Key) -> Path:
    """Names of devices are no names of files: they may be long, and hold slashes."""
    return folder / "values" / str(uuid5(NAMESPACE_OID, msgspec.json.encode(key).decode()))


def _write_all(folder: Path, entries: Mapping[Key, bytes]) -> dict[Key, str]:
    """Writes *entries*; which of them could not be written, and why."""
    failures = {}
    for key, encoded in entries.items():
        try:
            state_file.replace(_path(folder, key), encoded)
        except OSError as exc:
            failures[key] = f"{key}: {state_file.reason_of(exc)}"
    return failures
