"""A comparison to take away: one HTML file, or a table."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from llmopt_core.experiments.comparison import Comparison
from llmopt_core.interop.promptfoo.files import export_comparison, exportable
from llmopt_core.labs.prompts.export import comparison_csv, comparison_page
from llmopt_core.labs.prompts.grid import Grid
from llmopt_core.labs.prompts.row_notes import row_notes
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import File, downloads
from llmopt_ui.keys import endpoints
from llmopt_ui.resources import settings, store
from llmopt_ui.viewer_time import viewer_zone

# Characters of a line; the whole reason is in its help.
_LONGEST = 110


def grid_downloads(project: Project, comparison: Comparison, grid: Grid) -> None:
    """The buttons."""
    stem = fmt.file_stem(f"comparison-{project.name}-{comparison.id}")
    endpoints_by_name = endpoints(settings())
    # Known before: a button that can only fail is not offered.
    problem = exportable(comparison, endpoints_by_name)
    # Files are made outside of the session, where nobody knows who looks.
    zone = viewer_zone()
    files: list[File] = [
        ("Page (HTML)", lambda: comparison_page(store(), comparison, grid, zone), f"{stem}.html"),
        ("Table (CSV)", lambda: comparison_csv(grid, row_notes(store(), comparison)), f"{stem}.csv"),
    ]
    if not problem:
        files.append(("promptfoo (YAML)", lambda: _promptfoo(comparison, endpoints_by_name), "promptfooconfig.yaml"))
    downloads(f"grid_{comparison.id}", *files)
    if problem:
        problem_text = fmt.markdown(fmt.shorten(problem, _LONGEST))
        st.caption(
            f"No promptfoo file: {problem_text}.", help=fmt.markdown(problem) if len(problem) > _LONGEST else None
        )


def _promptfoo(comparison: Comparison, endpoints_by_name: Mapping[str, Endpoint]) -> str:
    rows = store().evaluation_set(comparison.project, comparison.set_name, comparison.set_version)
    return export_comparison(comparison, rows, endpoints_by_name).text
