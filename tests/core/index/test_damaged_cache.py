"""A damaged value in the cache is made anew, and the next time it is there."""

import numpy as np
import pytest

from llmopt_core.index.embedding_cache import STAGE, encode_with_cache
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.runs.store import Store
from llmopt_core.runs.tables_runs import cache


@pytest.mark.parametrize("bad", [b"", b"abc", b"\0" * 8, b"\0" * 4000])
@pytest.mark.parametrize("which", [0, 1])
def test_damaged_vectors_are_embedded_again_once(tmp_path, bad, which):
    store = Store(f"sqlite:///{tmp_path / 'llmopt.db'}", tmp_path)
    texts = ["one text", "another text", "a third"]
    good = encode_with_cache(texts, HashEmbedder(), store.cache)
    with store.database.write() as connection:
        keys = list(connection.scalars(cache.select().with_only_columns(cache.c.key).where(cache.c.stage == STAGE)))
        connection.execute(cache.update().where(cache.c.key == sorted(keys)[which]).values(value=bad))
    again = HashEmbedder()
    assert np.array_equal(encode_with_cache(texts, again, store.cache), good)
    assert len(again.inputs) == 1
    third = HashEmbedder()
    assert np.array_equal(encode_with_cache(texts, third, store.cache), good)
    assert third.inputs == []
