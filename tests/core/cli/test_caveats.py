"""The command line says what a score owes to training data, and which runs were made over other documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt_core.finetuning.data.examples import TrainingSet, chat_example
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.settings import Settings
from tests.stub_endpoint import StubEndpoint

from .conftest import Command

SENTENCE = "tuned: 6 of 12 questions stand in the training data of ft:stub:mine (word for word)"


@pytest.fixture
def tuned(experiment: Path, stub: StubEndpoint, tmp_path: Path) -> Path:
    """A tuned model that answers right, trained on half of the questions; its base answers nothing right."""
    stub.reply = lambda body: "Rhine" if body["model"] == "ft:stub:mine" else "no idea"
    settings = Settings(home=tmp_path / "home")
    training = TrainingSet("t", tuple(chat_example(f"which river is number {i} ?", "Rhine") for i in range(6)))
    folder = new_folder(settings, JobRequest(name="mine", provider="stub", base_model="m"), "service", training, None)
    folder.update_state(status="finished", tuned_model="ft:stub:mine", remote_id="j")
    rows = [{"id": f"q{i}", "question": f"Which river is number {i}?", "reference": "Rhine"} for i in range(12)]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    text = experiment.read_text().replace("name: polite", "name: tuned")
    experiment.write_text(
        text.replace('prompt: {system: "Be polite."}', "model: {endpoint: stub, name: 'ft:stub:mine'}")
    )
    return experiment


def test_evaluate_compare_and_report_name_the_questions_that_were_trained_on(
    inside: Command, tuned: Path, tmp_path: Path
) -> None:
    result = inside("evaluate", tuned, "-q", "--json", "out.json")
    assert result.code == 0
    assert f"Warning: {SENTENCE}" in result.out
    assert "! not comparable" in result.out
    assert "better" not in result.out
    run = json.loads((tmp_path / "out.json").read_text())["runs"][1]
    assert (run["training_overlap"]["exact"], run["training_overlap"]["questions"]) == (6, 12)
    compared = inside("compare", "out.json", "baseline", "tuned", "--metric", "exact_match", "--json", "c.json")
    assert SENTENCE in compared.out
    assert "better" not in compared.out
    values = json.loads((tmp_path / "c.json").read_text())
    assert (values["verdict"], values["trained_on_a"], values["trained_on_b"]) == ("not comparable", 0, 6)
    assert values["difference"] == 1.0
    written = inside("report", "out.json", "--out", "r.html")
    assert SENTENCE in written.out
    page = (tmp_path / "r.html").read_text()
    assert f'role="alert">{SENTENCE}' in page
    assert 'class="hatched"' in page
    assert "▲" not in page
    alone = inside("evaluate", tuned, "-q", "--json")
    assert SENTENCE in alone.errors
    assert alone.json()["runs"][1]["caveats"]


def test_runs_over_other_documents_are_named(inside: Command, experiment: Path, tmp_path: Path) -> None:
    assert inside("evaluate", experiment, "-q", "--json", "out.json").code == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert [run["uses_documents"] for run in result["runs"]] == [False, False]
    assert result["runs"][0]["documents_version"]
    for run, version in zip(result["runs"], ("aaaaaaaaaa", "bbbbbbbbbb"), strict=True):
        run.update(uses_documents=True, documents_version=version)
    (tmp_path / "out.json").write_text(json.dumps(result))
    note = "These runs were made over different documents (baseline: documents aaaaaa; polite: documents bbbbbb)"
    assert note in inside("compare", "out.json", "baseline", "polite", "--metric", "exact_match").out
    assert note in inside("report", "out.json", "--out", "r.html").out
    page = (tmp_path / "r.html").read_text()
    assert note in page
    assert "<td>bbbbbbbbbb</td>" in page


def test_leaving_parts_out_names_the_questions_that_stand_in_the_prompt(
    inside: Command, stub: StubEndpoint, tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The Rhine flows through Cologne. The Elbe flows through Dresden. " * 4)
    rows = [{"id": f"q{i}", "question": f"Which river is number {i}?", "reference": "Rhine",
             "references": [{"document": "a.txt", "start": 0, "end": 9}]} for i in range(3)]  # fmt: skip
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    path = tmp_path / "experiment.yaml"
    path.write_text(
        f"""\
project: rivers
documents: [docs]
evaluation_set: questions.jsonl
metrics: [exact_match]
endpoints:
  stub: {{base_url: "{stub.url}"}}
configurations:
  - name: rag
    model: {{endpoint: stub, name: stub-small}}
    prompt:
      template: "{{{{ context }}}} {{{{ question }}}}"
      few_shot: {{examples: [{{question: "Which river is number 1?", answer: Rhine}}]}}
    retrieval:
      embedding: {{endpoint: stub, model: stub-embedding}}
      search: {{method: hybrid}}
"""
    )
    sentence = "rag: 1 of 3 questions stand among the few-shot examples (word for word)"
    result = inside("ablate", path, "--answers", "--json", "out.json")
    assert result.code == 0, result.errors
    assert f"Warning: {sentence}" in result.out
    assert json.loads((tmp_path / "out.json").read_text())["caveats"][0].startswith(sentence)
    assert "Warning" not in inside("ablate", path).out
