"""Comparisons as jobs: whatever process answers them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from llmopt_core.experiments.comparison import Comparison, comparison, new_id, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.labs.prompts.grid import missing_cells
from llmopt_core.labs.prompts.jobs import COMPARISON, comparison_arguments
from llmopt_core.labs.prompts.live_comparisons import LiveComparisons
from llmopt_core.runs.values import Job
from tests.job_process import calls_of, do_jobs

from .conftest import Lab


def queue(lab: Lab, plan: ComparisonPlan, places: list[tuple[int, int, int]] | None = None) -> tuple[Comparison, int]:
    """As a process that is gone has left it: the runs are begun, and nothing is answered."""
    comparison = start_comparison(lab.store, plan, new_id())
    arguments = comparison_arguments(plan, comparison, places).model_dump(mode="json")
    job_id = lab.store.start_job(COMPARISON.name, "p", arguments, lane=COMPARISON.lane, versions={})
    die(lab)
    return comparison, job_id


def die(lab: Lab) -> None:
    with lab.store.database.write() as connection:
        for table in ("jobs", "runs"):
            connection.exec_driver_sql(f"UPDATE {table} SET owner_started = 1.0")


def end_of(lab: Lab, found: Comparison, job_id: int) -> tuple[Comparison, Job]:
    return comparison(lab.store, "p", found.id), lab.store.job(job_id)


@pytest.mark.parametrize("die_at", [1, 4, 8])
def test_another_process_answers_what_is_missing_and_pays_nothing_twice(lab: Lab, die_at: int) -> None:
    found, job_id = queue(lab, lab.plan(concurrency=1, metrics=("answer_f1",), repeats=2))
    home = Path(lab.home)
    assert do_jobs(home, die_at) == 9
    assert do_jobs(home) == 0
    whole, job = end_of(lab, found, job_id)
    assert (job.status, job.error, whole.status) == ("finished", "", "finished")
    assert missing_cells(lab.grid(whole)) == []
    # Two variants, three questions, twice each; only the call in which it died is made again.
    requests = calls_of(home)
    assert len(requests) == 13
    assert Counter(requests) - Counter({line: 4 for line in set(requests)}) == Counter([requests[die_at - 1]])
    assert sum(run.usage.calls for run in whole.all_runs) >= 12


def test_only_the_places_that_were_asked_are_answered(lab: Lab) -> None:
    found, job_id = queue(lab, lab.plan(), places=[(1, 2, 0)])
    assert do_jobs(lab.home) == 0
    whole, job = end_of(lab, found, job_id)
    assert job.status == "finished"
    assert len(calls_of(lab.home)) == 1
    assert missing_cells(lab.grid(whole)) == [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 2, 0)]


def test_a_comparison_that_is_cancelled_before_its_turn_is_closed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = lab.runner()
    monkeypatch.setattr(runner, "_claim", lambda lane: False)
    live = LiveComparisons(lab.store, runner)
    key = live.start(lab.plan(), lab.models())
    assert live.board(key) is not None
    live.cancel(comparison(lab.store, "p", key))
    assert live.board(key) is None
    assert {run.status for run in comparison(lab.store, "p", key).all_runs} == {"cancelled"}
    assert [job.status for job in lab.store.jobs("p")] == ["cancelled"]
