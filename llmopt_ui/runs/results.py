"""Stored runs as what the pages compare. Leaderboards are kept by run, so a rerun of the page calculates nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import CORRECTNESS, RAGAS_METRICS
from llmopt_core.experiments.caveats import caveats_of, marks
from llmopt_core.experiments.comparison_family import Family, family_of
from llmopt_core.experiments.comparison_matrix import Matrix, compare_all
from llmopt_core.experiments.comparison_parents import comparison_parents
from llmopt_core.experiments.document_clusters import set_clusters
from llmopt_core.experiments.imported_runs import known_per_question, take_turns
from llmopt_core.experiments.judge_noise import judge_variances
from llmopt_core.experiments.leaderboard import Row, leaderboard
from llmopt_core.experiments.measured_run import MeasuredRun
from llmopt_core.experiments.outcome import Outcome, is_nearly_complete, outcome
from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.reporting.formatting import questions
from llmopt_core.runs.values import PerQuestion, Run, RunScores
from llmopt_ui import format as fmt
from llmopt_ui.resources import store


@dataclass(frozen=True)
class Entry(MeasuredRun):
    """One configuration's run among those compared, as pages show it.

    Attributes:
        mark: What of that must stand beside its name, among the runs compared.
        each: What a question takes.
        apart: Metrics whose mean and the baseline's stand over other questions than those that both answered.
        question_count: How many questions, where not all of the entries were asked as many; else empty.
    """

    mark: str = ""
    each: PerQuestion = field(default_factory=PerQuestion)
    apart: Collection[str] = ()
    question_count: str = ""

    @property
    def from_cache(self) -> bool:
        """Whether nothing had to be asked, so that its time and tokens say nothing about the configuration."""
        return not self.each.asked and self.each.cached > 0


def leading_metrics(metrics: Sequence[str]) -> tuple[str, ...]:
    """What a leaderboard shows first: the Ragas metrics, and correctness where it was measured."""
    # Runs with neither show their first five, for which a table has room.
    own = tuple(metric for metric in (*RAGAS_METRICS, CORRECTNESS) if metric in metrics)
    return own or tuple(take_turns(metrics))[:5]


def describe_means(runs: Sequence[Run], size: int | None) -> str:
    """What means stand over, in a sentence; where runs answered different questions, what that means."""
    # A failure or two in a large run make no other set of questions; many do.
    counts = [run.done if is_nearly_complete(run) else run.done - run.failed for run in runs]
    uneven = len(set(counts)) > 1
    more = " Differences and verdicts are over those that both answered; means over others are no comparison."
    return f"Means over {questions(counts, size)}, with 95 % intervals.{more if uneven else ''}"


def family_note(entries: Sequence[Entry]) -> str:
    """How many comparisons the verdicts on a leaderboard are adjusted for; empty without any."""
    most = max((one.family for entry in entries for one in entry.comparisons.values()), default=0)
    return f"Verdicts are adjusted for {most} comparisons that are tested together." if most > 1 else ""


def comparison_family(runs: Mapping[str, Run]) -> Family:
    """The family of these runs, see `family_runs`."""
    first = next(iter(runs.values()), None)
    parents = {} if first is None else comparison_parents(store(), first.project, runs)
    keys = tuple((name, parents.get(name, ""), *version_of(run)) for name, run in runs.items())
    return _family(keys, _metrics(runs), _clusters(runs))


def entries(
    runs: Mapping[str, Run], baseline: str, family: Mapping[str, Run], margin: float | None = None
) -> list[Entry]:
    """The leaderboard of these runs against the baseline, in the given order.

    Args:
        runs: By the name they are shown under.
        baseline: Name of the one the others are compared with.
        family: The runs whose comparisons theirs are tested together with.
        margin: The least difference that matters; the usual one by default.
    """
    caveats = caveats_of(store(), list(runs.values()), list(runs))
    keys = _table_keys(runs)
    family_keys = tuple((name, *version_of(run)) for name, run in family.items())
    family_tests = comparison_family(family)
    rows = _leaderboard(keys, _metrics(runs), baseline, margin, family_keys, family_tests, _clusters(runs))
    each = _read_per_question(tuple(version_of(run) for run in runs.values()))
    # The count is told beside names only where it differs.
    alike = len({run.done for run in runs.values()}) < 2
    return [
        Entry(
            row.name,
            runs[row.name],
            {metric: cell.summary for metric, cell in row.cells.items()},
            {
                metric: cell.versus
                for metric, cell in row.cells.items()
                if cell.versus is not None and cell.versus.pairs
            },
            row.is_baseline,
            caveat,
            mark,
            known_per_question(each[runs[row.name].id], runs[row.name]),
            frozenset(metric for metric, cell in row.cells.items() if cell.apart),
            "" if alike else fmt.plural(runs[row.name].done, "question"),
        )
        for row, caveat, mark in zip(rows, caveats, marks(caveats), strict=True)
    ]


def scores_of(runs: Mapping[str, Run]) -> dict[int, RunScores]:
    """All scores of these runs, by the run's id."""
    return _scores(tuple(version_of(run) for run in runs.values()))


def describe_state(run: Run) -> str:
    """How a run stands, in words: one that finished with failures does not look like one that is whole."""
    if run.status == "finished" and run.failed:
        # More than half.
        return "finished, mostly failed" if run.failed * 2 > run.total else "finished, some failed"
    return run.status.replace("-", " ")


