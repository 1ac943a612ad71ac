import dataclasses

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.runs.store import Store
from llmopt_core.types import (
    Answer,
    Chunk,
    EvaluationSet,
    Evidence,
    Example,
    Failure,
    Hit,
    Message,
    Record,
    Score,
    Span,
    StageTrace,
    Usage,
)


def start(store: Store, questions: EvaluationSet, name: str = "rag", **more: object) -> int:
    store.ensure_project("p")
    return store.start_run(
        "p",
        {"name": name, "top_k": 3},
        "f" * 16,
        evaluation_set=questions.name,
        set_version=questions.version,
        judge="built-in judge v1",
        metrics=["answer_f1", "faithfulness"],
        total=len(questions.examples),
        **more,
    )


def record(example: Example, value: float | None = 0.5) -> Record:
    chunk = Chunk("a.txt", 3, 9, "passage", "Top > Sub", Span("a.txt", 0, 20))
    hits = (Hit(chunk, 0.75), Hit(dataclasses.replace(chunk, start=10, end=12), 0.25))
    usage = Usage(11, 7, 0.001, 1, 2)
    answer = Answer("said", hits[:1], (0,), (Message("user", "ask"),), usage, 0.3, "stop", ("note",))
    trace = (
        StageTrace("search", "dense", ("q",), hits, 0, 0.1, Usage(), ""),
        StageTrace("rerank", "late-interaction", ("q",), hits[::-1], 2, 0.2, usage, "fell back"),
    )
    scores = {
        "answer_f1": Score("answer_f1", value, "overlap"),
        "faithfulness": Score(
            "faithfulness", None, "", (Evidence("s", None, "r", "src"),), "no statements", None, "judge"
        ),
        "polite": Score("polite", 1.0, passed=True),
    }
    return Record(example, answer, trace, scores, None, usage, 0.4)


def test_a_record_comes_back_whole(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    kept = record(questions.examples[2])
    store.save_record(run_id, kept, 2)
    assert store.record(run_id, "q2") == kept
    assert store.records(run_id, trace=True) == [kept]
    assert store.records(run_id) == [dataclasses.replace(kept, trace=())]


def test_records_are_in_the_order_of_the_set(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    for position in (2, 0, 3, 1):
        store.save_record(run_id, record(questions.examples[position]), position)
    assert [r.example.id for r in store.records(run_id)] == ["q0", "q1", "q2", "q3"]


def test_a_run_adds_up_its_records(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions, options={"limit": 4})
    store.save_record(run_id, record(questions.examples[0]), 0)
    failed = Record(
        questions.examples[1], failure=Failure("answer", "timeout", "Took too long."), usage=Usage(cost_usd=None)
    )
    store.save_record(run_id, failed, 1)
    run = store.run(run_id)
    assert (run.done, run.failed, run.total, run.status) == (2, 1, 4, "running")
    assert run.usage == Usage(11, 7, None, 1, 2)
    assert run.options == {"limit": 4}
    assert run.configuration == {"name": "rag", "top_k": 3}
    assert run.metrics == ("answer_f1", "faithfulness")


def test_a_record_of_the_same_position_is_replaced_with_its_scores(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    store.save_record(run_id, record(questions.examples[0], 0.1), 0)
    store.save_record(run_id, dataclasses.replace(record(questions.examples[0]), scores={}), 0)
    assert len(store.records(run_id)) == 1
    assert store.scores([run_id])[run_id].values == {}


def test_scores_align_with_examples_and_miss_none(store: Store, questions: EvaluationSet) -> None:
    one, two = start(store, questions), start(store, questions, "other")
    for position, value in ((0, 0.25), (2, None)):
        store.save_record(one, record(questions.examples[position], value), position)
    store.save_record(two, Record(questions.examples[1], failure=Failure("answer", "x", "y")), 1)
    tables = store.scores([one, two])
    assert tables[one].examples == ("q0", "q2")
    assert tables[one].values == {"answer_f1": [0.25, None], "faithfulness": [None, None], "polite": [1.0, 1.0]}
    assert tables[one].verdicts["polite"] == [True, True]
    assert tables[two].examples == ("q1",)
    assert tables[two].values == {}


def test_resume_knows_what_is_done_and_what_failed(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    store.save_record(run_id, record(questions.examples[0]), 0)
    store.save_record(run_id, Record(questions.examples[3], failure=Failure("answer", "x", "y")), 3)
    assert store.record_positions(run_id) == {0, 3}
    assert store.record_positions(run_id, with_failures=False) == {0}


def test_a_run_that_is_worked_on_cannot_be_resumed(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    with pytest.raises(BadInput, match="being worked on"):
        store.resume_run(run_id)
    store.finish_run(run_id, "cancelled", seconds=2.0)
    assert store.run(run_id).resumable
    assert store.resume_run(run_id).status == "running"
    store.finish_run(run_id, "finished", seconds=1.5)
    assert store.run(run_id).seconds == pytest.approx(3.5)
    assert not store.run(run_id).resumable


def test_runs_are_listed_newest_first_and_can_be_deleted(store: Store, questions: EvaluationSet) -> None:
    ids = [start(store, questions, name) for name in ("a", "b")]
    assert [run.name for run in store.runs("p")] == ["b", "a"]
    store.save_record(ids[0], record(questions.examples[0]), 0)
    with pytest.raises(BadInput, match=f"Run {ids[0]} is being worked on; wait for it or cancel it"):
        store.delete_runs([ids[0]])
    store.finish_run(ids[0], "cancelled")
    store.delete_runs([ids[0]])
    assert [run.id for run in store.runs("p")] == [ids[1]]
    assert store.scores([ids[0]])[ids[0]].examples == ()
    with pytest.raises(BadInput, match=f"no run {ids[0]}"):
        store.run(ids[0])


def test_half_an_emoji_in_an_answer_is_kept_readable(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    store.save_record(run_id, dataclasses.replace(record(questions.examples[0]), answer=Answer("cut \ud83d")), 0)
    assert store.records(run_id)[0].answer == Answer("cut \ufffd")
