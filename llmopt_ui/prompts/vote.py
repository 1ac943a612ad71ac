"""The Blind vote tab: answers without names, one keystroke each; who wrote them is told at the end."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.experiments.comparison import Comparison
from llmopt_core.labs.prompts.votes import (
    Ballot,
    Ballots,
    Pick,
    ballots_of,
    cast_vote,
    has_voted,
    list_voted_examples,
)
from llmopt_core.runs.store_labs import Vote
from llmopt_core.runs.values import ACTIVE, Project
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state, plain_fragment, show_problem
from llmopt_ui.copy_link import copy_link
from llmopt_ui.navigation import PROMPTS
from llmopt_ui.pickers import address_arguments, warn_missing
from llmopt_ui.prompts.guest import GUEST, VOTE, waiting_vote
from llmopt_ui.prompts.html_blocks import meta_html, question_html, text_html
from llmopt_ui.prompts.live import grid_of
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.prompts.vote_access import sees_result, votable_comparisons
from llmopt_ui.prompts.vote_result import vote_result
from llmopt_ui.prompts.voter import (
    ask_whether_same,
    keep_voter,
    note_vote,
    other_voter,
    voter_field,
)
from llmopt_ui.resources import store
from llmopt_ui.session import report_problem

PICKER = "vote_on"


def vote_view(project: Project) -> None:
    """The whole tab."""
    invitation = waiting_vote()
    # A guest sees only what they were asked for: names of other comparisons may tell who wrote what.
    by_id = {invitation.id: invitation} if invitation is not None else votable_comparisons(project)
    warn_missing(GUEST, list(by_id), "comparison")
    if invitation is not None and invitation.status in ACTIVE:
        with empty_state("The answers are still coming", "The vote starts when all of them are there.",
                         ":material/hourglass_top:"):  # fmt: skip
            st.button("Look again", key="vote_look_again", icon=":material/refresh:")
        return
    by_id = {key: one for key, one in by_id.items() if one.status not in ACTIVE}
    if not by_id:
        with empty_state("Nothing to vote on yet", "Compare at least two variants; then vote on their answers here.",
                         ":material/how_to_vote:"):  # fmt: skip
            button_to(PROMPTS, "Compare variants", "vote_to_side", "Side by side")
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        comparison_id = st.selectbox(
            "Comparison", list(by_id), width=560, **address_arguments(PICKER, list(by_id), next(iter(by_id))),
            format_func=lambda key: f"{by_id[key].total} rows on {fmt.shorten(by_id[key].set_name, 40)} · "
            f"{fmt.moment(by_id[key].created_at)}",
            help="Named by its rows, so that the names of the variants do not give them away.",
        )  # fmt: skip
        copy_link(project, VOTE, {GUEST: comparison_id}, f"vote_link_{comparison_id}",
                  "A link for guests, who see no results of this comparison before they have voted.")  # fmt: skip
        voter = voter_field()
    warn_missing(PICKER, list(by_id), "comparison")
    if not voter:
        empty_state("Who votes?", "Type your name or initials above; then the first question comes.",
                    ":material/how_to_vote:")  # fmt: skip
        keep_voter()
        return
    _voting(project, by_id[comparison_id], voter)


@plain_fragment
def _voting(project: Project, comparison: Comparison, voter: str) -> None:
    """Ballot after ballot, then the result. Only this part of the page is drawn after a keystroke."""
    show_problem()
    keep_voter()
    votes = store().votes(project, comparison.id)
    # Two people may have the same initials: whose votes are these?
    if other := other_voter(comparison, votes, voter):
        ask_whether_same(comparison, votes, other)
        return
    grid = grid_of(project, comparison, None)
    ballots = ballots_of(comparison, grid, voter)
    example_ids = list_voted_examples(votes, voter)
    # By what is stored and not by a counter, so that a closed page goes on where it was.
    open_ballots = [ballot for ballot in ballots.ballots if ballot.example.id not in example_ids]
    if not ballots.ballots:
        sentence = _omission_note(ballots) or "No row has two whole answers."
        with empty_state("The answers leave nothing to choose", sentence, ":material/how_to_vote:"):
            button_to(PROMPTS, "Compare other variants", "vote_to_side", "Side by side")
        return
    has_vote = has_voted(votes, voter)
    is_unveiled = sees_result(comparison, ballots, voter)
    current = open_ballots[0] if open_ballots else None
    last = _last_ballot(ballots, votes, voter)
    if current is not None and not is_unveiled:
        _progress(ballots, len(ballots.ballots) - len(open_ballots))
        _ballot(comparison, current, voter, last, may_end=has_vote)
    else:
        _show_end(comparison, voter, last, len(open_ballots))
        if has_vote:
            vote_result(comparison, grid, votes)
        else:
            st.caption("Every question was skipped. Vote on one to see the result.")


def _progress(ballots: Ballots, count: int) -> None:
    st.progress(count / len(ballots.ballots), f"{count} of {fmt.plural(len(ballots.ballots), 'question')} done")
    if note := _omission_note(ballots):
        st.caption(note)


def _omission_note(ballots: Ballots) -> str:
    parts = [f"{ballots.same} left out because all answers say the same"] if ballots.same else []
    parts += [f"{ballots.incomplete} left out for want of two whole answers"] if ballots.incomplete else []
    return fmt.markdown("; ".join(parts))


def _ballot(comparison: Comparison, ballot: Ballot, voter: str, last: Ballot | None, *, may_end: bool) -> None:
    with st.container(border=True, gap="small"):
        st.html(question_html(ballot.example.question, ""))
        if ballot.example.reference:
            st.html(meta_html([f"Expected: {fmt.shorten(ballot.example.answers_text, 300)}"]))
    for place, (column, text) in enumerate(zip(st.columns(len(ballot.answers), gap="small"), ballot.answers,
                                               strict=True)):  # fmt: skip
        with column, st.container(border=True, height="stretch", vertical_alignment="distribute", gap="small"):
            st.html(text_html(text or "(empty)"))
            _choice(f"Answer {place + 1} is best", str(place + 1), comparison, ballot, voter, place)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        # A tie is a vote and counts; a question that is skipped is done with and says nothing.
        _choice("None is better", "0", comparison, ballot, voter, "tie")
        _choice("Skip", "S", comparison, ballot, voter, "skip")
        st.button("Back", key="vote_back", shortcut="B", type="tertiary", icon=":material/undo:", disabled=last is None,
                  help="Vote on the last question again.", on_click=_undo_vote,
                      args=(comparison, last, voter))  # fmt: skip
        st.button("End here and see the result", key="vote_end", type="tertiary", icon=":material/visibility:",
                  disabled=not may_end, on_click=_set_reveal, args=(comparison, voter, True),
                  help=None if may_end else "Vote on a question first.")  # fmt: skip


def _choice(label: str, key: str, comparison: Comparison, ballot: Ballot, voter: str, choice: Pick) -> None:  # noqa: PLR0917
    vote = {"key": f"vote_{choice}", "shortcut": key, "on_click": _vote, "args": (comparison, ballot, voter, choice)}
    if isinstance(choice, int):
        st.button(label, width="stretch", **vote)  # type: ignore[arg-type]
    else:
        st.button(label, type="tertiary", **vote)  # type: ignore[arg-type]


def _show_end(comparison: Comparison, voter: str, last: Ballot | None, left: int) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if left:
            st.caption(f"{fmt.plural(left, 'question')} left for {fmt.markdown(voter)}.", width="content")
            st.button("Go on voting", key="vote_go_on", icon=":material/how_to_vote:", on_click=_set_reveal,
                      args=(comparison, voter, False))  # fmt: skip
        else:
            st.caption(f"{fmt.markdown(voter)} is done with every question. Others vote under their own name.",
                       width="content")  # fmt: skip
            st.button("Back", key="vote_back", shortcut="B", type="tertiary", icon=":material/undo:",
                      help="Vote on the last question again.", on_click=_undo_vote,
                      args=(comparison, last, voter))  # fmt: skip


def _last_ballot(ballots: Ballots, votes: Sequence[Vote], voter: str) -> Ballot | None:
    """The ballot this voter did last."""
    # Votes come in the order in which they were cast.
    ids = [vote.example_id for vote in votes if vote.voter == voter]
    return next((ballot for ballot in ballots.ballots if ids and ballot.example.id == ids[-1]), None)


def _vote(comparison: Comparison, ballot: Ballot, voter: str, choice: Pick) -> None:
    with report_problem():
        cast_vote(store(), comparison, ballot, voter, choice)
        # After the vote is stored: a note of a vote that failed would say that it was cast.
        note_vote(comparison, voter, ballot.example.id, cast=True)


def _undo_vote(comparison: Comparison, last: Ballot | None, voter: str) -> None:
    if last is not None:
        store().delete_votes(comparison.project, comparison.id, voter, last.example.id)
        note_vote(comparison, voter, last.example.id, cast=False)
        # A vote is open again, so the result must not go on showing.
        _set_reveal(comparison, voter, None)


def _set_reveal(comparison: Comparison, voter: str, show: bool | None) -> None:
    """Show the result, or the next ballot; with None whatever there is left to do."""
    if show is None:
        prompt_state().reveals.pop((comparison.id, voter), None)
    else:
        prompt_state().reveals[comparison.id, voter] = show
