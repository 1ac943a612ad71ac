"""What a person has dropped on the ladder: it is not proposed again, unless something new was measured since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from llmopt_core.labs.evaluation.adviser.traits import Traits, changed_rules, trait_distance, traits_of
from llmopt_core.labs.evaluation.ladder.build import experiment_key
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run


@dataclass(frozen=True, slots=True)
class Drop:
    """A configuration that was dropped.

    Attributes:
        against: The configuration that it was most like when it was dropped; empty where it was alone.
        rules: What it changed in that one.
        reason: Of who dropped it.
        dropped_at: When; what was measured later is new evidence. None where nobody knows.
    """

    name: str
    fingerprint: str
    against: str = ""
    rules: frozenset[str] = frozenset()
    reason: str = ""
    dropped_at: datetime | None = None

    def is_older_than(self, measured_at: datetime | None) -> bool:
        """Whether a run was started after it was dropped."""
        if self.dropped_at is None or measured_at is None:
            return False
        return _utc(self.dropped_at) < _utc(measured_at)


def read_drops(store: Store, project: Project | str) -> tuple[Drop, ...]:
    """What is dropped in a project, whatever it was measured on; the last decision on a configuration counts."""
    decisions = store.decisions(project)
    if not decisions:
        return ()
    runs = {run.id: run for run in store.runs(project)}
    last = {runs[one.run_id].fingerprint: one for one in decisions if one.run_id in runs}
    return tuple(
        _drop(runs[one.run_id], list(runs.values()), one.note, one.saved_at)
        for one in last.values()
        if one.choice == "dropped"
    )


def _drop(run: Run, runs: Sequence[Run], reason: str, dropped_at: datetime | None) -> Drop:
    own, place = _traits(run), experiment_key(run)[1]
    others = [
        other
        for other in runs
        if other.fingerprint != run.fingerprint and experiment_key(other)[1] == place and not other.comparison
    ]
    nearest = min(others, key=lambda other: trait_distance(own, _traits(other)), default=None)
    rules = frozenset(changed_rules(own, _traits(nearest))) if nearest else frozenset()
    return Drop(run.name, run.fingerprint, nearest.name if nearest else "", rules, reason, dropped_at)


def _traits(run: Run) -> Traits:
    # What is known of another tool's configuration is its name.
    return traits_of(None if run.imported else run.configuration, run.name, retrieves=run.retrieves)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
