"""Of all runs of a project those that count: one per configuration, on the same questions, by the same judge."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from llmopt_core.experiments.run_documents import same_documents
from llmopt_core.runs.values import Run, SavedConfiguration


def current_runs(
    runs: Sequence[Run],
    set_name: str,
    set_version: str,
    judge: str,
    *,
    order: Sequence[str] = (),
    metrics: Collection[str] = (),
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
        metrics: Only runs with all of these count.

    Returns:
        By name; an earlier version of a configuration carries its fingerprint.
    """
    kinds: dict[str, list[Run]] = {}
    for run in runs:
        is_same_evaluation = (run.evaluation_set, run.set_version, run.judge) == (set_name, set_version, judge)
        if is_same_evaluation and run.done and set(metrics) <= set(run.metrics):
            kinds.setdefault(run.fingerprint, []).append(run)
    runs_by_name: dict[str, Run] = {}
    for newest, *older in kinds.values():
        name = newest.name if newest.name not in runs_by_name else f"{newest.name} (earlier, {newest.fingerprint[:4]})"
        # Counted first: of thousands of older runs hardly one has more answers.
        larger_runs = (run for run in older if run.done - run.failed > newest.done - newest.failed)
        complete_runs = (
            run for run in larger_runs if set(newest.metrics) <= set(run.metrics) and same_documents(run, newest)
        )
        runs_by_name[name] = max((newest, *complete_runs), key=lambda run: run.done - run.failed)
    places = {name: place for place, name in enumerate(order)}
    # Runs are counted up, so the lower number is the older one.
    return dict(sorted(runs_by_name.items(), key=lambda item: (places.get(item[0], len(places)), item[1].id)))


def family_runs(
    runs: Sequence[Run], configurations: Sequence[SavedConfiguration], set_name: str, set_version: str, judge: str
) -> dict[str, Run]:
    """The runs whose comparisons with the baseline are tested together: those of the configurations that are saved.

    Where none of them has a run, all runs that count. What the Prompts page compares is a part of it only on questions
    that nothing else was run on.

    Args:
        runs: Of the project, newest first.
        configurations: Its configurations.
        set_name: Name of the evaluation set.
        set_version: Its version.
        judge: Whose scores.
    """
    set_runs = [
        run for run in runs if (run.evaluation_set, run.set_version, run.judge) == (set_name, set_version, judge)
    ]
    evaluation_runs = [run for run in set_runs if not run.comparison] or set_runs
    runs_by_name = current_runs(
        evaluation_runs, set_name, set_version, judge, order=[item.name for item in configurations]
    )
    fingerprints = {item.fingerprint for item in configurations}
    return {name: run for name, run in runs_by_name.items() if run.fingerprint in fingerprints} or runs_by_name
