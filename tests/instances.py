"""Values that a schema allows, and values just beside them; schemas are inlined: no references, no annotations."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]
Path = tuple[str | int, ...]

ANNOTATIONS = {"$schema", "$id", "title", "description"}
STRUCTURAL = {"type", "enum", "const", "pattern", "format", "minimum", "minLength", "maxLength"}
STRUCTURAL |= {"items", "minItems", "maxItems", "properties", "required", "additionalProperties"}

ID_CHARACTERS = "abcXYZ0189-_:"
SCALARS = (None, True, 0, -1, 0.5, "", "x", [], {}, [None], {"x": 1})
_NEAR_IDS = ("a", "a b", "x" * 64, "x" * 65, "né", "naïve-id", "00000000-0000-0000-0000-000000000000")
_NEAR_TIMESTAMPS = (
    "2026-06-01T12:00:00Z",
    "2026-06-01t12:00:00.5+14:00",
    "2026-06-01T12:00:00",
    "2026-06-01",
    "12:00:00Z",
    "2026-02-30T12:00:00Z",
    "2026-06-01T25:00:00Z",
    "2026-06-01T12:00Z",
    "2026-06-01T12:00:00+24:00",
    "26-06-01T12:00:00Z",
    "now",
)
_zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
timestamps = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(lambda instant: instant.isoformat().replace("+00:00", "Z")),
    st.datetimes(timezones=_zones).map(datetime.isoformat),
)
ids = st.text(ID_CHARACTERS, min_size=2, max_size=64)


def inlined(schema: Schema, resolve: Callable[[str], Schema]) -> Schema:
    """*schema* without references, which *resolve* knows by their last part, and without what is told to people."""
    if "$ref" in schema:
        assert set(schema) <= {"$ref", "description"}
        return inlined(resolve(schema["$ref"].rpartition("/")[2]), resolve)
    kept = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
    assert set(kept) <= STRUCTURAL, f"compare {set(kept) - STRUCTURAL} as well"
    if "properties" in kept:
        kept["properties"] = {name: inlined(part, resolve) for name, part in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = inlined(kept["items"], resolve)
    for unordered in {"required", "enum"} & set(kept):
        kept[unordered] = sorted(kept[unordered])
    if "const" in kept:
        kept["type"] = "string"
    if kept.get("minItems") == 0:
        del kept["minItems"]
    return kept


def instances(
    schema: Schema, *, ids: st.SearchStrategy[str] = ids, timestamps: st.SearchStrategy[str] = timestamps
) -> st.SearchStrategy[Any]:
    """What *schema* allows; arrays are at most two longer than they must be."""

    def within(part: Schema) -> st.SearchStrategy[Any]:
        return instances(part, ids=ids, timestamps=timestamps)

    match schema:
        case {"const": value}:
            return st.just(value)
        case {"enum": values}:
            return st.sampled_from(values)
        case {"format": "date-time"}:
            return timestamps
        case {"pattern": _}:
            return ids
        case {"type": "string"}:
            return st.text(max_size=20)
        case {"type": "integer", "minimum": least}:
            return st.integers(least, 10**15)
        case {"type": "number"}:
            return st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15)
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "array", "items": items}:
            least = schema.get("minItems", 0)
            return st.lists(within(items), min_size=least, max_size=min(least + 2, schema.get("maxItems", 9)))
        case {"type": "object", "properties": properties}:
            parts = {name: within(part) for name, part in properties.items()}
            must = {name: parts.pop(name) for name in schema["required"]}
            return st.fixed_dictionaries(must, optional=parts)
    raise NotImplementedError(f"no values known for {schema}")


def mutants(instance: Any, schema: Schema) -> st.SearchStrategy[Any]:
    """*instance* with one thing changed somewhere; some mutants are valid all the same."""
    return st.sampled_from(list(nodes(instance, schema))).flatmap(
        lambda node: st.sampled_from(list(_beside(node[1], node[2]))).map(
            lambda value: replaced(instance, node[0], value)
        )
    )


def nodes(instance: Any, schema: Schema, path: Path = ()) -> Iterator[tuple[Path, Any, Schema]]:
    """Every place in *instance*, outermost first: path, what stands there, what may stand there."""
    yield path, instance, schema
    if isinstance(instance, dict):
        for key, value in instance.items():
            yield from nodes(value, schema["properties"][key], (*path, key))
    if isinstance(instance, list):
        for index, value in enumerate(instance):
            yield from nodes(value, schema["items"], (*path, index))


def parts(instance: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place in *instance*, outermost first: path, what stands there."""
    yield path, instance
    keys = instance.items() if isinstance(instance, dict) else enumerate(instance) if isinstance(instance, list) else ()
    for key, value in keys:
        yield from parts(value, (*path, key))


