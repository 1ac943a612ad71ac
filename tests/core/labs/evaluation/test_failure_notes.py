"""Notes on failures: kept whatever two tabs do, put into groups, counted."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from llmopt_core.errors import BadInput
from llmopt_core.labs.evaluation.note_groups import (
    count_groups,
    merge_groups,
    move_notes,
    propose_groups,
    rename_group,
    saturation,
)
from llmopt_core.labs.evaluation.notes import Note, notes_csv, notes_json, notes_of_runs, read_notes, save_note
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.temporary_store import temporary_store
from llmopt_core.settings import Settings
from llmopt_core.statistics.intervals import wilson_interval
from llmopt_core.types import EvaluationSet, Example

P, SET = "p", "questions"


@pytest.fixture
def store() -> Iterator[Store]:
    with temporary_store() as store:
        store.ensure_project(P)
        yield store


def write(store: Store, number: int, text: str, before: str = "", **values: str) -> Note:
    return save_note(store, P, SET, Note(1, f"q{number}", "rag", question="?", text=text, **values), before)  # type: ignore[arg-type]


def by_first_word(texts: list[str] | tuple[str, ...]) -> np.ndarray:
    """One direction per first word: notes that begin alike are alike."""
    words = sorted({text.split()[0] for text in texts})
    return np.array([[float(text.split()[0] == word) for word in words] for text in texts])


def test_a_note_is_kept_and_found_again(store: Store) -> None:
    write(store, 1, "wrong year")
    (note,) = read_notes(store, P, SET).notes.values()
    assert (note.example_id, note.text, note.finding, note.group) == ("q1", "wrong year", "wrong", "")
    assert read_notes(store, P, "another set").notes == {}


def test_what_is_typed_on_replaces_what_was_typed_before(store: Store) -> None:
    for before, text in (("", "w"), ("w", "wrong"), ("wrong", "wrong year")):
        write(store, 1, text, before)
    assert read_notes(store, P, SET).notes["1:q1"].text == "wrong year"


def test_two_tabs_on_one_record_lose_nothing(store: Store) -> None:
    write(store, 1, "wrong year")
    # The other tab was opened before that.
    assert write(store, 1, "too").text == "wrong year / too"
    assert write(store, 1, "too long", before="too").text == "wrong year / too long"
    assert write(store, 1, "wrong date", before="wrong year").text == "wrong date / too long"


def test_many_writers_at_once_all_stay(store: Store) -> None:
    threads = [threading.Thread(target=write, args=(store, n, f"note {n}")) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(note.text for note in read_notes(store, P, SET).problems) == sorted(f"note {n}" for n in range(12))


def test_an_emptied_note_is_taken_back_and_what_another_wrote_stays(store: Store) -> None:
    write(store, 1, "wrong year")
    write(store, 1, "", before="wrong year")
    assert read_notes(store, P, SET).notes == {}
    write(store, 1, "wrong year")
    write(store, 1, "too long")
    write(store, 1, "", before="wrong year")
    assert read_notes(store, P, SET).notes["1:q1"].text == "too long"


def test_nothing_wrong_counts_as_read_and_skipped_does_not(store: Store) -> None:
    write(store, 1, "", finding="nothing wrong")
    write(store, 2, "", finding="skipped")
    write(store, 3, "wrong year")
    book = read_notes(store, P, SET)
    assert [note.example_id for note in book.reviews] == ["q1", "q3"]
    assert [note.example_id for note in book.problems] == ["q3"]


def test_files_hold_every_note_and_a_formula_is_no_formula(store: Store) -> None:
    write(store, 1, "=1+1")
    write(store, 2, 'says "no", then yes')
    propose_groups(store, P, SET, by_first_word)
    rows = list(csv.DictReader(io.StringIO(notes_csv(read_notes(store, P, SET)))))
    assert [row["note"] for row in rows] == ["'=1+1", 'says "no", then yes']
    assert [row["group"] for row in rows] == ["'=1+1", 'says "no", then yes']
    values = json.loads(notes_json(read_notes(store, P, SET)))
    assert [(value["example_id"], value["note"]) for value in values] == [("q1", "=1+1"), ("q2", rows[1]["note"])]


def test_notes_of_a_run_are_those_of_its_records(store: Store) -> None:
    version = store.save_evaluation_set(P, EvaluationSet(SET, (Example("q1", "?"), Example("q2", "?"))))
    runs = [
        store.start_run(
            P, {"name": name}, name, evaluation_set=SET, set_version=version.version, judge="j", metrics=(), total=2
        )
        for name in ("a", "b")
    ]
    for run in runs:
        save_note(store, P, SET, Note(run, "q1", text=f"of {run}"))
    assert [note.text for note in notes_of_runs(store, [runs[1]]).problems] == [f"of {runs[1]}"]
    with pytest.raises(BadInput):
        notes_of_runs(store, [99])


def test_groups_are_proposed_and_later_notes_go_to_the_nearest(store: Store) -> None:
    for number, text in enumerate(("year is wrong", "year off by one", "format is no JSON", "year")):
        write(store, number, text)
    assert propose_groups(store, P, SET, by_first_word) == 2
    counts = count_groups(read_notes(store, P, SET))
    assert [len(count.notes) for count in counts] == [3, 1]
    assert counts[0].name in ("year is wrong", "year off by one", "year")
    assert counts[1].name == "format is no JSON"
    rename_group(store, P, SET, counts[0].id, "Dates")
    write(store, 7, "year again")
    write(store, 8, "unit missing")
    assert propose_groups(store, P, SET, by_first_word) == 1
    # What people named keeps its name, and its notes.
    assert {count.name: len(count.notes) for count in count_groups(read_notes(store, P, SET))} == {
        "Dates": 4, "format is no JSON": 1, "unit missing": 1}  # fmt: skip
    assert propose_groups(store, P, SET, lambda texts: pytest.fail("nothing is open")) == 0


def test_counts_are_over_what_was_read_with_wilsons_interval(store: Store) -> None:
    for number in range(6):
        write(store, number, "year" if number < 4 else "unit")
    write(store, 6, "", finding="nothing wrong")
    write(store, 7, "", finding="skipped")
    propose_groups(store, P, SET, by_first_word)
    first, second = count_groups(read_notes(store, P, SET))
    assert (first.rate.passed, first.rate.scored) == (4, 7)
    assert (first.rate.low, first.rate.high) == wilson_interval(4, 7)
    assert (second.rate.passed, second.rate.scored) == (2, 7)


def test_groups_are_renamed_merged_and_split(store: Store) -> None:
    for number, text in enumerate(("year", "year", "unit", "format")):
        write(store, number, text)
    propose_groups(store, P, SET, by_first_word)
    year, unit, form = count_groups(read_notes(store, P, SET))
    with pytest.raises(BadInput, match="already"):
        rename_group(store, P, SET, year.id, unit.name)
    with pytest.raises(BadInput, match="needs a name"):
        rename_group(store, P, SET, year.id, "  ")
    merge_groups(store, P, SET, unit.id, year.id)
    with pytest.raises(BadInput, match="no longer there"):
        merge_groups(store, P, SET, unit.id, year.id)
    assert {c.name: len(c.notes) for c in count_groups(read_notes(store, P, SET))} == {"year": 3, "format": 1}
    # Its only note leaves it, so the group goes.
    move_notes(store, P, SET, [form.notes[0].key], into=year.id)
    assert [c.name for c in count_groups(read_notes(store, P, SET))] == ["year"]
    move_notes(store, P, SET, ["1:q2"], name="Units")
    assert {c.name: len(c.notes) for c in count_groups(read_notes(store, P, SET))} == {"year": 3, "Units": 1}
    with pytest.raises(BadInput, match="name a new one"):
        move_notes(store, P, SET, ["1:q2"])


def test_the_meter_counts_kinds_that_the_last_records_brought(store: Store) -> None:
    for number in range(25):
        write(store, number, "year" if number % 2 else "unit")
    write(store, 25, "format")
    propose_groups(store, P, SET, by_first_word)
    meter = saturation(read_notes(store, P, SET))
    assert (meter.records, meter.new_kinds, meter.open_notes) == (20, 1, 0)
    write(store, 26, "new and in no group")
    assert saturation(read_notes(store, P, SET)).open_notes == 1
    # Read again, an early record stays an early one.
    write(store, 0, "units", before="unit")
    assert saturation(read_notes(store, P, SET)).new_kinds == 1


def test_a_body_of_another_version_costs_nothing_else(store: Store) -> None:
    write(store, 1, "year")
    (note,) = read_notes(store, P, SET).problems
    store.save_draft(P, "failure-notes", SET, {"notes": [{"what": 1}, asdict(note)]})
    assert read_notes(store, P, SET).problems == [note]


def test_the_built_in_embedding_groups_notes_of_one_kind(tmp_path: Path) -> None:
    kinds = {
        "json": ("not valid JSON", "broken JSON", "wrote prose instead of JSON"),
        "date": ("wrong year", "gives the wrong date", "the year is off by one"),
        "long": ("answer is too long", "far too wordy", "wordy answer"),
    }
    models = Models(Settings(home=tmp_path))
    with temporary_store() as store:
        store.ensure_project(P)
        for number, (kind, text) in enumerate((kind, text) for kind, texts in kinds.items() for text in texts):
            write(store, number, text, category=kind)
        propose_groups(store, P, SET, models.embedder(EmbeddingSpec()).encode)
        groups = count_groups(read_notes(store, P, SET))
    assert sorted(sorted({note.category for note in group.notes}) for group in groups) == [["date"], ["json"], ["long"]]
