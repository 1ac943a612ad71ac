"""What a project has and what is being worked on, as the adviser needs it on every page."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.labs.evaluation.adviser.setup import ProjectSetup
from llmopt_core.runs.values import Project, Run
from llmopt_ui.evaluation_sets import set_size
from llmopt_ui.job_panel import title_of
from llmopt_ui.resources import settings, store
from llmopt_ui.runs.progress import names_in_evaluation
from llmopt_ui.runs.results import Entry

_TAB_OF = {
    "question-writing": "Questions",
    "chunk-sweep": "Sweep",
    "retrieval-measure": "Whole set",
    "comparison": "Side by side",
    "instruction-search": "Editor",
}


def setup_of(project: Project, entries: Sequence[Entry]) -> ProjectSetup:
    """What the project has, and what is being worked on."""
    return ProjectSetup(
        len(store().document_list(project)),
        sum(item.size for item in store().evaluation_sets(project)),
        store().configurations(project),
        set_size(project, entries[0].run.evaluation_set, entries[0].run.set_version) if entries else None,
        names_in_evaluation(project),
        _evaluated(project, entries),
        _work_by_tab(project),
    )


def _evaluated(project: Project, entries: Sequence[Entry]) -> frozenset[str]:
    """The configurations that were run on the set of the entries; of many, only some are among them."""
    if not entries:
        return frozenset()
    shown = place_of(entries[0].run)
    return frozenset(
        run.fingerprint for run in store().runs(project) if run.done and not run.comparison and place_of(run) == shown
    )


def place_of(run: Run) -> tuple[str, str, str]:
    """Only runs of one set, version and judge are compared."""
    return run.evaluation_set, run.set_version, run.judge


def _work_by_tab(project: Project) -> dict[str, str]:
    """What is worked on, by the tab where a step would start it."""
    jobs = [job for job in store().jobs(project, active=True) if job.kind in _TAB_OF]
    titles = {_TAB_OF[job.kind]: title_of(job) for job in jobs}
    trainings = _in_training(project)
    return {**titles, "Training data": f"training {', '.join(trainings)}"} if trainings else titles


def _in_training(project: Project) -> list[str]:
    """What knows of trainings is read only where something was ever trained."""
    from llmopt_core.finetuning.jobs.folder import jobs_root

    if not jobs_root(settings()).is_dir():
        return []
    from llmopt_core.experiments.finetuning_jobs import jobs_of

    return [job.name for job in jobs_of(store(), settings(), project) if not job.has_ended]
