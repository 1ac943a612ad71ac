"""What each configuration of a project is compared with, where that is not the baseline: its parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run

# Of versions in the store. Beside the configuration and not in it: where it comes from changes no answer, and must not
# change the fingerprint.
_KIND = "made-from"


def record_origin(store: Store, project: Project | str, fingerprint: str, parent: Configuration | str) -> None:
    """Remember from which configuration another was made; the first time counts.

    Args:
        store: Where it is kept.
        project: Whose.
        fingerprint: Of the configuration that was made.
        parent: What it was made from, or its fingerprint.
    """
    origin = parent if isinstance(parent, str) else parent.fingerprint
    if origin != fingerprint and not store.versions(project, _KIND, fingerprint):
        store.save_version(project, _KIND, fingerprint, {"parent": origin})


def record_origins_by_name(store: Store, project: Project | str, configurations: Sequence[Configuration]) -> None:
    """Remember of each of these whose name goes on after another's, as `base · tuned`, that it was made from it."""
    for made in configurations:
        bases = [one for one in configurations if made.name.startswith(f"{one.name} · ")]
        if bases:
            record_origin(store, project, made.fingerprint, max(bases, key=lambda one: len(one.name)))


def comparison_parents(store: Store, project: Project | str, runs: Mapping[str, Run]) -> dict[str, str]:
    """By name, the parent among these runs; configurations that are compared with the baseline are not in it.

    It is the last step before it that a person has kept on the ladder; where there is none, what it extends in the
    experiment file; where no file says so, what it was made from in the app, or the nearest of its ancestors that is
    among the runs. What only a proposal keeps is no parent: it is a verdict, and would decide what verdicts are about.

    Args:
        store: Holds what was decided, and what was made from what.
        project: Whose.
        runs: Of one set, by one judge, by the names they are compared under.
    """
    names = {run.fingerprint: name for name, run in runs.items()}
    origins = _origins(store, project)
    predecessors = _kept_predecessors(store, project, runs)
    parents = {}
    for name, run in runs.items():
        extended = run.parent if run.parent in runs else ""
        parent = predecessors.get(name) or extended or _nearest_ancestor(run.fingerprint, origins, names)
        if parent and parent != name:
            parents[name] = parent
    return parents


def _origins(store: Store, project: Project | str) -> dict[str, str]:
    origins: dict[str, str] = {}
    # In the order in which they were made: going back to an earlier configuration does not make it a descendant.
    for version in sorted(store.versions(project, _KIND), key=lambda one: one.saved_at):
        parent = version.body.get("parent") if isinstance(version.body, Mapping) else None
        if isinstance(parent, str) and version.name not in _line(parent, origins):
            origins.setdefault(version.name, parent)
    return origins


def _line(fingerprint: str, origins: Mapping[str, str]) -> list[str]:
    """The configuration and its ancestors, nearest first."""
    line = [fingerprint]
    while line[-1] in origins:
        line.append(origins[line[-1]])
    return line


def _nearest_ancestor(fingerprint: str, origins: Mapping[str, str], names: Mapping[str, str]) -> str:
    return next((names[one] for one in _line(fingerprint, origins)[1:] if one in names), "")


def _kept_predecessors(store: Store, project: Project | str, runs: Mapping[str, Run]) -> dict[str, str]:
    """By name, the last experiment before it that a person has kept, in the order in which they were first run."""
    decisions = {one.run_id: one.choice for one in store.decisions(project)}
    if not decisions or not runs:
        return {}
    place = _place(next(iter(runs.values())))
    experiments = [run for run in store.runs(project) if _place(run) == place and run.done and not run.comparison]
    choices = {run.fingerprint: decisions[run.id] for run in _by_decision(experiments, decisions)}
    first_ids = {run.fingerprint: run.id for run in sorted(experiments, key=lambda run: -run.id)}
    order = sorted(runs, key=lambda name: first_ids.get(runs[name].fingerprint, runs[name].id))
    predecessors, kept = {}, ""
    for name in order:
        if kept:
            predecessors[name] = kept
        if choices.get(runs[name].fingerprint) == "kept":
            kept = name
    return predecessors


def _by_decision(experiments: Sequence[Run], decisions: Mapping[int, str]) -> list[Run]:
    """The runs on which something was decided, the last decision last."""
    moments = {run_id: place for place, run_id in enumerate(decisions)}
    return sorted((run for run in experiments if run.id in decisions), key=lambda run: moments[run.id])


def _place(run: Run) -> tuple[str, str, str]:
    return run.evaluation_set, run.set_version, run.judge
