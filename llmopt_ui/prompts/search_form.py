"""What a search is about: prompt and model, questions and score, and what it may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.evaluation.assertions.check import assertions_of
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.catalogue import METRICS, metric_title
from llmopt_core.execution.spending import check_larger_budget
from llmopt_core.experiments.comparison_setup import VariantSetup, setup_from
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.search.task import Budget, SearchTask
from llmopt_core.experiments.search.trial_runner import search_work_name
from llmopt_core.experiments.versions.prompts import PROMPT, newest_versions
from llmopt_core.labs.finetuning.held_out_sets import find_held_out_sets
from llmopt_core.labs.prompts.estimate import Rewriting, estimate_search
from llmopt_core.labs.prompts.search_setup import SearchSetup, confirm_set
from llmopt_core.models.base import BUILTIN
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field, spent_before
from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state
from llmopt_ui.evaluation_sets import newest_set, set_choices
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.navigation import EVALUATION, PROMPTS
from llmopt_ui.prompts.setup_draft import KIND as COMPARISON
from llmopt_ui.prompts.variants import prompt_choices, usual_variants, variant_fields
from llmopt_ui.resources import models, settings, store

_KEEP: dict[str, Any] = {"persist_state": "session"}
_SCORES = [name for name, info in METRICS.items() if info.kind == "answer"]
# Needs no judge and no second model, and is finer than right or wrong: it tells candidates apart with few questions.
_USUAL_SCORE = "answer_f1"


def can_search(project: Project) -> bool:
    """Whether there is a prompt and a set; says what is missing where there is not."""
    if not newest_versions(store(), project, PROMPT):
        with empty_state("No saved prompts yet", "A search needs a prompt to start from.", ":material/edit_note:"):
            button_to(PROMPTS, "Write a prompt", "search_to_editor", "Editor")
        return False
    if not set_choices(project):
        with empty_state("No questions yet", "A search tries prompts on the questions of a set.", ":material/quiz:"):
            button_to(EVALUATION, "Add questions", "search_to_questions", "Questions")
        return False
    return True


def search_form(project: Project, key: str, *, questions: int, held_back: bool, examples: bool = True) -> SearchSetup:
    """Draw the fields.

    Args:
        project: Whose prompts and sets are offered.
        key: Part of the widgets' keys.
        questions: How many are taken at first.
        held_back: Whether a part of the questions is held back.
        examples: Whether few-shot examples are what is searched.
    """
    left, right = st.columns([2, 3], gap="small")
    with left:
        variant = variant_fields(project, _first_variant(project, key), prompt_choices(project), f"search_{key}")
    with right:
        question_set, metric, judge = _measure(project, key)
    # The last three cells are the same in both; they are counted from the end.
    cells = st.columns(5 if held_back else 4, gap="small", vertical_alignment="bottom")
    most = cells[0].number_input(
        "Questions at most", 1, 10_000, questions, key=f"search_questions_{key}", help="Drawn at random.", **_KEEP
    )  # fmt: skip
    share = 50
    confirm = held_back and confirm_set(store(), project, question_set.name)
    if held_back and confirm:
        cells[1].text_input(
            "Confirmed on", fmt.plural(len(confirm.examples), "question"), disabled=True,
            key=f"search_confirm_{key}_{confirm.version}",
            help=f"The part {fmt.markdown(confirm.name)}, which the search never sees. What it found is tested on "
            "these questions once, and only that is the result.",
        )  # fmt: skip
    elif held_back:
        share = cells[1].number_input(
            "Held back (%)", 10, 90, 50, 5, key=f"search_share_{key}", help="The search never sees these questions. "
            "What it found is tested on them once, and only that is the result.", **_KEEP,
        )  # fmt: skip
    calls = cells[-3].number_input(
        "Calls at most", 1, 1_000_000, 600, 50, key=f"search_calls_{key}",
        help="A hard limit. Answers that are known already take no call.", **_KEEP,
    )  # fmt: skip
    usd = budget_field(cells[-2], f"search_usd_{key}", "A hard limit, for endpoints with prices.", **_KEEP)
    at_once = cells[-1].number_input(
        "At once", 1, 64, 4, key=f"search_at_once_{key}", help="Calls in work at the same time.", **_KEEP
    )  # fmt: skip
    return SearchSetup(
        variant=variant, set_name=question_set.name, metric=metric, judge=judge, questions=int(most),
        held_back=share / 100, budget=Budget(calls=int(calls), usd=usd), concurrency=int(at_once),
        keep_examples=examples and _keep_examples(key),
    )  # fmt: skip


def describe_cost(  # noqa: PLR0917
    kind: str,
    task: SearchTask,
    options: Mapping[str, object],
    answers: int,
    beside: str = "",
    rewriting: Rewriting | None = None,
) -> str:
    """What a search takes at most, and what it has cost already, in one line.

    Args:
        kind: Of the search.
        task: What is searched.
        options: What the search takes besides.
        answers: How many it takes at most.
        beside: Further calls, in words.
        rewriting: What these are.

    Raises:
        BadInput: The prompt cannot be rendered, or its budget stopped the search before and it takes a larger one.
    """
    work = search_work_name(kind, task, models(), options)
    # Before the button: a search that its budget stopped would stop at once again.
    check_larger_budget(store().cache, work, task.budget.usd, task.budget.calls)
    estimate = estimate_search(task, models(), answers, rewriting)
    most = estimate.most_usd
    tokens = fmt.count(estimate.prompt_tokens)
    parts = [f"At most {fmt.plural(answers, 'answer')}{beside}", f"about {tokens} prompt tokens"]
    # None is not 0: an unknown price must not read as free.
    parts.append("price unknown" if most is None else "free" if most == 0 else f"at most {fmt.money(most)}")
    parts += [f"without {' and '.join(estimate.omissions)}"] if estimate.omissions else []
    if task.budget.usd is not None and most is not None and most > task.budget.usd:
        parts.append(f"more than the budget of {fmt.dollars(task.budget.usd)}, at which it stops")
    if task.budget.calls is not None and task.budget.calls < answers:
        parts.append(f"stops at {task.budget.calls:,} calls")
    before = spent_before(work, task.budget.usd)
    return fmt.markdown(" · ".join([*parts, before] if before else parts))


def start_button(key: str, label: str, ready: Callable[[], tuple[Callable[[], None], str]]) -> None:
    """The button that starts, beside what it will take; greyed beside the reason where it can't.

    Args:
        key: The button's.
        label: On it.
        ready: Gives what the button does, and what that takes; its `LlmOptError` is the reason.
    """
    # Reckoned at every drawing, so that the button says beforehand why it cannot start.
    start, problem = None, ""
    try:
        start, sentence = ready()
    except LlmOptError as error:
        problem = str(error)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(label, key=key, type="primary", icon=":material/play_arrow:", on_click=start, disabled=start is None)
        if problem:
            st.markdown(f":orange[:material/info: {fmt.markdown(problem)}]", width="stretch")
        else:
            st.caption(sentence, width="content")


def _first_variant(project: Project, key: str) -> VariantSetup:
    """What the fields start with: the last variant that was compared side by side, else the newest prompt."""
    state_value = st.session_state.get(f"variant_prompt_search_{key}")
    labels = prompt_choices(project)
    variants = setup_from(store().draft(project, COMPARISON, "")).variants
    # The last of the variants is the newest idea of them.
    usual = next((variant for variant in reversed(variants) if variant.prompt in labels), None)
    usual = usual or usual_variants(project, list(labels))[-1]
    return usual.model_copy(update={"prompt": state_value}) if state_value in labels else usual


def _measure(project: Project, key: str) -> tuple[EvaluationSet, str, JudgeSpec]:
    sizes = {item.name: item.size for item in set_choices(project)}
    one, two = st.columns([3, 2], gap="small")
    held_back = find_held_out_sets(store(), project, sizes)
    # A set that is held back is for the last measurement: whoever searches with it has nothing left to test on.
    first = next((place for place, name in enumerate(sizes) if name not in held_back), 0)
    name = one.selectbox("Evaluation set", list(sizes), first, key=f"search_set_{key}", **_KEEP,
                         format_func=lambda name: f"{name} ({fmt.plural(sizes[name], 'question')})")  # fmt: skip
    questions = newest_set(project, name)
    scores = [*_SCORES, ASSERTIONS] if any(assertions_of(example) for example in questions.examples) else _SCORES
    metric = two.selectbox("Score", scores, scores.index(_USUAL_SCORE), key=f"search_score_{key}_{len(scores)}",
                           format_func=lambda name: "Assertions passed" if name == ASSERTIONS else metric_title(name),
                           help="What decides which is better.", **_KEEP)  # fmt: skip
    # Fields for a judge that nobody asks would only raise questions.
    if metric == ASSERTIONS or "judge" not in METRICS[metric].needs:
        return questions, metric, JudgeSpec()
    others = list(endpoints(settings()))
    judge = one.selectbox("Judge", others, key=f"search_judge_{key}", **_KEEP,
                          format_func=lambda name: "Built-in judge" if name == BUILTIN else name)  # fmt: skip
    model = model_choice(two, judge, "", f"search_judge_model_{key}", label="Judge's model",
                         disabled=judge == BUILTIN, **_KEEP)  # fmt: skip
    if judge == BUILTIN:
        return questions, metric, JudgeSpec()
    return questions, metric, JudgeSpec(endpoint=judge, model=model)


def _keep_examples(key: str) -> bool:
    return bool(
        st.toggle(
            "Keep examples that stand in the set, and leave out the questions they repeat", False,
            key=f"search_keep_{key}", help="A question whose answer stands in the prompt cannot be measured with. "
            "Without this, the examples are left out.", **_KEEP,
        )
    )  # fmt: skip
