"""The pieces every page is built from: header, empty state, errors, downloads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from mimetypes import guess_type
from pathlib import Path
from typing import ParamSpec

import streamlit as st
from streamlit.errors import StreamlitAPIException

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.pinned_runs import run_ids
from llmopt_ui import format as fmt
from llmopt_ui.button_to import arrive
from llmopt_ui.first_link import close_not_found_dialog, leave_page_without_app
from llmopt_ui.folding_menu import fold_menu_where_narrow
from llmopt_ui.navigation import PageSpec
from llmopt_ui.session import state, take_messages
from llmopt_ui.whole_choices import show_whole_choices

_FACT_WIDTH = 130
"""Pixels of one value with its label. Five and six in a row have their own, so that none is left alone in a line."""
_FACT_WIDTHS = {5: 112, 6: 150}
"""Where as many values as usual in a row would leave one alone, at the widths that pages have with and without menu."""
OPEN_TAB, OPEN_RUN = "open", "open_run"
_ASSETS = Path(__file__).parent
ICON = _ASSETS / "icon.svg"
LOGO = _ASSETS / "logo.svg"
P = ParamSpec("P")


def set_up_window() -> None:
    """The window: title, icon, layout, style. Called once, first of all, in `app.py`."""
    # Without a picture of our own the browser would fetch the menu's icon from a font server.
    st.set_page_config(page_title="LLM Optimization Playground", page_icon=ICON, layout="wide")
    st.html(_ASSETS / "style.css")
    st.logo(LOGO, size="large", icon_image=ICON)


@contextmanager
def fetch_charts_early() -> Iterator[None]:
    """While a session's first page is made, let the browser fetch its chart library, over which it takes longest.

    For that it is sent a chart that nobody sees and that is gone when the page is there.
    """
    with st.container(key="unseen"):
        close_not_found_dialog()
        fold_menu_where_narrow()
        show_whole_choices()
        # Always there, also where it stays empty: an element that comes and goes would move all below it, and the
        # browser would draw those anew.
        place = st.empty()
    first, state().has_chart_library = not state().has_chart_library, True
    if first:
        place.plotly_chart({"data": [{"type": "scatter"}]}, key="unseen_chart")
    try:
        yield
    finally:
        if first:
            place.empty()


def page_header(spec: PageSpec) -> None:
    """The same head on every page: its name and what it is for."""
    # First, since nothing below works without what `app.py` sets up.
    leave_page_without_app()
    # Before the widgets of the page, whose values may no longer be set once they are drawn.
    _open_link_target(spec)
    arrive()
    st.title(spec.title, anchor=False)
    st.caption(spec.purpose)
    notice, problem = take_messages()
    if notice:
        if state().is_warning:
            st.toast(fmt.markdown(notice), icon=":material/warning:", duration="long")
        else:
            st.toast(fmt.markdown(notice), icon=":material/check:")
    if problem:
        show_error(problem)


def section(title: str, help_text: str = "") -> None:
    """A heading inside a page."""
    st.subheader(title, anchor=False, help=help_text or None)


def side_by_side(widths: Sequence[float], key: str) -> Sequence[st.delta_generator.DeltaGenerator]:
    """Columns of a page, which stand below each other where they would be too narrow beside the menu."""
    # The style sheet knows such containers by the beginning of their key.
    with st.container(key=f"stack_{key}"):
        return st.columns(list(widths), gap="large")


def empty_state(title: str, what_to_do: str, icon: str = ":material/inbox:") -> st.delta_generator.DeltaGenerator:
    """A calm box that says what is missing and what to do; returns it, so that a button or link can be put inside."""
    box = st.container(border=True, horizontal_alignment="center", gap="xsmall")
    box.space("small")
    box.markdown(f":gray[{icon}] **{title}**", text_alignment="center", width="content")
    box.caption(what_to_do, text_alignment="center", width="content")
    inside = box.container(horizontal=True, horizontal_alignment="center")
    box.space("small")
    return inside


def link_to(spec: PageSpec, label: str, tab: str = "", run: int = 0) -> None:
    """A link to another page of the app.

    Args:
        spec: The page.
        label: Of the link.
        tab: The tab to open there, whatever tab was open last.
        run: On Evaluation, whose results to show.
    """
    st.page_link(spec.file, label=label, icon=spec.icon, query_params=to_tab(tab, run))


def to_tab(tab: str, run: int = 0) -> dict[str, str]:
    """Parameters of a link to a tab; `page_header` takes them out of the address again."""
    return ({OPEN_TAB: tab} if tab else {}) | ({OPEN_RUN: str(run)} if run else {})


def _open_link_target(spec: PageSpec) -> None:
    """Go to the tab that a link names.

    Streamlit's binding cannot do that: it ignores an address that names the first tab, and keeps the tab of last time.
    """
    # Taken out, or a reload would open this tab again after the user has gone on to another.
    tab = st.query_params.pop(OPEN_TAB, "")
    if tab and spec.tabs:
        st.session_state[spec.tabs] = tab
        # The tabs write into the address only what is clicked; where they are drawn already they do it by themselves.
        with suppress(StreamlitAPIException):
            st.query_params[spec.tabs] = tab
    # Somebody may have changed the address by hand: what is no run is no error.
    ids = run_ids(st.query_params.pop(OPEN_RUN, ""))
    if ids:
        state().go_to_results = ids[0]


@contextmanager
def show_errors() -> Iterator[None]:
    """Show an error meant for users as one sentence in place of what failed; the rest of the page goes on."""
    try:
        yield
    except LlmOptError as error:
        show_error(str(error))


def plain_fragment(function: Callable[P, None]) -> Callable[P, None]:
    """A part of a page that is drawn by itself. Streamlit shows its errors itself, so they are said in here."""

    @wraps(function)
    def guarded_call(*args: P.args, **kwargs: P.kwargs) -> None:
        with show_errors():
            function(*args, **kwargs)

    # The guard is inside the fragment: when it is drawn alone, the `with show_errors()` of the page does not run.
    fragment: Callable[P, None] = st.fragment(guarded_call)
    return fragment


@contextmanager
def reading_heartbeat(name: str) -> Iterator[Callable[[], None]]:
    """While a file is read. Gives the heartbeat that ends the reading when the page was left or asked for anew.

    Streamlit ends such a script when it next shows something.
    """
    spot = st.empty()

    def heartbeat() -> None:
        # Drawing is the point where Streamlit throws when the script should stop; without a call it would read to the
        # end.
        spot.caption(f"Reading {fmt.markdown(name)} …")

    yield heartbeat
    spot.empty()


def show_problem() -> None:
    """Show what went wrong in a callback, in a part of the page that is drawn by itself."""
    problem, state().problem = state().problem, ""
    if problem:
        show_error(problem)


def show_error(message: str) -> None:
    """One sentence in a red box. The message may hold user text, so nothing in it is read as Markdown."""
    with st.container(border=True, horizontal=True, gap="small", wrap=False):
        st.markdown(":red[:material/error:]", width="content")
        st.text(message, width="stretch")


File = tuple[str, bytes | str | Callable[[], bytes | str], str]
"""What its button says, the content or a function that makes it when the button is pressed, and the file's name."""


def downloads(key: str, *files: File) -> None:
    """A quiet row of download buttons."""
    with st.container(horizontal=True, gap="small"):
        for position, (label, data, file_name) in enumerate(files):
            st.download_button(
                label,
                data,
                file_name,
                guess_type(file_name)[0],
                key=f"{key}_{position}",
                # A download changes nothing on the page; by default Streamlit would run the whole of it again.
                on_click="ignore",
                type="tertiary",
                icon=":material/download:",
            )


Fact = tuple[str, str] | tuple[str, str, str]
"""A label, its value, and what it means where that needs a word."""


def facts(*values: Fact, columns: int = 0) -> None:
    """A row of small labelled values that wraps where it is narrow, and leaves none alone in its last row."""
    most = columns or len(values)
    grid = st.grid(most, min_column_width=90 if columns else _FACT_WIDTHS.get(most, _FACT_WIDTH), gap="small")
    for label, value, *help_text in values:
        grid.metric(label, value, help=help_text[0] if help_text else None)
