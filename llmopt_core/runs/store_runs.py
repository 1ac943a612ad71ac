"""The part of the store that keeps runs, their records and their scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from llmopt_core.errors import BadInput, RunLost
from llmopt_core.runs.codec import Unreadable, pack, pack_record, plain_facts, unpack_record
from llmopt_core.runs.memo import Memo
from llmopt_core.runs.owner import is_mine, lives, mark_interrupted, me
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import now, projects
from llmopt_core.runs.tables_runs import records, runs, scores
from llmopt_core.runs.values import ACTIVE, PerQuestion, Project, Run, RunScores, Status, finite, known_status, whole
from llmopt_core.types import Example, Failure, Record, Usage


@retrying
class RunStore(StorePart):
    """Runs, records, scores."""

    def start_run(
        self,
        project: Project | str,
        configuration: dict[str, Any],
        fingerprint: str,
        *,
        evaluation_set: str,
        set_version: str,
        judge: str,
        metrics: Sequence[str],
        total: int,
        options: dict[str, Any] | None = None,
        job_id: int | None = None,
        documents_version: str | None = None,
        training: dict[str, Any] | None = None,
    ) -> int:
        """Add a run that this process works on. Returns its id.

        `documents_version` and `training` are as in `Run`.
        """
        row = {
            "project_id": self._project_id(project),
            "job_id": job_id,
            "name": str(configuration.get("name", "")),
            "fingerprint": fingerprint,
            "evaluation_set": evaluation_set,
            "set_version": set_version,
            "documents_version": documents_version,
            "training": None if training is None else pack(training),
            "judge": judge,
            "total": total,
            "status": "running",
            "created_at": now(),
            "seconds": 0.0,
            "error": "",
            "metrics": pack(list(metrics)),
            "options": pack(options or {}),
            "configuration": pack(configuration),
            **me(),
        }
        with self.database.write() as connection:
            return int(connection.execute(sa.insert(runs).returning(runs.c.id), row).scalar_one())

    def resume_run(
        self,
        run_id: int,
        job_id: int | None = None,
        documents_version: str | None = None,
        options: dict[str, Any] | None = None,
        *,
        from_living: bool = False,
    ) -> Run:
        """Take over a run that nobody works on. Its stored records stay.

        What is answered from now on is answered over documents of this version and with these options, where they are
        given. `from_living` takes it also from the process that began it: its job is done here.

        Raises:
            BadInput: Another process works on it, or there is no such run.
        """
        with self.database.write() as connection:
            query = sa.select(runs).where(runs.c.id == run_id).with_for_update()
            row = connection.execute(query).mappings().first()
            if row is None:
                raise BadInput(f"There is no run {run_id}.")
            if row["status"] in ACTIVE and not from_living and lives(dict(row)):
                raise BadInput(f"Run {run_id} is being worked on already; wait for it or cancel it first.")
            values = {"status": "running", "finished_at": None, "error": "", **me()}
            if job_id is not None:
                values["job_id"] = job_id
            if documents_version is not None:
                values["documents_version"] = documents_version
            if row["paid"] is not None:
                # Calls that were under way when the last process died.
                paid = plain_facts(row["paid"])
                values["paid"] = pack(_spending_values(_spending(paid), paid.get("dearest") or {}))
            if options is not None:
                values["options"] = pack({**plain_facts(row["options"]), **options})
            connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))
        return self.run(run_id)

    def save_record(self, run_id: int, record: Record, position: int) -> None:
        """Store one record with its scores; a record of the same position is replaced."""
        self.save_records(run_id, [(position, record)])

    def save_records(self, run_id: int, items: Iterable[tuple[int, Record]]) -> None:
        """Store records with their scores in one transaction.

        Raises:
            RunLost: Another process has taken the run over, or it was deleted; nothing was stored.
        """
        rows = [_record_row(run_id, position, record) for position, record in items]
        values = [value for position, record in items for value in _score_rows(run_id, position, record)]
        keys = [{"r": run_id, "p": row["position"]} for row in rows]
        if not rows:
            return
        with self.database.write() as connection:
            self._hold(connection, run_id)
            connection.execute(_DELETE_RECORD, keys)
            connection.execute(_DELETE_SCORES, keys)
            connection.execute(sa.insert(records), rows)
            if values:
                connection.execute(sa.insert(scores), values)

    def save_paid(self, run_id: int, usage: Usage, dearest: Mapping[str, float], flying: Usage = Usage()) -> None:
        """Store what was paid for a run so far, and what the dearest call of each model cost.

        Args:
            run_id: The run.
            usage: What was paid.
            dearest: By model.
            flying: What the calls under way are likely to take; it is paid, too, should this process die meanwhile.

        Raises:
            RunLost: See `save_records`.
        """
        paid = pack(_spending_values(usage, dearest, flying))
        with self.database.write() as connection:
            self._hold(connection, run_id)
            connection.execute(sa.update(runs).where(runs.c.id == run_id).values(paid=paid))

    def record_usage(self, run_id: int) -> dict[int, Usage]:
        """What the records of a run took, by position."""
        columns = [records.c.position, *(records.c[name] for name in (*_PAID, "cached_calls"))]
        query = sa.select(*columns).where(records.c.run_id == run_id)
        with self.database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["position"]: Usage(**{name: row[name] for name in row if name != "position"}) for row in rows}

    def done_positions(self, run_id: int, *, failed: bool = True) -> set[int]:
        """Positions that have a record; without the failed ones if `failed` is false."""
        query = sa.select(records.c.position).where(records.c.run_id == run_id)
        if not failed:
            query = query.where(records.c.failed.is_(False))
        with self.database.read() as connection:
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
        found = self._records(records.c.run_id == run_id, records.c.example_id == example_id, trace=True)
        if not found:
            raise BadInput(f"Run {run_id} has no record of example {example_id}.")
        return found[0]

    def scores(self, run_ids: Sequence[int]) -> dict[int, RunScores]:
        """The values of whole runs at once, fast: no record is read."""
        gathered: dict[int, dict[int, str]] = {run_id: {} for run_id in run_ids}
        failed: dict[int, set[str]] = {run_id: set() for run_id in run_ids}
        examples = sa.select(records.c.run_id, records.c.position, records.c.example_id, records.c.failed)
        examples = examples.where(records.c.run_id.in_(run_ids)).order_by(records.c.run_id, records.c.position)
        values = sa.select(scores).where(scores.c.run_id.in_(run_ids))
        with self.database.read() as connection:
            for run_id, position, example_id, broken in connection.execute(examples):
                gathered[run_id][position] = example_id
                if broken:
                    failed[run_id].add(example_id)
            rows = connection.execute(values).all()
        return _align(gathered, rows, failed)

    def failures(self, run_id: int) -> list[Failure]:
        """Why records of a run failed, in the order of its set; only the failed ones are read."""
        found = self._records(records.c.run_id == run_id, records.c.failed)
        return [record.failure for record in found if record.failure is not None]

    def unscored(self, run_id: int) -> dict[str, list[str]]:
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
        cached = records.c.cached_calls > 0
        fresh = sa.and_(records.c.calls > 0, sa.not_(cached))
        query = (
            sa.select(
                records.c.run_id,
                sa.func.count(sa.case((fresh, 1))).label("asked"),
                sa.func.count(sa.case((cached, 1))).label("cached"),
                sa.func.avg(sa.case((fresh, records.c.prompt_tokens + records.c.completion_tokens))).label("tokens"),
                sa.func.avg(sa.case((fresh, records.c.seconds))).label("seconds"),
                sa.func.avg(sa.case((fresh, records.c.cost_usd))).label("cost_usd"),
                sa.func.count(sa.case((fresh, records.c.cost_usd))).label("priced"),
            )
            .where(records.c.run_id.in_(run_ids), records.c.failed.is_(False))
            .group_by(records.c.run_id)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).mappings().all()
        found = {row["run_id"]: _per_question(row) for row in rows}
        return {run_id: found.get(run_id, PerQuestion()) for run_id in run_ids}

    def finish_run(self, run_id: int, status: Status, *, seconds: float = 0.0, error: str = "") -> None:
        """Close this session of a run; `seconds` is added to what earlier sessions took.

        A run that another process has taken over meanwhile is that process's to close, and stays as it is.
        """
        values = {"status": status, "error": error, "finished_at": now(), "seconds": runs.c.seconds + seconds}
        with self.database.write() as connection:
            connection.execute(sa.update(runs).where(runs.c.id == run_id, is_mine(runs)).values(**values))

    def beat_run(self, run_id: int) -> None:
        """Say that this process still works on the run.

        Raises:
            RunLost: It does so no longer: another process has taken the run over, or it was deleted.
        """
        with self.database.write() as connection:
            self._hold(connection, run_id)

    def _hold(self, connection: sa.Connection, run_id: int) -> None:
        held = sa.update(runs).where(runs.c.id == run_id, is_mine(runs)).values(heartbeat=now())
        if connection.execute(held).rowcount:
            return
        there = connection.scalar(sa.select(runs.c.id).where(runs.c.id == run_id))
        why = "was deleted" if there is None else "is worked on by another process now"
        raise RunLost(f"Run {run_id} {why}; what came of it here is not stored any more.")

    def run(self, run_id: int) -> Run:
        """One run.

        Raises:
            BadInput: There is none of that id.
        """
        mark_interrupted(self.database, runs)
        found = self._runs(runs.c.id == run_id)
        if not found:
            raise BadInput(f"There is no run {run_id}.")
        return found[0]

    def runs(self, project: Project | str | None = None, *, job_id: int | None = None) -> list[Run]:
        """Runs of a project (or all, or of one job), newest first."""
        mark_interrupted(self.database, runs)
        if job_id is not None:
            where = [runs.c.job_id == job_id]
            return self._runs(*where, *([] if project is None else [runs.c.project_id == self._project_id(project)]))
        if project is None:
            return self._run_list.current(None)
        found = self.project(project) if isinstance(project, str) else project
        return self._run_list.current((found.id, found.name), runs.c.project_id == found.id)

    def delete_run(self, run_id: int) -> None:
        """Remove a run with its records and scores.

        Raises:
            BadInput: It is under way.
        """
        self.delete_runs([run_id])

    def delete_runs(self, run_ids: Sequence[int]) -> None:
        """Remove runs with their records and scores, all or none.

        Raises:
            BadInput: One of them is under way.
        """
        mark_interrupted(self.database, runs)
        wanted = runs.c.id.in_(run_ids)
        with self.database.write() as connection:
            query = sa.select(runs.c.id).where(wanted, runs.c.status.in_(ACTIVE)).order_by(runs.c.id)
            busy = connection.scalar(query.with_for_update())
            if busy is not None:
                raise BadInput(f"Run {busy} is being worked on; wait for it or cancel it before you delete it.")
            connection.execute(sa.delete(runs).where(wanted))

    @cached_property
    def _read_known(self) -> dict[bytes, Any]:
        return {}

    @cached_property
    def _run_list(self) -> Memo[Run]:
        return Memo(self.database, _STAMPS, lambda ids: {run.id: run for run in self._runs(runs.c.id.in_(ids))})

    def _runs(self, *where: sa.ColumnElement[bool]) -> list[Run]:
        columns = [column for column in runs.c if column.name not in _HIDDEN or column.name == "project_id"]
        query = sa.select(projects.c.name.label("project"), *columns).join(projects).where(*where)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(runs.c.id.desc())).mappings().all()
            totals = _TOTALS.where(records.c.run_id.in_([row["id"] for row in rows]))
            sums = {row["run_id"]: row for row in connection.execute(totals).mappings()} if rows else {}
        return [self._run(dict(row), sums.get(row["id"])) for row in rows]

    def _run(self, values: dict[str, Any], sums: Any) -> Run:
        """A run; what of its description cannot be read is empty."""
        project_id, run_id = values.pop("project_id"), values["id"]

        def read(name: str, kind: type, otherwise: Any) -> Any:
            data = values[name]
            # What stands in many runs is read once, and there once.
            found = self._read_known.get(data)
            if found is None and data is not None:
                found = self._readable(project_id, f"The {name} of run {run_id}", data)
                if len(self._read_known) < _MOST_KNOWN:
                    self._read_known[data] = found
            return found if isinstance(found, kind) else otherwise

        values["configuration"], values["options"] = read("configuration", dict, {}), read("options", dict, {})
        values["metrics"] = tuple(map(str, read("metrics", list, [])))
        values["training"] = read("training", dict, None)
        values["status"] = known_status(values["status"])
        if sums is not None:
            cost = sums["cost_usd"] if sums["priced"] == sums["done"] else None
            counts = {
                name: whole(sums[name]) for name in ("prompt_tokens", "completion_tokens", "calls", "cached_calls")
            }
            values["usage"] = Usage(**counts, cost_usd=cost)
            values.update(done=sums["done"], failed=whole(sums["failed"]))
        paid = read("paid", dict, None)
        del values["paid"]
        if paid is not None and len(paid.get("usage") or ()) == len(_PAID):
            total = _spending(paid, flying=values["status"] not in ACTIVE)
            cached = values.get("usage", Usage())
            values["usage"] = replace(cached, **{name: getattr(total, name) for name in _PAID})
            values["dearest"] = paid.get("dearest") or {}
        return Run(**values)


# Of the moments the numbers, which need not be made moments to be compared.
_MOMENTS = [sa.type_coerce(runs.c[name], sa.Double) for name in ("heartbeat", "finished_at")]
_STAMPS = sa.select(runs.c.id, runs.c.status, *_MOMENTS).order_by(runs.c.id.desc())
_MOST_KNOWN = 20_000
_PAID = ("prompt_tokens", "completion_tokens", "cost_usd", "calls")
_HIDDEN = frozenset(("project_id", "owner_pid", "owner_started", "owner_host", "heartbeat"))
_DELETE_RECORD = sa.delete(records).where(
    records.c.run_id == sa.bindparam("r"), records.c.position == sa.bindparam("p")
)
_DELETE_SCORES = sa.delete(scores).where(scores.c.run_id == sa.bindparam("r"), scores.c.position == sa.bindparam("p"))
_TOTALS = sa.select(
    records.c.run_id,
    sa.func.count().label("done"),
    sa.func.sum(sa.cast(records.c.failed, sa.Integer)).label("failed"),
    sa.func.sum(sa.cast(records.c.prompt_tokens, sa.Double)).label("prompt_tokens"),
    sa.func.sum(sa.cast(records.c.completion_tokens, sa.Double)).label("completion_tokens"),
    sa.func.sum(records.c.cost_usd).label("cost_usd"),
    sa.func.count(records.c.cost_usd).label("priced"),
    sa.func.sum(sa.cast(records.c.calls, sa.Double)).label("calls"),
    sa.func.sum(sa.cast(records.c.cached_calls, sa.Double)).label("cached_calls"),
).group_by(records.c.run_id)


def _spending_values(usage: Usage, dearest: Mapping[str, float], flying: Usage = Usage()) -> dict[str, Any]:
    values: dict[str, Any] = {"usage": [getattr(usage, name) for name in _PAID], "dearest": dict(dearest)}
    if flying.calls:
        values["flying"] = [getattr(flying, name) for name in _PAID]
    return values


def _spending(values: Mapping[str, Any], *, flying: bool = True) -> Usage:
    """What was paid, with the calls that nobody waits for any more."""
    parts = [values.get("usage"), values.get("flying") if flying else None]
    known = [Usage(**dict(zip(_PAID, part, strict=True))) for part in parts if part and len(part) == len(_PAID)]
    return sum(known, Usage())


def _without_value(run_id: int, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """These columns of the answered records that lack the value of a score, in the order of the set."""
    empty = sa.select(scores.c.position).where(scores.c.run_id == run_id, scores.c.value.is_(None))
    found = sa.select(*columns).where(records.c.run_id == run_id, records.c.position.in_(empty))
    return found.order_by(records.c.position)


def _scores_without_value(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    # Plain: of thousands of records only the reasons are wanted.
    given = plain_facts(body).get("scores")
    found = given.items() if isinstance(given, dict) else ()
    return [(name, score) for name, score in found if isinstance(score, dict) and score.get("value") is None]


def _per_question(row: Any) -> PerQuestion:
    means = {name: None if row[name] is None else float(row[name]) for name in ("tokens", "seconds", "cost_usd")}
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
    gathered: dict[int, dict[int, str]], rows: Sequence[Any], failed: dict[int, set[str]]
) -> dict[int, RunScores]:
    places = {run_id: {position: i for i, position in enumerate(found)} for run_id, found in gathered.items()}
    tables = {
        run_id: RunScores(tuple(found.values()), {}, {}, frozenset(failed[run_id]))
        for run_id, found in gathered.items()
    }
    for run_id, position, metric, value, passed in rows:
        place = places[run_id].get(position)
        if place is None:
            continue
        table = tables[run_id]
        if metric not in table.values:
            table.values[metric] = [None] * len(table.examples)
            table.passed[metric] = [None] * len(table.examples)
        table.values[metric][place] = finite(value)
        table.passed[metric][place] = passed
    return tables
