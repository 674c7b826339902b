"""What time it is by the CEM's server comes with the connection, whatever that writes. Time is virtual."""

from datetime import UTC, datetime

import pytest
from websockets.asyncio.server import serve

from s2d.s2.effects import Connected

from .link_stage import Server, Stage, at_work

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("dates", "time"),
    [
        (["Mon, 01 Jun 2026 12:00:00 GMT"], datetime(2026, 6, 1, 12, tzinfo=UTC)),
        (["Mon, 01 Jun 2026 14:00:00 +0200"], datetime(2026, 6, 1, 12, tzinfo=UTC)),
        (["Fri, 31 Dec 9999 23:59:59 GMT"], datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ([], None),
        (["noon"], None),
        (["Mon, 01 Jun 99999 12:00:00 GMT"], None),
        (["Mon, 01 Jun 2026 12:00:00 +99999999999"], None),
        (["Mon, 01 Jun 2026 12:00:00 GMT", "Tue, 02 Jun 2026 12:00:00 GMT"], datetime(2026, 6, 1, 12, tzinfo=UTC)),
    ],
)
async def test_what_the_server_says_the_time_is_comes_with_the_connection(dates, time):
    def dated(connection, request, response):
        del response.headers["Date"]
        for date in dates:
            response.headers["Date"] = date
        return response

    async with serve(Server().serve, "127.0.0.1", 0, process_response=dated) as listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with at_work(Stage(url, is_clock_synchronised=lambda: False)) as stage:
            assert await stage.hears(Connected) == Connected(time, is_clock_synchronised=False)
