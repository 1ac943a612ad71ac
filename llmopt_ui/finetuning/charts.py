"""Figures of the fine-tuning lab. Pure functions: no Streamlit calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import plotly.graph_objects as go

from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.data.structured_outputs import StructuredReport
from llmopt_core.labs.finetuning.factorial import Arm, Economics, Factorial
from llmopt_core.reporting.page import PALETTE
from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.charts import CONTAMINATION_LABEL, hatching, summary_words, whiskers
from llmopt_ui.theme import NEUTRAL, Ink, apply_theme, figure_text

BASE_COLOUR, TUNED_COLOUR = PALETTE[0], PALETTE[1]
PROMPT_COLOUR = "#7C8594"
"""Of a model as it comes."""
_MOST_CLASSES = 16
"""More names do not fit beside the bars without turning them."""
_NO_CLASS = "no class"


def class_bars(train: Sequence[TrainingExample], validation: Sequence[TrainingExample]) -> go.Figure:
    """Examples per class, training and validation part stacked; the largest classes where there are many."""
    parts = {"Training": Counter(e.label for e in train), "Validation": Counter(e.label for e in validation)}
    together = parts["Training"] + parts["Validation"]
    # The largest on top, as Plotly draws from the bottom up.
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
    return apply_theme(
        figure,
        barmode="stack",
        height=110 + 26 * len(labels),
        # Halves of an example would stand at the axis of a small set.
        xaxis={
            "title": "Examples",
            "rangemode": "tozero",
            **({"dtick": 1} if max(together.values(), default=0) < 8 else {}),
        },
        legend={"traceorder": "normal"},
        showlegend=True,
    )


def token_bars(histogram: Sequence[tuple[int | None, int]], limit: int) -> go.Figure:
    """How long the examples are, in tokens; those over the limit in red."""
    last = max((i for i, (_, count) in enumerate(histogram) if count), default=0)
    first = next((i for i, (_, count) in enumerate(histogram) if count), 0)
    lower = [0, *[upper for upper, _ in histogram[:-1]]]
    # One empty bin on either side shows that nothing lies beyond.
    visible = range(max(0, first - 1), min(len(histogram), last + 2))
    names = [f"{(lower[i] or 0) + 1:,} to {histogram[i][0]:,}" if histogram[i][0] else f"over {lower[i]:,}"
             for i in visible]  # fmt: skip
    # By where a bin begins: only what is surely over the limit is red.
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
    return apply_theme(
        figure,
        height=270,
        margin={"t": 24},
        xaxis={"title": "Tokens per example, as OpenAI counts", "type": "category"},
        yaxis={"title": "Examples", "rangemode": "tozero"},
    )


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
            name, summary = names[arm], one.summary if one else None
            figure.add_bar(
                name=figure_text(name),
                offsetgroup=side,
                x=[group],
                y=[summary.mean if summary else None],
                error_y=whiskers([summary]),
                marker={"color": inks[name].colour, "pattern": hatching([_pattern(one)])},
                customdata=[summary_words(summary)],
                hovertemplate=f"<b>{figure_text(name)}</b> ({arm})<br>%{{customdata}}<extra></extra>",
            )
        _values(figure, groups, values, shift=-1 if side == "base" else 1, with_counts=uneven)
    return apply_theme(
        figure,
        height=360,
        yaxis={"title": title, "range": [0, 1.12], "dtick": 0.25, "fixedrange": True},
        xaxis={"tickfont": {"size": 14}, "fixedrange": True},
        showlegend=True,
    )


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
            # Over the left or the right bar of its group.
            x=at + 0.2 * shift,
            y=max(high or 0.0, mean or 0.0),
            text=fmt.score(mean) + (f"<br>n = {arm.run.done}" if with_counts else "") if arm else "not run",
            showarrow=False,
            yanchor="bottom",
            font={"size": 16 if arm else 13},
        )


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
            error_y=whiskers([Summary(s.value, s.low, s.high, report.answers, report.answers) for s in shares]),
            marker={"color": inks[name].colour,
                    "pattern": hatching(["/" if name in contaminated_names else ""] * len(titles))},
            text=[fmt.score(share.value) for share in shares],
            textposition="inside",
            insidetextanchor="start",
            customdata=[fmt.interval(share.low, share.high) for share in shares],
            hovertemplate=f"<b>{figure_text(name)}</b><br>%{{x}}: %{{y:.2f}} (%{{customdata}})<extra></extra>",
        )  # fmt: skip
    return apply_theme(
        figure,
        height=330,
        yaxis={"title": "Share of answers (0 to 1)", "range": [0, 1.04], "dtick": 0.25},
        showlegend=True,
    )


def category_bars(means: Mapping[str, tuple[float, float, int]], title: str, pair: Mapping[str, Ink]) -> go.Figure:
    """Base beside tuned by category, the largest loss on top; `pair` has their names and colours."""
    # Base minus tuned: from the largest gain to the largest loss, which comes last and so on top.
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
    return apply_theme(
        figure,
        height=110 + 40 * len(categories),
        xaxis={"title": f"{title} (0 to 1)", "range": [0, 1.02], "dtick": 0.25},
        legend={"traceorder": "reversed"},
        showlegend=True,
    )


def cost_lines(economics: Economics, pair: Mapping[str, Ink]) -> go.Figure:
    """What so many requests cost, with the training; the lines cross where it is earned back.

    Args:
        economics: Prices and break-even.
        pair: Names and colours of base and tuned configuration, in this order.
    """
    crossing = economics.result.requests
    # The crossing is in the middle. Where the lines never cross any number does, as both are straight.
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
    return apply_theme(
        figure,
        height=300,
        xaxis={"title": "Requests", "rangemode": "tozero"},
        yaxis={"title": "Cost so far (USD)", "rangemode": "tozero"},
        showlegend=True,
    )
