"""`llmopt judge-labels`: a sheet to fill in, labels read back, agreement and corrected rates."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.stub_endpoint import StubEndpoint

from .conftest import Command

QUESTIONS = 24


def record(number: int, name: str, grade: float, answer: str = "") -> dict[str, Any]:
    # Three questions on each document.
    span = {"document": f"d{number // 3}.md", "start": number * 10, "end": number * 10 + 5}
    chunk = {"document": "d.md", "start": 0, "end": 4, "text": "1712"}
    return {
        "example_id": f"q{number}", "question": f"Question {number}?", "reference": "1712", "references": [span],
        "answer": answer or f"{name} says {number}", "contexts": [chunk],
        "scores": {"faithfulness": {"value": grade}},
    }  # fmt: skip


def run(name: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    summary = {"mean": 0.5, "ci95": [0.4, 0.6], "scored": len(records), "total": len(records)}
    return {"configuration": name, "metrics": {"faithfulness": summary}, "records": records}


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """Two configurations; the judge passes two thirds of the first and five sixths of the second."""
    first = [record(n, "a", 0.9 if n % 3 else 0.2) for n in range(QUESTIONS)]
    second = [record(n, "=b", 0.9 if n % 6 else 0.2) for n in range(QUESTIONS)]
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"judge": "an LLM", "runs": [run("a", first), run("b", second)]}))
    return path


def sheet(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fill(rows: list[dict[str, str]], path: Path, label: Any, delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows({**row, "label": label(row)} for row in rows)
    return path


def passes(row: dict[str, str]) -> str:
    # People find one answer of `b` less right than the judge does, and agree else.
    number = int(row["example_id"][1:])
    is_first = row["answer"].startswith("a ")
    return "pass" if (number % 3 if is_first else number % 6 and number != 5) else "FAIL"


def test_a_sheet_is_written_flips_first_and_blind(inside: Command, result: Path, tmp_path: Path) -> None:
    done = inside("judge-labels", result, "--export", tmp_path / "sheet.csv")
    assert done.code == 0, done.errors
    rows = sheet(tmp_path / "sheet.csv")
    assert len(rows) == 2 * QUESTIONS
    # On these the verdicts differ.
    assert {row["example_id"] for row in rows[:8]} == {"q3", "q9", "q15", "q21"}
    # Both answers of a question stand together.
    assert [row["example_id"] for row in rows[::2]] == [row["example_id"] for row in rows[1::2]]
    assert all(row["chunks"] == "1712" and not row["label"] for row in rows)
    assert not {"configuration", "judge", "score"} & set(rows[0])
    # What a spreadsheet would run is written as text.
    assert any(row["answer"].startswith("'=b") for row in rows)
    assert inside("judge-labels", result, "--export", tmp_path / "few.csv", "--limit", 3).code == 0
    assert sheet(tmp_path / "few.csv") == rows[:6]


def test_filled_labels_give_agreement_and_a_corrected_difference_by_document(
    inside: Command, result: Path, tmp_path: Path
) -> None:
    inside("judge-labels", result, "--export", tmp_path / "sheet.csv")
    filled = fill(sheet(tmp_path / "sheet.csv"), tmp_path / "filled.csv", passes, ";")
    done = inside("judge-labels", result, "a", "b", "--labels", filled, "--json")
    assert done.code == 0, done.errors
    values = done.json()
    assert values["labelled_answers"] == 2 * QUESTIONS
    assert values["agreement"]["tpr"] == 1
    assert values["agreement"]["tnr"] == pytest.approx(12 / 13)
    assert [one["corrected"]["mean"] for one in values["rates"]] == pytest.approx([16 / 24, 19 / 24])
    difference = values["difference"]
    assert difference["judge"] == pytest.approx(4 / 24)
    assert difference["corrected"]["mean"] == pytest.approx(3 / 24)
    assert difference["corrected"]["clusters"] == 8
    (worst,) = values["disagreements"]
    assert (worst["example_id"], worst["configuration"], worst["people"]) == ("q5", "b", "fail")
    text = inside("judge-labels", result, "--labels", filled).out
    assert "TPR 1.00, TNR 0.92" in text
    assert "b less a: judge +16.7%, corrected +12.5%" in text
    assert "by 24 of 24 questions, by 8 document clusters" in text
    # Nothing is left to label.
    inside("judge-labels", result, "--labels", filled, "--export", tmp_path / "rest.csv")
    assert sheet(tmp_path / "rest.csv") == []


def test_a_judge_that_is_at_chance_corrects_nothing(inside: Command, result: Path, tmp_path: Path) -> None:
    inside("judge-labels", result, "--export", tmp_path / "sheet.csv")
    coin = fill(sheet(tmp_path / "sheet.csv"), tmp_path / "c.csv", lambda row: int(row["example_id"][1:]) // 6 % 2)
    values = inside("judge-labels", result, "--labels", coin, "--json").json()
    assert "TPR + TNR is 1.00" in values["refusal"]
    assert values["difference"]["corrected"] is None
    assert "Nothing is corrected." in inside("judge-labels", result, "--labels", coin).out


def test_labels_of_several_people_and_of_other_answers(inside: Command, result: Path, tmp_path: Path) -> None:
    inside("judge-labels", result, "--export", tmp_path / "sheet.csv", "--limit", 4)
    rows = sheet(tmp_path / "sheet.csv")
    ann = fill([{**row, "person": "ann"} for row in rows], tmp_path / "ann.csv", lambda row: "y")
    bob = [
        {"subject": row["subject"], "choice": "fail" if n else "pass", "person": "bob"} for n, row in enumerate(rows)
    ]
    (tmp_path / "bob.json").write_text(json.dumps([*bob, {"subject": "gone", "label": "pass"}]))
    done = inside("judge-labels", result, "--labels", ann, "--labels", tmp_path / "bob.json", "--json")
    assert "1 labels are of other answers" in done.errors
    values = done.json()
    assert values["people"] == {"agree": 1, "several": 8}
    # A tie decides nothing.
    assert values["labelled_answers"] == 1
    assert values["labels_of_other_answers"] == 1


def test_labels_of_runs_are_kept_in_the_workspace_and_an_llm_judge_is_measured_like_any(
    inside: Command, experiment: Path, tmp_path: Path, stub: StubEndpoint
) -> None:
    verdict = '{"question": "Which river?", "noncommittal": 0}'
    stub.reply = lambda body: verdict if "You grade texts." in str(body["messages"]) else f"Rhine: {body['messages']}"
    text = experiment.read_text().replace("[exact_match, answer_f1]", "[answer_relevancy, answer_f1]")
    experiment.write_text(f"judge: {{endpoint: stub, model: stub-small, questions: 1}}\n{text}")
    assert inside("evaluate", experiment, "--trust").code == 0
    store = Store.open(Settings(home=tmp_path / "home"))
    ids = sorted(one.id for one in store.runs("rivers"))
    runs = [f"--run={one}" for one in ids]
    inside("judge-labels", *runs, "--export", tmp_path / "sheet.csv")
    filled = fill(sheet(tmp_path / "sheet.csv"), tmp_path / "f.csv", lambda row: "pass")
    values = inside("judge-labels", *runs, "--labels", filled, "--person", "ann", "--json").json()
    assert values["criterion"] == "answer_relevancy"
    assert "stub-small" in values["judge"]
    assert values["labelled_answers"] == 24
    assert {one.person for one in store.judge_labels("rivers", "answer_relevancy")} == {"ann"}
    # They are there without the file.
    assert inside("judge-labels", *runs, "--json").json()["labelled_answers"] == values["labelled_answers"]
    store.close()


def test_wrong_input_is_one_line(inside: Command, result: Path, tmp_path: Path) -> None:
    def complaint(*arguments: object) -> str:
        done = inside("judge-labels", *arguments)
        assert done.code == 2
        return done.complaint

    assert "either a result file or one or two runs" in complaint()
    assert "no configuration named c; it has: a, b" in complaint(result, "a", "c")
    assert "has no accuracy in all configurations" in complaint(result, "--criterion", "accuracy")
    assert "--passes-from is a grade from 0 to 1" in complaint(result, "--passes-from", "nan")
    assert "written as .csv" in complaint(result, "--export", tmp_path / "sheet.xlsx")
    path = tmp_path / "labels.csv"
    path.write_text("subject,label\na,pass\nb,maybe\n")
    assert f"{path} line 3: the label 'maybe' is none; write pass, fail or unsure" in complaint(
        result, "--labels", path
    )
    path.write_text("subject,label\na,pass\na,fail\n")
    assert f"{path} line 3: unnamed says fail of the answer that has pass in line 2" in complaint(
        result, "--labels", path
    )
    path.write_text("id,verdict\na,pass\n")
    assert "has no columns subject and label" in complaint(result, "--labels", path)
    path.write_text("subject,label\na\n")
    assert f"{path} line 2: only 1 cells for 2 columns" in complaint(result, "--labels", path)
    assert inside("judge-labels", "--run", 99).code == 2
