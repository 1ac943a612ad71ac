"""The data sources of a project: where each is, what people wrote about its tables, and every earlier version."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.databases.source import DUCKDB_ENDINGS, SQLITE_ENDINGS, TABLE_ENDINGS
from llmopt_core.errors import BadInput
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import replace_file
from llmopt_core.types import fingerprint

KIND = "data source"
UPLOAD_ENDINGS = (*SQLITE_ENDINGS, *DUCKDB_ENDINGS, *TABLE_ENDINGS)
# Of names of files: everything else could lead out of the folder, or is refused by some file system.
_UNSAFE = re.compile(r"[^\w.\- ]+")


@dataclass(frozen=True, slots=True)
class SavedSource:
    """A data source under a name.

    Attributes:
        source: Path or URL, as a configuration names it.
        descriptions: Of tables (`singer`) and columns (`singer.age`).
        number: Of this version, from 1.
    """

    name: str
    source: str
    descriptions: Mapping[str, str] = field(default_factory=dict)
    number: int = 1
    saved_at: datetime | None = None


def save_source(
    store: Store, project: Project | str, name: str, source: str, descriptions: Mapping[str, str] | None = None
) -> SavedSource:
    """Keep a source, or a new version of it.

    Raises:
        BadInput: The name is empty, or the source holds a password.
    """
    # The same rules as in a configuration, which will name it.
    try:
        DataSpec(source=source, descriptions=dict(descriptions or {}))
    except ValueError as error:
        text = "holds a password; put it into an environment variable and write ${NAME} in its place"
        raise BadInput(f"The data source {text}." if "password" in str(error) else "Name a data source.") from error
    written = {key: value for key, value in (descriptions or {}).items() if value}
    version = store.save_version(project, KIND, name, {"source": source, "descriptions": written})
    return SavedSource(version.name, source, written, version.number, version.saved_at)


def remove_source(store: Store, project: Project | str, name: str) -> None:
    """Take a source off the list; runs that used it keep their records."""
    store.save_version(project, KIND, name, {"source": ""})


def saved_sources(store: Store, project: Project | str) -> list[SavedSource]:
    """The newest version of each source, in the order in which they were first saved."""
    newest = {version.name: version for version in store.versions(project, KIND)}
    return [
        SavedSource(one.name, one.body["source"], one.body.get("descriptions", {}), one.number, one.saved_at)
        for one in newest.values()
        if one.body.get("source")
    ]


def save_uploads(settings: Settings, project: Project, files: Sequence[tuple[str, bytes]]) -> Path:
    """Write the files of one source into the workspace: one file, or table files, which get a folder of their own.

    Raises:
        BadInput: They are no kind of files that can be asked, or of several one is a database.
    """
    if len(files) == 1:
        return save_upload(settings, project, *files[0])
    databases = [name for name, _ in files if not name.lower().endswith(TABLE_ENDINGS)]
    if databases:
        raise BadInput(f"{databases[0]} is no table file; add databases one by one, each as a source of its own.")
    # By the names of the files: the same files, uploaded again, are the same source.
    folder = f"tables-{fingerprint(sorted(name for name, _ in files))}"
    return [save_upload(settings, project, name, data, folder) for name, data in files][-1].parent


def save_upload(settings: Settings, project: Project, file_name: str, data: bytes, folder: str = "") -> Path:
    """Write an uploaded file into the workspace; one of the same name is replaced.

    Args:
        settings: Say where the workspace is.
        project: Whose it is.
        file_name: As it was uploaded.
        data: Its content.
        folder: Inside the project's own; empty for that one.

    Raises:
        BadInput: It is no kind of file that can be asked.
    """
    name = _UNSAFE.sub("_", Path(file_name).name).strip(" .") or "table"
    if not name.lower().endswith(UPLOAD_ENDINGS):
        raise BadInput(f"{file_name} cannot be asked; upload one of: {', '.join(UPLOAD_ENDINGS)}.")
    path = settings.home / "data_sources" / str(project.id) / folder / name
    replace_file(path, data)
    return path
