"""The app: `streamlit run app.py`. Page list, sidebar, run."""

from llmopt_core.settings import silence_telemetry

silence_telemetry()

import streamlit as st  # noqa: E402

from llmopt_ui.components import frame, told_plainly  # noqa: E402
from llmopt_ui.navigation import streamlit_pages  # noqa: E402
from llmopt_ui.sidebar import sidebar  # noqa: E402

frame()
page = st.navigation(streamlit_pages())
with told_plainly():
    sidebar()
    page.run()
