"""Our messages as they would be if msgspec checked the letters of ids, as it can with a pattern: another floor."""

from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from s2d.s2.messages.common import ID

_PATTERNED_ID = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9\-_:]{2,64}$")]


@cache
def patterned(struct: type[Struct]) -> type[Struct]:
    """A Struct like *struct* that accepts what its published schema accepts."""
    config = struct.__struct_config__
    fields = [
        (each.name, _patterned(each.type), msgspec.field(name=each.encode_name, **_default(each)))
        for each in msgspec.structs.fields(struct)
    ]
    return msgspec.defstruct(
        struct.__name__,
        fields,
        frozen=config.frozen,
        forbid_unknown_fields=config.forbid_unknown_fields,
        gc=config.gc,
        tag=config.tag,
        tag_field=config.tag_field,
        kw_only=True,
    )


def _patterned(annotation: Any) -> Any:
    if annotation == ID:
        return _PATTERNED_ID
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[(_patterned(arguments[0]), *arguments[1:])]
    if origin is tuple:
        return tuple[tuple(map(_patterned, arguments))]
    if origin in (Union, UnionType):
        return Union[tuple(map(_patterned, arguments))]  # noqa: UP007 (of a tuple)
    return patterned(annotation) if isinstance(annotation, type) and issubclass(annotation, Struct) else annotation


def _default(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    return {} if field.default is NODEFAULT else {"default": field.default}
