"""The buttons above the collection: where training examples come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.run_scores import higher_is_better
from llmopt_core.experiments.versions.prompts import FEW_SHOT, newest_versions
from llmopt_core.experiments.versions.training_sets import collect
from llmopt_core.experiments.votes import SIDES, votes_on
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.labs.finetuning.annotation import examples_from_labels, labels
from llmopt_core.labs.finetuning.sources import few_shot_examples, good_records, read_upload
from llmopt_core.labs.prompts.preferences import pairs_of_run
from llmopt_core.runs.values import Project, Run
from llmopt_ui import format as fmt
from llmopt_ui.components import show_errors
from llmopt_ui.finetuning.example_forms import MAKING, distil_form, pairs_form
from llmopt_ui.finetuning.tabs import LABELS, finetuning_state, open_tab
from llmopt_ui.job_panel import follow_job, put_away_button, title_of
from llmopt_ui.resources import store
from llmopt_ui.runs.recent_runs import recent_runs, run_choice
from llmopt_ui.session import notify, report_problem, state

UPLOAD, COLUMN = "tuning_upload", "tuning_column"
_VOTES = ""
_RIGHT = ("answer_f1", "exact_match")
"""What says whether an answer is right enough to be learned from; the first that was measured is offered."""


def sources_bar(project: Project) -> None:
    """One button per source; what is being made by a model is followed below them."""
    with st.container(horizontal=True, gap="small"):
        for title, icon, fill in _SOURCES:
            # What was collected closes the box it was collected in: a new key is a new, closed box.
            box = st.popover(
                title, icon=f":material/{icon}:", key=f"tuning_from_{icon}_{finetuning_state().collections}"
            )
            with box, show_errors():
                fill(project)
    for job in [job for job in store().jobs(project, active=True) if job.kind in MAKING]:
        follow_job(job, on_end=_show_result)
    _last_problem(project)


def _show_result(job: object) -> None:
    # Jobs that failed have no result.
    result = getattr(job, "result", None) or {}
    if "added" in result:
        left = f", {fmt.plural(int(result['rejected']), 'answer')} rejected" if result.get("rejected") else ""
        left += f". {result['stopped'].rstrip('.')}" if result.get("stopped") else ""
        notify(f"{fmt.plural(int(result['added']), 'example')} collected{left}.")


def _last_problem(project: Project) -> None:
    """Why the newest of these jobs failed, or why answers were rejected."""
    newest = next((job for job in store().jobs(project) if job.kind in MAKING), None)
    if newest is None or newest.active or newest.id in state().dismissed_jobs:
        return
    reasons = dict((newest.result or {}).get("reasons", {}))
    if not newest.error and not reasons:
        return
    with st.expander(f"{fmt.markdown(title_of(newest))}: {'failed' if newest.error else 'rejected answers'}",
                     icon=":material/info:"):  # fmt: skip
        if newest.error:
            st.text(newest.error)
        # As many as anybody reads; each is a line.
        for question, reason in list(reasons.items())[:50]:
            st.text(f"{question}: {reason}")
        put_away_button(newest)


def add(project: Project, make: Callable[[], Sequence[TrainingExample]]) -> None:
    """Collect what a source gives, and say how many there were; a callback."""
    with report_problem():
        _add(project, make())


def _add(project: Project, examples: Sequence[TrainingExample]) -> None:
    count = collect(store(), project, examples)
    finetuning_state().collections += 1
    # Those that were collected already are not added twice.
    count_before = len(examples) - count
    notify(
        f"{fmt.plural(count, 'example')} collected"
        + (f", {count_before:,} were there already." if count_before else ".")
    )


def _upload(project: Project) -> None:
    st.caption(
        "JSONL in OpenAI's chat format, CSV with question and answer, or preference pairs (JSONL, or CSV with "
        "question, chosen and rejected). Nothing leaves this machine."
    )
    turn = finetuning_state().collections
    file = st.file_uploader("File", ["jsonl", "csv", "tsv"], key=f"{UPLOAD}_{turn}")
    column = st.text_input("CSV column with the answer", key=f"{COLUMN}_{turn}", placeholder="Found by its usual names")
    if st.button("Collect", key="tuning_upload_add", icon=":material/add:", disabled=file is None) and file is not None:
        # Without a name it is found by its usual ones.
        columns = {"answer": column} if column else {}
        _add(project, read_upload(file.getvalue(), file.name, columns))
        st.rerun()


def _runs(project: Project) -> None:
    runs = recent_runs(project)
    if not runs:
        st.caption("No run has answers yet; evaluate a configuration first.")
        return
    run = run_choice(project, runs, "tuning_run")
    if run is None:
        return
    # Ties and skips prefer nothing, so there is nothing to learn from them.
    vote_count = len({vote.example_id for vote in votes_on(store(), run) if vote.choice in SIDES})
    if vote_count and run.comparison and st.toggle(
        "As preference pairs", False, key=f"tuning_run_pairs_{run.id}",
        help="What was preferred over what in the blind vote (DPO, for services).",
    ):  # fmt: skip
        pairs = pairs_of_run(store(), run)
        st.caption(f"{fmt.plural(len(pairs), 'pair')} from the votes, with the prompt of {fmt.markdown(run.name)}.")
    else:
        pairs = _good_answers(run, vote_count)
    st.button("Collect them", key="tuning_run_add", icon=":material/add:", disabled=not pairs, on_click=add,
              args=(project, lambda: pairs))  # fmt: skip


def _good_answers(run: Run, vote_count: int) -> list[TrainingExample]:
    measures = [*(metric for metric in run.metrics if metric), *([_VOTES] if vote_count else [])]
    # What is learned must be right; a wrong answer may be faithful to what was retrieved.
    usual = next((measures.index(name) for name in _RIGHT if name in measures), 0)
    metric = (
        st.selectbox("Score", measures, usual, key=f"tuning_metric_{run.id}", format_func=_bar) if measures else _VOTES
    )
    lowest = {}
    if metric != _VOTES:
        # .8 is a guess between both mistakes: lower takes in answers that are half right, higher leaves few to learn
        # from.
        up = higher_is_better(str(metric))
        lowest[str(metric)] = st.number_input(
            *(("At least", 0.0, 1.0, 0.8) if up else ("At most", 0.0, 1.0, 0.2)), 0.05,
            key="tuning_run_least" if up else "tuning_run_most",
        )  # fmt: skip
    records = good_records(store(), run.id, lowest)
    votes_note = (
        f" {fmt.plural(vote_count, 'question')} with a vote, which decides over the score." if vote_count else ""
    )
    st.caption(
        f"{fmt.plural(len(records), 'answer')} of {run.done:,} fit.{votes_note} "
        "The prompt goes along as it was sent, without worked examples: a fine-tuned model has learned them."
    )
    return records


def _bar(metric: str) -> str:
    return "Votes alone" if metric == _VOTES else metric_title(metric)


def _collect_labels(project: Project) -> None:
    decisions = labels(store(), project).values()
    count = sum(label.decision == "accepted" for label in decisions)
    if not count:
        st.caption("No answer has been accepted yet. Look at failures and uncertain answers first.")
        st.button("Next to label", key="tuning_go_label", icon=":material/arrow_forward:", on_click=open_tab,
                  args=(LABELS,))  # fmt: skip
        return
    st.caption(f"{fmt.plural(count, 'answer')} accepted or corrected by hand.")
    pairs = st.toggle("As preference pairs", False, key="tuning_label_pairs",
                      help="The accepted answer is preferred to the model's own (DPO, for services).")  # fmt: skip
    st.button("Collect them", key="tuning_label_add", icon=":material/add:", on_click=add,
              args=(project, lambda: examples_from_labels(store(), project, pairs=pairs)))  # fmt: skip


def _few_shot(project: Project) -> None:
    versions = newest_versions(store(), project, FEW_SHOT)
    if not versions:
        st.caption("No few-shot set is saved yet; the page Prompts makes them.")
        return
    name = st.selectbox("Few-shot set", list(versions), key="tuning_shots")
    system = st.text_input("System message", key="tuning_shots_system", placeholder="Optional")
    st.button("Collect its examples", key="tuning_shots_add", icon=":material/add:", on_click=add,
              args=(project, lambda: few_shot_examples(store(), project, name, system or "")))  # fmt: skip


_SOURCES: tuple[tuple[str, str, Callable[[Project], None]], ...] = (
    ("Upload", "upload_file", _upload),
    ("Good answers", "recommend", _runs),
    ("Corrected answers", "rate_review", _collect_labels),
    ("Few-shot sets", "format_list_numbered", _few_shot),
    ("Larger model", "neurology", distil_form),
    ("Reference answers", "quiz", pairs_form),
)
