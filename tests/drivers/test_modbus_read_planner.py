"""Which requests a set of blocks needs, and what they cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from s2d_drivers.modbus import ModbusConnection
from s2d_drivers.modbus.read_planner import Borders, enclosing, planned_reads
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.request_cost import LineSettings, RequestCost, cost_on_line

LINE = LineSettings(9600, "N", 1)
SERIAL = cost_on_line(LINE)
FREE = RequestCost(1.0, 0.0)
"""Only requests cost."""


def holding(register: int, count: int = 1) -> RegisterBlock:
    return RegisterBlock("holding", register, count)


def planned(
    *wanted: RegisterBlock, cost: RequestCost = SERIAL, borders: Borders | None = None, most: int = 125
) -> list[RegisterBlock]:
    return [block for block, _ in planned_reads(wanted, cost, borders or Borders(), most)]


@pytest.mark.parametrize(("count", "milliseconds"), [(2, 25.0), (125, 281.25), (126, 283.33)])
def test_a_read_costs_what_travels_and_two_silences(count: int, milliseconds: float) -> None:
    assert 1000 * SERIAL.of(holding(0, count)) == pytest.approx(milliseconds, abs=0.01)


def test_a_line_is_as_fast_as_its_characters_are_short() -> None:
    assert [LineSettings(*set_).character_s * set_[0] for set_ in ((9600, "N", 1), (9600, "E", 1), (300, "N", 2))] == [
        10,
        11,
        11,
    ]
    assert LineSettings(115200, "N", 1).silence_s == 0.00175
    assert str(LineSettings(19200, "E", 1)) == "19200 8E1"


def test_what_a_unit_needs_to_answer_is_part_of_the_cost() -> None:
    slow = ModbusConnection(serial="/dev/b").cost(turnaround_s=0.05)
    assert slow.of(holding(0)) - SERIAL.of(holding(0)) == pytest.approx(0.05 - LINE.silence_s)
    assert ModbusConnection(host="a").cost(0.2).request_s == 0.2
    assert ModbusConnection(host="a").cost(0.0001).request_s == 0.01, "a fast network is no reason for more requests"


def test_neighbours_share_a_request() -> None:
    assert planned(holding(12), holding(10, 2)) == [holding(10, 3)]


def test_the_same_registers_are_read_once() -> None:
    wanted = (holding(10, 2), holding(11), holding(10, 2))
    assert planned_reads(wanted, SERIAL, Borders()) == [(holding(10, 2), [holding(10, 2), holding(11)])]


@pytest.mark.parametrize(("hole", "requests"), [(10, 1), (11, 2)])
def test_a_hole_is_read_over_where_that_is_cheaper(hole: int, requests: int) -> None:
    assert len(planned(holding(0), holding(1 + hole))) == requests


def test_a_slow_unit_is_asked_less_often() -> None:
    slow = cost_on_line(LINE, turnaround_s=0.05)
    assert planned(holding(0), holding(30), cost=slow) == [holding(0, 31)]


@pytest.mark.parametrize("hole", [holding(3), holding(1, 4), RegisterBlock("input", 3, 1)])
def test_a_declared_hole_is_never_read_over(hole: RegisterBlock) -> None:
    whole = hole.table == "input"
    assert planned(holding(0), holding(5), borders=Borders([hole])) == (
        [holding(0, 6)] if whole else [holding(0), holding(5)]
    )


def test_a_hole_parts_only_what_it_lies_between() -> None:
    borders = Borders([holding(3), holding(8)])
    assert planned(holding(2), holding(4), holding(6), holding(8), holding(9), borders=borders) == [
        holding(2),
        holding(4, 6),
    ]


def test_a_seam_parts_what_is_next_to_it_and_nothing_else() -> None:
    borders = Borders()
    borders.add_seam("holding", 2, 4)
    assert planned(holding(0, 2), holding(4), holding(5), borders=borders) == [holding(0, 2), holding(4, 2)]
    assert planned(holding(0, 2), holding(3), borders=borders) == [holding(0, 4)], "part of the hole may be good"
    assert planned(holding(1), holding(6), borders=borders) == [holding(1), holding(6)]


def test_tables_are_apart() -> None:
    coil, register = RegisterBlock("coil", 12, 1), RegisterBlock("input", 11, 1)
    assert planned(register, coil, holding(10)) == [coil, holding(10), register]


@pytest.mark.parametrize(
    ("table", "points", "counts"), [("holding", 126, [1, 125]), ("coil", 2001, [1, 2000]), ("input", 125, [125])]
)
def test_a_request_is_never_longer_than_modbus_allows(table: str, points: int, counts: list[int]) -> None:
    wanted = (RegisterBlock(table, register, 1) for register in range(points))
    assert sorted(block.count for block in planned(*wanted, cost=FREE)) == counts


def test_a_point_is_never_split() -> None:
    assert sorted(block.count for block in planned(*(holding(2 * n, 2) for n in range(63)))) == [2, 124]
    assert planned(holding(0, 20), holding(20, 20), most=10) == [holding(0, 20), holding(20, 20)]


_TABLES = ("holding", "input", "coil", "discrete")
_BLOCKS = some.builds(RegisterBlock, some.sampled_from(_TABLES), some.integers(0, 300), some.integers(1, 12))
_COSTS = some.builds(RequestCost, some.floats(0.001, 1), some.floats(0, 0.01))


@given(
    wanted=some.lists(_BLOCKS, min_size=1, max_size=40),
    holes=some.lists(_BLOCKS, max_size=5),
    cost=_COSTS,
    most=some.integers(12, 125),
)
def test_every_plan_covers_all_over_no_hole_within_the_limit_and_costs_no_more_than_singles(
    wanted: list[RegisterBlock], holes: list[RegisterBlock], cost: RequestCost, most: int
) -> None:
    plan = planned_reads(wanted, cost, Borders(holes), most)
    assert sorted((member for _, members in plan for member in members), key=str) == sorted(set(wanted), key=str)
    for block, members in plan:
        assert block == enclosing(members)
        assert all({*member.addresses_at(1)} <= {*block.addresses_at(1)} for member in members)
        assert block.count <= (most if block.table in ("holding", "input") else 2000)
        covered = {
            register for member in members for register in range(member.register, member.register + member.count)
        }
        over = set(range(block.register, block.register + block.count)) - covered
        assert not any(
            over & set(range(hole.register, hole.register + hole.count)) for hole in holes if hole.table == block.table
        )
    singles = sum(cost.of(block) for block in set(wanted))
    assert sum(cost.of(block) for block, _ in plan) <= singles + 1e-9


@given(wanted=some.lists(some.integers(0, 40), min_size=1, max_size=7, unique=True), cost=_COSTS)
def test_no_other_way_to_share_requests_is_cheaper(wanted: list[int], cost: RequestCost) -> None:
    registers = sorted(wanted)

    def cheapest(left: list[int]) -> float:
        ways = range(1, len(left) + 1)
        shared = (cost.of(holding(left[0], left[way - 1] - left[0] + 1)) + cheapest(left[way:]) for way in ways)
        return min(shared, default=0.0)

    plan = planned(*map(holding, wanted), cost=cost)
    assert sum(map(cost.of, plan)) == pytest.approx(cheapest(registers))
