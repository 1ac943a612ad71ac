"""The sample project, so that a first start shows something real."""

from __future__ import annotations

from pathlib import Path

from llmopt_core.experiments.experiment import save_experiment
from llmopt_core.experiments.experiment_file import load_experiment
from llmopt_core.installation import sample_folder
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project

SAMPLE = sample_folder() / "experiment.yaml"


def install_sample(store: Store, path: Path = SAMPLE) -> Project | None:
    """Put the sample's documents, questions and configurations into a workspace that has no project yet.

    Returns:
        The project; None where there are projects already, or the sample is not installed beside the program.
    """
    if store.projects() or not path.exists():
        return None
    return save_experiment(store, load_experiment(path))
