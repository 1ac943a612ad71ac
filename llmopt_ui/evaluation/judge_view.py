"""The tab Judge: people label answers by keyboard, and the judge is measured by their labels."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.current_runs import current_runs
from llmopt_core.experiments.run_scores import baseline_position
from llmopt_core.labs.evaluation.judge_labels import people_labels
from llmopt_core.labs.evaluation.judge_order import next_row
from llmopt_core.labs.evaluation.judge_rows import THRESHOLD, JudgedAnswer, LabelRow, label_rows
from llmopt_core.labs.evaluation.judge_words import criterion_question, judged_criteria
from llmopt_core.labs.evaluation.record_facts import facts_of_all
from llmopt_core.runs.store_judge_labels import JudgeLabel, LabelChoice
from llmopt_core.runs.values import Project, Run
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state, plain_fragment, section, show_problem
from llmopt_ui.evaluation.comparison import choose_set, order_evaluations_first
from llmopt_ui.evaluation.judge_result import judge_result
from llmopt_ui.evaluation.noise_section import noise_section
from llmopt_ui.evaluation.pair_address import FIRST, SECOND
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.pickers import address_arguments
from llmopt_ui.resources import store
from llmopt_ui.runs.results import score_tables
from llmopt_ui.session import report_problem, state

CRITERION, PASSES_FROM, PERSON = "criterion", "judge_passes_from", "judge_person"


def judge_view(project: Project, runs: Sequence[Run]) -> None:
    """The whole tab."""
    there = order_evaluations_first([run for run in runs if run.done and judged_criteria([run])])
    if not there:
        with empty_state("No judged answers yet", "Evaluate with a metric that a judge grades, such as faithfulness."):
            button_to(EVALUATION, "Go to Run", "judge_to_run", "Run")
        return
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    where = choose_set(bar, there)
    current = current_runs(there, *where, order=[item.name for item in store().configurations(project)])
    names = list(current)
    usual = names[baseline_position(names)]
    first = str(bar.selectbox("First", names, width=200, **address_arguments(FIRST, names, usual)))
    rest = [name for name in names if name != first]
    second = str(bar.selectbox("Second", rest, width=200, **address_arguments(SECOND, rest, rest[-1]))) if rest else ""
    pair = {name: current[name] for name in (first, second) if name}
    # A configuration without documents has no faithfulness, though it was measured by it.
    tables = score_tables(pair)
    criteria = [
        name
        for name in judged_criteria(list(pair.values()))
        if all(any(value is not None for value in table.scores.values.get(name, ())) for table in tables)
    ]
    if not criteria:
        empty_state("Nothing to label", "A judge graded nothing in both of these. Choose two that it graded alike.")
        return
    criterion = str(
        bar.selectbox("Criterion", criteria, width=200, format_func=metric_title,
                      **address_arguments(CRITERION, criteria, criteria[0]))
    )  # fmt: skip
    threshold = float(
        bar.number_input("Passes from", 0.0, 1.0, THRESHOLD, 0.05, key=PASSES_FROM, width=110,
                         help="The judge's grade from which on an answer counts as passed.")
    )  # fmt: skip
    keys = tuple((run.id, run.done, run.created_at.isoformat()) for run in pair.values())
    rows = _rows(project.id, keys, criterion, threshold)
    if not rows:
        empty_state("Nothing to label", "No question has an answer with a grade by this criterion in both of these.")
        return
    _desk(project, where[2], tuple(pair), criterion, threshold, rows, _person_field())
    noise_section(pair, runs, criterion)


def _person_field() -> str:
    """Ask who labels. The field goes once it is filled, so that the keys that label are not typed into it."""
    person = state().labeller
    if person:
        with st.container(horizontal=True, gap="small", vertical_alignment="center", width="content"):
            st.text(f"Labelling as {person}", width="content")
            st.button("Somebody else labels", key="judge_other", type="tertiary", on_click=_leave)
    else:
        st.text_input("Your name", key=PERSON, width=200, placeholder="Name or initials", max_chars=60,
                      on_change=_enter_name, help="Labels are kept per person; most decide.")  # fmt: skip
    return person


@st.cache_resource(max_entries=8, show_spinner=False)
def _rows(project_id: int, keys: tuple[tuple[int, int, str], ...], criterion: str, threshold: float) -> list[LabelRow]:
    """Read once for all keystrokes; nobody changes them. A run that goes on has another count, so another key."""
    sides = [facts_of_all(store().records(run_id)) for run_id, _, _ in keys]
    return label_rows(sides, criterion, threshold)


@plain_fragment
def _desk(  # noqa: PLR0917
    project: Project, judge: str, names: tuple[str, ...], criterion: str, threshold: float, rows: list[LabelRow],
    person: str,
) -> None:  # fmt: skip
    """Answer after answer, and below what the labels say. Only this part of the page is drawn after a keystroke."""
    show_problem()
    labels = store().judge_labels(project, criterion)
    people = people_labels(labels)
    section("Label answers", "Flips first: questions on which the judge's verdicts of the two differ.")
    if person:
        _labelling(project, criterion, rows, people, labels, person)
    else:
        empty_state("Who labels?", "Type your name or initials above; then the first answer comes.",
                    ":material/rate_review:")  # fmt: skip
    judge_result(judge, names, criterion, threshold, rows, people, labels)


def _labelling(  # noqa: PLR0917
    project: Project, criterion: str, rows: list[LabelRow], people: dict[str, bool], labels: Sequence[JudgeLabel],
    person: str,
) -> None:  # fmt: skip
    subjects = {subject for row in rows for subject in row.subjects}
    own = [label.subject for label in labels if label.person == person and label.subject in subjects]
    st.progress(len(own) / len(subjects), f"{len(own)} of {fmt.plural(len(subjects), 'answer')} labelled by you")
    row = next_row(rows, people, own)
    if row is None:
        st.caption("You have labelled every answer.")
        _back(project, criterion, person, own)
        return
    answer = next(one for one in row.answers if one.subject not in own)
    _card(row, answer)
    st.markdown(f"**{criterion_question(criterion)}**")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for title, key, choice in (("Pass", "P", "pass"), ("Fail", "F", "fail"), ("Cannot say", "U", "unsure")):
            st.button(title, key=f"judge_{choice}", shortcut=key, on_click=_label,
                      args=(project, criterion, person, row, answer, choice))  # fmt: skip
        _back(project, criterion, person, own)


def _card(row: LabelRow, answer: JudgedAnswer) -> None:
    """What is judged, without the name of its configuration and the judge's verdict, which would sway people."""
    with st.container(border=True, gap="small"):
        st.markdown(f"**{fmt.markdown(row.question)}**")
        if row.right_answers:
            st.markdown(f":gray[Reference answer:] {' *or* '.join(map(fmt.markdown, row.right_answers))}")
    with st.container(border=True, gap="small"):
        st.caption("Answer")
        st.text(answer.text or "(an empty answer)", width="stretch")
    if answer.contexts:
        with st.container(border=True, gap="small", height=260):
            for number, text in enumerate(answer.contexts, start=1):
                st.caption(f"Chunk {number}")
                st.text(text, width="stretch")


def _back(project: Project, criterion: str, person: str, own: Sequence[str]) -> None:
    # Labels come in the order in which they were given.
    st.button("Back", key="judge_back", shortcut="B", type="tertiary", icon=":material/undo:", disabled=not own,
              help="Label the last answer again.", on_click=_undo,
              args=(project, criterion, person, own[-1] if own else ""))  # fmt: skip


def _label(  # noqa: PLR0917
    project: Project, criterion: str, person: str, row: LabelRow, answer: JudgedAnswer, choice: LabelChoice
) -> None:
    with report_problem():
        store().save_judge_label(
            project, JudgeLabel(answer.subject, criterion, person, choice, row.example_id, row.question, answer.text)
        )


def _undo(project: Project, criterion: str, person: str, subject: str) -> None:
    with report_problem():
        store().delete_judge_label(project, subject, criterion, person)


def _enter_name() -> None:
    # A blank too many would make another person.
    state().labeller = " ".join((st.session_state[PERSON] or "").split())


def _leave() -> None:
    state().labeller = ""
