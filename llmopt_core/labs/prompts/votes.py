"""Blind votes between the answers of a comparison: ballots, what they come to, and preference pairs."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison import Comparison
from llmopt_core.experiments.votes import SIDES
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.labs.prompts.grid import Grid
from llmopt_core.models.openai.wire_messages import message_body
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Choice, Vote
from llmopt_core.text.csv_text import csv_text
from llmopt_core.types import Example, Message, Record
from llmopt_core.types.grouping import group_values

Pick = int | Literal["tie", "skip"]
"""The place of the best answer on a ballot; `tie` where none is better; `skip` says nothing."""


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


def ballots_of(comparison: Comparison, grid: Grid, voter: str) -> Ballots:
    """The ballots of a voter. Their order and the order of their answers depend on nothing but comparison and voter."""
    ballots, same, incomplete = [], 0, 0
    for row, example in enumerate(grid.examples):
        # Cells that failed or wait have nothing to vote on.
        done_cells = [(column, cell) for column, cell in enumerate(grid.rows[row]) if cell.state == "done"]
        texts = group_values((cell.text.strip(), column) for column, cell in done_cells)
        # Answers are counted before equal ones are put together.
        if sum(map(len, texts.values())) < 2:
            incomplete += 1
        elif len(texts) < 2:
            same += 1
        else:
            order = list(texts)
            # Seeded by names: a voter who comes back finds the same order, and another one a different order.
            # The id of the example too, or the same column would stand first on every ballot.
            random.Random(f"{comparison.id} {voter} {example.id}").shuffle(order)
            ballots.append(Ballot(row, example, tuple(order), tuple(tuple(texts[text]) for text in order)))
    random.Random(f"{comparison.id} {voter}").shuffle(ballots)
    return Ballots(tuple(ballots), same, incomplete)


def cast_vote(store: Store, comparison: Comparison, ballot: Ballot, voter: str, pick: Pick) -> None:
    """Store what a voter said: one vote for each pair of answers that it decides. An earlier one is replaced.

    The best answer beats each other one; between the others nothing is said.

    Raises:
        BadInput: The voter has no name, or there is no such answer.
    """
    if not voter.strip():
        raise BadInput("Say who votes; a name or initials are enough.")
    if isinstance(pick, int) and not 0 <= pick < len(ballot.answers):
        raise BadInput(f"There is no answer {pick + 1} on this ballot.")
    names = [variant.name for variant in comparison.variants]
    # In the order of columns, so that a pair has one name whoever wins.
    for one, other in combinations(sorted(column for columns in ballot.columns for column in columns), 2):
        choice = _choice(ballot, pick, one, other)
        store.save_vote(
            comparison.project, Vote(comparison.id, voter, ballot.example.id, names[one], names[other], choice)
        )


def _choice(ballot: Ballot, pick: Pick, one: int, other: int) -> Choice:
    if pick == "skip":
        return "neither"
    # Two columns with the same text are equal, whatever was picked.
    if pick == "tie" or any({one, other} <= set(columns) for columns in ballot.columns):
        return "tie"
    best = ballot.columns[pick]
    if one in best or other in best:
        return "first" if one in best else "second"
    # Both lost against the best, which says nothing about the two.
    return "neither"


def list_voted_examples(votes: Iterable[Vote], voter: str) -> set[str]:
    """The examples this voter has done with, skipped ones included."""
    return {vote.example_id for vote in votes if vote.voter == voter}


def has_voted(votes: Iterable[Vote], voter: str) -> bool:
    """Whether this voter has said something; skipping is no vote."""
    return any(vote.voter == voter and vote.choice in SIDES for vote in votes)


def preference_pairs(grid: Grid, votes: Sequence[Vote], variant: str = "") -> list[TrainingExample]:
    """What was preferred over what, as training examples for preference tuning (DPO).

    An example counts once per pair, for whichever more voters preferred; ties give nothing.

    Args:
        grid: Holds the answers and what was sent for them.
        votes: On its comparison.
        variant: The variant whose messages are the input; empty takes those that led to the preferred answer.
    """
    place = {name: column for column, name in enumerate(grid.names)}
    rows = {example.id: row for row, example in enumerate(grid.examples)}
    # Above zero the first of the pair was preferred by more voters.
    sums: dict[tuple[str, str, str], int] = {}
    for vote in votes:
        # Variants and rows that are gone meanwhile have no answers to pair.
        if vote.choice in SIDES and vote.example_id in rows and {vote.first, vote.second} <= place.keys():
            key = vote.example_id, vote.first, vote.second
            sums[key] = sums.get(key, 0) + SIDES[vote.choice]
    pairs: dict[str, TrainingExample] = {}
    for (example_id, first, second), side in sums.items():
        better, worse = (first, second) if side > 0 else (second, first)
        cells = grid.rows[rows[example_id]]
        records = [cells[place[name]].record for name in (better, worse, variant or better)]
        # As many for the one as for the other: no preference.
        pair = _pair(records, example_id) if side and all(r and r.answer for r in records) else None
        if pair is not None:
            # The same prompt and answers from two pairs of columns is one example.
            pairs.setdefault(pair.key, pair)
    return list(pairs.values())


def votes_csv(votes: Sequence[Vote]) -> str:
    """One line per voter, example and pair."""
    rows = [[v.voter, v.example_id, v.first, v.second, v.choice, v.saved_at and v.saved_at.isoformat()] for v in votes]
    return csv_text(["voter", "example", "first", "second", "choice", "saved at"], rows)


def _pair(records: Sequence[Record | None], example_id: str) -> TrainingExample | None:
    better, worse, original = (record.answer for record in records if record is not None)
    if better is None or worse is None or original is None or not (better.text.strip() and worse.text.strip()):
        return None
    return TrainingExample(
        tuple(map(message_body, original.prompt)),
        preferred=(message_body(Message("assistant", better.text.strip())),),
        rejected=(message_body(Message("assistant", worse.text.strip())),),
        source=f"vote on {example_id}",
    )
