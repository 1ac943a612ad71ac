"""The Side by side tab: choose what to compare, then watch and read the grid."""

from __future__ import annotations

import streamlit as st

from llmopt_core.experiments.comparison import Comparison, comparisons, delete_comparison
from llmopt_core.experiments.comparison_setup import setup_from
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.copy_link import copy_link
from llmopt_ui.pickers import address_arguments, open_next, warn_missing
from llmopt_ui.prompts.grid import grid_view
from llmopt_ui.prompts.live import live_comparisons
from llmopt_ui.prompts.promptfoo import import_button, import_result_view
from llmopt_ui.prompts.setup import setup_view
from llmopt_ui.prompts.setup_draft import save_setup
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem

PICKER = "comparison"
NEW = "new"
_LONGEST = 64


def side_by_side_view(project: Project) -> None:
    """The whole tab."""
    by_id = {one.id: one for one in comparisons(store(), project)}
    options = [NEW, *by_id]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        comparison_id = st.selectbox(
            "Comparison", options, width=560, **address_arguments(PICKER, options, NEW),
            format_func=lambda key: _comparison_label(by_id[key]) if key in by_id else "New comparison",
        )  # fmt: skip
        if comparison_id in by_id:
            copy_link(project, "Side by side", {PICKER: comparison_id}, f"comparison_link_{comparison_id}",
                      "A link to this comparison.")  # fmt: skip
            _actions(project, by_id[comparison_id])
        else:
            import_button(project)
    warn_missing(PICKER, options, "comparison")
    if comparison_id in by_id:
        # In the place of the setup: while answers are watched, what stood there before would stay, greyed and dead.
        st.empty()
        grid_view(project, by_id[comparison_id])
    else:
        with st.container():
            import_result_view()
            setup_view(project)


def _comparison_label(comparison: Comparison) -> str:
    # A picker cuts what is longer without a sign, and what was asked stands at the end.
    names = " against ".join(
        fmt.shorten(one.name, max(8, 30 // len(comparison.variants))) for one in comparison.variants
    )
    title = (
        comparison.title if len(comparison.title) <= _LONGEST else f"{names} on {fmt.shorten(comparison.set_name, 24)}"
    )
    return f"{fmt.moment(comparison.created_at)} · {title}"


def _actions(project: Project, comparison: Comparison) -> None:
    board = live_comparisons().board(comparison.id)
    if board is not None:
        return
    st.button("Change and run again", key="comparison_reuse", icon=":material/replay:", disabled=not comparison.origin,
              on_click=_reuse, args=(project, comparison), help="Opens the setup of this comparison.")  # fmt: skip
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        st.text("Remove this comparison with its runs?")
        st.button("Delete comparison", key="comparison_delete", type="primary", on_click=_delete, args=(comparison,))


def _reuse(project: Project, comparison: Comparison) -> None:
    save_setup(project, setup_from(comparison.origin), refill=True)
    open_next(PICKER, NEW)


def _delete(comparison: Comparison) -> None:
    with report_problem():
        delete_comparison(store(), comparison)
        open_next(PICKER, NEW)
        notify("Comparison deleted.")
