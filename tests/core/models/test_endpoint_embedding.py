from __future__ import annotations

import json

import numpy as np
import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.execution.budget import Budget
from llmopt_core.models.base import Embedder, EmbeddingSpec
from llmopt_core.models.prices import Prices
from tests.stub_endpoint import StubEndpoint, embed

from .conftest import MakeModels


def make(make_models: MakeModels, **changes: object) -> Embedder:
    return make_models(**changes).embedder(EmbeddingSpec(endpoint="stub", model="stub-embedding"))


def test_vectors_come_in_order_with_length_one(stub: StubEndpoint, make_models: MakeModels):
    models = make_models(prices={"*": Prices(prompt=1.0)})
    embedder = models.embedder(EmbeddingSpec(endpoint="stub", model="stub-embedding"))
    texts = [f"word{i} other{i % 7}" for i in range(250)]

    with models.within(Budget()) as budget:
        vectors = embedder.encode(texts)

    expected = np.array([embed(text) for text in texts])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert vectors == pytest.approx(expected, abs=1e-6)
    assert vectors.dtype == np.float32
    assert stub.calls == 3
    assert budget.usage.prompt_tokens == 500
    assert budget.usage.cost_usd == pytest.approx(500 / 1e6)


def test_a_count_longer_than_python_reads_costs_that_count_alone(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = lambda answer: (
        json.dumps({**answer, "usage": {"prompt_tokens": 7}}).encode().replace(b"7}", b"7" * 5000 + b"}")
    )

    assert make_models().embedder(EmbeddingSpec(endpoint="stub", model="m")).encode(["text"]).shape[0] == 1
    assert stub.calls == 1


def test_the_dimension_is_found_out(stub: StubEndpoint, make_models: MakeModels):
    embedder = make(make_models)

    assert embedder.dimension == 32
    assert embedder.encode([]).shape == (0, 32)
    assert stub.calls == 1


def test_an_empty_or_broken_text_is_sent_as_one_that_is_taken(stub: StubEndpoint, make_models: MakeModels):
    vectors = make(make_models).encode(["", "a\ud800"])

    assert stub.requests[0]["body"]["input"] == [" ", "a\ufffd"]
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("401", "unauthorized"), ("500", "server-error"), ("timeout", "timeout"), ("broken-json", "bad-answer")],
)
def test_faults_are_told(stub: StubEndpoint, make_models: MakeModels, fault: str, kind: str):
    embedder = make(make_models, timeout_seconds=0.3, max_retries=0)
    stub.fault = fault

    with pytest.raises(EndpointError) as error:
        embedder.encode(["x"])

    assert error.value.kind == kind
    assert "'stub'" in str(error.value)


def test_a_429_is_outlived(stub: StubEndpoint, make_models: MakeModels):
    stub.faults = ["429", None]

    assert make(make_models).encode(["x"]).shape == (1, 32)


def test_the_name_tells_endpoints_apart(stub: StubEndpoint, make_models: MakeModels):
    assert make(make_models).name == f"{stub.url}||stub-embedding"


def test_an_embedder_is_made_once(make_models: MakeModels):
    models = make_models()
    spec = EmbeddingSpec(endpoint="stub", model="stub-embedding")

    assert models.embedder(spec) is models.embedder(spec)
