"""Decisions on runs in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.project_file import export_project, import_project
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_ladder import Decision
from llmopt_core.settings import Settings
from tests.ui.seed import seed_project


@pytest.fixture
def used(tmp_path: Path) -> Store:
    store = Store.open(Settings(home=tmp_path / "home"))
    seed_project(store, "p", questions=3)
    return store


def told(store: Store) -> list[tuple[int, str, str, str]]:
    return [(one.run_id, one.choice, one.note, one.author) for one in store.decisions("p")]


def test_the_last_decision_on_a_run_counts_and_can_be_taken_back(used: Store) -> None:
    used.save_decision("p", Decision(2, "kept", "good", "Ann"))
    used.save_decision("p", Decision(1, "dropped", "bad"))
    used.save_decision("p", Decision(2, "dropped", "dear \ud83d", "Bo"))
    assert told(used) == [(1, "dropped", "bad", ""), (2, "dropped", "dear \ufffd", "Bo")]
    used.delete_decisions("p", [2, 3])
    assert told(used) == [(1, "dropped", "bad", "")]


def test_it_goes_with_its_run_and_is_of_the_projects_own_runs(used: Store) -> None:
    seed_project(used, "q", questions=3, runs=1)
    with pytest.raises(BadInput, match="There is no run 4 in this project"):
        used.save_decision("p", Decision(4, "kept"))
    used.save_decision("p", Decision(3, "kept"))
    used.delete_runs([3])
    assert told(used) == []


def test_who_decided_travels_with_the_project(used: Store, tmp_path: Path) -> None:
    used.save_decision("p", Decision(2, "kept", "good", "Ann"))
    export_project(used, "p", tmp_path / "p.zip")
    target = Store.open(Settings(home=tmp_path / "target"))
    import_project(target, tmp_path / "p.zip")
    assert told(target) == [(2, "kept", "good", "Ann")]
