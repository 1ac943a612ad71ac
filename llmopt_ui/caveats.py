"""What must be said beside scores: trained on these questions, or made over other documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from llmopt_core.evaluation.judge_agreement import IN_SHORT, JUDGE, judge_note
from llmopt_core.experiments import caveats as core
from llmopt_core.experiments.caveats import RunCaveats, caveats
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.provenance import (
    Basis,
    describe_changes,
    describe_run_changes,
    list_changes,
    list_run_changes,
)
from llmopt_core.experiments.training_overlap import TrainingOverlap
from llmopt_core.runs.values import Project, Run
from llmopt_core.types import Example, fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.resources import models, store


def caveats_view(runs: Sequence[RunCaveats], more: str = "") -> None:
    """A red sentence for each run that was trained on its questions, and one quiet line for the rest and for `more`."""
    sentences = caveats(runs)
    for caveat in sentences:
        if caveat.severe:
            st.markdown(red_text(caveat.text))
    quiet = " ".join(filter(None, (*(caveat.text for caveat in sentences if not caveat.severe), more)))
    if quiet:
        st.caption(f":material/info: {fmt.markdown(quiet)}")


def configuration_caveats(
    project: Project, configurations: Sequence[Configuration], examples: Sequence[Example], *, answers: bool = True
) -> None:
    """The same before there is a run: of configurations that are measured on these questions."""
    key = fingerprint([example.question for example in examples])
    caveats_view(
        # The key stands for the arguments with an underscore, which Streamlit does not hash: questions and documents
        # are large.
        [_read_caveats((c.name, c.fingerprint, key, project.id), project, c, examples, answers) for c in configurations]
    )


def long_question_notes(configurations: Sequence[Configuration], examples: Sequence[Example]) -> None:
    """A line for each configuration whose embedding model does not read some of these questions to their end."""
    questions = tuple(example.question for example in examples)
    for configuration in configurations:
        if note_text := _long_questions((configuration.fingerprint, fingerprint(questions)), configuration, questions):
            st.caption(f":material/info: {fmt.markdown(f'{configuration.name}: {note_text}')}")


# An endpoint's window may be changed in Settings.
@st.cache_data(max_entries=64, ttl=60, show_spinner=False)
def _long_questions(key: tuple[str, str], _configuration: Configuration, _questions: Sequence[str]) -> str:
    from llmopt_core.experiments.truncation_warnings import question_note

    return question_note(_configuration.retrieval, _questions, models()) if _configuration.retrieval else ""


# What was trained or searched since then is seen after a minute.
@st.cache_data(max_entries=64, ttl=60, show_spinner=False)
def _read_caveats(
    key: tuple[str, str, str, int],
    _project: Project,
    _configuration: Configuration,
    _examples: Sequence[Example],
    answers: bool,
) -> RunCaveats:
    return core.configuration_caveats(store(), _project, _configuration, _examples, answers=answers)


def red_text(text: str) -> str:
    """A sentence in red Markdown; what users typed is not read as Markdown."""
    return f":red[:material/warning: {fmt.markdown(text)}]"


def describe_outdated(project: Project, runs: Mapping[str, Run]) -> str:
    """A sentence on runs that are of an earlier state, and what has changed since; empty where there are none."""
    configurations = {item.name: item for item in store().configurations(project)}
    sets = {item.name: item.version for item in store().evaluation_sets(project, parts=True)}
    documents = documents_now(project)
    # By name, since a run keeps the name of its configuration; one that was deleted since has nothing to be compared
    # with.
    return describe_run_changes({
        name: list_run_changes(run, configurations.get(run.name), sets.get(run.evaluation_set), documents, models())
        for name, run in runs.items()
    })  # fmt: skip


def mark_earlier_state(then: Basis | None, now: Basis, again: str) -> None:
    """Say beside a result that it is of an earlier state, and what has changed since; nothing where nothing has.

    Args:
        then: What the result rests on; None where an earlier version of the program did not keep it.
        now: The same parts as they are now.
        again: What to do, in a sentence.
    """
    if then is None:
        sentence = "An earlier version of the app made this without noting its data; it may be of an earlier state."
    else:
        words = describe_changes(list_changes(then, now))
        sentence = f"From an earlier state: {words} since." if words else ""
    if sentence:
        st.warning(fmt.markdown(f"{sentence} {again}"), icon=":material/history:")


def documents_now(project: Project) -> str:
    """The version of the project's documents; made anew only when one of them was saved or removed."""
    # A key from the list alone: reading all texts at each drawing only to find them unchanged would be slow.
    documents = tuple((item.name, item.version, item.saved_at) for item in store().document_list(project))
    return _documents_version(documents, project)


@st.cache_data(max_entries=16, show_spinner=False)
def _documents_version(documents: tuple[object, ...], _project: Project) -> str:
    return documents_version(store().documents(_project))


def judge_caption(judge: str, metrics: Iterable[str], before: str = "") -> None:
    """One calm line: who graded and what that cannot tell; how well it agrees with people is in its help.

    Args:
        judge: Who graded, as stored with the run.
        metrics: Those that are shown.
        before: Markdown that the line begins with.
    """
    note = judge_note(judge, metrics)
    # A note on another version of the judge tells that scores cannot be compared, so it is seen. The usual one stands
    # at every table and is long: it moves into help.
    if note and judge != JUDGE:
        st.caption(f"{before} {fmt.markdown(note)}")
        return
    caption = f"Graded by {fmt.markdown(judge)}. {IN_SHORT if note else ''}"
    st.caption(f"{before} {caption}", help=f"{fmt.markdown(note)} More in Settings, tab Judge." if note else None)


def overlap_sentences(overlap: TrainingOverlap) -> None:
    """The same of one run alone, without its name."""
    if overlap.warning:
        st.markdown(red_text(overlap.warning))
    for note in (overlap.note, overlap.choice_note, overlap.looks_note):
        if note:
            st.caption(f":material/info: {fmt.markdown(note)}")
