"""What all pictures say of a configuration in the same way, and how each of their marks leads to its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from llmopt_ui import format as fmt
from llmopt_ui.evaluation.comparison import Selection
from llmopt_ui.evaluation.pair_address import open_pair
from llmopt_ui.evaluation.records_address import ANY, clicked_names, open_records
from llmopt_ui.runs.results import Entry
from llmopt_ui.theme import Ink, figure_text

_NAME = 26
_SYMBOLS = {"": "circle", ".": "square", "-": "diamond", "x": "x", "|": "cross", "+": "triangle-up"}


def marker_symbol(ink: Ink, *, is_open: bool = False) -> str:
    """The form of a dot, which tells configurations of the same colour apart as patterns do in bars."""
    return _SYMBOLS[ink.pattern] + ("-open" if is_open else "")


def row_label(name: str, ink: Ink, note: str = "") -> str:
    """A configuration beside its row: a dot of its colour, its name, and what must stand beside it."""
    dot = f'<span style="color:{ink.colour}">{"◍" if ink.pattern else "●"}</span>'
    more = f"<br><i>{figure_text(fmt.shorten(note, 34))}</i>" if note else ""
    return f"{dot}\u00a0{figure_text(fmt.shorten(name, _NAME))}{more}"


def hover_note(note: str) -> str:
    """A line on what must be known of a number, for what is said at its mark; empty where there is nothing."""
    return f"<br><i>{figure_text(note)}</i>" if note else ""


def notes_of(comparison: Sequence[Entry]) -> dict[str, str]:
    """By configuration: trained on these questions, chosen on them, asked before, other documents, its questions."""
    return {entry.name: ", ".join(filter(None, (entry.mark, entry.question_count))) for entry in comparison}


def take_click(key: str, metric: str) -> None:
    """Open the records of the mark that was clicked, which carries configuration, band and category."""
    if names := clicked_names(key, 3):
        name, band, category = names[:3]
        open_records(name, metric, band, None if category == ANY else category[1:])


def records_bar(
    selection: Selection,
    metric: str,
    key: str,
    bands: Mapping[str, str] | None = None,
    categories: Sequence[str] = (),
) -> None:
    """What a click does, by keyboard: the records of a configuration, and it head to head with the baseline.

    Args:
        selection: What is compared.
        metric: By which score.
        key: Of the fields.
        bands: Band -> its words, where marks are of bands.
        categories: Where marks are of categories.
    """
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    names = list(selection.runs)
    # What is chosen here may be taken out above.
    if st.session_state.get(f"{key}_name") not in (None, *names):
        del st.session_state[f"{key}_name"]
    name = str(bar.selectbox("Configuration", names, len(names) - 1, key=f"{key}_name", width=240))
    band, category = ANY, None
    if bands:
        titles = {ANY: "All scores", **bands}
        band = str(bar.selectbox("Scored", list(titles), key=f"{key}_band", format_func=titles.__getitem__, width=200))
    if categories:
        titles = {ANY: "All", **{f"={one}": one or "(none)" for one in categories}}
        if st.session_state.get(f"{key}_category") not in (None, *titles):
            del st.session_state[f"{key}_category"]
        chosen = bar.selectbox("Category", list(titles), key=f"{key}_category", format_func=titles.__getitem__,
                               width=200)  # fmt: skip
        category = None if chosen == ANY else chosen[1:]
    bar.button("Show its records", key=f"{key}_records", icon=":material/list:", on_click=open_records,
               args=(name, metric, band, category))  # fmt: skip
    if name != selection.baseline:
        bar.button(
            f"Head to head with {fmt.markdown(fmt.shorten(selection.baseline, 24))}", key=f"{key}_pair",
            icon=":material/compare_arrows:", on_click=open_pair, args=(selection.baseline, name, metric),
        )  # fmt: skip
