"""From the runs of a project, its configurations and what was decided, to the ladder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmopt_core.evaluation.metrics.catalogue import CORRECTNESS
from llmopt_core.experiments.caveats import caveats_of, marks
from llmopt_core.experiments.comparison_family import project_family
from llmopt_core.experiments.configuration_changes import describe_configuration_changes
from llmopt_core.experiments.current_runs import current_runs
from llmopt_core.experiments.leaderboard import Row, compare_runs, leaderboard
from llmopt_core.experiments.margin import project_margin
from llmopt_core.experiments.run_scores import baseline_position, common_examples, higher_is_better, read_run_scores
from llmopt_core.labs.evaluation.ladder.proposal import BASELINE, cost_change, propose
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung, Section
from llmopt_core.reporting.formatting import plural
from llmopt_core.reporting.verdict_words import margin_words
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_ladder import Decision
from llmopt_core.runs.values import Project, Run
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_core.types.grouping import group_values

Place = tuple[str, str, str]
"""Evaluation set, its version, and the judge: only what was measured there alike is compared."""

# Of our own metrics and those of other tools the ones that say whether an answer is right.
_CORRECT = (
    CORRECTNESS, "answer_correctness", "factual_correctness", "correctness", "accuracy", "correct", "exact_match",
    "semantic_similarity",
)  # fmt: skip


def build_ladder(store: Store, project: Project | str, metric: str = "", margin: float | None = None) -> Ladder:
    """The experiments of a project in the order in which they were first run.

    What is still running and what the Prompts page compares are no part of it.

    Args:
        store: Where the runs lie.
        project: Whose.
        metric: What decides; by default one of correctness that all runs have.
        margin: Differences below it do not matter; that of the project by default.
    """
    runs = ladder_runs(store.runs(project))
    metrics = ladder_metrics(runs)
    chosen = metric or next(iter(metrics), "")
    decisions = _decisions_by_experiment(runs, store.decisions(project))
    sections: list[Section] = []
    for place, place_runs in _places(runs).items():
        experiments = _experiments(place_runs, place, chosen)
        section = _Climb(store, project, place, chosen, experiments, margin).section(decisions)
        before = sections[-1] if sections else None
        start = sum(len(one.rungs) for one in sections)
        rungs = tuple(replace(rung, position=start + rung.position) for rung in section.rungs)
        sections.append(replace(section, rungs=rungs, sentence=_break_sentence(before, section) if before else ""))
    name = project if isinstance(project, str) else project.name
    return Ladder(name, chosen, higher_is_better(chosen), tuple(sections), tuple(metrics))


def ladder_runs(runs: Sequence[Run]) -> list[Run]:
    """Those that are experiments: over, with records, and of whole sets."""
    return [run for run in runs if run.done and not run.comparison and not run.active]


def ladder_metrics(runs: Sequence[Run]) -> list[str]:
    """What these runs were measured by: first what most of them have, of equals what says whether answers are right."""
    return rank_metrics([run.metrics for run in runs])


def rank_metrics(metrics: Sequence[Sequence[str]]) -> list[str]:
    """The metrics of runs: first what most of them have, of equals what says whether answers are right."""
    counts = Counter(metric for names in metrics for metric in dict.fromkeys(names))
    correct = {metric: place for place, metric in enumerate(_CORRECT)}
    return sorted(counts, key=lambda metric: (-counts[metric], correct.get(metric, len(correct))))


def _place(run: Run) -> Place:
    return run.evaluation_set, run.set_version, run.judge


def _places(runs: Sequence[Run]) -> dict[Place, list[Run]]:
    """The runs of each place, newest first; the place of the oldest run first."""
    groups = group_values((_place(run), run) for run in runs)
    return dict(sorted(groups.items(), key=lambda item: min(run.id for run in item[1])))


def _experiments(runs: Sequence[Run], place: Place, metric: str) -> dict[str, Run]:
    """Of each configuration the run that counts, in the order in which they were first tried, the baseline first."""
    first_ids = {run.fingerprint: run.id for run in sorted(runs, key=lambda run: -run.id)}
    measured = current_runs(runs, *place, metrics=(metric,))
    # What was never measured by this metric stands there without a value.
    fingerprints = {run.fingerprint for run in measured.values()}
    others = current_runs([run for run in runs if run.fingerprint not in fingerprints], *place)
    named = {**measured, **{(name if name not in measured else f"{name} ({run.fingerprint[:4]})"): run
                            for name, run in others.items()}}  # fmt: skip
    names = sorted(named, key=lambda name: first_ids[named[name].fingerprint])
    base = names[baseline_position(names)]
    return {name: named[name] for name in [base, *(name for name in names if name != base)]}


def experiment_key(run: Run) -> tuple[str, Place]:
    """The same for each run of one configuration on the same questions by the same judge."""
    return run.fingerprint, _place(run)


def _decisions_by_experiment(runs: Sequence[Run], decisions: Sequence[Decision]) -> dict[tuple[str, Place], Decision]:
    """What was decided last on any run of an experiment: a second run of the same is the same experiment."""
    runs_by_id = {run.id: run for run in runs}
    return {experiment_key(runs_by_id[one.run_id]): one for one in decisions if one.run_id in runs_by_id}


class _Climb:
    """Goes through the experiments of one place, each against the last that was kept."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        project: Project | str,
        place: Place,
        metric: str,
        experiments: Mapping[str, Run],
        margin: float | None,
    ) -> None:
        self._margin = margin or project_margin(store, project)
        self._store = store
        self._project = project
        self._place = place
        self._metric = metric
        self._experiments = experiments
        names, runs = list(experiments), list(experiments.values())
        self._tables = dict(zip(names, read_run_scores(store, runs, names), strict=True))
        self._family = project_family(store, project, *place, metrics=[metric], shown=runs, names=names)
        self._each = store.per_question([run.id for run in runs])
        self._marks = dict(zip(names, marks(caveats_of(store, runs, names)), strict=True))

    def section(self, decisions: Mapping[tuple[str, Place], Decision]) -> Section:
        rungs: list[Rung] = []
        for row in leaderboard(list(self._tables.values()), [self._metric], 0, self._family, self._margin):
            decision = decisions.get((self._experiments[row.name].fingerprint, self._place))
            rung = self._rung(len(rungs) + 1, row, decision)
            parent = next((one for one in reversed(rungs) if one.is_kept), None)
            rungs.append(self._against(rung, parent) if parent else rung)
        kept = [rung.name for rung in rungs if rung.is_kept]
        total = self._compare(kept[0], kept[-1]) if len(kept) > 1 else None
        tested = f"{self._family.in_short} {margin_words(self._margin)}"
        return Section(*self._place, self._size(), tuple(rungs), total=total, tested=tested)

    def _rung(self, position: int, row: Row, decision: Decision | None) -> Rung:
        run = self._experiments[row.name]
        answered = run.done - run.failed
        return Rung(
            position,
            row.name,
            run.id,
            run.fingerprint,
            BASELINE,
            row.cells[self._metric].summary,
            decision,
            each=self._each[run.id],
            mark=self._marks[row.name],
            answered="" if answered == run.total else f"{answered:,} of {run.total:,} answered",
            measured_at=run.created_at,
        )

    def _against(self, rung: Rung, parent: Rung) -> Rung:
        comparison = self._compare(parent.name, rung.name)
        lacking = [one.name for one in (parent, rung) if one.value is None]
        missing = f"no score by this metric: {', '.join(lacking)}" if lacking else ""
        before, after = (self._experiments[name].configuration for name in (parent.name, rung.name))
        return replace(
            rung,
            parent=parent.name,
            changes=describe_configuration_changes(before, after),
            comparison=comparison,
            proposal=propose(parent.name, comparison, cost_change(parent.each, rung.each), missing),
        )

    def _compare(self, before: str, after: str) -> Comparison | None:
        a, b = self._tables[before], self._tables[after]
        comparison = compare_runs(a, b, self._metric, self._family, self._margin) if common_examples(a, b) else None
        return comparison if comparison is not None and comparison.pairs else None

    def _size(self) -> int | None:
        name, version, _ = self._place
        saved = self._store.evaluation_sets(self._project, every_version=True, parts=True)
        return next((one.size for one in saved if (one.name, one.version) == (name, version)), None)


def _break_sentence(before: Section, after: Section) -> str:
    size = "" if after.set_size is None else f", {plural(after.set_size, 'question')}"
    if after.set_name != before.set_name:
        what = f"other questions: {after.set_name}{size}"
    elif after.set_version != before.set_version:
        what = f"another version of {after.set_name}{size}"
    else:
        what = f"another judge: {after.judge}"
    return f"From here on {what}. Numbers on either side are not compared."
