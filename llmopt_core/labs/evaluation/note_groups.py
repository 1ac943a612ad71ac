"""Notes in groups: proposed by how near their words are, named by the most typical one, edited and merged by people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import numpy as np

from llmopt_core.errors import BadInput
from llmopt_core.labs.evaluation.note_vectors import Encode, NoteVectors, note_vectors
from llmopt_core.labs.evaluation.notes import Note, NoteBook, change_notes, read_notes
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.statistics.intervals import Rate, rate
from llmopt_core.text.words import shorten
from llmopt_core.types.grouping import group_values

NOTES_FOR_GROUPS = 30
"""Notes after which groups are proposed: with fewer most kinds were seen once."""
SATURATION = 20
"""Records over which the meter looks back."""
_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class GroupCount:
    """A group with how often it came.

    Attributes:
        rate: Over the records that were read, with Wilson's interval.
        notes: Those of the group, in the order of the reading.
    """

    id: str
    name: str
    rate: Rate
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class GroupCell:
    """How often a group came in a configuration and category (None for all), over the records that were read."""

    configuration: str
    category: str | None
    group: str
    rate: Rate
    example_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Saturation:
    """How many new kinds the last records brought.

    Attributes:
        records: Over how many of the last records that were read.
        new_kinds: Kinds whose first record is among them.
        open_notes: Notes among them that are in no group yet, of which nobody knows whether they are new.
    """

    records: int
    new_kinds: int
    open_notes: int


def propose_groups(store: Store, project: Project | str, set_name: str, encode: Encode) -> int:
    """Put each note that has no group into the nearest one, or into a new one; returns how many groups are new.

    Args:
        store: Keeps the notes.
        project: Whose.
        set_name: The evaluation set.
        encode: Texts -> vectors of the built-in embedding; not asked for notes that it does not read.
    """
    before = read_notes(store, project, set_name)
    if all(note.group in before.groups for note in before.problems):
        return 0
    texts = list(dict.fromkeys(note.text for note in before.problems))
    # Outside the transaction, which would else hold the database while a model is loaded.
    vectors = note_vectors(texts, encode)
    count = 0

    def assign(book: NoteBook) -> NoteBook:
        nonlocal count
        result = _assign(book, vectors)
        count = len(result.groups) - len(book.groups)
        return result

    change_notes(store, project, set_name, assign)
    return count


def _assign(book: NoteBook, found: NoteVectors) -> NoteBook:
    vectors = found.by_text
    # Written since the texts were embedded: left for the next time.
    notes_to_sort = [note for note in book.problems if note.text in vectors]
    groups = dict(book.groups)
    members = group_values((note.group, vectors[note.text]) for note in notes_to_sort if note.group in groups)
    places: dict[str, str] = {}
    rest = []
    for note in notes_to_sort:
        if note.group in groups:
            continue
        nearest = max(members, key=lambda group: _similarity(members[group], vectors[note.text]), default="")
        if nearest and _similarity(members[nearest], vectors[note.text]) >= found.least:
            places[note.key] = nearest
        else:
            rest.append(note)
    for cluster in _clusters(rest, found):
        group = uuid4().hex[:8]
        groups[group] = free_name(_typical(cluster, vectors), groups)
        places |= {note.key: group for note in cluster}
    notes = {key: replace(note, group=places.get(key, note.group)) for key, note in book.notes.items()}
    return NoteBook(notes, groups)


def _similarity(vectors: Sequence[Any], vector: Any) -> float:
    """The mean cosine with the members of a group, as average linkage measures it."""
    return float(np.mean(np.asarray(vectors) @ vector))


def _clusters(notes: Sequence[Note], found: NoteVectors) -> list[list[Note]]:
    if len(notes) < 2:
        return [[note] for note in notes]
    # At use: scipy's clustering takes a while to load.
    from scipy.cluster.hierarchy import fcluster, linkage

    points = np.array([found.by_text[note.text] for note in notes], dtype=float)
    # `clip`: rounding makes the distance of equal texts a little less than 0, which linkage refuses.
    distances = np.clip(1 - points @ points.T, 0, 2)[np.triu_indices(len(notes), 1)]
    labels = fcluster(linkage(distances, "average"), 1 - found.least, "distance")
    return list(group_values(zip(labels.tolist(), notes, strict=True)).values())


def _typical(notes: Sequence[Note], vectors: Mapping[str, Any]) -> str:
    """The text of the note that is nearest to all of them."""
    points = [vectors[note.text] for note in notes]
    best = max(range(len(notes)), key=lambda place: _similarity(points, points[place]))
    return shorten(notes[best].text, _NAME_LENGTH)


def free_name(name: str, groups: Mapping[str, str]) -> str:
    """The name, numbered where another group has it."""
    names = set(groups.values())
    # Two groups of one name could not be told apart where one is chosen.
    return next(one for one in (name, *(f"{name} ({n})" for n in range(2, len(names) + 3))) if one not in names)


def has_proposed_name(name: str, notes: Sequence[Note]) -> bool:
    """Whether a group still has the name that it was proposed with: that of one of its notes."""
    plain = re.sub(r" \(\d+\)$", "", name)
    return any(shorten(note.text, _NAME_LENGTH) in (name, plain) for note in notes)


def rename_group(store: Store, project: Project | str, set_name: str, group: str, name: str) -> None:
    """Give a group another name.

    Raises:
        BadInput: The name is empty, or another group has it.
    """
    name = name.strip()
    if not name:
        raise BadInput("A group needs a name.")

    def change(book: NoteBook) -> NoteBook:
        _check_group(book, group)
        if name in {other for key, other in book.groups.items() if key != group}:
            raise BadInput(f"There is a group named {name} already; merge the two, or take another name.")
        return replace(book, groups={**book.groups, group: name})

    change_notes(store, project, set_name, change)


def merge_groups(store: Store, project: Project | str, set_name: str, group: str, into: str) -> None:
    """Put all notes of a group into another one, whose name stays.

    Raises:
        BadInput: One of them is gone, or they are the same.
    """

    def change(book: NoteBook) -> NoteBook:
        for one in (group, into):
            _check_group(book, one)
        if group == into:
            raise BadInput("Choose another group to merge it into.")
        notes = {key: replace(note, group=into) if note.group == group else note for key, note in book.notes.items()}
        return NoteBook(notes, {key: name for key, name in book.groups.items() if key != group})

    change_notes(store, project, set_name, change)


def move_notes(
    store: Store, project: Project | str, set_name: str, keys: Sequence[str], *, into: str = "", name: str = ""
) -> str:
    """Put notes into another group, or into a new one of this name; a group without notes goes. Returns its id.

    Raises:
        BadInput: The group is gone, or there is neither one nor a name.
    """
    target = into or uuid4().hex[:8]

    def change(book: NoteBook) -> NoteBook:
        groups = dict(book.groups)
        if into:
            _check_group(book, into)
        elif not name.strip():
            raise BadInput("Choose a group, or name a new one.")
        else:
            groups[target] = free_name(name.strip(), groups)
        notes = {key: replace(note, group=target) if key in keys else note for key, note in book.notes.items()}
        used_groups = {note.group for note in notes.values()}
        return NoteBook(notes, {key: title for key, title in groups.items() if key in used_groups})

    change_notes(store, project, set_name, change)
    return target


def _check_group(book: NoteBook, group: str) -> None:
    if group not in book.groups:
        raise BadInput("This group is no longer there; it was merged or emptied in another tab.")


def count_groups(book: NoteBook) -> list[GroupCount]:
    """The groups, the largest first. A record that was read and is in another group counts as one without."""
    reviews = book.reviews
    counts = [
        GroupCount(group, name, rate([note.group == group for note in reviews]), tuple(book.of_group(group)))
        for group, name in book.groups.items()
    ]
    return sorted((one for one in counts if one.notes), key=lambda one: -len(one.notes))


def count_by_category(book: NoteBook, run_names: Mapping[int, str]) -> list[GroupCell]:
    """How often each group came, by configuration and category; first all categories of a configuration together.

    Args:
        book: The notes.
        run_names: Id of a run -> the configuration's name, in the order of the result; other runs are left out.
    """
    cells = []
    for run_id, name in run_names.items():
        reviews = [note for note in book.reviews if note.run_id == run_id]
        if not reviews:
            continue
        parts: list[tuple[str | None, list[Note]]] = [(None, reviews)]
        parts += sorted(group_values((note.category, note) for note in reviews).items())
        for category, notes in parts:
            for group in book.groups:
                ids = tuple(note.example_id for note in notes if note.group == group)
                cells.append(GroupCell(name, category, group, rate([note.group == group for note in notes]), ids))
    return cells


def saturation(book: NoteBook, records: int = SATURATION) -> Saturation:
    """How many kinds were first seen in the last records that were read."""
    reviews = book.reviews
    earlier, last = reviews[:-records], reviews[-records:]
    earlier_groups = {note.group for note in earlier}
    groups = {note.group for note in last if note.group in book.groups}
    open_notes = [note for note in last if note.text and note.group not in book.groups]
    return Saturation(len(last), len(groups - earlier_groups), len(open_notes))
