"""Which recent records a person should look at next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from llmopt_core.text.words import words
from llmopt_core.types import Record

# Mean scores below are low; up to the second one the model was not sure of them.
# A choice, not a measurement: wider borders send more records to people, of which more are fine.
_LOW, _MIDDLING = 0.35, 0.65
Reason = Literal["failed", "not scored", "low score", "uncertain"]


@dataclass(frozen=True)
class Candidate:
    """A record worth labelling, with the reason in words; the answer is what the person edits.

    Attributes:
        urgency: 1 for a failure, down to 0 for a record that looks fine.
    """

    record: Record
    reason: Reason
    explanation: str
    urgency: float

    @property
    def suggestion(self) -> str:
        """What the editing starts from: the reference answer where there is one, else the model's."""
        return self.record.example.reference or (self.record.answer.text if self.record.answer else "")


def next_to_label(
    records: Iterable[Record],
    count: int = 20,
    *,
    metrics: Sequence[str] = (),
    already: Iterable[str] = (),
    title: Callable[[str], str] = str,
) -> list[Candidate]:
    """Failures first, then low and middling scores and disagreement between metrics; no question twice.

    Args:
        records: Recent records.
        count: Most candidates.
        metrics: Which scores count, on a scale of 0 to 1; by default all of the record.
        already: Ids of examples that were labelled before.
        title: Says how a metric is called in the reasons; by its name.
    """
    labelled_ids = set(already)
    known_questions: set[tuple[str, ...]] = set()
    # Labelled ones are left out before the sorting, so that `count` new ones are found.
    candidates = [c for r in records if r.example.id not in labelled_ids and (c := _candidate(r, metrics, title))]
    selection = []
    # Python's sort is stable, so records of equal urgency stay in the order they were given in.
    for candidate in sorted(candidates, key=lambda c: -c.urgency):
        # By words: "Who wrote it?" and "who wrote it" are one piece of work.
        question = tuple(words(candidate.record.example.question))
        if question not in known_questions:
            known_questions.add(question)
            selection.append(candidate)
    return selection[:count]


def _candidate(record: Record, metrics: Sequence[str], title: Callable[[str], str]) -> Candidate | None:
    if record.failure or record.answer is None:
        why = record.failure.message if record.failure else "there is no answer"
        # Failures come before all else: there is no answer that could be right.
        return Candidate(record, "failed", why, 1.0)
    scores = {n: s.value for n, s in record.scores.items() if s.value is not None and (not metrics or n in metrics)}
    if not scores:
        return Candidate(record, "not scored", "no metric could score this answer", 0.9)
    scores_by_title = {title(name): value for name, value in scores.items()}
    # Some metrics reach beyond 0 and 1 (a count, a cosine); unbounded, one of them would decide the mean alone.
    values = [min(1.0, max(0.0, v)) for v in scores.values()]
    mean, spread = sum(values) / len(values), max(values) - min(values)
    if mean < _LOW:
        # From .76 to .9, so that every low score comes before every doubtful one (.5 at most).
        return Candidate(record, "low score", _say("mean score", mean, scores_by_title), 0.5 + 0.4 * (1 - mean))
    # Doubt is greatest at a mean of .5, or where one metric says good and another one bad.
    doubt = max(_entropy(mean), spread)
    # .5 apart: metrics of one answer differ a little nearly always, half the scale is a contradiction.
    if mean <= _MIDDLING or spread > 0.5:
        return Candidate(
            record, "uncertain", _say("the scores disagree or are middling, mean", mean, scores_by_title), 0.5 * doubt
        )
    return None


def _say(what: str, mean: float, scores: dict[str, float]) -> str:
    # The lowest first and four at most: the reason stands in one cell of a table.
    lowest_scores = ", ".join(
        f"{name} {value:.2f}" for name, value in sorted(scores.items(), key=lambda item: item[1])[:4]
    )
    return f"{what} {mean:.2f} ({lowest_scores})"


def _entropy(p: float) -> float:
    # 0 log 0 is 0 here, where the logarithm would fail
    return 0.0 if p in (0.0, 1.0) else -(p * math.log2(p) + (1 - p) * math.log2(1 - p))
