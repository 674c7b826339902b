"""Which requests a set of points needs."""

import pytest
from s2d_drivers.modbus.plan import Block, blocks_of, in_order
from s2d_drivers.modbus.registers import Codec, ModbusPoint


def planned(*points: tuple[str, int, str]) -> list[tuple[Block, list[str]]]:
    codecs = (
        Codec(f"{table}{register}", ModbusPoint(table=table, register=register, type=kind or None))
        for table, register, kind in points
    )
    return [(block, [codec.name for codec in members]) for block, members in blocks_of(in_order(codecs))]


def test_neighbours_share_a_request() -> None:
    assert planned(("holding", 12, ""), ("holding", 10, "uint32")) == [
        (Block("holding", 10, 3), ["holding10", "holding12"])
    ]


def test_points_on_the_same_registers_share_a_request() -> None:
    assert planned(("holding", 10, "uint32"), ("holding", 11, "")) == [
        (Block("holding", 10, 2), ["holding10", "holding11"])
    ]


def test_a_register_between_parts_them() -> None:
    assert planned(("holding", 10, ""), ("holding", 12, "")) == [
        (Block("holding", 10, 1), ["holding10"]),
        (Block("holding", 12, 1), ["holding12"]),
    ]


def test_tables_are_apart() -> None:
    assert planned(("holding", 10, ""), ("input", 11, ""), ("coil", 12, "")) == [
        (Block("coil", 12, 1), ["coil12"]),
        (Block("holding", 10, 1), ["holding10"]),
        (Block("input", 11, 1), ["input11"]),
    ]


@pytest.mark.parametrize(
    ("table", "points", "counts"), [("holding", 126, [125, 1]), ("coil", 2001, [2000, 1]), ("input", 125, [125])]
)
def test_a_request_is_never_longer_than_modbus_allows(table: str, points: int, counts: list[int]) -> None:
    assert [block.count for block, _ in planned(*((table, register, "") for register in range(points)))] == counts


def test_a_point_is_never_split() -> None:
    assert [block.count for block, _ in planned(*(("input", 2 * n, "uint32") for n in range(63)))] == [124, 2]
