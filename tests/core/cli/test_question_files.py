"""What the command line tells of a question file, and how it is told what a column means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt_core.experiments.experiment_file import load_experiment
from llmopt_core.types import Span
from tests.stub_endpoint import StubEndpoint

from .conftest import Command


def test_one_bad_line_does_not_refuse_the_others(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    file = experiment.parent / "questions.jsonl"
    lines = file.read_text().splitlines()
    lines[4] = '{"id": "q4", "question": ""}'
    file.write_text("\n".join(lines))
    result = inside("evaluate", experiment, "--json")
    assert result.code == 0
    assert [run["metrics"]["exact_match"]["total"] for run in result.json()["runs"]] == [11, 11]
    messages = ["questions.jsonl: line 5 was left out: `question` is empty.",
            "questions.jsonl: 1 of 12 questions was left out."]  # fmt: skip
    assert [line for line in result.errors.splitlines() if "left out" in line] == [
        f"llmopt: {line}" for line in messages
    ]
    assert result.json()["notes"] == messages


def test_a_file_without_one_good_line_is_refused(inside: Command, experiment: Path) -> None:
    (experiment.parent / "questions.jsonl").write_text('{"question": ""}\n{"question": " "}')
    result = inside("evaluate", experiment)
    assert result.code == 2
    assert result.complaint == "questions.jsonl line 1: `question` is empty; line 2: `question` is empty."


@pytest.mark.parametrize("how", ["option", "file"])
def test_columns_are_named_by_the_user(inside: Command, experiment: Path, how: str) -> None:
    (experiment.parent / "q.csv").write_text("Frage,Antwort\nWelcher Fluss?,Rhine\n")
    text = experiment.read_text().replace("questions.jsonl", "q.csv")
    experiment.write_text(text)
    result = inside("evaluate", experiment)
    assert result.code == 2
    assert "the column `question` is missing; found Frage, Antwort. Say which" in result.complaint
    options = ["--column", "question=Frage", "--column", "reference=Antwort"] if how == "option" else []
    if how == "file":
        experiment.write_text(text + "columns: {question: Frage, reference: Antwort}\n")
    done = inside("evaluate", experiment, "--json", "-q", *options)
    assert [run["metrics"]["exact_match"]["mean"] for run in done.json()["runs"]] == [1.0, 1.0]
    assert not done.errors


@pytest.mark.parametrize("how", ["option", "file"])
def test_the_encoding_of_a_question_file_is_named_by_the_user(inside: Command, experiment: Path, how: str) -> None:
    (experiment.parent / "q.csv").write_bytes("question,reference\nKoks vanduo?,žuvį\n".encode("cp1257"))
    text = experiment.read_text().replace("questions.jsonl", "q.csv")
    experiment.write_text(text + ("questions_encoding: windows-1257\n" if how == "file" else ""))
    options = ["--questions-encoding", "windows-1257"] if how == "option" else []
    result = inside("evaluate", experiment, "--json", "-q", *options)
    assert {record["reference"] for run in result.json()["runs"] for record in run["records"]} == {"žuvį"}


def test_judgements_of_an_experiment_are_the_sources(inside: Command, experiment: Path) -> None:
    (experiment.parent / "corpus.jsonl").write_text('{"_id": "d1", "text": "The Rhine flows."}\n')
    (experiment.parent / "queries.jsonl").write_text('{"_id": "a", "text": "Which?"}\n{"_id": "b", "text": "Who?"}\n')
    (experiment.parent / "test.tsv").write_text("query-id\tcorpus-id\tscore\na\td1\t1\n")
    experiment.write_text(
        "documents: [corpus.jsonl]\nevaluation_set: queries.jsonl\nqrels: test.tsv\nmetrics: [recall]\n"
        "configurations:\n  - name: rag\n    model: {endpoint: stub, name: m}\n    prompt: {template: 'x'}\n"
        "    retrieval: {search: {method: bm25}}\n"
    )
    found = load_experiment(experiment)
    assert [(one.id, one.references) for one in found.evaluation_set.examples] == [
        ("a", (Span("corpus.jsonl/d1", 0, 16),))
    ]
    assert found.notes == ("queries.jsonl: 1 questions without a judgement were left out.",)


def test_an_answer_that_is_not_used_is_named(inside: Command, experiment: Path) -> None:
    (experiment.parent / "q.csv").write_text("question,Antwort\nWelcher Fluss?,Rhine\n")
    experiment.write_text(experiment.read_text().replace("questions.jsonl", "q.csv"))
    result = inside("evaluate", experiment)
    assert "q.csv: the column `Antwort` looks like an answer and is not used" in result.errors


def test_a_wrong_column_is_one_sentence(inside: Command, experiment: Path) -> None:
    assert inside("evaluate", experiment, "--column", "question").complaint == "'question': expected NAME=VALUE."
    assert (
        "no column 'Frage' for the question" in inside("evaluate", experiment, "--column", "question=Frage").complaint
    )


def test_a_near_quote_is_told_where_chunkings_are_measured(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "harbour.txt").write_text("The harbour of Norvale opened in 1887. The old pier burned down.")
    row = {"question": "When?", "document": "harbour", "quote": "The harbour of Norvale opened in 1889."}
    (tmp_path / "q.jsonl").write_text(json.dumps(row) + "\n{broken")
    result = inside(
        "chunk-sweep", "--documents", "harbour.txt", "--questions", "q.jsonl", "--sizes", "20", "--search", "bm25"
    )
    assert result.code == 0, result.errors
    assert (
        "q.jsonl: line 1: the quote 'The harbour of Norvale opened in 1889.' stands only nearly (97% alike)"
        in result.errors
    )
    assert "q.jsonl: line 2 was left out: broken JSON" in result.errors
