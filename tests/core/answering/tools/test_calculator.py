"""The tool that computes."""

import pytest

from llmopt_core.answering.tools.base import ToolError
from llmopt_core.answering.tools.calculator import Calculator, calculate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1250 - 980) / 980 * 100", "27.5510204081633"),
        ("0.1 + 0.2", "0.3"),
        ("2^10", "1024"),
        ("1,250 * 3 =", "3750"),
        ("6 × 7 ÷ 2", "21"),
        ("round(3.14159, 2)", "3.14"),
        ("sqrt(2)", "1.4142135623731"),
        ("max(1, 2, 3) - min(4, 5)", "-1"),
        ("123456789 * 987654321", "121932631112635269"),
        ("7 // 2", "3"),
        ("-5 % 3", "1"),
    ],
)
def test_it_computes(expression, value):
    assert calculate(expression)[:14] == value[:14]


@pytest.mark.parametrize(
    "expression",
    ["1/0", "9**9**9", "2**100000000", "'a' * 10**9", "(1).__class__", "__import__('os')", "[1, 2]", "1 +", "x + 1", "",
     "1e400", "'a'", "True", "sqrt(-1)", "(" * 400 + "1" + ")" * 400, "1+" * 600 + "1", "10**400"],
)  # fmt: skip
def test_what_is_no_sum_is_said_in_one_sentence(expression):
    with pytest.raises(ToolError) as problem:
        calculate(expression)
    assert len(str(problem.value).splitlines()) == 1


@pytest.mark.parametrize("arguments", [{}, {"expression": None}, {"expression": ["1"]}, {"expression": "  "}])
async def test_wrong_arguments_are_told_to_the_model(arguments):
    with pytest.raises(ToolError, match="needs `expression`"):
        await Calculator().call(arguments)


async def test_a_number_is_an_expression():
    assert await Calculator().call({"expression": 5}) == "5"
