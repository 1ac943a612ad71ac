"""Examples that a model has to make first: a larger model's answers, and questions as a configuration asks them."""

from __future__ import annotations

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.labs.finetuning.example_jobs import DISTIL, PAIRS, DistilArguments, PairsArguments
from llmopt_core.labs.finetuning.held_out_sets import usual_source
from llmopt_core.labs.finetuning.sources import estimate_distillation, teacher_at
from llmopt_core.models.base import BUILTIN
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet, fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field
from llmopt_ui.caveats import documents_now
from llmopt_ui.evaluation_sets import set_choices
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.resources import models, settings, start_job, store

MAKING = frozenset({DISTIL.name, PAIRS.name})


def distil_form(project: Project) -> None:
    """Which model answers which questions, and what an answer must pass."""
    others = {name: endpoint for name, endpoint in endpoints(settings()).items() if name != BUILTIN}
    st.caption("A model on another endpoint answers the training questions; what passes the assertions is collected.")
    if not others:
        st.caption("Add an endpoint with a larger model in Settings first.")
        return
    choice = _questions_and_prompt(project, "distil")
    if choice is None:
        return
    questions, configuration = choice
    one, two = st.columns(2, gap="small")
    endpoint = one.selectbox("Endpoint", list(others), key="distil_endpoint")
    usual = others[endpoint].default_model
    name = model_choice(two, endpoint, "", "distil_model", placeholder=usual or "As the endpoint names it")
    is_json = one.toggle("Must be JSON", False, key="distil_json")
    least = two.number_input(
        "Shared words with the reference answer at least (F1)", 0.0, 1.0, 0.0, 0.05, key="distil_f1"
    )
    longest = one.number_input("Characters at most", 1, None, None, key="distil_longest", placeholder="Any")
    budget = budget_field(two, "distil_budget")
    st.caption(
        f"{fmt.plural(len(questions.examples), 'question')} and the prompt will be sent to {fmt.markdown(endpoint)}"
        f"{fmt.markdown(_cost_line(project, questions, configuration, others[endpoint], name or '', budget))}."
    )
    if st.button("Let it answer", key="distil_start", type="primary", icon=":material/play_arrow:"):
        teacher = teacher_at(others[endpoint], name)
        assertions = [AssertionSpec(type="is-json")] if is_json else []
        assertions += [AssertionSpec(type="length", value={"max": int(longest)})] if longest else []
        # The job works on this version also when the set is changed or deleted meanwhile.
        store().keep_evaluation_set(project, questions)
        arguments = DistilArguments(
            questions=questions.name, set_version=questions.version, asked=configuration, teacher=teacher,
            model=teacher.name or usual, endpoint=endpoint, assertions=tuple(assertions),
            least_f1=least, budget_usd=budget,
        )  # fmt: skip
        start_job(DISTIL.name, project, arguments, {"evaluation set": questions.version})
        st.rerun()


def _cost_line(  # noqa: PLR0917
    project: Project,
    questions: EvaluationSet,
    configuration: Configuration,
    endpoint: Endpoint,
    name: str,
    budget: float | None,
) -> str:
    """What it will cost, marked where that is more than the budget; nothing where it cannot start anyhow."""
    try:
        teacher = teacher_at(endpoint, name)
        cost = estimate_distillation(project.name, questions, teacher, configuration.prompt, models()).cost_usd
    # The reason is told where it is started.
    except LlmOptError:
        return ""
    if cost is None:
        return ""
    # By the upper end: that it may be too much is what matters.
    over = budget is not None and cost[1] > budget
    warning = f"; that may be more than the budget of {fmt.dollars(budget or 0.0)}, at which it stops" * over
    return f": {fmt.money(cost[0])} to {fmt.money(cost[1])}, less what is kept from before{warning}"


def pairs_form(project: Project) -> None:
    """Questions with reference answers, asked as a configuration asks them."""
    st.caption(
        "The prompt and the retrieved chunks as a configuration sends them, with the reference answer: what a "
        "reader for RAG is trained on. Use questions about other documents than those you evaluate with."
    )
    choice = _questions_and_prompt(project, "pairs")
    if choice is None:
        return
    questions, configuration = choice
    with_answer = sum(bool(example.reference) for example in questions.examples)
    st.caption(f"{fmt.plural(with_answer, 'question')} with a reference answer.")
    if st.button("Make the pairs", key="pairs_start", type="primary", icon=":material/play_arrow:"):
        store().keep_evaluation_set(project, questions)
        arguments = PairsArguments(
            questions=questions.name,
            set_version=questions.version,
            configuration=configuration.name,
            asked=configuration,
        )
        versions = {"evaluation set": questions.version, "documents": documents_now(project)}
        start_job(PAIRS.name, project, arguments, versions)
        st.rerun()


def _questions_and_prompt(project: Project, key: str) -> tuple[EvaluationSet, Configuration] | None:
    sets = [item.name for item in set_choices(project)]
    configurations = {item.name: item for item in store().configurations(project)}
    if not sets or not configurations:
        st.caption("This needs questions and a configuration; the page Evaluation holds both.")
        return None
    usual = usual_source(store(), project, sets)
    name = st.selectbox("Questions", sets, None if usual is None else sets.index(usual), key=f"{key}_set",
                        placeholder="All are held back: choose with care",
                        help="They are for training from then on: evaluate with others.")  # fmt: skip
    configuration_name = st.selectbox(
        "Asked as", list(configurations), key=f"{key}_configuration", help="Its prompt, and its retrieval."
    )
    if name is None:
        return None
    if any(run.evaluation_set == name for run in store().runs(project)):
        st.caption(f":orange[:material/warning: Runs were measured with {fmt.markdown(name)}. What is trained on these "
                   "questions has to be measured with others.]")  # fmt: skip
    return store().evaluation_set(project, name), configuration_from(configurations[configuration_name].spec)


def choose_sets_to_protect(project: Project, key: str) -> list[EvaluationSet]:
    """The evaluation sets that must not be trained on: all, until somebody says otherwise."""
    names = [item.name for item in set_choices(project)]
    # The names are in the key: a set that is added later is kept apart, too, without being asked for.
    choice = st.multiselect("Evaluation sets to keep apart", names, names, key=f"{key}_{fingerprint(names)}",
                            help="A question that is trained on measures memory, not skill. Take a set off the list to "
                            "train on it, and measure with another one.")  # fmt: skip
    return [store().evaluation_set(project, name) for name in choice]
