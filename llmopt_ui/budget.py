"""A field for a budget, the same wherever something is paid."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_core.execution.spending import read_spending
from llmopt_ui import format as fmt
from llmopt_ui.resources import store

LABEL = "Budget (USD)"
_LEAST = 1e-6
"""A budget of nothing would stop before the first call; prices per token are smaller than a cent."""


def budget_field(
    place: Any,
    key: str,
    help_text: str = "It stops cleanly before it costs more; what was made is kept.",
    **options: Any,
) -> float | None:
    """Ask for a budget; None where none is given.

    Args:
        place: Where the field is drawn, such as a column.
        key: Of the widget.
        help_text: What happens when it is reached.
        options: Further ones of `number_input`.
    """
    # Streamlit's own format would show 0.0005 as 0.00.
    usual: dict[str, Any] = {"label": LABEL, "value": None, "placeholder": "No limit", "step": 0.01, "format": "%g"}
    value = place.number_input(min_value=_LEAST, key=key, help=help_text, **{**usual, **options})
    return None if value is None else float(value)


def warn_above(budget_usd: float | None, cost_usd: float | None, most_usd: float | None = None) -> None:
    """Say in words where an estimate, or the most that it may become, is above the budget, before anything starts."""
    if budget_usd is None or cost_usd is None or max(cost_usd, most_usd or 0.0) <= budget_usd:
        return
    # Above the budget by its likely cost is told otherwise than by its upper end alone.
    surely = cost_usd > budget_usd
    sentence = f"This will cost about {fmt.money(cost_usd)}" if surely else f"This may cost up to {fmt.money(most_usd)}"
    ends = "it will stop on the way" if surely else "it may stop on the way"
    st.warning(
        fmt.markdown(
            f"{sentence}, more than the budget of {fmt.dollars(budget_usd)}: {ends}. What was made by then is kept."
        ),
        icon=":material/warning:",
    )


def spent_before(work: str, budget_usd: float | None) -> str:
    """What earlier sessions of the work have cost, a part of its budget, and what is left; empty where nothing has."""
    before = read_spending(store().cache, work).usage
    if not before.cost_usd:
        return ""
    sentence = f"{fmt.money(before.cost_usd)} spent on this so far, a part of its budget"
    if budget_usd is None:
        return sentence
    # The last calls of a session may go a little over the budget; "less than nothing left" would tell nobody
    # anything.
    return f"{sentence}; {fmt.money(max(0.0, budget_usd - before.cost_usd))} left"
