from __future__ import annotations

from types import SimpleNamespace

import pytest

from llmopt_core.errors import Cancellation
from llmopt_core.finetuning.jobs import training_queue as turns
from llmopt_core.finetuning.jobs.folder import JobFolder, new_folder
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours


def folder(settings: Settings, name: str) -> JobFolder:
    return new_folder(settings, JobRequest(name=name), "lora", colours(4), None)


def test_jobs_get_their_turn_in_the_order_they_were_made(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    older, younger = sorted((folder(settings, "a"), folder(settings, "b")), key=lambda f: f.id)

    def pass_time(_seconds: float) -> None:
        waited.append("x")
        older.update_state(status="cancelled")

    monkeypatch.setattr(turns, "time", SimpleNamespace(sleep=pass_time))
    with turns.training_slot(younger, settings, lambda: False):
        assert waited == ["x"]
    with turns.training_slot(older, settings, lambda: False):
        assert waited == ["x"]


def test_a_waiting_job_can_be_cancelled(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = folder(settings, "a"), folder(settings, "b")
    answers = iter([False, False, True])
    monkeypatch.setattr(turns, "time", SimpleNamespace(sleep=lambda _seconds: None))
    one.update_state(status="running")
    with (
        turns.training_slot(one, settings, lambda: False),
        pytest.raises(Cancellation),
        turns.training_slot(other, settings, lambda: next(answers)),
    ):
        raise AssertionError("two at once")
    assert other.job().status == "queued"
    assert "Waiting" in other.job().message
