"""The schemas generated from the messages allow what the published ones allow, and so does the decoder.

Three judges: the published schema, the generated one, and `wire.decode`. Where they differ on purpose stands in
LATITUDES, and nowhere else.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from s2d.s2.messages import wire
from s2d.s2.messages.schema import frame_schema, schemas, texts
from s2d.s2.messages.vet import vet

from ..instances import Schema, arrays, fullest, inlined, instances, misfit, mutants, nodes, replaced, smallest
from ..published import SCHEMAS, examples, needs_spec

ROOT = Path(__file__).parents[2]
BETA, V1 = wire.VERSIONS
ID_AS_PUBLISHED = {"type": "string", "pattern": r"[a-zA-Z0-9\-_:]{2,64}"}
ID_AS_MEANT = {"type": "string", "pattern": r"^[a-zA-Z0-9\-_:]{2,64}$", "minLength": 2, "maxLength": 64}


class Latitude(NamedTuple):
    """One way in which the judges differ, with a message that shows it."""

    reason: str
    message_type: str
    property: str
    value: Any
    published: bool
    generated: bool
    decoded: bool


MEANT_AS_OBJECT = "the published objects do not say `type: object`, so that anything else passes for one"
MEANT_AS_WHOLE = "the published pattern of an id is not anchored: it only asks for two good characters somewhere"
NULL = "`null` for an optional property is read as absent (a CEM in the wild sends it), and never written"
INTEGRAL = "JSON Schema takes 1000.0 for an integer, msgspec takes it for a float"
DOUBLE = "JSON knows no largest number, floats do"
LEAP = "datetime has neither leap seconds nor the year 0"
LOOSE = "msgspec also reads a space for the T, and an offset without colon"

LATITUDES = (
    Latitude(MEANT_AS_OBJECT, "FRBC.FillLevelTargetProfile", "elements", [5], True, False, False),
    Latitude(MEANT_AS_OBJECT, "DDBC.SystemDescription", "present_demand_rate", "much", True, False, False),
    Latitude(MEANT_AS_WHOLE, "SelectControlType", "message_id", "not an id", True, False, False),
    Latitude(MEANT_AS_WHOLE, "SelectControlType", "message_id", "x" * 65, True, False, False),
    Latitude(NULL, "ReceptionStatus", "diagnostic_label", None, False, False, True),
    Latitude(NULL, "ResourceManagerDetails", "currency", None, False, False, True),
    Latitude(INTEGRAL, "ResourceManagerDetails", "instruction_processing_delay", 1000.0, True, True, False),
    Latitude(DOUBLE, "FRBC.StorageStatus", "present_fill_level", 10**400, True, True, False),
    Latitude(LEAP, "FRBC.TimerStatus", "finished_at", "2016-12-31T23:59:60Z", True, True, False),
    Latitude(LEAP, "FRBC.TimerStatus", "finished_at", "0000-01-01T00:00:00Z", True, True, False),
    Latitude(LOOSE, "FRBC.TimerStatus", "finished_at", "2026-06-01 12:00:00Z", False, False, True),
    Latitude(LOOSE, "FRBC.TimerStatus", "finished_at", "2026-06-01T12:00:00+0200", False, False, True),
)

_TIMESTAMP = re.compile(r"(\d{4})-\d\d-\d\d[Tt]\d\d:\d\d:(\d\d)(\.\d+)?([Zz]|[-+]([01]\d|2[0-3]):[0-5]\d)", re.ASCII)
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_rfc3339(value: object) -> bool:
    """RFC 3339, 5.6: what the format `date-time` stands for."""
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return not isinstance(value, str)
    year, second, *_ = match.groups()
    assert isinstance(value, str)
    day = ("2000" if year == "0000" else year) + value[4:10].upper()
    datetime.fromisoformat(f"{day}T{value[11:17]}{'59' if second == '60' else second}Z")
    return True


def meant(published: Schema) -> Schema:
    """*published* with what it means, but does not say: MEANT_AS_OBJECT and MEANT_AS_WHOLE."""
    if published == ID_AS_PUBLISHED:
        return ID_AS_MEANT
    schema = dict(published)
    if "properties" in schema:
        schema["type"] = "object"
        schema["properties"] = {name: meant(part) for name, part in schema["properties"].items()}
    if "items" in schema:
        schema["items"] = meant(schema["items"])
    return schema


@cache
def published(version: str) -> dict[str, Schema]:
    """Every published schema by its name; 1.0.0 is 0.0.2-beta but for the present demand."""
    found = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in SCHEMAS.glob("*/*.json")}
    if version == V1:
        description = found["DDBC.SystemDescription"]
        status = {key: description["properties"][key] for key in ("message_id", "present_demand_rate")}
        tag = {"message_type": {"type": "string", "const": "DDBC.PresentDemandStatus"}}
        found["DDBC.PresentDemandStatus"] = {
            "properties": tag | status,
            "required": ["message_type", *status],
            "additionalProperties": False,
        }
        del description["properties"]["present_demand_rate"]
        description["required"].remove("present_demand_rate")
    return {name: inlined(schema, _in_files(found)) for name, schema in found.items()}


@cache
def generated(version: str) -> dict[str, Schema]:
    """Every generated schema by its name."""
    found: dict[str, Any] = schemas(version)
    return {name: inlined(schema, found.__getitem__) for name, schema in found.items()}


def _in_files(schemas: dict[str, Schema]) -> Callable[[str], Schema]:
    return lambda file: schemas[file.removesuffix(".schema.json")]


@cache
def judge(source: Callable[[str], dict[str, Schema]], version: str, name: str) -> Draft202012Validator:
    return Draft202012Validator(source(version)[name], format_checker=FORMATS)


@cache
def judge_of_meaning(version: str, name: str) -> Draft202012Validator:
    return Draft202012Validator(meant(published(version)[name]), format_checker=FORMATS)


def is_decoded(frame: str, version: str) -> bool:
    try:
        vet(frame, wire.decode(frame, version))
    except wire.UnreadableFrame:
        return False
    return True


def without_null(instance: Any, schema: Schema) -> Any:
    """*instance* as the latitude NULL reads it."""
    properties, required = schema.get("properties", {}), schema.get("required", ())
    if isinstance(instance, dict):
        return {
            key: without_null(value, properties.get(key, {}))
            for key, value in instance.items()
            if not (value is None and key in properties and key not in required)
        }
    if isinstance(instance, list):
        return [without_null(value, schema.get("items", {})) for value in instance]
    return instance


EVERY_MESSAGE = [(version, wire.name_of(message)) for version in wire.VERSIONS for message in wire.MESSAGES_OF[version]]
MESSAGES_TO_TRY = [(BETA, name) for version, name in EVERY_MESSAGE if version == BETA]
MESSAGES_TO_TRY += [(V1, "DDBC.SystemDescription"), (V1, "DDBC.PresentDemandStatus")]


def test_the_committed_schemas_are_the_generated_ones() -> None:
    committed = {file.name: file.read_text() for file in (ROOT / "schemas" / "s2").glob("*.json")}
    assert committed == texts(), "run: python -m s2d.s2.messages.schema VERSION > schemas/s2/VERSION.schema.json"


@pytest.mark.parametrize("version", wire.VERSIONS)
def test_a_generated_schema_is_a_schema(version: str) -> None:
    Draft202012Validator.check_schema(frame_schema(version))


@needs_spec
@pytest.mark.parametrize("version", wire.VERSIONS)
@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_every_published_example_passes(path: Path, version: str) -> None:
    Draft202012Validator(frame_schema(version), format_checker=FORMATS).validate(json.loads(path.read_text()))


@needs_spec
@pytest.mark.parametrize("version", wire.VERSIONS)
def test_names_are_those_published(version: str) -> None:
    assert sorted(schemas(version)) == sorted(published(version))


@needs_spec
@pytest.mark.parametrize("version", wire.VERSIONS)
def test_structure_is_that_published_but_for_what_it_means_and_does_not_say(version: str) -> None:
    assert generated(version) == {name: meant(schema) for name, schema in published(version).items()}


@needs_spec
@pytest.mark.parametrize("latitude", LATITUDES, ids=lambda row: f"{row.property}={str(row.value)[:30]}")
def test_the_judges_differ_as_stated(latitude: Latitude) -> None:
    name = latitude.message_type
    message = {**smallest(generated(BETA)[name]), latitude.property: latitude.value}
    verdicts = (
        judge(published, BETA, name).is_valid(message),
        judge(generated, BETA, name).is_valid(message),
        is_decoded(json.dumps(message), BETA),
    )
    assert verdicts == (latitude.published, latitude.generated, latitude.decoded), latitude.reason


@needs_spec
@pytest.mark.parametrize(("version", "name"), MESSAGES_TO_TRY)
def test_every_array_ends_where_published(version: str, name: str) -> None:
    for where, array, around in arrays(meant(published(version)[name])):
        bounds = [array.get("minItems", 0), array["maxItems"]] if "maxItems" in array else [array["minItems"]]
        for size in {max(0, bound + step) for bound in bounds for step in (-1, 0, 1)}:
            message = around([smallest(array["items"])] * size)
            is_within = bounds[0] <= size <= array.get("maxItems", size)
            verdicts = (judge(published, version, name).is_valid(message), is_decoded(json.dumps(message), version))
            assert verdicts == (is_within, is_within), f"{where}: {size}"


@needs_spec
@pytest.mark.parametrize(("version", "name"), MESSAGES_TO_TRY)
def test_every_place_refuses_what_does_not_fit(version: str, name: str) -> None:
    schema = meant(published(version)[name])
    whole = fullest(schema)
    assert is_decoded(json.dumps(whole), version)
    for path, _, part in nodes(whole, schema):
        message = replaced(whole, path, misfit(part))
        assert not judge_of_meaning(version, name).is_valid(message), path
        assert not judge(generated, version, name).is_valid(message), path
        assert not is_decoded(json.dumps(message), version), path


@needs_spec
@pytest.mark.parametrize(("version", "name"), MESSAGES_TO_TRY)
@settings(max_examples=25)
@given(choices=st.data())
def test_what_is_published_as_valid_is_valid(version: str, name: str, choices: st.DataObject) -> None:
    message = choices.draw(instances(meant(published(version)[name])))
    assert judge(published, version, name).is_valid(message)
    assert judge(generated, version, name).is_valid(message)
    assert json.loads(wire.encode(wire.decode(json.dumps(message), version))).keys() == message.keys()


@needs_spec
@pytest.mark.parametrize(("version", "name"), MESSAGES_TO_TRY)
@settings(max_examples=40)
@given(choices=st.data())
def test_a_mutant_is_judged_alike(version: str, name: str, choices: st.DataObject) -> None:
    schema = meant(published(version)[name])
    mutant = choices.draw(instances(schema).flatmap(lambda message: mutants(message, schema)))
    frame = json.dumps(mutant, ensure_ascii=choices.draw(st.booleans()))
    meaning = judge_of_meaning(version, name)
    assert judge(generated, version, name).is_valid(mutant) == meaning.is_valid(mutant)
    assert is_decoded(frame, version) == meaning.is_valid(without_null(mutant, schema))
