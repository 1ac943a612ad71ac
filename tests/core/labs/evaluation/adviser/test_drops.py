"""What a person dropped on the ladder is not proposed again, on whatever questions, until something new is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.cli.app import run as run_command
from llmopt_core.experiments.measured_run import MeasuredRun
from llmopt_core.experiments.result import result_of
from llmopt_core.labs.evaluation.adviser.advise import advise
from llmopt_core.labs.evaluation.adviser.drops import read_drops
from llmopt_core.labs.evaluation.adviser.from_store import read_situation
from llmopt_core.labs.evaluation.adviser.step import Advice
from llmopt_core.runs.store_ladder import Decision
from llmopt_core.statistics.intervals import summarize
from llmopt_core.types import Answer, Chunk, EvaluationSet, Example, Hit, Record, Score, Span, StageTrace
from tests.engine_lab import Lab

SIZE = 20


def start(lab: Lab, name: str, good: int, set_name: str = "places", **retrieval: Any) -> int:
    """A run whose sources stood at rank 9; `good` of its answers are right all the same."""
    examples = tuple(Example(f"q{i}", f"{set_name} {i}?", "Momus", (Span("gold.md", 0, 5),)) for i in range(SIZE))
    saved = lab.store.save_evaluation_set("p", EvaluationSet(set_name, examples))
    configuration = lab.configuration(name, retrieval={"top_k": 3, **retrieval})
    run_id = lab.store.start_run(
        "p", configuration.model_dump(mode="json"), configuration.fingerprint, evaluation_set=saved.name,
        set_version=saved.version, judge="builtin", metrics=("answer_f1",), total=SIZE,
    )  # fmt: skip
    chunks = [Hit(Chunk("other.md", 20 * i, 20 * i + 20, f"Text {i}"), 0.1) for i in range(29)]
    chunks.insert(8, Hit(Chunk("gold.md", 0, 20, "Momus was the first"), 0.1))
    trace = (StageTrace("search", "dense", hits=tuple(chunks)), StageTrace("select", "top-k", hits=tuple(chunks[:3])))
    records = []
    for place, example in enumerate(examples):
        answer = Answer("Momus" if place < good else "Wit", tuple(chunks[:3]))
        records.append((place, Record(example, answer, trace, {"answer_f1": Score("answer_f1", float(place < good))})))
    lab.store.save_records(run_id, records)
    lab.store.finish_run(run_id, "finished")
    return run_id


def advice_of(lab: Lab, *run_ids: int) -> Advice:
    runs = [lab.store.run(run_id) for run_id in run_ids]
    scores = lab.store.scores(run_ids)
    entries = [
        MeasuredRun(run.name, run, {"answer_f1": summarize(scores[run.id].values["answer_f1"])}, {}, is_baseline=not i)
        for i, run in enumerate(runs)
    ]
    return advise(read_situation(lab.store, entries))


def drop(lab: Lab, run_id: int) -> None:
    lab.store.save_decision("p", Decision(run_id, "dropped", "too slow for us"))


RERANK = {"rerank": {"method": "late-interaction"}}


def test_what_was_dropped_leads_nothing_and_is_not_proposed_and_the_reason_of_who_dropped_it_is_told(lab: Lab) -> None:
    rag, slow = start(lab, "rag", 10), start(lab, "slow", 12, **RERANK)
    drop(lab, slow)
    advice = advice_of(lab, rag, slow)
    assert advice.steps[0].rule == "hybrid-search"
    assert "of rag fail" in advice.steps[0].reason
    assert [(one.rule, one.name, one.outcome) for one in advice.tried] == [
        ("rerank", "slow", "it was dropped (too slow for us)")
    ]


def test_what_was_dropped_on_other_questions_is_not_proposed_on_these(lab: Lab) -> None:
    start(lab, "rag", 10, "old")
    drop(lab, start(lab, "slow", 9, "old", **RERANK))
    rag = start(lab, "rag", 10)
    advice = advice_of(lab, rag)
    assert "rerank" not in [step.rule for step in advice.steps]
    assert advice.tried[0].outcome == "it was dropped on other questions (too slow for us)"
    # The one that was kept beside it is not what was dropped.
    (found,) = read_drops(lab.store, "p")
    assert (found.rules, found.against) == (frozenset({"rerank"}), "rag")


def test_a_later_run_that_is_better_is_new_evidence(lab: Lab) -> None:
    rag, slow = start(lab, "rag", 6), start(lab, "slow", 7, **RERANK)
    drop(lab, slow)
    assert advice_of(lab, rag, slow).steps[0].rule == "hybrid-search"
    # The same run, seen again, proves nothing new; another one that is better does.
    again = start(lab, "slow", 20, **RERANK)
    assert advice_of(lab, rag, again).steps[0].rule == "rerank"
    weak = start(lab, "slow", 8, **RERANK)
    assert advice_of(lab, rag, weak).steps[0].rule == "hybrid-search"


def test_what_was_kept_later_is_no_drop(lab: Lab) -> None:
    slow = start(lab, "slow", 9, "old", **RERANK)
    drop(lab, slow)
    lab.store.save_decision("p", Decision(start(lab, "slow", 12, "newer", **RERANK), "kept", "fine here"))
    assert read_drops(lab.store, "p") == ()


def test_the_command_line_knows_what_was_dropped_in_the_workspace(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPT_HOME", str(lab.settings.home))
    rag, slow = start(lab, "rag", 10), start(lab, "slow", 12, **RERANK)
    file, out = tmp_path / "result.json", tmp_path / "advice.json"
    file.write_text(json.dumps(result_of(lab.store, [rag, slow])), "utf-8")

    def first_reason() -> str:
        assert run_command(["advise", str(file), "--json", str(out)]) == 0
        return str(json.loads(out.read_text("utf-8"))["steps"][0]["reason"])

    drop(lab, slow)
    assert first_reason() == advice_of(lab, rag, slow).steps[0].reason
    assert "of rag fail" in first_reason()
    # Without the workspace the file is all there is, and none is made.
    empty = tmp_path / "empty"
    monkeypatch.setenv("LLMOPT_HOME", str(empty))
    assert "of slow fail" in first_reason()
    assert not empty.exists()
    # A project of this name on another machine is another project.
    other = json.loads(file.read_text("utf-8"))
    for run in other["runs"]:
        run["fingerprint"] = "0" * 16
    file.write_text(json.dumps(other), "utf-8")
    monkeypatch.setenv("LLMOPT_HOME", str(lab.settings.home))
    assert "of slow fail" in first_reason()
