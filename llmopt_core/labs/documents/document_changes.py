"""Documents come, change and go; what hangs on them (reference spans, indexes) follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llmopt_core.documents.load import check_names
from llmopt_core.documents.span_tracking import SpanTracker, track_span
from llmopt_core.index.index_inventory import IndexSummary, delete_index, list_indexes, list_pieces
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example, Span


@dataclass(frozen=True, slots=True)
class DanglingQuestion:
    """A question whose reference stands in a document; `reason` says what became of that, where it was replaced."""

    set_name: str
    example_id: str
    question: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DocumentChanges:
    """What became of documents that were put into a project.

    Attributes:
        additions: Names that were new.
        replacements: Names whose text is another now.
        unchanged: Names that hold the same text as before.
        duplicates: Name, and the document that holds the same text; these were left out.
        moved: Reference spans that stand at another place of a replaced document now.
        dangling: Questions whose reference no longer stands in a replaced document.
        unsure: Questions whose reference may stand at another place than the one that it has now.
        indexes: Indexes removed, because no project's documents make them any more.
    """

    additions: tuple[str, ...] = ()
    replacements: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    duplicates: tuple[tuple[str, str], ...] = ()
    moved: int = 0
    dangling: tuple[DanglingQuestion, ...] = ()
    indexes: int = 0
    unsure: tuple[DanglingQuestion, ...] = ()

    def __add__(self, other: DocumentChanges) -> DocumentChanges:
        return DocumentChanges(
            self.additions + other.additions,
            self.replacements + other.replacements,
            self.unchanged + other.unchanged,
            self.duplicates + other.duplicates,
            self.moved + other.moved,
            self.dangling + other.dangling,
            self.indexes + other.indexes,
            self.unsure + other.unsure,
        )


@dataclass(frozen=True, slots=True)
class Removal:
    """What went with a document: the references in it, and indexes that nothing makes any more."""

    references: tuple[DanglingQuestion, ...]
    indexes: int


def put_documents(
    store: Store,
    settings: Settings,
    project: Project | str,
    documents: Sequence[Document],
    *,
    keep_duplicates: bool = False,
) -> DocumentChanges:
    """Add documents; one of a known name replaces the one that is there.

    Reference spans into a replaced document follow its text, by the difference of old and new: they move with it, or
    are taken out where their passage is gone, even if the same words stand elsewhere. The sets concerned get a new
    version.

    Args:
        store: Where they are kept.
        settings: Where the workspace is.
        project: Whose documents they are.
        documents: As they were read.
        keep_duplicates: Whether to add a new document whose text stands there under another name.

    Raises:
        BadInput: Two of them have one name.
    """
    check_names(documents)
    versions = {item.name: item.version for item in store.document_list(project)}
    batch: list[Document] = []
    added_names, replaced_names, unchanged_names = list[str](), list[str](), list[str]()
    same: list[tuple[str, str]] = []
    for document in documents:
        # By content: a file under a new name is still the same text.
        twin = next((name for name, version in versions.items() if version == document.version), None)
        if versions.get(document.name) == document.version:
            unchanged_names.append(document.name)
        elif twin is not None and document.name not in versions and not keep_duplicates:
            # A copy would take a second place among what is retrieved, and push something else out.
            same.append((document.name, twin))
            continue
        else:
            (replaced_names if document.name in versions else added_names).append(document.name)
        # Also within this call: two uploads of one text are each other's copies.
        versions[document.name] = document.version
        batch.append(document)
    # Read before they are overwritten: the difference of old and new moves the references.
    before = {name: store.document(project, name) for name in replaced_names}
    store.save_documents(project, batch)
    after = {document.name: document for document in batch if document.name in before}
    # After the documents, which are what was asked for: a crash in between leaves references at their old places.
    move_count, lost_questions, unsure_questions = _follow(store, project, before, after)
    # Last, since an index is made anew from the documents whenever it is missing.
    indexes = sum(drop_own_indexes(store, settings, name) for name in replaced_names)
    return DocumentChanges(
        tuple(added_names),
        tuple(replaced_names),
        tuple(unchanged_names),
        tuple(same),
        move_count,
        lost_questions,
        indexes,
        unsure_questions,
    )


def find_dangling(store: Store, project: Project | str, name: str) -> list[DanglingQuestion]:
    """The questions, in the latest version of every set, whose references stand in a document."""
    return [
        DanglingQuestion(item.name, example.id, example.question)
        for item in _sets(store, project)
        for example in item.examples
        if any(span.document == name for span in example.references)
    ]


def remove_document(store: Store, settings: Settings, project: Project | str, name: str) -> Removal:
    """Delete a document with the references into it, and the indexes that no project's documents make any more.

    The questions stay, in a new version of their set; runs keep what they quoted.
    """
    # Before it is deleted, while the references still say where they stood.
    hanging = find_dangling(store, project, name)
    store.delete_document(project, name)
    for item in _sets(store, project):
        examples = [replace(e, references=tuple(s for s in e.references if s.document != name)) for e in item.examples]
        _save_changes(store, project, item, examples)
    return Removal(tuple(hanging), drop_own_indexes(store, settings, name))


def drop_own_indexes(store: Store, settings: Settings, name: str) -> int:
    """Remove the indexes over a document of that name that no project's documents make; returns how many."""
    candidates = [index for index in list_indexes(settings) if name in index.documents]
    if not candidates:
        return 0
    # Every project: indexes are shared by those that have the same chunks.
    texts = [{document.name: document.text for document in store.documents(each)} for each in store.projects()]
    stale = [index for index in candidates if not any(_is_made_of(settings, index, each) for each in texts)]
    return sum(delete_index(settings, index.name) for index in stale)


