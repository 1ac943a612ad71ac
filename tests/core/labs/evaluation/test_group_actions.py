"""What a group of failures becomes: a configuration, a check, a few-shot set, a training set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.columns import assertions_of
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.caveats import configuration_caveats
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.experiment import run_experiment
from llmopt_core.experiments.plan import Plan
from llmopt_core.experiments.versions.prompts import few_shot_from
from llmopt_core.labs.evaluation.failure_kinds import Diagnosis, FailureKind
from llmopt_core.labs.evaluation.failure_summary import diagnose_run
from llmopt_core.labs.evaluation.group_actions import (
    add_check,
    few_shot_set,
    fitting_change,
    records_of,
    save_change,
    training_set,
)
from llmopt_core.labs.evaluation.group_check import prepare_check
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.runs.temporary_store import temporary_store
from llmopt_core.runs.values import Run
from llmopt_core.settings import Settings
from llmopt_core.types import Answer, Chunk, EvaluationSet, Example, Hit, Message, Record

P, SET = "p", "questions"
EXAMPLES = (
    Example("q1", "When was the harbour built?", "1712"),
    Example("q2", "What closes the market?", "the first snow"),
    Example("q3", "Why is the clock famous?"),
)
RAG: dict[str, Any] = {"prompt": {"template": "{{ context }} {{ question }}"}, "retrieval": {"top_k": 4}}
HIT = Hit(Chunk("harbour.md", 0, 12, "The harbour."), 1.0)


@pytest.fixture
def store() -> Iterator[Store]:
    with temporary_store() as store:
        store.ensure_project(P)
        store.save_evaluation_set(P, EvaluationSet(SET, EXAMPLES))
        yield store


def run_of(store: Store, name: str = "rag", **values: Any) -> Run:
    configuration = Configuration.model_validate({"name": name, **values})
    spec = configuration.model_dump(mode="json")
    store.save_configuration(P, name, spec, configuration.fingerprint)
    version = store.evaluation_set(P, SET).version
    run = store.start_run(
        P, spec, configuration.fingerprint, evaluation_set=SET, set_version=version, judge="j", metrics=(), total=3
    )
    for place, example in enumerate(EXAMPLES):
        answer = Answer("wrong", (HIT,), prompt=(Message("user", f"Say: {example.question}"),))
        store.save_record(run, Record(example, answer), place)
    return store.run(run)


def records(store: Store, run: Run) -> list[Record]:
    return list(records_of(store, [(run.id, example.id) for example in EXAMPLES]).values())


def failed(*kinds: FailureKind) -> list[Diagnosis]:
    return [Diagnosis(str(place), None, False, {kind: "so"}) for place, kind in enumerate(kinds)]


def test_the_change_fits_the_kind_that_most_have(store: Store) -> None:
    change, reason = fitting_change(run_of(store, **RAG), failed("outranked", "refused", "outranked"))
    assert change.spec["retrieval"]["rerank"]["method"] == "late-interaction"
    assert reason == "2 of 3 are of the kind retrieved but outranked."
    grounded, _ = fitting_change(run_of(store, **RAG), failed("unsupported"))
    assert "Answer only from the given text" in grounded.spec["prompt"]["system"]


def test_what_retrieves_nothing_first_looks_things_up(store: Store) -> None:
    change, _ = fitting_change(run_of(store, "plain"), failed("not-retrieved"))
    assert change.spec["retrieval"] is not None


def test_a_change_that_is_there_already_is_passed_over(store: Store) -> None:
    first, _ = fitting_change(run_of(store, **RAG), failed("unsupported"))
    again = run_of(store, "grounded", **first.spec)
    second, _ = fitting_change(again, failed("unsupported"))
    assert second.spec["fact_check"]["method"] == "revise"
    assert second.spec["prompt"]["system"].count("Answer only from") == 1


def test_without_a_kind_that_settings_mend_it_says_what_else_there_is(store: Store) -> None:
    with pytest.raises(BadInput, match=r"no kind is known\. Make them a check"):
        fitting_change(run_of(store, **RAG), [Diagnosis("q", None, False, {})])
    with pytest.raises(BadInput, match=r"error \(1\)"):
        fitting_change(run_of(store, **RAG), failed("error"))


def test_a_change_of_the_search_is_marked_as_chosen_on_the_questions_of_the_group(store: Store) -> None:
    run = run_of(store, **RAG)
    change, _ = fitting_change(run, failed("outranked"))
    version = save_change(store, run, change, "Wrong dates", EXAMPLES[:2])
    assert version.name in {item.name for item in store.configurations(P)}
    caveats = configuration_caveats(store, P, configuration_from(version.spec), EXAMPLES)
    assert caveats.overlap is not None
    assert "Wrong dates" in " ".join([caveats.overlap.warning, caveats.overlap.note, *map(str, caveats.overlap.parts)])
    # The one that it was made from was not chosen on them.
    base = configuration_caveats(store, P, configuration_from(run.configuration), EXAMPLES)
    assert base.overlap is not None
    assert base.overlap.parts == ()


def test_a_check_is_prepared_from_the_notes_and_holds_no_template(store: Store) -> None:
    assertion = prepare_check("Wrong {{ year }}", ["Wrong {{ year }}", "off by one", "off by one"])
    assert assertion.type == "llm-rubric"
    assert assertion.value.count("off by one") == 1
    assert "{{" not in assertion.value


def test_a_check_becomes_an_assertion_of_the_questions_of_the_group(store: Store) -> None:
    before = AssertionSpec(type="contains", value="17")
    add_check(store, P, SET, before, ["q1"])
    assertion = AssertionSpec(type="not-contains", value="1812")
    assert add_check(store, P, SET, assertion, ["q1", "q2", "gone"]) == 2
    values = {example.id: assertions_of(example) for example in store.evaluation_set(P, SET).examples}
    assert values == {"q1": (before, assertion), "q2": (assertion,), "q3": ()}
    assert add_check(store, P, SET, assertion, ["q1", "q2"]) == 0
    assert add_check(store, P, SET, assertion, None) == 1
    with pytest.raises(BadInput, match="None of these"):
        add_check(store, P, SET, assertion, ["gone"])


def test_a_check_on_a_part_of_a_split_goes_into_the_whole_set(store: Store) -> None:
    many = tuple(Example(f"m{n}", f"What is the {n * 37} of {chr(97 + n) * 5}?", str(n)) for n in range(20))
    store.save_evaluation_set(P, EvaluationSet("many", many))
    parts = store.make_split(P, "many").parts
    example_id = next(key for key, part in parts.items() if part == "search")
    assert add_check(store, P, "many, search", AssertionSpec(type="contains", value="x"), [example_id]) == 1
    whole = store.evaluation_set(P, "many")
    assert len(whole.examples) == 20
    assert [bool(assertions_of(e)) for e in whole.examples].count(True) == 1


def test_questions_in_a_few_shot_set_are_marked_where_they_are_measured_on(store: Store) -> None:
    run = run_of(store, **RAG)
    version = few_shot_set(store, P, "Wrong dates", records(store, run))
    spec = few_shot_from(version.body)
    # What has no reference answer cannot be shown.
    assert [dict(shot) for shot in spec.examples] == [
        {"question": example.question, "answer": example.reference} for example in EXAMPLES[:2]
    ]
    configuration = Configuration.model_validate(
        {"name": "shots", "prompt": {"template": "{{ question }}", "few_shot": spec.model_dump()}}
    )
    caveats = configuration_caveats(store, P, configuration, EXAMPLES)
    assert caveats.overlap_count == 2
    with_context = few_shot_set(store, P, "Wrong dates", records(store, run)[:1], with_context=True)
    assert with_context.number == 2
    assert [shot.get("context") for shot in with_context.body["examples"]] == [None, None, "The harbour."]
    with pytest.raises(BadInput, match="reference answer"):
        few_shot_set(store, P, "none", records(store, run)[2:])


def test_training_examples_are_the_prompts_as_sent_with_the_right_answers(store: Store) -> None:
    all_records = records(store, run_of(store, **RAG))
    first = training_set(store, P, "Wrong dates", all_records[:1])
    assert [dict(message) for message in first.train.examples[0].messages] == [
        {"role": "user", "content": "Say: When was the harbour built?"},
        {"role": "assistant", "content": "1712"},
    ]
    second = training_set(store, P, "Wrong dates", all_records)
    assert (second.number, len(second.train.examples)) == (2, 2)
    with pytest.raises(BadInput, match="reference answer"):
        training_set(store, P, "none", all_records[2:])


def test_records_of_runs_that_are_gone_are_left_out(store: Store) -> None:
    run = run_of(store, **RAG)
    assert list(records_of(store, [(run.id, "q1"), (run.id + 7, "q1"), (run.id, "q9")])) == [(run.id, "q1")]


@pytest.mark.parametrize(
    ("kind", "reference", "expected"),
    [
        ("refused", "1712", ("regex", True)),
        ("unsupported", "1712", ("metric", False)),
        ("off-question", None, ("metric", False)),
        ("wrong-format", '{"year": 1712}', ("is-json", False)),
        ("wrong-format", "1712", ("length", False)),
        ("not-used", "1712", ("contains", False)),
        ("outranked", " ".join(["word"] * 20), ("similar", False)),
        # From a question without a reference nothing can be taken.
        ("not-used", None, ("llm-rubric", False)),
        ("error", "1712", ("llm-rubric", False)),
    ],
)
def test_a_check_fits_the_kind_that_most_of_the_records_have(
    kind: FailureKind, reference: str | None, expected: tuple[str, bool]
) -> None:
    found = [*failed(kind, kind), *failed("error")]
    assertion = prepare_check("Wrong", ["Wrong"], found, [Example("q1", "?", reference), Example("q2", "?", reference)])
    assert (assertion.type, assertion.negate) == expected
    assert assertion.name == "not: Wrong"


ANSWERS = {"en": ("I do not know.", "It was built in 1712."), "zh": ("文中没有提到。", "建于1712年。")}


@pytest.mark.parametrize("language", ANSWERS)
async def test_a_check_is_seen_to_work_in_the_next_run(store: Store, language: str) -> None:
    refusal, right = ANSWERS[language]
    run_of(store, **RAG)
    assertion = prepare_check("Refuses", ["refuses"], failed("refused"))
    add_check(store, P, SET, assertion, ["q1", "q2"])
    replies = {EXAMPLES[0].question: refusal}
    async with Models(Settings.from_environment()) as models:
        models.register("builtin", ScriptedChat(lambda r: replies.get(r.messages[-1].content.strip(), right)))
        plan = Plan(
            project=P,
            configurations=(Configuration.model_validate({"name": "next", "prompt": {"template": "{{ question }}"}}),),
            evaluation_set=store.evaluation_set(P, SET),
            documents=[],
            judge=JudgeSpec(),
            metrics=("answer_f1",),
        )
        (run_id,) = await run_experiment(store, plan, models)
    scores = {one.example.id: one.scores for one in store.records(run_id)}
    assert {key: values["not: Refuses"].passed for key, values in scores.items() if "not: Refuses" in values} == {
        "q1": False, "q2": True}  # fmt: skip
    passed = {one.example_id: one.passed for one in diagnose_run(store, run_id)}
    assert passed["q1"] is False
