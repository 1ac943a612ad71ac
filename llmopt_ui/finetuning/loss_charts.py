"""The loss of fine-tuning jobs over their steps. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from llmopt_core.finetuning.jobs.job import MetricPoint
from llmopt_ui.theme import NEUTRAL, Ink, apply_theme, figure_text

_WORDS = {
    "lora": ("Loss per token", "of tokens predicted"),
    "embedding": ("Loss per question", "of questions nearest to their own passage"),
}


def loss_curves(
    curves: Mapping[str, Sequence[MetricPoint]], inks: Mapping[str, Ink], total: int = 0, kind: str = "lora"
) -> go.Figure:
    """Training loss (smoothed, thin) and validation loss (dots) by step; one colour per job.

    Args:
        curves: Job name -> its points.
        inks: Job name -> its colour.
        total: Where the axis ends while a single job is running; 0 leaves it to the data.
        kind: Of the jobs; decides what the axis and the hover call the values.
    """
    figure = go.Figure()
    unit, share = _WORDS.get(kind, _WORDS["lora"])
    for name, points in curves.items():
        colour = inks[name].colour
        _training_line(figure, name, points, colour, alone=len(curves) == 1)
        _validation_line(figure, name, points, colour, share=share, alone=len(curves) == 1)
    return apply_theme(
        figure,
        height=330,
        xaxis={"title": "Training step", "rangemode": "tozero", **({"range": [0, total]} if total else {})},
        yaxis={"title": unit, "rangemode": "tozero"},
        showlegend=True,
    )


def _training_line(figure: go.Figure, name: str, points: Sequence[MetricPoint], colour: str, *, alone: bool) -> None:
    measurements = [(p.step, p.train_loss) for p in points if p.train_loss is not None]
    if not measurements:
        return
    steps, losses = zip(*measurements, strict=True)
    figure.add_scatter(
        x=steps,
        y=smooth(losses),
        customdata=losses,
        mode="lines",
        name="Training (smoothed)" if alone else f"{figure_text(name)}, training",
        line={"color": NEUTRAL if alone else colour, "width": 1.4, "dash": "solid" if alone else "dot"},
        # With several jobs training stands back behind validation, by which they are compared.
        opacity=0.9 if alone else 0.8,
        hovertemplate="step %{x}<br>training loss %{customdata:.3f}<extra>" + figure_text(name) + "</extra>",
    )


def _validation_line(
    figure: go.Figure, name: str, points: Sequence[MetricPoint], colour: str, *, share: str, alone: bool
) -> None:
    measurements = [(p.step, p.valid_loss, p.valid_accuracy) for p in points if p.valid_loss is not None]
    if not measurements:
        return
    steps, losses, accuracies = zip(*measurements, strict=True)
    # Of equal ones the first.
    best = losses.index(min(losses))
    figure.add_scatter(
        x=steps,
        y=losses,
        customdata=["" if a is None else f"<br>{a:.0%} {share}" for a in accuracies],
        mode="lines+markers",
        name="Validation" if alone else f"{figure_text(name)}, validation",
        line={"color": colour, "width": 2.4},
        marker={"size": [11 if i == best else 7 for i in range(len(losses))],
                "symbol": ["star" if i == best else "circle" for i in range(len(losses))]},
        hovertemplate="step %{x}<br>validation loss %{y:.3f}%{customdata}<extra>" + figure_text(name) + "</extra>",
    )  # fmt: skip


# The loss of single batches jumps more than it falls; .9 looks back about ten values. More hides turns, less shows
# noise.
def smooth(values: Sequence[float], share: float = 0.9) -> list[float]:
    """Exponential moving average with the start corrected, so that the first value counts as itself."""
    means, mean, weight = [], 0.0, 0.0
    for value in values:
        # The average starts at 0 and would be too low at first; dividing by the weight that values have so far
        # corrects it, as Adam does with its moments (Kingma and Ba, 2015).
        mean, weight = share * mean + (1 - share) * value, share * weight + (1 - share)
        means.append(mean / weight)
    return means
