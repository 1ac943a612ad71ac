"""A sweep ranks exactly as the index and the retriever of an evaluation do; finished sweeps are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.documents.load import load_documents
from llmopt_core.documents.questions import load_questions
from llmopt_core.index.build import build_index
from llmopt_core.labs.chunking.cache import read_sweep, sweep, sweep_key, with_clusters
from llmopt_core.labs.chunking.export import questions_csv, sweep_csv, sweep_values
from llmopt_core.labs.chunking.result import SweepResult, compare_settings
from llmopt_core.labs.chunking.spec import sweep_spec
from llmopt_core.labs.chunking.sweep import run_sweep
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.codec import pack
from llmopt_core.settings import Settings
from llmopt_core.statistics.intervals import summarize
from llmopt_core.types import Document, EvaluationSet

SAMPLE = Path(__file__).parents[4] / "sample_data"
K = 4


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return load_documents([SAMPLE / "documents"])[:4]


@pytest.fixture(scope="module")
def questions(documents: list[Document]) -> EvaluationSet:
    names = {document.name for document in documents}
    questions = load_questions(SAMPLE / "questions.jsonl", documents=load_documents([SAMPLE / "documents"]))
    survivors = [example for example in questions.examples if example.references[0].document in names]
    return EvaluationSet("sample", tuple(survivors))


@pytest.fixture
def models(tmp_path: Path) -> Models:
    models = Models(Settings(home=tmp_path / "home"), endpoints={})
    models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())
    return models


@pytest.mark.parametrize("search", ["dense", "bm25"])
@pytest.mark.parametrize("of", ["text", "heading"])
@pytest.mark.parametrize("method", ["recursive", "small-to-big"])
async def test_the_same_chunks_as_the_retriever(
    documents: list[Document], questions: EvaluationSet, models: Models, method: str, search: str, of: str
) -> None:
    spec = RetrievalSpec.model_validate(
        {"chunking": {"method": method, "size": 120}, "search": {"method": search, "candidates": 200},
         "embedding": {"of": of}, "top_k": K}
    )  # fmt: skip
    embedder, cache = models.embedder(spec.embedding), MemoryCache()
    chunks = chunk_documents(documents, spec.chunking)
    index = build_index(chunks, spec.embedding, embedder, models.settings, cache, documents=documents)
    target = await Retriever(spec, index, models, cache).retrieve_many([e.question for e in questions.examples])
    swept = run_sweep(
        documents, questions,
        sweep_spec(methods=[method], sizes=[120], top_k=[K], search=search, embedding={"of": of}),
        lambda: embedder, MemoryCache(),
    )  # fmt: skip
    names = [document.name for document in documents]
    matches = [[(names[d], start, end) for d, start, end in places] for places in swept.cuttings[0].found]
    expected = [[(h.chunk.document, h.chunk.start, h.chunk.end) for h in one.hits] for one in target]
    assert matches == expected
    assert swept.cuttings[0].chunking == ChunkingSpec(method=method, size=120)  # type: ignore[arg-type]


def test_a_finished_sweep_is_kept_and_comes_back_whole(
    documents: list[Document], questions: EvaluationSet, models: Models
) -> None:
    cache, spec = models.cache, sweep_spec(methods=["sentence"], sizes=[40, 80], overlaps=[0, 50], top_k=[1, 3])
    embedder = models.embedder(spec.embedding)
    assert isinstance(embedder, HashEmbedder)
    key, first = sweep(documents, questions, spec, models)
    spent = len(embedder.inputs)
    again, second = sweep(documents, questions, spec, models)
    assert (key, first) == (again, second)
    assert len(embedder.inputs) == spent > 0
    assert read_sweep(cache, key) == first
    assert read_sweep(cache, "unknown") is None
    other = [Document(documents[0].name, documents[0].text + " More."), *documents[1:]]
    assert sweep_key(other, questions, spec, models) != key
    assert sweep_key(documents, questions, sweep_spec(sizes=[40]), models) != key


def test_intervals_are_by_document_also_of_a_sweep_that_was_kept_before_they_were(
    documents: list[Document], questions: EvaluationSet, models: Models
) -> None:
    cache, spec = MemoryCache(), sweep_spec(search="bm25", methods=["sentence"], sizes=[40, 80])
    key, new = sweep(documents, questions, spec, models)
    names = {example.references[0].document for example in questions.examples}
    assert new.unit == f"{len(questions.examples)} questions in {len(names)} documents; unit: document"
    by_question = tuple(
        replace(one, summaries={name: summarize(values) for name, values in one.values.items()}) for one in new.settings
    )
    cache.put_many("chunk-sweep", {key: pack(replace(new, clusters=None, settings=by_question), SweepResult)})
    kept = read_sweep(cache, key)
    assert kept is not None
    assert kept.settings[0].summaries["iou"] != new.settings[0].summaries["iou"]
    assert with_clusters(kept, questions) == new
    assert compare_settings(new, 0, 1, "recall").clusters == len(names)


def test_what_cannot_be_read_any_more_is_measured_again(
    documents: list[Document], questions: EvaluationSet, models: Models
) -> None:
    cache, spec = models.cache, sweep_spec(search="bm25", sizes=[80])
    key = sweep_key(documents, questions, spec, models)
    cache.put_many("chunk-sweep", {key: b'{"written": "by another version"}'})
    assert read_sweep(cache, key) is None
    assert sweep(documents, questions, spec, models)[1].names == ("recursive 80/0",)


def test_files_to_take_away(documents: list[Document], questions: EvaluationSet, models: Models) -> None:
    spec = sweep_spec(search="bm25", sizes=[40, 80], overlaps=[0, 60], top_k=[2])
    _, result = sweep(documents, questions, spec, models)
    values: dict[str, Any] = sweep_values(result)
    assert [(s["size"], s["overlap"], s["top_k"]) for s in values["settings"]] == [(40, 0, 2), (80, 0, 2), (80, 60, 2)]
    assert values["skipped"][0]["setting"] == "recursive 40/60"
    for setting in values["settings"]:
        assert set(setting["metrics"]) == {"recall", "precision", "iou", "omega", "hit_rate", "mrr", "ndcg"}
        for summary in (*setting["metrics"].values(), setting["context_tokens"]):
            assert set(summary) == {"mean", "ci95", "scored", "total"}
            assert summary["scored"] == summary["total"] == len(questions.examples)
        assert 0 <= setting["metrics"]["recall"]["mean"] <= 1
    table = sweep_csv(result).splitlines()
    assert len(table) == 4
    assert table[0].startswith("method,size,overlap,unit,top_k,search,chunks,scored,total,recall,recall_low")
    rows = questions_csv(result, 0, questions).splitlines()
    assert len(rows) == 1 + len(questions.examples)
    assert questions.examples[0].question in rows[1]
