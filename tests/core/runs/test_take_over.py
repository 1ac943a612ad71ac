"""A run belongs to one process at a time, and who lost it writes nothing more to it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.errors import RunOwnershipError
from llmopt_core.runs import owner
from llmopt_core.runs.store import Store
from llmopt_core.types import EvaluationSet

from .test_runs import record, start

_OTHER = """
import sys
from pathlib import Path
from llmopt_core.runs.store import Store
home = Path(sys.argv[1])
store = Store(f"sqlite:///{home / 'llmopt.db'}", home)
store.resume_run(int(sys.argv[2]))
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def other_process(store: Store, tmp_path: Path):
    """Takes a run over in another process, which lives until the test ends."""
    results: list[subprocess.Popen[str]] = []

    def take(run_id: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _OTHER, str(tmp_path), str(run_id)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        results.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield take
    for process in results:
        process.communicate("\n", timeout=30)


def test_who_lost_a_run_stores_nothing_more_and_does_not_close_it(
    store: Store, questions: EvaluationSet, other_process: Any
) -> None:
    run_id = start(store, questions)
    store.save_record(run_id, record(questions.examples[0]), 0)
    store.finish_run(run_id, "interrupted")
    other_process(run_id)
    for write in (lambda: store.save_record(run_id, record(questions.examples[1]), 1), lambda: store.beat_run(run_id)):
        with pytest.raises(RunOwnershipError, match=f"Run {run_id} is worked on by another process now"):
            write()
    store.finish_run(run_id, "failed", error="old")
    run = store.run(run_id)
    assert (run.status, run.error, run.done) == ("running", "", 1)


def test_a_run_that_is_taken_over_while_it_is_looked_at_is_not_interrupted(
    store: Store, questions: EvaluationSet, other_process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = start(store, questions)
    first = other_process_of(store, run_id)

    def late(row: Mapping[str, Any]) -> bool:
        # Between this look and the mark, another process finds the run abandoned too, and goes on with it.
        if row["owner_pid"] == first:
            monkeypatch.setattr(owner, "lives", true_lives)
            other_process(run_id)
            return False
        return true_lives(row)

    true_lives = owner.lives
    monkeypatch.setattr(owner, "lives", late)
    assert store.run(run_id).status == "running"


def test_a_deleted_run_ends_its_work_in_words(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    store.finish_run(run_id, "cancelled")
    store.delete_runs([run_id])
    with pytest.raises(RunOwnershipError, match=f"Run {run_id} was deleted"):
        store.save_record(run_id, record(questions.examples[0]), 0)


def other_process_of(store: Store, run_id: int) -> int:
    """Let the run belong to a process that is gone; gives its number."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with store.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE runs SET owner_pid = {gone.pid} WHERE id = {run_id}")
    return gone.pid
