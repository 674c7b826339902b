"""JSON Schemas of the messages: the same Structs that `wire` decodes, said in JSON Schema under S2's own names.

`python -m s2d.s2.messages.schema 1.0.0` prints the schema of a version. The daemon never imports this file.
"""

import json
import sys
from collections.abc import Sequence
from typing import TypeAlias

from msgspec.inspect import (
    BoolType,
    DateTimeType,
    EnumType,
    FloatType,
    IntType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

from .common import ID, Duration
from .wire import MESSAGES_OF, VERSIONS, name_of

Json: TypeAlias = "dict[str, Json] | Sequence[Json] | str | float | bool | None"
Schema: TypeAlias = dict[str, Json]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAMED = {"ID": type_info(ID), "Duration": type_info(Duration)}


def frame_schema(version: str) -> Schema:
    """JSON Schema of any frame of the protocol *version*, one of `VERSIONS`."""
    return {
        "$schema": _DIALECT,
        "title": f"S2 JSON {version}",
        "oneOf": [_reference(name_of(message)) for message in MESSAGES_OF[version]],
        "$defs": {**schemas(version)},
    }


def schemas(version: str) -> dict[str, Schema]:
    """Every message of the protocol *version*, and every part it is made of, by its name in S2."""
    found = {name: _plain(node) for name, node in _NAMED.items()}
    for message in MESSAGES_OF[version]:
        _schema(type_info(message), found)
    return dict(sorted(found.items()))


def texts() -> dict[str, str]:
    """File name → what stands in it."""
    return {f"{version}.schema.json": _text(version) for version in VERSIONS}


def _text(version: str) -> str:
    return json.dumps(frame_schema(version), indent=2, ensure_ascii=False) + "\n"


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _schema(node: Type, found: dict[str, Schema]) -> Schema:
    """What *node* may be; the parts that have a name are added to *found*."""
    for name, named in _NAMED.items():
        if node == named:
            return _reference(name)
    match node:
        case StructType() | EnumType():
            name = _name(node)
            if name not in found:
                found[name] = _struct(node, found) if isinstance(node, StructType) else _enum(node)
            return _reference(name)
        case UnionType(types=(value, NoneType())):
            # An optional property is left out; `wire` reads `null` as well, but nobody should write it.
            return _schema(value, found)
        case VarTupleType(item_type=item, min_length=least, max_length=most):
            return _said(type="array", items=_schema(item, found), minItems=least, maxItems=most)
    return _plain(node)


def _struct(node: StructType, found: dict[str, Schema]) -> Schema:
    tag: dict[str, Json] = {node.tag_field: {"const": node.tag}} if node.tag_field else {}
    parts = {field.encode_name: _schema(field.type, found) for field in node.fields}
    required = [field.encode_name for field in node.fields if field.required]
    return _said(
        description=" ".join((node.cls.__doc__ or "").split()) or None,
        type="object",
        properties={**tag, **parts},
        required=[*tag, *required],
        additionalProperties=not node.forbid_unknown_fields,
    )


def _enum(node: EnumType) -> Schema:
    return {"type": "string", "enum": [str(member.value) for member in node.cls]}


def _plain(node: Type) -> Schema:
    match node:
        case Metadata(type=inner, extra_json_schema=extra):
            return {**_plain(inner), **(extra or {})}
        case StrType(min_length=least, max_length=most):
            return _said(type="string", minLength=least, maxLength=most)
        case IntType(ge=least):
            return _said(type="integer", minimum=least)
        case FloatType():
            return {"type": "number"}
        case BoolType():
            return {"type": "boolean"}
        case DateTimeType():
            return {"type": "string", "format": "date-time"}
    raise NotImplementedError(f"no message has had a {node} before: say here what it is in JSON Schema")


def _said(**keywords: Json) -> Schema:
    return {keyword: value for keyword, value in keywords.items() if value is not None}


def _name(node: StructType | EnumType) -> str:
    """As S2 spells it, e.g. `FRBC.OperationMode`; parts that control types share have no prefix."""
    if isinstance(node, StructType) and node.tag:
        return str(node.tag)
    control_type = node.cls.__module__.rpartition(".")[2]
    return node.cls.__name__ if control_type == "common" else f"{control_type.upper()}.{node.cls.__name__}"


if __name__ == "__main__":
    sys.stdout.write(_text(sys.argv[1]))
