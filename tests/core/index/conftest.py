from pathlib import Path

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.index import open_indexes
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.settings import Settings
from llmopt_core.types import Chunk

SENTENCES = (
    "The Normans were the people who gave their name to Normandy, a region in France.",
    "Honey bees dance to tell the hive where flowers are.",
    "The Rhine begins in the Swiss Alps and flows to the North Sea.",
    "诺曼人的名字来自诺曼底，法国的一个地区。",
    "Paris is the capital and largest city of France.",
    "Oxygen was discovered by Carl Wilhelm Scheele and by Joseph Priestley.",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def cache() -> MemoryCache:
    return MemoryCache()


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def spec() -> EmbeddingSpec:
    return EmbeddingSpec(model="hash")


@pytest.fixture
def chunks() -> list[Chunk]:
    found, start = [], 0
    for number, text in enumerate(SENTENCES):
        found.append(Chunk(f"{number % 2}.txt", start, start + len(text), text))
        start += len(text) + 2
    return found


@pytest.fixture(autouse=True)
def _nothing_open():
    yield
    open_indexes.close_all()
