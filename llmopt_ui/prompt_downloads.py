"""A comparison to take away: one HTML file, or a table."""

from __future__ import annotations

from llmopt_core.experiments.prompt_lab.comparison import Comparison
from llmopt_core.experiments.prompt_lab.export import comparison_csv, comparison_html
from llmopt_core.experiments.prompt_lab.grid import Grid
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import Download, downloads


def grid_downloads(project: Project, found: Comparison, grid: Grid) -> None:
    """The buttons."""
    stem = fmt.file_stem(f"comparison-{project.name}-{found.id}")
    downloads(
        [
            Download("Page (HTML)", lambda: comparison_html(found, grid), f"{stem}.html", "text/html"),
            Download("Table (CSV)", lambda: comparison_csv(grid), f"{stem}.csv", "text/csv"),
        ],
        f"grid_{found.id}",
    )
