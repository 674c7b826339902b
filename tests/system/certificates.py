"""Certificates for tests, made by openssl when they are needed."""

import shutil
import subprocess
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest


def authority(directory: Path) -> Path:
    """A self-signed CA of its own; the path of its certificate, with the key beside it."""
    certificate = directory / "ca.pem"
    directory.mkdir(exist_ok=True)
    openssl(
        *("req", "-x509", "-subj", "/CN=s2d test CA", "-out", certificate, "-keyout", certificate.with_suffix(".key")),
        *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign", *_NEW_KEY),
        *("-days", "2"),
    )
    return certificate


def server_context(ca: Path, *, name: str = "IP:127.0.0.1", days: int = 2) -> SSLContext:
    """What a server called *name* needs that *ca* vouches for, for some *days*; below 0 they have passed."""
    certificate, key, request = ca.with_name("server.pem"), ca.with_name("server.key"), ca.with_name("server.csr")
    openssl(
        *("req", "-new", "-subj", "/CN=s2d test server", "-out", request, "-keyout", key, *_NEW_KEY),
        *("-addext", f"subjectAltName={name}", "-addext", "basicConstraints=critical,CA:FALSE"),
    )
    openssl(
        *("x509", "-req", "-in", request, "-out", certificate, "-days", days, "-copy_extensions", "copy"),
        *("-CA", ca, "-CAkey", ca.with_suffix(".key")),
    )
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def openssl(*arguments: object) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("install openssl (apt-get install openssl) to test TLS")
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
