"""The fields of retrieval, from chunks to the order in which they are handed over."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_core.labs.retrieval.setting_words import FUSION, METHODS, OF, RERANK, SEARCH, TRANSFORM, UNITS
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_ui.forms.embedding import embedding_fields
from llmopt_ui.forms.fields import Fields
from llmopt_ui.forms.retrieval_more import more_fields
from llmopt_ui.forms.writer import writer_fields


def retrieval_fields(before: RetrievalSpec | None, token: str) -> dict[str, Any] | None:
    """The fields of retrieval; None without it."""
    fields = Fields("edit", token)
    if not fields.toggle("Look things up in the documents", "retrieval", before is not None):
        return None
    spec = before or RetrievalSpec()
    values = spec.model_dump(mode="json")
    one, two, three = st.columns(3, gap="medium")
    with one:
        values["chunking"] |= _chunking(spec, fields)
    with two:
        values["search"] |= _search(spec, fields)
        help_text = explain_terms("hyde")
        method = fields.choice("Searched with", "transform", TRANSFORM, spec.transform.method, help=help_text)
        values["transform"] |= {"method": method}
    with three:
        values["rerank"] |= _rerank(spec, fields)
        of = fields.choice("What is embedded of a chunk", "of", OF, spec.embedding.of)
        values["embedding"] |= writer_fields(spec.embedding, of, token)
        embedding = embedding_fields(spec.embedding, fields.key("embedding_endpoint"), fields.key("embedding"))
        values["embedding"] |= embedding
        if embedding != {"endpoint": spec.embedding.endpoint, "model": spec.embedding.model}:
            # They were set for another model.
            values["embedding"] |= {"query_prefix": None, "passage_prefix": None}
        values["top_k"] = fields.number("Chunks handed over", "top_k", 1, 1000, spec.top_k)
    if values["transform"]["method"] != "none":
        st.caption("This needs a stronger model than the built-in one, which makes results worse.")
    return more_fields(spec, values, token)


def _chunking(spec: RetrievalSpec, fields: Fields) -> dict[str, Any]:
    cut = spec.chunking
    return {
        "method": fields.choice("Chunks are cut", "chunking", METHODS, cut.method),
        "size": fields.number("Chunk size", "size", 1, 1_000_000, cut.size, 10),
        "overlap": fields.number("Overlap", "overlap", 0, None, cut.overlap, 10),
        "unit": fields.choice("Counted in", "unit", UNITS, cut.unit),
    }


def _search(spec: RetrievalSpec, fields: Fields) -> dict[str, Any]:
    search = spec.search
    terms = {"help": explain_terms("dense", "bm25", "hybrid")}
    method, fusion = fields.choice("Search", "search", SEARCH, search.method, **terms), str(search.fusion)
    # Merging means nothing for one searcher; what was set before is kept for the time when it does again.
    if method == "hybrid":
        fusion = fields.choice("Merged", "fusion", FUSION, search.fusion, help=explain_terms("rrf"))
    candidates = fields.number("Candidates", "candidates", 1, 1000, search.candidates, 10)
    return {"method": method, "fusion": fusion, "candidates": candidates}


def _rerank(spec: RetrievalSpec, fields: Fields) -> dict[str, Any]:
    rerank = spec.rerank
    terms = {"help": explain_terms("late", "cross", "llm_rerank")}
    method, model = fields.choice("Rerank", "rerank", RERANK, rerank.method, **terms), rerank.model
    # The only one here that runs a model of its own by name.
    if method == "cross-encoder":
        model = fields.text("Its name or folder", "rerank_model", model)
    return {"method": method, "model": model}
