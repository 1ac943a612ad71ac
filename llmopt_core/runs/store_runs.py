"""The part of the store that keeps runs; their records are in `store_records`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.codec import pack, plain_facts
from llmopt_core.runs.memo import Memo
from llmopt_core.runs.owner import interrupt_orphans, is_mine, lives, owner_values
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.store_records import hold_run
from llmopt_core.runs.tables import now, projects
from llmopt_core.runs.tables_runs import records, runs
from llmopt_core.runs.values import ACTIVE, Project, Run, Status, read_status, whole
from llmopt_core.types import Usage


@retrying
class RunStore(StorePart):
    """Runs: what each was to do, how it stands, and what was paid for it."""

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
        created_at: datetime | None = None,
    ) -> int:
        """Add a run that this process works on. Returns its id.

        `documents_version` and `training` are as in `Run`; `created_at` is now by default.
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
            "created_at": created_at or now(),
            "seconds": 0.0,
            "error": "",
            "metrics": pack(list(metrics)),
            "options": pack(options or {}),
            "configuration": pack(configuration),
            **owner_values(),
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
            # Of two processes that take it over at once, the second waits here and then finds that the first lives.
            query = sa.select(runs).where(runs.c.id == run_id).with_for_update()
            row = connection.execute(query).mappings().first()
            if row is None:
                raise BadInput(f"There is no run {run_id}.")
            if row["status"] in ACTIVE and not from_living and lives(dict(row)):
                raise BadInput(f"Run {run_id} is being worked on already; wait for it or cancel it first.")
            values = {"status": "running", "finished_at": None, "error": "", **owner_values()}
            if job_id is not None:
                values["job_id"] = job_id
            if documents_version is not None:
                values["documents_version"] = documents_version
            if row["paid"] is not None:
                # Calls that were under way when the last process died.
                spending = plain_facts(row["paid"])
                values["paid"] = pack(_spending_values(_spending(spending), spending.get("dearest") or {}))
            if options is not None:
                values["options"] = pack({**plain_facts(row["options"]), **options})
            connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))
        return self.run(run_id)

    def save_spending(self, run_id: int, usage: Usage, dearest: Mapping[str, float], flying: Usage = Usage()) -> None:
        """Store what was paid for a run so far, and what the dearest call of each model cost.

        Args:
            run_id: The run.
            usage: What was paid.
            dearest: By model.
            flying: What the calls under way are likely to take; it is paid, too, should this process die meanwhile.

        Raises:
            RunOwnershipError: See `save_records`.
        """
        spending = pack(_spending_values(usage, dearest, flying))
        with self.database.write() as connection:
            hold_run(connection, run_id)
            connection.execute(sa.update(runs).where(runs.c.id == run_id).values(paid=spending))

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
            RunOwnershipError: It does so no longer: another process has taken the run over, or it was deleted.
        """
        with self.database.write() as connection:
            hold_run(connection, run_id)

    def run(self, run_id: int) -> Run:
        """One run.

        Raises:
            BadInput: There is none of that id.
        """
        interrupt_orphans(self.database, runs)
        matches = self._runs(runs.c.id == run_id)
        if not matches:
            raise BadInput(f"There is no run {run_id}.")
        return matches[0]

    def runs(self, project: Project | str | None = None, *, job_id: int | None = None) -> list[Run]:
        """Runs of a project (or all, or of one job), newest first."""
        interrupt_orphans(self.database, runs)
        if job_id is not None:
            where = [runs.c.job_id == job_id]
            return self._runs(*where, *([] if project is None else [runs.c.project_id == self._project_id(project)]))
        if project is None:
            return self._run_list.current(None)
        project_id = self._project_id(project)
        return self._run_list.current(project_id, runs.c.project_id == project_id)

    def delete_runs(self, run_ids: Sequence[int]) -> None:
        """Remove runs with their records and scores, all or none.

        Raises:
            BadInput: One of them is under way.
        """
        interrupt_orphans(self.database, runs)
        condition = runs.c.id.in_(run_ids)
        with self.database.write() as connection:
            query = sa.select(runs.c.id, runs.c.status).where(condition).order_by(runs.c.id)
            # All are held, not only those under way: whoever resumes one waits here, or is waited for. On SQLite the
            # transaction holds the write lock.
            busy = [row.id for row in connection.execute(query.with_for_update()) if row.status in ACTIVE]
            if busy:
                raise BadInput(f"Run {busy[0]} is being worked on; wait for it or cancel it before you delete it.")
            connection.execute(sa.delete(runs).where(condition))

    @cached_property
    def _read_cache(self) -> dict[bytes, Any]:
        return {}

    @cached_property
    def _run_list(self) -> Memo[Run]:
        return Memo(self.database, _STAMPS, lambda ids: {run.id: run for run in self._runs(runs.c.id.in_(ids))})

    def _runs(self, *where: sa.ColumnElement[bool]) -> list[Run]:
        columns = [column for column in runs.c if column.name not in _INTERNAL_COLUMNS or column.name == "project_id"]
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
            value = self._read_cache.get(data)
            if value is None and data is not None:
                value = self._readable(project_id, f"The {name} of run {run_id}", data)
                if len(self._read_cache) < _CACHE_SIZE:
                    self._read_cache[data] = value
            return value if isinstance(value, kind) else otherwise

        values["configuration"], values["options"] = read("configuration", dict, {}), read("options", dict, {})
        values["metrics"] = tuple(map(str, read("metrics", list, [])))
        values["training"] = read("training", dict, None)
        values["status"] = read_status(values["status"])
        if sums is not None:
            # One answer without a price makes the sum unknown, not smaller.
            cost = sums["cost_usd"] if sums["priced"] == sums["done"] else None
            counts = {
                name: whole(sums[name]) for name in ("prompt_tokens", "completion_tokens", "calls", "cached_calls")
            }
            values["usage"] = Usage(**counts, cost_usd=cost)
            values.update(done=sums["done"], failed=whole(sums["failed"]))
        spending = read("paid", dict, None)
        del values["paid"]
        # Another version may have kept other columns; then the records' sum stands.
        if spending is not None and len(spending.get("usage") or ()) == len(_USAGE_COLUMNS):
            # While it runs, its calls under way are not paid yet; once nobody waits for them they count as if they
            # were.
            total = _spending(spending, flying=values["status"] not in ACTIVE)
            usage = values.get("usage", Usage())
            values["usage"] = replace(usage, **{name: getattr(total, name) for name in _USAGE_COLUMNS})
            values["dearest"] = spending.get("dearest") or {}
        return Run(**values)


# Of the moments the numbers, which need not be made moments to be compared.
_MOMENTS = [sa.type_coerce(runs.c[name], sa.Double) for name in ("heartbeat", "finished_at")]
# Runs carry their project's name.
_COLUMNS = (runs.c.id, runs.c.status, *_MOMENTS, projects.c.name)
_STAMPS = sa.select(*_COLUMNS).join_from(runs, projects).order_by(runs.c.id.desc())
# Bounds what a workspace of very many different runs takes of memory; further values are read each time.
_CACHE_SIZE = 20_000
# In the order in which `paid` holds them; what comes from the cache is not paid, so it is not among them.
_USAGE_COLUMNS = ("prompt_tokens", "completion_tokens", "cost_usd", "calls")
# Of the store alone, not of `Run`; the number of the project is read to tell whose values cannot be read.
_INTERNAL_COLUMNS = frozenset(("project_id", "owner_pid", "owner_started", "owner_host", "heartbeat"))
_TOTALS = sa.select(
    records.c.run_id,
    sa.func.count().label("done"),
    sa.func.sum(sa.cast(records.c.failed, sa.Integer)).label("failed"),
    # As floating-point numbers, which overflow in neither database.
    sa.func.sum(sa.cast(records.c.prompt_tokens, sa.Double)).label("prompt_tokens"),
    sa.func.sum(sa.cast(records.c.completion_tokens, sa.Double)).label("completion_tokens"),
    sa.func.sum(records.c.cost_usd).label("cost_usd"),
    sa.func.count(records.c.cost_usd).label("priced"),
    sa.func.sum(sa.cast(records.c.calls, sa.Double)).label("calls"),
    sa.func.sum(sa.cast(records.c.cached_calls, sa.Double)).label("cached_calls"),
).group_by(records.c.run_id)


def _spending_values(usage: Usage, dearest: Mapping[str, float], flying: Usage = Usage()) -> dict[str, Any]:
    values: dict[str, Any] = {"usage": [getattr(usage, name) for name in _USAGE_COLUMNS], "dearest": dict(dearest)}
    if flying.calls:
        values["flying"] = [getattr(flying, name) for name in _USAGE_COLUMNS]
    return values


def _spending(values: Mapping[str, Any], *, flying: bool = True) -> Usage:
    """What was paid, with the calls that nobody waits for any more."""
    parts = [values.get("usage"), values.get("flying") if flying else None]
    usages = [
        Usage(**dict(zip(_USAGE_COLUMNS, part, strict=True)))
        for part in parts
        if part and len(part) == len(_USAGE_COLUMNS)
    ]
    return sum(usages, Usage())
