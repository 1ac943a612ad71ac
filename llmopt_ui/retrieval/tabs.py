"""The tabs of the retrieval lab. A tab is one line in `TABS`; its module is loaded when it is opened."""

from __future__ import annotations

from llmopt_core.runs.values import Project
from llmopt_ui.retrieval.settings import settings_row
from llmopt_ui.retrieval.sides import has_content, sides
from llmopt_ui.retrieval_configurations import retrieval_configurations
from llmopt_ui.tabs import show_tabs

VIEW = "retrieval_view"
TABS = {
    "One question": "llmopt_ui.retrieval.question:question_view",
    "Whole set": "llmopt_ui.retrieval.whole_set:whole_set_view",
    "Leave one out": "llmopt_ui.retrieval.ablation:ablation_view",
    "More chunks": "llmopt_ui.retrieval.k_sweep:k_sweep_view",
}
"""Title -> `module:function`; the function is given the project and the sides that are looked at."""


def retrieval_lab(project: Project) -> None:
    """The configurations that are looked at, and below them the tabs."""
    configurations = retrieval_configurations(project)
    if not has_content(project, configurations):
        return
    sides_here = sides(project, configurations)
    settings_row(project, sides_here)
    show_tabs(VIEW, TABS, project, sides_here)
