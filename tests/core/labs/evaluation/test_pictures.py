"""What pictures across configurations are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from llmopt_core.experiments.comparison_matrix import compare_all
from llmopt_core.experiments.run_scores import LOWER_IS_BETTER, RunScoreTable
from llmopt_core.labs.evaluation.pictures.category_scores import category_scores
from llmopt_core.labs.evaluation.pictures.disagreement import order_by_disagreement, order_by_mean
from llmopt_core.labs.evaluation.pictures.pareto import Candidate, pareto_front
from llmopt_core.labs.evaluation.pictures.record_list import list_records
from llmopt_core.labs.evaluation.pictures.score_bands import band_named, metric_bands, score_bands, score_spreads
from llmopt_core.labs.evaluation.pictures.trend import trend_of
from llmopt_core.runs.values import Run, RunScores
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary, wilson_interval

METRIC = "answer_f1"


def table(name: str, values: list[float | None], metric: str = METRIC, **more: object) -> RunScoreTable:
    examples = tuple(f"q{number + 1}" for number in range(len(values)))
    return RunScoreTable(name, len(values), RunScores(examples, {metric: values}, {}), **more)  # type: ignore[arg-type]


def test_the_questions_that_half_of_the_configurations_pass_come_first() -> None:
    # One of four differs on the second question, two of four on the third.
    rows = [(1.0, 1.0, 1.0, 0.4), (1.0, 0.0, 1.0, 0.4), (1.0, 1.0, 0.0, 0.4), (1.0, 1.0, 0.0, 0.4)]
    order = order_by_disagreement(rows)
    assert order.common == (2, 1, 0, 3)
    assert order.others == ()


def test_what_some_configuration_lacks_is_told_apart_and_what_nobody_has_comes_last() -> None:
    rows = [(1.0, None, 0.5, 0.0), (1.0, None, None, 1.0)]
    order = order_by_disagreement(rows)
    assert (order.common, order.others) == ((3, 0), (2, 1))
    assert order.places == (3, 0, 2, 1)
    lowest = order_by_mean(rows)
    assert (lowest.common, lowest.others) == ((3, 0), (2, 1))


def test_a_thousand_equal_questions_stay_in_the_order_of_the_set() -> None:
    rows = [tuple(0.1 for _ in range(1000)), tuple(0.1 + 0.2 for _ in range(1000))]
    assert order_by_disagreement(rows).common == tuple(range(1000))


def test_ties_at_the_ends_of_the_scale_are_counted_apart() -> None:
    values = [0.0, 0.0, 0.1, 0.25, 0.26, 0.75, 0.99, 1.0, 1.0, 1.0, None]
    runs = [table("a", values), replace(table("b", [0.0, None]), total=5)]
    bands = metric_bands(runs, METRIC)
    assert [band.words for band in bands] == [
        "exactly 0", "above 0, up to 0.25", "above 0.25, up to 0.5", "above 0.5, up to 0.75", "above 0.75, below 1",
        "exactly 1", "not scored",
    ]  # fmt: skip
    spreads = score_spreads(runs, METRIC, bands)
    assert spreads[0].counts == (2, 2, 1, 1, 1, 3, 1)
    assert sum(spreads[0].counts) == spreads[0].total == 11
    # Records that are not there yet have no score.
    assert (spreads[1].counts, spreads[1].total) == ((1, 0, 0, 0, 0, 0, 4), 5)


def test_grades_of_another_scale_are_spread_over_it() -> None:
    bands = score_bands([1.0, 3.0, 5.0, None])
    assert [band.words for band in bands][:2] == ["exactly 1", "above 1, up to 2"]
    (spread,) = score_spreads([table("a", [1.0, 3.0, 5.0, 2.0])], METRIC, bands)
    assert spread.counts == (1, 1, 1, 0, 0, 1, 0)
    (only, missing) = score_bands([7.0, 7.0])
    assert (only.words, missing.words) == ("exactly 7", "not scored")
    assert score_bands([])[0].words == "exactly 0"


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.25, 0.5, 0.5000001, 0.75, 1 - 1e-12, 1.0, None, float("nan")])
def test_every_value_lies_in_exactly_one_band(value: float | None) -> None:
    number = np.array([np.nan if value is None else value])
    assert sum(int(band.holds(number)[0]) for band in score_bands([0.0, 1.0])) == 1


def test_categories_have_their_own_means_and_intervals_and_those_without_one_come_last() -> None:
    run = table("a", [1.0, 1.0, 0.0, 1.0, None])
    categories = {"q1": "when", "q2": "when", "q3": "when", "q5": "how"}
    rows = category_scores([run], METRIC, categories)
    assert [row.category for row in rows] == ["how", "when", ""]
    assert rows[0].summary == Summary(None, None, None, 0, 1)
    when = rows[1].summary
    assert (when.mean, when.scored, when.total) == (pytest.approx(2 / 3), 3, 3)
    assert (when.low, when.high) == pytest.approx(wilson_interval(2, 3))


def test_questions_of_one_document_widen_the_interval_of_a_category() -> None:
    values = [0.1, 0.2, 0.9, 0.8, 0.15, 0.12, 0.95, 0.85]
    clusters = {f"q{number + 1}": f"document {number // 2}" for number in range(8)}
    (row,) = category_scores([table("a", list(values), clusters=clusters)], METRIC, {})
    assert row.summary == summarize_clusters(values, list(clusters.values()))
    (plain,) = category_scores([table("a", list(values))], METRIC, {})
    assert (row.summary.low, row.summary.high) != (plain.summary.low, plain.summary.high)


def candidate(name: str, mean: float | None, price: float | None, **more: object) -> Candidate:
    return Candidate(name, Summary(mean, None, None, 10, 10), price, **more)  # type: ignore[arg-type]


def test_only_a_better_verdict_at_no_higher_price_takes_a_configuration_off_the_front() -> None:
    words: Mapping[tuple[str, str], str] = {("good", "dear"): "better", ("good", "cheap"): "better"}
    front = pareto_front(
        # A higher mean than `chance` has nobody a better verdict against.
        [candidate("cheap", 0.5, 1.0), candidate("good", 0.8, 2.0), candidate("dear", 0.6, 2.0),
         candidate("chance", 0.7, 5.0)],
        lambda one, other: words.get((one, other), "cannot tell"),  # type: ignore[return-value, arg-type]
    )  # fmt: skip
    assert front.beaten_by == {"dear": "good"}
    assert front.names == ("cheap", "good", "chance")


def test_what_has_no_price_is_named_and_not_taken_for_free() -> None:
    front = pareto_front(
        [candidate("free", 0.5, 0.0), candidate("unknown", 0.9, None, why="no price is known"),
         candidate("unscored", None, 1.0)],
        lambda one, other: "better" if one == "unknown" else "cannot tell",
    )  # fmt: skip
    assert [one.name for one in front.drawn] == ["free"]
    assert front.missing == {"unknown": "no price is known", "unscored": "not scored"}
    assert front.beaten_by == {}


def test_a_configuration_that_was_trained_on_the_questions_is_on_no_front_and_beats_nobody() -> None:
    front = pareto_front(
        [candidate("trained", 1.0, 0.1, is_trained=True), candidate("fair", 0.4, 1.0)],
        lambda one, other: "better" if one == "trained" else "worse",
    )
    assert front.names == ("fair",)
    assert front.beaten_by == {"trained": "trained"}


def test_the_front_of_measured_runs_keeps_differences_that_may_be_chance() -> None:
    low, high = [0.0] * 30 + [1.0] * 10, [1.0] * 30 + [0.0] * 10
    nearly = [*high[:-1], 1.0]
    runs = [table("low", list(low)), table("high", list(high)), table("nearly", list(nearly))]
    matrix = compare_all(runs, METRIC, 0.02)
    prices = {"low": 3.0, "high": 2.0, "nearly": 1.0}
    front = pareto_front(
        [Candidate(run.name, summarize_clusters(run.scores.values[METRIC], None), prices[run.name]) for run in runs],
        matrix.verdict,
    )
    # One question more is no better verdict, so the dearer one stays; thirty are.
    assert front.names == ("nearly", "high")
    assert front.beaten_by == {"low": "nearly"}


def run(number: int, name: str, version: str = "v1", judge: str = "j", **more: object) -> Run:
    when = datetime(2026, 11, 1) + timedelta(days=number)
    values = {
        "id": number, "project": "p", "name": name, "fingerprint": f"f{number}", "configuration": {},
        "evaluation_set": "questions", "set_version": version, "judge": judge, "metrics": (METRIC,), "total": 2,
        "status": "finished", "created_at": when, **more,
    }  # fmt: skip
    return Run(**values)  # type: ignore[arg-type]


def test_a_line_never_joins_other_questions_or_another_judge() -> None:
    runs = [run(5, "a", "v2"), run(4, "a", judge="other"), run(3, "a"), run(2, "b"), run(1, "a")]
    tables = {one.id: table(one.name, [0.5, 1.0]) for one in runs}
    trend = trend_of(runs, tables, METRIC, {3: "chosen on 2 of these 2 questions"})
    found = {
        (line.configuration, line.set_version, line.judge): [p.run_id for p in line.points] for line in trend.lines
    }
    assert found == {("a", "v1", "j"): [1, 3], ("b", "v1", "j"): [2], ("a", "v1", "other"): [4], ("a", "v2", "j"): [5]}
    assert trend.versions == ("v1", "v2")
    assert trend.lines[0].points[1].mark == "chosen on 2 of these 2 questions"


def test_runs_without_a_date_or_a_score_are_named_and_not_drawn() -> None:
    undated = run(2, "theirs", options={"imported": {"tool": "promptfoo"}})
    runs = [undated, run(1, "ours"), run(3, "unscored")]
    tables = {1: table("ours", [0.5, None]), 2: table("theirs", [1.0]), 3: table("unscored", [None, None])}
    trend = trend_of(runs, tables, METRIC)
    assert [line.configuration for line in trend.lines] == ["ours"]
    assert trend.lines[0].points[0].summary.scored == 1
    assert (trend.undated, trend.unscored) == (("theirs",), 1)


def test_the_records_behind_a_mark_come_worst_first() -> None:
    scores = RunScores(("q1", "q2", "q3", "q4"), {METRIC: [1.0, 0.2, None, 0.0]}, {}, failures=frozenset(("q3",)))
    one = RunScoreTable("a", 4, scores)
    categories = {"q1": "when", "q2": "when", "q4": "how"}
    assert [row.example_id for row in list_records(one, METRIC, categories)] == ["q3", "q4", "q2", "q1"]
    assert list_records(one, METRIC, categories)[0].failed
    assert [row.example_id for row in list_records(one, METRIC, categories, category="when")] == ["q2", "q1"]
    assert [row.example_id for row in list_records(one, METRIC, categories, category="")] == ["q3"]
    bands = metric_bands([one], METRIC)
    in_band = list_records(one, METRIC, categories, band=band_named(bands, "high"))
    assert [row.example_id for row in in_band] == ["q1"]
    assert [row.example_id for row in list_records(one, METRIC, {}, band=band_named(bands, "none"))] == ["q3"]


def test_where_less_is_better_the_highest_are_the_worst() -> None:
    metric = f"latency (tool{LOWER_IS_BETTER}"
    one = table("a", [1.0, 9.0, 4.0], metric)
    assert [row.example_id for row in list_records(one, metric, {})] == ["q2", "q3", "q1"]
