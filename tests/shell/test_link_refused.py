"""A link that is not let in: what is told of it, when it asks again, and where it lets itself be sent."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from s2d.s2.effects import Connected
from s2d.service.link import RETRY_AFTER_AT_MOST_S
from tests.fakes import pass_s
from tests.ports import held_port

from .link_stage import Server, Stage, at_work, linked, serving

pytestmark = pytest.mark.virtual_time


def told(stage):
    """What was told loudly: event and reason."""
    return [(line["event"], line.get("reason")) for line in stage.log.lines if line["level"] != "debug"]


async def test_each_reason_is_told_once_while_there_is_no_connection():
    server = Server(503)
    async with linked(server) as stage:
        for status in (503, 401, 503, 403, 401):
            server.status = status
            await pass_s(600)
        server.status = None
        await stage.hears(Connected)
        await pass_s(1)
    assert told(stage)[:-1] == [
        ("link.lost", "the CEM answers with HTTP 503"),
        ("link.denied", "the CEM refuses us with HTTP 401: check cem: token_file"),
        ("link.denied", "the CEM refuses us with HTTP 403: check cem: token_file"),
    ]
    assert told(stage)[-1][0] == "link.recovered"


async def test_a_refusal_after_nobody_was_there_is_told():
    with held_port() as port:
        stage = Stage(f"ws://127.0.0.1:{port}")
        async with at_work(stage):
            await pass_s(600)
            assert told(stage) == [("link.lost", "Connection refused")]
            async with serving(Server(401), port):
                await pass_s(600)
    assert told(stage) == [
        ("link.lost", "Connection refused"),
        ("link.denied", "the CEM refuses us with HTTP 401: check cem: token_file"),
    ]


async def test_what_was_told_before_a_connection_is_told_again_after_it():
    server = Server(503)
    async with linked(server) as stage:
        await pass_s(60)
        server.status = None
        await stage.hears(Connected)
        server.status = 503
        server.connections[0].transport.abort()
        await pass_s(60)
    assert [event for event, _ in told(stage)] == ["link.lost", "link.recovered", "link.lost"]


async def test_of_ever_new_reasons_there_is_an_end():
    server = Server()
    async with linked(server) as stage:
        for status in range(500, 540):
            server.status = status
            await pass_s(61)
        assert len(told(stage)) == 10


@pytest.mark.parametrize("status", [401, 403, 429, 503])
@pytest.mark.parametrize(("said", "least_s"), [("120", 120), ("0120", 120), ("86400", 300), ("9" * 400, 300)])
async def test_it_stays_away_for_as_long_as_it_is_asked_to_but_for_minutes_only(status, said, least_s):
    server = Server(status, headers={"Retry-After": said})
    async with linked(server):
        await pass_s(3600)
        assert len(server.asked_at) >= 3600 // (1.1 * RETRY_AFTER_AT_MOST_S)
        assert all(least_s <= wait_s < 1.1 * least_s + 0.1 for wait_s in server.waits_s())


@pytest.mark.parametrize(("ahead_s", "least_s"), [(120, 120), (86_400, 300)])
@pytest.mark.parametrize("their_clock", [datetime(2001, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)])
async def test_an_instant_to_come_back_at_is_by_the_clock_of_who_says_it(their_clock, ahead_s, least_s):
    back = format_datetime(their_clock + timedelta(seconds=ahead_s), usegmt=True)
    server = Server(503, headers={"Date": format_datetime(their_clock, usegmt=True), "Retry-After": back})
    async with linked(server):
        await pass_s(3600)
        assert len(server.asked_at) > 5
        assert all(least_s <= wait_s < 1.1 * least_s + 0.1 for wait_s in server.waits_s())


@pytest.mark.parametrize(
    "said", ["", "soon", "-5", "1.5", "\xb2", "Mon, 99 Foo 2026 00:00:00 GMT", "Mon, 01 Jun 2020 00:00:00 GMT"]
)
async def test_what_cannot_be_understood_of_when_to_come_back_is_not_heeded(said):
    server = Server(503, headers={"Retry-After": said})
    async with linked(server):
        await pass_s(600)
        assert len(server.asked_at) > 10


@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:{port}/s2", "HTTP://127.0.0.1:{port}/s2", "//127.0.0.1:{port}/s2", "/s2#here"]
)
async def test_it_is_sent_on_by_servers_that_only_know_http(to):
    server = Server(location=to)
    async with linked(server) as stage:
        await stage.hears(Connected)
        assert server.asked_for[:2] == ["/", "/s2"]


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        ("http://other.example/s2?token=s3cret", "ws://other.example/s2?token=***"),
        ("https://127.0.0.1:{port}/s2", "wss://127.0.0.1:{port}/s2"),
        ("ftp://127.0.0.1/", "ftp://127.0.0.1/"),
        ("http://127.0.0.1:99999/", "ws://127.0.0.1:99999/"),
        ("http://[127/", "http://[127/"),
    ],
)
async def test_it_says_where_it_does_not_let_itself_be_sent(to, shown):
    server = Server(location=to)
    async with linked(server) as stage:
        await pass_s(100)
        shown = shown.format(port=stage.port)
        assert told(stage) == [
            ("link.denied", f"the CEM sends us to {shown}: if it is there now, say so under cem: url")
        ]


async def test_sent_from_one_place_to_the_next_it_says_so():
    class Carousel(Server):
        def admit(self, connection, request):
            response = connection.respond(302, "")
            response.headers["Location"] = request.path + "x"
            return response

    async with linked(Carousel()) as stage:
        await pass_s(100)
        assert told(stage) == [("link.lost", "the CEM sends us from one place to the next")]


async def test_what_its_url_holds_beside_the_place_is_in_no_line_of_the_log():
    async with serving(Server(503)) as url:
        place = url.removeprefix("ws://")
        async with at_work(Stage(f"ws://me:s3cret@{place}/s2?token=t0ken&rm=7")) as stage:
            await pass_s(100)
    assert {line["url"] for line in stage.log.lines} == {f"ws://***@{place}/s2?token=***&rm=***"}
    assert "s3cret" not in str(stage.log.lines)
    assert "t0ken" not in str(stage.log.lines)
