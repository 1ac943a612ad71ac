"""Which of an endpoint's models embed."""

import pytest

from llmopt_core.models.embedding_names import names_that_embed

EMBEDS = ["text-embedding-3-small", "nomic-embed-text:latest", "BAAI/bge-m3", "intfloat/e5-small-v2", "voyage-3",
          "mistral-embed", "jina-embeddings-v3", "thenlper/gte-large", "m2-bert-80M-8k-retrieval"]  # fmt: skip
OTHERS = ["gpt-4o", "qwen3:8b", "bge-reranker-v2-m3", "arcee-large", "snowflake-arctic-instruct", "omni-moderation"]


def test_those_that_embed_are_told_by_their_names():
    assert names_that_embed([*OTHERS, *EMBEDS]) == EMBEDS


@pytest.mark.parametrize("names", [[], ["a", "b"], OTHERS])
def test_no_other_name_tells_of_one(names):
    assert names_that_embed(names) == []
