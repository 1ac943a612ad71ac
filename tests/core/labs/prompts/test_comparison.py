"""Comparisons from plan to stored grid."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from llmopt_core.errors import BadInput, EndpointError, StorageError
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.comparison import (
    comparison,
    comparisons,
    delete_comparison,
    new_id,
    plan_of,
    start_comparison,
)
from llmopt_core.experiments.comparison_plan import MOST_VARIANTS, check_plan, free_input, without_leaks
from llmopt_core.experiments.subset import choose_examples
from llmopt_core.labs.prompts.board import Board, Place
from llmopt_core.labs.prompts.columns import columns_of
from llmopt_core.labs.prompts.comparison_runner import all_cells, run_comparison
from llmopt_core.labs.prompts.export import comparison_csv, comparison_html, comparison_values, summary_lines
from llmopt_core.labs.prompts.grid import differences, metric_scores, missing_cells
from llmopt_core.labs.prompts.live_comparisons import LiveComparisons
from llmopt_core.labs.prompts.outcome import Outcome, assertions_in
from llmopt_core.labs.prompts.row_notes import RowNote, row_notes, save_note
from llmopt_core.models.base import ChatRequest
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import EvaluationSet, Example

from .conftest import EXAMPLES, Lab, reply

Contains = Callable[[str], AssertionSpec]


async def test_every_variant_answers_every_example_and_the_grid_is_stored(lab: Lab, contains: Contains) -> None:
    result = await lab.run(lab.plan(assertions=(contains("It is"),), metrics=("answer_f1",)))
    grid = lab.grid(result)
    assert grid.names == ("plain", "wrong")
    assert [[cell.text for cell in row] for row in grid.rows] == [
        ["It is Rhine.", "nonsense"], ["It is Au.", "nonsense"], ["It is two.", "nonsense"],
    ]  # fmt: skip
    assert [[cell.has_passed for cell in row] for row in grid.rows] == [[True, False]] * 3
    first, second = columns_of(grid)
    assert (first.answered, first.passed, first.decided, first.failed) == (3, 3, 3, 0)
    assert first.usage.calls == 3
    assert first.usage.cost_usd == pytest.approx(0.03)
    assert first.metrics["answer_f1"].mean is not None
    assert second.versus["checks"].difference == -1.0
    assert not first.versus
    assert result.status == "finished"
    assert result.title == "plain against wrong on questions (3)"


async def test_shared_checks_come_before_those_of_the_example_and_pass_stays_apart_from_scores(
    lab: Lab, contains: Contains
) -> None:
    result = await lab.run(lab.plan(assertions=(contains("It is"),), metrics=("answer_f1",)))
    record = lab.grid(result).rows[2][0].record
    assert record is not None
    assert [(spec.value, score.passed) for spec, score in assertions_in(record)] == [("It is", True), ("two", True)]
    assert list(metric_scores(record)) == ["answer_f1"]
    assert metric_scores(record)["answer_f1"].passed is None


async def test_the_runs_are_those_of_the_set_so_that_evaluation_sees_them(lab: Lab) -> None:
    result = await lab.run(lab.plan(metrics=("answer_f1",)))
    runs = lab.store.runs("p")
    assert [run.name for run in runs] == ["wrong", "plain"]
    version = EvaluationSet("questions", EXAMPLES).version
    assert {(run.evaluation_set, run.set_version, run.total) for run in runs} == {("questions", version, 3)}
    assert {run.options["comparison"] for run in runs} == {result.id}
    assert {run.metrics for run in runs} == {("answer_f1", "checks")}


@pytest.mark.parametrize(
    ("which", "rows"), [("all", [0, 1, 2]), ("failures", [1, 2]), ("different", [1, 2]), ("regressions", [1, 2])]
)
async def test_filters(lab: Lab, contains: Contains, which: str, rows: list[int]) -> None:
    lab.chat = ScriptedChat(lambda r: "It is Rhine." if "Cologne" in r.messages[-1].content else reply(r))
    result = await lab.run(lab.plan(assertions=(contains("It is"),)))
    grid = lab.grid(result)
    assert grid.filter_rows(which) == rows  # type: ignore[arg-type]
    assert grid.counts()[which] == len(rows)  # type: ignore[index]


async def test_a_lower_metric_is_a_regression_where_nothing_is_checked(lab: Lab) -> None:
    plan = lab.plan(examples=EXAMPLES[:2], metrics=("answer_f1",))
    assert lab.grid(await lab.run(plan)).filter_rows("regressions") == [0, 1]
    swapped = replace(plan, variants=plan.variants[::-1])
    assert lab.grid(await lab.run(swapped)).filter_rows("regressions") == []


async def test_a_higher_metric_is_a_regression_where_less_is_better(lab: Lab, less_is_better: None) -> None:
    plan = lab.plan(examples=EXAMPLES[:2], metrics=("answer_f1",))
    assert lab.grid(await lab.run(plan)).filter_rows("regressions") == []
    swapped = replace(plan, variants=plan.variants[::-1])
    assert lab.grid(await lab.run(swapped)).filter_rows("regressions") == [0, 1]


async def test_repeats_are_asked_apart_and_show_how_stable_an_answer_is(lab: Lab, contains: Contains) -> None:
    text = iter(["Yes.", "yes", "No.", "Yes."])
    lab.chat = ScriptedChat(lambda _: next(text))
    plan = lab.plan(lab.variant("plain"), examples=EXAMPLES[:1], repeats=4, assertions=(contains("es"),), concurrency=1)
    result = await lab.run(plan)
    cell = lab.grid(result).rows[0][0]
    assert cell.texts == ["Yes.", "yes", "No.", "Yes."]
    assert cell.same == 0.75
    assert cell.passes == (3, 4)
    assert result.repeats == 4
    assert lab.store.runs("p")[0].options["repeat"] == 0, "the newest run is the first answers"


async def test_pieces_arrive_where_somebody_looks_before_the_answer_is_whole(lab: Lab) -> None:
    calls: list[tuple[int, str]] = []
    plan = lab.plan(lab.variant("plain"), examples=EXAMPLES[:2])

    class Spy(Board):
        def add_piece(self, place: Place, text: str) -> None:
            super().add_piece(place, text)
            calls.append((place[1], self.cell(place).text))

    spy = Spy()
    spy.add(all_cells(plan))
    spy.look_at("a page", [0])
    async with lab.models() as models:
        await run_comparison(lab.store, plan, start_comparison(lab.store, plan, new_id()), models, spy)
    assert calls == [(0, "It "), (0, "It is "), (0, "It is Rhine.")]
    assert spy.cell((0, 1, 0)).text == "It is Au."
    assert spy.has_ended


async def test_a_failed_cell_says_why_and_can_be_asked_again_alone(lab: Lab) -> None:
    broken = [True]

    def sometimes(request: ChatRequest) -> str:
        if "gold" in request.messages[-1].content and broken[0]:
            raise EndpointError("The endpoint scripted fell over.", "server-error")
        return reply(request)

    lab.chat = ScriptedChat(sometimes)
    plan = lab.plan()
    result = await lab.run(plan)
    grid = lab.grid(result)
    assert [cell.state for cell in grid.rows[1]] == ["failed", "failed"]
    assert grid.rows[1][0].record is not None
    assert grid.rows[1][0].record.failure is not None
    assert grid.rows[1][0].record.failure.message == "The endpoint scripted fell over."
    assert grid.filter_rows("failures") == [1, 2]
    assert missing_cells(grid) == [(0, 1, 0), (1, 1, 0)]
    broken[0] = False
    count = len(lab.chat.requests)
    for run in result.all_runs:
        lab.store.resume_run(run.id)
    again = lab.grid(await lab.run_again(plan, result, [(1, 1, 0)]))
    assert [cell.state for cell in again.rows[1]] == ["failed", "done"]
    assert len(lab.chat.requests) == count + 1


def test_what_a_budget_refused_is_missing_and_asked_within_a_new_one(lab: Lab) -> None:
    live = LiveComparisons(lab.store, lab.runner())
    key = live.start(lab.plan(concurrency=2, budget_usd=0.035), lab.models())
    live.wait(key)
    result = comparison(lab.store, "p", key)
    assert {run.status for run in result.all_runs} == {"budget-reached"}
    assert sum(run.failed for run in result.all_runs) == 0
    missing = missing_cells(lab.grid(result))
    assert len(missing) == 6 - len(lab.chat.requests) == 3
    for budget in (None, 0.03, 0.01):
        with pytest.raises(BadInput, match=r"may cost in all: \$0\.03 are spent already"):
            live.ask_again(result, missing, budget)
    live.ask_again(result, missing, 0.045)
    live.wait(key)
    again = comparison(lab.store, "p", key)
    assert len(lab.chat.requests) == 4
    assert again.budget_usd == 0.045
    # What is read of it may be old: what was paid since counts all the same.
    live.ask_again(result, missing_cells(lab.grid(again)), 1.0)
    live.wait(key)
    whole = comparison(lab.store, "p", key)
    assert (whole.out_of_budget, missing_cells(lab.grid(whole)), len(lab.chat.requests)) == (False, [], 6)
    assert sum(run.usage.cost_usd or 0.0 for run in whole.all_runs) == pytest.approx(0.06)


async def test_the_same_comparison_started_again_is_paid_from_the_same_budget(lab: Lab) -> None:
    plan = lab.plan(concurrency=1, budget_usd=0.045)
    for _ in range(3):
        result = await lab.run(plan)
        assert result.out_of_budget
        assert len(lab.chat.requests) == 4
        # What was answered would have to be asked again, and what it cost stays spent.
        lab.store.cache.clear()
    with pytest.raises(BadInput, match=r"stopped by its budget, and \$0\.04 are spent so far"):
        await lab.run(replace(plan, budget_usd=None))
    assert len(lab.chat.requests) == 4
    whole = await lab.run(replace(plan, budget_usd=0.105))
    assert (whole.status, len(lab.chat.requests)) == ("finished", 10)
    # Another comparison has a budget of its own.
    other = await lab.run(replace(plan, variants=(lab.variant("short", system="Be short."),)))
    assert (other.status, len(lab.chat.requests)) == ("finished", 13)


async def test_an_answer_without_a_paid_judge_is_kept_and_asked_again(lab: Lab) -> None:
    verdict = '{"reason": "fine", "passed": true, "score": 1.0}'
    lab.chat = ScriptedChat(
        lambda request: verdict if "rubric" in request.messages[-1].content else reply(request), cost_usd=0.01
    )
    judge = JudgeSpec(endpoint="scripted", model="g")
    rubric = AssertionSpec(type="llm-rubric", value="It is polite.")
    plan = lab.plan(lab.variant("plain"), assertions=(rubric,), judge=judge, concurrency=1, budget_usd=0.031)
    result = await lab.run(plan)
    assert result.runs[0][0].status == "budget-reached"
    assert result.runs[0][0].done == 2
    record = lab.grid(result).rows[1][0].record
    assert record is not None
    assert record.failure is None
    assert record.answer is not None
    assert record.scores["llm-rubric: It is polite."].failure_kind == "budget"
    assert missing_cells(lab.grid(result)) == [(0, 1, 0), (0, 2, 0)]


async def test_cancelling_keeps_what_has_come(lab: Lab) -> None:
    lab.chat = ScriptedChat(reply, delay=0.15)
    plan = lab.plan(concurrency=1)
    result = await lab.run(plan, should_cancel=lambda: len(lab.chat.requests) > 2)
    grid = lab.grid(result)
    states = [cell.state for row in grid.rows for cell in row]
    assert states[0] == "done"
    assert states[-1] == "cancelled"
    assert result.status == "cancelled"
    assert 0 < len(missing_cells(grid)) < 6


async def test_an_example_with_a_check_that_is_not_supported_is_not_run(lab: Lab) -> None:
    unsupported = {"type": "unsupported", "value": {"reason": "`perplexity` is not supported"}}
    example = Example("q", "Which river flows through Cologne?", variables={"checks": [unsupported]})
    result = await lab.run(lab.plan(lab.variant("plain"), examples=[example], metrics=("answer_f1",), repeats=2))
    grid = lab.grid(result)
    cell = grid.rows[0][0]
    assert (cell.has_passed, cell.state, cell.text) == (None, "not run", "")
    (column,) = columns_of(grid)
    assert (column.passed, column.decided, column.not_run, column.answered, column.failed) == (0, 0, 1, 0, 0)
    assert lab.chat.requests == []
    assert column.usage.calls + column.usage.cached_calls == 0
    assert missing_cells(grid) == []
    assert result.status == "finished"
    assert cell.record is not None
    assert cell.record.not_run == "Not run: `perplexity` is not supported"
    assert cell.record.scores["answer_f1"].failure == cell.record.not_run


async def test_what_is_not_run_is_said_in_every_file(lab: Lab) -> None:
    unsupported = {"type": "unsupported", "value": {"reason": "`perplexity` is not supported"}}
    example = Example("q", "Which river flows through Cologne?", variables={"checks": [unsupported]})
    result = await lab.run(lab.plan(examples=[example, EXAMPLES[2]]))
    grid = lab.grid(result)
    page = comparison_html(result, grid)
    assert page.count("Not run: `perplexity` is not supported</p>") == 2
    assert "1 of 1 passed, 1 not run" in page
    first, *_ = csv.DictReader(io.StringIO(comparison_csv(grid)))
    assert (first["answer"], first["passed"], first["failure"]) == (
        "", "not run", "Not run: `perplexity` is not supported"
    )  # fmt: skip
    cell = comparison_values(result, grid)["rows"][0]["cells"][0]
    assert (cell["state"], cell["passed"], cell["answers"][0]["answer"]) == ("not run", None, None)
    assert "perplexity" in cell["answers"][0]["not_run"]


async def test_the_day_of_a_page_is_that_of_its_reader(lab: Lab) -> None:
    result = await lab.run(lab.plan(examples=EXAMPLES[:1]))
    when = datetime(2026, 3, 3, 20, 5, tzinfo=UTC)
    result = replace(result, runs=tuple(tuple(replace(run, created_at=when) for run in runs) for runs in result.runs))
    assert "p, 4 March 2026." in comparison_html(result, lab.grid(result), zone=timezone(timedelta(hours=5)))
    assert "p, 3 March 2026." in comparison_html(result, lab.grid(result), zone=UTC)


async def test_a_failed_repeat_is_seen_in_grid_and_files(lab: Lab) -> None:
    def failing(request: ChatRequest) -> str:
        if request.repeat and "gold" in request.messages[-1].content:
            raise EndpointError("The endpoint fell over.", "server-error")
        return reply(request)

    lab.chat = ScriptedChat(failing)
    result = await lab.run(lab.plan(lab.variant("plain"), repeats=2))
    grid = lab.grid(result)
    assert grid.filter_rows("failures") == [1]
    (column,) = columns_of(grid)
    assert (column.answered, column.failed, column.failed_repeats, column.repeats) == (3, 0, 1, 3)
    page = comparison_html(result, grid)
    assert "3 of 3 answered, 1 of 3 repeats failed" in page
    assert "1 of 2 repeats · 1 failed: The endpoint fell over." in page
    assert "2. (failed: The endpoint fell over.)" in page
    assert "2 of 2 repeats · 100% say the same" in page
    lines = list(csv.DictReader(io.StringIO(comparison_csv(grid))))
    assert [line["failure"] for line in lines if line["example"] == "q2"] == ["", "The endpoint fell over."]


async def test_small_costs_and_times_stand_in_the_page_without_an_exponent(lab: Lab) -> None:
    lab.chat = ScriptedChat(reply, cost_usd=0.00003)
    result = await lab.run(lab.plan(lab.variant("plain"), examples=EXAMPLES[:1]))
    page = comparison_html(result, lab.grid(result))
    assert "tokens, $0.00003" in page
    assert "e-0" not in page
    assert re.search(r"> ?[^<]*[\d.]+ ms( each)?<", page)


async def test_white_space_that_differs_is_seen_and_said_in_the_page(lab: Lab) -> None:
    lab.chat = ScriptedChat(lambda request: "a\n\nb" if "twice" in request.messages[0].content else "a\nb")
    result = await lab.run(lab.plan(lab.variant("once"), lab.variant("more", system="twice"), examples=EXAMPLES[:1]))
    page = comparison_html(result, lab.grid(result))
    assert "<ins>↵\n</ins>" in page
    assert "Only white space differs" in page


async def test_a_comparison_can_be_read_again_and_deleted(lab: Lab, contains: Contains) -> None:
    plan = lab.plan(assertions=(contains("x"),), metrics=("answer_f1",), repeats=2, concurrency=3)
    first, second = await lab.run(plan), await lab.run(lab.plan())
    assert [one.id for one in comparisons(lab.store, "p")] == [second.id, first.id]
    assert plan_of(lab.store, first) == plan
    delete_comparison(lab.store, first)
    assert [one.id for one in comparisons(lab.store, "p")] == [second.id]
    with pytest.raises(BadInput, match=f"no comparison {first.id}"):
        comparison(lab.store, "p", first.id)


async def test_a_full_disk_ends_the_comparison_and_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(lab.store, "save_records", full)
    with pytest.raises(StorageError, match="full"):
        await lab.run(lab.plan(examples=EXAMPLES * 1))
    assert {run.status for run in lab.store.runs("p")} == {"failed"}


async def test_an_answer_that_a_full_disk_cannot_keep_is_no_failed_cell(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(lab.store.cache, "put_many", full)
        with pytest.raises(StorageError, match="full"):
            await lab.run(lab.plan(concurrency=1))
    records = [record for run in lab.store.runs("p") for record in lab.store.records(run.id)]
    assert [record.failure.kind for record in records if record.failure and record.failure.kind != "cancelled"] == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"names": []}, "1 to 4 variants, not 0"),
        ({"names": list("abcde")}, f"1 to {MOST_VARIANTS} variants, not 5"),
        ({"names": ["a", "a"]}, "Two variants are called a"),
        ({"repeats": 0}, "1 to 20 times"),
        ({"concurrency": 0}, "Concurrency"),
        ({"examples": []}, "has no examples"),
        ({"template": "{{ colour }}"}, "colour"),
        ({"judge": JudgeSpec(endpoint="nowhere")}, "nowhere"),
        ({"examples": [Example("q", "?", variables={"checks": "soup"})]}, "must be a JSON list"),
    ],
    ids=str,
)
async def test_what_could_only_fail_is_refused(lab: Lab, changes: dict[str, object], told: str) -> None:
    names = changes.pop("names", ["a"])
    template = changes.pop("template", "{{ question }}")
    variants = tuple(lab.variant(name, template=template) for name in names)  # type: ignore[attr-defined]
    plan = replace(lab.plan(lab.variant("x")), variants=variants)
    if "examples" in changes:
        changes["evaluation_set"] = EvaluationSet("s", tuple(changes.pop("examples")))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=told):
        check_plan(replace(plan, **changes), lab.models())  # type: ignore[arg-type]


def test_chosen_examples_are_a_set_of_their_own() -> None:
    whole = EvaluationSet("questions", EXAMPLES)
    assert choose_examples(whole, ["q1", "q2", "q3"]) is whole
    some = choose_examples(whole, ["q3", "q1"])
    assert (some.name, [example.id for example in some.examples]) == ("questions, 2 chosen (q1, q3)", ["q1", "q3"])
    many = EvaluationSet("many", tuple(Example(f"q{number}", f"{number}?") for number in range(9)))
    assert (
        choose_examples(many, [f"q{number}" for number in range(1, 8)]).name == "many, 7 chosen (q1, q2, q3 and 4 more)"
    )
    long = EvaluationSet("long", (Example("i" * 40, "a?"), Example("b", "b?")))
    assert choose_examples(long, ["i" * 40]).name == f"long, 1 chosen ({'i' * 24}…)"


def test_free_input() -> None:
    rows = [{"question": "Why?", "reference": " ", "tone": "dry"}, {"question": " "}]
    (example,) = free_input(rows).examples
    assert free_input(rows).name == "free input: Why?"
    assert free_input([{"question": "What is\nthe capital " * 9}]).name == (
        "free input: What is the capital What is the capital…"
    )
    assert (example.question, example.reference, dict(example.variables)) == ("Why?", None, {"tone": "dry"})
    with pytest.raises(BadInput, match="at least one question"):
        free_input([{"question": ""}])


def test_few_shot_examples_that_repeat_a_question_are_left_out(lab: Lab) -> None:
    shots = [
        {"question": "which river flows through cologne", "answer": "Rhine"},
        {"question": "Who wrote Faust?", "answer": "Goethe"},
    ]
    leaking = lab.variant("leaking", few_shot={"examples": shots})
    plan, left_out = without_leaks(lab.plan(leaking, lab.variant("plain")))
    assert left_out == {"leaking": ("which river flows through cologne",)}
    assert plan.variants[0].prompt.few_shot is not None
    assert [shot["answer"] for shot in plan.variants[0].prompt.few_shot.examples] == ["Goethe"]
    assert plan.variants[1].prompt.few_shot is None


async def test_differences_are_words(lab: Lab) -> None:
    lab.chat = ScriptedChat(lambda r: "It is Elbe." if "Be wrong" in r.messages[0].content else reply(r))
    grid = lab.grid(await lab.run(lab.plan()))
    assert differences(*grid.rows[0]) == [
        ("equal", "It is "), ("delete", "Rhine"), ("insert", "Elbe"), ("equal", "."),
    ]  # fmt: skip


async def test_a_variant_that_shows_the_rows_as_examples_is_never_better(lab: Lab) -> None:
    asked = tuple(Example(f"r{n}", f"Which town lies at milestone {n}?", "here") for n in range(10))
    lab.chat = ScriptedChat(lambda request: "here" if len(request.messages) > 2 else "elsewhere")
    shots = [{"question": example.question, "answer": "here"} for example in asked[:7]]
    variants = (lab.variant("bare"), lab.variant("shown", few_shot={"examples": shots}))
    plan = replace(lab.plan(metrics=("exact_match",)), variants=variants, evaluation_set=EvaluationSet("rows", asked))
    result = await lab.run(plan)
    grid = lab.grid(result)
    bare, shown = columns_of(grid)
    assert shown.overlap is not None
    assert (shown.overlap.exact, bare.overlap and bare.overlap.overlap_count) == (7, 0)
    versus = shown.versus["exact_match"]
    assert (versus.difference, versus.verdict) == (1.0, "not comparable")
    assert "7 of 10 questions stand among the few-shot examples" in comparison_html(result, grid)
    values = comparison_values(result, grid)["variants"][1]
    assert values["versus_first"]["exact_match"]["verdict"] == "not comparable"
    assert values["training_overlap"]["exact"] == 7


@pytest.mark.parametrize(
    ("first", "other", "marked"),
    [
        ("It was 1712.", "It was 1813.", True),
        ("It is Rhine.", "nonsense", False),
        ("The long answer of a model that goes on and on", "on", False),
        ("It was 1712.", "", False),
        ("", "It was 1712.", False),
        ("It was 1712.", "It was 1712.", False),
    ],
)
async def test_marks_never_strike_out_most_of_an_answer(lab: Lab, first: str, other: str, marked: bool) -> None:
    lab.chat = ScriptedChat(lambda request: other if "Be wrong" in request.messages[0].content else first)
    result = await lab.run(lab.plan(examples=EXAMPLES[:1]))
    grid = lab.grid(result)
    assert (differences(*grid.rows[0]) is not None) is marked
    page = comparison_html(result, grid)
    assert ("<del>" in page) is marked
    assert page.count('<pre class="plain">') == 2
    assert page.count("(empty)") == (first == "") + (other == "")
    assert ".marked { display: none; }" in page


async def test_every_row_of_the_page_names_its_variants_and_says_passed_or_failed(lab: Lab, contains: Contains) -> None:
    result = await lab.run(lab.plan(assertions=(contains("It is"),)))
    page = comparison_html(result, lab.grid(result))
    rows = page.split('<section class="row')[1:]
    assert len(rows) == 3
    for row in rows:
        assert "<strong>plain</strong>" in row
        assert '<span class="verdict yes">✓ Passed</span>' in row
        assert "<strong>wrong</strong>" in row
        assert '<span class="verdict no">✗ Failed</span>' in row


@pytest.mark.parametrize(
    ("assertion", "empty_is_wrong"),
    [
        ({"type": "not-contains", "value": "know"}, True),
        ({"type": "length", "value": {"max": 90}}, True),
        ({"type": "latency", "threshold": 60}, True),
        ({"type": "contains", "value": "know", "negate": True}, True),
        ({"type": "regex", "value": r"^\s*$"}, False),
        ({"type": "length", "value": {"max": 0}}, False),
    ],
)
async def test_an_empty_answer_is_a_failure_unless_it_was_asked_for(
    lab: Lab, assertion: dict[str, Any], empty_is_wrong: bool
) -> None:
    lab.chat = ScriptedChat(lambda request: "\n" if "plain" not in request.messages[-1].content else "It is 1712.")
    variants = (lab.variant("full", template="plain {{ question }}"), lab.variant("blank"))
    bare = [replace(example, variables={}) for example in EXAMPLES]
    asked = lab.plan(*variants, examples=bare, assertions=(AssertionSpec.model_validate(assertion),))
    grid = lab.grid(await lab.run(asked))
    blank = grid.rows[0][1]
    assert blank.visible_text == "(empty)"
    assert blank.outcome() == (Outcome(False, "Empty") if empty_is_wrong else Outcome(True, "Passed"))
    if empty_is_wrong:
        assert grid.filter_rows("failures") == grid.filter_rows("regressions") == [0, 1, 2]
    (_, column) = columns_of(grid)
    assert column.empty == 3
    assert "3 of 3 answered, 3 empty" in summary_lines(grid, column)[-2]


async def test_failures_are_what_a_reader_calls_so(lab: Lab, contains: Contains) -> None:
    def mixed(request: ChatRequest) -> str:
        if "gold" in request.messages[-1].content:
            return " "
        return "no idea" if "moons" in request.messages[-1].content else reply(request)

    lab.chat = ScriptedChat(mixed)
    bare = [replace(example, variables={}) for example in EXAMPLES]
    grid = lab.grid(await lab.run(lab.plan(lab.variant("plain"), examples=bare, metrics=("answer_f1",))))
    outcomes = [(row[0].outcome(grid.metrics).passed, row[0].outcome(grid.metrics).word) for row in grid.rows]
    assert outcomes == [(None, ""), (False, "Empty"), (False, "Worst score")]
    assert grid.filter_rows("failures") == [1, 2]
    report = lab.plan(lab.variant("checked"), examples=bare, metrics=("answer_f1",), assertions=(contains("i"),))
    grid = lab.grid(await lab.run(report))
    assert [row[0].outcome(grid.metrics).word for row in grid.rows] == ["Passed", "Failed", "Passed"]
    assert grid.counts()["failures"] == 1


async def test_notes_on_rows_are_kept_and_stand_in_page_and_table(lab: Lab) -> None:
    result = await lab.run(lab.plan())
    save_note(lab.store, result, "q1", RowNote("down", "<b>no</b>"))
    save_note(lab.store, result, "q2", RowNote("up"))
    save_note(lab.store, result, "q2", RowNote())
    notes = row_notes(lab.store, result)
    assert notes == {"q1": RowNote("down", "<b>no</b>")}
    grid = lab.grid(result)
    page = comparison_html(result, grid, notes=notes)
    assert page.count("<strong>Note</strong>") == 1
    assert "Thumb down: &lt;b&gt;no&lt;/b&gt;" in page
    lines = list(csv.DictReader(io.StringIO(comparison_csv(grid, notes))))
    noted = {(line["example"], line["thumb"], line["comment"]) for line in lines}
    assert noted == {("q1", "down", "<b>no</b>"), ("q2", "", ""), ("q3", "", "")}
    delete_comparison(lab.store, result)
    assert row_notes(lab.store, result) == {}


async def test_a_row_with_a_thumb_down_is_a_failure(lab: Lab, contains: Contains) -> None:
    result = await lab.run(lab.plan(lab.variant("plain"), assertions=(contains("i"),)))
    before = lab.grid(result).filter_rows("failures")
    (row, *_) = [number for number in range(len(EXAMPLES)) if number not in before]
    save_note(lab.store, result, EXAMPLES[row].id, RowNote("up", "fine"))
    assert lab.grid(result).filter_rows("failures") == before
    save_note(lab.store, result, EXAMPLES[row].id, RowNote("down"))
    grid = lab.grid(result)
    assert grid.filter_rows("failures") == sorted([*before, row])
    assert grid.counts()["failures"] == len(before) + 1
    assert comparison_html(result, grid).count('<section class="row failures') == len(before) + 1
