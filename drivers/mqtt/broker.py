"""MQTT broker: one connection to it, kept up by one task and shared by the devices behind it.

What was heard last stands here by topic. A connection that is lost is forgotten with all that was heard by it.
"""

import asyncio
from asyncio import TaskGroup
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from random import random
from secrets import token_hex
from typing import NamedTuple, Self

import aiomqtt

from s2d.backoff import Backoff
from s2d.driver import Doubt
from s2d.errors import DeviceUnreachable

from ..payload.document import LONGEST, Document
from .connection import Broker, Greeting
from .session import MqttSession, SessionEnded

BACKOFF = Backoff(first_s=1.0, most_s=60.0)
UP_FOR_S = 10.0
"""A connection that lasted so long was one; who connects after it does not wait for long."""
DENIED_FOR_S = 60.0
"""A broker that does not take us is asked again after so long."""
GREETED_WITHIN_S = 5.0
"""Greetings are spread over so long after connecting."""
Listener = Callable[[str, "Heard"], None]


class Heard(NamedTuple):
    """What was heard on a topic, and when."""

    document: Document
    at: float
    """On the clock of the loop."""
    utc: datetime
    is_kept: bool
    """The broker had it before we came: nobody knows how old it is."""


class MqttBroker:
    """A broker with its devices. What is heard is told to listeners as it comes."""

    def __init__(self, broker: Broker) -> None:
        self.away: str | None = "there is no connection to the broker yet"
        """Why nothing is heard, in words; None while there is a connection."""
        self.since = 0.0
        """When (on the clock of the loop) it began to be so, or all topics were subscribed to."""
        self.refused: set[str] = set()
        """Topics that the broker does not let us hear."""
        self._broker = broker
        self._client_id = broker.client_id or f"s2d-{token_hex(6)}"
        self._listeners: dict[str, list[Listener]] = {}
        self._last: dict[str, Heard] = {}
        """By topic, by this connection."""
        self._watchers: list[Callable[[], None]] = []
        self._greetings: dict[object, tuple[str, Greeting]] = {}
        self._session: MqttSession | None = None
        self._unsubscribed: list[str] = []
        self._stirred = asyncio.Event()
        self._is_v5 = True
        self._has_spoken_v3 = False
        """There was a session by MQTT 3.1.1."""
        self._loop = asyncio.get_running_loop()
        self._is_decided = asyncio.Event()
        """Whether there is a connection, for the first time."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, broker: Broker) -> AsyncIterator[Self]:
        """A broker with its task at work, until the context ends."""
        served = cls(broker)
        async with TaskGroup() as tasks:
            server = tasks.create_task(served._serve(), name=f"mqtt {broker.host}")
            try:
                yield served
            finally:
                server.cancel()

    @property
    def doubt(self) -> Doubt | None:
        """Why it may be another broker by now."""
        return self._session.doubt if self._session else None

    @property
    def client_id(self) -> str:
        """As whom we speak."""
        return self._client_id

    def listen(self, topic: str, listener: Listener) -> None:
        """Has *listener* told what was heard on *topic* last, and what is from now on."""
        if topic not in self._listeners:
            self._unsubscribed.append(topic)
            self._stirred.set()
        self._listeners.setdefault(topic, []).append(listener)
        # The broker says what it keeps to who subscribes, and it is us who have, for somebody else.
        if last := self._last.get(topic):
            listener(topic, last)

    def leave(self, topic: str, listener: Listener) -> None:
        """Tells *listener* nothing more."""
        self._listeners[topic].remove(listener)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Has *watcher* called whenever the connection comes or goes."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Calls *watcher* no more."""
        self._watchers.remove(watcher)

    def greet(self, who: object, topic: str, greeting: Greeting) -> None:
        """Has *greeting* said on *topic* after each connecting, for *who*, until told otherwise."""
        self._greetings[who] = (topic, greeting)
        self._stirred.set()

    def greet_no_more(self, who: object) -> None:
        """Says nothing more for *who*."""
        self._greetings.pop(who, None)

    async def settled(self, within_s: float) -> None:
        """Waits until there is a connection, and all topics are subscribed to; where one has just failed, not at all.

        Raises: DeviceUnreachable: there is none by then.
        """
        if not self._is_decided.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._is_decided.wait()
        if self.away:
            raise DeviceUnreachable(self.away)

    async def publish(
        self, topic: str, payload: str, *, qos: int = 0, is_kept: bool = False, expires_s: int = 0
    ) -> None:
        """Says *payload* on *topic*; with *qos* 1 the broker has taken it then.

        Raises: DeviceRefused: the broker may not pass it on. DeviceUnreachable: it is gone, or nobody listens.
        """
        session = self._session
        if session is None:
            raise DeviceUnreachable(self.away or "there is no connection to the broker")
        try:
            await session.publish(topic, payload, qos=qos, is_kept=is_kept, expires_s=expires_s)
        except SessionEnded as exc:
            session.end(exc.reason)
            raise DeviceUnreachable(exc.reason) from exc

    async def _serve(self) -> None:
        attempt = 0
        while True:
            began_at = self._loop.time()
            try:
                async with MqttSession.opened(self._broker, self._client_id, is_v5=self._is_v5) as session:
                    began_at = self._loop.time()
                    self._has_spoken_v3 = not self._is_v5
                    await self._work(session)
            except SessionEnded as exc:
                ended = exc
            if ended.is_other_version:
                self._is_v5 = False
                continue
            # Who broke off does not speak another version for that.
            self._is_v5 |= not self._has_spoken_v3
            self._set_away(ended.reason)
            attempt = 0 if self._loop.time() - began_at > UP_FOR_S else attempt + 1
            await asyncio.sleep(DENIED_FOR_S if ended.is_denied else BACKOFF.full_jitter_s(attempt, random()))

    async def _work(self, session: MqttSession) -> None:
        """Keeps a session at work. Raises: SessionEnded."""
        self._session, self._unsubscribed, self.refused = session, [*self._listeners], set()
        self._stirred.set()
        try:
            async with TaskGroup() as tasks:
                tasks.create_task(session.hear(self._take))
                tasks.create_task(self._tend(session, tasks))
        except* SessionEnded as group:
            raise _first(group) from None
        finally:
            self._session = None
            self._last.clear()

    def _take(self, message: aiomqtt.Message) -> None:
        topic, payload = message.topic.value, message.payload
        if isinstance(payload, bytes) and len(payload) <= LONGEST:
            heard = Heard(Document(payload), self._loop.time(), datetime.now(UTC), message.retain)
            self._last[topic] = heard
            for listener in self._listeners.get(topic, ()):
                listener(topic, heard)

    async def _tend(self, session: MqttSession, tasks: TaskGroup) -> None:
        """Subscribes to what is new, and greets."""
        greeted: dict[object, asyncio.Task[None]] = {}
        while True:
            self._stirred.clear()
            topics, self._unsubscribed = self._unsubscribed, []
            if topics:
                self.refused |= {*await session.subscribe(topics)}
            if self.away is not None or topics:
                self._set_away(None)
            for who, (topic, greeting) in self._greetings.items():
                if who not in greeted:
                    greeted[who] = tasks.create_task(self._greet(session, topic, greeting))
            for who in [who for who in greeted if who not in self._greetings]:
                greeted.pop(who).cancel()
            await self._stirred.wait()

    async def _greet(self, session: MqttSession, topic: str, greeting: Greeting) -> None:
        await asyncio.sleep(min(GREETED_WITHIN_S, float(greeting.every or GREETED_WITHIN_S)) * random() / 5)
        payload = greeting.payload
        while True:
            await session.publish(topic, payload, qos=0)
            if greeting.every is None:
                return
            payload = greeting.payload if greeting.then is None else greeting.then
            await asyncio.sleep(float(greeting.every))

    def _set_away(self, reason: str | None) -> None:
        has_changed = (reason is None) != (self.away is None)
        self.away, self.since = reason, self._loop.time()
        self._is_decided.set()
        for watcher in self._watchers if has_changed else ():
            watcher()


def _first(group: BaseExceptionGroup[SessionEnded]) -> SessionEnded:
    """One of those in *group*."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
