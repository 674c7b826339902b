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
    )
    return certificate


def server_context(ca: Path) -> SSLContext:
    """What a server at 127.0.0.1 needs that *ca* vouches for."""
    certificate, key = ca.with_name("server.pem"), ca.with_name("server.key")
    openssl(
        *("req", "-x509", "-subj", "/CN=127.0.0.1", "-out", certificate, "-keyout", key, *_NEW_KEY),
        *("-CA", ca, "-CAkey", ca.with_suffix(".key")),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"),
    )
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def openssl(*arguments: object) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("install openssl (apt-get install openssl) to test TLS")
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