def replaced(instance: Any, path: Path, value: Any) -> Any:
    """A copy of *instance* with *value* at *path*."""
    if not path:
        return value
    copy = instance.copy()
    copy[path[0]] = replaced(instance[path[0]], path[1:], value)
    return copy


def smallest(schema: Schema) -> Any:
    """The least that *schema* allows."""
    match schema:
        case {"const": value} | {"enum": [value, *_]}:
            return value
        case {"format": "date-time"}:
            return "2026-06-01T12:00:00Z"
        case {"type": "string"}:
            return "aa"
        case {"type": "integer" | "number"}:
            return 0
        case {"type": "boolean"}:
            return False
        case {"type": "array", "items": items}:
            return [smallest(items)] * schema.get("minItems", 0)
    return {name: smallest(schema["properties"][name]) for name in schema["required"]}


def fullest(schema: Schema) -> Any:
    """All that *schema* allows, once: every property, and at least one member of every array."""
    match schema:
        case {"properties": properties}:
            return {name: fullest(part) for name, part in properties.items()}
        case {"type": "array", "items": items}:
            return [fullest(items)] * max(1, schema.get("minItems", 0))
    return smallest(schema)


def misfit(schema: Schema) -> Any:
    """What cannot stand where *schema* holds, though it is near."""
    match schema:
        case {"const": value} | {"enum": [value, *_]}:
            return value.swapcase()
        case {"format": "date-time"}:
            return "2026-06-01T12:00:00"
        case {"pattern": _}:
            return "a b"
    return {"string": 5, "integer": -1, "number": "1", "boolean": 0, "array": {}, "object": []}[schema["type"]]


def arrays(schema: Schema) -> Iterator[tuple[str, Schema, Any]]:
    """Every array in what *schema* describes: its name, its schema, and around(array), the least that holds it."""
    for name, part in schema.get("properties", {}).items():
        for inner, array, around in _arrays_at(name, part):
            yield inner, array, lambda value, name=name, around=around: {**smallest(schema), name: around(value)}


def _arrays_at(name: str, schema: Schema) -> Iterator[tuple[str, Schema, Any]]:
    if schema.get("type") == "array":
        yield name, schema, lambda value: value
        least = max(1, schema.get("minItems", 0))
        for inner, array, around in arrays(schema["items"]):
            yield (
                f"{name}.{inner}",
                array,
                lambda value, around=around: [around(value), *[smallest(schema["items"])] * (least - 1)],
            )
    elif schema.get("type") == "object":
        for inner, array, around in arrays(schema):
            yield f"{name}.{inner}", array, around


def _beside(value: Any, schema: Schema) -> Iterator[Any]:
    yield from SCALARS
    match value:
        case dict():
            for key in value:
                rest = {name: inner for name, inner in value.items() if name != key}
                yield rest
                yield {**rest, key.upper(): value[key]}
            yield {**value, "extra": None}
            yield {**value, "message_type": "Handshake"}
            yield list(value.items())
        case list():
            yield value * 2
            yield value[:1] * (schema.get("maxItems", 9) + 1)
            yield dict.fromkeys("ab", value)
        case str():
            yield from (value + "x", value.lower(), value.upper(), [value], 5)
            yield from _NEAR_TIMESTAMPS if schema.get("format") else _NEAR_IDS
        case bool():
            yield from (int(value), str(value).lower())
        case int() | float():
            yield from (-value, value + 1, str(value), 10**18, -(10**18), 1.5)
            yield from (10**400,) if schema.get("type") == "integer" else ()
