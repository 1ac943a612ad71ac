"""In what two configurations differ, in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from llmopt_core.experiments.configuration_changes import describe_configuration_changes

RAG: dict[str, Any] = {"name": "rag", "retrieval": {"top_k": 3}}
PLAIN: dict[str, Any] = {"name": "plain"}


def rag(**parts: Any) -> dict[str, Any]:
    return {"name": "other", "retrieval": {"top_k": 3, **parts}}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (PLAIN, {"name": "renamed"}, ()),
        # What is written out on one side alone is no difference.
        (RAG, rag(search={"method": "dense", "candidates": 30}), ()),
        (PLAIN, rag(search={"method": "hybrid"}, rerank={"method": "late-interaction"}),
         ("retrieval added: hybrid search, reranking (late-interaction), top 3",)),
        (RAG, PLAIN, ("retrieval removed",)),
        (RAG, rag(transform={"method": "hyde"}), ("HyDE",)),
        (rag(transform={"method": "hyde"}), RAG, ("no HyDE",)),
        (rag(transform={"method": "hyde"}), rag(transform={"method": "hyde", "n": 5}), ("other settings of HyDE",)),
        (RAG, rag(transform={"method": "multi-query"}), ("query expansion",)),
        (RAG, rag(chunking={"size": 400, "overlap": 50}), ("chunk size: 200 tokens → 400 tokens", "overlap: 0 → 50")),
        (RAG, rag(chunking={"method": "sentence"}), ("chunks cut: recursive → sentence",)),
        (RAG, rag(embedding={"model": "mine"}), ("embedding model: all-MiniLM-L6-v2 → mine",)),
        (RAG, rag(search={"candidates": 50}), ("candidates: 30 → 50",)),
        (RAG, rag(search={"mmr": 0.5}), ("other settings of the search",)),
        (RAG, rag(top_k=5), ("top 3 → 5",)),
        (RAG, rag(routing={"routes": {"a": {"top_k": 1}}}), ("routing added",)),
        (PLAIN, {"name": "b", "model": {"endpoint": "openai", "name": "gpt-4o"}}, ("model: built-in → gpt-4o",)),
        (PLAIN, {"name": "b", "model": {"adapter": "mine"}}, ("fine-tuned model: none → mine",)),
        (PLAIN, {"name": "b", "model": {"temperature": 0.7}}, ("temperature: 0.0 → 0.7",)),
        (PLAIN, {"name": "b", "model": {"stop": ["x"]}}, ("other settings of the model",)),
        (PLAIN, {"name": "b", "prompt": {"system": "Be brief."}}, ("instruction added",)),
        (PLAIN, {"name": "b", "prompt": {"template": "Q: {{ question }}"}}, ("other template",)),
        (PLAIN, {"name": "b", "prompt": {"few_shot": {"examples": [{"answer": "a"}] * 2}}},
         ("few-shot examples: 0 → 2",)),
        (PLAIN, {"name": "b", "prompt": {"steps": [{"name": "s", "template": "t"}]}}, ("subtasks added",)),
        (PLAIN, {"name": "b", "fact_check": {"method": "revise"}}, ("fact check (revise)",)),
        # Under its former name.
        ({"name": "a", "checks": {"fact_check": "flag"}}, PLAIN, ("no fact check",)),
        # Of another tool or version: what is not known is not guessed.
        ({"name": "a", "tool": "promptfoo", "retrieval": 3}, {"name": "b", "tool": "ragas"}, ()),
    ],
)  # fmt: skip
def test_each_part_has_its_words(before: dict[str, Any], after: dict[str, Any], words: tuple[str, ...]) -> None:
    assert describe_configuration_changes(before, after) == words
