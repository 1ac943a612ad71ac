"""Training sets of a project: collected from everywhere, cleaned, versioned by content."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

from llmopt_core.answering.context import answer_variables
from llmopt_core.cache import MemoryCache
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.check import AssertionSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.versions import training_sets as library
from llmopt_core.finetuning.data.examples import TrainingExample, chat_example, preference_example
from llmopt_core.labs.finetuning import annotation as labelling
from llmopt_core.labs.finetuning import sources
from llmopt_core.labs.finetuning.preparation import DROP_REASONS, Preparation, prepare
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.prompts.messages import build_messages
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Vote
from llmopt_core.settings import Settings
from llmopt_core.types import Answer, Chunk, EvaluationSet, Example, Failure, Hit, Message, Record, Score

TOWNS = [
    "Reykjavik",
    "Montevideo",
    "Canberra",
    "Kathmandu",
    "Ouagadougou",
    "Antananarivo",
    "Hanoi",
    "Sofia",
    "Tegucigalpa",
    "Bridgetown",
]


def town(number: int, **about: object) -> TrainingExample:
    name = TOWNS[number % len(TOWNS)]
    return chat_example(
        f"Where on a map do I look for {name}, case {number}?", f"Look up {name} in the index.", **about
    )  # type: ignore[arg-type]


def finished_run(store: Store, name: str = "base") -> int:
    examples = [Example(f"q{i}", f"What is the capital number {i}?", f"town {i}", category="c") for i in range(4)]
    result = store.save_evaluation_set("p", EvaluationSet("set", tuple(examples)))
    run = store.start_run("p", {"name": name}, name, evaluation_set="set", set_version=result.version, judge="j",
                          metrics=("answer_f1",), total=4)  # fmt: skip
    values = (1.0, 0.1, 0.5, None)
    records = [
        Record(
            example,
            Answer(f"said {i}", prompt=(Message("user", f"Q: {example.question}"),)) if values[i] is not None else None,
            scores={"answer_f1": Score("answer_f1", values[i])} if values[i] is not None else {},
            failure=None if values[i] is not None else Failure("answer", "timeout", "too slow"),
        )
        for i, example in enumerate(examples)
    ]
    store.save_records(run, list(enumerate(records)))
    store.finish_run(run, "finished")
    return run


def test_a_collection_keeps_each_example_once_and_becomes_versions(store: Store) -> None:
    assert library.collect(store, "p", [town(1, label="a", group="g", score=0.5), town(2)]) == 2
    assert library.collect(store, "p", [town(2), town(3)]) == 1
    kept = library.read_collection(store, "p")
    assert (kept[0].label, kept[0].group, kept[0].score, kept[0].answer) == (
        "a",
        "g",
        0.5,
        "Look up Montevideo in the index.",
    )
    first = library.save_training_set(store, "p", "towns", kept[:2], kept[2:], note="first")
    again = library.save_training_set(store, "p", "towns", kept[:2], kept[2:])
    other = library.save_training_set(store, "p", "towns", kept)
    assert (first.number, again.number, other.number) == (1, 1, 2)
    assert [item.label for item in library.training_sets(store, "p")] == ["towns v2", "towns v1"]
    read = library.training_sets(store, "p")[-1]
    assert read.validation is not None
    assert (read.version, read.validation.examples) == (first.version, first.validation and first.validation.examples)
    assert read.version != other.version
    library.clear_collection(store, "p")
    assert library.read_collection(store, "p") == []


def test_two_tabs_that_collect_and_remove_at_once_lose_nothing(tmp_path: Path) -> None:
    stores = [Store(f"sqlite:///{tmp_path / 'llmopt.db'}", tmp_path) for _ in range(2)]
    stores[0].ensure_project("p")
    together = threading.Barrier(2)

    def collect(tab: int) -> None:
        together.wait(30)
        for number in range(12):
            library.collect(stores[tab], "p", [town(100 * tab + number)])
            if number % 2:
                library.remove_from_collection(stores[tab], "p", {town(100 * tab + number).key})

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(collect, range(2)))
    survivors = {example.key for example in library.read_collection(stores[0], "p")}
    assert survivors == {town(100 * tab + number).key for tab in range(2) for number in range(0, 12, 2)}


def test_two_tabs_that_decide_at_once_lose_no_label(tmp_path: Path) -> None:
    stores = [Store(f"sqlite:///{tmp_path / 'llmopt.db'}", tmp_path) for _ in range(2)]
    stores[0].ensure_project("p")
    together = threading.Barrier(2)

    def decide(tab: int) -> None:
        together.wait(30)
        for number in range(12):
            labelling.save_drafts(stores[tab], "p", {f"draft {tab} {number}": labelling.LabelDraft("typed")})
            label = labelling.Label(f"q{tab}-{number}", 1, "accepted", "answer", "questions")
            labelling.save_labels(stores[tab], "p", [label])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(decide, range(2)))
    assert len(labelling.labels(stores[0], "p")) == 24
    assert len(labelling.read_drafts(stores[0], "p")) == 24


def test_a_repeated_example_is_from_where_it_stood_first(store: Store) -> None:
    line = b'{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n'
    assert library.collect(store, "p", sources.read_upload(2 * line, "x.jsonl")) == 1
    assert [example.source for example in library.read_collection(store, "p")] == ["x.jsonl line 1"]


def test_what_cannot_be_trained_on_is_not_saved(store: Store) -> None:
    with pytest.raises(BadInput, match="no examples"):
        library.save_training_set(store, "p", "x", [])
    with pytest.raises(BadInput, match="name"):
        library.save_training_set(store, "p", " ", [town(1)])
    broken = TrainingExample(({"role": "user", "content": "and the answer?"},))
    with pytest.raises(BadInput, match="Example 2 of x"):
        library.save_training_set(store, "p", "x", [town(1), broken])
    library.collect(store, "p", [town(1)])
    with pytest.raises(BadInput, match="preference"):
        library.collect(store, "p", [preference_example("q", "good", "bad")])
    with pytest.raises(BadInput, match="one training set"):
        library.save_training_set(store, "p", "x", [town(1)], [preference_example("q", "good", "bad")])


def test_preparation_counts_what_it_leaves_out() -> None:
    examples = [*(town(i, label="many" if i < 7 else "few") for i in range(10)), town(3)]
    examples += [chat_example("Which river is long?", "The Nile"), chat_example("Which river is long?", "The Amazon")]
    questions = EvaluationSet("set", (Example("e", "Where on a map do I look for Sofia, case 7?"),))
    result = prepare(examples, Preparation(validation_share=0.25), [questions])
    assert result.drops == {"duplicate": 1, "leaking": 1, "conflicting_answer": 2}
    assert len(result.train) + len(result.validation) == 9
    assert result.validation
    assert set(result.drops) <= set(DROP_REASONS)
    balanced = prepare(examples[:10], Preparation(balance=True, validation_share=0.0))
    assert balanced.drops == {"over_represented": 4}
    assert balanced.validation == ()


def test_a_large_set_is_cut_down_to_different_good_examples() -> None:
    examples = [town(i, score=i / 10) for i in range(10)]
    result = prepare(examples, Preparation(most=4, min_score=0.25, validation_share=0.0), encode=HashEmbedder().encode)
    assert result.drops == {"low_score": 3, "less_diverse": 3}
    assert len(result.train) == 4


def test_classes_are_balanced_by_what_is_good_enough() -> None:
    many = [town(i, label="a", score=0.0 if i < 5 else 1.0) for i in range(10)]
    few = [chat_example(f"How long is river {i} of {TOWNS[i]}?", f"{i} km", label="b", score=1.0) for i in range(5)]
    result = prepare([*many, *few], Preparation(duplicates=False, balance=True, min_score=0.5, validation_share=0.0))
    assert Counter(example.label for example in result.train) == {"a": 5, "b": 5}
    assert result.drops == {"low_score": 5}


def test_a_low_answer_neither_hides_its_better_repetition_nor_contradicts_a_good_one() -> None:
    river = "Which river is long?"
    examples = [
        town(1, score=0.1), town(1, score=0.9), chat_example(river, "The Nile", score=0.9),
        chat_example(river, "The Spree", score=0.1),
    ]  # fmt: skip
    result = prepare(examples, Preparation(min_score=0.5, validation_share=0.0))
    assert [(example.score, example.answer) for example in result.train] == [
        (0.9, examples[1].answer),
        (0.9, "The Nile"),
    ]
    assert result.drops == {"low_score": 2}


def test_good_records_by_score_and_by_vote(store: Store) -> None:
    run = finished_run(store)
    assert [e.answer for e in sources.good_records(store, run, {"answer_f1": 0.8})] == ["said 0"]
    for example, choice in (("q1", "first"), ("q0", "second")):
        store.save_vote("p", Vote("c", "me", example, "base", "other", choice))  # type: ignore[arg-type]
    assert [e.answer for e in sources.good_records(store, run, {"answer_f1": 0.8})] == ["said 1"]


@pytest.mark.parametrize("mode", ["chat", "completion"])
def test_worked_examples_of_the_prompt_are_not_trained_on(store: Store, mode: Literal["chat", "completion"]) -> None:
    shots = FewShotSpec(examples=({"question": "old?", "answer": "old answer", "context": "old"},), select="all")
    prompt = PromptSpec(system="Be brief.", template="{{ context }} Q: {{ question }}", few_shot=shots)
    configuration = Configuration(name="shot", model=ModelSpec(mode=mode), prompt=prompt, retrieval=RetrievalSpec())
    example, hits = Example("q", "new?", "new"), (Hit(Chunk("d", 0, 3, "New"), 1.0),)
    messages = build_messages(prompt, answer_variables(example, hits, mode), mode)
    assert "old answer" in "".join(message.content for message in messages)
    where = store.save_evaluation_set("p", EvaluationSet("s", (example,)))
    run = store.start_run("p", configuration.model_dump(mode="json"), configuration.fingerprint, evaluation_set="s",
                          set_version=where.version, judge="j", metrics=("answer_f1",), total=1)  # fmt: skip
    score = {"answer_f1": Score("answer_f1", 1.0)}
    store.save_records(run, [(0, Record(example, Answer("new", hits, prompt=messages), scores=score))])
    labelling.save_labels(store, "p", [labelling.Label("q", run, "accepted", "new")])
    for (made,) in (sources.good_records(store, run, {"answer_f1": 0.5}), labelling.examples_from_labels(store, "p")):
        told = [str(message["content"]) for message in made.messages]
        assert len(told) == (3 if mode == "chat" else 2)
        assert "New" in told[-2]
        assert told[-2].endswith("Q: new?")
        assert "old answer" not in "".join(told)


def test_few_shot_sets_files_and_the_sample(store: Store) -> None:
    spec = FewShotSpec(examples=({"question": "q", "answer": "a"},), select="all")
    store.save_version("p", "few-shot", "shots", spec.model_dump(mode="json"))
    (shot,) = sources.few_shot_examples(store, "p", "shots", "Be kind.")
    assert (shot.messages[0]["content"], shot.answer) == ("Be kind.", "a")
    assert [e.answer for e in sources.read_upload(b"question,answer\nq1,a1\nq2,a2\n", "x.csv")] == ["a1", "a2"]
    with pytest.raises(BadInput, match="line 1"):
        sources.read_upload(b'{"messages": [{"role": "user", "content": "hi"}]}\n', "x.jsonl")
    assert len(sources.sample_training()) == 1050
    assert len(sources.sample_training("validation")) == 105
    assert len(sources.sample_questions().examples) == 210


def test_decisions_feed_the_training_data_and_are_not_asked_again(store: Store) -> None:
    run = finished_run(store)
    result = labelling.waiting(store, "p", [store.run(run)])
    assert [w.candidate.record.example.id for w in result] == ["q3", "q1", "q2"]
    assert [w.candidate.reason for w in result] == ["failed", "low score", "uncertain"]
    decided = [
        labelling.Label("q1", run, "accepted", " the right town "),
        labelling.Label("q2", run, "rejected"),
    ]
    assert labelling.save_labels(store, "p", decided) == 2
    assert [w.candidate.record.example.id for w in labelling.waiting(store, "p", [store.run(run)])] == ["q3"]
    (made,) = labelling.examples_from_labels(store, "p")
    assert (made.messages[0]["content"], made.answer, made.label) == (
        "Q: What is the capital number 1?",
        "the right town",
        "c",
    )
    (pair,) = labelling.examples_from_labels(store, "p", pairs=True)
    assert (pair.answer, pair.rejected[0]["content"]) == ("the right town", "said 1")
    labelling.save_labels(store, "p", [labelling.Label("q1", run, "rejected")])
    assert labelling.examples_from_labels(store, "p") == []
    labelling.forget_labels(store, "p")
    assert labelling.labels(store, "p") == {}


def test_decisions_on_a_run_that_is_gone_are_passed_over(store: Store) -> None:
    run = finished_run(store)
    labelling.save_labels(store, "p", [labelling.Label("q1", run, "accepted", "x")])
    store.delete_runs([run])
    assert labelling.examples_from_labels(store, "p") == []


async def test_a_larger_model_answers_and_only_what_passes_is_kept(tmp_path: Path) -> None:
    def reply(request: object) -> str:
        text = request.messages[-1].content  # type: ignore[attr-defined]
        return '{"town": "Oslo"}' if "one" in text else "no JSON" if "two" in text else '{"town": "Rome"}'

    questions = [Example("1", "one?", '{"town": "Oslo"}'), Example("2", "two?"), Example("3", "three?", "Bern")]
    shots = FewShotSpec(examples=({"question": "q", "answer": "{}"},), select="all")
    prompt = PromptSpec(system="Say JSON.", few_shot=shots)
    async with Models(Settings(home=tmp_path), MemoryCache()) as models:
        models.register("teacher", ScriptedChat(reply))
        result = await sources.distill_examples(
            questions, ModelSpec(endpoint="teacher", mode="chat"), prompt, models,
            assertions=[AssertionSpec(type="is-json")], least_f1=0.5,
        )  # fmt: skip
        with pytest.raises(BadInput, match="no questions"):
            await sources.distill_examples([], ModelSpec(endpoint="teacher"), prompt, models)
    assert [e.answer for e in result.examples] == ['{"town": "Oslo"}']
    assert [m["role"] for m in result.examples[0].messages] == ["system", "user", "assistant"]
    assert sorted(result.rejections) == ["2", "3"]
    assert "is-json" in result.rejections["2"]
    assert "F1" in result.rejections["3"]
