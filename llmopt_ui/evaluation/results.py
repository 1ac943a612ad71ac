"""Stored runs as what the pages compare. Leaderboards are kept by run, so a rerun of the page calculates nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from llmopt_core.evaluation.catalogue import RAGAS_METRICS
from llmopt_core.experiments.caveats import RunCaveats, caveats_of, marks
from llmopt_core.experiments.leaderboard import Row, Scored, leaderboard
from llmopt_core.experiments.outcome import Outcome, outcome
from llmopt_core.experiments.run_documents import same_documents
from llmopt_core.runs.values import Run, RunScores
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired import Comparison
from llmopt_ui.evaluation.example_map import Cells
from llmopt_ui.resources import store

CORRECTNESS = "answer_f1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One configuration's run among those compared.

    Attributes:
        name: Unique among the entries; an earlier version of a configuration carries its fingerprint.
        comparisons: Against the baseline, by metric, where both have scores; empty for the baseline itself.
        known: What its tuned parts were trained on, and its documents.
        mark: What of that must stand beside its name, among the runs compared.
    """

    name: str
    run: Run
    summaries: Mapping[str, Summary]
    comparisons: Mapping[str, Comparison]
    is_baseline: bool = False
    known: RunCaveats | None = None
    mark: str = ""

    @property
    def seen(self) -> int:
        """How many of its questions it was trained on."""
        return self.known.seen if self.known else 0

    @property
    def seconds_each(self) -> float | None:
        """Mean wall time per question."""
        return self.run.seconds / self.run.done if self.run.done and self.run.seconds else None

    @property
    def from_cache(self) -> bool:
        """Whether nothing had to be asked, so that its time and tokens say nothing about the configuration."""
        return self.run.usage.calls == 0 and self.run.usage.cached_calls > 0

    @property
    def tokens_each(self) -> int | None:
        """Mean tokens per question."""
        used = self.run.usage
        return round((used.prompt_tokens + used.completion_tokens) / self.run.done) if self.run.done else None


def latest_by_name(
    runs: Sequence[Run], set_name: str, set_version: str, judge: str, order: Sequence[str] = ()
) -> dict[str, Run]:
    """The run of each configuration that counts: its newest, or an older one that answered more questions.

    A short try after a whole run would else take its place. An older run must have all metrics of the newest, and must
    not be known to be over other documents.

    Args:
        runs: Newest first.
        set_name: Name of the evaluation set.
        set_version: Only runs on exactly these examples can be compared.
        judge: Only runs with the same judge can be compared.
        order: Names of configurations in the order they are shown; others follow, the oldest run first.
    """
    kinds: dict[str, list[Run]] = {}
    for run in runs:
        if (run.evaluation_set, run.set_version, run.judge) == (set_name, set_version, judge) and run.done:
            kinds.setdefault(run.fingerprint, []).append(run)
    found: dict[str, Run] = {}
    for newest, *older in kinds.values():
        name = newest.name if newest.name not in found else f"{newest.name} (earlier, {newest.fingerprint[:4]})"
        whole = (run for run in older if set(newest.metrics) <= set(run.metrics) and same_documents(run, newest))
        found[name] = max((newest, *whole), key=lambda run: run.done - run.failed)
    places = {name: place for place, name in enumerate(order)}
    return dict(sorted(found.items(), key=lambda item: (places.get(item[0], len(places)), item[1].id)))


def leading_metrics(measured: Sequence[str]) -> tuple[str, ...]:
    """What a leaderboard shows first: the Ragas metrics, and correctness where it was measured."""
    return tuple(metric for metric in (*RAGAS_METRICS, CORRECTNESS) if metric in measured) or tuple(measured)[:5]


def entries(runs: Mapping[str, Run], baseline: str) -> list[Entry]:
    """The leaderboard of these runs against the baseline, in the given order."""
    known = caveats_of(store(), list(runs.values()), list(runs))
    keys = tuple((name, found.seen, *_version(run)) for (name, run), found in zip(runs.items(), known, strict=True))
    measured = _measured(keys, _metrics(runs), baseline)
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
            found,
            mark,
        )
        for row, found, mark in zip(measured, known, marks(known), strict=True)
    ]


def cells(runs: Mapping[str, Run], metric: str, questions: Mapping[str, str]) -> Cells:
    """One metric's values of these runs, aligned by example, without the questions that no run was to ask."""
    scores = _scores(tuple(_version(run) for run in runs.values()))
    asked = max((run.total for run in runs.values()), default=0)
    examples = tuple(questions)[:asked]
    rows = tuple(Scored(name, run.total, scores[run.id]).aligned(metric, examples) for name, run in runs.items())
    failed = frozenset((name, example) for name, run in runs.items() for example in scores[run.id].failed)
    return Cells(metric, tuple(runs), examples, tuple(questions.values())[:asked], rows, failed)


def state_words(run: Run) -> str:
    """How a run stands, in words: one that finished with failures does not look like one that is whole."""
    if run.status == "finished" and run.failed:
        return "finished, mostly failed" if run.failed * 2 > run.total else "finished, some failed"
    return run.status.replace("-", " ")


def mostly_unscored(run: Run) -> str:
    """What to say where no metric has a value for half of the answers; empty elsewhere."""
    reasons = what_is_missing(run).unscored
    answered = run.done - run.failed
    lacking = {metric: sum(reason.count for reason in found) for metric, found in reasons.items()}
    if not answered or any(2 * lacking.get(metric, 0) <= answered for metric in run.metrics):
        return ""
    metric, found = max(reasons.items(), key=lambda item: lacking[item[0]])
    return f"{lacking[metric]:,} of {answered:,} answers could not be scored, most often: {found[0].message}"


def what_is_missing(run: Run) -> Outcome:
    """Which answers failed or have no score, and why."""
    return _outcome(_version(run), run)


@st.cache_resource(max_entries=256, show_spinner=False)
def _outcome(version: tuple[int, int, int, str], _run: Run) -> Outcome:
    return outcome(store(), _run)


def _version(run: Run) -> tuple[int, int, int, str]:
    """What changes whenever the run's scores may have changed."""
    return run.id, run.total, run.done, run.status


def _metrics(runs: Mapping[str, Run]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(metric for run in runs.values() for metric in run.metrics))


@st.cache_resource(max_entries=64, show_spinner="Comparing …")
def _measured(
    keys: tuple[tuple[str, int, int, int, int, str], ...], metrics: tuple[str, ...], baseline: str
) -> list[Row]:
    scores = _scores(tuple(key[2:] for key in keys))
    scored = [Scored(name, total, scores[run_id], run_id, seen) for name, seen, run_id, total, *_ in keys]
    return leaderboard(scored, metrics, [key[0] for key in keys].index(baseline))


@st.cache_resource(max_entries=64, show_spinner=False)
def _scores(keys: tuple[tuple[int, int, int, str], ...]) -> dict[int, RunScores]:
    return store().scores([key[0] for key in keys])
