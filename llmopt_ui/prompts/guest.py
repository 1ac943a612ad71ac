"""Who came by the link of a blind vote: a guest, who sees nothing of that comparison's results before having voted.

It keeps the vote blind; it is no protection, since whoever leaves the parameter out of the address sees everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state, page_header
from llmopt_ui.navigation import EVALUATION, FINETUNING, OVERVIEW, PROMPTS, RETRIEVAL
from llmopt_ui.prompts.vote_access import may_see_result, votable_comparisons
from llmopt_ui.session import PROJECT, state

if TYPE_CHECKING:
    from llmopt_core.experiments.comparison import Comparison

GUEST = "guest"
"""The parameter of the address that holds the comparison a guest was asked to vote on."""

VOTE = "Blind vote"
_WITH_RESULTS = {page.title: page for page in (OVERVIEW, RETRIEVAL, EVALUATION, FINETUNING)}


def keep_guest() -> None:
    """Remember who came as a guest, and keep that in the address wherever they go in the app."""
    guest = st.query_params.get(GUEST, "")
    if guest:
        state().guest = guest
    # A link inside the app drops the parameter; without it a reload would make a guest a user.
    elif state().guest:
        st.query_params[GUEST] = state().guest


def waiting_vote() -> Comparison | None:
    """The comparison that whoever looks was asked to vote on and has not voted on; None where all may be seen."""
    if not state().guest:
        return None
    comparison = votable_comparisons(st.session_state[PROJECT]).get(state().guest)
    # A comparison that was deleted keeps nobody out.
    return None if comparison is None or may_see_result(comparison) else comparison


def waits_for_vote(title: str) -> bool:
    """Whether a page is not shown before a guest has voted; says so in its place."""
    if title not in _WITH_RESULTS or waiting_vote() is None:
        return False
    page_header(_WITH_RESULTS[title])
    vote_first()
    return True


def vote_first(*_: object) -> None:
    """What a guest reads in place of results, with the way to the vote."""
    with empty_state("Your vote comes first", "You were asked for a blind vote, so no results are shown before it.",
                     ":material/how_to_vote:"):  # fmt: skip
        button_to(PROMPTS, "Go to the vote", "guest_to_vote", VOTE)
