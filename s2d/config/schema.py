"""JSON Schemas of the configuration, for editors: generated from the Structs the decoder follows.

`python -m s2d.config.schema schemas` writes them. A schema knows less than `s2d check`: nothing beyond one device.
"""

import json
import sys
from pathlib import Path

from msgspec import Struct

from ..device.computed import Computed
from ..device.expression import Expression
from ..quantities import Duration
from ..rm.kinds import KINDS, Kind, kind
from ..rm.occasion import MEANING, Occasion
from ..values import RELEASE
from .device import NEEDS_KIND, DeviceKeys
from .driver_discovery import find_driver
from .files import GatewayFile
from .json_schema import Json, Schema, hoisted, mapping, partial, schema_of, struct_schema
from .point import POINT_NAME, quantity_of
from .profile import ProfileKeys
from .profile.expand import VARIABLE

SHIPPED_DRIVERS = ("modbus", "mqtt")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEVICE: Schema = {"$ref": "#/$defs/device"}
_KEYS_WITH_OWN_POINTS = ("computed", "commands", "start", "nameplate", "available", "uptime", "ready", "variants")
"""With these, a device may need points that its kind does not have, and has others without a register."""


def gateway_schema() -> Schema:
    """JSON Schema of a gateway file."""
    schema = struct_schema(GatewayFile)
    name: Schema = {"description": "What connections call it: `bus: NAME`", "type": "string", "minLength": 1}
    bus: Schema = {"type": "object", "required": ["name"], "properties": {"name": name}}
    properties = mapping(schema["properties"])
    properties["devices"] = {**mapping(properties["devices"]), "items": _DEVICE}
    properties["buses"] = {**mapping(properties["buses"]), "items": bus}
    return {"$schema": _DIALECT, **hoisted({**schema, "$defs": {"device": _device()}}), "title": "s2d gateway"}


def device_schema() -> Schema:
    """JSON Schema of a device file: one device, or a list of them."""
    branches: Schema = {"if": {"type": "array"}, "then": {"items": _DEVICE}, "else": _DEVICE}
    return {"$schema": _DIALECT, **hoisted({**branches, "$defs": {"device": _device()}}), "title": "s2d device"}


def profile_schema() -> Schema:
    """JSON Schema of a profile: a device with placeholders, and facts about it."""
    about, device = struct_schema(ProfileKeys), partial(mapping(_device()["else"]))
    part = {
        key: value for key, value in mapping(device["properties"]).items() if key not in ("name", "profile", "part")
    }
    properties = {**part, **mapping(about["properties"])}
    keys: Schema = {"type": "object", "properties": {**part, "of": properties["of"]}, "additionalProperties": False}
    properties["parts"] = {**mapping(properties["parts"]), "additionalProperties": keys}
    properties["variants"] = _variants(part)
    # A profile has points of any name, and leaves to the owner or to its parts what it does not say.
    drivers: list[Json] = [rule for rule in _list(device["allOf"]) if "driver" in str(mapping(rule)["if"])]
    schema: Schema = {
        "type": "object",
        "description": about["description"],
        "properties": properties,
        "additionalProperties": False,
        "allOf": drivers,
    }
    return {"$schema": _DIALECT, **hoisted(schema), "title": "s2d profile"}


