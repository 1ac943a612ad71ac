"""Grouped bars of several metrics, each of which leads to its records."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_ui.chart_view import show_chart
from llmopt_ui.charts import metric_bars
from llmopt_ui.evaluation.comparison import Selection
from llmopt_ui.evaluation.records_address import clicked_point, open_records
from llmopt_ui.runs.results import Entry


def score_bars(selection: Selection, comparison: Sequence[Entry], metrics: Sequence[str], key: str) -> None:
    """The picture. A bar that is clicked opens the records of its configuration, the worst by its metric first."""
    figure = metric_bars(
        {entry.name: entry.summaries for entry in comparison},
        {metric: metric_title(metric) for metric in metrics},
        selection.inks,
        [entry.name for entry in comparison if entry.overlap_count],
        {entry.name: note for entry in comparison if (note := _note(entry))},
    )
    show_chart(
        figure,
        key,
        "Mean score of each configuration per metric, with 95 % intervals",
        on_select=lambda: _take_click(figure, key, metrics),
        selection_mode="points",
    )


def _note(entry: Entry) -> str:
    """What stands beside its name. What was trained on its questions is hatched, and says so already."""
    return ", ".join(filter(None, ("" if entry.overlap_count else entry.mark, entry.question_count)))


def _take_click(figure: go.Figure, key: str, metrics: Sequence[str]) -> None:
    point = clicked_point(key)
    curve, place = point.get("curve_number"), point.get("point_number")
    if not isinstance(curve, int) or not isinstance(place, int) or curve >= len(figure.data):
        return
    name = (figure.data[curve].meta or {}).get("configuration")
    # Bars that carry words alone have no configuration.
    if name is not None and place < len(metrics):
        open_records(str(name), metrics[place])
