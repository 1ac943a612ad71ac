"""`llmopt finetune`, in this process; what would train is a stub, except for the checks."""

from __future__ import annotations

import json
import re
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import typer

from llmopt_core.cli import finetune
from llmopt_core.cli.output import ProgressLine
from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.jobs.folder import all_folders
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours
from tests.stub_finetuning import FineTuningStub

TOY = Path(__file__).parents[2] / "data" / "finetuning" / "toy_chat_fine_tuning.jsonl"


@pytest.fixture(autouse=True)
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMOPT_HOME", str(settings.home))
    return settings.home


def llmopt(*arguments: object) -> int:
    app = typer.Typer(pretty_exceptions_enable=False)
    finetune.register(app)
    app.callback()(lambda: None)
    return int(app(["finetune", *map(str, arguments)], standalone_mode=False) or 0)


def test_check_writes_the_documented_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.json"
    assert llmopt("check", TOY, "--json", out) == 0
    value = json.loads(out.read_text())
    assert (value["examples"], value["errors"], value["billing_tokens"], value["epochs"]) == (5, {}, 4306, 20)
    assert value["findings"]["fewer_than_10_examples"] == 1
    assert "4306 billing tokens" in capsys.readouterr().out


def test_check_prints_json_alone_when_it_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    llmopt("check", TOY, "--json", "-")
    assert json.loads(capsys.readouterr().out)["examples"] == 5


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_check_says_how_far_it_is_beside_the_json(
    terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(colours(40).to_jsonl())
    seconds = count()
    monkeypatch.setattr(
        finetune, "ProgressLine", partial(ProgressLine, terminal=terminal, clock=lambda: float(next(seconds)))
    )
    llmopt("check", path, "--json", "-")
    output = capsys.readouterr()
    assert json.loads(output.out)["examples"] == 40
    assert re.search(r"long\.jsonl: \d+ examples? checked, \d+% of \d+ KB", output.err)
    assert ("\r" in output.err) == terminal


def test_a_short_check_says_nothing_of_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    llmopt("check", TOY, "--json", "-")
    assert capsys.readouterr().err == ""


def test_check_fails_on_errors_and_finds_leakage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, questions = tmp_path / "train.csv", tmp_path / "questions.jsonl"
    train.write_text("text,label\nWho painted the ceiling of the chapel?,a\n,b\n")
    questions.write_text('{"question": "Who painted the ceiling of the chapel?"}\n')
    code = llmopt("check", train, "--column", "answer=label", "--evaluation-set", questions, "--price", 8)
    output = capsys.readouterr().out
    assert code == 1
    assert "missing_content" in output
    assert "leakage_exact" in output
    assert "$" in output


@pytest.mark.parametrize("arguments", [["check", "nowhere.jsonl"], ["status", "nope"], ["cancel", "../x"]])
def test_unusable_input_is_a_plain_error(arguments: list[str]) -> None:
    with pytest.raises(BadInput):
        llmopt(*arguments)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Any:
    with FineTuningStub() as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
        yield stub


def train_file(tmp_path: Path, training: TrainingSet) -> Path:
    path = tmp_path / "train.jsonl"
    path.write_bytes(training.to_jsonl())
    return path


def test_a_service_job_from_start_to_cancel(
    tmp_path: Path, service: FineTuningStub, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["start", train_file(tmp_path, colours(20)), "--name", "tidy", "--provider", "openai", "--base-model", "m"]
    with pytest.raises(BadInput, match="Nothing was sent"):
        llmopt(*start)
    assert llmopt(*start, "--yes", "--set", "n_epochs=2", "--json", "-") == 0
    job = json.loads(capsys.readouterr().out)
    assert (job["remote_id"], job["status"], job["hyperparameters"]) == ("ftjob-1", "queued", {"n_epochs": 2})
    service.event("ftjob-1", "Step 1", {"step": 1, "train_loss": 0.5, "valid_loss": 0.75})
    service.jobs["ftjob-1"]["status"] = "running"
    assert llmopt("status", job["id"]) == 0
    output = capsys.readouterr().out
    assert "running" in output
    assert "train loss 0.5, validation 0.75" in output
    llmopt("list")
    assert job["id"] in capsys.readouterr().out
    llmopt("cancel", job["id"])
    assert "cancelled" in capsys.readouterr().out
    service.add_job({"model": "made-elsewhere", "training_file": "file-x"})
    assert llmopt("list", "--provider", "openai") == 0
    output = capsys.readouterr().out
    assert "made-elsewhere" in output
    assert "ftjob-1" in output
    assert llmopt("list", "--provider", "openai", "--json", "-") == 0
    assert [j["id"] for j in json.loads(capsys.readouterr().out)] == ["ftjob-2", "ftjob-1"]


def test_a_refused_job_is_kept_and_resumed(
    tmp_path: Path, service: FineTuningStub, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    service.fail("POST /fine_tuning/jobs", (403, "training_not_available", "no"))
    start = ["start", train_file(tmp_path, colours(20)), "--name", "tidy", "--provider", "openai", "--base-model", "m"]
    with pytest.raises(EndpointError, match="training_not_available"):
        llmopt(*start, "--yes")
    (folder,) = all_folders(settings)
    assert f"llmopt finetune resume {folder.id}" in capsys.readouterr().err
    assert llmopt("resume", folder.id) == 0
    assert (len(service.jobs), service.count("POST /files")) == (1, 2)


def test_status_of_a_failed_job_is_one(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    folder = new_folder(settings, JobRequest(name="x"), "lora", colours(4), None)
    folder.update_state(status="failed", message="It went wrong.")
    assert llmopt("status", folder.id) == 1
    assert "failed: It went wrong." in capsys.readouterr().out
    assert llmopt("status", folder.id, "--json", "-") == 1
    assert json.loads(capsys.readouterr().out)["status"] == "failed"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--set", "rank"], "NAME=VALUE"),
        (["--set", "rank=-1"], "rank"),
        (["--set", "rank=["], "--set rank=.*expected a number"),
        (["--set", "rank=" + "[" * 5_000], "--set rank=.*expected a number"),
        (["--set", "rank=.nan"], "--set rank=.*expected a number"),
        (["--kind", "poem"], "lora or embedding"),
        (["--method", "magic"], "method"),
        (["--provider", "nowhere"], "known are local"),
        (["--validation-share", "2"], "between 0 and 1"),
    ],
)
def test_wrong_options_start_nothing(tmp_path: Path, settings: Settings, extra: list[str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        llmopt("start", train_file(tmp_path, colours(20)), "--name", "x", *extra)
    assert all_folders(settings) == []


def test_list_of_an_empty_workspace(capsys: pytest.CaptureFixture[str]) -> None:
    llmopt("list")
    assert "No jobs yet" in capsys.readouterr().out
