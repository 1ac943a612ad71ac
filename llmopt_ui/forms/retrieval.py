"""The fields of retrieval, from chunks to the order in which they are handed over."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_core.labs.retrieval.setting_words import FUSION, METHODS, OF, RERANK, SEARCH, TRANSFORM, UNITS
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_ui.forms.embedding import embedding_fields
from llmopt_ui.forms.retrieval_more import more_fields
from llmopt_ui.forms.writer import writer_fields


def _choice(box: Any, label: str, options: dict[str, str], value: str, key: str, *terms: str) -> str:
    names = list(options)
    names += [value] if value not in options else []
    return str(
        box.selectbox(
            label,
            names,
            names.index(value),
            format_func=lambda name: options.get(name, name),
            key=key,
            persist_state="session",
            help=explain_terms(*terms) or None,
        )
    )


def retrieval_fields(before: RetrievalSpec | None, token: str) -> dict[str, Any] | None:
    """Edit retrieval; None where the model answers from what it knows."""
    if not st.toggle(
        "Look things up in the documents", before is not None, key=f"edit_retrieval_{token}", persist_state="session"
    ):
        return None
    spec = before or RetrievalSpec()
    values = spec.model_dump(mode="json")
    one, two, three = st.columns(3, gap="medium")
    with one:
        values["chunking"] |= _chunking(spec, token)
    with two:
        values["search"] |= _search(spec, token)
        values["transform"] |= {
            "method": _choice(st, "Searched with", TRANSFORM, spec.transform.method, f"edit_transform_{token}", "hyde")
        }
    with three:
        values["rerank"] |= _rerank(spec, token)
        of = _choice(st, "What is embedded of a chunk", OF, spec.embedding.of, f"edit_of_{token}")
        values["embedding"] |= writer_fields(spec.embedding, of, token)
        embedding = embedding_fields(spec.embedding, f"edit_embedding_endpoint_{token}", f"edit_embedding_{token}")
        values["embedding"] |= embedding
        if embedding != {"endpoint": spec.embedding.endpoint, "model": spec.embedding.model}:
            # They were set for another model.
            values["embedding"] |= {"query_prefix": None, "passage_prefix": None}
        values["top_k"] = st.number_input(
            "Chunks handed over", 1, 100, min(100, spec.top_k), key=f"edit_top_k_{token}", persist_state="session"
        )
    if values["transform"]["method"] != "none":
        st.caption("This needs a stronger model than the built-in one, which makes results worse.")
    return more_fields(spec, values, token)


def _chunking(spec: RetrievalSpec, token: str) -> dict[str, Any]:
    cut = spec.chunking
    method = _choice(st, "Chunks are cut", METHODS, cut.method, f"edit_chunking_{token}")
    size = st.number_input("Chunk size", 10, 10_000, cut.size, 10, key=f"edit_size_{token}", persist_state="session")
    overlap = st.number_input(
        "Overlap", 0, 5_000, cut.overlap, 10, key=f"edit_overlap_{token}", persist_state="session"
    )
    return {
        "method": method,
        "size": size,
        "overlap": overlap,
        "unit": _choice(st, "Counted in", UNITS, cut.unit, f"edit_unit_{token}"),
    }


def _search(spec: RetrievalSpec, token: str) -> dict[str, Any]:
    search = spec.search
    method = _choice(st, "Search", SEARCH, search.method, f"edit_search_{token}", "dense", "bm25", "hybrid")
    fusion = search.fusion
    if method == "hybrid":
        fusion = _choice(st, "Merged", FUSION, search.fusion, f"edit_fusion_{token}", "rrf")  # type: ignore[assignment]
    candidates = st.number_input(
        "Candidates", 1, 1000, search.candidates, 10, key=f"edit_candidates_{token}", persist_state="session"
    )
    return {"method": method, "fusion": fusion, "candidates": candidates}


def _rerank(spec: RetrievalSpec, token: str) -> dict[str, Any]:
    rerank = spec.rerank
    method = _choice(st, "Rerank", RERANK, rerank.method, f"edit_rerank_{token}", "late", "cross", "llm_rerank")
    model = rerank.model
    if method == "cross-encoder":
        model = (
            st.text_input("Its name or folder", model, key=f"edit_rerank_model_{token}", persist_state="session") or ""
        )
    return {"method": method, "model": model}
