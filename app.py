"""The app: `streamlit run app.py`. Page list, sidebar, run."""

from llmopt_core.startup import start_quickly
from llmopt_core.telemetry import silence_telemetry
from llmopt_core.workspace import keep_private

# Before the imports below: the first makes them quicker, the second sets what libraries read while they are imported,
# and the third decides who can read every file made from here on.
start_quickly()
silence_telemetry()
keep_private()

import streamlit as st  # noqa: E402

from llmopt_ui.components import fetch_charts_early, set_up_window, show_errors  # noqa: E402
from llmopt_ui.navigation import streamlit_pages  # noqa: E402

# Streamlit wants the page's settings before anything else is drawn.
set_up_window()
with fetch_charts_early():
    page = st.navigation(streamlit_pages(), expanded=True)
    # What is drawn so far is on its way to the browser while the rest is imported.
    from llmopt_ui.project_switch import clears_page
    from llmopt_ui.prompts.guest import keep_guest, waits_for_vote
    from llmopt_ui.sidebar import has_project, sidebar, unreadable_values

    with show_errors():
        # Before the sidebar: a guest's link decides what the session may show.
        keep_guest()
        sidebar()
        if has_project() and not clears_page() and not waits_for_vote(page.title):
            page.run()
        # After the page: only what it asked for is known to be damaged.
        unreadable_values()
