from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import ROOT, Command

DATA = ROOT / "tests" / "data" / "results"


def test_the_result_of_an_import_is_read_by_compare_and_report(llmopt: Command, tmp_path: Path) -> None:
    process = llmopt("import-results", DATA / "promptfoo" / "two_models.json", "--json", tmp_path / "out.json")
    assert process.code == 0, process.errors
    result = json.loads((tmp_path / "out.json").read_text())
    assert [run["configuration"] for run in result["runs"]] == ["model-a", "model-b"]
    assert result["evaluation_set"]["size"] == 5
    # Nothing was saved.
    assert not (tmp_path / "home" / "llmopt.db").exists()
    compared = llmopt("compare", "out.json", "model-a", "model-b", "--metric", "pass (promptfoo)", "--json")
    assert compared.code == 0, compared.errors
    assert compared.json()["pairs"] == 3
    reported = llmopt("report", "out.json", "--out", "r.html")
    assert reported.code == 0, reported.errors
    assert "imported from promptfoo" in (tmp_path / "r.html").read_text()


def test_it_saves_into_the_project_that_is_named(inside: Command) -> None:
    result = inside("import-results", DATA / "inspect" / "model-a.eval", "--project", "mine", "--set", "trivia")
    assert result.code == 0, result.errors
    assert "1 of 1 runs added in the project mine." in result.out
    assert "trivia (version" in result.out
    again = inside("import-results", DATA / "inspect" / "model-a.eval", "--project", "mine")
    assert "0 of 1 runs added" in again.out
    assert "imported before" in again.errors


def test_without_json_and_project_it_saves_into_one_of_its_own(inside: Command) -> None:
    result = inside("import-results", DATA / "ragas" / "experiment.csv")
    assert "in the project Imported results." in result.out


def test_both_saves_and_writes(inside: Command, tmp_path: Path) -> None:
    inside("import-results", DATA / "promptfoo" / "two_models.json", "--project", "p", "--json", tmp_path / "o.json")
    assert json.loads((tmp_path / "o.json").read_text())["project"] == "p"
    assert (tmp_path / "home" / "llmopt.db").exists()


def test_a_folder_is_read_whole_and_json_on_stdout_stands_alone(inside: Command) -> None:
    result = inside("import-results", DATA / "lm_eval", "--json")
    assert result.code == 0, result.errors
    assert len(result.json()["runs"]) == 4


def test_wrong_input_is_one_line(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    for name in ("notes.txt", "missing.json", "."):
        result = inside("import-results", name)
        assert result.code == 2
        assert result.complaint
    assert "expected" in inside("import-results", "notes.txt").complaint


def test_two_sets_do_not_fit_into_one_file(inside: Command, tmp_path: Path) -> None:
    for n in range(2):
        (tmp_path / f"{n}.csv").write_text(f"user_input,response,m\nquestion {n},a,1\n")
    result = inside("import-results", "0.csv", "1.csv", "--json", "out.json")
    assert result.code == 2
    assert "different sets of questions" in result.complaint
    assert not (tmp_path / "out.json").exists()


def test_broken_lines_are_named_on_stderr(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("user_input,response,m\nq1,a,1\nq2,a\n")
    result = inside("import-results", "t.csv", "--json")
    assert result.code == 0
    assert "t.csv line 3: 2 cells for 3 columns" in result.errors
    assert result.json()["notes"][0].startswith("t.csv line 3")


def test_other_files_of_a_folder_are_left_out_and_named(inside: Command, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "results.csv").write_text("user_input,response,m\nq1,a,1\n")
    (folder / "package.json").write_text('{"name": "x"}')
    (folder / "notes.txt").write_text("hello")
    result = inside("import-results", folder, "--json")
    assert result.code == 0, result.errors
    assert "package.json: no file of results, left out" in result.errors
    assert "notes.txt is no table and no JSON; left out" in result.errors
    # What is named by itself is meant.
    assert inside("import-results", folder / "package.json").code == 2


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("out.html", "<!DOCTYPE html>\n<html><body>promptfoo</body></html>", "is a page (HTML) for people to read"),
        ("out.yaml", "evalId: eval-1\nresults:\n  version: 3\n", "is YAML, in which no results are read"),
        ("log.jsonl", '{"spec": {"eval_name": "x"}}\n{"run_id": "1", "event_id": 0, "sample_id": "a"}\n', "oaieval"),
    ],
)
def test_forms_that_are_not_read_name_what_to_bring_instead(
    inside: Command, tmp_path: Path, name: str, text: str, words: str
) -> None:
    (tmp_path / name).write_text(text)
    result = inside("import-results", name, "--json")
    assert result.code == 2
    assert result.complaint.startswith(f"{name} is")
    assert words in result.complaint
    assert "promptfoo" in result.complaint


def test_a_gate_compares_two_imports_and_an_experiment_refuses_one(
    inside: Command, tmp_path: Path, experiment: Path
) -> None:
    assert inside("import-results", DATA / "promptfoo" / "two_models.json", "--json", "old.json").code == 0
    metric = "pass (promptfoo)"
    arguments = ("gate", "old.json", "--baseline", "old.json", "--configuration", "model-a")
    found = inside(*arguments, "--no-regression", f"{metric}:0.02", "--min-coverage", 0.1, "--json")
    assert found.code == 3, found.errors
    (check,) = [one for one in found.json()["checks"] if one["rule"] == "no-regression" and one["category"] is None]
    assert (check["metric"], check["gain"]) == (metric, 0.0)
    refused = inside("evaluate", experiment, "-q", "--baseline", "old.json", "--no-regression", "exact_match:0.02")
    assert refused.code == 2
    assert "old.json was imported from another tool" in refused.complaint
    assert "llmopt gate NEW.json --baseline OLD.json" in refused.complaint
