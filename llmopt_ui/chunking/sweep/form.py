"""What a sweep shall try: methods, sizes, overlaps, how many chunks, and the searcher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.errors import BadInput, LlmOptError
from llmopt_core.experiments.preflight import check_budget
from llmopt_core.index.embedding_estimate import Estimate, estimate_embedding
from llmopt_core.labs.chunking.jobs import SWEEP, sweep_arguments, sweep_versions
from llmopt_core.labs.chunking.spec import SweepSpec, chunkings_of, sweep_spec
from llmopt_core.labs.retrieval.setting_words import METHODS, UNITS
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field, warn_above
from llmopt_ui.components import plain_fragment, show_error
from llmopt_ui.document_text.document import document_of
from llmopt_ui.forms.embedding import embedding_fields
from llmopt_ui.keys import endpoints
from llmopt_ui.resources import models, settings, start_job, store

SET, FIELDS = "sweep_set", "sweep_methods"
SIZES, OVERLAPS, TOPS = "sweep_sizes", "sweep_overlaps", "sweep_tops"
UNIT, SEARCH, MODEL, ENDPOINT, OF = "sweep_unit", "sweep_search", "sweep_model", "sweep_endpoint", "sweep_of"
# Documents and characters that the estimate counts tokens of: enough for the number of characters per token, and
# quick at every change of a field.
_SAMPLE_DOCUMENTS, _SAMPLE = 8, 20_000
START, BUDGET = "sweep_start", "sweep_budget"
SEARCHES = {"dense": "By meaning (embedding model)", "bm25": "By words (BM25)"}
_OF = {"text": "Its text", "heading": "Headings and text"}
# Each size is twice the one before: effects of size are seen over ratios.
_USUAL = {
    "tokens": ("50", "100", "200", "400"),
    "cl100k": ("50", "100", "200", "400"),
    "characters": ("200", "400", "800", "1600"),
}
_OVERLAPS = {"tokens": ("0", "25"), "cl100k": ("0", "25"), "characters": ("0", "100")}


@plain_fragment
def sweep_form(project: Project, sets: Mapping[str, EvaluationSet]) -> None:
    """Draw the fields and what they amount to; the button starts the sweep. `sets` have reference spans."""
    with st.container(border=True):
        left, right = st.columns(2, gap="large")
        with left:
            name = st.selectbox(
                "Evaluation set", list(sets), key=SET, format_func=_set_label(sets), persist_state="session"
            )
            values = _cutting()
        with right:
            values |= _searching()
        try:
            spec = _spec(values)
            chunkings, omissions = chunkings_of(spec)
        except BadInput as error:
            show_error(str(error))
            return
        # A number typed twice is one setting.
        count = len(chunkings) * len(set(spec.top_k))
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            start = st.button("Start the sweep", key=START, type="primary", icon=":material/play_arrow:")
            words = f"{fmt.plural(count, 'setting')} from {fmt.plural(len(chunkings), 'chunking')}"
            estimate = _estimate(project, spec, chunkings, sets[name])
            st.caption(words + _cost_note(spec, estimate), width="content")
        budget = None if estimate is None else budget_field(st, BUDGET, width=240, persist_state="session")
        warn_above(budget, None if estimate is None else estimate.cost_usd)
        if omissions:
            omission_list = ", ".join(f"{one.name} ({one.reason})" for one in omissions)
            st.caption(f"Left out: {fmt.markdown(fmt.shorten(omission_list, 300))}")
    if start:
        _start(project, sets[name], spec, count, budget)


def _estimate(
    project: Project, spec: SweepSpec, chunkings: Sequence[ChunkingSpec], questions: EvaluationSet
) -> Estimate | None:
    """What an endpoint will be sent at most; None where everything runs on this machine."""
    name = spec.embedding.endpoint
    if spec.search != "dense" or not name:
        return None
    documents = store().document_list(project)
    # A piece of several: documents of other languages have other numbers of tokens.
    some = documents[:: -(-len(documents) // _SAMPLE_DOCUMENTS)]
    sample = "".join(document_of(project, item).text[: _SAMPLE // len(some)] for item in some)
    return estimate_embedding(
        sum(item.characters for item in documents), sample, chunkings, endpoints(settings())[name],
        spec.embedding.model, [example.question for example in questions.examples],
    )  # fmt: skip


def _cost_note(spec: SweepSpec, estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    name, cost = spec.embedding.endpoint, fmt.markdown(fmt.money(estimate.cost_usd))
    return f" · at most about {fmt.count(estimate.tokens)} tokens to {fmt.markdown(name)} ({cost}), each text once"


def _set_label(sets: Mapping[str, EvaluationSet]) -> Any:
    def label(name: str) -> str:
        examples = sets[name].examples
        with_source = sum(bool(example.references) for example in examples)
        more = "" if with_source == len(examples) else f", {with_source:,} with sources"
        return f"{name} ({fmt.plural(len(examples), 'question')}{more})"

    return label


def _cutting() -> dict[str, Any]:
    methods = st.multiselect(
        "Methods", list(METHODS), ["recursive", "sentence"], key=FIELDS, format_func=METHODS.__getitem__,
        persist_state="session",
    )  # fmt: skip
    unit = st.selectbox("Counted in", list(UNITS), key=UNIT, format_func=UNITS.__getitem__, persist_state="session")
    sizes = _numbers("Sizes", _USUAL[unit], f"{SIZES}_{unit}", "The most a chunk holds. Type a number to add it.")
    overlaps = _numbers(
        "Overlaps", _OVERLAPS[unit], f"{OVERLAPS}_{unit}", "What a chunk repeats of the one before it, at most."
    )
    return {"methods": methods, "unit": unit, "sizes": sizes, "overlaps": overlaps}


def _searching() -> dict[str, Any]:
    tops = _numbers(
        "Chunks handed over", ("1", "3", "5"), TOPS, "Several cost nothing more: all are read off one search."
    )
    search = st.selectbox("Searched", list(SEARCHES), key=SEARCH, format_func=SEARCHES.__getitem__,
                          persist_state="session")  # fmt: skip
    if search == "bm25":
        st.caption("Words are matched, Chinese and other scripts too; nothing is embedded, so it takes seconds.")
        return {"top_k": tops, "search": search, "embedding": {}}
    one, two = st.columns(2, gap="medium")
    of = two.selectbox("Embedded of a chunk", list(_OF), key=OF, format_func=_OF.__getitem__, persist_state="session")
    embedding = embedding_fields(EmbeddingSpec(), ENDPOINT, MODEL, one)
    return {"top_k": tops, "search": search, "embedding": {**embedding, "of": of}}


def _numbers(label: str, usual: Sequence[str], key: str, help_text: str) -> list[str]:
    numbers: list[str] = st.multiselect(
        label, list(usual), list(usual), key=key, accept_new_options=True, help=help_text, persist_state="session"
    )
    return numbers


def _spec(values: dict[str, Any]) -> SweepSpec:
    for name, label in (
        ("methods", "method"),
        ("sizes", "size"),
        ("overlaps", "overlap"),
        ("top_k", "number of chunks"),
    ):
        if not values[name]:
            raise BadInput(f"Choose at least one {label}.")
    numbers = {name: sorted({_parse_number(word) for word in values[name]}) for name in ("sizes", "overlaps", "top_k")}
    if values["search"] == "dense" and not values["embedding"]["model"]:
        raise BadInput("Name the embedding model.")
    return sweep_spec(**{**values, **numbers})


def _parse_number(word: str) -> int:
    text = word.strip().replace(",", "")
    if not text.isascii() or not text.isdigit():
        raise BadInput(f"{word!r} is no whole number.")
    return int(text)


def _start(
    project: Project, evaluation_set: EvaluationSet, spec: SweepSpec, count: int, budget_usd: float | None
) -> None:
    try:
        # Read before it starts: the job works on these versions.
        documents = store().documents(project)
        arguments = sweep_arguments(evaluation_set, spec, count, models(), budget_usd)
        # A budget needs prices, and is refused here and not by a job that fails.
        if budget_usd is not None:
            check_budget(budget_usd, (), models(), (spec.embedding,))
        start_job(SWEEP.name, project, arguments, sweep_versions(documents, evaluation_set))
    except LlmOptError as error:
        show_error(str(error))
        return
    st.rerun()
