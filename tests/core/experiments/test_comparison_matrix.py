"""Every pair of configurations, the flips between two, and the documents that questions share."""

from __future__ import annotations

import pytest

from llmopt_core.experiments.comparison_family import family_of
from llmopt_core.experiments.comparison_matrix import compare_all, matrix_values
from llmopt_core.experiments.document_clusters import clusters_of
from llmopt_core.experiments.flips import list_flips
from llmopt_core.experiments.leaderboard import compare_runs, leaderboard
from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.runs.values import RunScores

METRIC = "exact_match"


def table(name: str, values: list[float | None], parent: str = "", **more: object) -> RunScoreTable:
    examples = tuple(f"q{i}" for i in range(len(values)))
    return RunScoreTable(name, len(values), RunScores(examples, {METRIC: values}, {}), parent=parent, **more)  # type: ignore[arg-type]


BASE = table("base", [0.0] * 30 + [1.0] * 10)
BETTER = table("better one", [1.0] * 15 + [0.0] * 15 + [1.0] * 10)
SAME = table("same", [0.0] * 30 + [1.0] * 9 + [None])


def test_every_pair_is_corrected_over_all_pairs() -> None:
    matrix = compare_all([BASE, BETTER, SAME], METRIC)
    assert list(matrix.pairs) == [("base", "better one"), ("base", "same"), ("better one", "same")]
    assert {one.family for one in matrix.pairs.values()} == {3}
    assert (
        matrix.family
        == "Corrected over all 3 pairs of 3 configurations (Holm: the more pairs, the more evidence each needs)."
    )
    assert matrix.unit == "40 questions; unit: question"
    assert matrix.verdict("better one", "base") == "better"
    assert matrix.verdict("base", "better one") == "worse"
    assert matrix.verdict("base", "base") is None
    assert matrix.difference("base", "better one") == pytest.approx(-0.375)
    assert matrix.pairs["base", "same"].dropped == 1
    values = matrix_values([matrix])
    assert values["verdicts"][METRIC][1] == ["better", None, "better"]
    assert values["family"] == {"kind": "all pairs", "size": 3, "words": matrix.family}
    assert (values["metrics"], values["unit"]) == ([METRIC], matrix.unit)
    assert [one["dropped"] for one in values["comparisons"]] == [0, 1, 1]


def test_a_matrix_has_the_numbers_of_its_pairs() -> None:
    matrix = compare_all([BASE, BETTER, SAME], METRIC)
    alone = compare_runs(BASE, BETTER, METRIC)
    among = matrix.pairs["base", "better one"]
    assert (among.p_unadjusted, among.difference) == (alone.p_value, alone.difference)


def test_a_margin_makes_small_differences_equivalent() -> None:
    first = table("first", [1.0] * 500)
    second = table("second", [1.0] * 499 + [0.0])
    assert compare_all([first, second], METRIC).verdict("second", "first") == "equivalent"
    assert compare_all([first, second], METRIC, 0.001).verdict("second", "first") == "cannot tell"


def test_what_was_trained_on_its_questions_leads_nothing_in_a_matrix() -> None:
    learned = table("learned", [1.0] * 40, seen=40)
    assert compare_all([BASE, learned], METRIC).verdict("learned", "base") == "not comparable"
    assert compare_all([learned, BASE], METRIC).verdict("base", "learned") == "not comparable"


def test_other_questions_of_the_same_id_are_no_pairs() -> None:
    first = table("first", [1.0] * 8, contents={f"q{i}": "x" for i in range(8)})
    second = table("second", [1.0] * 8, contents={f"q{i}": "x" if i else "y" for i in range(8)})
    assert compare_all([first, second], METRIC).pairs["first", "second"].pairs == 7


def test_flips_are_listed_both_ways_with_the_largest_first() -> None:
    a = table("a", [0.0, 1.0, 0.5, 0.5, None, 1.0])
    b = table("b", [1.0, 0.0, 0.6, 0.5, 1.0, None])
    flips = list_flips(a, b, METRIC)
    assert [(one.example_id, one.before, one.after) for one in flips.gained] == [("q0", 0.0, 1.0), ("q2", 0.5, 0.6)]
    assert [one.example_id for one in flips.lost] == ["q1"]
    assert (flips.equal, flips.missing) == (1, ("q4", "q5"))


def test_questions_about_the_same_documents_are_one_cluster() -> None:
    result = clusters_of({"a": ["x"], "b": ["y"], "c": ["x", "z"], "d": [], "e": ["z"]})
    assert result == {
        "a": "document x", "c": "document x", "e": "document x", "b": "document y", "d": "question d",
    }  # fmt: skip
    assert clusters_of({"a": ["x"], "b": ["y"], "c": []}) == {}


def test_comparisons_and_means_go_by_documents_where_questions_share_them() -> None:
    clusters = {f"q{i}": f"document {i // 10}" for i in range(40)}
    base = table("base", [0.0] * 30 + [1.0] * 10, clusters=clusters)
    better = table("better one", [1.0] * 15 + [0.0] * 15 + [1.0] * 10, clusters=clusters)
    comparison = compare_runs(base, better, METRIC)
    assert (comparison.clusters, comparison.verdict) == (4, "cannot tell")
    assert compare_all([base, better], METRIC).unit == "40 questions in 4 documents; unit: document"
    rows, plain = leaderboard([base, better], [METRIC]), leaderboard([BASE, BETTER], [METRIC])
    wide, narrow = rows[1].cells[METRIC].summary, plain[1].cells[METRIC].summary
    assert wide.high - wide.low > narrow.high - narrow.low  # type: ignore[operator]
    family = family_of([base, better], [METRIC])
    assert family.words.endswith("40 questions in 4 documents; unit: document.")


def test_each_configuration_is_compared_with_its_parent_where_that_was_run() -> None:
    child = table("child", [1.0] * 20 + [0.0] * 10 + [1.0] * 10, parent="better one")
    orphan = table("orphan", [1.0] * 20 + [0.0] * 20, parent="gone")
    family = family_of([BASE, BETTER, child, orphan], [METRIC])
    assert list(family.p_values[METRIC]) == [
        ("base", "better one"), ("better one", "child"), ("base", "orphan"),
    ]  # fmt: skip
    assert "all 3 comparisons of a configuration with its parent, else with base" in family.words
    assert "with its parent" in family.in_short
    plain = family_of([BASE, BETTER, SAME], [METRIC])
    assert "all 2 comparisons of a configuration with base together" in plain.in_short
