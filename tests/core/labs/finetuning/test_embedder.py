"""An embedding model tuned on a project's questions: parts without leakage, and what it brought, measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.finetuning.finetuners import Access
from llmopt_core.finetuning.jobs.folder import open_folder
from llmopt_core.finetuning.jobs.job import FineTunedModel, JobRequest
from llmopt_core.finetuning.training import local_trainer as local_lora
from llmopt_core.index.embedding_cache import encode_with_cache
from llmopt_core.labs.finetuning import embedder, embedder_gain
from llmopt_core.models.base import BUILTIN_EMBEDDING, EmbeddingSpec, ModelSpec, Vectors
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document, Example, Span

NUMBERS = {"uno": "one", "due": "two", "tre": "three", "quattro": "four", "cinque": "five", "sei": "six"}
CONFIGURATION = Configuration(
    name="rag",
    retrieval=RetrievalSpec(chunking=ChunkingSpec(method="fixed", size=24, unit="characters"), top_k=2),
)


class Translating(HashEmbedder):
    """What a tuned model should be: it reads Italian."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "translating"

    def encode(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        return super().encode([" ".join(NUMBERS.get(word, word) for word in text.split()) for text in texts])


def town(documents: int = 6, words: int = 8) -> tuple[list[Document], list[Example]]:
    """Documents of six chunks of 24 characters each, with an Italian question about every chunk.

    Args:
        documents: How many.
        words: Further words of each question, which keep it from being a near-duplicate of another.
    """
    texts, asked = [], []
    for number in range(documents):
        name = f"d{number}.md"
        text = "".join(f"{english} {name[:2]}".ljust(24, ".") for english in NUMBERS.values())
        texts.append(Document(name, text))
        asked += [
            Example(
                f"{name}-{at}",
                f"{italian} d{number}" + "".join(f" {number}x{at}y{i}" for i in range(words)),
                english,
                (Span(name, 24 * at, 24 * at + 4),),
            )
            for at, (italian, english) in enumerate(NUMBERS.items())
        ]
    return texts, asked


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store.open(Settings(home=tmp_path / "home"))
    found.ensure_project("p")
    yield found
    found.close()


def test_parts_share_no_document_and_pairs_hold_the_chunk_of_the_span() -> None:
    documents, examples = town()
    parts = embedder.parts_by_document(examples, documents, CONFIGURATION)
    assert len(parts.train) + len(parts.validation) + len(parts.held_back) == 36
    assert parts.omissions == 0
    assert all(len(counts) == 1 for counts in parts.documents.values())
    held = {span.document for example in parts.held_back for span in example.references}
    assert held
    assert held.isdisjoint(pair.group for pair in (*parts.train, *parts.validation))
    assert parts.validation
    for pair in parts.train:
        assert pair.answer.startswith(NUMBERS[pair.question.split()[0]])
    assert parts == embedder.parts_by_document(examples, documents, CONFIGURATION)
    assert parts.documents != embedder.parts_by_document(examples, documents, CONFIGURATION, seed=3).documents


def test_a_question_over_documents_of_both_sides_is_left_out() -> None:
    documents, examples = town()
    both = Example("both", "dove sta scritto tutto questo e anche il resto?", None,
                   (Span("d0.md", 0, 4), Span("d1.md", 0, 4)))  # fmt: skip
    torn = []
    for seed in range(6):
        parts = embedder.parts_by_document([*examples, both], documents, CONFIGURATION, seed=seed)
        hidden = {name for name, counts in parts.documents.items() if "held back" in counts}
        torn.append(len(hidden & {"d0.md", "d1.md"}) == 1)
        assert parts.omissions == torn[-1]
    assert True in torn


def test_parts_by_passage_share_no_passage_and_may_share_documents() -> None:
    documents, examples = town()
    parts = embedder.parts_by_document(examples, documents, CONFIGURATION, whole="passages")
    assert len(parts.train) + len(parts.validation) + len(parts.held_back) + parts.omissions == 36
    assert parts.held_back
    assert any(len(counts) > 1 for counts in parts.documents.values())
    assert set(parts.documents) <= {document.name for document in documents}
    texts = {document.name: document.text for document in documents}
    learned = {pair.answer for pair in (*parts.train, *parts.validation)}
    for example in parts.held_back:
        for span in example.references:
            assert texts[span.document][span.start : span.start + 24] not in learned
    assert embedder.parts_by_document(examples, documents, CONFIGURATION).whole == "documents"


def test_many_small_documents_are_held_back_rather_than_one_large_one() -> None:
    documents, examples = town(9)
    large = [
        Example(f"more-{i}", " ".join(f"{i}z{j}" for j in range(8)), None, (Span("d0.md", 0, 4),)) for i in range(12)
    ]
    for seed in range(5):
        parts = embedder.parts_by_document([*examples, *large], documents, CONFIGURATION, seed=seed)
        assert len({span.document for example in parts.held_back for span in example.references}) == 3


def test_what_cannot_be_parted_is_refused_in_words() -> None:
    documents, examples = town(1)
    with pytest.raises(BadInput, match="one group"):
        embedder.parts_by_document(examples, documents, CONFIGURATION)
    with pytest.raises(BadInput, match="has a source"):
        embedder.parts_by_document([Example("a", "b")], documents, CONFIGURATION)
    with pytest.raises(BadInput, match="no retrieval"):
        embedder.parts_by_document(examples, documents, Configuration(name="plain"))


def test_the_gain_is_paired_and_its_cost_is_told() -> None:
    documents, examples = town(8, words=0)
    chunks = chunk_documents(documents, embedder.retrieval_of(CONFIGURATION).chunking)
    found = embedder_gain.measure_gain(examples, chunks, HashEmbedder(), Translating(), MemoryCache())
    assert (found.questions, found.chunks, found.documents, found.embedded) == (48, 48, 8, 48)
    assert found.before["recall@1"].mean < found.after["recall@1"].mean == 1.0
    gain = found.gains["recall@1"]
    assert (gain.pairs, gain.clusters, gain.verdict) == (48, 8, "better")
    assert gain.difference == pytest.approx(1.0 - found.before["recall@1"].mean)
    assert 0 < gain.low < gain.high
    assert embedder_gain.EmbedderGain.model_validate(found.model_dump(mode="json")) == found
    same = embedder_gain.measure_gain(examples, chunks, HashEmbedder(), HashEmbedder(), MemoryCache())
    assert {one.verdict for one in same.gains.values()} == {"cannot tell"}
    # A second process, after the first one that was killed: it finds a part of the vectors, and the whole is reckoned.
    cache = MemoryCache()
    encode_with_cache([chunk.text for chunk in chunks[:36]], Translating(), cache)
    later = embedder_gain.measure_gain(examples, chunks, HashEmbedder(), Translating(), cache)
    assert (later.embedded, later.index_chunks, found.index_chunks) == (12, 48, 48)
    assert later.model_copy(update={"embed_seconds": 2.0}).index_seconds == 8.0
    known = embedder_gain.measure_gain(examples, chunks, HashEmbedder(), Translating(), cache)
    assert (known.embedded, known.index_chunks, known.index_seconds) == (0, 48, None)
    with pytest.raises(BadInput, match="nothing to measure"):
        embedder_gain.measure_gain([Example("a", "b")], chunks, HashEmbedder(), HashEmbedder(), MemoryCache())


def test_a_gain_on_few_documents_is_not_told_whatever_their_questions() -> None:
    documents, examples = town(4, words=0)
    chunks = chunk_documents(documents, embedder.retrieval_of(CONFIGURATION).chunking)
    found = embedder_gain.measure_gain(examples, chunks, HashEmbedder(), Translating(), MemoryCache())
    gain = found.gains["recall@1"]
    assert found.after["recall@1"].mean == 1.0
    assert (gain.pairs, gain.clusters, gain.verdict) == (24, 4, "cannot tell")
    assert gain.more_clusters


def test_a_span_that_no_chunk_holds_has_no_rank() -> None:
    documents, _ = town()
    chunks = chunk_documents(documents, embedder.retrieval_of(CONFIGURATION).chunking)
    asked = [Example("x", "uno", None, (Span("d0.md", 0, 4), Span("gone.md", 0, 4)))]
    ((first, second),) = embedder_gain.gold_ranks(asked, chunks, Translating(), MemoryCache())
    assert first is not None
    assert second is None


def test_a_started_job_keeps_its_plan_and_its_held_back_questions(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_lora.LocalTrainer, "_enter", lambda self, folder: folder.job())
    settings = Settings(home=tmp_path / "home")
    documents, examples = town()
    parts = embedder.parts_by_document(examples, documents, CONFIGURATION)
    project = store.project("p")
    job = embedder.start_embedder(
        Access(settings, {}, {}), store, project, JobRequest(name="italian"),
        parts=parts, configuration=CONFIGURATION, set_name="town",
    )  # fmt: skip
    folder = open_folder(settings, job.id)
    assert (job.kind, len(folder.training_set("training").examples)) == ("embedding", len(parts.train))
    assert store.evaluation_set("p", "italian-held-back").examples == parts.held_back
    plan = embedder.plan_of(store, project, job)
    assert plan is not None
    assert (plan.evaluation_set, plan.pairs, plan.configuration) == ("town", len(parts.train), CONFIGURATION)

    weights = tmp_path / "home" / "embeddings" / "italian"
    weights.mkdir(parents=True)
    (weights / "model.bin").write_bytes(b"0" * 2_000_000)
    tuned = FineTunedModel("italian", EmbeddingSpec(model=str(weights)), {"seconds": 54.0})
    models = Models(settings)
    models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())
    models.register_embedder(str(weights), Translating())
    found = embedder_gain.gain_of_plan(plan, tuned, models, examples=parts.held_back, documents=documents)
    assert (found.questions, found.train_seconds, found.megabytes) == (len(parts.held_back), 54.0, 2.0)

    changed = embedder.with_embedder(CONFIGURATION, tuned)
    assert (changed.name, changed.retrieval.embedding.model) == ("rag-italian", str(weights))
    with pytest.raises(BadInput, match="chat model"):
        embedder.with_embedder(CONFIGURATION, FineTunedModel("chatty", ModelSpec(), {}))
