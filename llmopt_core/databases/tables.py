"""Table files of a project -> a DuckDB file in the workspace, made anew where a file changed."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from llmopt_core.databases.build_tables import build_tables
from llmopt_core.databases.source import TABLE_ENDINGS, DataSource
from llmopt_core.errors import BadInput, StorageError
from llmopt_core.execution.isolation import IsolationError, Limits, run_in_child
from llmopt_core.types.spec import fingerprint
from llmopt_core.workspace import make_folder

FOLDER = "data_sources"
# Part of the name of what is made: another way of reading files makes it anew.
_FORMAT = 1
_MOST_BYTES = 1_000_000_000
_MEMORY, _MEMORY_PER_BYTE = 1_000_000_000, 8
# What the libraries map that read files.
_LIBRARIES = 3_000_000_000
_SECONDS, _BYTES_PER_SECOND = 60.0, 1_000_000
_PIECE = 2**20


def table_files(source: DataSource) -> list[Path]:
    """The files of a source of kind `tables`, in the order of their names.

    Raises:
        BadInput: There is none, or one is too large.
    """
    path = Path(source.where)
    files = [path]
    if path.is_dir():
        # Programs keep a file of their own beside a workbook that is open: `~$name.xlsx`.
        found = (file for file in path.iterdir() if not file.name.startswith((".", "~$")) and file.is_file())
        files = sorted(file for file in found if file.suffix.lower() in TABLE_ENDINGS)
    if not files:
        raise BadInput(f"{path} holds no table; expected files that end with {', '.join(TABLE_ENDINGS)}.")
    for file in files:
        if not file.exists():
            raise BadInput(f"{file} does not exist; name a table file that is there.")
        if file.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{file.name} is larger than {_MOST_BYTES // 1_000_000:,} MB: load it into a database.")
    return files


def tables_version(files: list[Path]) -> str:
    """A hash of the names and contents of table files."""
    return fingerprint(_FORMAT, [(file.name, _content_hash(file)) for file in files])


def load_tables(source: DataSource, home: Path) -> Path:
    """The DuckDB file with the tables of a source, made where the files changed since it was.

    Args:
        source: Of kind `tables`.
        home: The workspace.

    Raises:
        BadInput: A file is damaged, no table, or too large.
        StorageError: The workspace cannot be written.
    """
    files = table_files(source)
    folder = home / FOLDER
    make_folder(folder)
    prefix = f"{fingerprint(source.where)}-"
    target = folder / f"{prefix}{tables_version(files)}.duckdb"
    if not target.exists():
        _build(files, target)
        # Of one source only the last content is asked for.
        for old in folder.glob(f"{prefix}*.duckdb"):
            if old != target:
                with suppress(OSError):
                    old.unlink()
    return target


def _build(files: list[Path], target: Path) -> None:
    size = sum(file.stat().st_size for file in files)
    seconds = _SECONDS + size / _BYTES_PER_SECOND
    memory = _MEMORY + _MEMORY_PER_BYTE * size
    limits = Limits(memory + _LIBRARIES, seconds + _SECONDS, 3 * seconds)
    # Whole or not at all: another process may look for it while it is made.
    draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}.draft")
    arguments = ([str(file) for file in files], str(draft), memory, seconds)
    try:
        run_in_child(build_tables, arguments, limits, on_part=lambda *_: None, heartbeat=lambda: None)
        os.replace(draft, target)  # noqa: PTH105
    except IsolationError as stop:
        raise BadInput(_SENTENCES[stop.reason].format(name=_names(files), detail=stop.detail)) from stop
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        for rest in (draft, draft.with_name(f"{draft.name}.wal")):
            rest.unlink(missing_ok=True)


_SENTENCES = {
    "memory": "{name} needs more than {detail} of memory to be loaded: split it, or load it into a database.",
    "time": "{name} takes too long to be loaded (more than {detail}): split it, or load it into a database.",
    "crash": "{name} is damaged and broke its reader ({detail}): open it in its program and save it again.",
    "failed": "{name} cannot be loaded ({detail}): open it in its program and save it again.",
}


def _names(files: list[Path]) -> str:
    return files[0].name if len(files) == 1 else f"One of the {len(files)} table files"


def _content_hash(file: Path) -> str:
    found = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                found.update(piece)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
    return found.hexdigest()
