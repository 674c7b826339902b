"""The published S2 schemas and examples, where they lie beside the checkout."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

SPEC = Path(__file__).parents[2] / "shared" / "spec"
SCHEMAS = SPEC / "s2-json-schema-0.0.2-beta"

needs_spec = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the published S2 schemas are not in ../shared/spec")


def examples() -> list[Path]:
    return sorted((SPEC / "examples").glob("*.json"))


def has_schema(message_type: str) -> bool:
    return _path_of(message_type).exists()


def violations(message: dict[str, Any]) -> list[str]:
    """Where *message* breaks the published schema of its type; nowhere if there are no schemas to ask."""
    if not SCHEMAS.is_dir():
        return []
    errors = _validator(message["message_type"]).iter_errors(message)
    return [f"{error.json_path}: {error.message}" for error in errors]


@cache
def _validator(message_type: str) -> Draft202012Validator:
    return Draft202012Validator(_schema(_path_of(message_type)), format_checker=FormatChecker())


def _path_of(message_type: str) -> Path:
    return SCHEMAS / "messages" / f"{message_type}.schema.json"


@cache
def _schema(path: Path) -> dict[str, Any]:
    """The schema at *path*, with all that it refers to in its place; looking that up would take most of the time."""

    def placed(part: dict[str, Any]) -> dict[str, Any]:
        referred = _schema(path.parent / part.pop("$ref")) if "$ref" in part else {}
        names = ("$id", "$schema")
        return referred | {key: value for key, value in part.items() if key not in names}

    return json.loads(path.read_text(), object_hook=placed)
