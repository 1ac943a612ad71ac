"""What people note when they read records: the first thing that went wrong, kept by evaluation set."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.text.csv_text import csv_text
from llmopt_core.types import Record

# Of drafts in the store: one per set, changed within a transaction, so that two tabs lose nothing to each other.
_KIND = "failure-notes"
# Between what two people (or two tabs) wrote about the same record.
SEPARATOR = " / "
_COLUMNS = ("configuration", "example_id", "category", "question", "finding", "note", "group", "saved_at", "run_id")

Finding = Literal["wrong", "nothing wrong", "skipped"]
"""What was said of a record; a note makes it wrong."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a person said of one record.

    Attributes:
        text: The first thing that went wrong; empty where nothing did, or the record was skipped.
        group: Id of the group it was put into; empty for none yet.
        saved_at: ISO moment of the last change, in UTC.
    """

    run_id: int
    example_id: str
    configuration: str = ""
    category: str = ""
    question: str = ""
    finding: Finding = "wrong"
    text: str = ""
    group: str = ""
    saved_at: str = ""

    @property
    def key(self) -> str:
        """Names the record."""
        return record_key(self.run_id, self.example_id)


@dataclass(frozen=True, slots=True)
class NoteBook:
    """All notes on the records of a set, and their groups.

    Attributes:
        notes: By record, in the order in which they were first written.
        groups: Id -> name.
    """

    notes: Mapping[str, Note] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[Note]:
        """The notes that say what went wrong."""
        return [note for note in self.notes.values() if note.text]

    @property
    def reviews(self) -> list[Note]:
        """The notes on records that were read, wrong or not, in the order of the reading."""
        return [note for note in self.notes.values() if note.finding != "skipped"]

    def of_group(self, group: str) -> list[Note]:
        """The notes of one group."""
        return [note for note in self.problems if note.group == group]


def record_key(run_id: int, example_id: str) -> str:
    """Under which a note is kept."""
    return f"{run_id}:{example_id}"


def new_note(record: Record, run_id: int, configuration: str) -> Note:
    """An empty note on a record, with what it is told apart by in tables and files."""
    example = record.example
    return Note(run_id, example.id, configuration, example.category or "", example.question)


def read_notes(store: Store, project: Project | str, set_name: str) -> NoteBook:
    """What was noted on the records of a set; what cannot be read is left out."""
    return _book(store.draft(project, _KIND, set_name))


def save_note(store: Store, project: Project | str, set_name: str, note: Note, before: str = "") -> Note:
    """Keep what is written about a record; an empty text of a wrong record takes the note back.

    Args:
        store: Keeps it.
        project: Whose.
        set_name: The evaluation set.
        note: With the text as it is now.
        before: The text that the writer began with: what others have written since then stays, beside it.

    Returns:
        The note as it is kept.
    """
    result = note

    def change(book: NoteBook) -> NoteBook:
        nonlocal result
        notes = dict(book.notes)
        earlier = notes.pop(note.key, None) if not note.text and note.finding == "wrong" else notes.get(note.key)
        text = _join(earlier.text if earlier else "", before, note.text)
        result = replace(note, text=text, group=earlier.group if earlier else "", saved_at=_now())
        if text or result.finding != "wrong":
            # A dictionary keeps the place of what it has, so that the order is that of the first words.
            notes[note.key] = replace(result, finding="wrong") if text else replace(result, group="")
        result = notes.get(note.key, result)
        return replace(book, notes=notes)

    change_notes(store, project, set_name, change)
    return result


def change_notes(store: Store, project: Project | str, set_name: str, change: Callable[[NoteBook], NoteBook]) -> None:
    """Replace the notes of a set by what is made of them; of two who do so at once neither undoes the other."""
    store.change_draft(project, _KIND, set_name, lambda body: _body(change(_book(body))))


def notes_of_runs(store: Store, run_ids: Iterable[int]) -> NoteBook:
    """What was noted on the records of these runs.

    Raises:
        BadInput: There is no such run.
    """
    notes: dict[str, Note] = {}
    groups: dict[str, str] = {}
    for run in [store.run(run_id) for run_id in dict.fromkeys(run_ids)]:
        book = read_notes(store, run.project, run.evaluation_set)
        notes |= {key: note for key, note in book.notes.items() if note.run_id == run.id}
        groups |= book.groups
    return NoteBook(notes, groups)


def notes_json(book: NoteBook) -> str:
    """All notes as a JSON list."""
    return json.dumps([_row(book, note) for note in book.notes.values()], ensure_ascii=False, indent=1)


def notes_csv(book: NoteBook) -> str:
    """All notes as a table."""
    rows = [_row(book, note) for note in book.notes.values()]
    return csv_text(_COLUMNS, [[row[name] for name in _COLUMNS] for row in rows])


def _row(book: NoteBook, note: Note) -> dict[str, Any]:
    values = asdict(note)
    return {**values, "note": values.pop("text"), "group": book.groups.get(note.group, "")}


def _join(stored: str, before: str, text: str) -> str:
    """The text, with what others have added to the record since the writer began."""
    if stored in (before, text):
        return text
    if before and stored.endswith(f"{SEPARATOR}{before}"):
        others = stored.removesuffix(f"{SEPARATOR}{before}")
    elif stored.startswith(f"{before}{SEPARATOR}") and before:
        return SEPARATOR.join(filter(None, (text, stored.removeprefix(f"{before}{SEPARATOR}"))))
    else:
        others = stored
    return SEPARATOR.join(filter(None, (others, text)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _book(body: Any) -> NoteBook:
    values = body if isinstance(body, Mapping) else {}
    groups = {str(key): str(name) for key, name in dict(values.get("groups") or {}).items()}
    return NoteBook({note.key: note for note in _notes(values.get("notes") or ())}, groups)


def _notes(rows: Iterable[Any]) -> Iterable[Note]:
    for row in rows:
        try:
            yield Note(**row)
        # Of another version of the program.
        except TypeError:
            continue


def _body(book: NoteBook) -> dict[str, Any]:
    return {"notes": [asdict(note) for note in book.notes.values()], "groups": dict(book.groups)}
