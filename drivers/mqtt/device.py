"""MQTT device: what is heard of its points, whether it is there, and what it is told."""

import asyncio
import json
from asyncio import Future
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from math import inf
from secrets import randbelow
from typing import Any

from s2d.driver import News
from s2d.errors import BadReading, DeviceRefused, DeviceUnreachable
from s2d.values import Quality, Reading, Setpoint, Value

from ..payload.document import Document
from ..payload.json_path import MISSING, JsonPath
from ..payload.stamp import instant_of
from ..payload.template import written
from .broker import Heard, MqttBroker
from .connection import MqttConnection, Presence
from .point import ExpectedReply, MqttPoint

SETTLED_WITHIN_S = 6.0
"""Who asks while there is no connection to the broker yet waits for so long."""
SAID_WITHIN_S = 10.0
"""Whether it is there is said so soon after connecting, if at all."""
HEARD_WITHIN_S = 1.0
"""What a broker keeps comes so soon after subscribing, and an answer after a question."""
SILENT_AT_MOST_S = 60.0
"""A device that shows in no other way that it lives is away after so long, if no point says another `max_age`."""
ANSWERED_WITHIN_S = 5.0
ASKED_AGAIN_S = 10.0
"""It is asked the same again after so long."""
_BEFORE_S = 2.0
"""What came so long before the device said that it is there may be of then."""
_AHEAD_S = 60.0
"""A stamp further in the future is wrong."""
_IDS = count(randbelow(2**31))
"""Of what is to be answered; other programs count, too, and from 1 as a rule."""


