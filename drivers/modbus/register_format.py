"""Register format: a point's raw value in its registers: all of them, some bits, or BCD digits. No scale, no unit."""

from collections.abc import Callable

from s2d.values import Value

from .value_format import NUMBERS, Order, Sentinel, Words, format_of, shown, size_of


class RegisterFormat:
    """The format of one point: the words of its registers to its raw value, and back."""

    def __init__(
        self,
        kind: str,
        order: Order,
        encoding: str = "ascii",
        *,
        is_hex: bool = False,
        bits: tuple[int, int] | None = None,
        write_order: Order | None = None,
    ) -> None:
        """*kind* is the point's type; *bits* are the first and last that are meant, 0 the least significant.

        *write_order* is the order in which it is written, if it is not read in it.
        """
        self._kind = kind
        self._hex_digits = 2 * size_of(kind, encoding) if is_hex else 0
        self._is_text = is_hex or kind.startswith("string")
        self._number = NUMBERS.get(kind, NUMBERS["uint16"])  # a bool in a register is a bit of one
        self._is_float = kind.startswith("float")
        stored = "uint16" if bits and kind == "bool" else kind
        self._value_format = format_of(stored, order, encoding, is_hex=is_hex)
        self._written_format = format_of(stored, write_order or order, encoding, is_hex=is_hex)
        self.is_bcd = kind.startswith("bcd") and not is_hex
        self._shift, last = bits or (0, -1)
        self._mask = (1 << last - self._shift + 1) - 1
        self.whole_of: Callable[[Words], Value] = self._value_format.raw_of
        """What all the registers say; what is compared with sentinels. Never raises."""

    def raw_of(self, words: Words) -> Value:
        """The raw value in *words*; text such as `0x1A` where BCD digits are none. Never raises."""
        return self.part_of(self.whole_of(words))

    def as_read(self, words: Words) -> list[int]:
        """*words* that were written, in the order in which the device shows them."""
        return self._value_format.words_of(self._written_format.raw_of(words))

    def part_of(self, whole: Value) -> Value:
        """The raw value, of what all the registers say."""
        if self.is_bcd:
            digits = f"{whole:X}"
            return int(digits) if digits.isdecimal() else f"0x{digits}"
        if not self._mask:
            return whole
        part = int(whole) >> self._shift & self._mask
        return part == 1 if self._kind == "bool" else part

    def words_of(self, raw: Value, present: Words = ()) -> list[int]:
        """The words that say *raw*; where it is some bits of them, the others are those of the words *present*.

        Raises: ValueError: it does not fit; says what it is that does not fit what.
        """
        try:
            return self._written_format.words_of(self._whole_with(raw, present))
        except OverflowError as exc:
            raise ValueError(f"the value does not fit {self._kind}") from exc

    def sentinel_as_read(self, sentinel: Sentinel) -> Sentinel:
        """*sentinel* as `whole_of` gives it: a manual says 0x8000 where an int16 reads -32768.

        Raises: ValueError: no registers of this type can hold it.
        """
        if self._hex_digits and isinstance(sentinel, int):
            sentinel = f"{sentinel:0{self._hex_digits}X}"
        if self._is_text != isinstance(sentinel, str):
            raise ValueError(f"{sentinel!r} is not what a {self._kind} can be")
        if isinstance(sentinel, str):
            return sentinel
        try:
            if self._is_float:
                packed = self._number.pack(sentinel)
            elif float(sentinel).is_integer():
                packed = int(sentinel).to_bytes(self._number.size, signed=sentinel < 0)
            else:
                raise OverflowError
        except OverflowError as exc:
            raise ValueError(f"{sentinel} does not fit {self._kind}") from exc
        read: int | float = self._number.unpack(packed)[0]
        return read

    def _whole_with(self, raw: Value, present: Words) -> Value:
        if isinstance(raw, str):
            return raw
        if self.is_bcd:
            digits = str(round(raw))
            if not digits.isdecimal() or len(digits) > 2 * self._number.size:
                raise ValueError(f"the raw value {digits} does not fit {self._kind}")
            return int(digits, 16)
        if not self._mask:
            return raw
        if not 0 <= raw <= self._mask:
            low = self._shift
            high = low + self._mask.bit_length() - 1
            bits = f"bit {low}" if low == high else f"bits {low}..{high}"
            raise ValueError(f"the raw value {shown(raw)} does not fit {bits}")
        return int(self.whole_of(present)) & ~(self._mask << self._shift) | round(raw) << self._shift
