"""Does the tuned model pay, and what did it forget? The lower half of the 2 x 2 tab."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.experiments.tuning import CORNERS
from llmopt_core.experiments.tuning_lab.square import Corner, Square, economics, forgetting, general_pair
from llmopt_core.finetuning.jobs import TunedModel
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.models.endpoints import Prices
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.charts import CONFIG
from llmopt_ui.components import facts, section
from llmopt_ui.keys import endpoints
from llmopt_ui.leaderboard_table import metric_title
from llmopt_ui.resources import settings, store
from llmopt_ui.theme import verdict
from llmopt_ui.tuning.charts import cost_lines


def economics_view(tuned: TunedModel, found: Square) -> None:
    """After how many requests the training is earned back, at prices that can be changed."""
    section("Does it pay?", "What requests cost in two of the corners, with the training's own price.")
    base_names = [name for name in CORNERS if name in found.corners and name.startswith("base")]
    tuned_names = [name for name in CORNERS if name in found.corners and name.startswith("tuned")]
    if not base_names or not tuned_names:
        st.caption("Once a base and a tuned corner have been run.")
        return
    fields, picture = st.columns([2, 3], gap="large")
    with fields:
        one, two = st.columns(2, gap="small")
        base = found.corners[one.selectbox("Instead of", base_names, len(base_names) - 1, key="pay_base")]
        after = found.corners[two.selectbox("Use", tuned_names, key="pay_tuned")]
        before_prices = _prices("base", _endpoint(base))
        after_prices = _prices("tuned", _endpoint(after))
        known = float(tuned.facts.get("cost_usd") or 0.0)
        one, two = st.columns(2, gap="small", vertical_alignment="bottom")
        training = one.number_input("Training (USD)", 0.0, None, known, 1.0, key=f"pay_training_{tuned.name}")
        hourly = two.number_input("Machine (USD per hour)", 0.0, None, 0.0, 0.1, key="pay_hourly",
                                  help="For a machine of your own: what an hour of it costs.")  # fmt: skip
    result = economics(base, after, before_prices, after_prices, training_usd=training, hourly_usd=hourly)
    with picture:
        priced = bool(result.base.usd or result.tuned.usd)
        facts(
            [
                (f"A request: {base.name}", _each(result.base.usd)),
                (f"A request: {after.name}", _each(result.tuned.usd)),
                ("Pays after", _requests(result.result.requests) if priced else fmt.DASH),
            ]
        )
        if priced:
            st.caption(fmt.markdown(result.result.sentence))
            st.plotly_chart(cost_lines(result, base.name, after.name), config=CONFIG, key="pay_lines",
                            alt="Cost of both over the number of requests")  # fmt: skip
        else:
            less = base.prompt_tokens - after.prompt_tokens
            words = (
                f"Without prices both are free. A request of {after.name} takes {fmt.number(abs(less))} prompt tokens"
            )
            st.caption(
                fmt.markdown(f"{words} {'less' if less >= 0 else 'more'}; set prices to see what that is worth.")
            )


def _requests(count: int | None) -> str:
    return "never, by price" if count is None else "at once" if count == 0 else f"{fmt.count(count)} requests"


def _each(usd: float) -> str:
    return fmt.money(usd) if usd else "free"


def _endpoint(corner: Corner) -> dict[str, Any]:
    return dict(corner.run.configuration.get("model", {}))


def _prices(which: str, model: dict[str, Any]) -> Prices:
    """Fields for USD per million tokens, filled from the endpoint's price list."""
    known = endpoints(settings()).get(str(model.get("endpoint", BUILTIN)))
    listed = (known.price_of(str(model.get("name", ""))) if known else None) or Prices()
    one, two = st.columns(2, gap="small", vertical_alignment="bottom")
    key = f"pay_{which}_{model.get('endpoint')}_{model.get('name')}"
    prompt = one.number_input(f"{which.capitalize()}: USD per M tokens in", 0.0, None, listed.prompt, 0.1,
                              key=f"{key}_in", format="%.2f")  # fmt: skip
    completion = two.number_input("and out", 0.0, None, listed.completion, 0.1, key=f"{key}_out", format="%.2f")
    return Prices(prompt=prompt, completion=completion)


def forgetting_view(project: Project, tuned: TunedModel, metric: str) -> None:
    """Base and tuned model asked the very same on a general set."""
    from llmopt_ui.tuning.square import start_evaluation

    section("What did it forget?", "A model tuned for one task can lose others. Both are asked the very same here.")
    sets = {item.name: item for item in store().evaluation_sets(project)}
    saved = {item.name: configuration_from(item.spec) for item in store().configurations(project)}
    usual = [name for name, c in saved.items() if not c.model.adapter]
    if not usual or not isinstance(tuned.spec, ModelSpec):
        return
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    others = [place for place, name in enumerate(sets) if name != st.session_state.get("square_set")]
    set_name = bar.selectbox("General set", list(sets), others[0] if others else 0, key="forgot_set", width=240,
                             help="Questions that have nothing to do with the training.")  # fmt: skip
    asked = bar.selectbox("Asked as", usual, key="forgot_configuration", width=240)
    pair = general_pair(saved[asked], tuned.spec, tuned.name)
    found = forgetting(store(), project, pair, sets[set_name], metric)
    words = "Measure" if found is None else "Measure again"
    if bar.button(words, key="forgot_run", icon=":material/play_arrow:"):
        start_evaluation(project, pair, sets[set_name], (metric,), None)
    if found is None:
        st.caption("Not measured yet on this set.")
        return
    compared = found.comparison
    facts(
        [
            ("Base", f"{fmt.score(found.base.mean)} ({fmt.interval(found.base.low, found.base.high)})"),
            ("Tuned", f"{fmt.score(found.tuned.mean)} ({fmt.interval(found.tuned.low, found.tuned.high)})"),
        ]
    )
    title = fmt.markdown(metric_title(metric))
    change = f"{fmt.signed(compared.difference)} ({fmt.signed(compared.low)} to {fmt.signed(compared.high)})"
    st.markdown(f"{verdict(compared.verdict).markdown} {title} {change} on {fmt.plural(compared.pairs, 'question')}.")
