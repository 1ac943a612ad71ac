"""Stages of retrieval and parts that can be left out, as people read them; terms of the field stand in brackets."""

from __future__ import annotations

_METHODS = {
    "dense": "by meaning (dense)",
    "bm25": "by words (BM25)",
    "rrf": "by ranks (RRF)",
    "weighted": "by scores",
    "turns": "by turns",
    "top-k": "the best",
    "mmr": "none alike (MMR)",
    "hyde": "invented passages (HyDE)",
    "multi-query": "other wordings",
    "decompose": "its parts",
    "step-back": "a more general question",
    "late-interaction": "word by word (late interaction)",
    "cross-encoder": "read together (cross-encoder)",
    "llm-likelihood": "LLM: how likely is the question",
    "llm-yes-no": "LLM: does it answer, yes or no",
    "llm-listwise": "LLM: order of all",
    "given": "the question's own category",
    "nearest": "by the nearest examples",
    "llm": "by an LLM",
}
_STAGES = {
    "select (top-k)": "handed over",
    "select (mmr)": "handed over, none alike",
    "fusion (rrf)": "fusion by ranks",
    "fusion (weighted)": "fusion by scores",
    "fusion (turns)": "merged by turns",
    "filter (threshold)": "threshold",
    "late-interaction": "word by word",
    "bm25": "by words",
    "dense": "by meaning",
    "llm-likelihood": "LLM: likelihood",
    "llm-yes-no": "LLM: yes or no",
    "llm-listwise": "LLM: order of all",
}
_KINDS = {"transform": "wordings", "embed": "embedding", "route": "routing"}
_PARTS = {
    "bm25": "search by words (BM25)",
    "dense": "search by meaning (dense)",
    "hyde": "invented passages (HyDE)",
    "multi-query": "other wordings of the question",
    "decompose": "search for the question's parts",
    "step-back": "a more general question",
    "mmr": "passing over what is alike (MMR)",
    "threshold": "score threshold",
    "rerank (late-interaction)": "reranking word by word (late interaction)",
    "rerank (cross-encoder)": "reranking by a cross-encoder",
    "rerank (llm-likelihood)": "reranking by an LLM (likelihood)",
    "rerank (llm-yes-no)": "reranking by an LLM (yes or no)",
    "rerank (llm-listwise)": "reranking by an LLM (order of all)",
}
_WITHOUT = "without "


def method_words(method: str) -> str:
    """How a stage works: `by words (BM25)` for `bm25`; what is not known stays as it is."""
    return _METHODS.get(method, method)


def stage_words(name: str) -> str:
    """A stage in few words, for axes and tables: `by words` for `bm25`, `wordings: its parts` for its `transform`."""
    method, _, text = name.partition(": ")
    # Names with a text behind them are those of single queries.
    if name in _STAGES or text:
        return _STAGES.get(name) or f"{_STAGES.get(method, method)}: {text}"
    kind, _, inside = name.partition(" (")
    if kind in _KINDS and inside:
        return f"{_KINDS[kind]}: {method_words(inside.removesuffix(')'))}"
    return name


def part_words(name: str) -> str:
    """What is left out: `without search by words (BM25)` for `without bm25`."""
    part = name.removeprefix(_WITHOUT)
    # A text times a truth: the prefix where it was there, else nothing.
    return f"{_WITHOUT * name.startswith(_WITHOUT)}{_PARTS.get(part, part)}"
