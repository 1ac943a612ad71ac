"""Embedding models get before questions and passages what they were trained with, and say how much they read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.errors import BadInput
from llmopt_core.experiments import keys
from llmopt_core.experiments.indexing import chunk_with_cache, prepare_index
from llmopt_core.experiments.truncation_warnings import question_note, window_note
from llmopt_core.models.base import BUILTIN_EMBEDDING, EmbeddingSpec
from llmopt_core.models.endpoints import EmbeddingModel, Endpoint, endpoints_in
from llmopt_core.models.prefixes import Prefixes, find_prefixes, find_window, prefixes_of, query_side
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.models.weight_packages import embedding_folder
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.retrieval.spec import RetrievalSpec, SearchSpec
from llmopt_core.settings import Settings
from llmopt_core.types import Chunk, Document
from tests.stub_endpoint import StubEndpoint

E5 = Prefixes("query: ", "passage: ")
REPRESENT = Prefixes("Represent this sentence for searching relevant passages: ")


@pytest.mark.parametrize(
    ("name", "prefixes", "window"),
    [
        ("intfloat/multilingual-e5-small", E5, 512),
        ("multilingual-e5-large", E5, 512),
        ("intfloat/e5-base-v2", E5, 512),
        ("/models/e5-small/", E5, 512),
        ("BAAI/bge-small-en-v1.5", REPRESENT, 512),
        ("bge-large:latest", REPRESENT, 512),
        ("BAAI/bge-m3", Prefixes(), 8192),
        ("thenlper/gte-base", Prefixes(), 512),
        ("Alibaba-NLP/gte-base-en-v1.5", Prefixes(), 8192),
        ("nomic-embed-text:v1.5", Prefixes("search_query: ", "search_document: "), 8192),
        ("nomic-ai/nomic-embed-text-v1", Prefixes("search_query: ", "search_document: "), 8192),
        ("mixedbread-ai/mxbai-embed-large-v1", REPRESENT, 512),
        ("Snowflake/snowflake-arctic-embed-m", REPRESENT, 512),
        ("snowflake-arctic-embed2", Prefixes("query: "), 8192),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", Prefixes("query: "), 8192),
        ("text-embedding-3-small", Prefixes(), 8191),
        ("all-MiniLM-L6-v2", Prefixes(), 256),
        ("somebody/something-e5-like", Prefixes(), None),
        ("", Prefixes(), None),
    ],
)
def test_what_is_known_by_name(name: str, prefixes: Prefixes, window: int | None):
    assert find_prefixes(name) == prefixes
    assert find_window(name) == window


def test_chinese_bge_models_have_a_prefix_of_their_own():
    assert find_prefixes("BAAI/bge-base-zh-v1.5").query.startswith("为这个句子")


@pytest.mark.parametrize(
    ("prompts", "prefixes"),
    [
        ({"query": "Q: ", "passage": "P: "}, Prefixes("Q: ", "P: ")),
        ({"search_query": "sq ", "search_document": "sd ", "clustering": "c "}, Prefixes("sq ", "sd ")),
        ({"query": "Q: ", "document": ""}, Prefixes("Q: ")),
        ({"query": "", "document": ""}, E5),
        ({"clustering": "c "}, E5),
        ({"query": 5}, E5),
        ("odd", E5),
    ],
)
def test_the_models_own_prompts_go_before_its_name(tmp_path: Path, prompts: object, prefixes: Prefixes):
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))

    assert prefixes_of("e5-small", tmp_path) == prefixes


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_broken_file_says_nothing(tmp_path: Path, content: str):
    (tmp_path / "config_sentence_transformers.json").write_text(content)

    assert prefixes_of("e5-small", tmp_path) == E5


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The built-in model under a name that wants prefixes, in a folder of its own."""
    folder = tmp_path / "multilingual-e5-small"
    folder.mkdir()
    for path in embedding_folder().iterdir():
        (folder / path.name).symlink_to(path)
    return folder


def test_a_local_model_gets_its_prefixes(settings: Settings, model: Path):
    models = Models(settings, None, {})
    plain = models.embedder(EmbeddingSpec())
    passages = models.embedder(EmbeddingSpec(model=str(model)))

    texts = ["The Rhine is a river.", "Which river?"]
    assert passages.encode(texts) == pytest.approx(plain.encode([f"passage: {t}" for t in texts]), abs=1e-5)
    assert query_side(passages).encode(texts) == pytest.approx(plain.encode([f"query: {t}" for t in texts]), abs=1e-5)
    assert passages.name != query_side(passages).name
    assert passages.max_tokens < plain.max_tokens


