"""The evaluation sets of a project in the order in which they are offered."""

from __future__ import annotations

from llmopt_core.labs.finetuning.embedder import EMBEDDER
from llmopt_core.labs.finetuning.sources import CHINESE, GENERAL, SNIPS_TEST
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, SavedSet

_COMES_ALONG = {SNIPS_TEST, GENERAL, CHINESE}


def list_training_sets(store: Store, project: Project | str) -> list[SavedSet]:
    """The sets of a project: the user's own, newest first, then examples that come along and parts held back.

    Pickers take the first by default, so what the program adds to a project changes no default.
    """
    plans = (version.body.get("plan") or {} for version in store.versions(project, EMBEDDER))
    behind = _COMES_ALONG | {str(plan.get("held_back_set") or "") for plan in plans}
    # `sorted` is stable: within each half the order stays, newest first.
    return sorted(store.evaluation_sets(project), key=lambda item: item.name in behind)
