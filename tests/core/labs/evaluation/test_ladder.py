"""The ladder: each experiment against the last that was kept; the verdict proposes, a person decides."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.result import result_of
from llmopt_core.labs.evaluation.ladder.build import build_ladder
from llmopt_core.labs.evaluation.ladder.decide import decide, find_rung, take_back
from llmopt_core.labs.evaluation.ladder.proposal import cost_change, propose
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung, count_states
from llmopt_core.labs.evaluation.ladder.tables import ladder_csv
from llmopt_core.labs.evaluation.ladder.talk import talk_ladder
from llmopt_core.labs.evaluation.report.build import build_report
from llmopt_core.reporting.page import render
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import PerQuestion
from llmopt_core.settings import Settings
from llmopt_core.statistics.paired_comparison import compare_pairs
from llmopt_core.types import Answer, EvaluationSet, Example, Record, Score, Usage, fingerprint

METRIC = "exact_match"
QUESTIONS = 200


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(Settings(home=tmp_path / "home"))
    opened.ensure_project("p")
    yield opened
    opened.close()


def run(
    store: Store,
    name: str,
    right: int,
    *,
    size: int = QUESTIONS,
    set_name: str = "support",
    judge: str = "j",
    metric: str = METRIC,
    tokens: int = 100,
    cost: float | None = 0.001,
    status: Any = "finished",
    total: int = 0,
    saved: bool = True,
    **spec: Any,
) -> int:
    """A run whose first `right` answers are right: of two of them the larger one holds the smaller one."""
    examples = tuple(Example(f"q{i}", f"Question {i}?", "a") for i in range(size))
    found = store.save_evaluation_set("p", EvaluationSet(set_name, examples))
    body = {"name": name, "model": {"seed": len(name)}, "prompt": {"template": f"{name} {{{{ question }}}}"}, **spec}
    key = fingerprint(body)
    if saved:
        store.save_configuration("p", name, body, key)
    run_id = store.start_run(
        "p", body, key, evaluation_set=found.name, set_version=found.version, judge=judge, metrics=(metric,),
        total=total or size,
    )  # fmt: skip
    usage = Usage(tokens, 0, cost, 1)
    store.save_records(run_id, [
        (i, Record(one, Answer("a"), scores={metric: Score(metric, float(i < right))}, usage=usage, seconds=2.0))
        for i, one in enumerate(examples)
    ])  # fmt: skip
    if status:
        store.finish_run(run_id, status)
    return run_id


def test_the_report_of_a_project_shows_its_ladder_with_what_was_decided(store: Store) -> None:
    run(store, "baseline", 60)
    rag = run(store, "rag", 110)
    first = build_ladder(store, "p")
    decide(store, first, find_rung(first, str(rag)), "dropped", "too slow for <b>phones</b>", author="Ada")
    names = [one.run_id for one in first.rungs if one.run_id is not None]
    report = build_report(result_of(store, names), ladder=build_ladder(store, "p"))
    table = next(section for section in report.opening if section.title == "Ladder").tables[0]
    assert [row[0] for row in table.rows] == ["1 ● baseline", "2 ✗ dropped"]
    assert table.rows[1][-1].endswith("too slow for <b>phones</b>")
    assert "200 questions; unit: question" in table.rows[1][3]
    assert "too slow for &lt;b&gt;phones" in render(report)


def states(ladder: Ladder) -> dict[str, str]:
    return {rung.name: rung.state for rung in ladder.rungs}


def rung(ladder: Ladder, name: str) -> Rung:
    return find_rung(ladder, name)


def test_each_is_compared_with_the_last_kept_one_before_it(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "rag", 110)
    run(store, "hyde", 90)
    run(store, "rerank", 150)
    run(store, "spelling", 152)
    ladder = build_ladder(store, "p")
    assert ladder.metric == METRIC
    assert states(ladder) == {
        "baseline": "baseline", "rag": "kept", "hyde": "dropped", "rerank": "kept", "spelling": "undecided",
    }  # fmt: skip
    assert [one.parent for one in ladder.rungs] == ["", "baseline", "rag", "rag", "rerank"]
    assert [one.position for one in ladder.rungs] == [1, 2, 3, 4, 5]
    assert [one.difference for one in ladder.rungs] == [None, *map(pytest.approx, (0.25, -0.1, 0.2, 0.01))]
    assert ladder.rungs[2].reason.startswith("worse than rag: −0.10 (−")
    (section,) = ladder.sections
    assert [one.name for one in section.kept] == ["baseline", "rag", "rerank"]
    assert section.total is not None
    assert section.total.difference == pytest.approx(0.45)
    assert section.total.verdict == "better"
    assert section.set_size == QUESTIONS
    assert count_states(ladder.rungs) == "2 kept, 1 dropped, 1 to decide"


def test_what_nobody_can_tell_is_left_open_with_how_many_more_to_ask(store: Store) -> None:
    run(store, "baseline", 20, size=40)
    run(store, "rag", 23, size=40)
    found = rung(build_ladder(store, "p"), "rag")
    assert found.state == "undecided"
    assert found.comparison is not None
    assert found.reason == f"cannot tell, +0.07 ({_interval(found)}): ask about {found.comparison.more_questions:,} " \
        "more questions"  # fmt: skip


def _interval(found: Rung) -> str:
    assert found.comparison is not None
    assert found.comparison.low is not None
    assert found.comparison.high is not None
    return f"{found.comparison.low:+.2f} to {found.comparison.high:+.2f}".replace("-", "−")


@pytest.mark.parametrize(
    ("before", "after", "state", "words"),
    [
        (PerQuestion(9, cost_usd=0.001), PerQuestion(9, cost_usd=0.002), "dropped", "and dearer: $0.002"),
        (PerQuestion(9, cost_usd=0.002), PerQuestion(9, cost_usd=0.001), "kept", "and cheaper: $0.001"),
        (PerQuestion(9, cost_usd=0.001), PerQuestion(9, cost_usd=0.00105), "undecided", "about the same: $0.00105"),
        (PerQuestion(9, cost_usd=0.0), PerQuestion(9, cost_usd=0.001), "dropped", "$0.001 instead of $0 a question"),
        # The built-in model is free, so its tokens are what it takes.
        (PerQuestion(9, 0, 300.0, cost_usd=0.0), PerQuestion(9, 0, 100.0, cost_usd=0.0), "kept", "100 tokens instead"),
        (PerQuestion(9, seconds=1.0), PerQuestion(9, seconds=3.0), "dropped", "3.0 s instead of 1.0 s"),
        # Answers from the cache, or without a price list and time: nothing is guessed.
        (PerQuestion(0, 9), PerQuestion(9, cost_usd=0.001), "undecided", "what it costs is not known"),
    ],
)
def test_what_is_as_good_goes_by_what_it_costs(before: PerQuestion, after: PerQuestion, state: str, words: str) -> None:
    same = [float(i % 2) for i in range(400)]
    proposal = propose("rag", compare_pairs(same, same), cost_change(before, after))
    assert proposal.state == state
    assert proposal.reason.startswith("equivalent to rag within ±0.05")
    assert words in proposal.reason


def test_a_decision_goes_before_the_verdict_and_moves_what_later_ones_are_compared_with(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "rag", 110)
    run(store, "rerank", 150)
    before = build_ladder(store, "p")
    decide(store, before, rung(before, "rag"), "dropped", "  too slow for  the phone line ", author="Ann")
    after = build_ladder(store, "p")
    found = rung(after, "rag")
    assert (found.state, found.is_decided, found.reason) == ("dropped", True, "too slow for the phone line")
    assert found.proposal.state == "kept"
    assert found.decision is not None
    assert (found.decision.author, found.decision.saved_at is not None) == ("Ann", True)
    assert rung(after, "rerank").parent == "baseline"
    assert rung(after, "rerank").difference == pytest.approx(0.45)
    take_back(store, after, found)
    assert build_ladder(store, "p") == before


def test_a_second_run_of_the_same_keeps_its_decision_and_its_place(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "rag", 110)
    run(store, "rerank", 150)
    ladder = build_ladder(store, "p")
    decide(store, ladder, rung(ladder, "rag"), "dropped", "why")
    again = run(store, "rag", 112)
    ladder = build_ladder(store, "p")
    assert [one.name for one in ladder.rungs] == ["baseline", "rag", "rerank"]
    found = rung(ladder, "rag")
    assert (found.run_id, found.state, found.value) == (again, "dropped", pytest.approx(0.56))
    decide(store, ladder, found, "kept", "faster now")
    assert rung(build_ladder(store, "p"), "rag").reason == "faster now"
    take_back(store, build_ladder(store, "p"), found)
    assert not store.decisions("p")


def test_what_cannot_be_decided_is_one_sentence(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "rag", 110)
    ladder = build_ladder(store, "p")
    with pytest.raises(BadInput, match="baseline is the baseline, which the others are compared with"):
        decide(store, ladder, ladder.rungs[0], "dropped", "why")
    with pytest.raises(BadInput, match="Say why rag is kept"):
        decide(store, ladder, ladder.rungs[1], "kept", " \n ")
    with pytest.raises(BadInput, match="at most 1,000 characters"):
        decide(store, ladder, ladder.rungs[1], "kept", "x" * 1001)
    with pytest.raises(BadInput, match="There is no experiment 7 on the ladder of p; it has: baseline"):
        find_rung(ladder, "7")
    talk = talk_ladder()
    with pytest.raises(BadInput, match="an example and no run"):
        decide(store, talk, talk.rungs[1], "kept", "why")


def test_only_the_same_questions_and_judge_are_joined(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "rag", 110)
    run(store, "baseline", 20, size=50, set_name="sales")
    run(store, "baseline", 70, size=210)
    run(store, "rag", 130, judge="other")
    ladder = build_ladder(store, "p")
    assert [one.sentence for one in ladder.sections] == [
        "",
        "From here on other questions: sales, 50 questions. Numbers on either side are not compared.",
        "From here on other questions: support, 210 questions. Numbers on either side are not compared.",
        "From here on another version of support, 200 questions. Numbers on either side are not compared.",
    ]
    assert [len(one.rungs) for one in ladder.sections] == [2, 1, 1, 1]
    assert [one.position for one in ladder.rungs] == [1, 2, 3, 4, 5]
    assert all(one.rungs[0].proposal.state == "baseline" for one in ladder.sections)
    # Of one name the newest is meant; a number means its run.
    assert find_rung(ladder, "baseline").position == 4
    assert find_rung(ladder, "1").position == 1


def test_a_break_says_whether_questions_or_judge_are_others(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "baseline", 60, size=201)
    run(store, "baseline", 60, size=201, judge="gpt")
    found = [one.sentence for one in build_ladder(store, "p").sections]
    assert found[1].startswith("From here on another version of support, 201 questions.")
    assert found[2].startswith("From here on another judge: gpt.")


def test_what_still_runs_or_was_only_compared_is_no_experiment(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "running", 110, status="")
    assert states(build_ladder(store, "p")) == {"baseline": "baseline"}


def test_a_baseline_by_name_is_the_first_also_where_it_was_run_last(store: Store) -> None:
    run(store, "rag", 110)
    run(store, "baseline", 60)
    assert [one.name for one in build_ladder(store, "p").rungs] == ["baseline", "rag"]


def test_an_unfinished_run_says_how_far_it_came(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "rag", 60, size=QUESTIONS, total=400, status="cancelled")
    found = rung(build_ladder(store, "p"), "rag")
    assert found.answered == "200 of 400 answered"
    assert (found.summary.scored, found.summary.total) == (200, 400)


def test_the_metric_is_one_of_correctness_that_all_have(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "rag", 110)
    run(store, "odd", 110, metric="answer_f1")
    ladder = build_ladder(store, "p")
    assert ladder.metrics == (METRIC, "answer_f1")
    odd = rung(ladder, "odd")
    assert (odd.value, odd.comparison, odd.state) == (None, None, "undecided")
    assert odd.reason == "no score by this metric: odd"
    assert rung(build_ladder(store, "p", "answer_f1"), "odd").value == pytest.approx(0.55)


def test_an_experiment_says_what_was_changed_and_what_it_takes(store: Store) -> None:
    model = {"seed": 1}
    prompt = {"template": "{{ question }}"}
    run(store, "baseline", 60, model=model, prompt=prompt)
    run(store, "rag", 110, model=model, prompt=prompt, retrieval={"top_k": 3}, tokens=400, cost=0.004)
    found = rung(build_ladder(store, "p"), "rag")
    assert found.changes == ("retrieval added: search by meaning, top 3",)
    assert (found.each.cost_usd, found.each.seconds, found.each.tokens) == pytest.approx((0.004, 2.0, 400.0))


def test_nothing_was_run_yet(store: Store) -> None:
    ladder = build_ladder(store, "p")
    assert (ladder.sections, ladder.metrics, ladder.metric) == ((), (), "")
    assert ladder_csv(ladder).count("\n") == 1


def test_it_is_plain_data_for_files(store: Store) -> None:
    run(store, "baseline", 60)
    run(store, "=rag", 110)
    ladder = build_ladder(store, "p")
    decide(store, ladder, ladder.rungs[1], "kept", "it pays", author="Ann")
    ladder = build_ladder(store, "p")
    values = json.loads(json.dumps(ladder.to_dict()))
    first, second = values["sections"][0]["rungs"]
    assert first["comparison"] is None
    assert second["state"] == "kept"
    assert second["decision"]["author"] == "Ann"
    assert second["comparison"]["verdict"] == "better"
    assert values["sections"][0]["total"]["difference"] == pytest.approx(0.25)
    rows = list(csv.DictReader(io.StringIO(ladder_csv(ladder))))
    assert [row["state"] for row in rows] == ["baseline", "kept"]
    assert [row["decided_by"] for row in rows] == ["verdict", "Ann"]
    assert rows[0]["difference"] == ""
    assert _numbers(rows[1], ("mean", "difference", "cost_usd_each")) == pytest.approx([0.55, 0.25, 0.001])


def _numbers(row: dict[str, str], names: Sequence[str]) -> list[float]:
    return [float(row[name]) for name in names]


def test_the_ladder_of_the_talk_tells_four_numbers_and_what_was_dropped() -> None:
    rungs = talk_ladder().rungs
    assert [one.value for one in rungs if one.is_kept] == [0.45, 0.65, 0.85, 0.98]
    assert [one.name for one in rungs if one.is_dropped] == ["HyDE", "Fine-tuned embeddings"]
    # What the talk does not tell is missing.
    assert [one.value for one in rungs if one.is_dropped] == [None, None]
    assert all(one.comparison is None and one.run_id is None for one in rungs)
    words = " ".join(one.name for one in rungs).casefold()
    assert all(name in words for name in ("chunking", "reranking", "classification", "tools", "query expansion"))