def texts() -> dict[str, str]:
    """File name → what stands in it."""
    schemas = {
        "s2d.schema.json": gateway_schema(),
        "device.schema.json": device_schema(),
        "profile.schema.json": profile_schema(),
    }
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def _device() -> Schema:
    schema = struct_schema(DeviceKeys)
    common = mapping(schema["properties"])
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
    by_kind = {name: struct_schema(kind(name).settings) for name in KINDS}
    own = _joined([mapping(settings["properties"]) for settings in by_kind.values()])
    rules: list[Json] = []
    for name, settings in by_kind.items():
        known, known_settings = kind(name), mapping(settings["properties"])
        foreign: Schema = dict.fromkeys(own.keys() - known_settings.keys(), False)
        differing: Schema = {key: each for key, each in known_settings.items() if each != own[key]}
        points: Schema = {
            "properties": {name: {"description": point.meaning} for name, point in known.points.items()},
        }
        written: dict[str, Json] = {
            point: _or_release(schema_of(quantity_of(canonical.dimension))) if canonical.dimension else {}
            for point, canonical in known.points.items()
            if canonical.access == "write"
        }
        fallback: Schema = {"propertyNames": {"enum": ["after", *written]}, "properties": written}
        rules.append(
            _rule(
                {"kind": {"const": name}},
                required=settings.get("required", []),
                properties={
                    "points": points,
                    "fallback": fallback,
                    "safe": {"additionalProperties": fallback},
                    **differing,
                    **dict(sorted(foreign.items())),
                },
            )
        )
        canonical_only: Schema = {"propertyNames": {"enum": list(known.points)}, **_enough(known)}
        is_plain: Schema = {"kind": {"const": name}, **dict.fromkeys(_KEYS_WITH_OWN_POINTS, False)}
        condition: Schema = {"properties": is_plain, "required": ["kind"]}
        rules.append({"if": condition, "then": {"properties": {"points": canonical_only}}})
    without: Schema = {"properties": dict.fromkeys((*NEEDS_KIND, *own), False)}
    rules.append({"if": {"required": ["kind"]}, "else": without})
    for name in SHIPPED_DRIVERS:
        driver = find_driver(name)
        point: Schema = {"if": {"required": ["from"]}, "then": source, "else": struct_schema(driver.Point)}
        properties: Schema = {
            "connection": _connection(driver.Connection),
            "points": {"additionalProperties": point},
        }
        rules.append(_rule({"driver": {"const": name}}, properties=properties))
    value: Json = {"type": ["string", "number", "boolean"]}
    common["kind"] = {**mapping(common["kind"]), "enum": list(KINDS)}
    common["connection"] = {**mapping(common["connection"]), "type": "object"}
    common["points"] = {
        **mapping(common["points"]),
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{POINT_NAME}$"},
    }
    common["fallback"] = {
        **mapping(common["fallback"]),
        "type": "object",
        "properties": {"after": {"description": "How long the CEM has to be away", **schema_of(Duration)}},
        "additionalProperties": value,
    }
    common["safe"] = {
        **mapping(common["safe"]),
        "type": "object",
        "properties": {each.value: {"type": "object", "description": MEANING[each]} for each in Occasion},
        "additionalProperties": False,
    }
    common["computed"] = {
        **mapping(common["computed"]),
        "additionalProperties": {"anyOf": [schema_of(Expression), struct_schema(Computed)]},
    }
    common["variants"] = _variants(common)
    expanded: Schema = {**schema, "properties": {**common, **own}, "allOf": rules}
    return {"if": {"required": ["profile"]}, "then": _with_profile(expanded), "else": expanded}


def _joined(several: list[Schema]) -> Schema:
    """The keys of *several* kinds: of one that not all mean alike, any of what they mean."""
    joined: Schema = {}
    for key in dict.fromkeys(key for each in several for key in each):
        meant = [each[key] for each in several if key in each]
        distinct: list[Json] = [each for at, each in enumerate(meant) if each not in meant[:at]]
        joined[key] = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
    return joined


def _with_profile(expanded: Schema) -> Schema:
    """A device with a profile: what it says lies on top of that, and parameters may have any name."""
    loose: Schema = {"type": "object", "additionalProperties": {"type": ["object", "null"]}}
    partial = {key: value for key, value in mapping(expanded["properties"]).items() if key != "variants"}
    for key in ("points", "computed", "commands", "connection"):
        description = {"description": mapping(partial[key])["description"]}
        partial[key] = (
            {**description, "type": "object"} if key in ("connection", "computed") else {**description, **loose}
        )
    return {"type": "object", "required": ["name", "profile"], "properties": partial}


def _variants(device: Schema) -> Schema:
    """Other makes of *device*: any of its keys that a variant may change."""
    when: Schema = {"description": "Over points with `poll: once` and parameters", **schema_of(Expression)}
    changes: Schema = {key: partial(mapping(device[key])) for key in sorted(VARIABLE)}
    variant: Schema = {
        "type": "object",
        "properties": {"when": when, **changes},
        "required": ["when"],
        "additionalProperties": False,
    }
    return {"description": mapping(device["variants"])["description"], "type": "array", "items": variant}


def _or_release(quantity: Schema) -> Schema:
    return {**quantity, "pattern": f"^{RELEASE}$|{quantity['pattern']}"}


def _enough(kind: Kind) -> Schema:
    """The points that a device of *kind* has at least."""
    return {"allOf": [{"anyOf": [{"required": list(each)} for each in alternatives]} for alternatives in kind.needs]}


def _rule(when: Schema, **then: Json) -> Schema:
    return {"if": {"properties": when, "required": list(when)}, "then": then}


def _connection(shape: type[Struct]) -> Schema:
    plain = struct_schema(shape)
    bus: Schema = {"type": "string", "description": "Name of one of the gateway's buses, which says the rest"}
    shared = {**plain, "properties": {"bus": bus, **mapping(plain["properties"])}}
    shared.pop("required", None)
    return {"if": {"required": ["bus"]}, "then": shared, "else": plain}


def _list(json: Json) -> list[Json]:
    assert isinstance(json, list)
    return json


if __name__ == "__main__":
    for name, text in texts().items():
        (Path(sys.argv[1] if len(sys.argv) > 1 else "schemas") / name).write_text(text, encoding="utf-8")
