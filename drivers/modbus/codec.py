"""Codec: what a point's registers mean, words to readings and values to words. No I/O."""

import math
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise

from s2d.errors import BadReading, DeviceRefused
from s2d.quantities import factor_of
from s2d.values import Quality, Reading, Value

from .point import ModbusPoint
from .read_planner import MOST_REGISTERS, Borders, enclosing
from .register_block import RegisterBlock

_EXPONENTS = range(-10, 11)
"""Powers of ten that a scale register may hold.

Spec: SunSpec Device Information Model Specification 1.1, 4.2.5 (sunssf).
"""
_UNKNOWN_EXPONENT = -0x8000


class Codec:
    """The codec of one point, worked out once.

    A point lies in one block of registers or in several: each part of a value that is spread out, and last its scale
    register. `reading_of`, `words_of` and `raw_of` take the words of all `blocks`, joined in that order.
    """

    def __init__(self, name: str, point: ModbusPoint, address_base: int = 0) -> None:
        """*address_base* is what registers are counted from where the point does not say so itself.

        Raises: ValueError: there is no register 0 where they are counted from 1.
        """
        self.name = name
        self.point = point
        first = address_base if point.base is None else point.base
        if first and 0 in (*point.places, point.scale_register):
            raise ValueError(f"{name}: counting registers from 1, there is no register 0")
        count = point.count if len(point.places) == 1 else 1
        self.value_blocks = tuple(RegisterBlock(point.table, place - first, count) for place in point.places)
        """Where the value itself lies: what is written."""
        self.blocks = self.value_blocks
        """All that must be read to know the value."""
        if point.scale_register is not None:
            self.blocks += (RegisterBlock(point.table, point.scale_register - first, 1),)
        self.count = point.count
        """How many words are written."""
        self.is_part = point.bits is not None
        """The point is some bits of its registers; the others belong to something else."""
        self.needs_present = self.is_part or point.scale_register is not None
        """`words_of` has to know what the registers hold."""
        self._format = point.register_format
        self._sentinels = point.sentinels if point.absent != "keep" else frozenset()
        self._flags: list[tuple[int, str]] | None = None
        """Each bit as a number, and its name."""
        if isinstance(point.flags, dict):
            self._flags = [(1 << int(bit), text) for bit, text in point.flags.items()]
        self.reading_of: Callable[[Sequence[int]], Reading] = self._quick() or self._reading_of
        """What the words say: absent where they hold a sentinel or NaN, bad where it cannot be true. Never raises."""

    def whole(self, borders: Borders, most_registers: int = MOST_REGISTERS) -> RegisterBlock | None:
        """The block in which all `blocks` are, if one request may read it: what stands there is of one moment."""
        if len(self.blocks) == 1:
            return self.blocks[0]
        blocks = sorted(self.blocks, key=lambda block: block.register)
        whole = enclosing(blocks)
        is_short = whole.count <= min(most_registers, MOST_REGISTERS)
        are_allowed = (borders.allow(a.table, a.register + a.count, b.register) for a, b in pairwise(blocks))
        return whole if self.point.merge and is_short and all(are_allowed) else None

    def parts_in(self, whole: RegisterBlock) -> tuple[slice, ...]:
        """Where `blocks` are among the words of *whole*; empty if that is the only one."""
        if len(self.blocks) == 1:
            return ()
        firsts = ((block.register - whole.register, block.count) for block in self.blocks)
        return tuple(slice(first, first + count) for first, count in firsts)

    def raw_of(self, words: Sequence[int]) -> Value:
        """The raw value in *words*, before scale and unit."""
        return self._format.raw_of(words)

    def as_read(self, words: Sequence[int]) -> list[int]:
        """*words* that were written, in the order in which the device shows them."""
        return list(words) if self.point.write_order is None else self._format.as_read(words)

    def words_of(self, value: Value, present: Sequence[int] = ()) -> list[int]:
        """Words to write to `value_blocks`, which mean *value*; *present* is what `blocks` hold, if `needs_present`.

        Raises: DeviceRefused: outside the point's limits, no such state, or it does not fit the type.
        """
        try:
            return self._format.words_of(self._number_of(value, present), present)
        except ValueError as exc:
            raise DeviceRefused(f"{self.name}: {exc}") from exc
        except OverflowError as exc:
            raise DeviceRefused(f"{self.name}: the value does not fit {self.point.value_type}") from exc

    def _reading_of(self, words: Sequence[int]) -> Reading:
        try:
            value = self._value_of(words)
        except BadReading as exc:
            return Reading(self.name, None, Quality.BAD, str(exc))
        if value is not None:
            return Reading(self.name, value)
        if self.point.absent == "zero":
            return Reading(self.name, 0)
        return Reading(self.name, None, Quality.ABSENT, "the device says it has no value")

    def _value_of(self, words: Sequence[int]) -> Value | None:
        whole = self._format.whole_of(words)
        if whole in self._sentinels or whole != whole:
            return None
        if isinstance(whole, float) and math.isinf(whole):
            raise BadReading(f"{whole} is no measurement")
        raw = self._format.part_of(whole)
        if self._flags is not None:
            number = int(raw)
            return ", ".join([text for flag, text in self._flags if number & flag]) or "ok" if number else "ok"
        if self._format.is_bcd and isinstance(raw, str):
            raise BadReading(f"{raw} is no BCD number")
        if self.point.scale_register is not None and not isinstance(raw, str):
            exponent = self._exponent_in(words)
            if exponent is None:
                return None
            raw = raw * _power_of_ten(exponent) if exponent >= 0 else raw / _power_of_ten(-exponent)
        return self.point.value_of(raw)

    def _quick(self) -> Callable[[Sequence[int]], Reading] | None:
        """`reading_of` for a plain number; what is out of the ordinary takes the long way."""
        point = self.point
        if (
            point.is_bit
            or point.is_text
            or self._format.is_bcd
            or self.is_part
            or point.scale_register is not None
            or self._flags is not None
            or point.values is not None
        ):
            return None
        name, raw_of, sentinels, slowly = self.name, self._format.whole_of, self._sentinels, self._reading_of
        step = _exact(point.scale)
        step = -step if point.invert else step
        offset = _exact(point.offset)
        factor = _exact(factor_of(point.unit)) if point.unit else 1
        # Keeps out NaN, which compares as false, and what is infinite or becomes so.
        most = sys.float_info.max / max(factor, 1)
        low = -most if point.min is None else max(point.min, -most)
        high = most if point.max is None else min(point.max, most)

        def reading_of(words: Sequence[int]) -> Reading:
            raw = raw_of(words)
            if raw in sentinels:
                return slowly(words)
            assert not isinstance(raw, str)
            value = raw * step + offset
            return Reading(name, value * factor) if low <= value <= high else slowly(words)

        return reading_of

    def _number_of(self, value: Value, present: Sequence[int]) -> Value:
        """What stands for *value* before it becomes a part of the registers."""
        raw = self.point.raw_of(value)
        if self.point.scale_register is None or isinstance(raw, str):
            return raw
        try:
            exponent = self._exponent_in(present)
        except BadReading as exc:
            raise DeviceRefused(f"{self.name}: {exc}") from exc
        if exponent is None:
            raise DeviceRefused(f"{self.name}: the device does not say how it is scaled")
        return raw / _power_of_ten(exponent) if exponent > 0 else raw * _power_of_ten(-exponent)

    def _exponent_in(self, words: Sequence[int]) -> int | None:
        """The power of ten in the scale register; None if the device says it has none.

        Raises: BadReading: no power that makes sense.
        """
        exponent = (words[-1] ^ 0x8000) - 0x8000
        if exponent == _UNKNOWN_EXPONENT:
            return None
        if exponent not in _EXPONENTS:
            raise BadReading(f"its scale register {self.point.scale_register} says 10^{exponent}, which is no scale")
        return exponent


def _power_of_ten(exponent: int) -> int:
    power: int = 10**exponent
    return power


def _exact(number: float) -> int | float:
    """*number* so that an integer times it stays exact, where it is one itself."""
    return int(number) if number in (0.0, 1.0) else number
