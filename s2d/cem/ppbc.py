"""Power Profile Based Control, from the CEM's side: tasks of containers, in each of which one sequence is run. Pure."""

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
from .aliases import Name, meant
from .choices import Common, Draft, Menu, remember
from .commands import CommandRefused, Order, Schedule
from .formatting import MOST_LISTED, MOST_SHOWN, Row, lasting, listed, short, unit_of, window

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
_AFFECTED = {"interrupt": PowerSequenceStatus.EXECUTING, "resume": PowerSequenceStatus.INTERRUPTED}
"""What a verb is about when that is not said."""

_Kinds = tuple[str, ...]
_READINGS: dict[int, tuple[_Kinds, ...]] = {
    0: ((),),
    1: (("sequence",), ("container",), ("profile",)),
    2: (("container", "sequence"), ("profile", "container"), ("profile", "sequence")),
    3: (("profile", "container", "sequence"),),
}
"""What so many words may be, the likeliest first."""


class _Place(NamedTuple):
    """A sequence, and where it stands."""

    profile: PowerProfileDefinition
    container: PowerSequenceContainer
    sequence: PowerSequence
    numbers: dict[str, int]
    """By kind, from 1."""

    def name(self, kind: str) -> Name:
        of_kind = {"profile": self.profile.id, "container": self.container.id, "sequence": self.sequence.id}
        return Name(of_kind[kind], number=self.numbers[kind])


class ProfileMenu(Menu):
    """What a resource with tasks offers."""

    takes = Schedule
    usage = USAGE

    def __init__(self) -> None:
        self.profiles: dict[str, PowerProfileDefinition] = {}
        self.statuses: dict[tuple[str, str], PowerSequenceContainerStatus] = {}

    def hear(self, message: Message) -> None:
        match message:
            case PowerProfileDefinition():
                remember(self.profiles, message.id, message, MOST_PROFILES)
            case PowerProfileStatus():
                for each in message.sequence_container_status:
                    remember(self.statuses, (each.power_profile_id, each.sequence_container_id), each)
            case RevokeObject(object_type=RevokableObjects.PPBC_POWER_PROFILE_DEFINITION):
                self.profiles.pop(message.object_id, None)

    def draft(self, order: Order, common: Common, new_id: Callable[[], str]) -> Draft:
        assert isinstance(order, Schedule)
        place = self._meant(order)
        instruction = _INSTRUCTIONS[order.verb](
            **common._asdict(),
            power_profile_id=place.profile.id,
            sequence_container_id=place.container.id,
            power_sequence_id=place.sequence.id,
        )
        details = f"{place.container.id} {_sequence(place.sequence)} of {place.profile.id}"
        return Draft(instruction, order.verb, order.verb, details)

    def possible(self) -> str:
        places = self._places()
        if not places:
            return "no power profile is defined"
        return f'there are "schedule", "interrupt" and "resume" of {_listed(places)}'

    def words(self) -> Iterable[str]:
        ids = [part.id for place in self._places() for part in (place.container, place.sequence, place.profile)]
        return dict.fromkeys([*_INSTRUCTIONS, *ids])

    def rows(self) -> Iterable[Row]:
        for place, profile in list(enumerate(self.profiles.values(), 1))[-MOST_SHOWN:]:
            yield Row(
                f"profile {place}", (("", profile.id), ("label", f"  {window(profile.start_time, profile.end_time)}"))
            )
            containers = profile.power_sequences_containers
            for number, container in enumerate(containers[:MOST_LISTED], 1):
                status = self.statuses.get((profile.id, container.id))
                standing = (_mood(status), f"  {_standing(status)}" if status else "")
                offer = listed(map(_sequence, container.power_sequences))
                yield Row(f"  {number}", (("", container.id), standing, ("label", f"  {offer}")))
            if len(containers) > MOST_LISTED:
                yield Row("", (("label", f"and {len(containers) - MOST_LISTED} more containers"),))

    def told(self, message: Message) -> str:
        match message:
            case PowerProfileDefinition():
                return f"{message.id}  {window(message.start_time, message.end_time)}"
            case PowerProfileStatus():
                return ", ".join(
                    f"{each.sequence_container_id} {_standing(each)}" for each in message.sequence_container_status
                )
        return ""

    def _places(self) -> list[_Place]:
        return [
            _Place(profile, container, sequence, {"profile": first, "container": second, "sequence": third})
            for first, profile in enumerate(self.profiles.values(), 1)
            for second, container in enumerate(profile.power_sequences_containers, 1)
            for third, sequence in enumerate(container.power_sequences, 1)
        ]

    def _meant(self, order: Schedule) -> _Place:
        every = self._places()
        readings = _READINGS[len(order.place)]
        if order.verb in _AFFECTED and len(order.place) == 1:
            # Which sequence is known: the one that runs there.
            readings = (("container",), ("sequence",), ("profile",))
        found = next(filter(None, (_read(order.place, kinds, every) for kinds in readings)), [])
        there = "There"
        if affected := _AFFECTED.get(order.verb):
            now = [each for each in found if self._is_now(each, affected)]
            found, there = (now, there) if now else (found, f"None is {affected}; there")
        latest = [each for each in found if each.profile.id == found[-1].profile.id]
        if len(latest) == 1:
            return latest[0]
        if latest:
            raise CommandRefused(f"{order.verb} which? {there} are {_listed(latest)}")
        asked = " ".join(order.place)
        raise CommandRefused(f'nothing is called "{asked}"; {self.possible()}' if asked else self.possible())

    def _is_now(self, place: _Place, wanted: PowerSequenceStatus) -> bool:
        status = self.statuses.get((place.profile.id, place.container.id))
        return status is not None and (status.status, status.selected_sequence_id) == (wanted, place.sequence.id)


def _read(words: Sequence[str], kinds: _Kinds, places: list[_Place]) -> list[_Place]:
    """Those of *places* that *words* name, when they stand for *kinds*."""
    for word, kind in zip(words, kinds, strict=True):
        places = meant(word, places, lambda place, kind=kind: place.name(kind))  # type: ignore[misc]
    return places


def _listed(places: Iterable[_Place]) -> str:
    return listed(f"{place.container.id} {place.sequence.id}" for place in places)


def _sequence(sequence: PowerSequence) -> str:
    """It in words: how long it runs, with how much power, and what is special about it."""
    duration_ms = sum(each.duration for each in sequence.elements)
    most = max((each.power_values[0] for each in sequence.elements), key=lambda value: abs(value.value_expected))
    facts = [lasting(duration_ms)]
    facts.append(f"up to {most.value_expected:g} {unit_of(most.commodity_quantity)} {short(most.commodity_quantity)}")
    facts += [] if sequence.is_interruptible else ["not interruptible"]
    facts += [] if sequence.max_pause_before is None else [f"within {lasting(sequence.max_pause_before)}"]
    facts += ["abnormal"] if sequence.abnormal_condition_only else []
    return f"{sequence.id} ({', '.join(facts)})"


def _standing(status: PowerSequenceContainerStatus) -> str:
    selected = f" {status.selected_sequence_id}" if status.selected_sequence_id else ""
    progress = f" {lasting(status.progress)}" if status.progress is not None else ""
    return f"{status.status}{selected}{progress}"


def _mood(status: PowerSequenceContainerStatus | None) -> str:
    match status and status.status:
        case PowerSequenceStatus.FINISHED:
            return "good"
        case PowerSequenceStatus.ABORTED:
            return "bad"
        case PowerSequenceStatus.NOT_SCHEDULED | None:
            return "label"
    return "busy"
