"""The Training data tab: collect examples from what is there, clean and split them, keep versions."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

import pandas as pd
import streamlit as st

from llmopt_core.experiments.versions.training_sets import (
    TrainingSetVersion,
    clear_collection,
    collect,
    read_collection,
    remove_from_collection,
    save_training_set,
    training_sets,
)
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.data.prompt_kind import shorten_prompts
from llmopt_core.labs.finetuning.preparation import DROP_REASONS, Preparation, PreparedData, prepare
from llmopt_core.labs.finetuning.sources import SNIPS, sample_questions, sample_training
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, empty_state, section, show_errors, side_by_side
from llmopt_ui.finetuning.charts import class_bars
from llmopt_ui.finetuning.example_forms import choose_sets_to_protect
from llmopt_ui.finetuning.sources import sources_bar
from llmopt_ui.finetuning.tabs import CHECKS, JOBS, finetuning_state, open_tab
from llmopt_ui.finetuning.training_overlap import training_overlap_view
from llmopt_ui.lab_keys import TRAINING_VERSION
from llmopt_ui.pickers import apply_request, open_next
from llmopt_ui.resources import models, store
from llmopt_ui.session import notify, report_problem
from llmopt_ui.tables import data_table, ticked_rows

VERSION, NAME, NOTE, TABLE = TRAINING_VERSION, "tuning_name", "tuning_note", "tuning_table"
_MOST_ROWS = 500
"""Nobody reads more rows by hand, and each is sent to the browser at every change."""


def data_view(project: Project) -> None:
    """The whole tab."""
    examples = read_collection(store(), project)
    versions = training_sets(store(), project)
    section("Collect examples", "Each is a conversation to imitate, or a pair of answers of which one is better.")
    sources_bar(project)
    if examples:
        _collection(project, examples)
    elif not versions:
        inside = empty_state(
            "No training examples yet",
            "Take good answers from runs, correct bad ones, upload a file, or look at a finished example first.",
            ":material/school:",
        )
        inside.button("Load the example (1,050 requests → JSON)", key="tuning_sample", type="primary",
                      icon=":material/download:", on_click=load_sample, args=(project,))  # fmt: skip
    if versions:
        _versions(project, versions)


def load_sample(project: Project) -> None:
    """Put the SNIPS example in: a training set with its validation part, and the held-back questions."""
    with report_problem():
        version = save_training_set(
            store(), project, SNIPS, sample_training(), sample_training("validation"), note="The example (SNIPS, CC0)"
        )
        store().save_evaluation_set(project, sample_questions())
        open_next(VERSION, version.label)
        notify(f"{version.label} is there, and the evaluation set snips-test with 210 held-back requests.")


def _collection(project: Project, examples: Sequence[TrainingExample]) -> None:
    left, right = side_by_side([3, 2], "data")
    with right, st.container(border=True):
        # The right column first: the left one shows what its choices leave.
        how = _cleaning()
        apart = choose_sets_to_protect(project, "tuning_apart") if how.leaking else []
    with left, show_errors():
        data = prepare_cached(examples, how, apart)
        st.markdown(_sentence(len(examples), data))
        if data.train:
            figure = class_bars(data.train, data.validation)
            show_chart(figure, "tuning_classes", "Examples per class, training and validation part")
        else:
            # Mostly since all examples stand in sets that are kept apart.
            words = "Nothing is left to train on. Collect answers to questions that you do not evaluate with, "
            st.info(f"{words}or take a set off the list that is kept apart and measure with another one.",
                    icon=":material/info:")  # fmt: skip
        training_overlap_view(project, data.train, data.validation)
        _save(project, data)
    _table(project, examples)


def _cleaning() -> Preparation:
    st.markdown("**Clean, choose, split**")
    choices: dict[str, bool] = {}
    for key, label, help_text in (
        ("duplicates", "Leave out repetitions", "Equal or nearly equal in question and answer."),
        ("leaking", "Leave out evaluation questions", "What is trained on cannot be measured with: exact and near."),
        ("conflicts", "Leave out contradictions", "One input with several answers: nobody knows which is right."),
        ("balance", "Balance classes", "Cuts large classes down to the smallest."),
    ):
        # Balancing throws good examples away, so it is a choice; the others take out what harms.
        choices[key] = st.toggle(label, key != "balance", key=f"tuning_{key}", help=help_text, persist_state="session")
    one, two = st.columns(2, gap="small")
    most = one.number_input("At most", 2, None, None, 50, key="tuning_most", placeholder="All",
                            help="Keeps the most different ones.", persist_state="session")  # fmt: skip
    least = two.number_input("Score at least", 0.0, 1.0, None, 0.05, key="tuning_least", placeholder="Any",
                             help="Examples without a score stay.", persist_state="session")  # fmt: skip
    share = st.slider("Held back for validation", 0, 50, 10, 5, format="%d %%", key="tuning_share",
                      help="Whole groups (a document, equal inputs) go to one side, so that nothing leaks.",
                      persist_state="session")  # fmt: skip
    return Preparation(**choices, most=int(most) if most else None, min_score=least, validation_share=share / 100)


@st.cache_data(
    show_spinner="Cleaning …", max_entries=8,
    hash_funcs={
        TrainingExample: attrgetter("key", "label", "group", "score"),
        Preparation: attrgetter("fingerprint"),
        EvaluationSet: attrgetter("version"),
    },
)  # fmt: skip
def prepare_cached(
    examples: Sequence[TrainingExample], how: Preparation, sets: Sequence[EvaluationSet]
) -> PreparedData:
    """Both parts; kept until something changes, so that a rerun calculates nothing."""
    # Only choosing the most different ones looks at meanings, and embedding takes long.
    encode = models().embedder(EmbeddingSpec()).encode if how.most and how.most < len(examples) else None
    return prepare(examples, how, sets, encode)


def _sentence(total: int, data: PreparedData) -> str:
    left = " · ".join(f"{count:,} {DROP_REASONS[kind].lower()}" for kind, count in data.drops.items() if count)
    parts = f"**{len(data.train):,}** to train on, **{len(data.validation):,}** held back for validation"
    return f"{total:,} collected → {parts}" + (f"  \n:gray[Left out: {left}]" if left else "")


def _save(project: Project, data: PreparedData) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        turn = finetuning_state().forms
        name = st.text_input("Name", key=f"{NAME}_{turn}", placeholder="support-answers", width=220)
        note = st.text_input("What is new", key=f"{NOTE}_{turn}", placeholder="Optional", width=220)
        if st.button("Save as a training set", key="tuning_save", type="primary", icon=":material/save:"):
            with show_errors():
                version = save_training_set(store(), project, name or "", data.train, data.validation, note=note or "")
                # After the set is stored: a crash between both leaves the examples twice, the other way round none.
                clear_collection(store(), project)
                finetuning_state().forms += 1
                open_next(VERSION, version.label)
                notify(f"{version.label} saved with {fmt.plural(len(data.train), 'example')}.")
                st.rerun()


def example_table(examples: Sequence[TrainingExample]) -> pd.DataFrame:
    """What people read of each example."""
    rows = {
        "Question": [fmt.shorten(text, 400) for text in shorten_prompts([e.question for e in examples])],
        "Answer": [fmt.shorten(e.answer, 400) for e in examples],
        "Class": [e.label for e in examples],
        "Score": [e.score for e in examples],
        "From": [e.source for e in examples],
    }
    if any(e.is_preference for e in examples):
        rows["Rejected"] = [fmt.shorten(str(e.rejected[-1].get("content", "")), 400) if e.rejected else ""
                            for e in examples]  # fmt: skip
    # Columns in which nothing stands take room and say nothing.
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


_COLUMNS = {"Score": st.column_config.NumberColumn(format="%.2f")}


def _table(project: Project, examples: Sequence[TrainingExample]) -> None:
    first_examples = examples[:_MOST_ROWS]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        section("Collected")
        actions = st.container(horizontal=True, gap="small", width="content")
    rows = ticked_rows(
        example_table(first_examples), [example.key for example in first_examples],
        f"{TABLE}_{finetuning_state().removals}", column_config=_COLUMNS, alt="Collected examples",
    )  # fmt: skip
    actions.button("Remove chosen", key="tuning_remove", icon=":material/delete:", type="tertiary", disabled=not rows,
                   on_click=_remove, args=(project, [first_examples[row].key for row in rows]))  # fmt: skip
    actions.button("Clear all", key="tuning_clear", icon=":material/clear_all:", type="tertiary", on_click=_remove,
                   args=(project, None))  # fmt: skip
    if len(examples) > len(first_examples):
        st.caption(f"The first {len(first_examples):,} of {len(examples):,}.")


def _remove(project: Project, keys: Sequence[str] | None) -> None:
    if keys is None:
        clear_collection(store(), project)
    else:
        # Not by position: another tab may have removed others meanwhile.
        remove_from_collection(store(), project, frozenset(keys))
    finetuning_state().removals += 1


def _versions(project: Project, versions: Sequence[TrainingSetVersion]) -> None:
    section("Training sets")
    labels = {item.label: item for item in versions}
    apply_request(VERSION, list(labels))
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    version = labels[bar.selectbox("Version", list(labels), key=VERSION, bind="query-params", width=300)]
    bar.button("Lint it", key="tuning_to_checks", icon=":material/fact_check:", on_click=open_tab,
               args=(CHECKS,), kwargs={"checks_set": version.label})  # fmt: skip
    bar.button("Train on it", key="tuning_to_jobs", type="primary", icon=":material/model_training:",
               on_click=open_tab, args=(JOBS,), kwargs={"start_set": version.label})  # fmt: skip
    bar.button("Collect from it", key="tuning_again", icon=":material/edit:", on_click=_collect_again,
               args=(project, version), help="Put its examples back into the collection, to change them.")  # fmt: skip
    validation = version.validation.examples if version.validation else ()
    facts = [f"**{len(version.train.examples):,}** to train on", f"**{len(validation):,}** for validation",
            f"saved {fmt.moment(version.saved_at)}"]  # fmt: skip
    st.markdown(" · ".join(facts) + (f" · {fmt.markdown(version.note)}" if version.note else ""))
    picture, table = side_by_side([2, 3], "classes")
    show_chart(
        class_bars(version.train.examples, validation), "tuning_saved_classes", "Examples per class", place=picture
    )
    with table:
        data_table(example_table(version.train.examples[:_MOST_ROWS]), height=330, room=400,
                   column_config=_COLUMNS, alt="Examples of the training set")  # fmt: skip
    stem = fmt.file_stem(f"{version.name}-v{version.number}")
    # Two files, as services take them.
    files = [("Training file (JSONL)", version.train.to_jsonl(), f"{stem}.jsonl")]
    if version.validation:
        files.append(("Validation file (JSONL)", version.validation.to_jsonl(), f"{stem}-validation.jsonl"))
    downloads("tuning_files", *files)


def _collect_again(project: Project, version: TrainingSetVersion) -> None:
    validation = version.validation.examples if version.validation else ()
    with report_problem():
        count = collect(store(), project, [*version.train.examples, *validation])
        notify(f"{fmt.plural(count, 'example')} collected.")
