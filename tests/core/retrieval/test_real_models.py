"""The built-in embedder on the sample articles: that search by meaning and late interaction really work."""

from pathlib import Path

import numpy as np
import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.documents.load import load_documents
from llmopt_core.documents.questions import load_questions
from llmopt_core.index.bm25 import Bm25
from llmopt_core.index.build import build_index
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.metrics import span_measures
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, SearchSpec
from llmopt_core.settings import Settings

SAMPLE = Path(__file__).resolve().parents[3] / "sample_data"
ARTICLES = ("normans.md", "oxygen.md")


@pytest.fixture
async def models(tmp_path):
    async with Models(Settings(home=tmp_path), endpoints={}) as found:
        yield found


async def test_questions_find_the_chunk_that_answers_them(models):
    cache = MemoryCache()
    documents = [d for d in load_documents([SAMPLE / "documents"]) if d.name in ARTICLES]
    every = load_questions(SAMPLE / "questions.jsonl").examples
    examples = [example for example in every if example.references[0].document in ARTICLES]
    chunks = chunk_documents(documents, ChunkingSpec(method="recursive", size=80))
    embedding = EmbeddingSpec()
    index = build_index(chunks, embedding, models.embedder(embedding), models.settings, cache)
    search = SearchSpec(method="hybrid", candidates=10)
    recalls = {}
    for rerank in ("none", "late-interaction"):
        spec = RetrievalSpec(search=search, rerank=RerankSpec(method=rerank))
        retriever = await Retriever(spec, index, models, cache).retrieve_many(
            [example.question for example in examples]
        )
        pairs = zip(retriever, examples, strict=True)
        recalls[rerank] = np.mean(
            [span_measures([hit.chunk.span for hit in one.hits], e.references, 3)["recall"] for one, e in pairs]
        )
    assert len(examples) >= 6
    assert min(recalls.values()) >= 0.75


def test_token_ids_are_those_of_the_token_vectors(models):
    embedder = models.token_embedder()
    texts = ["The Normans' ships 🙂", "诺曼人的名字", "", "a b " * 600]
    assert embedder.token_ids(texts) == [list(ids) for ids, _ in embedder.encode_tokens(texts)]


def test_chinese_questions_find_their_chunk_by_words():
    documents = load_documents([SAMPLE / "zh" / "documents"])
    examples = load_questions(SAMPLE / "zh" / "questions.jsonl").examples
    chunks = chunk_documents(documents, ChunkingSpec(method="recursive", size=120))
    words = Bm25.of([chunk.text for chunk in chunks])
    recalls = [
        span_measures([chunks[p].span for p, _ in words.search(e.question, 3)], e.references, 3)["recall"]
        for e in examples
    ]
    assert np.mean(recalls) >= 0.8
