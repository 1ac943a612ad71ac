"""Question files and data sets into a project: documents, questions, and how they are split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from llmopt_core.documents.beir import BeirDataset
from llmopt_core.documents.context_documents import context_documents
from llmopt_core.documents.question_diff import SetDiff, compare_sets
from llmopt_core.documents.questions import QuestionFile
from llmopt_core.errors import BadInput
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, SavedSet
from llmopt_core.types import Document, EvaluationSet


@dataclass(frozen=True, slots=True)
class ImportedSet:
    """What came of an import.

    Attributes:
        saved: The set as it is kept.
        documents: How many documents came along.
        notes: What the user should know, a sentence each.
        diff: Against the version of the same name that was there; None for a new set.
    """

    saved: SavedSet
    documents: int = 0
    notes: tuple[str, ...] = ()
    diff: SetDiff | None = None


def set_name_of(file_name: str) -> str:
    """What a set is called that comes from a file: its name without folder and ending."""
    # Folders are no part of a set's name.
    name = PurePath(file_name.replace("\\", "/")).name
    return (name.rsplit(".", 1)[0] or name).strip() or "questions"


def read_with_paragraphs(
    read: Callable[[Sequence[Document]], QuestionFile], known: Sequence[Document], name: str
) -> tuple[QuestionFile, list[Document]]:
    """A question file whose paragraphs become documents, so that its answers have places; and those documents.

    Args:
        read: Reads the file against documents.
        known: Those of the project; one of the same name as a new one is replaced by it.
        name: Of the set.

    Raises:
        BadInput: No question brings a paragraph.
    """
    documents = context_documents(read(known).evaluation_set.examples, name)
    if not documents:
        raise BadInput(f"{name} brings no paragraphs: no question has a column `context` with a text.")
    names = {document.name for document in documents}
    return read([*(one for one in known if one.name not in names), *documents]), documents


def import_questions(store: Store, project: Project | str, name: str, questions: QuestionFile) -> ImportedSet:
    """Keep what a question file holds as a set, and as a new version where there is one of that name.

    Raises:
        BadInput: The name is none, or that of a part; or the file's split leaves nothing to split.
    """
    name = name.strip()
    if not name or not name.isprintable():
        raise BadInput("An evaluation set needs a name of visible characters.")
    item = EvaluationSet(name, questions.evaluation_set.examples)
    exists = any(one.name == name for one in store.evaluation_sets(project))
    diff = compare_sets(store.evaluation_set(project, name), item) if exists else None
    version = store.save_evaluation_set(project, item)
    notes = questions.notes
    if questions.parts:
        before = store.split(project, name)
        if before is None or not questions.parts.items() <= before.parts.items():
            notes += store.make_split(project, name, wanted=questions.parts).notes
    return ImportedSet(version, 0, notes, diff)


def import_dataset(store: Store, project: Project | str, dataset: BeirDataset, name: str = "") -> ImportedSet:
    """Keep the corpus of a data set as documents, and its judged questions as a set that points into them."""
    store.save_documents(project, dataset.documents)
    result = import_questions(store, project, name or dataset.questions.evaluation_set.name, dataset.questions)
    others = [part for part in dataset.parts if part != dataset.part]
    more = (f"The judgements of {dataset.part} were taken; there are {', '.join(others)} too.",) if others else ()
    # Lines of the corpus that could not be read stand as a warning at its first document.
    losses = tuple(warning for document in dataset.documents for warning in document.warnings)
    return ImportedSet(result.saved, len(dataset.documents), (*result.notes, *losses, *more), result.diff)
