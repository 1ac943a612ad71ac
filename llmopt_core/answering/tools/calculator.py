"""The tool that computes: models guess at products of large numbers."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping
from typing import Any

from llmopt_core.answering.tools.base import ToolError
from llmopt_core.models.base import ToolDefinition

# Longer than any sum that is written by hand; parsing takes time with the length.
_LONGEST = 1_000
# Digits of a whole number that is still an answer.
_MOST_DIGITS = 300
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")

_FUNCTIONS = {
    "abs": abs, "ceil": math.ceil, "exp": math.exp, "floor": math.floor, "log": math.log, "log10": math.log10,
    "log2": math.log2, "max": max, "min": min, "round": round, "sqrt": math.sqrt,
}  # fmt: skip


class Calculator:
    """Evaluates one arithmetic expression: numbers, + - * / // % ** ^, brackets and a few functions."""

    @property
    def definition(self) -> ToolDefinition:
        """See `Tool.definition`."""
        return ToolDefinition(
            "calculator",
            f"Computes one arithmetic expression exactly. Functions: {', '.join(_FUNCTIONS)}.",
            {
                "type": "object",
                "properties": {"expression": {"type": "string", "description": "For example (1250 - 980) / 980 * 100"}},
                "required": ["expression"],
            },
        )

    async def call(self, arguments: Mapping[str, Any]) -> str:
        """See `Tool.call`."""
        expression = arguments.get("expression")
        if not isinstance(expression, str | int | float) or not str(expression).strip():
            raise ToolError("The calculator needs `expression`, a text such as (1250 - 980) / 980 * 100.")
        # Away from the event loop: large powers take a moment.
        return await asyncio.to_thread(calculate, str(expression))


def calculate(expression: str) -> str:
    """The value of an arithmetic expression.

    Raises:
        ToolError: It is none, or its value is no finite number.
    """
    from simpleeval import DEFAULT_OPERATORS, InvalidExpression, SimpleEval, safe_power

    if len(expression) > _LONGEST:
        raise ToolError(f"The expression has {len(expression)} characters; at most {_LONGEST} are computed.")
    operators = {**DEFAULT_OPERATORS}
    # People and models write 2^10 and mean a power.
    operators |= {kind: safe_power for kind in operators if kind.__name__ == "BitXor"}
    evaluator = SimpleEval(operators=operators, functions=_FUNCTIONS, names={"pi": math.pi, "e": math.e})
    text = _THOUSANDS.sub("", expression.strip().removesuffix("=")).replace("×", "*").replace("÷", "/")
    try:
        value = evaluator.eval(text)
        return _written(value)
    except ZeroDivisionError:
        raise ToolError(f"{expression} divides by zero.") from None
    except (InvalidExpression, ArithmeticError, SyntaxError, TypeError, ValueError, RecursionError) as error:
        raise ToolError(f"{expression} cannot be computed: {str(error) or type(error).__name__}") from None


def _written(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ToolError(f"The expression gives {value!r}, which is no number.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ToolError("The value is too large for a number, or is none.")
    # Before it is written: that alone takes long for millions of digits.
    if isinstance(value, int) and value.bit_length() > _MOST_DIGITS * 4:
        raise ToolError(f"The value has more than {_MOST_DIGITS} digits.")
    # 0.1 + 0.2 is 0.3 to whoever asks; what lies behind the 15th digit is the machine's own.
    return f"{value:.15g}" if isinstance(value, float) else str(value)
