"""Recorded runs: replayed they come to the same, and nothing of them is lost on paper."""

from dataclasses import replace
from uuid import UUID

import msgspec
import pytest

from s2d.events import Applied, Identified, Lost, Measured, Refused
from s2d.observe.recording import decode_run, encode_run, encode_start, encode_taken, replay
from s2d.observe.tap import Taken
from s2d.s2.effects import (
    Apply,
    Close,
    Connected,
    Disconnected,
    Effect,
    Event,
    Level,
    Note,
    Pinged,
    Ponged,
    Received,
    ReconnectPolicy,
    ReconnectTerms,
    Send,
    Started,
    Stopping,
    Tick,
)
from s2d.s2.messages.common import Tagged
from s2d.s2.messages.wire import MESSAGES, VERSIONS
from s2d.values import Now, Quality, Reading, Setpoint
from tests.bench.samples import samples
from tests.fakes import EPOCH
from tests.traces.stories import SETUP, STORIES, recorded

SEED = UUID("6e8f2a8c-4c1d-4b3a-9f27-5d0c1e2f3a4b")
NOW = Now(1234.5678901234567, EPOCH.replace(microsecond=123456))
SETPOINT = Setpoint("power_setpoint", -1500.5, "instruction 1", is_safe=True)
READINGS = (
    Reading("soc", 50.0),
    Reading("power", -3),
    Reading("status", "charging"),
    Reading("is_on", True),
    Reading("fault", None, Quality.ABSENT, "not now"),
)
EVENTS: list[Event] = [
    Connected(),
    Disconnected("gone"),
    Pinged(),
    Ponged(),
    Received('{"a": "ä\\u0000"}'),
    Received(b"\x00\xff"),
    Measured(READINGS),
    Measured(READINGS, is_lent=True),
    Lost("no answer"),
    Applied(SETPOINT),
    Refused(SETPOINT, "too cold", will_retry=True),
    Identified("Acme", None, "47"),
    Started(),
    Stopping(),
    Tick(),
]
EFFECTS: list[Effect] = [
    Apply(SETPOINT),
    Close("enough", ReconnectPolicy.LATE),
    ReconnectTerms(is_anew=True, within_s=15.0),
    ReconnectTerms(is_anew=False, within_s=None),
    Note(Level.WARNING, "thing.happened", {"number": 1, "share": 0.1, "is_so": False, "text": "ä", "nothing": None}),
]
"""All but what is sent."""


def written_and_read(*taken: Taken) -> list[Taken]:
    lines = [encode_start(SETUP, SEED), *map(encode_taken, taken)]
    return decode_run(lines).taken


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", STORIES)
async def test_a_run_replays_to_equal_effects_as_it_was_and_as_it_is_read(name: str) -> None:
    run = await recorded(name)
    assert replay(run) == run.taken
    assert replay(decode_run(encode_run(run).splitlines())) == run.taken


@pytest.mark.virtual_time
async def test_ids_are_part_of_what_is_equal() -> None:
    run = await recorded("a_cem_that_comes_and_goes")
    assert replay(replace(run, seed=SEED)) != run.taken


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_read_as_it_was_written(event: Event) -> None:
    assert written_and_read((event, [], NOW)) == [(event, [], NOW)]


def test_of_a_reading_only_what_is_said_is_written() -> None:
    line = encode_taken((Measured((Reading("soc", 50.0),)), [], NOW))
    assert b'"readings":[{"point":"soc","value":50.0}]' in line


def test_every_effect_is_read_as_it_was_written() -> None:
    assert written_and_read((Tick(), EFFECTS, NOW)) == [(Tick(), EFFECTS, NOW)]


def test_every_message_is_read_as_it_was_written() -> None:
    said: list[Effect] = [Send(message) for version in VERSIONS for message in samples(version).values()]
    assert {type(each.message) for each in said if isinstance(each, Send)} == set(MESSAGES)
    assert written_and_read((Tick(), said, NOW)) == [(Tick(), said, NOW)]


def test_what_it_starts_with_is_read_as_it_was_written() -> None:
    run = decode_run([encode_start(SETUP, SEED)])
    assert (run.setup, run.seed, run.taken) == (SETUP, SEED, [])


def changed(old: bytes, new: bytes) -> bytes:
    start = encode_start(SETUP, SEED)
    assert old in start
    return start.replace(old, new)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"no JSON"],
        [b"{}"],
        [changed(b'"recording":1', b'"recording":2')],
        [changed(b'"kind":"battery"', b'"kind":"reactor"')],
        [changed(b'"capacity":10000.0', b'"capacity":"much"')],
        [changed(b'"policy"', b'"politics"')],
        [encode_start(SETUP, SEED), encode_taken((Tick(), [], NOW))[:-5]],
        [encode_start(SETUP, SEED), encode_taken((Tick(), [Send(Tagged())], NOW))],
    ],
)
def test_what_is_no_recording_is_not_taken_for_one(lines: list[bytes]) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_run(lines)
