"""Who votes in this browser: remembered when the page is loaded anew, and told apart from others of the same name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote, unquote

import streamlit as st

from llmopt_core.experiments.comparison import Comparison
from llmopt_core.labs.prompts.votes import list_voted_examples
from llmopt_core.runs.store_labs import Vote
from llmopt_core.text.json_text import parse_json
from llmopt_ui import format as fmt
from llmopt_ui.prompts.state import prompt_state

COOKIE = "llmopt_voter"
"""Not in the address: whoever gets that passed on is somebody else."""

VOTER = "vote_voter"
_MOST = 20
"""A cookie holds four kilobytes; the comparisons voted on last are remembered."""


def voter_name() -> str:
    """Who votes; empty where nobody has said so."""
    current = prompt_state()
    if current.voter is None:
        _recall()
    return current.voter or ""


def voter_field() -> str:
    """Ask who votes. The field goes once it is filled, so that the keys that vote are not typed into it."""
    name = voter_name()
    if name:
        with st.container(horizontal=True, gap="small", vertical_alignment="center", width="content"):
            st.text(f"Voting as {name}", width="content")
            st.button("Somebody else votes", key="voter_other", type="tertiary", on_click=_leave)
    else:
        st.text_input("Your name", key=VOTER, width=200, placeholder="Name or initials", max_chars=60,
                      on_change=_enter_name,
                      help="Votes are kept per voter; each gets an order of their own.")  # fmt: skip
    return name


def other_voter(comparison: Comparison, votes: Sequence[Vote], voter: str) -> str:
    """The name under which votes were cast that are not known to come from here; empty where there is none."""
    own = prompt_state().own_votes
    names = {vote.voter for vote in votes if vote.voter.casefold() == voter.casefold()}
    # Nobody has voted under this name yet, or this browser remembers that it did: what is there is one's own.
    if (comparison.id, voter) not in own and (not names or comparison.id in prompt_state().vote_memory):
        own[comparison.id, voter] = list_voted_examples(votes, voter)
    voters = own.get((comparison.id, voter))
    if voters is None:
        # The name as it was written there, since "ann" and "Ann" are one voter; of several spellings always the same
        # one.
        return voter if voter in names else min(names)
    # More votes than were cast here: somebody else votes under this name at the same time.
    return voter if list_voted_examples(votes, voter) - voters else ""


def ask_whether_same(comparison: Comparison, votes: Sequence[Vote], other: str) -> None:
    """Let whoever is here say whether the votes under this name are theirs."""
    count = fmt.plural(len(list_voted_examples(votes, other)), "question")
    sentence = (
        f"{other} has voted on {count}, and not from this page. If that was you, go on; if not, take another name."
    )
    st.warning(fmt.markdown(sentence), icon=":material/person_alert:")
    st.button("That was me", key="vote_same", on_click=_is_same, args=(comparison, tuple(votes), other))


def note_vote(comparison: Comparison, voter: str, example_id: str, *, cast: bool) -> None:
    """Know a vote as one from here, or forget one that was taken back."""
    own = prompt_state().own_votes.setdefault((comparison.id, voter), set())
    (own.add if cast else own.discard)(example_id)


def keep_voter() -> None:
    """Let the browser remember who votes, and where they ended, until it is closed."""
    current, name = prompt_state(), voter_name()
    # In this order, without doubles: the newest come last and are the ones that stay.
    ids = dict.fromkeys(
        [
            *current.vote_memory,
            *(
                comparison_id
                for (comparison_id, voter), example_ids in current.own_votes.items()
                if voter == name and example_ids
            ),
        ]
    )
    on = {comparison_id: int(current.reveals.get((comparison_id, name), False)) for comparison_id in list(ids)[-_MOST:]}
    # Every sign but letters and digits is encoded: a name such as `"; </script>` must not end the text or the script
    # that it is written into.
    value = quote(json.dumps({"name": name, "on": on}), safe="") if name else ""
    # Without an age it is gone when the browser is closed; an age of 0 removes it at once.
    rest = "path=/; SameSite=Lax" + ("" if name else "; Max-Age=0")
    st.html(f'<script>document.cookie = "{COOKIE}={value}; {rest}";</script>', unsafe_allow_javascript=True)


def _recall() -> None:
    current = prompt_state()
    current.voter = ""
    try:
        memory = parse_json(unquote(st.context.cookies.get(COOKIE, "")))
        name, on = (
            str(memory["name"]),
            {str(comparison_id): bool(has_ended) for comparison_id, has_ended in memory["on"].items()},
        )
    # A cookie is the browser's and may hold anything: whatever is not ours counts as none.
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    current.voter, current.vote_memory = name, tuple(on)
    current.reveals.update({(comparison_id, name): True for comparison_id, has_ended in on.items() if has_ended})


def _enter_name() -> None:
    # A blank too many would make another voter.
    prompt_state().voter = " ".join((st.session_state[VOTER] or "").split())


def _leave() -> None:
    current = prompt_state()
    current.voter, current.vote_memory = "", ()
    current.own_votes.clear()
    current.reveals.clear()


def _is_same(comparison: Comparison, votes: Sequence[Vote], other: str) -> None:
    current = prompt_state()
    current.voter = other
    current.own_votes[comparison.id, other] = list_voted_examples(votes, other)