def test_a_default_prompt_of_the_model_is_not_written_twice(settings: Settings, model: Path):
    own = json.loads((model / "config_sentence_transformers.json").read_text())
    (model / "config_sentence_transformers.json").unlink()
    own |= {"prompts": {"query": "ask: ", "document": "text: "}, "default_prompt_name": "query"}
    (model / "config_sentence_transformers.json").write_text(json.dumps(own))
    models = Models(settings, None, {})

    result = models.embedder(EmbeddingSpec(model=str(model))).encode(["a river"])

    assert result == pytest.approx(models.embedder(EmbeddingSpec()).encode(["text: a river"]), abs=1e-5)


def test_a_configuration_may_say_otherwise(settings: Settings, model: Path):
    models = Models(settings, None, {})

    without = EmbeddingSpec(model=str(model), query_prefix="", passage_prefix="")
    other = EmbeddingSpec(model=str(model), query_prefix="ask: ")

    assert not models.prefixes(without)
    assert models.prefixes(other) == Prefixes("ask: ", "passage: ")
    assert without.fingerprint != other.fingerprint != EmbeddingSpec(model=str(model)).fingerprint


def test_models_without_prefixes_keep_their_keys(settings: Settings, stub: StubEndpoint):
    models = Models(settings, None, {"stub": Endpoint(name="stub", base_url=stub.url)})
    local, remote = EmbeddingSpec(), EmbeddingSpec(endpoint="stub", model="text-embedding-3-small")

    assert local.model_dump(mode="json") == {"model": BUILTIN_EMBEDDING, "endpoint": "", "of": "text"}
    assert models.embedder(local).name == BUILTIN_EMBEDDING
    assert query_side(models.embedder(local)) is models.embedder(local)
    assert keys.embedding_identity(local, models) == [[BUILTIN_EMBEDDING], "text"]
    assert models.embedder(remote).name == f"{stub.url}||text-embedding-3-small"
    assert keys.embedding_identity(remote, models) == [stub.url, "", "text-embedding-3-small", "text"]


def test_an_endpoints_models_get_prefixes_and_windows(settings: Settings, stub: StubEndpoint):
    values = {
        "base_url": stub.url,
        "embeddings": {
            "mine": {"query_prefix": "ask: ", "passage_prefix": "text: ", "window": 77},
            "multilingual-e5-base": {"query_prefix": "frage: "},
        },
    }
    models = Models(settings, None, endpoints_in({"stub": values}, "endpoints.yaml"))

    mine = models.embedder(EmbeddingSpec(endpoint="stub", model="mine"))
    mine.encode(["a"])
    query_side(mine).encode(["b"])
    assert [request["body"]["input"] for request in stub.requests] == [["text: a"], ["ask: b"]]
    assert 70 <= mine.max_tokens < 77

    e5 = EmbeddingSpec(endpoint="stub", model="multilingual-e5-base")
    assert models.prefixes(e5) == Prefixes("frage: ", "passage: ")
    assert 505 <= models.embedder(e5).max_tokens < 512
    assert models.embedder(EmbeddingSpec(endpoint="stub", model="unknown")).max_tokens == 8191
    assert keys.embedding_identity(e5, models)[-1] == ["frage: ", "passage: "]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"window": 0}, "embeddings.m.window"),
        ({"window": "many"}, "embeddings.m.window"),
        ({"prefix": "x"}, "embeddings.m.prefix: unknown setting"),
        ({"query_prefix": 5}, "embeddings.m.query_prefix"),
    ],
)
def test_a_wrong_setting_is_named(said: dict[str, object], words: str):
    with pytest.raises(BadInput, match=words):
        endpoints_in({"a": {"base_url": "http://a/v1", "embeddings": {"m": said}}}, "endpoints.yaml")


