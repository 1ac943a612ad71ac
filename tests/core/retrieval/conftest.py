from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.index import open_indexes
from llmopt_core.index.build import build_index
from llmopt_core.index.index import Index
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.settings import Settings
from llmopt_core.types import Chunk, Document

TEXTS = {
    "normans.txt": (
        "The Normans gave their name to Normandy, a region in France.",
        "Norse raiders from Denmark became the Normans.",
        "William the Conqueror led the Normans into England in 1066.",
    ),
    "bees.txt": (
        "Honey bees dance to tell the hive where flowers are.",
        "Karl von Frisch explained the dance of the honey bees.",
        "The hive is led by one queen.",
    ),
    "rhine.txt": (
        "The Rhine begins in the Swiss Alps.",
        "The Rhine flows into the North Sea near Rotterdam.",
        "诺曼人的名字来自诺曼底。",
    ),
}

EMBEDDING = EmbeddingSpec(model="hash")


@pytest.fixture
def cache() -> MemoryCache:
    return MemoryCache()


@pytest.fixture
def documents() -> list[Document]:
    return [
        Document(name, "\n".join(lines), {"topic": name.removesuffix(".txt"), "year": 2000 + number})
        for number, (name, lines) in enumerate(TEXTS.items())
    ]


@pytest.fixture
def chunks() -> list[Chunk]:
    matches = []
    for name, lines in TEXTS.items():
        start = 0
        for line in lines:
            matches.append(Chunk(name, start, start + len(line), line))
            start += len(line) + 1
    return matches


@pytest.fixture
async def models(tmp_path: Path, cache: MemoryCache) -> AsyncIterator[Models]:
    async with Models(Settings(home=tmp_path / "home"), cache, endpoints={}) as found:
        found.register_embedder("hash", HashEmbedder())
        yield found


@pytest.fixture
def index(chunks, documents, models, cache) -> Index:
    return build_index(chunks, EMBEDDING, models.embedder(EMBEDDING), models.settings, cache, documents=documents)


@pytest.fixture
def retriever(index, models, cache):
    """Makes a retriever from parts of a spec."""

    def make(**parts) -> Retriever:
        return Retriever(RetrievalSpec(embedding=EMBEDDING, **parts), index, models, cache)

    return make


@pytest.fixture(autouse=True)
def _nothing_open():
    yield
    open_indexes.close_all()
