"""One palette with fixed meanings, and one Plotly template that follows the app's light or dark theme.

The template leaves text, grid and background colours to Streamlit, which fills them in the browser: a figure changes
with the theme without being drawn again. Colours set here are readable on both.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from llmopt_core.reporting.page import PALETTE
from llmopt_core.reporting.verdict_words import INSIDE_NOISE
from llmopt_core.statistics.paired_comparison import Comparison

# Greys that are read on white and on black alike, see through for what should be less seen.
NEUTRAL = "rgba(128, 136, 150, 0.9)"
FAINT = "rgba(128, 136, 150, 0.28)"
FAINTER = "rgba(128, 136, 150, 0.10)"
_NAME = "llmopt"
_SHARE = "20, 125, 190"
# From next to nothing to a strong blue that the page still shines through: low is near the page and high away from it,
# on white and on black alike, and the page's own text is read on both ends.
_WEAK, _STRONG = 0.06, 0.70
SHARES = ((0.0, f"rgba({_SHARE}, {_WEAK})"), (1.0, f"rgba({_SHARE}, {_STRONG})"))
"""The colours of heat maps of what begins at 0."""
AMOUNTS = ((0.0, f"rgba(196, 104, 0, {_WEAK})"), (1.0, f"rgba(196, 104, 0, {_STRONG})"))
"""The same for what is no quality, such as tokens."""


def share_colour(share: float) -> str:
    """A colour of `SHARES`, by its place between 0 and 1."""
    return f"rgba({_SHARE}, {_WEAK + (_STRONG - _WEAK) * share:.3f})"


@dataclass(frozen=True, slots=True)
class Ink:
    """A configuration's colour, and the filling pattern that tells it from another of the same colour."""

    colour: str
    pattern: str = ""

    @property
    def over(self) -> str:
        """The colour of words that are written over this one: black or white, whichever is read better."""
        red, green, blue = (int(self.colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        # Relative luminance as in the WCAG, with a power of 2.2 for its piecewise curve. At about .18 black and white
        # have the same contrast to a colour: (L + .05) / .05 = 1.05 / (L + .05).
        light = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
        return "#000000" if light > 0.18 else "#ffffff"

    @property
    def dot(self) -> str:
        """A dot of this colour in Markdown; a ring where there is a pattern."""
        # Streamlit's Markdown takes any colour in this form, not only its named ones.
        return f':color[{"◍" if self.pattern else "●"}]{{foreground="{self.colour}"}}'


@dataclass(frozen=True, slots=True)
class VerdictStyle:
    """How a comparison is shown: always colour, sign and word together."""

    word: str
    sign: str
    colour_name: str
    colour: str

    @property
    def markdown(self) -> str:
        """`:green[▲ better]`."""
        return f":{self.colour_name}[{self.sign} {self.word}]"

    @property
    def text(self) -> str:
        """`▲ better`."""
        return f"{self.sign} {self.word}"


# Blue-green and vermilion of the Okabe-Ito palette, which people with any colour vision tell apart; grey says
# nothing.
VERDICTS = {
    "better": VerdictStyle("better", "▲", "green", "#009E73"),
    "worse": VerdictStyle("worse", "▼", "red", "#D55E00"),
    "equivalent": VerdictStyle("equivalent", "≈", "blue", "#0072B2"),
    "cannot tell": VerdictStyle("cannot tell", "?", "gray", "#7C8594"),
    "not comparable": VerdictStyle("not comparable", "≠", "red", "#D55E00"),
    "baseline": VerdictStyle("baseline", "●", "gray", "#7C8594"),
    "": VerdictStyle("not compared", "–", "gray", "#7C8594"),
}


def verdict(name: str | None) -> VerdictStyle:
    """The style of a verdict; of `not compared` for anything unknown."""
    return VERDICTS.get(name or "", VERDICTS[""])


def comparison_style(comparison: Comparison) -> VerdictStyle:
    """The style of its verdict; grey, with the words, where the judge alone may make a difference of this size."""
    return noise_style(comparison.verdict) if comparison.inside_judge_noise else verdict(comparison.verdict)


def noise_style(name: str | None) -> VerdictStyle:
    """A verdict on a difference inside the judge's noise."""
    grey = VERDICTS["cannot tell"]
    style = verdict(name)
    return VerdictStyle(f"{style.word}, {INSIDE_NOISE}", style.sign, grey.colour_name, grey.colour)


def inks(names: Sequence[str]) -> dict[str, Ink]:
    """A colour for each configuration of a project, by the order in which they were first saved.

    After eight the colours come again with a pattern, so that no two look the same.
    """
    # `/` is left to bars whose score is owed to training on the questions.
    patterns = ("", ".", "-", "x", "|", "+")
    result: dict[str, Ink] = {}
    for name in names:
        if name in result:
            continue
        turn, place = divmod(len(result), len(PALETTE))
        result[name] = Ink(PALETTE[place], patterns[turn % len(patterns)])
    return result


def figure_text(text: str) -> str:
    """User text for a figure: Plotly reads a few HTML tags and, in what is shown when pointing, `%{variables}`."""
    # Quotes stay: a figure shows text outside of attributes. The word joiner parts the sign from the bracket unseen.
    return html.escape(text, quote=False).replace("%{", "%\u2060{")


def _template() -> go.layout.Template:
    axis = {"automargin": True, "zeroline": False, "title": {"standoff": 10}, "gridcolor": FAINT}
    return go.layout.Template(
        layout={
            "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
            "title": {"x": 0, "xanchor": "left", "font": {"size": 16}},
            "legend": {
                "orientation": "h",
                "yanchor": "bottom",
                "y": 1.0,
                "xanchor": "right",
                "x": 1,
                "title": {"text": ""},
            },
            "hoverlabel": {"align": "left", "font": {"size": 13}},
            "bargap": 0.28,
            "bargroupgap": 0.08,
            "barcornerradius": 4,
            "xaxis": axis,
            "yaxis": axis,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
        }
    )


def apply_theme(figure: go.Figure, **layout: Any) -> go.Figure:
    """Put the project's template on a figure."""
    # Templates are the process's: made once, not for each figure.
    if _NAME not in pio.templates:
        # Streamlit registers its template when it runs; figures that are made without it, as by tests, take Plotly's.
        base = "streamlit" if "streamlit" in pio.templates else "plotly_white"
        pio.templates[f"{_NAME}-own"] = _template()
        pio.templates[_NAME] = pio.templates.merge_templates(base, f"{_NAME}-own")
    figure.update_layout(template=_NAME, **layout)
    _keep_names(figure)
    return figure


def _keep_names(figure: go.Figure) -> None:
    """Names along an axis are names, also where they look like numbers or dates."""
    for trace in figure.data:
        for letter in ("x", "y"):
            # Plotly guesses: it would draw configurations named "3" and "10", or "2024-05", along a scale of numbers
            # or dates.
            values = getattr(trace, letter, None)
            if values is not None and len(values) and all(isinstance(value, str) for value in values):
                axis = getattr(trace, f"{letter}axis", None) or letter
                figure.layout[axis.replace(letter, f"{letter}axis")].type = "category"
