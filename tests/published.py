"""The published S2 schemas and examples, where they lie beside the checkout."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

SPEC = Path(__file__).parents[2] / "shared" / "spec"
SCHEMAS = SPEC / "s2-json-schema-0.0.2-beta"

needs_spec = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the published S2 schemas are not in ../shared/spec")


def examples() -> list[Path]:
    return sorted((SPEC / "examples").glob("*.json"))


@cache
def _registry() -> Registry[Any]:
    resources = []
    for path in SCHEMAS.glob("*/*.json"):
        schema = json.loads(path.read_text())
        schema.pop("$id", None)
        schema.pop("$schema", None)
        resources.append((f"https://s2.invalid/{path.parent.name}/{path.name}", Resource(schema, DRAFT202012)))
    return Registry().with_resources(resources)


def has_schema(message_type: str) -> bool:
    return (SCHEMAS / "messages" / f"{message_type}.schema.json").exists()


def violations(message: dict[str, Any]) -> list[str]:
    """Where *message* breaks the published schema of its type; nowhere if there are no schemas to ask."""
    if not SCHEMAS.is_dir():
        return []
    errors = _validator(message["message_type"]).iter_errors(message)
    return [f"{error.json_path}: {error.message}" for error in errors]


@cache
def _validator(message_type: str) -> Draft202012Validator:
    reference = {"$ref": f"https://s2.invalid/messages/{message_type}.schema.json"}
    return Draft202012Validator(reference, registry=_registry(), format_checker=FormatChecker())
