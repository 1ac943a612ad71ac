"""What is compared: variants, rows, assertions. All of it is kept as a draft while it is chosen."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.catalogue import METRICS, metric_title
from llmopt_core.execution.spending import check_larger_budget
from llmopt_core.experiments.comparison_estimate import ComparisonEstimate, estimate_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan, comparison_work_name
from llmopt_core.experiments.comparison_setup import Setup, plan_from, setup_from
from llmopt_core.experiments.versions.prompts import PROMPT, newest_versions
from llmopt_core.models.base import BUILTIN
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field, spent_before, warn_above
from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state, section, show_errors
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.navigation import PROMPTS
from llmopt_ui.pickers import open_next
from llmopt_ui.prompts.assertions import assertions_table
from llmopt_ui.prompts.live import models_for, start
from llmopt_ui.prompts.rows import rows_fields
from llmopt_ui.prompts.setup_draft import KIND, form_key, save_setup
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.prompts.variants import variants_fields
from llmopt_ui.resources import settings, store
from llmopt_ui.session import report_problem

START = "comparison_start"
_METRIC_CHOICES = [name for name, info in METRICS.items() if info.kind == "answer"]
_KEEP: dict[str, Any] = {"persist_state": "session"}


def setup_view(project: Project) -> None:
    """The whole setup, with what it will take, and the button that starts it."""
    if not newest_versions(store(), project, PROMPT):
        with empty_state("No saved prompts yet", "Save one; then compare it with others here.",
                         ":material/view_column:"):  # fmt: skip
            button_to(PROMPTS, "Write a prompt", "setup_to_editor", "Editor")
        return
    setup = setup_to_edit(project)
    slot = prompt_state().slot(form_key(project))
    section("Variants", "Each column is a prompt with a model. The others are compared with the first.")
    before = setup
    setup = variants_fields(project, setup, slot)
    if before.variants and setup.variants != before.variants:
        # Names and models stand above the fields that change them: draw them again from what is chosen now.
        save_setup(project, setup)
        st.rerun()
    section("Rows")
    setup = rows_fields(project, setup, slot)
    section("Assertions and scores", "Each answer passes or fails its assertions. Scores stay apart from that.")
    setup = assertions_table(project, setup, slot)
    setup = _scoring(setup, slot)
    save_setup(project, setup)
    _start(project, setup)


def setup_to_edit(project: Project) -> Setup:
    """What was chosen before; the fields keep it from then on."""
    slot = prompt_state().slot(form_key(project))
    field_values = prompt_state().field_values
    # Once for each filling: a default that changes would overwrite what is typed.
    if slot not in field_values:
        field_values[slot] = store().draft(project, KIND, "") or {}
    return setup_from(field_values[slot])


def _scoring(setup: Setup, slot: str) -> Setup:
    fields = st.grid(4, min_column_width=240)
    metrics = fields.multiselect("Scores", _METRIC_CHOICES, list(setup.metrics), key=f"setup_metrics_{slot}",
                                 format_func=metric_title, placeholder="No scores", **_KEEP)  # fmt: skip
    endpoint_names = list(endpoints(settings()))
    # A judge whose endpoint was removed stays a choice, or opening the page would change the setup.
    names = endpoint_names if setup.judge.endpoint in endpoint_names else [*endpoint_names, setup.judge.endpoint]
    endpoint = fields.selectbox("Judge", names, names.index(setup.judge.endpoint), key=f"setup_judge_{slot}",
                              format_func=lambda name: "Built-in judge" if name == BUILTIN else name,
                              help="Grades rubrics and scores that need a judge. A rubric in words needs an LLM.",
                              **_KEEP)  # fmt: skip
    model = model_choice(fields, endpoint, setup.judge.model, f"setup_judge_model_{slot}", label="Judge's model",
                         live=True, disabled=endpoint == BUILTIN, **_KEEP)  # fmt: skip
    judge = JudgeSpec() if endpoint == BUILTIN else setup.judge.model_copy(
        update={"endpoint": endpoint, "model": model})  # fmt: skip
    help_text = "The comparison stops cleanly before it costs more; what was answered is kept."
    budget = budget_field(fields, f"setup_budget_{slot}", help_text, value=setup.budget_usd, **_KEEP)
    return setup.model_copy(update={"metrics": tuple(metrics), "judge": judge, "budget_usd": budget})


def _start(project: Project, setup: Setup) -> None:
    with show_errors():
        plan, omissions = plan_from(store(), project, setup)
        for name, questions in omissions.items():
            count = fmt.plural(len(questions), "few-shot example")
            st.caption(f":material/info: {fmt.markdown(name)}: {count} left out, because a row asks the same question.")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button(
                "Compare",
                key=START,
                type="primary",
                icon=":material/play_arrow:",
                on_click=_start_comparison,
                args=(plan,),
            )
            registry = models_for(plan.variants)
            estimate = estimate_comparison(plan, registry)
            st.caption(_describe_plan(plan, estimate), width="content")
        # What is free cannot pass a budget.
        if estimate.cost_usd is not None and estimate.cost_usd[1] == 0:
            return
        work = comparison_work_name(plan, registry)
        if before := spent_before(work, plan.budget_usd):
            st.caption(fmt.markdown(before))
        # Also at starting; here so that the reason stands on the page before the click.
        check_larger_budget(store().cache, work, plan.budget_usd)
        warn_above(plan.budget_usd, *(estimate.cost_usd or (None,)))


def _describe_plan(plan: ComparisonPlan, estimate: ComparisonEstimate) -> str:
    """What it will take, in one line."""
    not_run = len(plan.evaluation_set.examples) - len(plan.runnable_examples)
    parts = [fmt.plural(estimate.answers, "answer")]
    parts += [f"{fmt.plural(not_run, 'row')} not run"] if not_run else []
    parts += [f"about {fmt.count(estimate.prompt_tokens)} prompt tokens"]
    parts += [f"at most {fmt.plural(estimate.beside, 'call')} of judge and retrieval"] if estimate.beside else []
    if estimate.cost_usd is None:
        parts.append("price unknown")
    elif estimate.cost_usd[1] == 0:
        parts.append("free")
    else:
        parts.append(
            f"{fmt.money(estimate.cost_usd[0])} for the prompts, at most {fmt.money(estimate.cost_usd[1])} in all"
        )
    parts += [f"without {' and '.join(estimate.omissions)}"] if estimate.omissions else []
    return fmt.markdown(" · ".join(parts))


def _start_comparison(plan: ComparisonPlan) -> None:
    with report_problem():
        open_next("comparison", start(plan))
