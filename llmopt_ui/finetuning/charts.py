"""Figures of the fine-tuning lab. Pure functions: no Streamlit calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import plotly.graph_objects as go

from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.data.structured_outputs import StructuredReport
from llmopt_core.finetuning.jobs.job import MetricPoint
from llmopt_core.labs.finetuning.factorial import Arm, Economics, Factorial
from llmopt_core.reporting.page import PALETTE
from llmopt_ui import format as fmt
from llmopt_ui.charts import CONTAMINATION_LABEL, hatching
from llmopt_ui.theme import FAINT, NEUTRAL, Ink, apply_theme, figure_text

BASE_COLOUR, TUNED_COLOUR = PALETTE[0], PALETTE[1]
PROMPT_COLOUR = "#7C8594"
"""Of a model as it comes."""
_MOST_CLASSES = 16
"""More names do not fit beside the bars without turning them."""
_NO_CLASS = "no class"
_WORDS = {
    "lora": ("Loss per token", "of tokens predicted"),
    "embedding": ("Loss per question", "of questions nearest to their own passage"),
}


def class_bars(train: Sequence[TrainingExample], validation: Sequence[TrainingExample]) -> go.Figure:
    """Examples per class, training and validation part stacked; the largest classes where there are many."""
    parts = {"Training": Counter(e.label for e in train), "Validation": Counter(e.label for e in validation)}
    together = parts["Training"] + parts["Validation"]
    labels = [label for label, _ in together.most_common(_MOST_CLASSES)][::-1]
    names = [figure_text(fmt.shorten(label or _NO_CLASS, 30)) for label in labels]
    figure = go.Figure()
    for (part, counts), colour in zip(parts.items(), (BASE_COLOUR, "#56B4E9"), strict=True):
        values = [counts.get(label, 0) for label in labels]
        if any(values):
            figure.add_bar(
                name=part,
                y=names,
                x=values,
                orientation="h",
                marker={"color": colour},
                hovertemplate=f"<b>%{{y}}</b><br>%{{x}} examples for {part.lower()}<extra></extra>",
            )
    figure.update_layout(
        barmode="stack",
        height=110 + 26 * len(labels),
        margin={"t": 34},
        # Halves of an example would stand at the axis of a small set.
        xaxis={
            "title": "Examples",
            "rangemode": "tozero",
            **({"dtick": 1} if max(together.values(), default=0) < 8 else {}),
        },
        legend={"traceorder": "normal"},
        showlegend=True,
    )
    return apply_theme(figure)


def token_bars(histogram: Sequence[tuple[int | None, int]], limit: int) -> go.Figure:
    """How long the examples are, in tokens; those over the limit in red."""
    last = max((i for i, (_, count) in enumerate(histogram) if count), default=0)
    first = next((i for i, (_, count) in enumerate(histogram) if count), 0)
    lower = [0, *[upper for upper, _ in histogram[:-1]]]
    visible = range(max(0, first - 1), min(len(histogram), last + 2))
    names = [f"{(lower[i] or 0) + 1:,} to {histogram[i][0]:,}" if histogram[i][0] else f"over {lower[i]:,}"
             for i in visible]  # fmt: skip
    colours = ["#D55E00" if (lower[i] or 0) >= limit else BASE_COLOUR for i in visible]
    counts = [histogram[i][1] for i in visible]
    figure = go.Figure(
        go.Bar(
            x=names,
            y=counts,
            marker={"color": colours},
            text=[str(count) if count else "" for count in counts],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x} tokens: %{y} examples<extra></extra>",
        )
    )
    figure.update_layout(
        height=270,
        margin={"t": 24},
        xaxis={"title": "Tokens per example, as OpenAI counts", "type": "category"},
        yaxis={"title": "Examples", "rangemode": "tozero"},
    )
    return apply_theme(figure)


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
    figure.update_layout(
        height=330,
        margin={"t": 34},
        xaxis={"title": "Training step", "rangemode": "tozero", **({"range": [0, total]} if total else {})},
        yaxis={"title": unit, "rangemode": "tozero"},
        showlegend=True,
    )
    return apply_theme(figure)


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


def smooth(values: Sequence[float], share: float = 0.9) -> list[float]:
    """Exponential moving average with the start corrected, so that the first value counts as itself."""
    means, mean, weight = [], 0.0, 0.0
    for value in values:
        mean, weight = share * mean + (1 - share) * value, share * weight + (1 - share)
        means.append(mean / weight)
    return means


def factorial_bars(factorial: Factorial, title: str, names: Mapping[str, str], inks: Mapping[str, Ink]) -> go.Figure:
    """The 2 x 2 as two groups of two bars with intervals: without and with retrieval, base beside tuned.

    Args:
        factorial: What was measured.
        title: Of the axis.
        names: Arm -> its configuration.
        inks: Configuration -> its colour.
    """
    figure = go.Figure()
    groups = ("Plain", "With retrieval (RAG)")
    uneven = len({arm.run.done for arm in factorial.arms.values()}) > 1
    for side, arms in (("base", ("base", "base + RAG")), ("fine-tuned", ("fine-tuned", "fine-tuned + RAG"))):
        values = [factorial.arms.get(arm) for arm in arms]
        for group, arm, one in zip(groups, arms, values, strict=True):
            name = names[arm]
            figure.add_bar(
                name=figure_text(name),
                offsetgroup=side,
                x=[group],
                y=[one.summary.mean if one else None],
                error_y=_whiskers([one]),
                marker={"color": inks[name].colour, "pattern": hatching([_pattern(one)])},
                customdata=[_hover(one)],
                hovertemplate=f"<b>{figure_text(name)}</b> ({arm})<br>%{{customdata}}<extra></extra>",
            )
        _values(figure, groups, values, shift=-1 if side == "base" else 1, with_counts=uneven)
    figure.update_layout(
        barmode="group",
        height=360,
        margin={"t": 34},
        yaxis={"title": title, "range": [0, 1.12], "dtick": 0.25, "fixedrange": True},
        xaxis={"tickfont": {"size": 14}, "fixedrange": True},
        showlegend=True,
    )
    return apply_theme(figure)


def _pattern(arm: Arm | None) -> str:
    """Hatched where the questions were trained on."""
    return "/" if arm is not None and arm.overlap.overlap_count else ""


def _values(
    figure: go.Figure, groups: Sequence[str], values: Sequence[Arm | None], *, shift: int, with_counts: bool
) -> None:
    """The means above the whiskers, where they can be read over a bar of any height; `with_counts` adds questions."""
    for at, arm in enumerate(values):
        mean, high = (arm.summary.mean, arm.summary.high) if arm else (None, None)
        figure.add_annotation(
            x=at + 0.2 * shift,
            y=max(high or 0.0, mean or 0.0),
            text=fmt.score(mean) + (f"<br>n = {arm.run.done}" if with_counts else "") if arm else "not run",
            showarrow=False,
            yanchor="bottom",
            font={"size": 16 if arm else 13},
        )


def _whiskers(values: Sequence[Arm | None]) -> dict[str, object]:
    intervals = [(c.summary.mean, c.summary.low, c.summary.high) if c else (None, None, None) for c in values]
    up = [high - mean if mean is not None and high is not None else 0.0 for mean, _, high in intervals]
    down = [mean - low if mean is not None and low is not None else 0.0 for mean, low, _ in intervals]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.5, "color": NEUTRAL}


def _hover(arm: Arm | None) -> str:
    if arm is None or arm.summary.mean is None:
        return "not scored"
    s = arm.summary
    return f"{fmt.score(s.mean)} (95 % interval {fmt.interval(s.low, s.high)})<br>{s.scored} of {s.total} scored"


def structured_bars(
    reports: Mapping[str, StructuredReport], inks: Mapping[str, Ink], contaminated_names: Collection[str] = ()
) -> go.Figure:
    """Valid JSON, intent, slot F1 and exact answers, one bar per run with its interval.

    Args:
        reports: By the run's name.
        inks: Run -> its colour.
        contaminated_names: Runs that were trained on these questions; their bars are hatched.
    """
    titles = {"valid": "Valid JSON", "intent": "Right intent", "slot_f1": "Slot F1", "exact": "All right"}
    figure = go.Figure()
    for name, report in reports.items():
        shares = [getattr(report, key) for key in titles]
        figure.add_bar(
            name=figure_text(name) + (f" ({CONTAMINATION_LABEL})" if name in contaminated_names else ""),
            x=list(titles.values()),
            y=[share.value for share in shares],
            error_y={"type": "data", "symmetric": False, "array": [s.high - s.value for s in shares],
                     "arrayminus": [s.value - s.low for s in shares], "thickness": 1.5, "color": NEUTRAL},
            marker={"color": inks[name].colour,
                    "pattern": hatching(["/" if name in contaminated_names else ""] * len(titles))},
            text=[fmt.score(share.value) for share in shares],
            textposition="inside",
            insidetextanchor="start",
            customdata=[fmt.interval(share.low, share.high) for share in shares],
            hovertemplate=f"<b>{figure_text(name)}</b><br>%{{x}}: %{{y:.2f}} (%{{customdata}})<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        barmode="group",
        height=330,
        margin={"t": 34},
        yaxis={"title": "Share of answers (0 to 1)", "range": [0, 1.04], "dtick": 0.25},
        showlegend=True,
    )
    return apply_theme(figure)


def category_bars(means: Mapping[str, tuple[float, float, int]], title: str, pair: Mapping[str, Ink]) -> go.Figure:
    """Base beside tuned by category, the largest loss on top; `pair` has their names and colours."""
    categories = sorted(means, key=lambda name: means[name][0] - means[name][1])
    names = [figure_text(fmt.shorten(name or _NO_CLASS, 24)) for name in categories]
    figure = go.Figure()
    # Plotly draws the last of a group on top.
    for place, (configuration, ink) in reversed(list(enumerate(pair.items()))):
        name = figure_text(configuration)
        figure.add_bar(
            name=name,
            y=names,
            x=[means[key][place] for key in categories],
            orientation="h",
            marker={"color": ink.colour},
            customdata=[means[key][2] for key in categories],
            hovertemplate=f"<b>{name}</b>, %{{y}}<br>%{{x:.2f}} over %{{customdata}} questions<extra></extra>",
        )
    figure.update_layout(
        barmode="group",
        height=110 + 40 * len(categories),
        margin={"t": 34},
        xaxis={"title": f"{title} (0 to 1)", "range": [0, 1.02], "dtick": 0.25},
        legend={"traceorder": "reversed"},
        showlegend=True,
    )
    return apply_theme(figure)


def cost_lines(economics: Economics, pair: Mapping[str, Ink]) -> go.Figure:
    """What so many requests cost, with the training; the lines cross where it is earned back.

    Args:
        economics: Prices and break-even.
        pair: Names and colours of base and tuned configuration, in this order.
    """
    crossing = economics.result.requests
    end = 2 * crossing if crossing else 10_000
    requests = [end * i / 40 for i in range(41)]
    totals = [economics.total(count) for count in requests]
    figure = go.Figure()
    for place, (configuration, ink) in enumerate(pair.items()):
        name = f"{configuration}, training included" if place else configuration
        figure.add_scatter(
            x=requests,
            y=[total[place] for total in totals],
            name=figure_text(name),
            mode="lines",
            line={"color": ink.colour, "width": 2.5},
            hovertemplate=f"<b>{figure_text(name)}</b><br>%{{x:,.0f}} requests: $%{{y:,.2f}}<extra></extra>",
        )
    if crossing:
        words = f"even after {crossing:,} requests"
        figure.add_vline(crossing, line={"dash": "dash", "color": NEUTRAL}, annotation_text=words,
                         annotation_position="top left")  # fmt: skip
    figure.update_layout(
        height=300,
        margin={"t": 40},
        xaxis={"title": "Requests", "rangemode": "tozero", "gridcolor": FAINT},
        yaxis={"title": "Cost so far (USD)", "rangemode": "tozero"},
        showlegend=True,
    )
    return apply_theme(figure)
