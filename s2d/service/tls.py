"""TLS to the CEM: one context for each CA file, however many links there are; and in words why there is no trust."""

import os
import ssl
from asyncio.sslproto import SSLProtocol
from pathlib import Path
from ssl import SSLCertVerificationError, SSLContext, SSLError

from ..errors import LinkDenied, LinkError, LinkLost

SSLProtocol.max_size = 2**14
"""asyncio fills a buffer of this size for each connection, by itself of 256 KiB; no TLS record is longer."""

_Mark = tuple[tuple[int, int, int] | None, ...]
"""Which file, how long and when it was written: what changes with its content. None: it is not there."""


class TlsContexts:
    """The TLS contexts of all links; each is made when it is first asked for, and anew when its file has changed."""

    def __init__(self) -> None:
        self._made: dict[Path | None, tuple[_Mark, SSLContext]] = {}

    def of(self, ca_file: Path | None) -> SSLContext:
        """The context that trusts what is in *ca_file*; None: what the system trusts.

        Raises: LinkDenied: the file cannot be used.
        """
        mark = _mark_of(ca_file)
        made = self._made.get(ca_file)
        if made is None or made[0] != mark:
            made = self._made[ca_file] = mark, _new_context(ca_file)
        return made[1]


def why_no_tls(exc: SSLError, host: str) -> LinkError:
    """What *exc*, raised when TLS with *host* was agreed on, means, and what is to be done about it."""
    if isinstance(exc, SSLCertVerificationError):
        said = _DISTRUST.get(exc.verify_code, exc.verify_message)
        return LinkDenied(f"no trust in the CEM's certificate: {said.format(host=host)}")
    reason = exc.reason or ""
    if not reason or "EOF" in reason:
        return LinkLost("the CEM hangs up while TLS is agreed on")
    for part, meaning in _NO_TLS.items():
        if part in reason:
            return LinkDenied(meaning)
    return LinkDenied(f"no TLS with the CEM: {reason.lower().replace('_', ' ')}")


_OWN_CA = "if that is as it should be, put the certificate that vouches for it into a file, and name that under ca_file"
_DISTRUST = {
    9: "it is not valid yet: is the clock of this machine right?",
    10: "it has expired: the CEM needs a new one, unless the clock of this machine is wrong",
    18: f"it vouches for itself; {_OWN_CA}",
    19: f"who vouches for it is unknown here; {_OWN_CA}",
    20: f"who vouches for it is unknown here; {_OWN_CA}",
    21: f"who vouches for it is unknown here, or the CEM does not send the whole chain; {_OWN_CA}",
    23: "it has been revoked",
    62: "it is not for {host}: write the name that it is for into cem: url",
    64: "it is not for {host}: write the name that it is for into cem: url",
}
"""By the code of OpenSSL. Spec: openssl-verification-options(1), X509_STORE_CTX_get_error(3)."""

_NO_TLS = {
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS: is it ws:// under cem: url?",
    "HTTP_REQUEST": "what answers there does not speak TLS: is it ws:// under cem: url?",
    "CERTIFICATE_REQUIRED": "the CEM wants a certificate of us, and s2d has none",
    "BAD_CERTIFICATE": "the CEM wants a certificate of us, and s2d has none",
    "PROTOCOL_VERSION": "the CEM speaks only versions of TLS that are not safe any more",
    "UNSUPPORTED_PROTOCOL": "the CEM speaks only versions of TLS that are not safe any more",
    "HANDSHAKE_FAILURE": "the CEM and we have no cipher in common",
    "UNRECOGNIZED_NAME": "the CEM does not know the name under cem: url",
}
"""By a part of OpenSSL's reason."""


def _mark_of(ca_file: Path | None) -> _Mark:
    if ca_file is not None:
        return (_mark(ca_file),)
    paths = ssl.get_default_verify_paths()
    return tuple(_mark(path) for path in (paths.cafile, paths.capath) if path)


def _mark(path: Path | str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _new_context(ca_file: Path | None) -> SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except SSLError as exc:
        raise LinkDenied(f"cannot use the CA file {ca_file}: it holds no certificate in PEM") from exc
    except OSError as exc:
        raise LinkDenied(f"cannot read the CA file {ca_file}: {exc.strerror}") from exc
