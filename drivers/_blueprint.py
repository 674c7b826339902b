"""The file to copy for a new kind of device that is polled: a whole driver, for a heater that does not exist.

    driver: my_package.acme:Heater
    connection: {host: 192.168.1.30}
    points:
      power:       {word: PWR, unit: W, poll: 5 s}
      power_limit: {word: LIM, unit: W, access: read_write, min: 0, max: 3000}

The Acme heater listens on TCP port 2323 and speaks lines of text (here stands where its manual is to be found):

    → GET PWR        ← PWR 1450
    → SET LIM 2000   ← OK
    → SET LIM 9999   ← ERROR out of range

Whatever the device: `read` gives the next values, `write` returns once the device has taken the value; the heater's OK
means that it has, others are read back. A driver keeps no schedule, retries nothing and logs nothing: who calls it does
that, one call after the other. Two things are its own: a limit to every wait, and an error that tells the owner what
happened: DeviceUnreachable when another attempt may help, DeviceRefused when not. All else that a driver may do has a
default in `s2d/driver.py`, which suits the heater.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from s2d.driver import Driver, PointSettings
from s2d.errors import BadReading, DeviceRefused, DeviceUnreachable
from s2d.values import Quality, Reading, Setpoint

_ANSWER_WITHIN_S = 2.0


class HeaterConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the heater is."""

    host: Annotated[str, Meta(min_length=1, description="Name or address")]
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port")] = 2323


class HeaterPoint(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point and the word the heater has for it; unit, scale, limits and the rest are PointSettings'."""

    word: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="The heater's name for it, such as PWR")]


class Heater(Driver[HeaterConnection, HeaterPoint, None]):
    """One Acme heater. Each exchange has a connection of its own, so there is no bus to share."""

    Connection = HeaterConnection
    Point = HeaterPoint

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        return [await self._read(name) for name in points]

    async def write(self, setpoint: Setpoint, *together: Setpoint) -> None:
        if together:
            raise DeviceRefused("the heater takes one value at a time")
        point = self.points[setpoint.point]
        answer = await self._exchange(f"SET {point.word} {point.raw_of(setpoint.value)}")
        if answer != "OK":
            raise DeviceRefused(f"{setpoint.point}: the heater answered {answer!r}")

    async def _read(self, name: str) -> Reading:
        point = self.points[name]
        answer = await self._exchange(f"GET {point.word}")
        word, _, raw = answer.partition(" ")
        try:
            if word != point.word:
                raise BadReading(f"the heater answered {answer!r}")
            return Reading(name, point.value_of(float(raw)))
        except (BadReading, ValueError) as exc:
            return Reading(name, None, Quality.BAD, str(exc))

    async def _exchange(self, request: str) -> str:
        host, port = self.connection.host, self.connection.port
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    writer.write(f"{request}\n".encode())
                    answer = await reader.readline()
                finally:
                    writer.close()
        except TimeoutError as exc:
            raise DeviceUnreachable(f"no answer from {host}:{port} within {_ANSWER_WITHIN_S:g} s") from exc
        except (OSError, ValueError) as exc:  # no connection, or a line without end
            raise DeviceUnreachable(f"cannot talk to {host}:{port}: {exc}") from exc
        if not answer.endswith(b"\n"):
            raise DeviceUnreachable(f"{host}:{port} hung up before it answered")
        return answer.decode(errors="replace").rstrip()
