"""Blind votes: ballots, what they come to, preference pairs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.report import write_report
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.result_file import read_result
from llmopt_core.experiments.votes import tally
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.labs.prompts.export import comparison_html
from llmopt_core.labs.prompts.votes import (
    Ballot,
    ballots_of,
    cast_vote,
    list_voted_examples,
    preference_pairs,
    votes_csv,
)
from llmopt_core.reporting.page import PALETTE
from llmopt_core.runs.store_labs import Vote
from llmopt_core.statistics.paired_wins import sign_test
from llmopt_core.types import Example

from .conftest import EXAMPLES, Lab


def vote(example: str, choice: str, voter: str = "ann", pair: tuple[str, str] = ("a", "b")) -> Vote:
    return Vote("c", voter, example, *pair, choice)  # type: ignore[arg-type]


async def test_a_ballot_shows_each_distinct_answer_once_in_an_order_of_its_own(lab: Lab) -> None:
    variants = [lab.variant("plain"), lab.variant("wrong", system="Be wrong."), lab.variant("twin", system="Be kind.")]
    many = [Example(f"m{n}", EXAMPLES[0].question, "Rhine") for n in range(20)]
    result = await lab.run(lab.plan(*variants, examples=many))
    ballots = ballots_of(result, lab.grid(result), "ann")
    assert len(ballots.ballots) == 20
    assert ballots.same == ballots.incomplete == 0
    for ballot in ballots.ballots:
        assert sorted(ballot.answers) == ["It is Rhine.", "nonsense"]
        assert ballot.columns[ballot.answers.index("It is Rhine.")] == (0, 2)
    assert len({ballot.answers for ballot in ballots.ballots}) == 2, "answers are shuffled"
    assert [b.row for b in ballots.ballots] != sorted(b.row for b in ballots.ballots), "rows are shuffled"
    assert ballots_of(result, lab.grid(result), "ann") == ballots
    assert ballots_of(result, lab.grid(result), "bob") != ballots


async def test_rows_with_nothing_to_choose_are_counted_and_left_out(lab: Lab) -> None:
    result = await lab.run(lab.plan(lab.variant("plain"), lab.variant("twin", system="Be kind.")))
    ballots = ballots_of(result, lab.grid(result), "ann")
    assert (ballots.ballots, ballots.same, ballots.incomplete) == ((), len(EXAMPLES), 0)


async def test_votes_are_kept_per_voter_and_the_last_one_counts(lab: Lab) -> None:
    found = await lab.run(lab.plan())
    grid = lab.grid(found)
    for voter, liked in (("ann", "nonsense"), ("bob", "nonsense"), ("ann", "It is")):
        for ballot in ballots_of(found, grid, voter).ballots:
            best = next(place for place, text in enumerate(ballot.answers) if text.startswith(liked))
            cast_vote(lab.store, found, ballot, voter, best)
    votes = lab.store.votes("p", found.id)
    assert len(votes) == 2 * len(EXAMPLES)
    assert {v.choice for v in votes if v.voter == "ann"} == {"first"}
    assert {v.choice for v in votes if v.voter == "bob"} == {"second"}
    assert list_voted_examples(votes, "bob") == {"q1", "q2", "q3"}
    result = tally(grid.names, votes)
    assert result.votes == {"bob": 3, "ann": 3}
    assert result.agreement == 0
    assert (result.pairs[0].wins, result.pairs[0].losses, result.pairs[0].ties) == (0, 0, 3)


async def test_the_best_of_three_beats_both_and_says_nothing_of_the_others(lab: Lab) -> None:
    variants = [lab.variant(name, system=f"{name}.") for name in ("one", "two", "three")]
    found = await lab.run(lab.plan(*variants, examples=EXAMPLES[:1]))
    ballot = Ballot(0, EXAMPLES[0], ("x", "y", "z"), ((1,), (0,), (2,)))
    cast_vote(lab.store, found, ballot, "ann", 0)
    values = {(v.first, v.second): v.choice for v in lab.store.votes("p", found.id)}
    assert values == {("one", "two"): "second", ("one", "three"): "neither", ("two", "three"): "first"}
    cast_vote(lab.store, found, ballot, "ann", "tie")
    assert {v.choice for v in lab.store.votes("p", found.id)} == {"tie"}
    cast_vote(lab.store, found, ballot, "ann", "skip")
    votes = lab.store.votes("p", found.id)
    result = tally(["one", "two", "three"], votes)
    assert (result.examples, result.skipped, result.votes) == (0, 1, {"ann": 0})
    assert [pair.p_value for pair in result.pairs] == [None, None, None]


async def test_a_vote_needs_a_voter_and_an_answer_that_is_there(lab: Lab) -> None:
    result = await lab.run(lab.plan())
    ballot = ballots_of(result, lab.grid(result), "ann").ballots[0]
    with pytest.raises(BadInput, match="Say who votes"):
        cast_vote(lab.store, result, ballot, "  ", 0)
    with pytest.raises(BadInput, match="no answer 3"):
        cast_vote(lab.store, result, ballot, "ann", 2)
    assert lab.store.votes("p", result.id) == []


def test_the_tally_has_a_rate_with_its_interval_and_a_sign_test() -> None:
    votes = [vote(f"q{n}", "first" if n < 9 else "second") for n in range(10)] + [vote("t", "tie")]
    (pair,) = tally(["a", "b"], votes).pairs
    assert (pair.wins, pair.losses, pair.ties) == (9, 1, 1)
    assert pair.rate.share == pytest.approx(0.9)
    assert pair.rate.low == pytest.approx(0.596, abs=0.001)
    assert pair.p_value == pytest.approx(sign_test(9, 1))
    assert pair.verdict == "better"


def test_the_interval_of_a_rate_leaves_out_a_half_only_where_the_test_sees_a_difference() -> None:
    (pair,) = tally(["a", "b"], [vote(f"q{n}", "first") for n in range(5)]).pairs
    assert (pair.p_value, pair.verdict) == (pytest.approx(0.0625), "cannot tell")
    assert pair.rate.low == pytest.approx(0.478, abs=0.001)
    six = [vote(f"q{n}", "first", pair=names) for n in range(6) for names in (("a", "b"), ("a", "c"))]
    of_two, _, _ = tally(["a", "b", "c"], six).pairs
    assert of_two.verdict == "cannot tell"
    assert of_two.rate.low is not None
    assert of_two.rate.low <= 0.5


def test_several_pairs_are_adjusted_and_an_example_counts_once_whoever_votes() -> None:
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    votes = [vote(f"q{n}", "first", pair=pair) for n in range(7) for pair in pairs]
    results = tally(["a", "b", "c"], votes).pairs
    assert [pair.p_value for pair in results] == pytest.approx([3 * sign_test(7, 0)] * 3)
    voters = [vote("q", "first", "ann"), vote("q", "first", "bob"), vote("q", "second", "cy")]
    (pair,) = tally(["a", "b"], voters).pairs
    assert (pair.wins, pair.losses) == (1, 0)


async def test_preference_pairs_are_what_openai_takes(lab: Lab) -> None:
    result = await lab.run(lab.plan())
    grid = lab.grid(result)
    names = ("plain", "wrong")
    votes = [vote("q1", "first", pair=names), vote("q2", "second", pair=names), vote("q3", "tie", pair=names)]
    pairs = preference_pairs(grid, votes)
    first = pairs[0].to_openai()
    assert first == {
        "input": {"messages": [{"role": "user", "content": EXAMPLES[0].question}]},
        "preferred_output": [{"role": "assistant", "content": "It is Rhine."}],
        "non_preferred_output": [{"role": "assistant", "content": "nonsense"}],
    }
    assert pairs[1].to_openai()["input"]["messages"][0] == {"role": "system", "content": "Be wrong."}
    assert len(pairs) == 2
    assert TrainingSet("votes", tuple(pairs)).kind == "preference"
    one_input = preference_pairs(grid, votes, "plain")
    assert all(len(pair.to_openai()["input"]["messages"]) == 1 for pair in one_input)
    stranger = replace(votes[0], first="gone")
    assert preference_pairs(grid, [stranger]) == []


async def test_votes_stand_in_the_page_of_the_comparison(lab: Lab) -> None:
    result = await lab.run(lab.plan())
    grid = lab.grid(result)
    assert "Blind vote" not in comparison_html(result, grid, lab.store.votes("p", result.id))
    for ballot in ballots_of(result, grid, "<b>ann</b>").ballots:
        cast_vote(lab.store, result, ballot, "<b>ann</b>", next(p for p, c in enumerate(ballot.columns) if c == (0,)))
    page = comparison_html(result, grid, lab.store.votes("p", result.id))
    assert "<h2>Blind vote</h2>" in page
    assert "<td>plain against wrong</td><td>3, 0, 0</td><td>100% (44 to 100)</td>" in page
    assert "3 questions with a vote · by &lt;b&gt;ann&lt;/b&gt; (3)" in page


def test_the_file_of_votes_tells_moments_with_their_offset() -> None:
    vote = Vote("c", "ann", "q1", "plain", "wrong", "first", datetime(2026, 3, 3, 20, 5, tzinfo=UTC))
    assert votes_csv([vote, replace(vote, saved_at=None)]).splitlines()[1:] == [
        "ann,q1,plain,wrong,first,2026-03-03T20:05:00+00:00", "ann,q1,plain,wrong,first,",
    ]  # fmt: skip


async def test_votes_and_colours_go_with_the_runs_into_results_and_reports(lab: Lab, tmp_path: Path) -> None:
    result = await lab.run(lab.plan())
    grid = lab.grid(result)
    runs = [column[0] for column in result.runs]
    # Saved before, so that the colours of a project are not those of the order in this result.
    for name in ("saved", "wrong"):
        lab.store.save_configuration("p", name, {"name": name}, name)
    assert result_of(lab.store, [run.id for run in runs])["votes"] == []
    for ballot in ballots_of(result, grid, "<b>ann</b>").ballots:
        cast_vote(lab.store, result, ballot, "<b>ann</b>", next(p for p, c in enumerate(ballot.columns) if c == (0,)))
    # Turned round: what was first in the comparison is second here.
    rows = [runs[1].id, runs[0].id]
    (tmp_path / "r.json").write_text(json.dumps(result_of(lab.store, rows, ["wrong", "plain (old)"])))
    write_report(read_result(tmp_path / "r.json"), tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "<h2>Blind vote</h2>" in page
    assert "<td>wrong against plain (old)</td><td>0, 3, 0</td><td>0% (0 to 56)</td>" in page
    assert "3 questions with a vote · by &lt;b&gt;ann&lt;/b&gt; (3)" in page
    assert f'<span class="key" style="background:{PALETTE[1]}"></span>wrong' in page
    # A run of another configuration was not voted on.
    alone = result_of(lab.store, [runs[0].id])
    assert alone["votes"] == []
    assert alone["colours"] == {"plain": PALETTE[2]}
