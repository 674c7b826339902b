"""A CEM and a resource manager of ours who meet in one process: frames go both ways, time and hardware are told."""

import json
from collections import deque
from uuid import UUID

from played_rm import counted_ids

from s2d.cem.conversation import Conversation
from s2d.cem.grammar import parse
from s2d.cem.view import overview, text_of
from s2d.events import Applied, Measured
from s2d.s2.effects import (
    Apply,
    Connected,
    Received,
    Send,
    Started,
    Tick,
)
from s2d.s2.messages import wire
from s2d.values import Reading
from tests.published import has_schema, violations


class Meeting:
    """Whatever the CEM says is held against the published schemas, and must be taken with an OK."""

    def __init__(self, stage, control_type, version=None, **readings):
        """*stage* has a resource manager; only *version* is offered, if one is given; *readings* are made first."""
        self.stage = stage
        self.version = version
        self.cem = Conversation("/s2", control_type, counted_ids())
        self.applied = []
        """What shall be written: point and value."""
        self.sent = []
        """By the CEM, but for ReceptionStatuses."""
        self.received = []
        """By the CEM."""
        self._setpoints = []
        self._on_their_way = deque()
        self._happen(Started())
        self.measure(**readings)
        self._tell(self.cem.open())
        self._happen(Connected())
        self._deliver()

    def order(self, line):
        """What the CEM answers to the typed *line*; everybody has heard everything then."""
        reply = self.cem.execute(parse(line).command, self.stage.now)
        self._tell(reply.messages)
        self._deliver()
        return reply.sentence

    def measure(self, **readings):
        if readings:
            self._happen(Measured(tuple(Reading(point, value) for point, value in readings.items())))
            self._deliver()

    def follow(self, **readings):
        """The device confirms all that was to be written, and a second later these are read."""
        confirmed, self._setpoints = self._setpoints, []
        for setpoint in confirmed:
            self._happen(Applied(setpoint))
            self._deliver()
        self.stage.elapsed_s += 1
        self.measure(**readings)

    def after(self, seconds):
        """Lets time pass, waking the resource manager whenever it asked for it."""
        stage, until = self.stage, self.stage.elapsed_s + seconds
        while (wait := stage.resource_manager.wake_after(stage.now)) is not None and stage.elapsed_s + wait <= until:
            stage.elapsed_s += wait
            self._happen(Tick())
            self._deliver()
        stage.elapsed_s = until

    def shown(self):
        """The live view without the counts of messages, and without indents."""
        lines = [text_of(line).strip() for line in overview([self.cem])]
        return [line for line in lines if not line.startswith(("in  ", "out  "))]

    @property
    def statuses(self):
        """Of all instructions, by their numbers."""
        return {sent.number: [str(status) for status in sent.statuses] for sent in self.cem.instructions.values()}

    def _happen(self, event):
        for effect in self.stage.resource_manager.handle(event, self.stage.now):
            match effect:
                case Send(message):
                    self._on_their_way.append((self._reach_cem, self._frame(message)))
                case Apply(setpoint):
                    self._setpoints.append(setpoint)
                    self.applied.append((setpoint.point, setpoint.value))

    def _frame(self, message):
        frame = wire.encode(message).decode()
        if self.version and isinstance(message, wire.common.Handshake):
            return json.dumps({**json.loads(frame), "supported_protocol_versions": [self.version]})
        return frame

    def _tell(self, messages):
        for message in messages:
            frame = wire.encode(message).decode()
            plain = json.loads(frame)
            if has_schema(plain["message_type"]):
                assert violations(plain) == []
            if plain["message_type"] != "ReceptionStatus":
                assert UUID(plain["message_id"])
                self.sent.append(plain)
            self._on_their_way.append((self._reach_rm, frame))

    def _deliver(self):
        """Frames arrive in the order in which they were sent."""
        while self._on_their_way:
            reach, frame = self._on_their_way.popleft()
            reach(frame)

    def _reach_cem(self, frame):
        handled = self.cem.receive(frame)
        self.received.append(handled.message)
        self._tell(handled.answers)

    def _reach_rm(self, frame):
        self._happen(Received(frame))
