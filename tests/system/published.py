"""The S2 JSON schemas as published, where a copy of them lies beside the repository."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parents[3] / "shared/spec/s2-json-schema-0.0.2-beta"


def problems_of(message: dict[str, Any]) -> list[str]:
    """What the schemas say against *message*; nothing where there are no schemas to ask."""
    if not SCHEMAS.is_dir():
        return []
    errors = _validators()[message["message_type"]].iter_errors(message)
    return [f"{message['message_type']}{error.json_path[1:]}: {error.message}" for error in errors]


@cache
def _validators() -> dict[str, Draft202012Validator]:
    schemas = [json.loads(path.read_text()) for path in SCHEMAS.glob("*/*.schema.json")]
    # Relative references are relative to the $id of each file, so its $id is all a file must be known by.
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    checker = Draft202012Validator.FORMAT_CHECKER
    return {
        schema["properties"]["message_type"]["const"]: Draft202012Validator(
            schema, registry=registry, format_checker=checker
        )
        for schema in schemas
        if "message_type" in schema.get("properties", {})
    }