class MqttDevice:
    """One device behind a broker."""

    def __init__(
        self, connection: MqttConnection, points: Mapping[str, MqttPoint], broker: MqttBroker, news: News
    ) -> None:
        self.oddities: list[str] = []
        self._connection = connection
        self._points = points
        self._broker = broker
        self._news = news
        self._loop = asyncio.get_running_loop()
        self._heard: dict[str, Heard] = {}
        self._readings: dict[str, Reading] = {}
        """By point: the last that was found in what was heard."""
        self._lived_at = -inf
        """When the device was last heard by what the broker had not kept."""
        self._asked_at: dict[tuple[str, str], float] = {}
        self._answers: dict[int, tuple[ExpectedReply, Future[Any]]] = {}
        self._stirred = asyncio.Event()
        self._began_at = inf
        """When it began to listen."""
        topic = connection.topic
        self._names: dict[str, list[str]] = {}
        for name, point in points.items():
            if point.topic is not None and point.is_readable:
                self._names.setdefault(topic(point.topic), []).append(name)
        self._presences = {topic(each.topic): each for each in connection.online}
        self._alive_topic = topic(connection.alive.topic) if connection.alive else None
        self._reply_topics = {self._reply_topic(each.reply) for each in points.values() if each.reply}
        others = {*self._presences, *self._reply_topics, *([self._alive_topic] if self._alive_topic else [])}
        self._topics = [*dict.fromkeys([*self._names, *sorted(others)])]

    def attend(self) -> None:
        """Begins to listen, and greets."""
        self._broker.watch(self._change)
        self._began_at = self._loop.time()
        for topic in self._topics:
            self._broker.listen(topic, self._hear)
        if ask := self._connection.ask:
            self._broker.greet(self, self._connection.topic(ask.topic), ask)

    def leave(self) -> None:
        """Listens no more."""
        self._broker.unwatch(self._change)
        for topic in self._topics:
            self._broker.leave(topic, self._hear)
        self._broker.greet_no_more(self)

    async def read(self, points: Collection[str]) -> Sequence[Reading]:
        """What is known of *points*. Raises: DeviceUnreachable: it is not there."""
        await self._attended()
        await self._ask(points)
        self._check_there()
        return [self._reading(name) for name in points]

    async def write(self, setpoints: Sequence[Setpoint]) -> Mapping[str, Value]:
        """Tells it *setpoints* in one message; what those that can be read then read as.

        Raises: DeviceRefused, DeviceUnreachable.
        """
        await self._attended()
        self._check_there()
        number = next(_IDS) % 2**31
        topic, payload = self._message(setpoints, number)
        points = [self._points[each.point] for each in setpoints]
        reply = next((each.reply for each in points if each.reply), None)
        answer: Future[Any] = self._loop.create_future()
        if reply:
            self._answers[number] = reply, answer
        expires_s = max(5, *(round(float(each.settle)) for each in points))
        qos, is_kept = max(each.sent_with_qos for each in points), any(each.retain for each in points)
        try:
            await self._broker.publish(topic, payload, qos=qos, is_kept=is_kept, expires_s=expires_s)
            self._asked_at.clear()  # what it answered before is of before
            if reply:
                async with asyncio.timeout(ANSWERED_WITHIN_S):
                    await answer
        except TimeoutError as exc:
            raise DeviceUnreachable(f"it did not answer on {topic} within {ANSWERED_WITHIN_S:g} s") from exc
        finally:
            self._answers.pop(number, None)
        return {
            each.point: self._reads_as(each) for each, point in zip(setpoints, points, strict=True) if point.is_readable
        }

    def _reads_as(self, setpoint: Setpoint) -> Value:
        point = self._points[setpoint.point]
        raw = point.raw_of(setpoint.value)
        is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
        return point.value_of(float(written(raw, point.decimals)) if is_number else raw)

    def _message(self, setpoints: Sequence[Setpoint], number: int) -> tuple[str, str]:
        """Where all of *setpoints* are told, and by what. Raises: DeviceRefused: not in one message."""
        topics = {self._connection.topic(self._points[each.point].set or "") for each in setpoints}
        said = [self._said(each, number) for each in setpoints]
        if len(said) == 1:
            return topics.pop(), said[0]
        names = " and ".join(each.point for each in setpoints)
        if len(topics) > 1:
            raise DeviceRefused(f"{names} are told on different topics, so not together")
        whole: dict[str, Any] = {}
        for each in said:
            part = Document(each.encode()).json if each.startswith("{") else None
            if not isinstance(part, dict):
                raise DeviceRefused(f"{names} are not told by objects of JSON, so not together")
            _merge(whole, part, names)
        return topics.pop(), json.dumps(whole)

    def _said(self, setpoint: Setpoint, number: int) -> str:
        point = self._points[setpoint.point]
        return point.said_for(setpoint.value, number=number, client=self._broker.client_id)

    def _reply_topic(self, reply: ExpectedReply) -> str:
        return self._connection.topic(reply.topic).replace("{client}", self._broker.client_id)

    # What is heard

    def _hear(self, topic: str, heard: Heard) -> None:
        if topic in self._reply_topics and not heard.is_kept:
            self._take_answer(heard.document)
        if topic in self._presences:
            self._note_presence(topic, heard)
        elif not heard.is_kept:
            self._lived_at = max(self._lived_at, heard.at)
        self._heard[topic] = heard
        for name in self._names.get(topic, ()):
            # What holds only for a part has to be looked at before the next comes.
            self._look(name, heard)
        self._stirred.set()
        self._news.tell(*self._names.get(topic, ()))
        if topic in self._presences:
            self._tell_all()

    def _forget(self, before: float = inf) -> None:
        """Knows no values any more that were heard *before* then."""
        old = [topic for topic, each in self._heard.items() if each.at < before and topic in self._names]
        for topic in old:
            del self._heard[topic]
        self._readings = {name: each for name, each in self._readings.items() if (each.at or 0.0) >= before}

    def _change(self) -> None:
        """The connection to the broker has come or gone; nothing is known of one that is no more."""
        if self._broker.away:
            self._heard.clear()
            self._readings.clear()
        self._tell_all()

    def _tell_all(self) -> None:
        self._news.tell(*self._points)

    def _note_presence(self, topic: str, heard: Heard) -> None:
        was_there = self._is_said(self._presences[topic], self._heard.get(topic))
        is_there = self._is_said(self._presences[topic], heard)
        if is_there and not heard.is_kept:
            self._lived_at = max(self._lived_at, heard.at)
        if is_there and was_there is False:
            self._forget(before=heard.at - _BEFORE_S)
        if is_there is False:
            self._forget()

    def _take_answer(self, document: Document) -> None:
        for number, (reply, answer) in self._answers.items():
            try:
                said = JsonPath.parse(reply.id).of(document.json)
                refused = JsonPath.parse(reply.refused).of(document.json)
            except BadReading:
                return
            if str(said) == str(number) and not answer.done():
                if refused is MISSING or refused is None:
                    answer.set_result(None)
                else:
                    answer.set_exception(DeviceRefused(f"it says: {_in_words(refused)}"))
                return

    def _look(self, name: str, heard: Heard) -> None:
        """Finds what *heard* says of the point."""
        point = self._points[name]
        true_at = self._stamped_at(point, heard)
        reading = point.reading_in(name, heard.document, heard.at if true_at is None else true_at)
        if reading is None:
            return
        if heard.is_kept and point.fresh == "message" and true_at is None:
            reading = Reading(name, None, Quality.BAD, "only what the broker kept, of unknown age", at=heard.at)
        self._readings[name] = reading

    def _stamped_at(self, point: MqttPoint, heard: Heard) -> float | None:
        """When (on the clock of the loop) what *heard* says of *point* was true, by itself; None: it does not say."""
        if point.stamp is None:
            return None
        try:
            said = JsonPath.parse(point.stamp).of(heard.document.json)
            if said is MISSING:
                return None
            age_s = (heard.utc - instant_of(said, is_local=point.stamp_zone == "local")).total_seconds()
        except BadReading as exc:
            self._note_odd(exc.reason)
            return None
        if age_s < -_AHEAD_S:
            self._note_odd("its clock is ahead of ours; when its values were true is not believed")
            return None
        return heard.at - max(0.0, age_s)

    def _note_odd(self, what: str) -> None:
        if what not in self.oddities and len(self.oddities) < 10:
            self.oddities.append(what)

    # What is known

    async def _attended(self) -> None:
        """Waits until its topics are subscribed to. Raises: DeviceUnreachable: there is no connection."""
        await self._broker.settled(SETTLED_WITHIN_S)
        await self._heard_of(self._topics, self._listens_since + HEARD_WITHIN_S)

    @property
    def _listens_since(self) -> float:
        """Since when there is a connection by which it listens."""
        return max(self._began_at, self._broker.since)

    async def _heard_of(self, topics: Collection[str], by: float) -> None:
        """Waits *by* then for something on each of *topics*."""
        while self._loop.time() < by and not all(each in self._heard for each in topics):
            self._stirred.clear()
            try:
                async with asyncio.timeout_at(by):
                    await self._stirred.wait()
            except TimeoutError:
                return

    async def _ask(self, points: Collection[str]) -> None:
        """Has it tell *points* that it only tells who asks, unless it was asked just before."""
        now = self._loop.time()
        asked = []
        for name in points:
            point = self._points[name]
            if (ask := point.ask) is None or point.topic is None:
                continue
            topic = self._connection.topic(ask.topic)
            if now - self._asked_at.get((topic, ask.payload), -inf) >= ASKED_AGAIN_S:
                self._asked_at[topic, ask.payload] = now
                self._heard.pop(self._connection.topic(point.topic), None)
                await self._broker.publish(topic, ask.payload)
            asked.append(self._connection.topic(point.topic))
        if asked:
            await self._heard_of(asked, now + HEARD_WITHIN_S)

    def _check_there(self) -> None:
        """Raises: DeviceUnreachable: the device is not there, or nobody can tell."""
        now, since = self._loop.time(), self._listens_since
        if self._broker.away:
            raise DeviceUnreachable(self._broker.away)
        for topic, presence in self._presences.items():
            match self._is_said(presence, self._heard.get(topic)):
                case False:
                    raise DeviceUnreachable(f"{topic} says that it is not there")
                case None if not presence.optional:
                    why = f"nothing is said on {topic} about whether it is there"
                    hint = ", which it may have to be told to say" if now > since + SAID_WITHIN_S else ""
                    raise DeviceUnreachable(why + hint)
        if not self._connection.alive and (self._presences or not self._names):
            return
        alive = self._connection.alive
        silent_s = float(alive.within) if alive else self._silent_at_most_s
        last = self._lived_at
        if alive and self._alive_topic:
            heard = self._heard.get(self._alive_topic)
            last = heard.at if heard and not heard.is_kept else -inf
        if now - max(last, since) > silent_s:
            raise DeviceUnreachable(f"nothing was heard of it for {silent_s:g} s")

    @property
    def _silent_at_most_s(self) -> float:
        ages = [float(each.max_age) for each in self._points.values() if each.max_age and each.fresh == "message"]
        return min(ages, default=SILENT_AT_MOST_S)

    def _is_said(self, presence: Presence, heard: Heard | None) -> bool | None:
        """Whether *heard* says that the device is there; None: nothing was."""
        if heard is None:
            return None
        try:
            said = (
                heard.document.scalar
                if presence.json is None
                else JsonPath.parse(presence.json).of(heard.document.json)
            )
        except BadReading:
            return False
        word = "true" if said is True else "false" if said is False else str(said)
        return word.casefold() in map(str.casefold, presence.is_)

    def _reading(self, name: str) -> Reading:
        point = self._points[name]
        reading = self._readings.get(name)
        if reading is None:
            topic = self._connection.topic(point.topic or "")
            why = f"{topic} says nothing of it" if topic in self._heard else f"nothing was heard on {topic}"
            if topic in self._broker.refused:
                why = f"the broker does not let us hear {topic}"
            return Reading(name, None, Quality.BAD, why)
        if point.fresh == "online" and reading.at is not None:
            return Reading(name, reading.value, reading.quality, reading.detail, at=max(reading.at, self._lived_at))
        return reading


def _merge(whole: dict[str, Any], part: dict[str, Any], names: str) -> None:
    """Puts *part* into *whole*. Raises: DeviceRefused: both say something of one place."""
    for key, value in part.items():
        mine = whole.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            _merge(mine, value, names)
        elif key in whole and mine != value:
            raise DeviceRefused(f"{names} would both be told as {key}, so not together")
        else:
            whole[key] = value


def _in_words(refused: Any) -> str:
    if isinstance(refused, dict):
        return str(refused.get("message", refused))[:200]
    return str(refused)[:200]
