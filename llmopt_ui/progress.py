"""How far long work is, drawn in one way everywhere: done of total, time left, cost so far, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llmopt_core.reporting.progress_summary import ProgressSummary
from llmopt_ui import format as fmt
from llmopt_ui.components import Fact, facts

_STOPPING = "Stopping …"


class ProgressCard:
    """A box with a title and a button that cancels, in which moments of the work are shown one after the other.

    Args:
        title: What is being done.
        key: Of the button.
        cancel: Called when it is pressed; None where the work cannot be stopped.
        args: Given to it.
        stopping: Whether it was asked to stop already.
        note: Help of the button.
    """

    def __init__(  # noqa: PLR0917
        self,
        title: str,
        key: str = "",
        cancel: Callable[..., None] | None = None,
        args: Sequence[object] = (),
        stopping: bool = False,
        note: str = "What is done is kept.",
    ) -> None:
        with st.container(border=True):
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                st.markdown(f"**{fmt.markdown(title)}**", width="content")
                if cancel is not None:
                    st.button(_STOPPING if stopping else "Cancel", key=key, icon=":material/stop_circle:",
                              disabled=stopping, on_click=cancel, args=tuple(args), help=note)  # fmt: skip
            # One place that is written over: moments would otherwise stand below each other.
            self._moment = st.empty()

    def show(self, words: str, now: ProgressSummary, more: Sequence[Fact] = (), *, active: bool = True) -> None:
        """Draw a moment in place of the one before.

        Args:
            words: Of its state, such as `Running`.
            now: How far it is.
            more: Further facts.
            active: Whether it goes on; what has ended has no time left.
        """
        parts = [words, now.count_words, now.message if active else ""]
        facts_to_show: list[Fact] = [
            # Facts that are always there come first, so that the row does not jump when a budget or a further one is
            # added.
            ("Time left", now.remaining_time if active else fmt.DASH),
            ("Cost so far", now.cost),
            *([("Left of the budget", fmt.dollars(now.left_usd))] if now.left_usd is not None else []),
            *more,
        ]
        with self._moment.container():
            st.progress(now.share, text=fmt.markdown(" · ".join(part for part in parts if part)))
            facts(*facts_to_show)


def progress_line(  # noqa: PLR0917
    title: str,
    now: ProgressSummary,
    key: str,
    cancel: Callable[..., None],
    args: Sequence[object],
    stopping: bool = False,
) -> None:
    """The same in few words, for the sidebar."""
    words = " · ".join(part for part in (_STOPPING, now.count_words) if part) if stopping else now.line
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", wrap=False):
        st.progress(now.share, text=f"**{fmt.markdown(title)}**  \n{fmt.markdown(words)}")
        st.button("", key=key, icon=":material/stop_circle:", type="tertiary", on_click=cancel, args=tuple(args),
                  disabled=stopping, help=_STOPPING if stopping else "Cancel", width="content")  # fmt: skip
