import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.leaderboard import compare_runs, leaderboard
from llmopt_core.experiments.run_scores import RunScoreTable, baseline_position, read_run_scores
from llmopt_core.runs.values import RunScores
from llmopt_core.statistics.holm import holm
from llmopt_core.statistics.paired_comparison import compare_pairs
from tests.engine_lab import Lab

from .test_runner import run


def scored(name: str, values: list[float | None], total: int | None = None, first: int = 0) -> RunScoreTable:
    examples = tuple(f"q{i}" for i in range(first, first + len(values)))
    return RunScoreTable(name, total or len(values), RunScores(examples, {"answer_f1": values}, {}))


LOW = [0.1, 0.2, 0.0, 0.3, 0.1, 0.2, 0.15, 0.05, 0.25, 0.1]
HIGH: list[float | None] = [0.9, 0.8, 1.0, 0.7, 0.9, 0.8, 0.95, 0.85, 0.75, 0.9]


def test_each_configuration_stands_against_the_baseline() -> None:
    base, better, same = leaderboard(
        [scored("baseline", LOW), scored("rag", HIGH), scored("again", LOW[::-1])], ["answer_f1"]
    )
    assert base.is_baseline
    assert base.cells["answer_f1"].versus is None
    versus = better.cells["answer_f1"].versus
    assert versus is not None
    assert versus.verdict == "better"
    assert versus.difference == pytest.approx(sum(HIGH) / 10 - sum(LOW) / 10)  # type: ignore[arg-type]
    again = same.cells["answer_f1"].versus
    assert again is not None
    assert again.verdict == "cannot tell"


def test_the_other_way_round_it_is_worse() -> None:
    rows = leaderboard([scored("baseline", LOW), scored("rag", HIGH)], ["answer_f1"], baseline=1)
    assert [row.is_baseline for row in rows] == [False, True]
    versus = rows[0].cells["answer_f1"].versus
    assert versus is not None
    assert versus.verdict == "worse"


def test_p_values_are_adjusted_for_the_number_of_configurations() -> None:
    slightly = [value + (0.05 if i < 6 else -0.01) for i, value in enumerate(LOW)]
    runs = [scored("baseline", LOW), scored("a", slightly), scored("b", HIGH), scored("c", LOW)]
    rows = leaderboard(runs, ["answer_f1"])
    alone = [compare_pairs(LOW, list(r.scores.values["answer_f1"])).p_value for r in runs[1:]]
    shown = [row.cells["answer_f1"].versus.p_value for row in rows[1:]]  # type: ignore[union-attr]
    assert shown == holm([p for p in alone if p is not None])
    assert [row.cells["answer_f1"].versus.p_unadjusted for row in rows[1:]] == alone


def test_examples_are_matched_by_name_and_missing_values_are_left_out() -> None:
    a = scored("baseline", [0.0, 0.5, None, 1.0])
    b = scored("rag", [0.5, 1.0, 1.0], first=1)
    cell = leaderboard([a, b], ["answer_f1"])[1].cells["answer_f1"]
    assert cell.versus is not None
    assert (cell.versus.pairs, cell.versus.difference) == (2, 0.0)
    comparison = compare_runs(a, b, "answer_f1")
    assert (comparison.pairs, comparison.dropped) == (2, 2)


def test_what_was_not_scored_is_counted_and_never_zero() -> None:
    row = leaderboard([scored("baseline", [1.0, None, 1.0], total=5)], ["answer_f1", "faithfulness"])[0]
    summary = row.cells["answer_f1"].summary
    assert (summary.mean, summary.scored, summary.total) == (1.0, 2, 5)
    nothing = row.cells["faithfulness"].summary
    assert (nothing.mean, nothing.scored, nothing.total) == (None, 0, 5)


def test_runs_without_a_common_example_cannot_be_compared() -> None:
    with pytest.raises(BadInput, match="no example in common"):
        compare_runs(scored("a", [1.0]), scored("b", [1.0], first=7), "answer_f1")


def test_the_baseline_is_the_one_called_so_else_the_first() -> None:
    assert baseline_position(["rag", "Baseline"]) == 1
    assert baseline_position(["rag", "other"]) == 0
    assert leaderboard([], ["answer_f1"]) == []


async def test_it_is_made_from_stored_runs(lab: Lab) -> None:
    closed = lab.configuration("baseline", retrieval=None, prompt={"template": "Say something."})
    runs = await run(lab, lab.plan(closed, lab.configuration()))
    rows = leaderboard(read_run_scores(lab.store, runs), lab.metrics)
    assert [row.run_id for row in rows] == [r.id for r in runs]
    assert rows[1].cells["answer_f1"].summary.mean == 1.0
    assert rows[0].cells["answer_f1"].summary.mean == 0.0
    assert rows[0].cells["hit_rate"].summary.mean is None
    assert rows[1].cells["hit_rate"].summary.mean == 1.0
    assert rows[1].cells["hit_rate"].versus is None
