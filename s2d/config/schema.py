"""JSON Schemas of the configuration, for editors: the same Structs the decoder follows, said in JSON Schema.

`python -m s2d.config.schema schemas` writes them. A schema knows less than `s2d check`: nothing beyond one device.
"""

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, TypeAlias, Union, get_args, get_origin
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from ..driver import find
from ..quantities import Duration, PercentageRange, Quantity
from ..resources import KINDS, kind
from ..yaml_source import Node
from .device import NEEDS_KIND, DeviceKeys
from .files import GatewayFile
from .point import POINT_NAME, base_unit, quantity_of

Json: TypeAlias = "dict[str, Json] | Sequence[Json] | str | float | bool | None"
Schema: TypeAlias = dict[str, Json]

SHIPPED_DRIVERS = ("modbus",)
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEVICE: Schema = {"$ref": "#/$defs/device"}


def gateway_schema() -> Schema:
    """JSON Schema of a gateway file."""
    schema = _struct(GatewayFile)
    name: Schema = {"description": "What connections call it: `bus: NAME`", "type": "string", "minLength": 1}
    bus: Schema = {"type": "object", "required": ["name"], "properties": {"name": name}}
    properties = _dict(schema["properties"])
    properties["devices"] = {**_dict(properties["devices"]), "items": _DEVICE}
    properties["buses"] = {**_dict(properties["buses"]), "items": bus}
    return {"$schema": _DIALECT, "title": "s2d gateway", **schema, "$defs": {"device": _device()}}


def device_schema() -> Schema:
    """JSON Schema of a device file: one device, or a list of them."""
    branches: Schema = {"if": {"type": "array"}, "then": {"items": _DEVICE}, "else": _DEVICE}
    return {"$schema": _DIALECT, "title": "s2d device", **branches, "$defs": {"device": _device()}}


def texts() -> dict[str, str]:
    """File name → what stands in it."""
    schemas = {"s2d.schema.json": gateway_schema(), "device.schema.json": device_schema()}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def _device() -> Schema:
    schema = _struct(DeviceKeys)
    common = _dict(schema["properties"])
    source: Schema = {
        "type": "object",
        "description": "The point of another device",
        "properties": {
            "from": {
                "description": "Name of the device, a dot, name of its point",
                "type": "string",
                "pattern": r"^.+\.[^.]+$",
                "examples": ["my-car.soc"],
            }
        },
        "required": ["from"],
        "additionalProperties": False,
    }
    own: dict[str, Json] = {}
    rules: list[Json] = []
    for name in KINDS:
        known = kind(name)
        settings = _struct(known.settings)
        own |= _dict(settings["properties"])
        points: Schema = {
            "propertyNames": {"enum": list(known.points)},
            "required": list(known.required),
            "properties": {name: {"description": point.meaning} for name, point in known.points.items()},
        }
        written: dict[str, Json] = {
            point: _schema(quantity_of(canonical.dimension)) if canonical.dimension else {}
            for point, canonical in known.points.items()
            if canonical.access == "write"
        }
        fallback: Schema = {"propertyNames": {"enum": ["after", *written]}, "properties": written}
        rules.append(
            _rule(
                {"kind": {"const": name}},
                required=settings["required"],
                properties={"points": points, "fallback": fallback},
            )
        )
    without: Schema = {"properties": dict.fromkeys((*NEEDS_KIND, *own), False)}
    rules.append({"if": {"required": ["kind"]}, "else": without})
    for name in SHIPPED_DRIVERS:
        driver = find(name)
        point: Schema = {"if": {"required": ["from"]}, "then": source, "else": _struct(driver.Point)}
        properties: Schema = {
            "connection": _connection(driver.Connection),
            "points": {"additionalProperties": point},
        }
        rules.append(_rule({"driver": {"const": name}}, properties=properties))
    value: Json = {"type": ["string", "number", "boolean"]}
    common["kind"] = {**_dict(common["kind"]), "enum": list(KINDS)}
    common["connection"] = {**_dict(common["connection"]), "type": "object"}
    common["points"] = {**_dict(common["points"]), "minProperties": 1, "propertyNames": {"pattern": f"^{POINT_NAME}$"}}
    common["fallback"] = {
        **_dict(common["fallback"]),
        "type": "object",
        "properties": {"after": {"description": "How long the CEM has to be away", **_schema(Duration)}},
        "additionalProperties": value,
    }
    return {**schema, "properties": {**common, **own}, "allOf": rules}


