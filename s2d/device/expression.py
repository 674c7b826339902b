"""Expressions: small formulas over readings, as profiles write them; parsed by Python's own grammar, never `eval`ed.

    max(0, charge_limit) if mode == 'forced' else first(power_new, -power_old)

Numbers, text, `true` and `false`, names, `+ - * / // % **`, comparisons, `and or not`, `a if c else b`, `in (..)` and
calls of `FUNCTIONS`, of `first(a, b, ...)`, the first that is known, and of `known(a)`.

A name without a value makes unknown whatever needs it; only `first`, `known` and what is not taken of `if`, `and` and
`or` do without. Division by zero, numbers out of a float's reach and arithmetic with text are unknown, too.
"""

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, Self

from ..quantities import UNITS
from ..values import Value

LONGEST = 1000
"""Characters of an expression."""
DEEPEST = 60
"""Operations within operations."""
_MOST_BITS = 1024
"""Of a whole number: a float reaches as far."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_SINGLE_EQUALS = re.compile(r"(?<![=!<>])=(?![=<>])")
_UNITS = "|".join(re.escape(unit) for unit in UNITS if unit != "%")
_QUANTITY = re.compile(rf"(?<![\w.])(\d+(?:\.\d*)?) ?({_UNITS}|%(?!\s*[\w(.]))(?![\w(])")

_Values = Mapping[str, Value]
_Term = Callable[[_Values], Value]
_UNKNOWN = (KeyError, ArithmeticError, TypeError, ValueError)
"""What a term raises that has no value."""


class Expression:
    """A formula; two are equal that are written the same."""

    __slots__ = ("_term", "names", "text")

    def __init__(self, text: str, names: frozenset[str], term: _Term) -> None:
        self.text = text
        self.names = names
        self._term = term

    @classmethod
    def parse(cls, written: object) -> Self:
        """The expression *written*: text, or a number, `true` or `false`, which stand for themselves.

        Its `names` are those of all points and parameters in it.

        Raises: ValueError: it is no expression; the sentence begins with the column, counted from 1.
        """
        if not isinstance(written, str | int | float):
            raise ValueError(f"expected an expression, got {written}")
        text = str(written).strip()
        if len(text) > LONGEST:
            raise ValueError(f"expected at most {LONGEST} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # what only makes Python wonder is a mistake
                tree = ast.parse(text, mode="eval").body
        except SyntaxError as exc:
            raise ValueError(_mistake(text, exc.offset or 0, exc.msg)) from None
        except (ValueError, RecursionError, MemoryError) as exc:
            raise ValueError(f"column 1: {exc or 'too deeply nested'}") from None
        parser = _Parser()
        term = parser.term(tree)
        return cls(text, frozenset(parser.names), term)

    def evaluate(self, values: Mapping[str, Value]) -> Value | None:
        """What it comes to with *values*, which lacks what is unknown; None if it is unknown itself."""
        try:
            return _bounded(self._term(values))
        except _UNKNOWN:
            return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __str__(self) -> str:
        return self.text


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _round(value: float, digits: int = 0) -> float:
    if abs(digits) > 15:
        raise ValueError
    return round(value, digits) if digits else round(value)


def _starts_with(text: Value, beginning: Value) -> bool:
    return str(text).casefold().startswith(str(beginning).casefold())


def _state(value: Value, *choices: Value) -> Value:
    for known, name in zip(choices[::2], choices[1::2], strict=False):
        if value == known:
            return name
    if len(choices) % 2 == 0:
        raise ValueError
    return choices[-1]


class _Function(NamedTuple):
    """A function that expressions may call, with the least and the most values it takes."""

    compute: Callable[..., Value]
    least: int
    """Arguments it takes."""
    most: int


FUNCTIONS = {
    "abs": _Function(abs, 1, 1),
    "ceil": _Function(math.ceil, 1, 1),
    "clamp": _Function(_clamp, 3, 3),
    "floor": _Function(math.floor, 1, 1),
    "max": _Function(max, 2, 50),
    "min": _Function(min, 2, 50),
    "round": _Function(_round, 1, 2),
    "sign": _Function(_sign, 1, 1),
    "starts_with": _Function(_starts_with, 2, 2),
    "state": _Function(_state, 3, 100),
}
"""`clamp(x, low, high)`; `starts_with('StCha 3', 'stcha')`, whatever the case; `state(x, 1, 'on', 2, 'off', 'other')`,
where the last one may be left out."""

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: lambda base, exponent: _power(base, exponent),
}
_Link = tuple[Callable[..., bool], Callable[[_Values], Value | list[Value]]]
"""A comparison, and what is compared with."""
_COMPARISONS: dict[type[ast.cmpop], Callable[..., bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_SWITCHES = {"true": True, "false": False}


class _Parser:
    """Makes terms of nodes, and keeps the names in them."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def term(self, node: ast.expr, depth: int = DEEPEST) -> _Term:
        """What *node* computes.

        Raises: ValueError: nothing that can be computed here.
        """
        if depth == 0:
            raise _rejection(node, "too deeply nested")
        inner = partial(self.term, depth=depth - 1)
        match node:
            case ast.Constant(value=bool() | int() | float() | str() as constant):
                try:
                    _bounded(constant)
                except OverflowError:
                    raise _rejection(node, "too large a number") from None
                return lambda values: constant
            case ast.Name(id=name) if name in _SWITCHES:
                return lambda values: _SWITCHES[name]
            case ast.Name(id=name):
                self.names.add(name)
                return lambda values: values[name]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                negated = inner(operand)
                return lambda values: not negated(values)
            case ast.UnaryOp(op=(ast.USub() | ast.UAdd()) as sign, operand=operand):
                number, factor = inner(operand), -1 if isinstance(sign, ast.USub) else 1
                return lambda values: factor * _number(number(values))
            case ast.BinOp(left=left, op=op, right=right) if compute := _ARITHMETIC.get(type(op)):
                one, other = inner(left), inner(right)
                return lambda values: _bounded(compute(_number(one(values)), _number(other(values))))
            case ast.BoolOp(op=op, values=operands):
                terms, stop = [inner(operand) for operand in operands], isinstance(op, ast.Or)
                return lambda values: _decided(terms, stop, values)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition, then, otherwise = inner(test), inner(body), inner(orelse)
                return lambda values: then(values) if condition(values) else otherwise(values)
            case ast.Compare(left=left, ops=ops, comparators=rights):
                start = inner(left)
                links = [self._link(op, right, depth - 1) for op, right in zip(ops, rights, strict=True)]
                return lambda values: _holds(start, links, values)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return _called(node, name, [inner(argument) for argument in arguments])
        raise _rejection(node, "this cannot be computed here")

    def _link(self, op: ast.cmpop, right: ast.expr, depth: int) -> _Link:
        if compare := _COMPARISONS.get(type(op)):
            return compare, self.term(right, depth)
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List):
            choices = [self.term(choice, depth) for choice in right.elts]
            contains = _is_in if isinstance(op, ast.In) else _is_not_in
            return contains, lambda values: [choice(values) for choice in choices]
        raise _rejection(right, "expected choices such as (1, 2)")


