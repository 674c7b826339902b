"""JSON Schema generated from the Structs that the decoder follows, and ways to make a schema looser or shorter."""

import ast
import inspect
import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, TypeAlias, Union, get_args, get_origin
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from ..device.expression import Expression
from ..written import Composed, Written
from .yaml_source import YamlNode

Json: TypeAlias = "dict[str, Json] | Sequence[Json] | str | float | bool | None"
Schema: TypeAlias = dict[str, Json]

PLACEHOLDER: Schema = {
    "title": "placeholder",
    "anyOf": [{"type": "string", "pattern": r"\{[^{}]+\}"}, {"type": "null"}],
}
"""A placeholder for any value in a profile: an expression over parameters, in braces; or nothing, to remove it."""


def struct_schema(shape: type[Struct]) -> Schema:
    """JSON Schema of *shape*, each field described by its Meta or the text below it."""
    texts = _docstrings(shape)
    properties: dict[str, Json] = {}
    for field in fields(shape):
        schema = schema_of(field.type)
        if "description" not in schema and field.name in texts:
            schema = {"description": texts[field.name], **schema}
        properties[field.encode_name] = {**schema, **_default(field)}
    required: list[Json] = [field.encode_name for field in fields(shape) if field.required]
    return {
        "title": shape.__name__,
        "type": "object",
        "description": _sentence(shape.__doc__ or ""),
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def schema_of(expected: object) -> Schema:
    """JSON Schema of an *expected*, such as the type of a field."""
    origin, members = get_origin(expected), get_args(expected)
    if origin is Annotated:
        return _noted(schema_of(members[0]), [note for note in members[1:] if isinstance(note, Meta)])
    if origin in (Union, UnionType):
        # An optional key is left out; the decoder takes `null` as well, but nobody should write it.
        schemas = [schema_of(member) for member in members if member is not type(None)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if origin is Literal:
        return {"enum": list(members)}
    if origin in (list, tuple):
        return {"type": "array", "items": schema_of(members[0])}
    if origin is dict:
        keys: Schema = {} if members[0] is str else {"propertyNames": schema_of(members[0])}
        return {"type": "object", **keys, "additionalProperties": schema_of(members[1])}
    if isinstance(expected, type) and issubclass(expected, Written):
        return {"type": "string", "pattern": expected.pattern(), "examples": [expected.example]}
    if isinstance(expected, type) and issubclass(expected, Composed):
        return schema_of(expected.shape)
    if isinstance(expected, type) and issubclass(expected, Struct):
        return struct_schema(expected)
    plain: dict[object, Schema] = {
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        float: {"type": "number"},
        str: {"type": "string"},
        Path: {"type": "string"},
        UUID: {"type": "string", "format": "uuid"},
        Expression: {"type": ["string", "number", "boolean"]},
        YamlNode: {},
    }
    return plain[expected]


def _noted(schema: Schema, notes: list[Meta]) -> Schema:
    for meta in notes:
        size = {"array": "minItems", "object": "minProperties"}.get(str(schema.get("type")), "minLength")
        keywords: dict[str, Json] = {
            "description": meta.description,
            "minimum": meta.ge,
            "exclusiveMinimum": meta.gt,
            "maximum": meta.le,
            "exclusiveMaximum": meta.lt,
            "pattern": meta.pattern,
            size: meta.min_length,
        }
        schema = {**{key: value for key, value in keywords.items() if value is not None}, **schema}
        schema |= meta.extra_json_schema or {}
    return schema


def _default(field: FieldInfo) -> Schema:
    match field.default:
        case Written() as written:
            return {"default": written.text()}
        case bool() | int() | float() | str() as value:
            return {"default": value} if value != "" else {}
    return {}


def _docstrings(shape: type[Struct]) -> dict[str, str]:
    """Field → the text that stands below it in the source, of *shape* and what it extends."""
    texts: dict[str, str] = {}
    for ancestor in reversed(shape.__mro__):
        if not issubclass(ancestor, Struct) or ancestor is Struct:
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(ancestor))).body
        assert isinstance(definition, ast.ClassDef)
        for statement, below in zip(definition.body, definition.body[1:], strict=False):
            match statement, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    texts[name] = _sentence(text)
    return texts


def _sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def partial(schema: Schema) -> Schema:
    """*schema* for what is merged: nothing required, a placeholder for any value, `null` removes."""
    loose: dict[str, Json] = {}
    for key, value in schema.items():
        if key in ("required", "minProperties", "minItems") and "if" not in schema:
            continue
        if key in ("properties", "additionalProperties", "items", "then", "else", "propertyNames", "allOf", "anyOf"):
            loose[key] = _partial_of(key, value)
        else:
            loose[key] = value
    is_plain = bool({"type", "enum"} & schema.keys()) and schema.get("type") not in ("object", "array")
    return {"anyOf": [loose, PLACEHOLDER]} if is_plain else loose


def _partial_of(key: str, value: Json) -> Json:
    if key == "properties":
        return {name: partial(inner) if isinstance(inner, dict) else inner for name, inner in mapping(value).items()}
    if isinstance(value, list):
        return [partial(inner) if isinstance(inner, dict) else inner for inner in value]
    if isinstance(value, dict) and key != "propertyNames":
        return partial(value)
    return value


def hoisted(schema: Schema) -> Schema:
    """*schema*, where what stands in it more than once under the same title stands once, under `$defs`."""
    counts = Counter(map(json.dumps, _titled(schema)))
    names: dict[str, str] = {}
    for text in (text for text, count in counts.items() if count > 1):
        title = str(json.loads(text)["title"])
        taken = sum(name.rstrip("0123456789") == title for name in names.values())
        names[text] = f"{title}{taken + 1}" if taken else title

    def hoist(inner: Json, is_root: bool = False) -> Json:
        if isinstance(inner, dict):
            name = None if is_root or "title" not in inner else names.get(json.dumps(inner))
            if name:
                description = {"description": inner["description"]} if "description" in inner else {}
                return {"$ref": f"#/$defs/{name}", **description}
            return {key: hoist(value) for key, value in inner.items()}
        return [hoist(value) for value in inner] if isinstance(inner, list) else inner

    defs = {
        name: hoist(json.loads(text), is_root=True) for text, name in sorted(names.items(), key=lambda each: each[1])
    }
    done = mapping(hoist(schema))
    return {**done, "$defs": {**mapping(done.get("$defs", {})), **defs}}


def _titled(schema: Json) -> Iterator[Json]:
    if isinstance(schema, dict) and isinstance(schema.get("title"), str):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _titled(inner)


def mapping(json: Json) -> Schema:
    """*json*, which is one."""
    assert isinstance(json, dict)
    return json
