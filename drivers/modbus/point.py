"""Modbus point: where its registers are and what they mean, as it stands under `points:`."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from s2d.driver import PointSettings
from s2d.errors import BadReading, DeviceRefused
from s2d.values import Value

from .register_block import Table
from .register_format import RegisterFormat
from .value_format import NUMBERS, WORDS_SWAPPED, Order, Sentinel, format_of, size_of

if TYPE_CHECKING:
    from .sunspec.definitions import PointDefinition

_MAX_REGISTERS = 123
"""What one request can write (function 16)."""
_TYPE_PATTERN = r"^(u?int(16|32|64)|float(32|64)|bcd(16|32)|bool|string\[[1-9]\d{0,2}\])$"
_BITS_PATTERN = r"^\d{1,2}(\.\.\d{1,2})?$"
_SUNSPEC_PATTERN = r"^\d{1,5}(#[1-9]\d?)?:(\w+\.)?\w+$"
_UNSIGNED = ("uint16", "uint32", "uint64")

_COUNTING = "A manual's 400013 is address 12 in table holding, its 300013 the same in table input"
Address = Annotated[int, Meta(ge=0, le=65535, extra={"hint": _COUNTING})]
SunSpecAddress = Annotated[str, Meta(extra_json_schema={"pattern": _SUNSPEC_PATTERN})]


class ModbusPoint(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point and the registers it is kept in.

    words --type, order--> raw value --sentinel, bits, flags, scale_register--> value before `scale`.
    """

    register: Annotated[Address | None, Meta(description="Address, counted from 0 unless `base` says otherwise")] = None
    registers: Annotated[
        tuple[Address, ...] | None,
        Meta(
            min_length=1, description="Instead of `register`, of a value in several places: most significant word first"
        ),
    ] = None
    sunspec: Annotated[
        SunSpecAddress | tuple[SunSpecAddress, ...] | None,
        Meta(
            description='Instead of `register`: a SunSpec model and its point, as "802:SoC"; "203#2:W" is in the '
            'second model 203, "704:PFWInj.PF" in a group with a name. Of a list, the first that the device has'
        ),
    ] = None
    group: Annotated[
        int | None, Meta(ge=0, description="Which of the repeating groups of the SunSpec model, counted from 0")
    ] = None
    base: Annotated[
        Literal[0, 1] | None,
        Meta(description="What the manual counts registers from; `address_base` of the connection by default"),
    ] = None
    table: Annotated[Table, Meta(description="holding and input have registers; coil and discrete have bits")] = (
        "holding"
    )
    type: Annotated[
        str | None,
        Meta(
            description="uint16 int16 uint32 int32 uint64 int64 float32 float64 bcd16 bcd32 bool, or string[n] of n "
            "characters; uint16 by default, bool for a coil or discrete input",
            extra_json_schema={"pattern": _TYPE_PATTERN},
        ),
    ] = None
    order: Annotated[Order, Meta(description="How the bytes arrive; A is the most significant")] = "ABCD"
    write_order: Annotated[
        Order | None, Meta(description="How the bytes are written, where that is another order than they are read in")
    ] = None
    encoding: Annotated[
        Literal["ascii", "utf-16"], Meta(description="Of a string: one character in a byte, or one in a register")
    ] = "ascii"
    format: Annotated[
        Literal["hex"] | None, Meta(description="The bytes as hexadecimal text, for serial numbers kept so")
    ] = None
    sentinel: Annotated[
        Sentinel | tuple[Sentinel, ...] | None,
        Meta(description='Raw value that means "not available", or a list of them'),
    ] = None
    absent: Annotated[
        Literal["drop", "zero", "keep"],
        Meta(description="What a sentinel says of the point: unknown, 0, or nothing special"),
    ] = "drop"
    bits: Annotated[
        int | str | None,
        Meta(
            description='Part of the number, as "4..7" or 3; bit 0 is the least significant',
            extra_json_schema={"pattern": _BITS_PATTERN},
        ),
    ] = None
    flags: Annotated[
        dict[str, str] | Literal["model"] | None,
        Meta(
            description="Bit → its name; the point is the names of the bits that are set, or ok. "
            "model: the names of the SunSpec model"
        ),
    ] = None
    scale_register: Annotated[
        Address | None,
        Meta(description="Register with the power of ten, an int16, that the raw value is multiplied by"),
    ] = None
    unit_id: Annotated[
        int | None, Meta(ge=0, le=255, description="Unit of the endpoint in which it is, if not the connection's")
    ] = None
    merge: Annotated[bool, Meta(description="Whether one request may read it together with its neighbours")] = True
    write: Annotated[
        Literal["single", "multiple"] | None,
        Meta(description="Function for writing: FC05/06 or FC15/16; single by default where there is one register"),
    ] = None

    def __post_init__(self) -> None:
        """Raises: ValueError: settings that make no sense together."""
        named = [key for key in ("register", "registers", "sunspec") if getattr(self, key) is not None]
        if len(named) != 1:
            raise ValueError(
                f"{' and '.join(f'`{key}`' for key in named)} exclude each other: a point is in one place"
                if named
                else "say where the point is: `register: 843`, or `sunspec: 802:SoC`"
            )
        if self.table in ("input", "discrete") and self.is_writable:
            raise ValueError(f"access: the {self.table} table can only be read; use holding or coil, or access: read")
        if self.flags is not None and (self.is_writable or self.values is not None):
            raise ValueError("flags: are only read, and are texts without `values`")
        if self.sunspec is not None:
            self._check_sunspec()
            return
        if self.group is not None or self.flags == "model":
            raise ValueError("group and flags: model belong to `sunspec`")
        self._check_type()
        self._check_place()
        if self.write_order is not None:
            self._check_write_order(self.write_order)
        if self.is_text:
            self._check_text()
        if self.bits is not None:
            self._check_bits(self.bits)
        if self.flags is not None:
            self._check_flags(self.flags)
        if self.scale_register is not None and (
            self.is_bit or self.is_text or self.values is not None or self.flags is not None or self.type == "bool"
        ):
            raise ValueError("scale_register: belongs to a number")
        _ = self.sentinels

    def objection_to(self, value: Value) -> str | None:
        if self.alternatives:
            from .sunspec.definitions import definition_of  # reads files: only for who uses it

            each = [self.located(definition_of(address, self.group)) for address in self.alternatives]
            objections = [point.objection_to(value) for point in each]
            return objections[0] if all(objections) else None
        if self.scale_register is not None:
            return super().objection_to(value)  # what it fits into is only known of the device
        try:
            self.register_format.words_of(self.raw_of(value), [0] * self.count)
        except DeviceRefused as exc:
            return exc.reason
        except ValueError as exc:
            return str(exc)
        except OverflowError:
            return f"the value does not fit {self.value_type}"
        return None

    def raw_of(self, value: Value) -> Value:
        """As for any point; where `values` has states, the number of one will do as well.

        Raises: DeviceRefused: outside `min`..`max`, or no such state.
        """
        states = self.values
        if states and not isinstance(value, str) and float(value).is_integer() and str(int(value)) in states:
            return int(value)
        return super().raw_of(value)

    def located(self, definition: "PointDefinition", model_register: int = 0) -> "ModbusPoint":
        """This SunSpec point as one with registers: by the *definition* in a model that starts at *model_register*.

        Raises: ValueError: its settings do not go with what stands there.
        """
        values, flags = definition.names_in(self.values, self.flags, is_number=self.bits is not None or self.unit != "")
        exponent = definition.exponent
        return replace(
            self,
            sunspec=None,
            group=None,
            register=model_register + definition.offset,
            type="bool" if self.bits is not None and self.type == "bool" else definition.type,
            format=definition.format,
            scale_register=None if definition.scale_offset is None else model_register + definition.scale_offset,
            scale=self.scale * 10**exponent if exponent >= 0 else self.scale / 10**-exponent,
            sentinel=definition.sentinel if self.sentinel is None else self.sentinel,
            base=0,
            values=values,
            flags=flags,
        )

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Its SunSpec addresses, the preferred first; none if its registers are known."""
        return (self.sunspec,) if isinstance(self.sunspec, str) else self.sunspec or ()

    @property
    def is_scaled_by_device(self) -> bool:
        return self.scale_register is not None or self.sunspec is not None

    @property
    def value_type(self) -> str:
        """The type, also where it is left to the default."""
        return self.type or ("bool" if self.is_bit else "uint16")

    @property
    def has_word_order(self) -> bool:
        """Whether it is a number of several registers that lie together."""
        return self.value_type in NUMBERS and self.count > 1 and not self.registers

    def swapped(self, value: Value) -> Value | None:
        if not self.has_word_order or self.is_scaled_by_device:
            return None
        ours, other = (format_of(self.value_type, order) for order in (self.order, WORDS_SWAPPED[self.order]))
        try:
            return self.value_of(other.raw_of(ours.words_of(self.raw_of(value))))
        except (BadReading, DeviceRefused, ValueError):
            return None

    @property
    def is_bit(self) -> bool:
        """Kept in a table of bits, not of registers."""
        return self.table in ("coil", "discrete")

    @property
    def is_text(self) -> bool:
        return self.value_type.startswith("string") or self.format == "hex"

    @property
    def register_format(self) -> RegisterFormat:
        """How its raw value stands in its registers."""
        bits = None if self.bits is None else self.bit_range
        return RegisterFormat(
            self.value_type,
            self.order,
            self.encoding,
            is_hex=self.format == "hex",
            bits=bits,
            write_order=self.write_order,
        )

    @property
    def count(self) -> int:
        """How many registers (or bits of a table of bits) its value takes."""
        if self.value_type == "bool":
            return 1
        return (size_of(self.value_type, self.encoding) + 1) // 2

    @property
    def places(self) -> tuple[int, ...]:
        """The registers that its value is spread over; one if they are next to each other."""
        return self.registers or (() if self.register is None else (self.register,))

    @property
    def bit_range(self) -> tuple[int, int]:
        """First and last bit of `bits`."""
        low, _, high = str(self.bits).partition("..")
        return int(low), int(high or low)

    @property
    def sentinels(self) -> frozenset[Sentinel]:
        """The sentinels as the type reads them.

        Raises: ValueError: no register of this type can hold one of them.
        """
        given = self.sentinel if isinstance(self.sentinel, tuple) else (self.sentinel,)
        try:
            return frozenset(self.register_format.sentinel_as_read(each) for each in given if each is not None)
        except ValueError as exc:
            raise ValueError(f"sentinel: {exc}") from exc

    def _check_type(self) -> None:
        if not re.fullmatch(_TYPE_PATTERN, self.value_type) or self.count > _MAX_REGISTERS:
            raise ValueError(
                f"type: unknown type {self.type!r}; known are {', '.join(NUMBERS)}, bool "
                f"and string[n] with n up to {2 * _MAX_REGISTERS}, or {_MAX_REGISTERS} in UTF-16"
            )
        if self.is_bit and self.value_type != "bool":
            raise ValueError(f"type: a {self.table} is a bool, not {self.type}")
        if self.is_bit and (
            self.order != "ABCD"
            or (self.sentinel, self.bits, self.flags, self.format, self.registers) != (None, None, None, None, None)
        ):
            raise ValueError(
                f"order, sentinel, bits, flags, format and registers are for registers; a {self.table} is one bit"
            )
        if self.value_type == "bool" and not self.is_bit and self.bits is None:
            raise ValueError("type: a bool in a register needs `bits` to say which one; or use table: coil or discrete")

    def _check_place(self) -> None:
        if self.register is not None and self.register + self.count > 65536:
            raise ValueError(f"register: {self.value_type} at {self.register} ends beyond 65535")
        if self.registers is not None and len(self.registers) != self.count:
            raise ValueError(f"registers: {self.value_type} has {self.count}, not {len(self.registers)}")
        if self.registers is not None and self.order not in ("ABCD", "BADC"):
            raise ValueError("order: `registers` are named the most significant first, so it is ABCD or BADC")
        if self.base == 1 and 0 in (*self.places, self.scale_register):
            raise ValueError("base: counting from 1, there is no register 0")
        if self.write == "single" and self.count > 1 and self.registers is None:
            raise ValueError(f"write: single writes one register, {self.value_type} has {self.count}; use multiple")

    def _check_write_order(self, order: Order) -> None:
        if not self.is_writable:
            raise ValueError("write_order: is about writing, and this point is only read")
        if self.is_bit:
            raise ValueError(f"write_order: is for registers; a {self.table} is one bit")
        if order in ("CDAB", "DCBA") and (self.registers is not None or self.value_type.startswith("string")):
            raise ValueError("write_order: of a string, and of `registers`, it is ABCD or BADC")

    def _check_text(self) -> None:
        if self.value_type.startswith("string") and self.order in ("CDAB", "DCBA"):
            raise ValueError("order: of a string it is ABCD or BADC")
        if self.format == "hex" and (self.value_type == "bool" or self.bits is not None or self.flags is not None):
            raise ValueError("format: hex shows whole registers, without bits or flags")
        if self.absent == "zero":
            raise ValueError("absent: zero is for numbers")

    def _check_bits(self, bits: int | str) -> None:
        if not re.fullmatch(_BITS_PATTERN, str(bits)):
            raise ValueError(f'bits: expected a range such as "4..7" or a bit such as 3, got {bits!r}')
        if self.value_type not in (*_UNSIGNED, "bool"):
            raise ValueError(f"bits: are taken from uint16, uint32, uint64 or bool, not {self.value_type}")
        low, high = self.bit_range
        if not low <= high < 16 * self.count:
            raise ValueError(f"bits: {bits} is not within 0..{16 * self.count - 1}, the lower first")
        if self.value_type == "bool" and low != high:
            raise ValueError(f"bits: a bool is one bit, {bits} are {high - low + 1}")

    def _check_flags(self, flags: Mapping[str, str] | str) -> None:
        if self.value_type not in _UNSIGNED:
            raise ValueError(f"flags: are bits of uint16, uint32 or uint64, not {self.value_type}")
        for bit in flags:
            if not bit.isdecimal() or int(bit) >= 16 * self.count:
                raise ValueError(f"flags: {bit!r} is no bit of {self.value_type}; they are 0..{16 * self.count - 1}")

    def _check_sunspec(self) -> None:
        told = (self.table, self.order, self.write_order, self.encoding, self.format, self.scale_register, self.base)
        if told != ("holding", "ABCD", None, "ascii", None, None, None) or self.type not in (None, "bool"):
            raise ValueError(
                "sunspec: the model tells table, type, order, write_order, encoding, format, scale_register and base; "
                "leave them out"
            )
        from .sunspec.definitions import definition_of  # reads files: only for who uses it

        if not self.alternatives:
            raise ValueError("sunspec: name a model and its point, as `802:SoC`")
        for address in self.alternatives:
            try:
                self.located(definition_of(address, self.group))
            except ValueError as exc:
                raise ValueError(f"sunspec: {address}: {exc}") from exc
