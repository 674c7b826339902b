"""Read planner: the requests that read a set of blocks; neighbours share one, and cheap holes are read over.

Pure: what a request costs, and where one has to end, are given.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

from .register_block import RegisterBlock, Table
from .request_cost import RequestCost

MOST_REGISTERS = 125
MOST_BITS = 2000
"""Spec: MODBUS Application Protocol V1.1b3, 6.1 to 6.4."""


class Borders:
    """Borders between requests: where one has to end and the next to begin."""

    def __init__(self, holes: Collection[RegisterBlock] = ()) -> None:
        self._holes: dict[Table, list[tuple[int, int]]] = {}
        self._seams: dict[Table, list[tuple[int, int]]] = {}
        for hole in holes:
            self.add_hole(hole)

    def add_hole(self, hole: RegisterBlock) -> None:
        """Nothing of *hole* is ever read over."""
        self._holes.setdefault(hole.table, []).append((hole.register, hole.register + hole.count))

    def add_seam(self, table: Table, end: int, start: int) -> None:
        """No request ever reads over all there is from *end* up to *start*, which may be nothing at all."""
        self._seams.setdefault(table, []).append((min(end, start), start))

    def allow(self, table: Table, end: int, start: int) -> bool:
        """Whether one request may read what ends before *end* together with what begins at *start*."""
        holes, seams = self._holes.get(table, ()), self._seams.get(table, ())
        return not any(first < start and end < last for first, last in holes) and not any(
            end <= first and last <= start for first, last in seams
        )


def planned_reads(
    wanted: Iterable[RegisterBlock], cost: RequestCost, borders: Borders, most_registers: int = MOST_REGISTERS
) -> list[tuple[RegisterBlock, list[RegisterBlock]]]:
    """The cheapest requests that read all of *wanted*, each with those of *wanted* that it reads, in order.

    A request is never longer than Modbus or *most_registers* allow, unless one of *wanted* alone is.
    """
    planned = []
    for table, members in groupby(sorted(set(wanted), key=_place), key=lambda block: block.table):
        most = min(most_registers, MOST_REGISTERS) if table in ("holding", "input") else MOST_BITS
        planned += _cheapest(list(members), cost, borders, most)
    return planned


def enclosing(members: Sequence[RegisterBlock]) -> RegisterBlock:
    """The smallest block that holds all *members*, which are of one table and in order."""
    first = members[0].register
    end = max(member.register + member.count for member in members)
    return RegisterBlock(members[0].table, first, end - first)


def _cheapest(
    members: list[RegisterBlock], cost: RequestCost, borders: Borders, most: int
) -> list[tuple[RegisterBlock, list[RegisterBlock]]]:
    """Dynamic programming over where the last request begins; all of *members* are of one table and in order."""
    costs = [0.0]
    begins = [0]
    for last, member in enumerate(members):
        end = member.register + member.count
        costs.append(costs[last] + cost.of(member))
        begins.append(last)
        for first in range(last - 1, -1, -1):
            each, following = members[first], members[first + 1]
            end = max(end, each.register + each.count)
            if end - each.register > most or not borders.allow(
                each.table, each.register + each.count, following.register
            ):
                break
            whole = costs[first] + cost.of(RegisterBlock(each.table, each.register, end - each.register))
            if whole <= costs[-1]:
                costs[-1], begins[-1] = whole, first
    planned = []
    end = len(members)
    while end:
        shared = members[begins[end] : end]
        planned.append((enclosing(shared), shared))
        end = begins[end]
    return planned[::-1]


def _place(block: RegisterBlock) -> tuple[str, int, int]:
    return block.table, block.register, block.count
