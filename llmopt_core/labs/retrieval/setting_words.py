"""Settings of retrieval and their values as people read them."""

from __future__ import annotations

from typing import Any

from llmopt_core.labs.retrieval.changes import word

METHODS = {
    "recursive": "Recursive",
    "fixed": "Fixed window",
    "sentence": "Sentences",
    "structure": "Headings",
    "semantic": "By meaning",
    "small-to-big": "Small to big",
}
UNITS = {"tokens": "Embedding tokens", "cl100k": "OpenAI tokens (cl100k)", "characters": "Characters"}
SEARCH = {"dense": "By meaning (dense)", "bm25": "By words (BM25)", "hybrid": "Both (hybrid)"}
FUSION = {"rrf": "By ranks (RRF)", "weighted": "By scores"}
TRANSFORM = {
    "none": "The question as it is",
    "hyde": "HyDE: invented passages",
    "multi-query": "Other wordings of the question",
    "decompose": "Its parts",
    "step-back": "A more general question",
}
RERANK = {
    "none": "As found",
    "late-interaction": "Late interaction (built in)",
    "cross-encoder": "Cross-encoder",
    "llm-likelihood": "LLM: how likely is the question",
    "llm-yes-no": "LLM: does it answer, yes or no",
    "llm-listwise": "LLM: order of all",
}
OF = {
    "text": "Its text",
    "heading": "Headings and text",
    "summary": "A summary (by an LLM)",
    "questions": "Questions it answers (by an LLM)",
}
_VALUES = {
    "chunking.method": METHODS,
    "chunking.unit": UNITS,
    "embedding.of": OF,
    "transform.method": TRANSFORM,
    "search.method": SEARCH,
    "search.fusion": FUSION,
    "rerank.method": RERANK,
}
_TITLES = {
    "chunking.method": "Chunks are cut",
    "chunking.size": "Chunk size",
    "chunking.overlap": "Overlap of chunks",
    "chunking.unit": "Chunks are counted in",
    "embedding.model": "Embedding model",
    "embedding.endpoint": "Endpoint of the embedding model",
    "embedding.of": "Embedded of a chunk",
    "transform.method": "Searched with",
    "transform.n": "Wordings",
    "search.method": "Search",
    "search.fusion": "Merged",
    "search.weight": "Weight of the meaning",
    "search.rrf_k": "Constant of the ranks",
    "search.candidates": "Candidates of the search",
    "search.filters": "Filters",
    "search.threshold": "Score threshold",
    "search.mmr": "Relevance against diversity",
    "rerank.method": "Rerank",
    "rerank.model": "Model of the reranker",
    "rerank.candidates": "Candidates of the reranker",
    "rerank.prompt": "Prompt of the reranker",
    "routing": "Routing",
    "top_k": "Chunks handed over",
}
_GROUPS = {"rerank.llm": "LLM of the reranker", "transform.model": "Model of the wordings",
           "embedding.writer": "Writer of what is embedded"}  # fmt: skip


def setting_title(name: str) -> str:
    """`Candidates of the search` for `search.candidates`; further settings by their last words."""
    if name in _TITLES:
        return _TITLES[name]
    for group, title in _GROUPS.items():
        if name == group or name.startswith(f"{group}."):
            # Paths of nested settings become words, such as `Writer of what is embedded, max tokens`.
            return ", ".join([title, *name[len(group) + 1 :].replace("_", " ").split(".")]).rstrip(", ")
    return name.replace(".", ", ").replace("_", " ").capitalize()


def setting_value(name: str, value: Any) -> str:
    """A value as the forms call it: `by words (BM25)` for `bm25`."""
    text = _VALUES.get(name, {}).get(value) if isinstance(value, str) else None
    return word(value) if text is None else text
