"""`llmopt finetune --json` writes times as the other commands do."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.finetuning.data.examples import TrainingSet, chat_example
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.settings import Settings

from .conftest import Command


@pytest.fixture
def job_id(tmp_path: Path) -> str:
    data = TrainingSet("shades", (chat_example("red?", "crimson"),))
    folder = new_folder(Settings(home=tmp_path / "home"), JobRequest(name="shades"), "lora", data, None)
    folder.log("Training: 1 example.")
    folder.update_state(status="failed", started_at=1_700_000_000.5)
    return folder.id


@pytest.mark.parametrize("command", ["list", "status"])
def test_times_are_iso_and_empty_where_nothing_happened(command: str, job_id: str, inside: Command) -> None:
    found = inside("finetune", command, *([job_id] if command == "status" else []), "--json").json()
    job = found[0] if command == "list" else found
    assert job["started_at"] == "2023-11-14T22:13:20.500000+00:00"
    assert job["finished_at"] == ""
    assert job["created_at"].endswith("+00:00")
    if command == "status":
        assert [event["at"][-6:] for event in found["events"]] == ["+00:00"]
