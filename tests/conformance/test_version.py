"""How both sides settle on a protocol version."""

import re

import pytest

from .plants import hybrid
from .rm import versions_of
from .rows import House, Peer, Published, leading_there, row
from .wire import DDBC

VERSION = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


@row(
    "VERSION-1",
    "the RM says by itself that it is an RM, and which versions it speaks",
    source=Peer("certification tool"),
)
async def test_hello(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        hello = await rm.expect("Handshake", within_s=rm.answers_within_s)
        assert hello["role"] == "RM"
        assert hello.get("supported_protocol_versions")


@row(
    "VERSION-2",
    "every version listed is of the form 1.2.3 or 1.2.3-beta",
    source=Peer("FlexMeasures client"),
    by=["flexmeasures"],
)
async def test_plain_versions(bench):
    async with bench.cem() as cem:
        hello = await (await cem.joined()).expect("Handshake")
        for version in versions_of(hello):
            assert VERSION.fullmatch(version), version


@row(
    "VERSION-3",
    "every version that is listed can be selected",
    source=Published("S2 JSON", "Handshake.supported_protocol_versions"),
)
async def test_every_version(bench):
    async with bench.cem() as cem:
        listed = 1
        while listed:
            with leading_there("it comes and lists versions"):
                rm = await cem.joined()
                versions = versions_of(await rm.expect("Handshake"))
            await rm.must_take("HandshakeResponse", selected_protocol_version=versions[listed - 1])
            await rm.expect("ResourceManagerDetails")
            await rm.reconnect()
            listed = (listed + 1) % (len(versions) + 1)


@row(
    "VERSION-4",
    "a version that was not offered is refused, and the RM ends the session",
    source=House("HandshakeResponse"),
)
async def test_unknown_version(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        await rm.expect("Handshake")
        answer = await rm.tell("HandshakeResponse", selected_protocol_version="99.0.0")
        assert answer["status"] == "INVALID_CONTENT"
        await rm.expect("SessionRequest", request="TERMINATE")
        await rm.has_ended()
        assert not rm.told("ResourceManagerDetails")


@row(
    "VERSION-5",
    "a CEM that lists no common version is answered, and nothing goes on until one is selected",
    source=Peer("peers"),
)
async def test_no_common_version(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        answer = await rm.tell("Handshake", role="CEM", supported_protocol_versions=["99.0.0"])
        assert answer["status"] in ("OK", "INVALID_CONTENT")
        if not rm.ended.is_set():
            await rm.ping()
        assert not rm.told("ResourceManagerDetails")


@row("VERSION-6", "a second Handshake is answered, and the session goes on", source=Peer("peers"))
async def test_two_handshakes(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        await rm.must_take("Handshake", role="CEM", supported_protocol_versions=["1.0.0", "0.0.2-beta"])
        await rm.must_take("Handshake", role="CEM")
        await rm.negotiate()
        assert (await rm.tell("Handshake", role="CEM"))["status"] in ("OK", "INVALID_CONTENT")
        await rm.is_well()


@row("VERSION-7", "the Handshake of another RM is refused", source=House("Handshake.role"))
async def test_another_rm(bench):
    async with bench.cem() as cem:
        rm = await cem.joined()
        answer = await rm.tell("Handshake", role="RM", supported_protocol_versions=["0.0.2-beta", "1.0.0"])
        assert answer["status"] == "INVALID_CONTENT"


@row(
    "VERSION-8",
    "a CEM that sends no Handshake but selects a version is served",
    source=Peer("FlexMeasures client"),
    by=["flexmeasures"],
)
async def test_no_handshake(bench):
    async with bench.negotiated() as rm:
        with leading_there("a control type is in charge"):
            await bench.any_charge(rm)
        await rm.is_well()


@row(
    "VERSION-9",
    "the first version listed is one the certification tool can speak",
    source=Peer("certification tool"),
    by=["certification"],
)
async def test_first_version(bench):
    async with bench.negotiated() as rm:
        first = versions_of(rm.told("Handshake")[0])[0]
        if first.removeprefix("v") not in ("0.0.2-beta", "1.0.0"):
            pytest.fail(f"the first version is {first}")


@row(
    "VERSION-10",
    "a second HandshakeResponse is refused, and the session goes on as it is",
    source=House("State of communication"),
)
async def test_second_response(bench):
    async with bench.negotiated() as rm:
        answer = await rm.tell("HandshakeResponse", selected_protocol_version=rm.version)
        assert answer["status"] == "INVALID_CONTENT"
        await rm.is_well()


@pytest.mark.parametrize("version", ["v0.0.2-beta", "v1.0.0", "0.0.2-beta", "1.0.0"])
@row(
    "VERSION-11",
    "a version may be spelt with a v before it, and is spoken all the same",
    source=House("releases are tagged v1.0.0"),
    by=["plain"],
)
async def test_spelling(own, version):
    async with own.cem(hybrid()) as cem:
        rm = await cem.joined()
        await rm.negotiate(version)
        await own.select(rm, DDBC)
        assert ("present_demand_rate" in rm.description) is version.endswith("0.0.2-beta")
        assert (await rm.fate_of(await rm.instruct("on")))[-1] == "SUCCEEDED"


@row(
    "VERSION-12",
    "what is like a version offered but is none is refused",
    source=House("HandshakeResponse"),
    by=["plain"],
)
async def test_no_such_version(own):
    async with own.cem() as cem:
        for version in ("0.0.2", "1.0", "1.0.0-beta", "1.0.1", "^1.0.0", "V1.0.0", "vv1.0.0", " 1.0.0", ""):
            rm = await cem.joined()
            answer = await rm.tell("HandshakeResponse", selected_protocol_version=version)
            assert answer["status"] == "INVALID_CONTENT", version
            await rm.has_ended()
