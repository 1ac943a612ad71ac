"""`llmopt failures`: the kinds of failure of a file or a stored run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from llmopt_core.labs.evaluation.notes import Note, save_note
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.statistics.intervals import wilson_interval

from .conftest import Command


def result(tmp_path: Path, inside: Command, experiment: Path) -> Path:
    out = tmp_path / "result.json"
    result = inside("evaluate", experiment, "--trust", "--json", out)
    assert result.code == 0, result.errors
    return out


def test_kinds_have_counts_intervals_and_ids(inside: Command, experiment: Path, tmp_path: Path) -> None:
    # The model says Rhine; half of the questions want the Elbe.
    done = inside("failures", result(tmp_path, inside, experiment), "--json")
    assert done.code == 0, done.errors
    baseline, polite = done.json()["configurations"]
    assert (baseline["configuration"], polite["configuration"]) == ("baseline", "polite")
    assert (baseline["failed"], baseline["passed"]) == (6, 6)
    # Nothing is looked up, so nobody can tell why they are wrong.
    missing = baseline["first"]["unknown"]
    assert (missing["count"], missing["of"]) == (6, 12)
    assert missing["ci95"] == list(wilson_interval(6, 12))
    assert missing["example_ids"] == ["q0", "q2", "q4", "q6", "q8", "q10"]
    assert {one["example_id"] for one in baseline["failures"]} == set(missing["example_ids"])


def test_a_stored_run_gives_the_same_and_its_notes(inside: Command, experiment: Path, tmp_path: Path) -> None:
    from_file = inside("failures", result(tmp_path, inside, experiment), "--json").json()
    store = Store.open(Settings(home=tmp_path / "home"))
    runs = sorted(store.runs("rivers"), key=lambda run: run.id)
    stored = inside("failures", *(f"--run={run.id}" for run in runs), "--json").json()
    assert [one["first"] for one in stored["configurations"]] == [one["first"] for one in from_file["configurations"]]
    save_note(store, "rivers", runs[0].evaluation_set, Note(runs[0].id, "q0", text="wrong river"))
    store.close()
    done = inside("failures", "--run", runs[0].id, "--notes", tmp_path / "notes.csv")
    assert "baseline: 6 of 12 records failed" in done.out
    assert "50% [25%, 75%]" in done.out
    with (tmp_path / "notes.csv").open() as file:
        assert [row["note"] for row in csv.DictReader(file)] == ["wrong river"]
    inside("failures", "--run", runs[1].id, "--notes", tmp_path / "notes.json")
    assert json.loads((tmp_path / "notes.json").read_text()) == []


def test_wrong_input_is_one_line(inside: Command, tmp_path: Path) -> None:
    assert "either a result file or runs" in inside("failures").complaint
    assert inside("failures", "--run", "99").code == 2
    assert "--notes needs --run" in inside("failures", tmp_path / "x.json", "--notes", "n.csv").complaint
    assert inside("failures", tmp_path / "missing.json").code == 2
