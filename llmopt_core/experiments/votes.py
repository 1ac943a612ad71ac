"""What people preferred in blind votes: run by run, and pair by pair with its interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from llmopt_core.reporting.formatting import DASH, p_value, questions
from llmopt_core.reporting.votes import VotesTable
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Choice, Vote
from llmopt_core.runs.values import Run
from llmopt_core.statistics.holm import ALPHA, holm, holm_levels
from llmopt_core.statistics.intervals import Rate, rate
from llmopt_core.statistics.paired_wins import sign_test
from llmopt_core.statistics.verdict import Verdict, verdict_of

# `neither` is no vote for a tie: it skips the question, and counts nowhere.
SIDES: Mapping[Choice, int] = {"first": 1, "second": -1, "tie": 0}


def votes_on(store: Store, run: Run, voter: str = "") -> list[Vote]:
    """The votes on a run's answers: those of its comparison, for a run of its own those on its configuration's name.

    Args:
        store: Where votes lie.
        run: Whose answers.
        voter: Only this voter's; all by default.
    """
    votes = store.votes(run.project, run.comparison or None)
    return [vote for vote in votes if run.name in (vote.first, vote.second) and voter in ("", vote.voter)]


def majority_likes(store: Store, run: Run, voter: str = "") -> dict[str, bool]:
    """By example id, whether more votes were for the run's answer than against it; undecided examples are left out.

    A tie alone counts for it: none was better. Arguments as of `votes_on`.
    """
    ballots_by_example: dict[str, list[int]] = defaultdict(list)
    for vote in votes_on(store, run, voter):
        sides = {"first": vote.first, "second": vote.second}
        if vote.choice == "tie":
            ballots_by_example[vote.example_id].append(0)
        elif vote.choice in sides:
            ballots_by_example[vote.example_id].append(1 if sides[vote.choice] == run.name else -1)
    # A sum of 0 without a vote for either side is ties alone; with them it is a draw between voters, which decides
    # nothing.
    return {key: sum(ballots) >= 0 for key, ballots in ballots_by_example.items() if sum(ballots) or not any(ballots)}


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


def tally(names: Sequence[str], votes: Sequence[Vote]) -> Tally:
    """What votes come to, for every pair of variants."""
    ballots: dict[tuple[str, str], dict[str, list[int]]] = {}
    for vote in votes:
        if vote.choice in SIDES:
            sides = ballots.setdefault((vote.first, vote.second), {}).setdefault(vote.example_id, [])
            sides.append(SIDES[vote.choice])
    pair_counts = [_count(ballots.get(pair, {})) for pair in combinations(names, 2)]
    raw = [sign_test(wins, losses) if wins + losses else None for wins, losses, _ in pair_counts]
    # Holm's correction counts tests that were made: a pair that nobody decided between makes the others no stricter.
    p_values = [value for value in raw if value is not None]
    adjustments = iter(zip(holm(p_values), holm_levels(p_values), strict=True))
    # The adjusted values come in the order of the tests, so each pair that was tested takes the next.
    outcomes = [(None, ALPHA) if value is None else next(adjustments) for value in raw]
    pairs = tuple(
        _result(pair, counts, *outcome)
        for pair, counts, outcome in zip(combinations(names, 2), pair_counts, outcomes, strict=True)
    )
    # By voter and question: of three variants a question gives several votes, and is answered once.
    decided_pairs = {(vote.voter, vote.example_id) for vote in votes if vote.choice in SIDES}
    voter_questions = {(vote.voter, vote.example_id) for vote in votes}
    voters = {
        name: sum(voter == name for voter, _ in decided_pairs) for name in dict.fromkeys(vote.voter for vote in votes)
    }
    return Tally(
        pairs,
        voters,
        len(voter_questions - decided_pairs),
        len({example for _, example in decided_pairs}),
        _agreement(ballots),
    )


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


def _count(sides: Mapping[str, Sequence[int]]) -> tuple[int, int, int]:
    """Examples won, lost and tied by the first, each by the majority of its voters."""
    sums = [sum(votes) for votes in sides.values()]
    # Votes of one example depend on each other, so an example is one trial of the sign test.
    return sum(s > 0 for s in sums), sum(s < 0 for s in sums), sum(s == 0 for s in sums)


def _result(pair: tuple[str, str], counts: tuple[int, int, int], p_value: float | None, level: float) -> PairResult:
    wins, losses, ties = counts
    outcomes = [True] * wins + [False] * losses
    share = rate(outcomes, 1 - level)
    if share.low is not None and share.high is not None and p_value is not None and p_value >= ALPHA:
        share = share if share.low <= 0.5 <= share.high else rate(outcomes, 1 - level, exact=True)
    return PairResult(*pair, wins, losses, ties, share, p_value, verdict_of(float(wins - losses), p_value))


def _agreement(votes: Mapping[tuple[str, str], Mapping[str, Sequence[int]]]) -> float | None:
    shared_ballots = [sides for examples in votes.values() for sides in examples.values() if len(sides) > 1]
    return sum(len(set(sides)) == 1 for sides in shared_ballots) / len(shared_ballots) if shared_ballots else None
