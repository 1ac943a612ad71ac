"""Heat maps on a white and on a dark page: low is near the page, high away from it, and numbers are read on both."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import plotly.graph_objects as go
import pytest

from llmopt_core.labs.evaluation.pictures.category_scores import CategoryScore
from llmopt_core.statistics.intervals import Summary, rate
from llmopt_ui.evaluation.failures.kind_figure import KindCell, kind_figure
from llmopt_ui.evaluation.pictures.categories import category_map
from llmopt_ui.theme import AMOUNTS, SHARES, inks, share_colour

THEMES = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())["theme"]
Colour = tuple[float, float, float]


def page_colour(theme: str, name: str) -> Colour:
    text = THEMES[theme][name]
    return tuple(int(text[at : at + 2], 16) for at in (1, 3, 5))  # type: ignore[return-value]


def over(colour: str, page: Colour) -> Colour:
    """A colour as it is seen on a page."""
    red, green, blue, alpha = map(float, re.findall(r"[\d.]+", colour))
    return tuple(alpha * top + (1 - alpha) * below for top, below in zip((red, green, blue), page, strict=True))  # type: ignore[return-value]


def light(colour: Colour) -> float:
    """Relative luminance as in the WCAG."""
    parts = [v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Colour, other: Colour) -> float:
    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("scale", [SHARES, AMOUNTS])
def test_higher_is_farther_from_the_page_and_text_is_read_on_all_of_it(
    theme: str, scale: tuple[tuple[float, str], ...]
) -> None:
    page, text = page_colour(theme, "backgroundColor"), page_colour(theme, "textColor")
    (_, low), (_, high) = scale
    assert contrast(over(low, page), page) < 1.2
    assert contrast(over(high, page), page) > 2
    assert min(contrast(over(colour, page), text) for _, colour in scale) > 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_parts_of_a_spread_grow_stronger(theme: str) -> None:
    page = page_colour(theme, "backgroundColor")
    seen = [contrast(over(share_colour(place / 5), page), page) for place in range(6)]
    assert seen == sorted(seen)
    assert len(set(seen)) == 6


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_scores_of_the_map_of_questions_are_farther_from_the_page_the_higher_they_are(theme: str) -> None:
    page = page_colour(theme, "backgroundColor")
    steps = [tuple(int(c[at : at + 2], 16) for at in (1, 3, 5)) for c in THEMES[theme]["chartSequentialColors"]]
    seen = [contrast(step, page) for step in steps]  # type: ignore[arg-type]
    assert seen == sorted(seen)


def figures() -> dict[str, go.Figure]:
    cells = [KindCell("a", None, "refused", rate([True, False]), ("q1",))]
    scores = [
        CategoryScore("a", "when", Summary(0.4, 0.2, 0.6, 9, 9)),
        CategoryScore("a", "", Summary(None, None, None, 0, 3)),
    ]
    return {
        "failures": kind_figure(cells, {"refused": "Refused"}),
        "categories": category_map(scores, inks(["a"]), {}),
    }


@pytest.mark.parametrize("name", ["failures", "categories"])
def test_maps_with_numbers_take_the_colour_of_the_page_for_them(name: str) -> None:
    figure = figures()[name]
    (colours,) = [trace for trace in figure.data if trace.type == "heatmap"]
    assert tuple(tuple(step) for step in colours.colorscale) == SHARES
    texts = [trace for trace in figure.data if trace.type == "scatter" and "text" in trace.mode]
    assert texts
    assert all(trace.textfont.color is None for trace in texts)
