"""The tabs of the page of data questions. A tab is one line in `TABS`; its module is loaded when it is opened."""

from __future__ import annotations

from llmopt_core.runs.values import Project
from llmopt_ui.data_questions.sources import source_row
from llmopt_ui.tabs import show_tabs

VIEW = "data_view"
TABS = {
    "Ask": "llmopt_ui.data_questions.ask:ask_view",
    "Schema": "llmopt_ui.data_questions.schema:schema_view",
    "Ladder": "llmopt_ui.data_questions.ladder:ladder_tab",
    "Golds": "llmopt_ui.data_questions.golds:golds_tab",
}
"""Title -> `module:function`; the function is given the project and the data source that is chosen."""


def data_questions(project: Project) -> None:
    """The data source, and below it the tabs."""
    source = source_row(project)
    if source is not None:
        show_tabs(VIEW, TABS, project, source)
