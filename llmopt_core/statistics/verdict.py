"""The words for a paired difference, and the rule that picks one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from llmopt_core.statistics.holm import ALPHA

Ends = tuple[float, float]


def current_word(word: Any) -> Any:
    """Today's word for one that results were stored with before "equivalent" was told apart from "cannot tell"."""
    return "cannot tell" if word == "no difference seen" else word


Verdict = Annotated[
    Literal["better", "worse", "equivalent", "cannot tell", "not comparable"], BeforeValidator(current_word)
]
"""`not comparable`: the one that leads was trained on the questions. Results that are stored under the former word for
`cannot tell` are read under today's."""
# Five points of a hundred: what few readers of an answer would notice, and what some hundred questions can rule out.
# A smaller one would hardly ever be met, a larger one would call real losses equal.
MARGIN = 0.05


def verdict_of(
    difference: float | None,
    p_value: float | None,
    higher_is_better: bool = True,
    alpha: float = ALPHA,
    *,
    margin: float | None = None,
    ends: Ends | None = None,
) -> Verdict:
    """The word for a difference.

    *Better* or *worse* where the p-value (adjusted or not) is below `alpha`, however small the difference. Else
    *equivalent* where two one-sided tests (Schuirmann 1987) both rule out a difference as large as the margin, which is
    where the interval at twice their level lies within it. Else *cannot tell*.

    Args:
        difference: Its mean; None where nothing was paired.
        p_value: Of the test of no difference.
        higher_is_better: The direction of the metric.
        alpha: The level.
        margin: The least difference that matters; None where none is known.
        ends: Of the interval at twice the level of the one-sided tests.
    """
    # A mean of exactly 0 has no direction that could be named, whatever the test says.
    if difference is not None and p_value is not None and p_value < alpha and difference != 0.0:
        return "better" if (difference > 0) == higher_is_better else "worse"
    if margin is not None and ends is not None and -margin < ends[0] and ends[1] < margin:
        return "equivalent"
    return "cannot tell"
