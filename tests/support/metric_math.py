"""Expressions of CloudWatch's metric math, as far as this project's alarms use them.

(Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html, as of November 2026.)
Missing values count as 0 in arithmetic and in comparisons of two series; a division by 0 drops the point.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Series = dict[int, float]

_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


def evaluate(
    expression: str, series: Mapping[str, Series], times: Sequence[int], *, fills_empty: bool = True
) -> Series:
    """The series that an expression makes.

    Args:
        expression: of FILL, IF, SUM, numbers, names, ``+ - * /`` and comparisons.
        series: by the names in it.
        times: of the points that there could be.
        fills_empty: whether FILL makes something of a series without any point, which the documentation leaves open.
    """

    def of(node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=int() | float()):
                return node.value
            case ast.Name(id=name):
                return series[name]
            case ast.List(elts=parts):
                return [of(part) for part in parts]
            case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
                return _combined(_OPERATORS[type(op)], of(left), of(right))
            case ast.Call(func=ast.Name(id="FILL"), args=[what, value]):
                found, filling = of(what), of(value)
                return {time: found.get(time, filling) for time in times} if found or fills_empty else {}
            case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
                then, otherwise = of(yes), of(no)
                chosen = {time: then if holds else otherwise for time, holds in of(condition).items()}
                points = {time: part.get(time) if isinstance(part, dict) else part for time, part in chosen.items()}
                return {time: point for time, point in points.items() if point is not None}
            case ast.Call(func=ast.Name(id="SUM"), args=[ast.List() as parts]):
                total: Series = {}
                for part in of(parts):
                    total = _combined(operator.add, total, part)
                return total
        raise NotImplementedError(ast.unparse(node))

    return dict(of(ast.parse(expression, mode="eval").body))


def _combined(combine: Callable[[float, float], float], left: Any, right: Any) -> Any:
    if not isinstance(left, dict) and not isinstance(right, dict):
        return combine(left, right)
    times = sorted({time for side in (left, right) if isinstance(side, dict) for time in side})
    made: Series = {}
    for time in times:
        first, second = (side.get(time, 0) if isinstance(side, dict) else side for side in (left, right))
        if combine is operator.truediv and second == 0:
            continue
        made[time] = float(combine(first, second))
    return made
