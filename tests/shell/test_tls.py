"""TLS with a CEM: why there is no trust, in words; and one context for many links, until its CA file changes."""

import asyncio
import os
import ssl

import pytest

from s2d.errors import LinkDenied, LinkLost
from s2d.s2.effects import Connected, ReconnectPolicy
from s2d.service.tls import TlsContexts, why_no_tls
from tests.fakes import pass_s
from tests.system.certificates import authority, server_context

from .link_stage import Server, Stage, at_work, serving

virtual_time = pytest.mark.virtual_time
UNTRUSTED = "no trust in the CEM's certificate: "


async def told_of(url, **settings):
    """What a link tells of its first tries."""
    stage = Stage(url, **settings)
    async with at_work(stage):
        await pass_s(100)
    return [(line["event"], line["reason"]) for line in stage.log.lines if line["level"] != "debug"]


@virtual_time
@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ({"days": -1}, "it has expired: the CEM needs a new one, unless the clock of this machine is wrong"),
        ({"name": "DNS:cem.example"}, "it is not for 127.0.0.1: write the name that it is for into cem: url"),
        ({"name": "IP:127.0.0.2"}, "it is not for 127.0.0.1: write the name that it is for into cem: url"),
    ],
)
async def test_a_certificate_that_does_not_hold_is_told_in_words(tmp_path, certificate, reason):
    ca = authority(tmp_path)
    async with serving(Server(), ssl=server_context(ca, **certificate)) as url:
        assert await told_of(url, ca_file=ca) == [("link.denied", UNTRUSTED + reason)]


@virtual_time
async def test_a_certificate_that_nobody_known_vouches_for_is_told_with_what_to_do(tmp_path):
    ours, theirs = authority(tmp_path / "ours"), authority(tmp_path / "theirs")
    async with serving(Server(), ssl=server_context(theirs)) as url:
        for ca_file in (ours, None):
            ((event, reason),) = await told_of(url, ca_file=ca_file)
            assert event == "link.denied"
            assert reason.startswith(UNTRUSTED + "who vouches for it is unknown here")
            assert reason.endswith("name that under ca_file")


@virtual_time
async def test_a_certificate_that_vouches_for_itself_is_told_with_what_to_do(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority(tmp_path / "theirs"), tmp_path / "theirs" / "ca.key")
    async with serving(Server(), ssl=context) as url:
        ((event, reason),) = await told_of(url)
        assert event == "link.denied"
        assert reason.startswith(UNTRUSTED + "it vouches for itself")


@virtual_time
async def test_a_cem_that_speaks_no_tls_is_told(tmp_path):
    async def answer(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        url = f"wss://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        what = "what answers there does not speak TLS: is it ws:// under cem: url?"
        assert await told_of(url, ca_file=authority(tmp_path)) == [("link.denied", what)]


@virtual_time
async def test_a_cem_that_speaks_tls_only_is_told(tmp_path):
    async with serving(Server(), ssl=server_context(authority(tmp_path))) as url:
        assert await told_of(url.replace("wss:", "ws:")) == [("link.lost", "what answers there is no WebSocket server")]


@virtual_time
async def test_a_cem_that_hangs_up_is_tried_again_soon(tmp_path):
    async def hang_up(reader, writer):
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
        url = f"wss://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        told = await told_of(url, ca_file=authority(tmp_path))
    assert [event for event, _ in told] == ["link.lost"]


@pytest.mark.parametrize(
    ("reason", "error", "said"),
    [
        ("UNEXPECTED_EOF_WHILE_READING", LinkLost, "the CEM hangs up while TLS is agreed on"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", LinkDenied, "the CEM wants a certificate of us, and s2d has none"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", LinkDenied, "the CEM wants a certificate of us, and s2d has none"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", LinkDenied, "the CEM speaks only versions of TLS that are not safe any more"),
        ("UNSUPPORTED_PROTOCOL", LinkDenied, "the CEM speaks only versions of TLS that are not safe any more"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", LinkDenied, "the CEM and we have no cipher in common"),
        ("TLSV1_UNRECOGNIZED_NAME", LinkDenied, "the CEM does not know the name under cem: url"),
        ("WHO_KNOWS_WHAT", LinkDenied, "no TLS with the CEM: who knows what"),
    ],
)
def test_what_openssl_names_in_capitals_is_said_in_words(reason, error, said):
    found = ssl.SSLError(1, "whatever")
    found.reason = reason
    told = why_no_tls(found, "cem.example")
    assert (type(told), told.reason) == (error, said)


def test_all_links_with_one_ca_file_have_one_context_until_the_file_changes(tmp_path):
    ca, contexts = authority(tmp_path), TlsContexts()
    first = contexts.of(ca)
    assert contexts.of(ca) is first
    assert contexts.of(None) is contexts.of(None)
    assert contexts.of(None) is not first
    ca.rename(tmp_path / "old.pem")
    authority(tmp_path)
    second = contexts.of(ca)
    assert second is not first
    assert contexts.of(ca) is second
    os.utime(ca, ns=(1, 1))
    assert contexts.of(ca) is not second


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (None, "cannot read the CA file {path}: No such file or directory"),
        (b"", "cannot use the CA file {path}: it holds no certificate in PEM"),
        (b"nonsense", "cannot use the CA file {path}: it holds no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\n!\n", "cannot use the CA file {path}: it holds no certificate in PEM"),
    ],
)
def test_a_ca_file_that_cannot_be_used_is_told_and_used_as_soon_as_it_can(tmp_path, written, said):
    path, contexts = tmp_path / "ca.pem", TlsContexts()
    if written is not None:
        path.write_bytes(written)
    for _ in range(2):
        with pytest.raises(LinkDenied) as denied:
            contexts.of(path)
        assert denied.value.reason == said.format(path=path)
    assert contexts.of(authority(tmp_path))


@virtual_time
async def test_a_ca_that_is_changed_holds_from_the_next_connection_on(tmp_path):
    old, new = authority(tmp_path / "old"), authority(tmp_path / "new")
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(old.read_bytes())
    async with serving(Server(), ssl=server_context(new)) as url:
        stage = Stage(url, ca_file=ca_file)
        async with at_work(stage):
            await pass_s(100)
            assert stage.log.events() == ["link.denied"]
            ca_file.write_bytes(new.read_bytes())
            await stage.hears(Connected)
            stage.link.close(ReconnectPolicy.NEVER)
            await stage.running
    assert stage.log.events() == ["link.denied", "link.recovered"]
