"""What `llmopt questions import` reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmopt_core.errors import BadInput

if TYPE_CHECKING:
    from llmopt_core.runs.store import Store
    from llmopt_core.types import Document


def load_texts(paths: list[Path]) -> list[Document]:
    """Documents that come along with questions."""
    from llmopt_core.documents.load import load_documents
    from llmopt_core.experiments.experiment_file import documents_root

    return load_documents(paths, root=documents_root(paths)) if paths else []


def has_project(store: Store, project: str) -> bool:
    """Whether there is a project of that name."""
    return any(one.name == project.strip() for one in store.projects())


def read_file(file: Path) -> bytes:
    """A file of a data set.

    Raises:
        BadInput: It is missing or too large.
    """
    from llmopt_core.documents import limits
    from llmopt_core.text.files import read_regular_file

    def check(size: int) -> None:
        if size > limits.TEXT_BYTES:
            raise BadInput(f"{file} has more than {limits.megabytes(limits.TEXT_BYTES)}: split it.")

    if not file.exists():
        raise BadInput(f"{file} does not exist.")
    return read_regular_file(file, check)
