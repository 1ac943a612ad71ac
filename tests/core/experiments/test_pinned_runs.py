"""Runs by their ids, as a link names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.experiments.pinned_runs import family_with_pins, find_pinned_runs, run_ids
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run
from llmopt_core.settings import Settings


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Newest first: rag twice, base, one on other questions, one by another judge."""
    store = Store.open(Settings(home=tmp_path))
    store.create_project("p")

    def made(name: str, version: str = "v", judge: str = "j") -> int:
        return store.start_run(
            "p",
            {"name": name},
            name,
            evaluation_set="q",
            set_version=version,
            judge=judge,
            metrics=("answer_f1",),
            total=1,
        )

    for options in (("rag",), ("rag",), ("base",), ("base", "w"), ("base", "v", "other")):
        store.finish_run(made(*options), "finished")
    return store.runs("p")


def test_ids_are_read_from_an_address() -> None:
    assert run_ids("12, 15,12") == (12, 15)
    assert run_ids("x,-3,４,7;8,") == ()


def test_the_very_runs_are_given_in_the_order_named(runs: list[Run]) -> None:
    result = find_pinned_runs(runs, (3, 1))
    assert [(name, run.id) for name, run in result.runs.items()] == [("base", 3), ("rag", 1)]
    assert result.notes == ()


def test_two_runs_of_one_configuration_have_names_of_their_own(runs: list[Run]) -> None:
    assert list(find_pinned_runs(runs, (1, 2)).runs) == ["rag (run 1)", "rag (run 2)"]


def test_what_cannot_stand_beside_the_first_is_told(runs: list[Run]) -> None:
    result = find_pinned_runs(runs, (1, 4, 5, 99))
    assert [run.id for run in result.runs.values()] == [1]
    assert result.notes == (
        "1 of the runs named here is not in this project any more.",
        "1 is left out, on other questions.",
        "1 is left out, graded by another judge.",
    )
    assert not find_pinned_runs(runs, (98, 99)).runs


def test_pinned_runs_stand_for_their_configurations_in_what_is_tested_together(runs: list[Run]) -> None:
    by_id = {run.id: run for run in runs}
    current = {"base": by_id[3], "rag": by_id[2]}
    family = family_with_pins(current, find_pinned_runs(runs, (3, 1)).runs)
    assert {name: run.id for name, run in family.items()} == {"base": 3, "rag": 1}
