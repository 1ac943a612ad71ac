"""The 2 x 2 tab: base and tuned model, plain and with retrieval, on the same questions; price and forgetting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.caveats import RunCaveats
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import list_configurations
from llmopt_core.experiments.run_documents import documents_of
from llmopt_core.finetuning.jobs.job import FineTunedModel
from llmopt_core.labs.evaluation.jobs import is_evaluation
from llmopt_core.labs.finetuning.catalogue import list_chat_models
from llmopt_core.labs.finetuning.factorial import PAIRS, Factorial, arm_configurations, read_factorial
from llmopt_core.labs.finetuning.training_pairs import ARMS
from llmopt_core.models.base import ModelSpec
from llmopt_core.runs.values import Project, SavedSet
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import caveats_view, describe_outdated
from llmopt_ui.chart_view import show_chart
from llmopt_ui.colours import project_inks
from llmopt_ui.components import empty_state, section, side_by_side
from llmopt_ui.evaluation_sets import set_choices
from llmopt_ui.finetuning.charts import factorial_bars
from llmopt_ui.finetuning.economics import economics_view
from llmopt_ui.finetuning.evaluation_start import evaluate_configurations
from llmopt_ui.finetuning.forgetting import forgetting_view
from llmopt_ui.finetuning.tabs import JOBS, open_tab
from llmopt_ui.forms.configuration import CONFIGURATION, NEW
from llmopt_ui.job_panel import follow_job
from llmopt_ui.navigation import EVALUATION as PAGE
from llmopt_ui.pickers import apply_request
from llmopt_ui.resources import settings, store
from llmopt_ui.runs.results import describe_means
from llmopt_ui.tables import show_table
from llmopt_ui.theme import Ink, comparison_style

MODEL, PLAIN, RAG, SET, METRIC, LIMIT, RUN = (
    f"square_{name}" for name in ("tuned", "plain", "rag", "set", "metric", "limit", "run")
)
# Metrics of the answer alone, since two of the arms have no documents to be faithful to.
_METRICS = ("answer_f1", "exact_match", "semantic_similarity", "answer_relevancy")
_QUESTIONS = {
    ("base", "fine-tuned"): "Does fine-tuning help, without retrieval?",
    ("base + RAG", "fine-tuned + RAG"): "Does fine-tuning help, with retrieval?",
    ("base", "base + RAG"): "Does retrieval help the base model?",
    ("fine-tuned", "fine-tuned + RAG"): "Does retrieval help the fine-tuned model?",
    ("base + RAG", "fine-tuned"): "Fine-tuned and plain instead of base with RAG?",
}


@dataclass(frozen=True)
class FactorialRequest:
    """What is compared with what, on which questions."""

    model: FineTunedModel
    four: Sequence[Configuration]
    evaluation_set: SavedSet
    metric: str
    limit: int | None


def factorial_view(project: Project) -> None:
    """The whole tab."""
    models = {model.name: model for model in list_chat_models(settings())}
    if not models:
        empty_state("No fine-tuned model yet", "A finished fine-tuning job makes one.", ":material/grid_view:").button(
            "Jobs", key="square_to_jobs", on_click=open_tab, args=(JOBS,)
        )
        return
    # Any evaluation of the project: the arms may be measured by one that was started elsewhere.
    for job in [job for job in store().jobs(project, active=True) if is_evaluation(job)]:
        follow_job(job)
    request = _form(project, models)
    if request is None:
        return
    factorial = read_factorial(store(), project, request.four, request.evaluation_set, request.metric)
    _run_button(project, request, factorial)
    if not factorial.arms:
        empty_state("Not measured yet", "Press Run the comparison: what was answered before is not asked again.",
                    ":material/grid_view:")  # fmt: skip
    else:
        names = {arm: c.name for arm, c in zip(ARMS, request.four, strict=True)}
        colours = project_inks(project, names.values())
        _picture(project, request, factorial, names, colours)
        _answers(factorial)
        economics_view(request.model, factorial, names, colours)
    forgetting_view(project, request.model, request.metric)


def _form(project: Project, models: Mapping[str, FineTunedModel]) -> FactorialRequest | None:
    configurations = {item.name: item for item in list_configurations(store(), project)}
    # A tuned model as the base would compare it with itself.
    base = {name: c for name, c in configurations.items() if not c.model.adapter}
    plain = [name for name, c in base.items() if c.retrieval is None]
    rag = [name for name, c in base.items() if c.retrieval is not None]
    sets = {item.name: item for item in set_choices(project)}
    if not plain or not rag or not sets:
        _missing(sets=bool(sets), plain=bool(plain), rag=bool(rag))
        return None
    # Before the field is drawn, whose value it sets.
    apply_request(MODEL, list(models))
    fields = st.grid(4, min_column_width=200)
    name = fields.selectbox(
        "Fine-tuned model", list(models), _usual_model(project, models), key=MODEL, bind="query-params"
    )
    without = fields.selectbox("Plain: asked as", plain, key=PLAIN, persist_state="session")
    rag_name = fields.selectbox("RAG: asked as", rag, len(rag) - 1, key=RAG, persist_state="session")
    set_name = fields.selectbox("Evaluation set", list(sets), _usual_set(project, list(sets)), key=SET,
                                format_func=lambda key: f"{key} ({fmt.plural(sets[key].size, 'question')})",
                                persist_state="session")  # fmt: skip
    metric = fields.selectbox("Score", _METRICS, key=METRIC, format_func=metric_title, persist_state="session")
    limit = fields.number_input("Questions at most", 1, None, None, key=LIMIT, placeholder="All",
                                persist_state="session")  # fmt: skip
    spec = models[name].spec
    if not isinstance(spec, ModelSpec):
        return None
    arms = arm_configurations(base[without], base[rag_name], spec, name)
    st.caption("The fine-tuned model is asked without few-shot examples: it has learned them.")
    return FactorialRequest(models[name], arms, sets[set_name], metric, int(limit) if limit else None)


def _missing(*, sets: bool, plain: bool, rag: bool) -> None:
    """Say what the comparison lacks, with a button for each part of it."""
    parts = [("questions", sets), ("a configuration without retrieval", plain), ("a configuration with it", rag)]
    sentence = f"The comparison lacks {' and '.join(words for words, there in parts if not there)}."
    with empty_state("Something to compare is missing", sentence, ":material/tune:"):
        if not sets:
            button_to(PAGE, "Add questions", "square_to_questions", "Questions")
        if not plain or not rag:
            button_to(
                PAGE, "Make a configuration", "square_to_configurations", "Configurations", **{CONFIGURATION: NEW}
            )


def _usual_model(project: Project, models: Mapping[str, FineTunedModel]) -> int:
    """The tuned model of the newest run that asked one; before the first one, the model that was made last."""
    names = list(models)
    # By adapter or name, which is what runs keep; empty for embedding models.
    specs = [
        (model.spec.adapter or model.spec.name) if isinstance(model.spec, ModelSpec) else ""
        for model in models.values()
    ]
    for run in store().runs(project):
        model = run.configuration.get("model", {})
        model_name = str(model.get("adapter") or model.get("name") or "")
        if model_name and model_name in specs:
            return specs.index(model_name)
    # Ids of jobs sort by age, which the clock does not always.
    return max(range(len(names)), key=lambda at: str(models[names[at]].facts.get("job_id") or ""))


def _usual_set(project: Project, names: Sequence[str]) -> int:
    """The set of the newest run with retrieval; before the first one, a set whose answers stand in documents."""
    set_names = (run.evaluation_set for run in store().runs(project) if run.configuration.get("retrieval"))
    newest = next((name for name in set_names if name in names), "")
    if newest:
        return names.index(newest)
    with_sources = (i for i, name in enumerate(names)
                    if any(e.references for e in store().evaluation_set(project, name).examples))  # fmt: skip
    return next(with_sources, 0)


def _run_button(project: Project, request: FactorialRequest, factorial: Factorial) -> None:
    # A limit beyond the set would leave every arm unfinished for ever.
    size = min(request.evaluation_set.size, request.limit or request.evaluation_set.size)
    missing = [c for name, c in zip(ARMS, request.four, strict=True)
               if name not in factorial.arms or factorial.arms[name].run.done < size]  # fmt: skip
    words = "Run the comparison" if len(missing) == len(ARMS) else f"Run what is missing ({len(missing)})"
    if missing and st.button(words, key=RUN, type="primary", icon=":material/play_arrow:"):
        evaluate_configurations(project, missing, request.evaluation_set, (request.metric,), request.limit)


def _picture(
    project: Project,
    request: FactorialRequest,
    factorial: Factorial,
    names: Mapping[str, str],
    colours: Mapping[str, Ink],
) -> None:
    earlier = describe_outdated(project, {name: arm.run for name, arm in factorial.arms.items()})
    caveats_view([RunCaveats(documents_of(c.run, name), c.overlap) for name, c in factorial.arms.items()], earlier)
    left, right = side_by_side([1, 1], "square")
    with left:
        figure = factorial_bars(factorial, f"{metric_title(request.metric)} (0 to 1)", names, colours)
        show_chart(figure, "factorial_bars", "Mean score of the four arms with 95 % intervals")
        st.caption(describe_means([arm.run for arm in factorial.arms.values()], request.evaluation_set.size))
    with right:
        if factorial.whole and factorial.best:
            clean = not any(arm.overlap.overlap_count for arm in factorial.arms.values())
            # The best among those that can be compared; one that knew the questions is left out.
            words = "Best" if clean else "Highest of those not trained on these questions"
            over = f", over the {fmt.plural(factorial.questions, 'question')} that all four answered"
            st.markdown(f"{words}: **{factorial.best}**{over}")
        show_table(_costs(factorial), "What a question takes in each arm", "square")


def _costs(factorial: Factorial) -> list[dict[str, str]]:
    """What a request takes in each arm."""
    rows = []
    for name in ARMS:
        arm = factorial.arms.get(name)
        if arm is None:
            rows.append({"": name, "Tokens in": ":gray[not run]", "out": "", "Time": "", "Cost": ""})
            continue
        rows.append(
            {
                "": f"**{name}**" if name == factorial.best else name,
                "Tokens in": fmt.number(arm.prompt_tokens),
                "out": fmt.number(arm.completion_tokens),
                "Time": fmt.short_time(arm.seconds) if arm.seconds else ":gray[cached]",
                "Cost": fmt.markdown(fmt.money(arm.cost_usd)),
            }
        )
    return rows


def _answers(factorial: Factorial) -> None:
    section("Answers", "Each over the questions that both sides answered.")
    rows = []
    for pair in PAIRS:
        comparison = factorial.comparisons.get(pair)
        if comparison is None:
            rows.append({"Question": _QUESTIONS[pair], "Difference": ":gray[not run yet]", "Questions": "",
                         "Verdict": "", "p": ""})  # fmt: skip
            continue
        between = fmt.with_sign(comparison.difference)
        if comparison.low is not None:
            between += f" :gray[({fmt.with_sign(comparison.low)} to {fmt.with_sign(comparison.high)})]"
        rows.append(
            {
                "Question": f"{_QUESTIONS[pair]}  \n:gray[{pair[0]} → {pair[1]}]",
                "Difference": between,
                "Questions": fmt.count(comparison.pairs),
                "Verdict": comparison_style(comparison).markdown,
                "p": "< 0.001" if (comparison.p_value or 1) < 0.001 else fmt.number(comparison.p_value),
            }
        )
    show_table(rows, "Answers of two arms compared")
    st.caption(fmt.markdown(factorial.family.in_short), help=fmt.markdown(factorial.family.words))
