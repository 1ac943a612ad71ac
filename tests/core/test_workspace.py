"""A workspace is its owner's alone."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from llmopt_core.errors import StorageError
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document
from llmopt_core.workspace import write_output

_OTHERS = 0o077

RUN = """
import os
os.umask(0o022)
import sys
from llmopt_core.cli import main
main()
"""


def _mode(path: Path) -> int:
    return path.lstat().st_mode & 0o777


def _readable_by_others(home: Path) -> list[Path]:
    return [path for path in (home, *home.rglob("*")) if _mode(path) & _OTHERS]


@pytest.fixture
def old_home(tmp_path: Path) -> Path:
    """A workspace as an earlier version left it."""
    home = tmp_path / "home"
    store = Store.open(Settings(home=home))
    store.save_documents(store.ensure_project("p"), [Document("a.txt", "Confidential.")])
    store.close()
    (home / "endpoint_models.json").write_text("{}")
    (home / "indexes" / "one").mkdir(parents=True)
    (home / "indexes" / "one" / "chunks.jsonl").write_text("{}")
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return home


def test_what_a_command_leaves_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("The Rhine is a river. " * 50)
    (tmp_path / "questions.jsonl").write_text('{"question": "What is the Rhine?", "reference": "a river"}')
    (tmp_path / "e.yaml").write_text(
        "project: p\ndocuments: [a.md]\nevaluation_set: questions.jsonl\nmetrics: [answer_f1]\nconfigurations:\n"
        "  - {name: rag, prompt: {template: '{{ context }} {{ question }}'}, model: {endpoint: builtin, max_tokens: 4},"
        " retrieval: {search: {method: dense}}}\n"
    )
    environment = {**os.environ, "LLMOPT_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", RUN, "evaluate", "e.yaml", "--json", "out/result.json"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert any((tmp_path / "home" / "indexes").iterdir())
    assert _readable_by_others(tmp_path / "home") == []
    # What the user asked for by name has the rights of the user's other files.
    assert _mode(tmp_path / "out" / "result.json") == 0o644


def test_opening_an_old_workspace_closes_it_to_others(old_home: Path) -> None:
    store = Store.open(Settings(home=old_home))
    assert [document.name for document in store.documents("p")] == ["a.txt"]
    store.close()
    assert _readable_by_others(old_home) == []


def test_a_folder_with_other_things_in_it_keeps_its_own_rights(old_home: Path) -> None:
    (old_home / "thesis.txt").write_text("mine")
    (old_home / "thesis.txt").chmod(0o644)
    Store.open(Settings(home=old_home)).close()
    assert _readable_by_others(old_home) == [old_home, old_home / "thesis.txt"]


def test_a_link_out_of_the_workspace_is_left_alone(old_home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("not ours")
    outside.chmod(0o644)
    (old_home / "indexes" / "link").symlink_to(outside)
    Store.open(Settings(home=old_home)).close()
    assert _mode(outside) == 0o644


def test_a_notebook_keeps_its_own_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        store = Store.open(Settings(home=tmp_path / "home"))
        store.ensure_project("p")
        store.close()
        (tmp_path / "own.txt").write_text("mine")
        assert _mode(tmp_path / "own.txt") == 0o644
        assert _mode(tmp_path / "home") == 0o700
        assert _mode(tmp_path / "home" / "llmopt.db") == 0o600
    finally:
        os.umask(before)


def test_a_file_that_cannot_be_written_whole_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "report.html"
    write_output(report, "old")
    report.chmod(0o640)

    def full(source: IO[bytes], target: IO[bytes]) -> None:
        target.write(source.read(2))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(StorageError, match="No space left"):
            write_output(report, "new and longer")
    assert report.read_text() == "old"
    assert list(tmp_path.iterdir()) == [report]
    write_output(report, "new")
    assert (report.read_text(), _mode(report)) == ("new", 0o640)


def test_a_large_file_is_copied_in_pieces(tmp_path: Path) -> None:
    class Large(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 < size < 2_000_000
            return super().read(size)

    source = Large(b"x" * 3_000_000)
    source.seek(1)
    assert write_output(tmp_path / "project.zip", source) == 2_999_999
    assert (tmp_path / "project.zip").stat().st_size == 2_999_999


def test_a_pipe_or_a_link_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert write_output(pipe, "text") == 4
    assert (os.read(reader, 10), pipe.is_fifo()) == (b"text", True)
    os.close(reader)
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    write_output(link, "new")
    assert (target.read_text(), link.is_symlink()) == ("new", True)
