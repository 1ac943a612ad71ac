"""The auditor over an evaluation set of data questions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmopt_core.answering.tools.sql.open_database import find_source
from llmopt_core.errors import BadInput
from llmopt_core.labs.data_questions.golds.audit import audit_golds
from llmopt_core.labs.data_questions.golds.finding import Finding
from llmopt_core.types import Example, Record

OnDone = Callable[[int, int], None]


def audit_examples(
    examples: Sequence[Example], source: str, progress: OnDone | None = None
) -> dict[str, list[Finding]]:
    """Findings by example id; examples without a right query are left out.

    Of several right queries the first is looked at, which is the one that is compared with.

    Args:
        examples: The questions with their queries.
        source: The data source, as a configuration names it.
        progress: Told how many are done, of how many.

    Raises:
        BadInput: No example has a right query, or a database is no SQLite file, which the auditor needs.
    """
    asked = [example for example in examples if example.gold_queries]
    if not asked:
        raise BadInput("No question of this set has a right query, so there is nothing to audit.")
    places = [_sqlite_file(source, example.database) for example in asked]
    golds = [(place, example.gold_queries[0], example.question) for place, example in zip(places, asked, strict=True)]
    tell = None if progress is None else lambda done: progress(done, len(asked))
    return dict(zip((example.id for example in asked), audit_golds(golds, tell), strict=True))


def _sqlite_file(source: str, database: str) -> Path:
    found = find_source(source, database)
    if found.kind != "sqlite":
        raise BadInput(
            f"{found.name} is no SQLite database; the auditor changes copies of one to see what a gold does."
        )
    return Path(found.where)


@dataclass(frozen=True, slots=True)
class AuditedAccuracy:
    """Accuracy over all golds, and over those in which nothing was found.

    Attributes:
        all, sound: Shares, None where nothing was compared.
        all_count, sound_count: Questions that were compared.
        missing: Questions without a value, such as those of which both results are empty.
    """

    all: float | None
    all_count: int
    sound: float | None
    sound_count: int
    missing: int


def audited_accuracy(
    records: Sequence[Record], unsound: Collection[str], metric: str = "execution_accuracy"
) -> AuditedAccuracy:
    """A run's accuracy beside that on golds that can be trusted.

    Args:
        records: Of a run.
        unsound: Ids of examples in whose golds something was found.
        metric: Which accuracy.
    """
    values: Mapping[str, float | None] = {
        record.example.id: record.scores[metric].value for record in records if metric in record.scores
    }
    known = {name: value for name, value in values.items() if value is not None}
    sound = [value for name, value in known.items() if name not in unsound]
    return AuditedAccuracy(_mean(list(known.values())), len(known), _mean(sound), len(sound), len(values) - len(known))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
