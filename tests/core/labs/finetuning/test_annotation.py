"""Next to label: nothing that was typed is lost, and no two questions are taken for one."""

from __future__ import annotations

from llmopt_core.labs.finetuning.annotation import (
    Label,
    LabelDraft,
    examples_from_labels,
    forget_labels,
    labels,
    question_key,
    read_drafts,
    save_drafts,
    save_labels,
    waiting,
)
from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, EvaluationSet, Example, Message, Record, Score


def run_on(store: Store, name: str, questions: tuple[str, ...]) -> int:
    """A run that failed every question; the ids are line numbers, as of a file without ids."""
    examples = tuple(Example(str(line), text) for line, text in enumerate(questions, 1))
    version = store.save_evaluation_set("p", EvaluationSet(name, examples))
    run = store.start_run("p", {"name": "base"}, "base", evaluation_set=name, set_version=version.version, judge="j",
                          metrics=("answer_f1",), total=len(examples))  # fmt: skip
    scores = {"answer_f1": Score("answer_f1", 0.1)}
    store.save_records(run, [
        (place, Record(example, Answer(f"said {name}", prompt=(Message("user", example.question),)), scores=scores))
        for place, example in enumerate(examples)
    ])  # fmt: skip
    store.finish_run(run, "finished")
    return run


def test_what_was_typed_stays_until_it_is_decided_on(store: Store) -> None:
    run = run_on(store, "set", ("one?", "two?"))
    first, second = question_key("set", "1"), question_key("set", "2")
    save_drafts(store, "p", {first: LabelDraft("typed one")})
    save_drafts(store, "p", {second: LabelDraft("typed two", "rejected")})
    save_labels(store, "p", [Label("1", run, "accepted", "typed one")])
    assert read_drafts(store, "p") == {second: LabelDraft("typed two", "rejected")}
    save_drafts(store, "p", {second: None})
    assert read_drafts(store, "p") == {}


def test_decisions_taken_back_leave_the_answers(store: Store) -> None:
    run = run_on(store, "set", ("one?", "two?"))
    save_labels(store, "p", [Label("1", run, "accepted", "typed by hand"), Label("2", run, "rejected")])
    forget_labels(store, "p")
    assert labels(store, "p") == {}
    assert read_drafts(store, "p") == {question_key("set", "1"): LabelDraft("typed by hand")}


def test_questions_of_two_sets_with_the_same_ids_are_told_apart(store: Store) -> None:
    runs = [store.run(run_on(store, name, (f"one of {name}?", f"two of {name}?"))) for name in ("a", "b")]
    result = waiting(store, "p", runs)
    values = {item.candidate.record.example.question: item.run.evaluation_set for item in result}
    assert values == {f"{number} of {name}?": name for number in ("one", "two") for name in ("a", "b")}
    save_labels(store, "p", [Label("1", runs[0].id, "accepted", "of a")])
    save_labels(store, "p", [Label("1", runs[1].id, "accepted", "of b")])
    left = {item.candidate.record.example.question for item in waiting(store, "p", runs)}
    assert left == {"two of a?", "two of b?"}
    assert {(e.question, e.answer) for e in examples_from_labels(store, "p")} == {
        ("one of a?", "of a"),
        ("one of b?", "of b"),
    }
