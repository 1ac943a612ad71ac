"""Questions that a model writes: asked for in a form, written by a job, reviewed in a table, saved as a set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from llmopt_core.experiments.descriptive_names import question_set_name
from llmopt_core.labs.documents.jobs import DRAFT, WRITING, WritingArguments
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.runs.values import Job, Project
from llmopt_core.types import fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field, warn_above
from llmopt_ui.caveats import documents_now
from llmopt_ui.components import empty_state, plain_fragment, show_errors
from llmopt_ui.documents.spans_view import choose_set
from llmopt_ui.job_panel import follow_job, put_away_button
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.resources import models, settings, start_job, store
from llmopt_ui.session import notify, state
from llmopt_ui.tables import data_table, table_editor

if TYPE_CHECKING:
    from llmopt_core.labs.documents.question_writing.writer import WritingSpec

ENDPOINT, MODEL, PASSAGES, EACH, SIZE, SEED = (
    "write_endpoint", "write_model", "write_passages", "write_each", "write_size", "write_seed",
)  # fmt: skip
BUDGET, START, TABLE, NAME, SAVE, DISCARD = (
    "write_budget", "write_start", "write_table", "write_name", "write_save", "write_discard",
)  # fmt: skip


def write_view(project: Project) -> None:
    """The form, then the job, then the review."""
    jobs = [job for job in store().jobs(project) if job.kind == WRITING.name]
    active = next((job for job in jobs if job.active), None)
    if active is not None:
        follow_job(active)
        return
    _show_failure(jobs)
    draft = store().draft(project, DRAFT, "")
    with st.expander("Let a model write questions", expanded=draft is None, icon=":material/edit_square:"):
        _form(project)
    if draft is not None:
        _review(project, draft)


def _show_failure(jobs: list[Job]) -> None:
    if jobs and jobs[0].status == "failed" and jobs[0].id not in state().dismissed_jobs:
        st.error(fmt.markdown(f"The last writing failed: {jobs[0].error}"), icon=":material/error:")
        put_away_button(jobs[0])


@plain_fragment
def _form(project: Project) -> None:
    with show_errors():
        spec, budget = _fields()
        _estimate(project, spec, budget)
        if st.button("Write questions", key=START, type="primary", icon=":material/play_arrow:"):
            versions = {"documents": documents_now(project)}
            start_job(WRITING.name, project, WritingArguments(spec=spec, budget_usd=budget), versions)
            # The whole page: this is a fragment, and outside of it the job takes the place of the form.
            st.rerun()


def _fields() -> tuple[WritingSpec, float | None]:
    from llmopt_core.labs.documents.question_writing.writer import WritingSpec

    names = list(endpoints(settings()))
    # The built-in model last, since few of its questions are worth keeping; the sort leaves the others in order.
    names.sort(key=lambda name: name == BUILTIN)
    one, two, three = st.columns(3, gap="medium")
    endpoint = one.selectbox("Endpoint", names, key=ENDPOINT, persist_state="session")
    model = model_choice(two, endpoint, "", MODEL, persist_state="session")
    help_text = "No further passage is asked about where that would cost more."
    budget = budget_field(three, BUDGET, help_text, persist_state="session")
    if endpoint == BUILTIN:
        st.caption(
            ":orange[:material/warning:] The built-in model is small: it copies more than it asks, and few of its "
            "questions pass. It shows how this works; for questions worth keeping this needs a stronger model."
        )
    one, two, three, four = st.columns(4, gap="medium")
    # Passages, questions for each, characters of a passage: little for the built-in model, which reads slowly and
    # loses itself in long texts. Its own keys keep both apart.
    usual = (10, 1, 600) if endpoint == BUILTIN else (30, 2, 1_200)
    passages = one.number_input("Passages", 1, 2_000, usual[0], 5, key=f"{PASSAGES}_{endpoint}",
                                help="Sampled by chance from all documents.", persist_state="session")  # fmt: skip
    each = two.number_input("Questions for each", 1, 10, usual[1], key=f"{EACH}_{endpoint}",
                            persist_state="session")  # fmt: skip
    size = three.number_input("Passage length", 100, 20_000, usual[2], 100,
                              key=f"{SIZE}_{endpoint}", persist_state="session")  # fmt: skip
    seed = four.number_input("Seed", 0, 1_000_000, 0, key=SEED, help="The same seed samples the same passages.",
                             persist_state="session")  # fmt: skip
    # 120 tokens for a question with answer and quote, 80 for what stands around them: enough that the last one is not
    # cut off, and an end to a model that does not stop.
    writer = ModelSpec(endpoint=endpoint, name=model, max_tokens=120 * int(each) + 80)
    spec = WritingSpec(
        model=writer, passages=int(passages), per_passage=int(each), passage_size=int(size), seed=int(seed)
    )
    return spec, budget


def _estimate(project: Project, spec: WritingSpec, budget_usd: float | None) -> None:
    versions = tuple((item.name, item.version) for item in store().document_list(project))
    calls, prompt, completion, cost, most = _read_estimate(project.name, versions, spec.fingerprint, spec)
    st.caption(
        f"At most {fmt.plural(calls, 'call')}, about {fmt.count(prompt)} tokens sent and {fmt.count(completion)} "
        f"written: {fmt.markdown(_price(spec, cost, most))}."
    )
    warn_above(budget_usd, cost)


def _price(spec: WritingSpec, cost: float | None, most: float | None) -> str:
    # The built-in model is free; for others an unknown price is not told as nothing.
    if spec.model.endpoint == BUILTIN or not cost:
        return fmt.money(0.0 if spec.model.endpoint == BUILTIN else cost)
    return f"about {fmt.money(cost)}, at most {fmt.money(most)}"


@st.cache_data(max_entries=32, show_spinner=False)
def _read_estimate(
    project: str, versions: tuple[tuple[str, str], ...], key: str, _spec: WritingSpec
) -> tuple[int, int, int, float | None, float | None]:
    from llmopt_core.labs.documents.question_writing.writer import estimate_writing

    # Samples and counts all passages, so it is kept by what decides it; `_spec` itself is not hashed, its fingerprint
    # is.
    estimate = estimate_writing(_spec, store().documents(project), models())
    return estimate.calls, estimate.prompt_tokens, estimate.completion_tokens, estimate.cost_usd, estimate.most_usd


def _review(project: Project, draft: dict[str, Any]) -> None:
    from llmopt_core.labs.documents.question_writing.review import places_of

    st.subheader("Review what was written", anchor=False)
    st.markdown(describe_outcome(draft))
    _rejection_table(draft)
    if not draft["rows"]:
        empty_state("No question passed", "Try more passages, another seed or a stronger model.", ":material/quiz:")
        st.button("Put away", key=DISCARD, type="tertiary", on_click=_discard, args=(project,))
        return
    places = places_of(draft)
    # Another writing is another table, or its edits would be laid over the new rows.
    key = f"{TABLE}_{state().forms}_{fingerprint(places)}"
    table = pd.DataFrame(_rows_before(draft, key))
    rows = table_editor(
        table,
        key=key,
        on_change=_remember,
        args=(project, places, key),
        height=520,
        column_order=("keep", "question", "answer", "quote", "match", "document"),
        disabled=("match", "document"),
        column_config={
            "keep": st.column_config.CheckboxColumn("Keep", width="small"),
            "question": st.column_config.TextColumn("Question", width=290),
            "answer": st.column_config.TextColumn("Answer", width=140),
            "quote": st.column_config.TextColumn("Quote", width=290, help="An edited quote is looked up again."),
            "match": st.column_config.NumberColumn("Match", format="percent", width="small"),
            "document": st.column_config.TextColumn("Document", width=130),
        },
    )
    _save_row(project, rows)


def _rows_before(draft: dict[str, Any], key: str) -> Sequence[dict[str, Any]]:
    """The rows as they were when the table was first drawn: its edits are told relative to them."""
    # The editor adds its edits to the rows that it is given: given the edited ones, it would add them twice.
    if state().review_table[0] != key or key not in st.session_state:
        state().review_table = (key, draft["rows"])
    return state().review_table[1]


def _remember(project: Project, places: list[list[Any]], key: str) -> None:
    """Keep what was typed, so that a closed page loses none of it."""
    from llmopt_core.labs.documents.question_writing.review import with_edits

    # Edits by place in the document, as the draft may have changed in another tab. None where it is gone.
    draft = with_edits(store().draft(project, DRAFT, ""), places, st.session_state[key]["edited_rows"])
    if draft is not None:
        store().save_draft(project, DRAFT, "", draft)


def _save_row(project: Project, table: pd.DataFrame) -> None:
    count = int(table["keep"].sum())
    usual = choose_set(project) or question_set_name(table["document"])
    left, right = st.columns([1, 2], gap="medium", vertical_alignment="bottom")
    name = left.text_input(
        "Into the evaluation set", usual, key=NAME,
        help="Added to the set of that name as a new version, or a new set.",
    )  # fmt: skip
    with right.container(horizontal=True, gap="small"):
        save = st.button(f"Save {fmt.plural(count, 'question')}", key=SAVE, type="primary", icon=":material/save:",
                            disabled=not count)  # fmt: skip
        st.button("Throw away", key=DISCARD, type="tertiary", icon=":material/delete:", on_click=_discard,
                  args=(project,))  # fmt: skip
    if save:
        with show_errors():
            _save(project, (name or "").strip() or usual, table)


def describe_outcome(draft: dict[str, Any]) -> str:
    """What came of the writing, in a sentence."""
    from llmopt_core.labs.documents.question_writing.review import reasons

    sentence = f"**{fmt.plural(len(draft['rows']), 'question')}** from {fmt.plural(draft['passages'], 'passage')}"
    rejections = reasons(draft)
    if rejections:
        total = sum(rejections.values())
        sentence += f"; {total:,} dropped: " + ", ".join(
            f"{reason} ({count:,})" for reason, count in rejections.items()
        )
    if draft["empty"]:
        sentence += f"; for {fmt.plural(draft['empty'], 'passage')} nothing was written that could be read"
    if draft["failures"]:
        sentence += f"; :red[some calls failed: {fmt.markdown(draft['failures'][0])}]"
    return sentence + (f". It ended early: {draft['stopped']}." if draft["stopped"] else ".")


def _rejection_table(draft: dict[str, Any]) -> None:
    if not draft["dropped"]:
        return
    with st.expander(f"See the {len(draft['dropped']):,} that were dropped"):
        table = pd.DataFrame(draft["dropped"]).rename(columns=str.capitalize)
        data_table(
            table,
            height=320,
            column_order=("Question", "Reason", "Quote", "Document"),
            alt="Questions that were dropped",
        )


def _save(project: Project, name: str, table: pd.DataFrame) -> None:
    from llmopt_core.labs.documents.question_writing.review import candidates_of_rows
    from llmopt_core.labs.documents.question_writing.writer import with_questions

    candidates = candidates_of_rows(_rows(table), store().documents(project))
    sets = {item.name for item in store().evaluation_sets(project)}
    # Read when it is saved: another tab may have added to the set.
    before = store().evaluation_set(project, name) if name in sets else None
    stored_set = store().save_evaluation_set(project, with_questions(before, name, candidates))
    # After saving: a crash between both shows the rows once more, the other way round would lose them.
    _discard(project)
    notify(f"{stored_set.name} has {fmt.plural(stored_set.size, 'question')} now, {len(candidates):,} of them new.")
    st.rerun()


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    # The types of pandas name columns by anything that can be hashed.
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _discard(project: Project) -> None:
    store().delete_draft(project, DRAFT, "")
    state().forms += 1
