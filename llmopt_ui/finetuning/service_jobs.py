"""What a service itself knows of fine-tuning jobs, those started elsewhere too."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from llmopt_core.finetuning.finetuners import jobs_at
from llmopt_ui import format as fmt
from llmopt_ui.components import show_errors
from llmopt_ui.finetuning.start import access, services
from llmopt_ui.tables import data_table
from llmopt_ui.viewer_time import moment_column

SERVICE, ASK = "elsewhere_service", "elsewhere_ask"


def service_jobs_view() -> None:
    """Ask a service for its list; draws nothing where there is no service. Nothing is asked before the button."""
    names = services()
    if not names:
        return
    with st.expander("Jobs at a service, started elsewhere too", icon=":material/cloud:"):
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            name = st.selectbox("Service", names, key=SERVICE, width=280)
            submit = st.button("Ask for its jobs", key=ASK, icon=":material/refresh:")
        # Not kept for the next drawing: the list is of this moment, and the page asks for no other.
        if submit:
            with show_errors():
                _table(name)


def _table(name: str) -> None:
    jobs = jobs_at(access(), name)
    if not jobs:
        st.caption(f"{fmt.markdown(name)} knows of no jobs.")
        return
    rows = [
        {
            "Job there": job["id"],
            "State": job["status"],
            "Base model": job["model"],
            # None is drawn as a dash, an empty text as nothing.
            "Fine-tuned model": job["tuned_model"] or None,
            "Created": datetime.fromtimestamp(job["created_at"], UTC),
        }
        for job in jobs
    ]
    data_table(pd.DataFrame(rows), alt=f"Jobs at {name}", column_config={"Created": moment_column()})
