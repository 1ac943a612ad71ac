import numpy as np
import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import EndpointError
from llmopt_core.index.embedding_cache import BATCH, encode_with_cache
from llmopt_core.models.scripted import HashEmbedder


def test_each_distinct_text_is_embedded_once_ever(cache, embedder):
    first = encode_with_cache(["b", "a", "b"], embedder, cache)
    second = encode_with_cache(["a", "c"], embedder, cache)
    assert sorted(embedder.inputs) == ["a", "b", "c"]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[1], second[0])
    assert np.array_equal(first, HashEmbedder().encode(["b", "a", "b"]))


def test_vectors_of_different_models_are_kept_apart(cache):
    assert encode_with_cache(["a"], HashEmbedder(8), cache).shape == (1, 8)
    assert encode_with_cache(["a"], HashEmbedder(16), cache).shape == (1, 16)


def test_no_texts_give_no_vectors(cache, embedder):
    assert encode_with_cache([], embedder, cache).shape == (0, 64)


def test_a_failure_on_the_way_keeps_the_batches_before_it(cache):
    class Failing(HashEmbedder):
        def encode(self, texts):
            if self.inputs:
                raise EndpointError("down", "unreachable")
            return super().encode(texts)

    texts = [f"text {number}" for number in range(BATCH + 10)]
    with pytest.raises(EndpointError):
        encode_with_cache(texts, Failing(), cache)
    after = HashEmbedder()
    encode_with_cache(texts, after, cache)
    assert len(after.inputs) == 10


def test_progress_counts_distinct_texts_and_starts_with_the_known_ones(cache, embedder):
    encode_with_cache(["a"], embedder, cache)
    calls = []
    encode_with_cache(["a", "b", "b"], embedder, cache, lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]


def test_lone_surrogates_and_nul_bytes_are_embedded(cache):
    class Strict(HashEmbedder):
        def encode(self, texts):
            assert [text.encode() for text in texts]
            return super().encode(texts)

    assert encode_with_cache(["a \ud800 b", "a \x00 b", ""], Strict(), cache).shape == (3, 64)


@pytest.mark.parametrize("wrong", [np.zeros((1, 3)), np.zeros((2, 64)), np.full((1, 64), np.nan)])
def test_nonsense_from_the_embedder_is_refused_and_not_kept(wrong):
    class Wrong(HashEmbedder):
        def encode(self, texts):
            return wrong

    cache = MemoryCache()
    with pytest.raises(EndpointError) as error:
        encode_with_cache(["a"], Wrong(), cache)
    assert error.value.kind == "bad-answer"
    assert np.isfinite(encode_with_cache(["a"], HashEmbedder(), cache)).all()
