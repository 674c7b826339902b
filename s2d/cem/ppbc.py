"""Power Profile Based Control (PPBC), from the CEM's side: profiles of containers, each to run one sequence. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ..s2.messages.common import Message, RevokableObjects, RevokeObject
from ..s2.messages.ppbc import (
    EndInterruptionInstruction,
    PowerProfileDefinition,
    PowerProfileStatus,
    PowerSequence,
    PowerSequenceContainer,
    PowerSequenceContainerStatus,
    PowerSequenceStatus,
    ScheduleInstruction,
    StartInterruptionInstruction,
)
from .aliases import Alias, find_named
from .choices import Choices, InstructionDraft, InstructionHeader, remember
from .commands import CommandRefused, Order, SequenceOrder
from .formatting import MOST_LISTED, MOST_SHOWN, Row, duration_text, listed, period_text, short_name, unit_of

USAGE = """\
schedule wash eco       run a sequence of a container, each by its id, the start of it, or its number
schedule 2 1 at 14:30:00Z
schedule task wash eco  of which profile, where there are several
interrupt               pause the sequence that runs; also "interrupt wash" or "interrupt wash eco"
resume                  go on with the sequence that is paused"""

MOST_PROFILES = 10
"""Remembered; each may have very many sequences."""

_INSTRUCTIONS: dict[
    str, type[ScheduleInstruction] | type[StartInterruptionInstruction] | type[EndInterruptionInstruction]
] = {
    "schedule": ScheduleInstruction,
    "interrupt": StartInterruptionInstruction,
    "resume": EndInterruptionInstruction,
}
_AFFECTED_STATE = {"interrupt": PowerSequenceStatus.EXECUTING, "resume": PowerSequenceStatus.INTERRUPTED}
"""The state of the sequences that a verb is about, where none is named."""

_Kinds = tuple[str, ...]
_INTERPRETATIONS: dict[int, tuple[_Kinds, ...]] = {
    0: ((),),
    1: (("sequence",), ("container",), ("profile",)),
    2: (("container", "sequence"), ("profile", "container"), ("profile", "sequence")),
    3: (("profile", "container", "sequence"),),
}
"""Number of words → what they may name, the likeliest first."""


class _SequencePath(NamedTuple):
    """The path to a sequence: its profile, its container and itself."""

    profile: PowerProfileDefinition
    container: PowerSequenceContainer
    sequence: PowerSequence
    numbers: dict[str, int]
    """By kind, from 1."""

    def name(self, kind: str) -> Alias:
        of_kind = {"profile": self.profile.id, "container": self.container.id, "sequence": self.sequence.id}
        return Alias(of_kind[kind], number=self.numbers[kind])


class PowerProfileChoices(Choices):
    """The choices of a resource with power profiles."""

    accepts = (SequenceOrder,)
    usage = USAGE

    def __init__(self) -> None:
        self.profiles: dict[str, PowerProfileDefinition] = {}
        self.statuses: dict[tuple[str, str], PowerSequenceContainerStatus] = {}

    def receive(self, message: Message) -> None:
        match message:
            case PowerProfileDefinition():
                remember(self.profiles, message.id, message, MOST_PROFILES)
            case PowerProfileStatus():
                for each in message.sequence_container_status:
                    remember(self.statuses, (each.power_profile_id, each.sequence_container_id), each)
            case RevokeObject(object_type=RevokableObjects.PPBC_POWER_PROFILE_DEFINITION):
                self.profiles.pop(message.object_id, None)

    def draft(self, order: Order, header: InstructionHeader, new_id: Callable[[], str]) -> InstructionDraft:
        assert isinstance(order, SequenceOrder)
        path = self._resolve(order)
        instruction = _INSTRUCTIONS[order.verb](
            **header._asdict(),
            power_profile_id=path.profile.id,
            sequence_container_id=path.container.id,
            power_sequence_id=path.sequence.id,
        )
        details = f"{path.container.id} {_sequence_text(path.sequence)} of {path.profile.id}"
        return InstructionDraft(instruction, order.verb, order.verb, details)

    def possible(self) -> str:
        paths = self._paths()
        if not paths:
            return "no power profile is defined"
        return f'there are "schedule", "interrupt" and "resume" of {_paths_text(paths)}'

    def completions(self) -> Iterable[str]:
        ids = [part.id for path in self._paths() for part in (path.container, path.sequence, path.profile)]
        return dict.fromkeys([*_INSTRUCTIONS, *ids])

    def rows(self) -> Iterable[Row]:
        for number, profile in list(enumerate(self.profiles.values(), 1))[-MOST_SHOWN:]:
            yield Row(
                f"profile {number}",
                (("", profile.id), ("label", f"  {period_text(profile.start_time, profile.end_time)}")),
            )
            containers = profile.power_sequences_containers
            for index, container in enumerate(containers[:MOST_LISTED], 1):
                status = self.statuses.get((profile.id, container.id))
                status_text = (_status_style(status), f"  {_status_text(status)}" if status else "")
                offer = listed(map(_sequence_text, container.power_sequences))
                yield Row(f"  {index}", (("", container.id), status_text, ("label", f"  {offer}")))
            if len(containers) > MOST_LISTED:
                yield Row("", (("label", f"and {len(containers) - MOST_LISTED} more containers"),))

    def describe(self, message: Message) -> str:
        match message:
            case PowerProfileDefinition():
                return f"{message.id}  {period_text(message.start_time, message.end_time)}"
            case PowerProfileStatus():
                return ", ".join(
                    f"{each.sequence_container_id} {_status_text(each)}" for each in message.sequence_container_status
                )
        return ""

    def _paths(self) -> list[_SequencePath]:
        return [
            _SequencePath(profile, container, sequence, {"profile": first, "container": second, "sequence": third})
            for first, profile in enumerate(self.profiles.values(), 1)
            for second, container in enumerate(profile.power_sequences_containers, 1)
            for third, sequence in enumerate(container.power_sequences, 1)
        ]

    def _resolve(self, order: SequenceOrder) -> _SequencePath:
        every = self._paths()
        interpretations = _INTERPRETATIONS[len(order.path)]
        if order.verb in _AFFECTED_STATE and len(order.path) == 1:
            # Which sequence is known: the one that runs there.
            interpretations = (("container",), ("sequence",), ("profile",))
        found = next(filter(None, (_matching(order.path, kinds, every) for kinds in interpretations)), [])
        there = "There"
        if affected := _AFFECTED_STATE.get(order.verb):
            now = [each for each in found if self._is_in_state(each, affected)]
            found, there = (now, there) if now else (found, f"None is {affected}; there")
        latest = [each for each in found if each.profile.id == found[-1].profile.id]
        if len(latest) == 1:
            return latest[0]
        if latest:
            raise CommandRefused(f"{order.verb} which? {there} are {_paths_text(latest)}")
        asked = " ".join(order.path)
        raise CommandRefused(f'nothing is called "{asked}"; {self.possible()}' if asked else self.possible())

    def _is_in_state(self, path: _SequencePath, wanted: PowerSequenceStatus) -> bool:
        status = self.statuses.get((path.profile.id, path.container.id))
        return status is not None and (status.status, status.selected_sequence_id) == (wanted, path.sequence.id)


def _matching(words: Sequence[str], kinds: _Kinds, paths: list[_SequencePath]) -> list[_SequencePath]:
    """Those of *paths* that *words* name, when they stand for *kinds*."""
    for word, kind in zip(words, kinds, strict=True):
        paths = find_named(word, paths, lambda path, kind=kind: path.name(kind))  # type: ignore[misc]
    return paths


def _paths_text(paths: Iterable[_SequencePath]) -> str:
    return listed(f"{path.container.id} {path.sequence.id}" for path in paths)


def _sequence_text(sequence: PowerSequence) -> str:
    """*sequence* in words: how long it runs, with how much power, and what is special about it."""
    duration_ms = sum(each.duration for each in sequence.elements)
    most = max((each.power_values[0] for each in sequence.elements), key=lambda value: abs(value.value_expected))
    facts = [duration_text(duration_ms)]
    facts.append(
        f"up to {most.value_expected:g} {unit_of(most.commodity_quantity)} {short_name(most.commodity_quantity)}"
    )
    facts += [] if sequence.is_interruptible else ["not interruptible"]
    facts += [] if sequence.max_pause_before is None else [f"within {duration_text(sequence.max_pause_before)}"]
    facts += ["abnormal"] if sequence.abnormal_condition_only else []
    return f"{sequence.id} ({', '.join(facts)})"


def _status_text(status: PowerSequenceContainerStatus) -> str:
    selected = f" {status.selected_sequence_id}" if status.selected_sequence_id else ""
    progress = f" {duration_text(status.progress)}" if status.progress is not None else ""
    return f"{status.status}{selected}{progress}"


def _status_style(status: PowerSequenceContainerStatus | None) -> str:
    match status and status.status:
        case PowerSequenceStatus.FINISHED:
            return "good"
        case PowerSequenceStatus.ABORTED:
            return "bad"
        case PowerSequenceStatus.NOT_SCHEDULED | None:
            return "label"
    return "busy"
