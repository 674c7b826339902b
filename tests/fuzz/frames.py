"""Frames that a peer may send, from noise to nearly right."""

import json
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from s2d.s2.messages import wire
from s2d.s2.messages.common import Tagged
from s2d.s2.messages.schema import schemas

from ..core.stage import NOON
from ..instances import Path, Schema, inlined, instances, mutants, parts, replaced

MESSAGE_TYPES = sorted({wire.name_of(message) for message in wire.MESSAGES})
WHAT_A_CEM_SAYS = (
    "Handshake",
    "HandshakeResponse",
    "ReceptionStatus",
    "SelectControlType",
    "SessionRequest",
    "RevokeObject",
)
_DEEP = 50_000
_TWIN = "the twin"

noise: st.SearchStrategy[str | bytes] = st.one_of(
    st.binary(max_size=200),
    st.text(st.characters(), max_size=200),
    st.sampled_from(["", "[", "null", "[]", "{}", "[" * _DEEP, '{"a":' * _DEEP, '{"message_id":' + "9" * 5000 + "}"]),
)
_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
any_json: st.SearchStrategy[str] = st.one_of(
    _values,
    st.fixed_dictionaries(
        {"message_type": st.sampled_from(MESSAGE_TYPES) | _values},
        optional={"message_id": st.just("m1") | _values, "subject_message_id": _values, "status": _values},
    ),
).map(json.dumps)
instants = st.one_of(
    st.floats(-3600, 3600).map(lambda after_s: (NOON + timedelta(seconds=after_s)).isoformat()),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-06-01T12:00:30Z"]),
)


def messages(ids: tuple[str, ...], instructions: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Frames of every type of message, mostly those a CEM says and *instructions*, about *ids*."""
    return _names(instructions).flatmap(lambda name: _instances(name, ids)).map(json.dumps)


def near_messages(ids: tuple[str, ...], instructions: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Messages with one thing changed: a value, or a stretch of the text."""
    changed = _names(instructions).flatmap(
        lambda name: _instances(name, ids).flatmap(lambda message: mutants(message, _schema(name)))
    )
    return changed.map(json.dumps) | messages(ids, instructions).flatmap(_garbled)


def nearly(message: Tagged) -> st.SearchStrategy[str]:
    """*message* with one thing changed."""
    name, said = wire.name_of(type(message)), json.loads(wire.encode(message))
    return mutants(said, _schema(name)).map(json.dumps) | _garbled(json.dumps(said))


def twins(ids: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Messages with one key twice in one object."""
    message = st.sampled_from(MESSAGE_TYPES).flatmap(lambda name: _instances(name, ids).flatmap(_with_twin))
    return message.map(lambda made: json.dumps(made[0]).replace(f'"{_TWIN}"', f'"{made[1]}"'))


def _names(instructions: tuple[str, ...]) -> st.SearchStrategy[str]:
    expected = st.sampled_from((*WHAT_A_CEM_SAYS, *instructions))
    return expected | expected | st.sampled_from(MESSAGE_TYPES)


def _with_twin(message: Any) -> st.SearchStrategy[tuple[Any, str]]:
    keys = [(path, key) for path, part in parts(message) if isinstance(part, dict) for key in part]
    return st.tuples(st.sampled_from(keys), st.booleans()).map(lambda drawn: (_twinned(message, *drawn), drawn[0][1]))


def _twinned(message: Any, place: tuple[Path, str], is_first: bool) -> Any:
    path, key = place
    part = dict(parts(message))[path]
    twin = {_TWIN: part[key]}
    return replaced(message, path, {**twin, **part} if is_first else {**part, **twin})


def _instances(name: str, ids: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return instances(_schema(name), ids=st.sampled_from(ids), timestamps=instants)


def _garbled(frame: str) -> st.SearchStrategy[str]:
    place = st.integers(0, len(frame))
    patch = st.sampled_from(["", ",", '"', "{", "\\", "\\u002c", "\0", ',"id":"i1"', "NaN", "1e999", "é"])
    return st.tuples(place, place, patch).map(lambda cut: frame[: min(cut[:2])] + cut[2] + frame[max(cut[:2]) :])


@cache
def _schema(name: str) -> Schema:
    found: dict[str, Any] = {**schemas("0.0.2-beta"), **schemas("1.0.0")}
    return inlined(found[name], found.__getitem__)
