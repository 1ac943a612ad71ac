"""What happens to an index when several processes want it, or one is killed."""

import signal
import subprocess
import sys
import time

from llmopt_core.index.build import build_index
from llmopt_core.index.exact import exact_search
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.types import Chunk

COUNT = 1500

CHILD = f"""
import pathlib, sys, time
from llmopt_core.cache import MemoryCache
from llmopt_core.index import build
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.settings import Settings
from llmopt_core.types import Chunk

home, mode = pathlib.Path(sys.argv[1]), sys.argv[2]

class Embedder(HashEmbedder):
    def encode(self, texts):
        print("embedding", flush=True)
        if mode == "hang":
            time.sleep(600)
        return super().encode(texts)

def hang(*_):
    print("stored", flush=True)
    time.sleep(600)

if mode == "hang-late":
    build.write_contents = hang
chunks = [Chunk("a", i, i + 1, f"text number {{i}}") for i in range({COUNT})]
index = build.build_index(chunks, EmbeddingSpec(model="hash"), Embedder(), Settings(home=home), MemoryCache())
vectors = index.matrix[:200]
found = [hits[0].chunk.text for hits in index.search_dense(vectors, 1)]
print("right" if found == [chunk.text for chunk in chunks[:200]] else "wrong", index.fingerprint, flush=True)
"""


def start(home, mode="plain"):
    arguments = [sys.executable, "-c", CHILD, str(home), mode]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def wait_for(child, line):
    for said in child.stdout:
        if said.strip() == line:
            return
    raise AssertionError(f"the child ended before it said {line!r}")


def built_here(settings, spec, cache):
    chunks = [Chunk("a", i, i + 1, f"text number {i}") for i in range(COUNT)]
    return build_index(chunks, spec, HashEmbedder(), settings, cache)


def test_two_processes_at_once_build_one_index_and_lose_no_vector(settings, spec, cache):
    children = [start(settings.home) for _ in range(2)]
    messages = [child.communicate(timeout=120)[0].splitlines() for child in children]
    assert sorted("embedding" in lines for lines in messages) == [False, True]
    assert {lines[-1] for lines in messages} == {f"right {built_here(settings, spec, cache).fingerprint}"}
    index = built_here(settings, spec, cache)
    approximate = [hits[0].chunk for hits in index.search_dense(index.matrix, 1)]
    exact = [index.chunks[one[0][0]] for one in exact_search(index.matrix, index.matrix, 1)]
    assert sum(a == b for a, b in zip(approximate, exact, strict=True)) >= 0.99 * COUNT


def kill_in_mid_build(settings, mode, line):
    child = start(settings.home, mode)
    wait_for(child, line)
    child.send_signal(signal.SIGKILL)
    child.wait(timeout=30)
    folders = [path.name for path in (settings.home / "indexes").iterdir() if path.is_dir()]
    assert len(folders) == 1
    assert folders[0].startswith(".")


def test_a_build_killed_while_embedding_leaves_nothing_that_is_opened(settings, spec, cache):
    kill_in_mid_build(settings, "hang", "embedding")
    index = built_here(settings, spec, cache)
    folders = [path.name for path in (settings.home / "indexes").iterdir() if path.is_dir()]
    assert folders == [index.fingerprint]


def test_a_build_killed_after_storing_vectors_leaves_nothing_that_is_opened(settings, spec, cache):
    kill_in_mid_build(settings, "hang-late", "stored")
    index = built_here(settings, spec, cache)
    assert index.search_dense(index.matrix[7:8], 1)[0][0].chunk == index.chunks[7]


def test_a_process_waits_for_the_builder_and_takes_over_when_it_dies(settings, spec, cache):
    builder = start(settings.home, "hang")
    wait_for(builder, "embedding")
    waiting = start(settings.home)
    time.sleep(0.5)
    assert waiting.poll() is None
    builder.send_signal(signal.SIGKILL)
    builder.wait(timeout=30)
    assert waiting.communicate(timeout=120)[0].splitlines()[-1].startswith("right")
