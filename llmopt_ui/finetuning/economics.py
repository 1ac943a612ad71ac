"""Does the tuned model pay? Part of the 2 x 2 tab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from llmopt_core.finetuning.jobs.job import FineTunedModel
from llmopt_core.labs.finetuning.factorial import Arm, Factorial, economics
from llmopt_core.labs.finetuning.training_pairs import ARMS
from llmopt_core.models.base import BUILTIN
from llmopt_core.models.prices import Prices
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import facts, section, side_by_side
from llmopt_ui.finetuning.charts import cost_lines
from llmopt_ui.keys import endpoints
from llmopt_ui.resources import settings
from llmopt_ui.theme import Ink, verdict


def economics_view(
    tuned_model: FineTunedModel, factorial: Factorial, names: Mapping[str, str], inks: Mapping[str, Ink]
) -> None:
    """After how many requests the training is earned back, at prices that can be changed.

    Args:
        tuned_model: The model.
        factorial: What was measured.
        names: Arm -> its configuration.
        inks: Configuration -> its colour.
    """
    section("Does it pay?", "What requests cost in two of the arms, with the training's own price.")
    base_names = [name for name in ARMS if name in factorial.arms and name.startswith("base")]
    tuned_names = [name for name in ARMS if name in factorial.arms and name.startswith("fine-tuned")]
    if not base_names or not tuned_names:
        st.caption("Once a base and a fine-tuned model have been run.")
        return
    fields, picture = side_by_side([1, 1], "economics")
    with fields:
        one, two = st.columns(2, gap="small")
        # The last base arm is the one with retrieval, which a tuned model most often takes the place of.
        base = factorial.arms[one.selectbox("Instead of", base_names, len(base_names) - 1, key="pay_base")]
        after = factorial.arms[two.selectbox("Use", tuned_names, key="pay_tuned")]
        before_prices = _prices("base", _endpoint(base))
        after_prices = _prices("fine-tuned", _endpoint(after))
        if base.prompt_tokens is None or after.prompt_tokens is None:
            st.caption("What a request takes is not known: all answers of one of them came from an old cache.")
            return
        cost = float(tuned_model.facts.get("cost_usd") or 0.0)
        one, two = st.columns(2, gap="small", vertical_alignment="bottom")
        training = one.number_input("Training (USD)", 0.0, None, cost, 1.0, key=f"pay_training_{tuned_model.name}")
        hourly = two.number_input("Machine (USD per hour)", 0.0, None, 0.0, 0.1, key="pay_hourly",
                                  help="For a machine of your own: what an hour of it costs. Requests count by their "
                                       "time, and so does a training on it.")  # fmt: skip
    # An hour has 3,600 seconds; a service's training has its own price instead.
    trained_here = hourly * float(tuned_model.facts.get("seconds") or 0.0) / 3600
    result = economics(
        base, after, before_prices, after_prices, training_usd=training + trained_here, hourly_usd=hourly
    )
    with picture:
        has_prices = bool(result.base_cost.usd or result.tuned_cost.usd)
        _quality(base, after, factorial)
        facts(
            (f"A request: {base.name}", _format_price(result.base_cost.usd)),
            (f"A request: {after.name}", _format_price(result.tuned_cost.usd)),
            ("Pays after", _requests(result.result.requests) if has_prices else fmt.DASH),
        )
        if has_prices:
            st.caption(fmt.markdown(result.result.sentence))
            pair = {names[arm.name]: inks[names[arm.name]] for arm in (base, after)}
            show_chart(cost_lines(result, pair), "pay_lines", "Cost of both over the number of requests")
        else:
            # Without prices tokens are all that can be compared.
            less = (base.prompt_tokens or 0.0) - (after.prompt_tokens or 0.0)
            words = (
                f"Without prices both are free. A request of {after.name} takes {fmt.number(abs(less))} prompt tokens"
            )
            st.caption(
                fmt.markdown(f"{words} {'less' if less >= 0 else 'more'}; set prices to see what that is worth.")
            )


def _quality(base: Arm, after: Arm, factorial: Factorial) -> None:
    """Saving with worse answers is no bargain: the difference stands above the prices."""
    comparison = factorial.comparisons.get((base.name, after.name))
    if comparison is None or comparison.difference is None:
        return
    change = fmt.change(comparison.difference, comparison.low, comparison.high)
    verdicts = {"better": "The answers get better too", "worse": "The answers get worse: that is paid with quality",
            "equivalent": "The answers are as good as before",
            "not comparable": "The answers cannot be compared: these questions were trained on"}  # fmt: skip
    words = verdicts.get(comparison.verdict, "Nobody can tell whether the answers differ")
    st.caption(f"{verdict(comparison.verdict).sign} {words}, {fmt.markdown(change)}.")


def _requests(count: int | None) -> str:
    return "never, by price" if count is None else "at once" if count == 0 else f"{fmt.count(count)} requests"


def _format_price(usd: float) -> str:
    return fmt.money(usd) if usd else "free"


def _endpoint(arm: Arm) -> dict[str, Any]:
    return dict(arm.run.configuration.get("model", {}))


def _prices(which: str, model: dict[str, Any]) -> Prices:
    """Fields for USD per million tokens, filled from the endpoint's price list."""
    endpoint = endpoints(settings()).get(str(model.get("endpoint", BUILTIN)))
    price_list = (endpoint.price_of(str(model.get("name", ""))) if endpoint else None) or Prices()
    one, two = st.columns(2, gap="small", vertical_alignment="bottom")
    # By model, so that prices typed for one are not taken for another's.
    key = f"pay_{which}_{model.get('endpoint')}_{model.get('name')}"
    prompt = one.number_input(f"{which.capitalize()}: USD per M tokens in", 0.0, None, price_list.prompt or 0.0, 0.1,
                              key=f"{key}_in", format="%.2f")  # fmt: skip
    completion = two.number_input(
        "and out", 0.0, None, price_list.completion or 0.0, 0.1, key=f"{key}_out", format="%.2f"
    )
    return Prices(prompt=prompt, completion=completion)
