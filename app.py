"""The app: `streamlit run app.py`. Page list, sidebar, run."""

from llmopt_core.startup import start_quickly
from llmopt_core.telemetry import silence_telemetry

start_quickly()
silence_telemetry()

import streamlit as st  # noqa: E402

from llmopt_ui.components import frame, told_plainly  # noqa: E402
from llmopt_ui.navigation import streamlit_pages  # noqa: E402

frame()
page = st.navigation(streamlit_pages())

# The frame is on its way to the browser while the rest is imported.
from llmopt_ui.sidebar import sidebar  # noqa: E402

with told_plainly():
    sidebar()
    page.run()
