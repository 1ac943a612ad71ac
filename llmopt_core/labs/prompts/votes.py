"""Blind votes between the answers of a comparison: ballots, what they come to, and preference pairs."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison import Comparison
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.labs.prompts.grid import Grid
from llmopt_core.reporting.votes import VotesTable
from llmopt_core.reporting.words import DASH, p_value, questions
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Choice, Vote
from llmopt_core.statistics.intervals import Rate, rate
from llmopt_core.statistics.paired import ALPHA, Verdict, holm, holm_levels, sign_test, verdict_of
from llmopt_core.text.csv_text import csv_text
from llmopt_core.types import Example, Message, Record

Picked = int | Literal["tie", "skip"]
"""The place of the best answer on a ballot; `tie` where none is better; `skip` says nothing."""

_CHOICES: Mapping[int, Choice] = {1: "first", -1: "second", 0: "tie"}
_SIDES: Mapping[Choice, int] = {"first": 1, "second": -1, "tie": 0}


@dataclass(frozen=True, slots=True)
class Ballot:
    """One question with its distinct answers, in an order that says nothing about where they come from.

    Attributes:
        row: Of the grid.
        answers: The texts.
        columns: Which columns gave each text.
    """

    row: int
    example: Example
    answers: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Ballots:
    """What a voter is asked.

    Attributes:
        same: Rows in which every answer says the same, so there is nothing to choose.
        incomplete: Rows with fewer than two whole answers.
    """

    ballots: tuple[Ballot, ...]
    same: int
    incomplete: int


@dataclass(frozen=True, slots=True)
class PairResult:
    """One variant against another. An example counts once: for whichever more of its voters preferred.

    Attributes:
        rate: How often the first won, of the examples that one of them won, with the interval that belongs to the
            verdict: Wilson's at the level at which Holm's procedure decides, and the exact one where Wilson's leaves
            out a half though the exact test sees no difference.
        p_value: Of a two-sided sign test, adjusted after Holm where there are several pairs; None without a decision.
        verdict: Of the first against the second.
    """

    first: str
    second: str
    wins: int
    losses: int
    ties: int
    rate: Rate
    p_value: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Tally:
    """What the votes on a comparison come to.

    Attributes:
        votes: By voter, how many questions were answered; skipped ones are not.
        skipped: How many were skipped.
        examples: Examples with a vote.
        agreement: The share of pairs with several voters on which all of them say the same; None without such pairs.
    """

    pairs: tuple[PairResult, ...]
    votes: Mapping[str, int]
    skipped: int
    examples: int
    agreement: float | None


def ballots_of(found: Comparison, grid: Grid, voter: str) -> Ballots:
    """The ballots of a voter. Their order and the order of their answers depend on nothing but comparison and voter."""
    made, same, incomplete = [], 0, 0
    for row, example in enumerate(grid.examples):
        texts: dict[str, list[int]] = {}
        for column, cell in enumerate(grid.rows[row]):
            if cell.state == "done":
                texts.setdefault(cell.text.strip(), []).append(column)
        if sum(map(len, texts.values())) < 2:
            incomplete += 1
        elif len(texts) < 2:
            same += 1
        else:
            order = list(texts)
            random.Random(f"{found.id} {voter} {example.id}").shuffle(order)
            made.append(Ballot(row, example, tuple(order), tuple(tuple(texts[text]) for text in order)))
    random.Random(f"{found.id} {voter}").shuffle(made)
    return Ballots(tuple(made), same, incomplete)


def cast_vote(store: Store, found: Comparison, ballot: Ballot, voter: str, picked: Picked) -> None:
    """Store what a voter said: one vote for each pair of answers that it decides. An earlier one is replaced.

    The best answer beats each other one; between the others nothing is said.

    Raises:
        BadInput: The voter has no name, or there is no such answer.
    """
    if not voter.strip():
        raise BadInput("Say who votes; a name or initials are enough.")
    if isinstance(picked, int) and not 0 <= picked < len(ballot.answers):
        raise BadInput(f"There is no answer {picked + 1} on this ballot.")
    names = [variant.name for variant in found.variants]
    for one, other in combinations(sorted(column for columns in ballot.columns for column in columns), 2):
        choice = _choice(ballot, picked, one, other)
        store.save_vote(found.project, Vote(found.id, voter, ballot.example.id, names[one], names[other], choice))


def _choice(ballot: Ballot, picked: Picked, one: int, other: int) -> Choice:
    if picked == "skip":
        return "neither"
    if picked == "tie" or any({one, other} <= set(columns) for columns in ballot.columns):
        return "tie"
    best = ballot.columns[picked]
    if one in best or other in best:
        return "first" if one in best else "second"
    return "neither"


def voted_examples(votes: Iterable[Vote], voter: str) -> set[str]:
    """The examples this voter has done with, skipped ones included."""
    return {vote.example_id for vote in votes if vote.voter == voter}


def has_voted(votes: Iterable[Vote], voter: str) -> bool:
    """Whether this voter has said something; skipping is no vote."""
    return any(vote.voter == voter and vote.choice in _SIDES for vote in votes)


def tally(names: Sequence[str], votes: Sequence[Vote]) -> Tally:
    """What votes come to, for every pair of variants."""
    gathered: dict[tuple[str, str], dict[str, list[int]]] = {}
    for vote in votes:
        if vote.choice in _SIDES:
            sides = gathered.setdefault((vote.first, vote.second), {}).setdefault(vote.example_id, [])
            sides.append(_SIDES[vote.choice])
    counted = [_counted(gathered.get(pair, {})) for pair in combinations(names, 2)]
    raw = [sign_test(wins, losses) if wins + losses else None for wins, losses, _ in counted]
    tested = [value for value in raw if value is not None]
    adjusted = iter(zip(holm(tested), holm_levels(tested), strict=True))
    decided = [(None, ALPHA) if value is None else next(adjusted) for value in raw]
    pairs = tuple(
        _result(pair, counts, *after)
        for pair, counts, after in zip(combinations(names, 2), counted, decided, strict=True)
    )
    cast = {(vote.voter, vote.example_id) for vote in votes if vote.choice in _SIDES}
    asked = {(vote.voter, vote.example_id) for vote in votes}
    voters = {name: sum(voter == name for voter, _ in cast) for name in dict.fromkeys(vote.voter for vote in votes)}
    return Tally(pairs, voters, len(asked - cast), len({example for _, example in cast}), _agreement(gathered))


def votes_table(names: Sequence[str], votes: Sequence[Vote]) -> VotesTable | None:
    """What votes between these variants came to, in the words of a page; None where nobody voted."""
    result = tally(names, votes)
    if not result.examples:
        return None
    pairs = tuple(
        (
            f"{p.first} against {p.second}",
            f"{p.wins}, {p.losses}, {p.ties}",
            rate_words(p),
            p_value(p.p_value),
            p.verdict,
        )
        for p in result.pairs
    )
    return VotesTable(pairs, tally_words(result))


def rate_words(pair: PairResult) -> str:
    """`80 % (49 to 94)`; a dash where nothing was decided."""
    share, low, high = pair.rate.share, pair.rate.low, pair.rate.high
    if share is None:
        return DASH
    return f"{share:.0%}" + ("" if low is None or high is None else f" ({100 * low:.0f} to {100 * high:.0f})")


def tally_words(result: Tally) -> str:
    """Who voted on how much, and how far they agree."""
    voters = ", ".join(f"{name} ({count})" for name, count in result.votes.items())
    parts = [f"{questions([result.examples])} with a vote", f"by {voters}"]
    parts += [f"{result.skipped} skipped"] if result.skipped else []
    if result.agreement is not None:
        parts.append(f"voters agree on {result.agreement:.0%} of what several voted on")
    parts += ["p allows for all pairs at once"] if len(result.pairs) > 1 else []
    return " · ".join(parts)


def _counted(sides: Mapping[str, Sequence[int]]) -> tuple[int, int, int]:
    """Examples won, lost and tied by the first, each by the majority of its voters."""
    sums = [sum(votes) for votes in sides.values()]
    return sum(s > 0 for s in sums), sum(s < 0 for s in sums), sum(s == 0 for s in sums)


def _result(pair: tuple[str, str], counts: tuple[int, int, int], p_value: float | None, level: float) -> PairResult:
    wins, losses, ties = counts
    decided = [True] * wins + [False] * losses
    share = rate(decided, 1 - level)
    if share.low is not None and share.high is not None and p_value is not None and p_value >= ALPHA:
        share = share if share.low <= 0.5 <= share.high else rate(decided, 1 - level, exact=True)
    return PairResult(*pair, wins, losses, ties, share, p_value, verdict_of(float(wins - losses), p_value))


def _agreement(gathered: Mapping[tuple[str, str], Mapping[str, Sequence[int]]]) -> float | None:
    several = [sides for examples in gathered.values() for sides in examples.values() if len(sides) > 1]
    return sum(len(set(sides)) == 1 for sides in several) / len(several) if several else None


def preference_pairs(grid: Grid, votes: Sequence[Vote], asked: str = "") -> list[TrainingExample]:
    """What was preferred over what, as training examples for preference tuning (DPO).

    An example counts once per pair, for whichever more voters preferred; ties give nothing.

    Args:
        grid: Holds the answers and what was sent for them.
        votes: On its comparison.
        asked: The variant whose messages are the input; empty takes those that led to the preferred answer.
    """
    place = {name: column for column, name in enumerate(grid.names)}
    rows = {example.id: row for row, example in enumerate(grid.examples)}
    sums: dict[tuple[str, str, str], int] = {}
    for vote in votes:
        if vote.choice in _SIDES and vote.example_id in rows and {vote.first, vote.second} <= place.keys():
            key = vote.example_id, vote.first, vote.second
            sums[key] = sums.get(key, 0) + _SIDES[vote.choice]
    made: dict[str, TrainingExample] = {}
    for (example_id, first, second), side in sums.items():
        better, worse = (first, second) if side > 0 else (second, first)
        cells = grid.rows[rows[example_id]]
        records = [cells[place[name]].record for name in (better, worse, asked or better)]
        pair = _pair(records, example_id) if side and all(r and r.answer for r in records) else None
        if pair is not None:
            made.setdefault(pair.key, pair)
    return list(made.values())


def votes_csv(votes: Sequence[Vote]) -> str:
    """One line per voter, example and pair."""
    rows = [[v.voter, v.example_id, v.first, v.second, v.choice, v.saved_at] for v in votes]
    return csv_text(["voter", "example", "first", "second", "choice", "saved at"], rows)


def _pair(records: Sequence[Record | None], example_id: str) -> TrainingExample | None:
    better, worse, asked = (record.answer for record in records if record is not None)
    if better is None or worse is None or asked is None or not (better.text.strip() and worse.text.strip()):
        return None
    return TrainingExample(
        tuple(_plain(message) for message in asked.prompt),
        preferred=(_plain(Message("assistant", better.text.strip())),),
        rejected=(_plain(Message("assistant", worse.text.strip())),),
        source=f"vote on {example_id}",
    )


def _plain(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}
