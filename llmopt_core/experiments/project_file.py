"""A project as one file, to be kept, sent, or taken into another workspace.

It is a zip with a manifest and one JSON Lines file per table. It holds no keys and no paths of this machine, and
nothing of it is ever unpacked to the disk.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from llmopt_core.errors import BadInput, StorageError
from llmopt_core.experiments.project_paths import to_absolute_paths, to_relative_paths
from llmopt_core.installation import program_version
from llmopt_core.runs.reconnect import patiently
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_projects import check_name
from llmopt_core.runs.store_transfer import TABLE_NAMES, Row
from llmopt_core.runs.values import Project
from llmopt_core.text.files import open_regular_file
from llmopt_core.text.free_names import free_name
from llmopt_core.workspace import write_output

FORMAT, VERSION = "llmopt-project", 1
_MANIFEST = "manifest.json"
# A file from somebody else may unpack to anything; what the app exports stays far below these limits.
_MOST_BYTES = 8 * 2**30
# Deflate packs up to 1,032 to 1. What is small may be so dense by itself, as a table of equal rows, so the rate is only
# looked at above `_SMALL`.
_MOST_TIMES = 300
# A line is a row, at most a document with its text or a record with its trace.
_MOST_LINE = 256 * 2**20
_MOST_MANIFEST = 2**20
_SMALL = 10 * 2**20


def export_project(store: Store, project: Project | str, file: Path | IO[bytes]) -> None:
    """Write a project with all that belongs to it.

    Raises:
        BadInput: There is no such project.
        StorageError: The file cannot be written.
    """
    saved_project = store.project(project) if isinstance(project, str) else project
    with tempfile.TemporaryFile() as archive_file:
        try:
            # Anew from the start where the server was away for a while.
            patiently(lambda: _write(store, saved_project, archive_file), store.database.where)
        except OSError as error:
            raise StorageError(f"The project file cannot be made ({error.strerror}): free some space.") from error
        archive_file.seek(0)
        if isinstance(file, Path):
            write_output(file, archive_file)
        else:
            shutil.copyfileobj(archive_file, file)


def import_project(store: Store, file: Path | IO[bytes], name: str = "") -> Project:
    """Add the project of a file to this workspace, all of it or nothing.

    Args:
        store: Where to.
        file: As `export_project` wrote it.
        name: What it is called here; by default as in the file, with a number where that is taken.

    Raises:
        BadInput: It is no such file, is damaged, or of a newer version; or the name is taken.
    """
    if isinstance(file, Path):
        with open_regular_file(file) as stream:
            return _import(store, stream, file.name, name)
    return _import(store, file, "The file", name)


def copy_project(store: Store, project: Project | str, name: str) -> Project:
    """Add a copy of a project under another name; the two share nothing but what is cached.

    Raises:
        BadInput: There is no such project, or the name is empty, too long or taken.
    """
    name = check_name(name)
    with tempfile.TemporaryFile() as archive_file:
        export_project(store, project, archive_file)
        archive_file.seek(0)
        return import_project(store, archive_file, name)


def _import(store: Store, file: IO[bytes], label: str, name: str) -> Project:
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive, label)
            project_values = manifest["project"]
            project_name = name.strip() or _free_name(store, str(project_values["name"]))
            rows = _Rows(archive, manifest["rows"], store.home)
            return store.load_project(project_name, str(project_values.get("description") or ""), rows)
    except OSError as error:
        raise BadInput(f"{label} cannot be read ({error.strerror or error}).") from error
    # zipfile raises NotImplementedError for packings that it does not know, RuntimeError for what is encrypted.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadInput(f"{label} is no project file, or a damaged one ({error}); export the project again.") from error


def _write(store: Store, project: Project, file: IO[bytes]) -> None:
    # What an earlier try has written.
    file.seek(0)
    file.truncate()
    counts: Counter[str] = Counter()
    # Low, as higher levels take much longer for little on texts of JSON.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for table, rows in groupby(store.dump_project(project), key=itemgetter(0)):
            # The size is not known beforehand, and without this an entry above 2 GB ends in an error.
            with archive.open(_entry(table), "w", force_zip64=True) as entry:
                for _, row in rows:
                    counts[table] += 1
                    values = to_relative_paths(table, row, store.home)
                    entry.write(json.dumps(values, separators=(",", ":")).encode() + b"\n")
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "program": program_version(),
            "project": {"name": project.name, "description": project.description},
            "rows": {table: counts[table] for table in TABLE_NAMES},
        }
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))


def _entry(table: str) -> str:
    return f"tables/{table}.jsonl"


def _manifest(archive: zipfile.ZipFile, label: str) -> dict[str, Any]:
    _check_entries(archive, label)
    with archive.open(_MANIFEST) as entry:
        # No more, whatever the file announces of itself.
        text = entry.read(_MOST_MANIFEST + 1)
    try:
        manifest = json.loads(text)
        is_known = manifest["format"] == FORMAT
        version, rows, project = int(manifest["version"]), manifest["rows"], manifest["project"]
        is_valid = isinstance(project["name"], str) and all(isinstance(count, int) for count in rows.values())
    # Any JSON may stand there: a list, a number, brackets nested without end.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{label} is no project file: its manifest cannot be read.") from error
    if not is_known or not is_valid:
        raise BadInput(f"{label} is no project file: its manifest is not that of one.")
    if version != VERSION:
        raise BadInput(
            f"{label} is a project file of version {version}, and this program reads version {VERSION}: "
            f"{'update the program' if version > VERSION else 'export the project again'}."
        )
    return {"rows": rows, "project": project}


def _check_entries(archive: zipfile.ZipFile, label: str) -> None:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    foreign_names = set(names) - {_MANIFEST, *map(_entry, TABLE_NAMES)}
    if _MANIFEST not in names:
        raise BadInput(f"{label} is no project file: it has no {_MANIFEST}.")
    # Of two entries of one name, a reader may check the one and read the other.
    if foreign_names or len(names) != len(set(names)):
        # The same one each time, whatever the order of a set.
        example = sorted(foreign_names)[0] if foreign_names else next(name for name in names if names.count(name) > 1)
        raise BadInput(f"{label} is no project file: it holds {example[:80]!r}, which does not belong there.")
    for entry in entries:
        # The lowest bit of the flags: encrypted.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.flag_bits & 1:
            raise BadInput(f"{label} is no project file: {entry.filename} is packed in a way that those never are.")
        # The announced size can be relied on: zipfile never gives out more than that.
        too_dense = entry.file_size > _SMALL and entry.file_size > _MOST_TIMES * max(1, entry.compress_size)
        too_long = entry.filename == _MANIFEST and entry.file_size > _MOST_MANIFEST
        if too_dense or too_long or sum(e.file_size for e in entries) > _MOST_BYTES:
            raise BadInput(f"{label} would unpack to far more than a project holds ({entry.filename}); it is not read.")


@dataclass(frozen=True)
class _Rows:
    """The rows of a project file. Not an iterator: the store reads those into memory, to be able to begin anew."""

    archive: zipfile.ZipFile
    counts: Mapping[str, int]
    home: Path

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        entry_names = set(self.archive.namelist())
        for table in TABLE_NAMES:
            count, expected_count = 0, self.counts.get(table, 0)
            if _entry(table) in entry_names:
                for row in _table(self.archive, table):
                    count += 1
                    yield table, to_absolute_paths(table, row, self.home)
            if count != expected_count:
                raise BadInput(f"The project file is damaged: {expected_count} {table} are announced, {count} there.")


def _table(archive: zipfile.ZipFile, table: str) -> Iterator[Row]:
    with archive.open(_entry(table)) as entry:
        number = 0
        # One byte more than is taken, which shows that a line is longer.
        while line := entry.readline(_MOST_LINE + 1):
            number += 1
            try:
                row = json.loads(line) if len(line) <= _MOST_LINE else None
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise BadInput(f"The project file is damaged: {_entry(table)} line {number} cannot be read.")
            yield row


def _free_name(store: Store, name: str) -> str:
    names = {project.name for project in store.projects()}
    # 190 of the 200 characters that a name may have: room for a number behind it.
    name = "".join(c for c in name if c.isprintable()).strip()[:190] or "Imported project"
    return free_name(name, names)
