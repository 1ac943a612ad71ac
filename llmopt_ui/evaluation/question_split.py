"""How a set is split: to search with, to confirm with, and never seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from llmopt_core.runs.question_splits import DEFAULT_SHARES, Split
from llmopt_core.runs.values import Project, SavedSet
from llmopt_core.types import Example
from llmopt_core.types.parts import PARTS
from llmopt_ui import format as fmt
from llmopt_ui.components import facts, show_errors
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem
from llmopt_ui.tables import data_table

SEARCH_SHARE, CONFIRM_SHARE, SEED = "split_search", "split_confirm", "split_seed"
MAKE, REMOVE = "split_make", "split_remove"
_HELP = (
    "**Search** is what everything is tried and chosen on. **Confirm** tests what was chosen, once. **Never seen** is "
    "for the last number. Questions that share a document stand in one part, so that nothing learnt from a document "
    "helps on the other side."
)


def split_view(project: Project, item: SavedSet, examples: Sequence[Example]) -> None:
    """How the set is split, and the form that splits it."""
    st.markdown(_HELP)
    split = store().split(project, item.name)
    if split is not None:
        _show(split, examples)
        with st.popover("Split again", icon=":material/call_split:", type="tertiary"):
            st.text(
                "Questions change their parts: what was tried on some of them has then seen what is to be never seen."
            )
            _form(project, item, "Split again")
        st.button("Remove the split", key=REMOVE, type="tertiary", icon=":material/delete:", on_click=_remove,
                  args=(project, item.name))  # fmt: skip
        return
    _form(project, item, "Split")


def _form(project: Project, item: SavedSet, label: str) -> None:
    plan = store().split_plan(project, item.name)
    shares, seed = (plan.shares, plan.seed + 1) if plan else (DEFAULT_SHARES, 0)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        search = int(st.number_input("Search (%)", 0, 100, shares[0], 5, key=f"{SEARCH_SHARE}_{item.name}", width=120))
        confirm = int(
            st.number_input("Confirm (%)", 0, 100, shares[1], 5, key=f"{CONFIRM_SHARE}_{item.name}", width=120)
        )
        rest = 100 - search - confirm
        st.text_input("Never seen (%)", str(rest), key=f"split_rest_{rest}", disabled=True, width=120)
        chance = int(st.number_input("Seed", 0, 1_000_000, seed, key=f"{SEED}_{item.name}_{seed}", width=120,
                                     help="Another one gives another split."))  # fmt: skip
        go = st.button(label, key=MAKE, type="primary", icon=":material/call_split:", disabled=rest < 0)
    if rest < 0:
        st.caption("Search and confirm are more than 100 % together.")
    if go:
        with show_errors():
            made = store().make_split(project, item.name, (search, confirm, rest), chance)
            notify(f"{item.name} split: {', '.join(f'{size} {part}' for part, size in made.sizes.items())}.")
            st.rerun()


def _show(split: Split, examples: Sequence[Example]) -> None:
    facts(*((part.capitalize(), fmt.count(size)) for part, size in split.sizes.items()))
    for note in split.notes:
        st.caption(f":material/info: {fmt.markdown(note)}")
    counts = {part: Counter(e.category or fmt.DASH for e in examples if split.parts[e.id] == part) for part in PARTS}
    categories = sorted({example.category or fmt.DASH for example in examples})
    if len(categories) > 1:
        table = pd.DataFrame({
            "Category": categories,
            **{part.capitalize(): [counts[part][category] for category in categories] for part in PARTS},
        })  # fmt: skip
        data_table(table, alt="Questions of each category in each part")


def _remove(project: Project, name: str) -> None:
    with report_problem():
        store().remove_split(project, name)
        notify(f"{name} is not split any more.")
