"""All that a CEM says to resources of every control type, timed: a frame in, its effects out and encoded."""

from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter_ns
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import msgspec

from s2d.host.identifier import ids_from
from s2d.s2.effects import Disconnected, Effect, Event, Received, Send
from s2d.s2.messages import wire
from s2d.s2.messages.common import (
    CONTROL_TYPES,
    Message,
    ReceptionStatus,
    RevokableObjects,
    RevokeObject,
    SessionRequest,
    SessionRequestType,
)
from s2d.s2.session import Session
from s2d.values import Now
from tests.core import resources_modes
from tests.core.every_control import EVERY, Staged
from tests.core.resources_modes import Play
from tests.core.stage import OK, Stage, said

_ORDERS = 8
"""In each session."""
_REVOKABLE = {
    "frbc": RevokableObjects.FRBC_INSTRUCTION,
    "pebc": RevokableObjects.PEBC_INSTRUCTION,
    "ombc": RevokableObjects.OMBC_INSTRUCTION,
    "ddbc": RevokableObjects.DDBC_INSTRUCTION,
    "ppbc": RevokableObjects.PPBC_END_INTERRUPTION_INSTRUCTION,
}
_NAMES = {control_type: name for name, control_type in CONTROL_TYPES.items()}


def times_of_every_type(sessions: int) -> dict[str, list[float]]:
    """Message type, and under which control type where that is not clear → µs of each; of *sessions* with each."""
    times: dict[str, list[float]] = defaultdict(list)
    new_id = ids_from(uuid4())
    with ExitStack() as stack:
        # The stages count; real ids take longer. One of them looks at schemas, which is not what is timed.
        for stage in (Stage, Play):
            stack.enter_context(patch.object(stage, "new_id", lambda _: new_id()))
        stack.enter_context(patch.object(resources_modes, "SCHEMAS", Path("/nowhere")))
        for kind in EVERY:
            for _ in range(sessions):
                _live(kind(), times)
    return times


def _live(played: Staged, times: dict[str, list[float]]) -> None:
    """One session from hello to farewell, after one in which nothing happened."""
    stage: Any = played.stage
    name = _NAMES[played.control_type]
    stage.on(Disconnected("the first session ends"))
    stage.resource_manager = _Timed(stage.resource_manager, name, times)
    stage.active() if isinstance(stage, Stage) else stage.connected()
    for count in range(1, _ORDERS + 1):
        effects = played.order(count)
        _answer(stage, effects)
        _answer(stage, played.follows(effects))
    _answer(stage, played.order(_ORDERS + 1, after_s=60.0))
    object_id = f"i-{_ORDERS + 1}"
    _answer(stage, stage.hears(RevokeObject(message_id="revoke", object_type=_REVOKABLE[name], object_id=object_id)))
    stage.hears(SessionRequest(message_id="bye", request=SessionRequestType.RECONNECT))


def _answer(stage: Any, effects: list[Effect]) -> None:
    """A `Play` answers by itself."""
    if isinstance(stage, Stage):
        for message in said(effects):
            if isinstance(message, Message):
                stage.hears(ReceptionStatus(subject_message_id=message.message_id, status=OK))


class _Timed:
    """A resource manager that is timed whenever it hears a frame."""

    def __init__(self, resource_manager: Any, name: str, times: dict[str, list[float]]) -> None:
        self._resource_manager = resource_manager
        self._name = name
        self._times = times

    @property
    def session(self) -> Session | None:
        session: Session | None = self._resource_manager.session
        return session

    def wake_after(self, now: Now) -> float | None:
        wait: float | None = self._resource_manager.wake_after(now)
        return wait

    def handle(self, event: Event, now: Now) -> list[Effect]:
        start = perf_counter_ns()
        effects: list[Effect] = self._resource_manager.handle(event, now)
        for effect in effects:
            if isinstance(effect, Send):
                wire.encode(effect.message)
        took_us = (perf_counter_ns() - start) / 1000
        self._resource_manager.wake_after(now)
        if isinstance(event, Received):
            message_type = msgspec.json.decode(event.frame)["message_type"]
            self._times[message_type if "." in message_type else f"{message_type} ({self._name})"].append(took_us)
        return effects
