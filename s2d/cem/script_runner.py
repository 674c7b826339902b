"""The script runner: carries out a script on a running CEM, step by step. Shell."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

from ..config.yaml_source import SourcePosition
from ..errors import S2dError
from ..host.clock import sleep
from ..s2.messages.common import InstructionStatus
from .commands import Command, CommandRefused
from .conversation import Conversation
from .script import CONTROL_TYPE, CommandStep, Step, WaitForStep, WaitStep
from .sent_instructions import SentInstruction
from .server import CemServer

Tell: TypeAlias = Callable[[str], None]


class ScriptFailed(S2dError):
    """An error: a step of a script could not be carried out."""

    def __init__(self, position: SourcePosition, reason: str) -> None:
        self.position = position
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.position}: {self.reason}"


async def run_script(steps: Iterable[Step], cem: CemServer, tell: Tell = lambda sentence: None) -> None:
    """Carries out *steps*, one after the other; *tell* is called with the sentence that each command returns.

    Waiting for a message counts what came since the last command of the script, each message once. Waiting for a
    status is about the last instruction the script gave or revoked.

    Raises: ScriptFailed: a command was refused, or what is waited for does not come.
    """
    runner = _ScriptRunner(cem)
    for step in steps:
        match step:
            case WaitStep(_, for_s):
                await sleep(for_s)
            case CommandStep(position, command, to):
                try:
                    tell(runner.execute(command, to))
                except CommandRefused as exc:
                    raise ScriptFailed(position, str(exc)) from exc
            case WaitForStep():
                await runner.wait_for(step)


class _ScriptRunner:
    """The state of a script at work: its last instruction, and the messages it has waited for."""

    def __init__(self, cem: CemServer) -> None:
        self._cem = cem
        self._instruction: SentInstruction | None = None
        self._consumed: dict[Conversation, Counter[str]] = {}

    def execute(self, command: Command, to: str | None) -> str:
        conversation = self._cem.find(to)
        reply = self._cem.execute(command, conversation)
        self._instruction = reply.instruction or self._instruction
        self._consumed[conversation] = Counter(conversation.received)
        return reply.sentence

    async def wait_for(self, step: WaitForStep) -> None:
        try:
            async with asyncio.timeout(step.within_s):
                await self._cem.until(lambda: self._is_fulfilled(step))
        except TimeoutError as exc:
            raise ScriptFailed(
                step.position, f"no {step.what} within {step.within_s:g} s{self._meanwhile(step)}"
            ) from exc

    def _is_fulfilled(self, step: WaitForStep) -> bool:
        if step.what in InstructionStatus.__members__:
            return self._has_status(step)
        try:
            conversation = self._cem.find(step.to)
        except CommandRefused:
            return False
        if step.what == CONTROL_TYPE:
            return conversation.control_type is conversation.wanted
        consumed = self._consumed.setdefault(conversation, Counter())
        if conversation.received[step.what] <= consumed[step.what]:
            return False
        consumed[step.what] += 1
        return True

    def _has_status(self, step: WaitForStep) -> bool:
        if self._instruction is None:
            raise ScriptFailed(step.position, f"{step.what} of what? The script has not given an instruction yet")
        if step.what in self._instruction.statuses:
            return True
        will_not_be_revoked = self._instruction.is_kept and step.what == InstructionStatus.REVOKED
        if self._instruction.is_finished or will_not_be_revoked:
            raise ScriptFailed(
                step.position, f"no {step.what}: {self._instruction.meaning} is {self._instruction.state}"
            )
        return False

    def _meanwhile(self, step: WaitForStep) -> str:
        if step.what in InstructionStatus.__members__ and self._instruction:
            return f": {self._instruction.meaning} is {self._instruction.state}"
        try:
            self._cem.find(step.to)
        except CommandRefused as exc:
            return f": {exc}"
        return ""