def _is_made_of(settings: Settings, index: IndexSummary, texts: Mapping[str, str]) -> bool:
    """Whether every chunk of an index stands where it says in these texts."""
    # A document is missing, so this project would never make that index.
    if not index.documents <= texts.keys():
        return False
    return all(texts[document][start:end] == text for document, start, end, text in list_pieces(settings, index))


def _follow(
    store: Store, project: Project | str, before: Mapping[str, Document], after: Mapping[str, Document]
) -> tuple[int, tuple[DanglingQuestion, ...], tuple[DanglingQuestion, ...]]:
    """Let references go with their text; returns how many moved, and the questions that lost one or need a look."""
    texts = {name: SpanTracker(old.text, after[name].text) for name, old in before.items()}
    move_count = 0
    lost_questions: list[DanglingQuestion] = []
    unsure_questions: list[DanglingQuestion] = []
    # Nothing was replaced: the sets need not be read.
    for item in _sets(store, project) if before else ():
        examples = []
        for example in item.examples:
            spans: list[Span] = []
            for old in example.references:
                new, doubt = _follow_span(old, before, after, texts)
                # The same words may stand in several places, or nearly the same.
                if doubt:
                    (lost_questions if new is None else unsure_questions).append(
                        DanglingQuestion(item.name, example.id, example.question, doubt)
                    )
                if new is not None:
                    move_count += new != old
                    spans.append(new)
            # Two references may have come together in the new text.
            examples.append(replace(example, references=tuple(dict.fromkeys(spans))))
        _save_changes(store, project, item, examples)
    return move_count, _once(lost_questions), _once(unsure_questions)


def _once(questions: Sequence[DanglingQuestion]) -> tuple[DanglingQuestion, ...]:
    """Each question once, however many of its references are concerned."""
    # Reversed twice: of each question the first reason stays, in the order of the questions.
    return tuple({(one.set_name, one.example_id): one for one in reversed(questions)}.values())[::-1]


def _follow_span(
    span: Span, before: Mapping[str, Document], after: Mapping[str, Document], texts: Mapping[str, SpanTracker]
) -> tuple[Span | None, str]:
    """Where a span stands in the new text, or None; and why that is not sure."""
    if span.document not in before:
        return span, ""
    if not before[span.document].text[span.start : span.end] and span.end <= len(after[span.document].text):
        # The stored text could not be read: nobody knows what stood there.
        return span, ""
    return track_span(span, texts[span.document])


def _sets(store: Store, project: Project | str) -> list[EvaluationSet]:
    return [store.evaluation_set(project, item.name) for item in store.evaluation_sets(project)]


def _save_changes(store: Store, project: Project | str, before: EvaluationSet, examples: Sequence[Example]) -> None:
    # A set without a change gets no new version, which runs and labels would hang on.
    if tuple(examples) != before.examples:
        store.save_evaluation_set(project, EvaluationSet(before.name, tuple(examples)))
