"""A file or folder appears whole or not at all."""

from pathlib import Path

import pytest

from llmopt_core.errors import StorageError
from llmopt_core.text.drafts import replace_file, replacing


def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "inner" / "file"
    replace_file(target, "old")
    with pytest.raises(UnicodeEncodeError), replacing(target) as draft:
        draft.write_text("half \ud800")
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_folder_takes_its_place_with_all_that_is_in_it(tmp_path: Path) -> None:
    with replacing(tmp_path / "model") as draft:
        draft.mkdir()
        (draft / "card").write_text("1")
        assert not (tmp_path / "model").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "card"]


def test_what_cannot_be_written_is_said_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/inner: cannot be written \(File exists\)"):
        replace_file(tmp_path / "file" / "inner", b"1")


def test_only_the_owner_can_read_what_is_replaced(tmp_path: Path) -> None:
    replace_file(tmp_path / "new", "ü")
    assert (tmp_path / "new").read_bytes() == "ü".encode()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
