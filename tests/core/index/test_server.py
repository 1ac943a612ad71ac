"""The same index on a Chroma server."""

import base64
import errno
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import chromadb
import httpx
import numpy as np
import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import BadInput, StorageError
from llmopt_core.index import builder, open_indexes, shared_collections
from llmopt_core.index.build import build_index
from llmopt_core.index.index_inventory import delete_index, list_indexes
from llmopt_core.index.shared_collections import SharedCollections
from llmopt_core.index.vector_store import mask_password
from llmopt_core.index.workspace_id import workspace_id
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.settings import Settings


class Server:
    """A real server on a free loopback port, which can be killed and started again with what it stored."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [Path(sys.executable).parent / "chroma", "run", "--path", folder, "--port", str(self.port)]
        self._command = [*command, "--host", "127.0.0.1"]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None
            time.sleep(0.1)

    def kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def client(self):
        client = chromadb.HttpClient(host="127.0.0.1", port=self.port)
        yield client
        client.close()

    def names(self):
        with self.client() as client:
            return sorted(each.name for each in client.list_collections())

    def users(self):
        with self.client() as client:
            return sorted(client.get_collection("llmopt-users", embedding_function=None).get()["ids"])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def port(server):
    return server.port


@pytest.fixture
def fresh(tmp_path):
    server = Server(tmp_path / "server")
    try:
        yield server
    finally:
        server.kill()


def workspace(tmp_path, server, name):
    return Settings(home=tmp_path / name, chroma_url=server.url)


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
    open_indexes.close_all()
    again = HashEmbedder()
    build_index(chunks, spec, again, on_server, cache)
    assert again.inputs == []
    assert client.get_collection(collection.name, embedding_function=None).id == collection.id


def test_a_collection_that_vanished_is_stored_again(chunks, spec, embedder, on_server, cache, port):
    index = build_index(chunks, spec, embedder, on_server, cache)
    client = chromadb.HttpClient(host="127.0.0.1", port=port)
    client.delete_collection(f"llmopt-{index.fingerprint}")
    with pytest.raises(StorageError, match="vector database"):
        index.search_dense(embedder.encode(["bees"]), 1)
    open_indexes.close_all()
    again = build_index(chunks, spec, embedder, on_server, cache)
    assert again.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]


def test_a_server_that_does_not_answer_is_named(chunks, spec, embedder, settings, cache):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        nobody = settings.model_copy(update={"chroma_url": url})
        with pytest.raises(StorageError, match=url):
            build_index(chunks, spec, embedder, nobody, cache)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://"])
def test_a_wrong_url_is_refused(url, chunks, spec, embedder, settings, cache):
    with pytest.raises(BadInput, match="http://host:8000"):
        build_index(chunks, spec, embedder, settings.model_copy(update={"chroma_url": url}), cache)


def test_two_workspaces_share_a_collection_and_the_last_one_removes_it(chunks, spec, embedder, fresh, tmp_path):
    first, second = workspace(tmp_path, fresh, "a"), workspace(tmp_path, fresh, "b")
    one = build_index(chunks, spec, embedder, first, MemoryCache())
    question = embedder.encode(["honey bees"])
    again = HashEmbedder()
    other = build_index(chunks, spec, again, second, MemoryCache())
    assert again.inputs == []
    assert (other.matrix == one.matrix).all()
    name = f"llmopt-{one.fingerprint}"
    assert fresh.names() == [name, "llmopt-users"]
    for index in (one, other):
        assert index.search_dense(question, 1)[0][0].chunk == chunks[1]
    assert delete_index(first, list_indexes(first)[0].name)
    assert name in fresh.names()
    assert other.search_dense(question, 1)[0][0].chunk == chunks[1]
    assert delete_index(second, list_indexes(second)[0].name)
    assert fresh.names() == ["llmopt-users"]
    assert fresh.users() == []


def test_the_server_knows_whose_content_a_collection_is(chunks, spec, embedder, fresh, tmp_path):
    home = workspace(tmp_path, fresh, "a")
    index = build_index(chunks, spec, embedder, home, MemoryCache())
    identity = (home.home / "indexes" / ".workspace").read_text()
    assert fresh.users() == [f"{index.fingerprint}/{identity}"]
    with fresh.client() as client:
        facts = client.get_collection(f"llmopt-{index.fingerprint}", embedding_function=None).metadata
    assert (facts["content"], facts["workspace"]) == (index.fingerprint, identity)


def test_a_server_that_dies_between_create_and_add(chunks, spec, embedder, fresh, tmp_path, monkeypatch):
    home = workspace(tmp_path, fresh, "a")
    write = shared_collections.add_all

    def killed(collection, vectors, documents):
        fresh.kill()
        write(collection, vectors, documents)

    monkeypatch.setattr(shared_collections, "add_all", killed)
    with pytest.raises(StorageError, match=rf"^The Chroma server at {fresh.url} failed .* is stored anew\.$"):
        build_index(chunks, spec, embedder, home, MemoryCache())
    monkeypatch.undo()
    fresh.start()
    assert [name for name in fresh.names() if name.endswith(".part")] != []
    index = build_index(chunks, spec, embedder, home, MemoryCache())
    assert index.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]
    assert fresh.names() == [f"llmopt-{index.fingerprint}", "llmopt-users"]
    fresh.kill()
    with pytest.raises(StorageError, match=r"vector database failed|does not answer"):
        index.search_dense(embedder.encode(["bees"]), 1)
    fresh.start()
    assert index.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]


def test_what_a_killed_builder_left_is_taken_over(fresh, tmp_path):
    code = f"""
        import os
        from pathlib import Path
        from llmopt_core.index.shared_collections import SharedCollections
        def encode():
            os._exit(9)
        SharedCollections({fresh.url!r}, Path({str(tmp_path / "dead")!r})).ensure("key", ["a"], encode, print)
    """
    result = subprocess.run([sys.executable, "-c", "\n".join(line[8:] for line in code.split("\n"))], check=False)
    assert result.returncode == 9
    assert fresh.names() == ["llmopt-key.part", "llmopt-users"]
    found = SharedCollections(fresh.url, tmp_path / "alive").ensure("key", ["a"], lambda: _rows(1), lambda: None)
    assert found.tolist() == _rows(1).tolist()
    assert fresh.names() == ["llmopt-key", "llmopt-users"]


def test_a_builder_elsewhere_is_waited_for_as_long_as_it_gives_signs_of_life(server, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "BEAT_SECONDS", 0.05)
    # Long enough for a machine that is busy with other things.
    monkeypatch.setattr(builder, "SILENT_SECONDS", 60.0)
    monkeypatch.setattr(shared_collections, "_WAIT_SECONDS", 0.05)
    encoded, begun, go_on = [], threading.Event(), threading.Event()

    def slowly():
        encoded.append("first")
        begun.set()
        go_on.wait(60)
        return _rows(2)

    def wait():
        waits.append(1)
        if len(waits) == 5:
            go_on.set()

    def at_once():
        encoded.append("second")
        return _rows(2)

    waits, found = [], []
    one = SharedCollections(server.url, tmp_path / "one")
    thread = threading.Thread(target=lambda: found.append(one.ensure("slow", ["a", "b"], slowly, lambda: None)))
    thread.start()
    begun.wait(60)
    other = SharedCollections(server.url, tmp_path / "other").ensure("slow", ["a", "b"], at_once, wait)
    thread.join()
    assert encoded == ["first"]
    assert len(waits) >= 5
    assert other.tolist() == found[0].tolist()


def test_a_silent_builder_elsewhere_is_replaced_and_hears_of_it(server, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "BEAT_SECONDS", 3600.0)
    monkeypatch.setattr(builder, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(shared_collections, "_WAIT_SECONDS", 0.05)
    slow, fast = SharedCollections(server.url, tmp_path / "slow"), SharedCollections(server.url, tmp_path / "fast")
    calls = []

    def asleep():
        calls.append("slow")
        fast.ensure("silent", ["a"], lambda: calls.append("fast") or _rows(1), lambda: None)
        return _rows(1)

    assert slow.ensure("silent", ["a"], asleep, lambda: None).tolist() == _rows(1).tolist()
    assert calls == ["slow", "fast"]
    assert [name for name in server.names() if "silent" in name] == ["llmopt-silent"]


def test_an_error_of_the_builder_leaves_nothing_behind(server, tmp_path):
    def broken():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SharedCollections(server.url, tmp_path / "x").ensure("broken", ["a"], broken, lambda: None)
    assert [name for name in server.names() if "broken" in name] == []


def test_a_workspace_that_was_removed_uses_nothing_any_more(chunks, spec, embedder, fresh, tmp_path):
    gone, here = workspace(tmp_path, fresh, "gone"), workspace(tmp_path, fresh, "here")
    old = build_index(chunks, spec, embedder, gone, MemoryCache())
    shutil.rmtree(gone.home)
    new = build_index(chunks[:3], spec, embedder, here, MemoryCache())
    assert fresh.names() == [f"llmopt-{new.fingerprint}", "llmopt-users"]
    assert not any(user.startswith(old.fingerprint) for user in fresh.users())


def test_what_could_not_be_removed_while_the_server_was_down_is_removed_later(chunks, spec, embedder, fresh, tmp_path):
    home = workspace(tmp_path, fresh, "a")
    build_index(chunks, spec, embedder, home, MemoryCache())
    fresh.kill()
    assert delete_index(home, list_indexes(home)[0].name)
    fresh.start()
    index = build_index(chunks[:3], spec, embedder, home, MemoryCache())
    assert fresh.names() == [f"llmopt-{index.fingerprint}", "llmopt-users"]


def test_a_collection_that_vanished_heals_in_the_process_that_has_it_open(chunks, spec, embedder, fresh, tmp_path):
    home = workspace(tmp_path, fresh, "a")
    index = build_index(chunks, spec, embedder, home, MemoryCache())
    index.search_dense(embedder.encode(["bees"]), 1)
    with fresh.client() as client:
        client.delete_collection(f"llmopt-{index.fingerprint}")
    with pytest.raises(StorageError, match="vector database"):
        index.search_dense(embedder.encode(["bees"]), 1)
    again = HashEmbedder()
    healed = build_index(chunks, spec, again, home, MemoryCache())
    assert again.inputs == []
    assert healed.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]


@pytest.mark.parametrize(
    "url",
    ["http://me:hidden@127.0.0.1:9", "http://hidden@127.0.0.1:9", "http://me:hidden@127.0.0.1:80a0", "ftp://me:hidden@h",
     "me:hidden@127.0.0.1:9", "//me:hidden@127.0.0.1", "http://me:hidden@", "http://me:x/hidden@127.0.0.1:9",
     "http://me:1/hidden@127.0.0.1:9", "http://me:hidden#1@127.0.0.1:9", "http://me:1?hidden@127.0.0.1:9",
     "http://me:hidden[@127.0.0.1:9", "http://me:a@hidden@127.0.0.1:9", "http://127.0.0.1:9/?token=hidden",
     "http://me:hidden@127.0.0.1:9/#hidden", "http://me:hidden\n@127.0.0.1:9"],
)  # fmt: skip
def test_no_password_of_an_address_is_shown(url, chunks, spec, embedder, settings, cache):
    with pytest.raises((BadInput, StorageError)) as error:
        build_index(chunks, spec, embedder, settings.model_copy(update={"chroma_url": url}), cache)
    assert "hidden" not in "".join(traceback.format_exception_only(error.value))
    assert "Chroma" in str(error.value) or "LLMOPT_CHROMA_URL" in str(error.value)
    assert "hidden" not in mask_password(url)


class _Proxy(BaseHTTPRequestHandler):
    """Lets through to a Chroma server what comes below `/shared/chroma` with the right account."""

    protocol_version = "HTTP/1.1"
    account = "Basic " + base64.b64encode("me:p/w @é".encode()).decode()
    port = 0

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        below = self.path.removeprefix("/shared/chroma")
        if below == self.path or self.headers.get("Authorization") != self.account:
            status, kind, text = 401, "text/plain", b"not allowed"
        else:
            result = httpx.request(
                self.command, f"http://127.0.0.1:{self.port}{below}", content=body,
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
            status, kind, text = result.status_code, result.headers.get("Content-Type", "text/plain"), result.content
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy(fresh):
    handler = type("Handler", (_Proxy,), {"port": fresh.port})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_port
        listening.shutdown()


def test_user_password_and_path_of_the_address_are_sent(chunks, spec, embedder, proxy, fresh, tmp_path):
    url = f"http://me:p%2Fw%20%40%C3%A9@127.0.0.1:{proxy}/shared/chroma/"
    home = Settings(home=tmp_path / "home", chroma_url=url)
    index = build_index(chunks, spec, embedder, home, MemoryCache())
    assert index.search_dense(embedder.encode(["honey bees"]), 1)[0][0].chunk == chunks[1]
    assert f"llmopt-{index.fingerprint}" in fresh.names()
    assert delete_index(home, list_indexes(home)[0].name)
    assert fresh.names() == ["llmopt-users"]


@pytest.mark.parametrize("account", ["", "me:hidden@"])
def test_a_server_that_refuses_an_account_says_so(account, chunks, spec, embedder, proxy, settings, cache):
    url = f"http://{account}127.0.0.1:{proxy}/shared/chroma"
    with pytest.raises(StorageError, match="not allowed") as error:
        build_index(chunks, spec, embedder, settings.model_copy(update={"chroma_url": url}), cache)
    assert "hidden" not in str(error.value)


def test_a_workspace_gets_its_id_on_a_file_system_without_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", _refuse)
    result = workspace_id(tmp_path / "indexes")
    assert len(result) == 32
    assert workspace_id(tmp_path / "indexes") == result
    assert [path.name for path in (tmp_path / "indexes").iterdir() if "-" in path.name] == []


def test_threads_that_make_the_id_at_once_get_the_same(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: workspace_id(tmp_path / "indexes"), range(40)))) == 1


def _refuse(*_):
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


def _rows(count):
    return np.eye(4, dtype=np.float32)[:count]


def test_a_copied_workspace_gets_an_id_of_its_own_and_a_moved_one_keeps_it(tmp_path):
    first = workspace_id(tmp_path / "one" / "indexes")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    copied = workspace_id(tmp_path / "two" / "indexes")
    assert len({first, copied}) == 2
    assert workspace_id(tmp_path / "two" / "indexes") == copied
    (tmp_path / "two").rename(tmp_path / "three")
    assert workspace_id(tmp_path / "three" / "indexes") == copied
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert workspace_id(tmp_path / "link" / "indexes") == workspace_id(tmp_path / "one" / "indexes") == first


def test_an_id_of_an_earlier_version_is_kept(tmp_path):
    (tmp_path / ".workspace").write_text("a" * 32)
    assert workspace_id(tmp_path) == workspace_id(tmp_path, make=False) == "a" * 32


def test_a_copy_on_the_same_server_takes_no_collection_of_its_original_away(chunks, spec, embedder, fresh, tmp_path):
    first = workspace(tmp_path, fresh, "a")
    index = build_index(chunks, spec, embedder, first, MemoryCache())
    open_indexes.close_all()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    second = first.model_copy(update={"home": tmp_path / "b"})
    build_index(chunks, spec, embedder, second, MemoryCache())
    assert len(fresh.users()) == 2
    assert delete_index(second, list_indexes(second)[0].name)
    assert f"llmopt-{index.fingerprint}" in fresh.names()
