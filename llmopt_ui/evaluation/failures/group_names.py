"""Groups named by a model, within a budget: optional, since each has the name of its most typical note already."""

from __future__ import annotations

import streamlit as st

from llmopt_core.execution.event_loop import run_in_loop
from llmopt_core.labs.evaluation.notes import NoteBook
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field
from llmopt_ui.evaluation.failures.data import Desk
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.resources import model_maker, settings, store
from llmopt_ui.session import notify, notify_problem

ENDPOINT, MODEL, BUDGET, START = (
    "failures_namer", "failures_namer_model", "failures_namer_budget", "failures_name_groups",
)  # fmt: skip
# A line of some words per group; a model that thinks first needs more.
_MOST_TOKENS = 2_000


def name_form(desk: Desk, book: NoteBook) -> None:
    """The choice of a model, and the button that asks it once."""
    # At use: a page that opens another tab needs none of it.
    from llmopt_core.labs.evaluation.group_names import unnamed_groups

    count = len(unnamed_groups(book))
    # The built-in model cannot name what it reads.
    names = [name for name in endpoints(settings()) if name != BUILTIN]
    with st.popover("Name by a model", icon=":material/label:", disabled=not count):
        if not names:
            st.caption("Add an endpoint in Settings first: the built-in model is too small for it.")
            return
        st.caption(f"One call reads the notes of {fmt.plural(count, 'group')} and names them. What you named stays.")
        endpoint = str(st.selectbox("Endpoint", names, key=ENDPOINT))
        model = model_choice(st, endpoint, "", MODEL)
        budget = budget_field(st, BUDGET, "It is not asked where it would cost more.")
        spec = ModelSpec(endpoint=endpoint, name=model, max_tokens=_MOST_TOKENS)
        st.button("Name the groups", key=START, type="primary", on_click=_name, args=(desk, spec, budget))


def _name(desk: Desk, spec: ModelSpec, budget: float | None) -> None:
    from llmopt_core.labs.evaluation.group_names import name_groups

    # Before the loop starts: inside it there is no session to read keys from.
    make, there = model_maker(), store()

    async def ask() -> int:
        async with make() as models:
            return await name_groups(there, desk.project, desk.set_name, models, spec, budget_usd=budget)

    with notify_problem():
        notify(f"{fmt.plural(run_in_loop(ask()), 'group')} named.")