def _rule(when: Schema, **then: Json) -> Schema:
    return {"if": {"properties": when, "required": list(when)}, "then": then}


def _connection(shape: type[Struct]) -> Schema:
    plain = _struct(shape)
    bus: Schema = {"type": "string", "description": "Name of one of the gateway's buses, which says the rest"}
    shared = {**plain, "properties": {"bus": bus, **_dict(plain["properties"])}}
    shared.pop("required", None)
    return {"if": {"required": ["bus"]}, "then": shared, "else": plain}


def _struct(shape: type[Struct]) -> Schema:
    said = _docstrings(shape)
    properties: dict[str, Json] = {}
    for field in fields(shape):
        schema = _schema(field.type)
        if "description" not in schema and field.name in said:
            schema = {"description": said[field.name], **schema}
        properties[field.encode_name] = {**schema, **_default(field)}
    required: list[Json] = [field.encode_name for field in fields(shape) if field.required]
    return {
        "type": "object",
        "description": _sentence(shape.__doc__ or ""),
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _schema(expected: object) -> Schema:
    origin, members = get_origin(expected), get_args(expected)
    if origin is Annotated:
        return _noted(_schema(members[0]), [note for note in members[1:] if isinstance(note, Meta)])
    if origin in (Union, UnionType):
        # An optional key is left out; the decoder takes `null` as well, but nobody should write it.
        schemas = [_schema(member) for member in members if member is not type(None)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if origin is Literal:
        return {"enum": list(members)}
    if origin in (list, tuple):
        return {"type": "array", "items": _schema(members[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(members[1])}
    if isinstance(expected, type) and issubclass(expected, Quantity | PercentageRange):
        return {"type": "string", "pattern": expected.pattern(), "examples": [expected.example]}
    if isinstance(expected, type) and issubclass(expected, Struct):
        return _struct(expected)
    plain: dict[object, Schema] = {
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        float: {"type": "number"},
        str: {"type": "string"},
        Path: {"type": "string"},
        UUID: {"type": "string", "format": "uuid"},
        Node: {},
    }
    return plain[expected]


def _noted(schema: Schema, notes: list[Meta]) -> Schema:
    for meta in notes:
        size = {"array": "minItems", "object": "minProperties"}.get(str(schema.get("type")), "minLength")
        said: dict[str, Json] = {
            "description": meta.description,
            "minimum": meta.ge,
            "exclusiveMinimum": meta.gt,
            "maximum": meta.le,
            "exclusiveMaximum": meta.lt,
            "pattern": meta.pattern,
            size: meta.min_length,
        }
        schema = {**{key: value for key, value in said.items() if value is not None}, **schema}
        schema |= meta.extra_json_schema or {}
    return schema


def _default(field: FieldInfo) -> Schema:
    match field.default:
        case PercentageRange() as ends:
            return {"default": f"{ends[0]:g} % .. {ends[1]:g} %"}
        case Quantity() as quantity:
            return {"default": f"{quantity:g} {base_unit(quantity.dimension)}"}
        case bool() | int() | float() | str() as value:
            return {"default": value} if value != "" else {}
    return {}


def _docstrings(shape: type[Struct]) -> dict[str, str]:
    """Field → the text that stands below it in the source, of *shape* and what it extends."""
    said: dict[str, str] = {}
    for ancestor in reversed(shape.__mro__):
        if not issubclass(ancestor, Struct) or ancestor is Struct:
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(ancestor))).body
        assert isinstance(definition, ast.ClassDef)
        for statement, below in zip(definition.body, definition.body[1:], strict=False):
            match statement, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    said[name] = _sentence(text)
    return said


def _sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _dict(json: Json) -> Schema:
    assert isinstance(json, dict)
    return json


if __name__ == "__main__":
    for name, text in texts().items():
        (Path(sys.argv[1] if len(sys.argv) > 1 else "schemas") / name).write_text(text, encoding="utf-8")
