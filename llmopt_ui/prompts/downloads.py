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
from llmopt_ui.components import Download, downloads
from llmopt_ui.keys import endpoints
from llmopt_ui.resources import settings, store

_LONGEST = 110


def grid_downloads(project: Project, found: Comparison, grid: Grid) -> None:
    """The buttons."""
    stem = fmt.file_stem(f"comparison-{project.name}-{found.id}")
    known = endpoints(settings())
    problem = exportable(found, known)
    files = [
        Download("Page (HTML)", lambda: comparison_page(store(), found, grid), f"{stem}.html", "text/html"),
        Download("Table (CSV)", lambda: comparison_csv(grid, row_notes(store(), found)), f"{stem}.csv", "text/csv"),
    ]
    if not problem:
        files.append(
            Download("promptfoo (YAML)", lambda: _promptfoo(found, known), "promptfooconfig.yaml", "text/yaml")
        )
    downloads(files, f"grid_{found.id}")
    if problem:
        told = fmt.markdown(fmt.shorten(problem, _LONGEST))
        st.caption(f"No promptfoo file: {told}.", help=fmt.markdown(problem) if len(problem) > _LONGEST else None)


def _promptfoo(found: Comparison, known: Mapping[str, Endpoint]) -> str:
    rows = store().evaluation_set(found.project, found.set_name, found.set_version)
    return export_comparison(found, rows, known).text