async def test_retrieval_asks_with_the_query_prefix(settings: Settings):
    """A model that finds a passage only where question and passage carry their own prefix."""

    class Strict(HashEmbedder):
        """Says in which role it was given a text."""

        def encode(self, texts):
            roles.update(tuple(text.split(": ", 1)) for text in texts)
            return super().encode([text.split(": ", 1)[1] for text in texts])

    roles: set[tuple[str, ...]] = set()

    embedder = Strict()
    models, cache = Models(settings, None, {}), MemoryCache()
    models.register_embedder("strict", embedder)
    spec = RetrievalSpec(
        chunking=ChunkingSpec(method="fixed", size=40, overlap=0, unit="characters"),
        embedding=EmbeddingSpec(model="strict", query_prefix="query: ", passage_prefix="passage: "),
        search=SearchSpec(method="dense"),
        top_k=1,
    )
    documents = [
        Document("rivers.txt", "The Rhine flows through Cologne today.\n\nThe Elbe flows through Hamburg now.")
    ]

    index = prepare_index(spec, documents, models)
    retrieval = await Retriever(spec, index, models, cache).retrieve("Hamburg Elbe")

    assert "Elbe" in retrieval.hits[0].chunk.text
    assert ("query", "Hamburg Elbe") in roles
    assert {role for role, text in roles if text != "Hamburg Elbe"} == {"passage"}


def test_settings_and_files_keep_what_was_said_of_a_model(settings: Settings, stub: StubEndpoint):
    from llmopt_core.models.endpoint_file import save_endpoint
    from llmopt_core.models.endpoints import load_endpoints

    values = {"e5": EmbeddingModel(query_prefix="query: ", passage_prefix="", window=512)}
    save_endpoint(settings, Endpoint(name="mine", base_url=stub.url, embeddings=values))

    assert load_endpoints(settings)["mine"].embeddings == values


def chunks_of(documents: list[Document], retrieval: RetrievalSpec, models: Models) -> list[Chunk]:
    return chunk_with_cache(retrieval, documents, models)


@pytest.mark.parametrize(
    ("embedding", "words"),
    [
        (EmbeddingSpec(), "3 of 4 chunks are longer than the 254 tokens that all-MiniLM-L6-v2 reads"),
        (EmbeddingSpec(endpoint="stub", model="e5-small"), "2 of 4 chunks are longer than the 508 tokens"),
        (EmbeddingSpec(endpoint="stub", model="mine"), "3 of 4 chunks are longer than the 20 tokens that mine reads"),
    ],
)
def test_chunks_beyond_the_window_are_said(
    settings: Settings, stub: StubEndpoint, embedding: EmbeddingSpec, words: str
):
    stub_endpoint = Endpoint(name="stub", base_url=stub.url, embeddings={"mine": EmbeddingModel(window=20)})
    models = Models(settings, None, {"stub": stub_endpoint})
    documents = [Document("a.txt", "river " * 2000), Document("b.txt", "short")]
    long = RetrievalSpec(
        chunking=ChunkingSpec(method="fixed", size=5000, overlap=0, unit="characters"), embedding=embedding
    )
    short = long.model_copy(update={"chunking": ChunkingSpec(size=10, overlap=0, unit="tokens", method="fixed")})

    text = window_note(long, chunks_of(documents, long, models), documents, models)

    assert words in text
    assert "not found by meaning" in text
    assert window_note(short, chunks_of(documents, short, models), documents, models) == ""
    by_words = long.model_copy(update={"search": SearchSpec(method="bm25")})
    assert window_note(by_words, chunks_of(documents, long, models), documents, models) == ""
    assert stub.calls == 0


def test_questions_beyond_the_window_are_said(settings: Settings, stub: StubEndpoint):
    stub_endpoint = Endpoint(name="stub", base_url=stub.url, embeddings={"mine": EmbeddingModel(window=20)})
    models = Models(settings, None, {"stub": stub_endpoint})
    local, mine = RetrievalSpec(), RetrievalSpec(embedding=EmbeddingSpec(endpoint="stub", model="mine"))
    long = " ".join(f"Is this sentence number {n} of the question?" for n in range(60))

    text = question_note(local, [long], models)

    assert text.startswith("The question is longer than the 254 tokens that all-MiniLM-L6-v2 reads: its last ")
    count = len(long) - int(text.split("its last ")[1].split(" ")[0].replace(",", ""))
    assert long[:count].count("?") == 254 // 9
    several = question_note(mine, ["short?", long, long], models)
    assert several.startswith("2 of 3 questions are longer than the 20 tokens that mine reads")
    assert question_note(local, ["short?"] * 3, models) == ""
    assert question_note(RetrievalSpec(search=SearchSpec(method="bm25")), [long], models) == ""
    assert stub.calls == 0
