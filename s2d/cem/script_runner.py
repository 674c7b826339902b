"""A script being carried out on a running CEM, step by step. Shell."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

from ..config.yaml_source import Spot
from ..errors import S2dError
from ..host.clock import sleep
from ..s2.messages.common import InstructionStatus
from .commands import Command, CommandRefused
from .conversation import Conversation
from .script import CONTROL_TYPE, Do, Step, Wait, WaitFor
from .sent_instructions import Given
from .server import Cem

Tell: TypeAlias = Callable[[str], None]


class ScriptFailed(S2dError):
    """A step of a script could not be carried out."""

    def __init__(self, spot: Spot, reason: str) -> None:
        self.spot = spot
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.spot}: {self.reason}"


async def perform(steps: Iterable[Step], cem: Cem, tell: Tell = lambda sentence: None) -> None:
    """Carries out *steps*, one after the other; *tell* is told what each command comes to.

    Waiting for a message counts what came since the last command of the script, each message once. Waiting for a
    status is about the last instruction the script gave or revoked.

    Raises: ScriptFailed: a command was refused, or what is waited for does not come.
    """
    performance = _Performance(cem)
    for step in steps:
        match step:
            case Wait(_, for_s):
                await sleep(for_s)
            case Do(spot, command, to):
                try:
                    tell(performance.do(command, to))
                except CommandRefused as exc:
                    raise ScriptFailed(spot, str(exc)) from exc
            case WaitFor():
                await performance.wait_for(step)


class _Performance:
    def __init__(self, cem: Cem) -> None:
        self._cem = cem
        self._given: Given | None = None
        self._consumed: dict[Conversation, Counter[str]] = {}

    def do(self, command: Command, to: str | None) -> str:
        conversation = self._cem.find(to)
        reply = self._cem.obey(command, conversation)
        self._given = reply.given or self._given
        self._consumed[conversation] = Counter(conversation.heard)
        return reply.sentence

    async def wait_for(self, step: WaitFor) -> None:
        try:
            async with asyncio.timeout(step.within_s):
                await self._cem.until(lambda: self._has_come(step))
        except TimeoutError as exc:
            raise ScriptFailed(step.spot, f"no {step.what} within {step.within_s:g} s{self._meanwhile(step)}") from exc

    def _has_come(self, step: WaitFor) -> bool:
        if step.what in InstructionStatus.__members__:
            return self._has_status(step)
        try:
            conversation = self._cem.find(step.to)
        except CommandRefused:
            return False
        if step.what == CONTROL_TYPE:
            return conversation.control_type is conversation.wanted
        consumed = self._consumed.setdefault(conversation, Counter())
        if conversation.heard[step.what] <= consumed[step.what]:
            return False
        consumed[step.what] += 1
        return True

    def _has_status(self, step: WaitFor) -> bool:
        if self._given is None:
            raise ScriptFailed(step.spot, f"{step.what} of what? The script has not given an instruction yet")
        if step.what in self._given.statuses:
            return True
        will_not_be_revoked = self._given.is_kept and step.what == InstructionStatus.REVOKED
        if self._given.is_finished or will_not_be_revoked:
            raise ScriptFailed(step.spot, f"no {step.what}: {self._given.meaning} is {self._given.state}")
        return False

    def _meanwhile(self, step: WaitFor) -> str:
        if step.what in InstructionStatus.__members__ and self._given:
            return f": {self._given.meaning} is {self._given.state}"
        try:
            self._cem.find(step.to)
        except CommandRefused as exc:
            return f": {exc}"
        return ""
