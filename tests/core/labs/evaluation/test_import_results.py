"""Results of other tools become runs of a project, over a set of the project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.caveats import caveats, caveats_of, marks
from llmopt_core.experiments.experiment import resume_run
from llmopt_core.experiments.imported_runs import import_source
from llmopt_core.experiments.leaderboard import compare_runs
from llmopt_core.experiments.measured_run import MeasuredRun
from llmopt_core.experiments.report import report_of
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.result_file import read_result
from llmopt_core.experiments.run_scores import higher_is_better, read_run_scores
from llmopt_core.labs.evaluation.adviser.advise import advise
from llmopt_core.labs.evaluation.adviser.from_result import situation_from_result
from llmopt_core.labs.evaluation.adviser.from_store import read_situation
from llmopt_core.labs.evaluation.import_results import ImportOutcome, import_runs, read_results, read_uploads
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.temporary_store import temporary_store
from llmopt_core.runs.values import Run
from llmopt_core.settings import Settings
from llmopt_core.statistics.intervals import summarize

DATA = Path(__file__).parents[3] / "data" / "results"


@pytest.fixture
def store() -> Iterator[Store]:
    with temporary_store() as store:
        yield store


def bring(store: Store, *names: str, set_name: str = "") -> ImportOutcome:
    paths = [path for name in names for path in sorted(DATA.glob(name))]
    return import_runs(store, store.ensure_project("p"), read_results(paths).runs, set_name)


def runs_of(store: Store, outcome: ImportOutcome) -> list[Run]:
    return [store.run(run_id) for run_id in outcome.run_ids]


def upload(store: Store, rows: list[dict[str, Any]], name: str = "t.jsonl") -> ImportOutcome:
    data = "\n".join(map(json.dumps, rows)).encode()
    return import_runs(store, store.ensure_project("p"), read_uploads([(name, data)]).runs)


def test_two_variants_of_a_file_are_two_runs_over_one_set_that_can_be_compared(store: Store) -> None:
    outcome = bring(store, "promptfoo/two_models.json")
    a, b = runs_of(store, outcome)
    assert (a.name, b.name) == ("model-a", "model-b")
    assert (a.evaluation_set, a.set_version) == (b.evaluation_set, b.set_version)
    assert [item.name for item in store.evaluation_sets("p")] == ["Trivia: model-a against model-b"]
    result = compare_runs(*read_run_scores(store, [a, b]), "pass (promptfoo)")
    assert (result.pairs, result.dropped) == (3, 2)
    assert result.difference == pytest.approx(-0.5)


def test_a_run_has_what_the_file_says_and_nothing_else(store: Store) -> None:
    _, b = runs_of(store, bring(store, "promptfoo/two_models.json"))
    assert (b.done, b.failed, b.total, b.status) == (5, 2, 5, "finished")
    assert b.usage.calls == 10
    assert b.usage.cost_usd is not None
    assert b.created_at.isoformat() == "2026-11-30T03:21:51.520000+00:00"
    record = store.record(b.id, "black_death-1")
    assert record.answer is None
    assert record.failure is not None
    assert record.scores == {}
    (source,) = [import_source(b.imported)]
    assert source is not None
    assert (source.tool, source.version, source.model, source.files) == (
        "promptfoo", "0.123.1", "openai:chat:gpt-4.1-nano", ("two_models.json",)
    )  # fmt: skip
    assert source.missing == ("contexts",)


def test_repeats_are_kept_and_scores_are_their_means(store: Store) -> None:
    run = runs_of(store, bring(store, "promptfoo/two_models.json"))[1]
    record = store.record(run.id, "normans-1")
    values = [repeat.scores["pass (promptfoo)"] for repeat in record.repeats]
    assert sorted(value for value in values if value is not None) == [0.0, 1.0]
    score = record.scores["pass (promptfoo)"]
    assert score.value == 0.5
    assert score.passed is None  # Neither passed nor failed.
    assert "Mean of 2 of 2 answers" in score.explanation
    result = result_of(store, [run.id])
    (row,) = [row for row in result["runs"][0]["records"] if row["example_id"] == "normans-1"]
    assert len(row["repeats"]) == 2


def test_files_of_two_tools_meet_in_one_version_of_one_set(store: Store) -> None:
    names = [
        "promptfoo/two_models.json", "inspect/model-?.eval", "deepeval/*", "ragas/evaluation*", "ragas/experiment.csv",
        "lm_eval/*/*", "mlflow/*", "openai/eval_*", "openai/batch_*", "phoenix/*", "otel/genai_1.37*",
        "langfuse/run_*",
    ]  # fmt: skip
    outcomes = [bring(store, name) for name in names]
    versions = {run.set_version for outcome in outcomes for run in runs_of(store, outcome)}
    assert len(versions) == 1
    assert len(store.evaluation_sets("p", every_version=True)) == 1
    every_name = [run.name for run in store.runs("p")]
    assert len(set(every_name)) == len(every_name)
    assert "model-a (Inspect AI)" in every_name


def test_metrics_of_one_name_of_two_tools_are_not_compared(store: Store) -> None:
    mlflow, phoenix = bring(store, "mlflow/genai_model-a.csv"), bring(store, "phoenix/experiment_model-b.csv")
    runs = [*runs_of(store, mlflow), *runs_of(store, phoenix)]
    tables = read_run_scores(store, runs)
    for metric in {metric for run in runs for metric in run.metrics}:
        assert compare_runs(*tables, metric).pairs == 0
    # Side by side all the same.
    result = result_of(store, [run.id for run in runs])
    assert result["judge"] == "MLflow with openai:/judge, Phoenix"
    assert result["comparisons"] == [] or all(not row["pairs"] for row in result["comparisons"])


def test_the_same_file_again_adds_nothing(store: Store) -> None:
    first = bring(store, "promptfoo/two_models.json", "inspect/model-a.eval")
    again = bring(store, "promptfoo/two_models.json", "inspect/model-a.eval")
    assert again.added == ()
    assert again.run_ids == first.run_ids
    assert len(store.runs("p")) == 3
    assert all("was imported before" in note for note in again.notes if "nothing was added" in note)
    assert len(store.evaluation_sets("p", every_version=True)) == 1


def test_the_csv_beside_the_json_of_an_evaluation_adds_nothing() -> None:
    preview = read_results([DATA / "promptfoo" / "two_models.json", DATA / "promptfoo" / "two_models.csv"])
    assert [run.variant.files[0].rpartition(".")[2] for run in preview.runs] == ["json", "json"]
    assert len(preview.problems) == 2


def test_a_part_of_a_set_is_a_run_over_that_set(store: Store) -> None:
    bring(store, "promptfoo/two_models.json")
    (run,) = runs_of(store, outcome := bring(store, "inspect/old.eval"))
    assert (run.done, run.total) == (2, 2)
    assert any("2 of the 5 questions" in note for note in outcome.notes)
    assert len(store.evaluation_sets("p", every_version=True)) == 1


def test_other_questions_are_another_set_and_equal_texts_with_other_answers_are_other_questions(store: Store) -> None:
    row = {"user_input": "Who?", "response": "x", "m": 1}
    upload(store, [{**row, "reference": "Ann"}])
    upload(store, [{**row, "reference": "Bob"}])
    upload(store, [{**row, "user_input": "When?", "reference": "Ann"}])
    names = [item.name for item in store.evaluation_sets("p")]
    assert sorted(names) == ["t", "t (2)", "t (3)"]
    # What a file does not say contradicts nothing, and blanks make no other question.
    upload(store, [{**row, "user_input": " When? ", "response": "y"}])
    assert len(store.evaluation_sets("p", every_version=True)) == 3


def test_what_no_file_says_is_missing_in_the_result_and_in_the_report(store: Store, tmp_path: Path) -> None:
    outcome = bring(store, "ragas/evaluation*")
    result = result_of(store, outcome.run_ids)
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result))
    result = read_result(path)
    first = result["runs"][0]
    assert first["tokens"] == {"prompt": None, "completion": None}
    assert (first["cost_usd"], first["seconds"], first["created_at"]) == (None, None, None)
    assert first["per_question"]["tokens"] is first["per_question"]["seconds"] is None
    assert first["records"][0]["seconds"] is None
    context = first["records"][0]["contexts"][0]
    assert (context["document"], context["start"], context["score"]) == (None, None, None)
    assert first["imported"]["tool"] == "Ragas"
    report = report_of(result)
    facts = dict(report.runs[0].facts)
    assert (facts["tokens"], facts["cost"], facts["documents"]) == ("unknown", "unknown", "not recorded")
    assert facts["source"] == "imported from Ragas"
    assert facts["configuration"] == "imported from Ragas"
    assert "graded by Ragas" in report.subtitle
    assert "evaluated on" not in report.subtitle
    assert any("imported from Ragas" in text for text, _ in report.caveats)
    assert "None" not in json.dumps([report.subtitle, [run.facts for run in report.runs], report.caveats])


def test_imported_runs_are_marked_wherever_runs_stand_side_by_side(store: Store) -> None:
    runs = runs_of(store, bring(store, "promptfoo/two_models.json"))
    result = caveats_of(store, runs)
    assert marks(result) == ["imported from promptfoo"] * 2
    (caveat,) = caveats(result)
    assert caveat.text == (
        "model-a, model-b: imported from promptfoo; scores are means over 2 answers to a question; "
        "not in its files: contexts."
    )


async def test_an_imported_run_is_never_gone_on_with(store: Store, tmp_path: Path) -> None:
    (run, _) = runs_of(store, bring(store, "promptfoo/two_models.json"))
    assert run.failed
    assert not run.resumable
    with pytest.raises(BadInput, match="imported from promptfoo"):
        await resume_run(store, run.id, Models(Settings(home=tmp_path)))


def test_less_is_better_where_the_tool_says_so(store: Store) -> None:
    case = {"input": "q", "actualOutput": "a", "metricsData": [
        {"name": "Toxicity", "threshold": 0.5, "score": 0.1, "success": True}], "success": True}  # fmt: skip
    preview = read_uploads([("run.json", json.dumps({"testCases": [case]}).encode())])
    (metric,) = [name for name in preview.runs[0].metrics if name.startswith("Toxicity")]
    assert not higher_is_better(metric)
    assert higher_is_better("pass (DeepEval)")


def test_names_and_metrics_of_files_are_text_and_fit_everywhere(store: Store) -> None:
    hostile = "<script>alert(1)</script>\x00\u202e\n" + "x" * 500
    rows = [{"user_input": "q", "response": "a", "model": hostile, hostile: 0.5}]
    (run,) = runs_of(store, upload(store, rows))
    assert len(run.name) <= 200
    assert run.name.isprintable()
    assert all(len(metric) <= 200 and metric.isprintable() for metric in run.metrics)


def test_an_import_that_was_cut_off_is_made_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save_records", fail)
        with pytest.raises(KeyboardInterrupt):
            bring(store, "inspect/model-a.eval")
    (broken,) = store.runs("p")
    # As the next start of the program finds it.
    store.finish_run(broken.id, "interrupted")
    outcome = bring(store, "inspect/model-a.eval")
    assert len(outcome.added) == 1
    assert [run.status for run in store.runs("p")] == ["finished"]


def test_a_log_that_broke_is_a_run_that_broke(store: Store) -> None:
    sample = {"id": 1, "epoch": 1, "input": "q", "target": "a", "output": {"completion": "a", "choices": []},
              "scores": {"match": {"value": "C"}}}  # fmt: skip
    log = {"version": 2, "status": "error", "error": {"message": "disk full"}, "eval": {"model": "m"},
           "samples": [sample]}  # fmt: skip
    preview = read_uploads([("log.json", json.dumps(log).encode())])
    (run,) = runs_of(store, import_runs(store, store.ensure_project("p"), preview.runs))
    assert (run.status, run.error) == ("failed", "disk full")


@pytest.mark.parametrize("from_file", [True, False])
def test_no_step_rests_on_what_the_files_do_not_say(store: Store, from_file: bool) -> None:
    def steps(*names: str) -> dict[str, str]:
        outcome = bring(store, *names)
        if from_file:
            situation = situation_from_result(result_of(store, outcome.run_ids))
        else:
            runs = runs_of(store, outcome)
            tables = read_run_scores(store, runs)
            means = [{name: summarize(table.scores.values[name]) for name in run.metrics}
                     for run, table in zip(runs, tables, strict=True)]  # fmt: skip
            entries = [MeasuredRun(run.name, run, mean, {}, is_baseline=place == 0)
                       for place, (run, mean) in enumerate(zip(runs, means, strict=True))]  # fmt: skip
            situation = read_situation(store, entries)
        return {step.rule: step.reason for step in advise(situation).steps}

    # Whether the provider that promptfoo asked looked something up is not known; and nothing can be resumed here.
    unknown = steps("promptfoo/two_models.json")
    assert unknown
    assert "rag" not in unknown
    assert "resum" not in " ".join(unknown.values())
    # Ragas shows the contexts, and wrong answers with the source in them.
    assert "rag" not in steps("ragas/evaluation*")
