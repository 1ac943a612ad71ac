"""Before and after on structured answers: valid JSON, right intent, slot F1, everything right."""

from __future__ import annotations

from operator import attrgetter

import streamlit as st

from llmopt_core.experiments.caveats import caveats_of
from llmopt_core.finetuning.data.structured_outputs import StructuredReport
from llmopt_core.labs.finetuning.structured_outputs import (
    is_structured,
    list_structured_runs,
    report_structured_outputs,
)
from llmopt_core.runs.values import Project, Run
from llmopt_ui import format as fmt
from llmopt_ui.caveats import caveats_view
from llmopt_ui.chart_view import show_chart
from llmopt_ui.colours import project_inks
from llmopt_ui.components import section
from llmopt_ui.finetuning.charts import structured_bars
from llmopt_ui.resources import store

_HELP = "Slot F1 counts all slots together; all right means intent and every slot. No JSON misses everything."


def structured_view(project: Project) -> None:
    """Every run on an evaluation set whose answers are JSON with intent and slots; nothing where there is none."""
    for question_set in store().evaluation_sets(project):
        runs = list_structured_runs(store(), project, question_set)
        # The set is read only where there are runs.
        if not runs or not is_structured(store().evaluation_set(project, question_set.name)):
            continue
        reports = {run.name: _report(run) for run in runs}
        section(f"Structured answers on {fmt.markdown(question_set.name)}", _HELP)
        caveats = caveats_of(store(), runs)
        caveats_view(caveats)
        contaminated_names = [run.name for run, about in zip(runs, caveats, strict=True) if about.overlap_count]
        figure = structured_bars(reports, project_inks(project, reports), contaminated_names)
        show_chart(
            figure, f"structured_{question_set.name}", "Valid JSON, intent, slot F1 and exact answers of each run"
        )
        # Runs may have been limited; what the largest answered is told.
        most = max(report.answers for report in reports.values())
        st.caption(f"{fmt.plural(most, 'question')}, 95 % intervals.")


# A run is known by its id and how much of it is there.
@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Run: attrgetter("id", "done")})
def _report(run: Run) -> StructuredReport:
    return report_structured_outputs(store(), run)