def _called(node: ast.expr, name: str, arguments: list[_Term]) -> _Term:
    special = {"known": _Function(_known, 1, 1), "first": _Function(_first, 1, 50)}
    function = (special | FUNCTIONS).get(name)
    if function is None:
        raise _rejection(node, f"no function {name}; known are {', '.join(sorted(special | FUNCTIONS))}")
    if not function.least <= len(arguments) <= function.most:
        raise _rejection(node, f"{name} does not take {len(arguments)} values")
    if name in special:
        return lambda values: function.compute(arguments, values)
    return lambda values: _bounded(function.compute(*[argument(values) for argument in arguments]))


def _holds(start: _Term, links: list[_Link], values: _Values) -> bool:
    left: Value | list[Value] = start(values)
    for compare, term in links:
        right = term(values)
        if not compare(left, right):
            return False
        left = right
    return True


def _is_in(value: object, choices: list[Value]) -> bool:
    return value in choices


def _is_not_in(value: object, choices: list[Value]) -> bool:
    return value not in choices


def _known(arguments: list[_Term], values: _Values) -> bool:
    try:
        arguments[0](values)
    except _UNKNOWN:
        return False
    return True


def _first(arguments: list[_Term], values: _Values) -> Value:
    for argument in arguments[:-1]:
        try:
            return argument(values)
        except _UNKNOWN:
            continue
    return arguments[-1](values)


def _decided(terms: list[_Term], stop: bool, values: _Values) -> Value:
    for term in terms[:-1]:
        value = term(values)
        if bool(value) is stop:
            return value
    return terms[-1](values)


def _number(value: Value) -> float:
    if isinstance(value, str):
        raise TypeError
    return value


def _power(base: float, exponent: float) -> float:
    if isinstance(base, int) and isinstance(exponent, int) and (base.bit_length() - 1) * exponent > _MOST_BITS:
        raise OverflowError
    result: float = base**exponent
    return result


def _bounded(value: Value) -> Value:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise OverflowError
    if isinstance(value, float) and not math.isfinite(value):
        raise OverflowError
    if isinstance(value, complex):
        raise TypeError
    return value


def _mistake(text: str, column: int, why: str) -> str:
    """What Python's grammar found wrong with *text*, for who does not write Python."""
    bare = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), text)
    if single := _SINGLE_EQUALS.search(bare):
        return f"column {single.start() + 1}: to compare, write =="
    if quantity := _QUANTITY.search(bare):
        number, unit = quantity.groups()
        plain = f"{float(number) * UNITS[unit][1]:.15g}"
        return f"column {quantity.start() + 1}: expressions are in base units; for {quantity[0]} write {plain}"
    if not column and why == "invalid syntax":
        return f"column {len(text) + 1}: something is missing"
    return f"column {column or 1}: {why}"


def _rejection(node: ast.expr, why: str) -> ValueError:
    return ValueError(f"column {node.col_offset + 1}: {why}")
