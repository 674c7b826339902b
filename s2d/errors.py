"""The errors that s2d raises on purpose, sorted by what the caller does next.

S2dError
  ConfigError          the operator edits the file; exit status 78
  LockHeld             another process is at work here: later; exit status 75
  StoreError           go on without, or refuse what must not be forgotten
  DeviceError          the device task backs off
    DeviceUnreachable    no answer: retry
    DeviceRefused        it said no: do not repeat the same write
    BadReading           drop this reading, mark the point
  LinkError            the link reconnects
    LinkLost             retry
    LinkDenied           credentials or certificate: retry slowly, a human must act
  ProtocolError        the S2 conversation
    RemoteProtocolError  the peer is wrong: carries the ReceptionStatus to answer with
      InvalidContent       well formed, but breaks a rule
    LocalProtocolError   we are wrong: a bug

Errors take facts and build their sentence themselves.
"""

from typing import NamedTuple


class S2dError(Exception):
    """Base of all errors raised on purpose."""


class Problem(NamedTuple):
    """One thing wrong in the configuration, where it stands and what to do about it."""

    path: str
    """File as the operator named it."""
    line: int
    """Counted from 1; 0 when the problem is the file as a whole."""
    column: int
    """Counted from 1."""
    where: str
    """The place in the operator's words, e.g. `Home battery: capacity`; may be empty."""
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        sentence = f"{self.where}: {self.what}" if self.where else self.what
        return f"{place}: {sentence}{f'. {self.hint}' if self.hint else ''}"


class ConfigError(S2dError):
    """The configuration cannot be used; holds every problem found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class LockHeld(S2dError):
    """Another process, *holder* in words, has what only one may have: the lock in the file *path*."""

    def __init__(self, path: str, holder: str) -> None:
        self.path = path
        self.holder = holder

    def __str__(self) -> str:
        return f"{self.holder} holds {self.path}: it is at work already, and two would drive the same devices"


class StoreError(S2dError):
    """The store could not keep, or read, what must survive a restart, at *where*."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class DeviceError(S2dError):
    """Something is wrong between us and a device."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class DeviceUnreachable(DeviceError):
    """The device does not answer; trying again later may help."""


class DeviceRefused(DeviceError):
    """The device answered no, or did not take what it acknowledged; the same write will fail again."""


class BadReading(DeviceError):
    """A value the device gave cannot be what it measures."""


class LinkError(S2dError):
    """Something is wrong between us and the CEM, which does not want to be asked again before *retry_after_s*."""

    def __init__(self, reason: str, *, retry_after_s: float = 0.0) -> None:
        self.reason = reason
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return self.reason


class LinkLost(LinkError):
    """The connection could not be made, or ended."""


class LinkDenied(LinkError):
    """The CEM refuses us, or we do not trust it; only a human can change that."""


class ProtocolError(S2dError):
    """The S2 conversation went against its rules."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what it should not; *status* is the ReceptionStatus value to answer with."""

    def __init__(self, status: str, label: str) -> None:
        self.status = status
        self.label = label

    def __str__(self) -> str:
        return f"{self.status}: {self.label}"


class InvalidContent(RemoteProtocolError):
    """A well-formed message breaks the rule *rule* at the JSON pointer *pointer*."""

    def __init__(self, rule: str, pointer: str, sentence: str) -> None:
        super().__init__("INVALID_CONTENT", f"{rule} at {pointer}: {sentence}")
        self.rule = rule
        self.pointer = pointer


class LocalProtocolError(ProtocolError):
    """We were about to say what S2 does not allow: a bug."""
