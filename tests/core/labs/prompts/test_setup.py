"""From what is chosen to a plan: checks as rows, variants, estimates, the prompt library."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.experiments.assertion_rows import assertions_from_rows, row_of
from llmopt_core.experiments.comparison_estimate import estimate_comparison
from llmopt_core.experiments.comparison_setup import (
    Setup,
    VariantSetup,
    plan_from,
    select_examples,
    setup_from,
    variant_names,
)
from llmopt_core.experiments.preview import preview_prompt, preview_variables, stand_in, variables_of
from llmopt_core.experiments.versions.prompts import (
    few_shot_from,
    load_prompt,
    newest_versions,
    prompt_from,
    restore,
    save_few_shot,
    save_prompt,
    version_label,
)
from llmopt_core.labs.prompts.few_shot_sources import examples_from_records
from llmopt_core.models.base import ModelSpec
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.types import Answer, Chunk, Document, EvaluationSet, Example, Failure, Hit, Record, Score, Span

from .conftest import EXAMPLES, Lab

CHECKS = [
    AssertionSpec(type="contains", value="a | b"),
    AssertionSpec(type="contains-any", value=["a", "b c"]),
    AssertionSpec(type="contains-all", value=["a|b", "c"]),
    AssertionSpec(type="is-json"),
    AssertionSpec(type="json-schema", value={"type": "object"}),
    AssertionSpec(type="equals", value="x", case_sensitive=False, negate=True),
    AssertionSpec(type="similar", threshold=0.8),
    AssertionSpec(type="latency", threshold=2.0, weight=0.0),
    AssertionSpec(type="length", value={"min": 1, "unit": "words"}, name="short"),
    AssertionSpec(type="metric", value="answer_f1", threshold=0.5),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.type)
def test_a_check_survives_the_way_through_a_table(check: AssertionSpec) -> None:
    (back,) = assertions_from_rows([row_of(check)])
    assert back.model_dump(exclude={"value"}) == check.model_dump(exclude={"value"})
    given = dict(check.value) if check.type == "length" else check.value
    assert back.value == given


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"type": "contains", "value": ""}, "Assertion 1: .*needs a text"),
        ({"type": "regex", "value": "("}, "Assertion 1: .*regular expression"),
        ({"type": "json-schema", "value": "{"}, "Assertion 1: .*not JSON"),
        ({"type": "length", "value": "long"}, "10-200 words"),
        ({"type": "latency", "value": "soon"}, "Assertion 1"),
        ({"type": "soup", "value": "x"}, "Assertion 1"),
    ],
)
def test_a_row_that_makes_no_check_is_named(row: dict[str, str], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        assertions_from_rows([row])


def test_empty_rows_are_left_out_and_limits_may_stand_in_either_column() -> None:
    result = assertions_from_rows([{"type": None, "value": "x"}, {"type": "cost", "value": "0.5"}])
    assert [(check.type, check.threshold) for check in result] == [("cost", 0.5)]


def test_variants_are_named_by_what_tells_them_apart() -> None:
    plain = VariantSetup(prompt="plain")
    other_model = VariantSetup(prompt="plain", model=ModelSpec(endpoint="openai", name="gpt-x"))
    warm = VariantSetup(prompt="plain", model=ModelSpec(temperature=1.0))
    assert variant_names([plain, VariantSetup(prompt="plain@2")]) == ["plain", "plain v2"]
    assert variant_names([plain, other_model]) == ["plain · built-in", "plain · gpt-x"]
    assert variant_names([plain, warm]) == ["plain · temperature 0", "plain · temperature 1"]
    assert variant_names([plain, plain]) == ["plain", "plain (2)"]
    assert variant_names([VariantSetup(prompt="p@production")]) == ["p production"]


def test_a_setup_becomes_a_plan(lab: Lab) -> None:
    save_prompt(lab.store, "p", "plain", PromptSpec())
    lab.store.save_evaluation_set("p", EvaluationSet("questions", EXAMPLES))
    setup = Setup(
        variants=(VariantSetup(prompt="plain", model=ModelSpec(endpoint="scripted")),),
        set_name="questions",
        count=2,
        check_rows=({"type": "contains", "value": "x"},),
    )
    plan, left_out = plan_from(lab.store, "p", setup)
    assert [example.id for example in plan.evaluation_set.examples] == ["q1", "q2"]
    assert plan.assertions == (AssertionSpec(type="contains", value="x"),)
    assert left_out == {}
    assert setup_from(plan.origin) == setup
    assert setup_from({"nonsense": 1}) == Setup()


def test_rows_of_a_set() -> None:
    whole = EvaluationSet("questions", EXAMPLES)

    def ids(**changes: object) -> list[str]:
        return [example.id for example in select_examples(whole, Setup.model_validate(changes)).examples]

    assert ids(take="all") == ["q1", "q2", "q3"]
    assert ids(take="first", count=1) == ["q1"]
    assert ids(take="chosen", ids=["q3"]) == ["q3"]
    assert len(ids(take="random", count=2, seed=1)) == 2
    assert select_examples(whole, Setup(take="first", count=9)) is whole


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"take": "all"}, "questions"),
        ({"take": "first", "count": 2}, "questions, first 2"),
        ({"take": "random", "count": 2, "seed": 7}, "questions, 2 at random (seed 7)"),
        ({"take": "chosen", "ids": ["q3"]}, "questions, 1 chosen (q3)"),
    ],
)
def test_the_name_of_rows_says_which_they_are(changes: dict[str, object], name: str) -> None:
    whole = EvaluationSet("questions", EXAMPLES)
    assert select_examples(whole, Setup.model_validate(changes)).name == name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"variants": ()}, "at least one variant"),
        ({"set_name": ""}, "evaluation set"),
        ({"source": "free"}, "at least one question"),
        ({"take": "chosen"}, "at least one example"),
        ({"variants": ({"prompt": "gone"},)}, "no prompt named gone"),
        ({"variants": ({"prompt": "plain@9"},)}, "no prompt named plain"),
        ({"variants": ({"prompt": "plain", "retrieval": "rag"},)}, "no configuration named rag"),
        ({"check_rows": ({"type": "contains"},)}, "Assertion 1"),
    ],
)
def test_what_is_missing_in_a_setup_is_told(lab: Lab, changes: dict[str, object], told: str) -> None:
    save_prompt(lab.store, "p", "plain", PromptSpec())
    lab.store.save_evaluation_set("p", EvaluationSet("questions", EXAMPLES))
    values = {"variants": ({"prompt": "plain"},), "set_name": "questions", **changes}
    with pytest.raises(BadInput, match=told):
        plan_from(lab.store, "p", Setup.model_validate(values))


async def test_an_estimate_counts_calls_tokens_and_price(lab: Lab) -> None:
    chain = lab.variant("chain", steps=[{"name": "facts", "template": "{{ question }}"}], template="{{ facts }}")
    plan = lab.plan(lab.variant("plain"), chain, repeats=2)
    result = estimate_comparison(plan, lab.models())
    assert result.calls == 3 * 2 * 3
    assert result.prompt_tokens > 0
    assert result.cost_usd is not None
    assert 0 < result.cost_usd[0] <= result.cost_usd[1]
    unsupported = {"type": "unsupported", "value": {"reason": "no"}}
    not_run = tuple(replace(example, variables={"checks": [unsupported]}) for example in EXAMPLES)
    for left, calls in ((EXAMPLES[:1], 1 * 2 * 3), ((), 0)):
        rows = EvaluationSet("mixed", (*left, *not_run[1:]))
        assert estimate_comparison(replace(plan, evaluation_set=rows), lab.models()).calls == calls
    unpriced = lab.variant("x").model_copy(update={"model": ModelSpec(endpoint="echo", name="e")})
    models = lab.models()
    models.register("echo", lab.chat)
    assert estimate_comparison(replace(plan, variants=(unpriced,)), models).cost_usd is None


def test_prompts_are_saved_found_and_restored(lab: Lab) -> None:
    first = save_prompt(lab.store, "p", "terse", PromptSpec(system="one"), "first")
    lab.store.save_draft("p", "prompt", "terse", {"system": "typing"})
    second = save_prompt(lab.store, "p", "terse", PromptSpec(system="two"))
    assert lab.store.draft("p", "prompt", "terse") is None
    lab.store.set_label("p", "prompt", "terse", "production", first.number)
    assert load_prompt(lab.store, "p", "terse").system == "two"
    assert load_prompt(lab.store, "p", "terse@1").system == "one"
    assert load_prompt(lab.store, "p", "terse@production").system == "one"
    third = restore(lab.store, "p", "prompt", "terse", 1)
    assert (second.number, third.number, third.note) == (2, 3, "Version 1 restored")
    assert version_label(newest_versions(lab.store, "p", "prompt")["terse"]) == "terse v3"


def test_values_that_make_no_prompt_are_told() -> None:
    with pytest.raises(BadInput, match="two steps are called"):
        prompt_from({"steps": [{"name": "a", "template": ""}, {"name": "a", "template": ""}]})
    with pytest.raises(BadInput, match="not valid Jinja2"):
        prompt_from({"template": "{{"})
    with pytest.raises(BadInput, match="has no `answer`"):
        few_shot_from({"examples": [{"question": "?"}]})


def test_variables_are_named() -> None:
    prompt = PromptSpec(
        system="{{ tone }}", template="{{ facts }} {{ context }} {{ colour }}",
        steps=({"name": "facts", "template": "{{ question }}"}, {"name": "idle", "template": "x"}),
    )  # fmt: skip
    result = variables_of(prompt, ["tone", "size"])
    assert result.used == ("colour", "context", "question", "tone")
    assert result.undefined == ("colour",)
    assert result.unused == ("idle", "size")
    assert result.from_retrieval == ("context",)


async def test_a_preview_counts_every_call(lab: Lab) -> None:
    prompt = PromptSpec(system="Be brief.", template="{{ facts }}", steps=({"name": "facts", "template": "List."},))
    variables = preview_variables(prompt, EXAMPLES[0])
    preview = preview_prompt(prompt, variables, ModelSpec(endpoint="scripted", name="gpt-4o"), lab.models())
    assert preview.last.messages[-1].content == "[output of step facts]"
    assert preview.steps[0][1][-1].content == "List."
    assert preview.tokens == preview.last.tokens + preview.steps[0][2]
    assert preview.tokenizer == "o200k_base"
    assert preview.cost_usd == pytest.approx(preview.tokens / 1e6)


def test_a_passage_stands_in_for_retrieval() -> None:
    document = Document("a.md", "First part.\n\nThe harbour was built in 1712.\n\nLast part.")
    start = document.text.index("1712")
    example = Example("q", "When?", references=(Span("a.md", start, start + 4), Span("gone.md", 0, 3)))
    assert stand_in(example, {"a.md": document}) == "The harbour was built in 1712."
    assert stand_in(EXAMPLES[0], {}) == ""


def test_good_records_become_few_shot_examples(lab: Lab) -> None:
    def record(number: int, value: float | None, **changes: object) -> Record:
        score = Score("answer_f1", value)
        hits = (Hit(Chunk("a", 0, 2, " passage "), 1.0),)
        return replace(
            Record(Example(f"q{number}", f"Q{number}?", f"A{number}"), Answer(f"said {number}", hits),
                   scores={"answer_f1": score}), **changes)  # type: ignore[arg-type]  # fmt: skip

    failed = record(5, 1.0, failure=Failure("answer", "timeout", "late"))
    records = [record(1, 0.9), record(2, 0.2), record(3, None), record(4, 1.0), failed, record(1, 0.8)]
    examples = examples_from_records(records, "answer_f1", 0.5)
    assert examples == [{"question": "Q4?", "answer": "said 4"}, {"question": "Q1?", "answer": "said 1"}]
    (best, _) = examples_from_records(records, "answer_f1", 0.5, answer="reference", with_context=True)
    assert best == {"context": "passage", "question": "Q4?", "answer": "A4"}
    version = save_few_shot(lab.store, "p", "good", few_shot_from({"examples": examples, "select": "first", "k": 1}))
    assert version.body["examples"] == examples


def test_where_less_is_better_the_lowest_scores_become_few_shot_examples(less_is_better: None) -> None:
    records = [
        Record(Example(name, f"{name}?"), Answer(name), scores={"answer_f1": Score("answer_f1", value)})
        for name, value in (("middling", 0.3), ("bad", 0.9), ("border", 0.5), ("good", 0.0))
    ]
    examples = examples_from_records(records, "answer_f1", 0.5)
    assert [example["answer"] for example in examples] == ["good", "middling", "border"]
