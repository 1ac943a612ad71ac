"""Every experiment of the ladder with its reason, and the buttons that keep or drop it."""

from __future__ import annotations

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.evaluation.ladder.decide import decide, take_back
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung
from llmopt_core.runs.store_ladder import Choice
from llmopt_ui import format as fmt
from llmopt_ui.components import show_error
from llmopt_ui.overview.ladder_words import chart_word, cost_words, difference_words
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem, state
from llmopt_ui.theme import Ink, comparison_style

REASON, AUTHOR = "ladder_reason", "ladder_author"
_VERBS: dict[Choice, str] = {"kept": "Keep", "dropped": "Drop"}
_LONGEST_REASON, _LONGEST_AUTHOR = 1000, 100
_COLOURS = {"kept": "green", "dropped": "red", "undecided": "gray", "baseline": "gray"}


def decisions_view(ladder: Ladder, inks: dict[str, Ink]) -> None:
    """A line for each experiment, in order; those on other questions below a sentence that says so."""
    for section in ladder.sections:
        if section.sentence:
            st.caption(f":material/call_split: {fmt.markdown(section.sentence)}")
        for rung in section.rungs:
            _rung_view(ladder, rung, inks.get(rung.name))
    _open_question(ladder)


def _rung_view(ladder: Ladder, rung: Rung, ink: Ink | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"ladder_rung_{rung.position}"):
        with st.container(width="stretch", gap=None):
            st.markdown(_head(ladder, rung, ink))
            st.caption(_reason(rung))
        if rung.state != "baseline":
            _buttons(ladder, rung)


def _head(ladder: Ladder, rung: Rung, ink: Ink | None) -> str:
    word = f":{_COLOURS[rung.state]}[**{fmt.unbroken(chart_word(rung))}**]"
    dot = f"{ink.dot}\u00a0" if ink else ""
    name = f"{dot}{rung.position} **{fmt.markdown(rung.name)}**"
    value = f"{metric_title(ladder.metric)} **{fmt.score(rung.value)}**" if rung.value is not None else "no score"
    parts = [f"{name}", word, value]
    if rung.comparison is not None:
        parts.append(f"{comparison_style(rung.comparison).markdown} {difference_words(rung.comparison)}")
    mark = f" :orange[{rung.mark}]" if rung.mark else ""
    return " · ".join(parts) + mark


def _reason(rung: Rung) -> str:
    changed = f"**Changed:** {fmt.markdown(', '.join(rung.changes))}. " if rung.changes else ""
    facts = "; ".join(filter(None, (cost_words(rung.each), rung.answered)))
    took = f" **Takes:** {fmt.markdown(facts)}." if facts else ""
    return f"{changed}**Why:** {fmt.markdown(rung.reason)}{_who(rung)}.{took}"


def _who(rung: Rung) -> str:
    decision = rung.decision
    if decision is None or not rung.is_decided:
        return ""
    author = f" by {fmt.markdown(decision.author)}" if decision.author else ""
    when = f", {fmt.markdown(fmt.full_moment(decision.saved_at))}" if decision.saved_at else ""
    return f" (decided{author}{when})"


def _buttons(ladder: Ladder, rung: Rung) -> None:
    for choice, label in _VERBS.items():
        # Who has decided may change their mind, not decide the same once more.
        if rung.is_decided and rung.state == choice:
            continue
        st.button(label, key=f"ladder_{choice}_{rung.position}", help=f"{label} {fmt.markdown(rung.name)}: say why",
                  icon=":material/check:" if choice == "kept" else ":material/close:",
                  on_click=_set_question, args=(rung.run_id, choice))  # fmt: skip
    if rung.is_decided:
        st.button("Undo", key=f"ladder_undo_{rung.position}", type="tertiary", icon=":material/undo:",
                  help="Let the verdict's proposal count again", on_click=_undo, args=(ladder, rung))  # fmt: skip


def _undo(ladder: Ladder, rung: Rung) -> None:
    with report_problem():
        take_back(store(), ladder, rung)


def _set_question(run_id: int | None = None, choice: str = "") -> None:
    state().ladder_question = None if run_id is None else (run_id, choice)


def _open_question(ladder: Ladder) -> None:
    """The dialog stays open when the page is drawn anew, as by work that ends meanwhile."""
    run_id, choice = state().ladder_question or (None, "")
    rung = next((one for one in ladder.rungs if run_id is not None and one.run_id == run_id), None)
    # The run may be gone, or of a project that was left.
    if rung is None:
        _set_question()
        return
    for known in _VERBS:
        if choice == known:
            _ask(ladder, rung, known)


@st.dialog("Keep or drop", on_dismiss=_set_question)
def _ask(ladder: Ladder, rung: Rung, choice: Choice) -> None:
    proposal = rung.proposal
    st.markdown(f"**{_VERBS[choice]} {fmt.markdown(rung.name)}?** The verdict says: {fmt.markdown(proposal.reason)}.")
    # What the verdict says is a good reason to follow it, and none against it.
    usual = proposal.reason if proposal.state == choice else ""
    with st.form("ladder_decision", border=False):
        reason = st.text_area("Why", value=usual, key=f"{REASON}_{rung.position}_{choice}", max_chars=_LONGEST_REASON,
                              placeholder="A stakeholder will read it")  # fmt: skip
        author = st.text_input("Who decides", value=state().ladder_author, key=AUTHOR, max_chars=_LONGEST_AUTHOR,
                               placeholder="Name or initials, optional")  # fmt: skip
        is_sent = st.form_submit_button(_VERBS[choice], type="primary")
    if not is_sent:
        return
    try:
        decide(store(), ladder, rung, choice, reason or "", author=author or "")
    except LlmOptError as error:
        show_error(str(error))
        return
    _set_question()
    state().ladder_author = author or ""
    notify(f"{rung.name} is {choice}.")
    st.rerun()
