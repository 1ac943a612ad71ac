"""A full disk, as the operating system reports it: a process that may write files up to a limit only."""

import subprocess
import sys

import pytest

CHILD = """
import pathlib, resource, sys
from llmopt_core.cache import MemoryCache
from llmopt_core.errors import StorageError
from llmopt_core.index.build import build_index
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.settings import Settings
from llmopt_core.types import Chunk

chunks = [Chunk("a", i, i + 1, f"text number {i}") for i in range(1200)]
def build():
    return build_index(chunks, EmbeddingSpec(model="hash"), HashEmbedder(), Settings(home=home), MemoryCache())

home, limit = pathlib.Path(sys.argv[1]), int(sys.argv[2])
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited[1]))
try:
    build()
except StorageError as error:
    print(error)
folders = [path.name for path in (home / "indexes").iterdir() if path.is_dir()]
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
print(folders, build().search_bm25(["number 7"], 1)[0][0].chunk.text)
"""


@pytest.mark.parametrize("limit", [50_000, 200_000])
def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path, limit):
    command = [sys.executable, "-c", CHILD, tmp_path / "home", str(limit)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert result.returncode == 0, result.stderr
    said, after = result.stdout.splitlines()
    assert "could not be written" in said
    assert "free disk space" in said
    assert after == "[] text number 7"