def unscored_note(run: Run) -> str:
    """What to say where no metric has a value for half of the answers; empty elsewhere."""
    reasons = missing_scores(run).unscored
    answers = run.done - run.failed
    lacking = {metric: sum(reason.count for reason in counts) for metric, counts in reasons.items()}
    # As long as one metric has most of its values, gaps of the others are told elsewhere.
    if not answers or any(2 * lacking.get(metric, 0) <= answers for metric in run.metrics):
        return ""
    # The metric with the most gaps; its reasons come most frequent first.
    metric, counts = max(reasons.items(), key=lambda item: lacking[item[0]])
    return f"{lacking[metric]:,} of {answers:,} answers could not be scored, most often: {counts[0].message}"


@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs={Run: attrgetter("id", "total", "done", "status")})
def missing_scores(run: Run) -> Outcome:
    """Which answers failed or have no score, and why."""
    return outcome(store(), run)


def version_of(run: Run) -> tuple[int, int, int, str]:
    """What changes whenever the run's scores may have changed."""
    # Records are only added, and a resumed run changes its status: nothing else can change a score.
    return run.id, run.total, run.done, run.status


def _metrics(runs: Mapping[str, Run]) -> tuple[str, ...]:
    # In the order of the first run that has each.
    return tuple(dict.fromkeys(metric for run in runs.values() for metric in run.metrics))


Version = tuple[int, int, int, str]
TableKey = tuple[str, int, str, tuple[tuple[str, float], ...], int, int, int, str]
"""Name, overlap with training data, parent, noise of the judge by metric, and version of a run."""


@st.cache_resource(max_entries=64, show_spinner="Comparing …")
def _leaderboard(
    keys: tuple[TableKey, ...],
    metrics: tuple[str, ...],
    baseline: str,
    margin: float | None,
    family_keys: tuple[tuple[str, int, int, int, str], ...],
    _family: Family,
    _clusters: Mapping[str, str],
) -> list[Row]:
    # Read once for all leaderboards over the same runs, whatever their baseline.
    return leaderboard(_tables(keys, _clusters), metrics, [key[0] for key in keys].index(baseline), _family, margin)


def _tables(keys: Sequence[TableKey], clusters: Mapping[str, str]) -> list[RunScoreTable]:
    scores = _scores(tuple(key[4:] for key in keys))
    return [
        RunScoreTable(
            name, total, scores[run_id], run_id, seen_count,
            clusters=clusters, parent=parent, judge_variances=dict(noise),
        )
        for name, seen_count, parent, noise, run_id, total, *_ in keys
    ]  # fmt: skip


def score_tables(runs: Mapping[str, Run]) -> list[RunScoreTable]:
    """The scores of these runs of one set, under the names they are shown with."""
    return _tables(_table_keys(runs), _clusters(runs))


def every_pair(runs: Mapping[str, Run], metric: str, margin: float) -> Matrix:
    """Each of these runs against each other by one metric; kept by run."""
    return _matrix(_table_keys(runs), metric, margin, _clusters(runs))


@st.cache_resource(max_entries=32, show_spinner="Comparing …")
def _matrix(keys: tuple[TableKey, ...], metric: str, margin: float, _clusters: Mapping[str, str]) -> Matrix:
    return compare_all(_tables(keys, _clusters), metric, margin)


def _table_keys(runs: Mapping[str, Run]) -> tuple[TableKey, ...]:
    caveats = caveats_of(store(), list(runs.values()), list(runs))
    key = tuple((run.id, run.done, run.created_at.isoformat()) for run in runs.values())
    noise = _judge_variances(key, tuple(runs.values()))
    # Overlaps are a part of the key: a training after the run changes what must be said, not the scores.
    return tuple(
        (name, caveat.overlap_count, run.parent, tuple(noise.get(run.id, {}).items()), *version_of(run))
        for (name, run), caveat in zip(runs.items(), caveats, strict=True)
    )


# Grades that a job or the command line adds meanwhile are seen within seconds.
@st.cache_resource(max_entries=64, show_spinner=False, ttl=10)
def _judge_variances(key: tuple[tuple[int, int, str], ...], _runs: Sequence[Run]) -> dict[int, dict[str, float]]:
    return judge_variances(store(), _runs)


@st.cache_resource(max_entries=64, show_spinner="Comparing …")
def _family(
    keys: tuple[tuple[str, str, int, int, int, str], ...], metrics: tuple[str, ...], _clusters: Mapping[str, str]
) -> Family:
    scores = _scores(tuple(key[2:] for key in keys))
    tables = [
        RunScoreTable(name, total, scores[run_id], run_id, clusters=_clusters, parent=parent)
        for name, parent, run_id, total, *_ in keys
    ]
    return family_of(tables, metrics)


def _clusters(runs: Mapping[str, Run]) -> Mapping[str, str]:
    """Of the set of these runs, which all were asked the same questions."""
    first = next(iter(runs.values()), None)
    return {} if first is None else set_clusters(store(), first.project, first.evaluation_set, first.set_version)


@st.cache_resource(max_entries=64, show_spinner=False)
def _read_per_question(keys: tuple[Version, ...]) -> dict[int, PerQuestion]:
    return store().per_question([key[0] for key in keys])


@st.cache_resource(max_entries=64, show_spinner=False)
def _scores(keys: tuple[tuple[int, int, int, str], ...]) -> dict[int, RunScores]:
    return store().scores([key[0] for key in keys])
