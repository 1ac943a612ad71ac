"""The part of the store that keeps the records of runs and their scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from llmopt_core.errors import BadInput, RunOwnershipError
from llmopt_core.runs.codec import Unreadable, pack_record, plain_facts, unpack_record
from llmopt_core.runs.owner import is_mine
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import now
from llmopt_core.runs.tables_runs import records, runs, scores
from llmopt_core.runs.values import PerQuestion, RunScores, finite, whole
from llmopt_core.types import Example, Failure, Record, Usage


@retrying
class RecordStore(StorePart):
    """Records and their scores, by run."""

    def save_record(self, run_id: int, record: Record, position: int) -> None:
        """Store one record with its scores; a record of the same position is replaced."""
        self.save_records(run_id, [(position, record)])

    def save_records(self, run_id: int, items: Iterable[tuple[int, Record]]) -> None:
        """Store records with their scores in one transaction.

        Raises:
            RunOwnershipError: Another process has taken the run over, or it was deleted; nothing was stored.
        """
        # Gone through twice; `retrying` makes a list of what could be read only once.
        rows = [_record_row(run_id, position, record) for position, record in items]
        values = [value for position, record in items for value in _score_rows(run_id, position, record)]
        keys = [{"r": run_id, "p": row["position"]} for row in rows]
        if not rows:
            return
        with self.database.write() as connection:
            # First: it locks the run's row, so that nobody takes the run over before this is stored.
            hold_run(connection, run_id)
            connection.execute(_DELETE_RECORD, keys)
            # Deleted, not overwritten: a score that the new record lacks must not stay.
            connection.execute(_DELETE_SCORES, keys)
            connection.execute(sa.insert(records), rows)
            if values:
                connection.execute(sa.insert(scores), values)

    def record_usage(self, run_id: int) -> dict[int, Usage]:
        """What the records of a run took, by position."""
        columns = [
            records.c.position,
            *(records.c[name] for name in ("prompt_tokens", "completion_tokens", "cost_usd", "calls", "cached_calls")),
        ]
        query = sa.select(*columns).where(records.c.run_id == run_id)
        with self.database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["position"]: Usage(**{name: row[name] for name in row if name != "position"}) for row in rows}

    def record_positions(self, run_id: int, *, with_failures: bool = True) -> set[int]:
        """Positions that have a record; without the failed ones if `with_failures` is false."""
        query = sa.select(records.c.position).where(records.c.run_id == run_id)
        if not with_failures:
            query = query.where(records.c.failed.is_(False))
        with self.database.read() as connection:
            # Positions, not ids: they are what a resumed run goes through.
            return set(connection.scalars(query))

    def open_positions(self, run_id: int) -> set[int]:
        """Positions with an answer that lacks a score for a reason that passes; only what lacks one is read."""
        with self.database.read() as connection:
            rows = connection.execute(_without_value(run_id, records.c.position, records.c.body)).all()
        return {
            position
            for position, body in rows
            if any(score.get("failure_kind") for _, score in _scores_without_value(body))
        }

    def records(self, run_id: int, *, trace: bool = False) -> list[Record]:
        """All records of a run in the order of its set. Traces are read only when asked for."""
        return self._records(records.c.run_id == run_id, trace=trace)

    def _records(self, *where: sa.ColumnElement[bool], trace: bool = False) -> list[Record]:
        """Records in the order of their set. One that cannot be read is a failed one that says so."""
        columns = [records.c.run_id, records.c.example_id, records.c.body, *([records.c.trace] if trace else [])]
        with self.database.read() as connection:
            rows = list(connection.execute(sa.select(*columns).where(*where).order_by(records.c.position)))
        return [self._record(*row) for row in rows]

    def _record(self, run_id: int, example_id: str, body: bytes, trace: bytes | None = None) -> Record:
        try:
            return unpack_record(body, trace)
        except Unreadable as error:
            with self.database.read() as connection:
                project_id = connection.scalar(sa.select(runs.c.project_id).where(runs.c.id == run_id))
            what = f"The record of {example_id} in run {run_id}"
            sentence = self.unreadables.note(int(project_id or 0), what, str(error))
            return Record(Example(example_id, ""), failure=Failure("storage", "unreadable", sentence))

    def record(self, run_id: int, example_id: str) -> Record:
        """One record with its trace.

        Raises:
            BadInput: The run has no record of that example.
        """
        matches = self._records(records.c.run_id == run_id, records.c.example_id == example_id, trace=True)
        if not matches:
            raise BadInput(f"Run {run_id} has no record of example {example_id}.")
        return matches[0]

    def scores(self, run_ids: Sequence[int]) -> dict[int, RunScores]:
        """The values of whole runs at once, fast: no record is read."""
        example_ids: dict[int, dict[int, str]] = {run_id: {} for run_id in run_ids}
        failed_ids: dict[int, set[str]] = {run_id: set() for run_id in run_ids}
        examples = sa.select(records.c.run_id, records.c.position, records.c.example_id, records.c.failed)
        examples = examples.where(records.c.run_id.in_(run_ids)).order_by(records.c.run_id, records.c.position)
        values = sa.select(scores).where(scores.c.run_id.in_(run_ids))
        with self.database.read() as connection:
            for run_id, position, example_id, is_failed in connection.execute(examples):
                example_ids[run_id][position] = example_id
                if is_failed:
                    failed_ids[run_id].add(example_id)
            rows = connection.execute(values).all()
        return _align(example_ids, rows, failed_ids)

    def failures(self, run_id: int) -> list[Failure]:
        """Why records of a run failed, in the order of its set; only the failed ones are read."""
        failed_records = self._records(records.c.run_id == run_id, records.c.failed)
        return [record.failure for record in failed_records if record.failure is not None]

    def scoring_failures(self, run_id: int) -> dict[str, list[str]]:
        """Metric -> why answered records have no value in it; only those records are read."""
        with self.database.read() as connection:
            bodies = list(connection.scalars(_without_value(run_id, records.c.body)))
        reasons: dict[str, list[str]] = {}
        for body in bodies:
            for name, score in _scores_without_value(body):
                reasons.setdefault(name, []).append(str(score.get("failure") or ""))
        return reasons

    def per_question(self, run_ids: Sequence[int]) -> dict[int, PerQuestion]:
        """What a question takes in each run; fast: no record is read."""
        is_cached = records.c.cached_calls > 0
        is_fresh = sa.and_(records.c.calls > 0, sa.not_(is_cached))
        query = (
            sa.select(
                records.c.run_id,
                sa.func.count(sa.case((is_fresh, 1))).label("asked"),
                sa.func.count(sa.case((is_cached, 1))).label("cached"),
                sa.func.avg(sa.case((is_fresh, records.c.prompt_tokens + records.c.completion_tokens))).label("tokens"),
                sa.func.avg(sa.case((is_fresh, records.c.seconds))).label("seconds"),
                sa.func.avg(sa.case((is_fresh, records.c.cost_usd))).label("cost_usd"),
                sa.func.count(sa.case((is_fresh, records.c.cost_usd))).label("priced"),
            )
            .where(records.c.run_id.in_(run_ids), records.c.failed.is_(False))
            .group_by(records.c.run_id)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).mappings().all()
        results = {row["run_id"]: _per_question(row) for row in rows}
        return {run_id: results.get(run_id, PerQuestion()) for run_id in run_ids}


_DELETE_RECORD = sa.delete(records).where(
    records.c.run_id == sa.bindparam("r"), records.c.position == sa.bindparam("p")
)


_DELETE_SCORES = sa.delete(scores).where(scores.c.run_id == sa.bindparam("r"), scores.c.position == sa.bindparam("p"))


def hold_run(connection: sa.Connection, run_id: int) -> None:
    """Say that this process works on a run, before something of it is written.

    Raises:
        RunOwnershipError: It does so no longer: another process has taken the run over, or it was deleted.
    """
    statement = sa.update(runs).where(runs.c.id == run_id, is_mine(runs)).values(heartbeat=now())
    if connection.execute(statement).rowcount:
        return
    existing_id = connection.scalar(sa.select(runs.c.id).where(runs.c.id == run_id))
    reason = "was deleted" if existing_id is None else "is worked on by another process now"
    raise RunOwnershipError(f"Run {run_id} {reason}; what came of it here is not stored any more.")


def _without_value(run_id: int, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """These columns of the answered records that lack the value of a score, in the order of the set."""
    empty = sa.select(scores.c.position).where(scores.c.run_id == run_id, scores.c.value.is_(None))
    query = sa.select(*columns).where(records.c.run_id == run_id, records.c.position.in_(empty))
    return query.order_by(records.c.position)


def _scores_without_value(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    # Plain: of thousands of records only the reasons are wanted.
    values = plain_facts(body).get("scores")
    scores = values.items() if isinstance(values, dict) else ()
    return [(name, score) for name, score in scores if isinstance(score, dict) and score.get("value") is None]


def _per_question(row: Any) -> PerQuestion:
    # PostgreSQL gives the mean of integers as a Decimal.
    means = {name: None if row[name] is None else float(row[name]) for name in ("tokens", "seconds", "cost_usd")}
    # A mean over those with a price alone would pass for that of all.
    if row["priced"] < row["asked"]:
        means["cost_usd"] = None
    return PerQuestion(row["asked"], row["cached"], **means)


def _record_row(run_id: int, position: int, record: Record) -> dict[str, Any]:
    body, trace = pack_record(record)
    return {
        "run_id": run_id,
        "position": position,
        "example_id": record.example.id,
        "failed": record.failure is not None,
        "prompt_tokens": whole(record.usage.prompt_tokens),
        "completion_tokens": whole(record.usage.completion_tokens),
        "cost_usd": finite(record.usage.cost_usd),
        "calls": whole(record.usage.calls),
        "cached_calls": whole(record.usage.cached_calls),
        # The column takes no NaN into a mean: one would make all of it NaN.
        "seconds": finite(record.seconds) or 0.0,
        "saved_at": now(),
        "body": body,
        "trace": trace,
    }


def _score_rows(run_id: int, position: int, record: Record) -> list[dict[str, Any]]:
    return [
        {"run_id": run_id, "position": position, "metric": name, "value": finite(score.value), "passed": score.passed}
        for name, score in record.scores.items()
    ]


def _align(
    examples: dict[int, dict[int, str]], rows: Sequence[Any], failures: dict[int, set[str]]
) -> dict[int, RunScores]:
    places = {
        run_id: {position: i for i, position in enumerate(example_ids)} for run_id, example_ids in examples.items()
    }
    tables = {
        run_id: RunScores(tuple(example_ids.values()), {}, {}, frozenset(failures[run_id]))
        for run_id, example_ids in examples.items()
    }
    for run_id, position, metric, value, verdict in rows:
        place = places[run_id].get(position)
        # A record that was stored between the two reads; the next look has it.
        if place is None:
            continue
        table = tables[run_id]
        if metric not in table.values:
            table.values[metric] = [None] * len(table.examples)
            table.verdicts[metric] = [None] * len(table.examples)
        table.values[metric][place] = finite(value)
        table.verdicts[metric][place] = verdict
    return tables
