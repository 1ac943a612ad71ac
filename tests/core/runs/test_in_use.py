"""What somebody works with is not deleted, and the clock decides nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.runs import store_projects
from llmopt_core.runs.store import Store
from llmopt_core.types import Document, EvaluationSet, Example

from .test_runs import start


def test_a_project_or_set_that_a_run_works_with_is_not_deleted(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    store.save_evaluation_set("p", questions)
    store.save_evaluation_set("p", EvaluationSet("others", questions.examples[:1]))
    store.save_documents("p", [Document("a.txt", "text")])
    with pytest.raises(BadInput, match=rf"The project p is in use by run {run_id} \(rag\); wait for it or cancel it"):
        store.delete_project("p")
    with pytest.raises(BadInput, match=rf"The set questions is in use by run {run_id} \(rag\); wait for it or cancel"):
        store.delete_evaluation_set("p", "questions")
    store.delete_evaluation_set("p", "others")
    assert [item.name for item in store.evaluation_sets("p")] == ["questions"]
    store.finish_run(run_id, "finished")
    store.delete_evaluation_set("p", "questions")
    store.delete_project("p")
    assert store.projects() == []


def test_a_job_that_waits_holds_its_project_and_its_set(store: Store, questions: EvaluationSet) -> None:
    store.ensure_project("p")
    for name in ("questions", "others"):
        store.save_evaluation_set("p", EvaluationSet(name, questions.examples))
    job_id = store.start_job("chunk-sweep", "p", {"settings": {"sets": ["questions"]}})
    with pytest.raises(BadInput, match=rf"The project p is in use by job {job_id} \(chunk sweep\)"):
        store.delete_project("p")
    with pytest.raises(BadInput, match=rf"The set questions is in use by job {job_id}"):
        store.delete_evaluation_set("p", "questions")
    store.delete_evaluation_set("p", "others")
    store.update_job(job_id, status="cancelled")
    store.delete_project("p")


def test_runs_are_deleted_all_or_none(store: Store, questions: EvaluationSet) -> None:
    first, second = start(store, questions), start(store, questions)
    store.finish_run(first, "finished")
    with pytest.raises(BadInput, match=f"Run {second} is being worked on"):
        store.delete_runs([first, second])
    assert {run.id for run in store.runs("p")} == {first, second}


def test_the_latest_version_of_a_set_is_the_last_saved_whatever_the_clock_says(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ensure_project("p")
    versions = [EvaluationSet("set", (Example("q", f"Question {number}?"),)) for number in range(3)]
    clock = datetime(2026, 1, 1, tzinfo=UTC)
    for number, version in enumerate(versions):
        monkeypatch.setattr(store_projects, "now", lambda number=number: clock - timedelta(hours=number))
        store.save_evaluation_set("p", version)
    assert store.evaluation_set("p", "set") == versions[2]
    assert [item.version for item in store.evaluation_sets("p", every_version=True)] == [
        version.version for version in reversed(versions)
    ]
    store.save_evaluation_set("p", versions[0])
    assert store.evaluation_set("p", "set") == versions[0]
    assert store.evaluation_sets("p")[0].version == versions[0].version
