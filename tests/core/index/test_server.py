"""The same index on a Chroma server."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import chromadb
import pytest

from llmopt_core.errors import BadInput, StorageFailed
from llmopt_core.index import opened
from llmopt_core.index.build import build_index
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.settings import Settings


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    command = [Path(sys.executable).parent / "chroma", "run", "--path", folder, "--port", str(number)]
    server = subprocess.Popen([*command, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", number)) == 0:
                    break
            assert server.poll() is None
            time.sleep(0.1)
        yield number
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def on_server(port, tmp_path):
    return Settings(home=tmp_path / "home", chroma_url=f"http://127.0.0.1:{port}")


def test_vectors_live_on_the_server_and_are_written_once(chunks, spec, embedder, on_server, cache, tmp_path, port):
    index = build_index(chunks, spec, embedder, on_server, cache)
    assert index.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]
    assert not list((tmp_path / "home").rglob("chroma.sqlite3"))
    client = chromadb.HttpClient(host="127.0.0.1", port=port)
    collection = client.get_collection(f"llmopt-{index.fingerprint}", embedding_function=None)
    assert collection.count() == len(chunks)
    assert collection.configuration["hnsw"]["space"] == "cosine"
    opened.close_all()
    again = HashEmbedder()
    build_index(chunks, spec, again, on_server, cache)
    assert again.encoded == []
    assert client.get_collection(collection.name, embedding_function=None).id == collection.id


def test_a_collection_that_vanished_is_stored_again(chunks, spec, embedder, on_server, cache, port):
    index = build_index(chunks, spec, embedder, on_server, cache)
    client = chromadb.HttpClient(host="127.0.0.1", port=port)
    client.delete_collection(f"llmopt-{index.fingerprint}")
    with pytest.raises(StorageFailed, match="vector database"):
        index.search_dense(embedder.encode(["bees"]), 1)
    opened.close_all()
    again = build_index(chunks, spec, embedder, on_server, cache)
    assert again.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]


def test_a_server_that_does_not_answer_is_named(chunks, spec, embedder, settings, cache):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        nobody = settings.model_copy(update={"chroma_url": url})
        with pytest.raises(StorageFailed, match=url):
            build_index(chunks, spec, embedder, nobody, cache)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://"])
def test_a_wrong_url_is_refused(url, chunks, spec, embedder, settings, cache):
    with pytest.raises(BadInput, match="http://host:8000"):
        build_index(chunks, spec, embedder, settings.model_copy(update={"chroma_url": url}), cache)
