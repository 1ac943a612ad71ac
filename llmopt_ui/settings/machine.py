"""The built-in models, the judge and the workspace in Settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from llmopt_core.execution.event_loop import run_in_loop
from llmopt_core.index.vector_store import mask_password
from llmopt_core.models.endpoints import endpoints_path
from llmopt_ui import format as fmt
from llmopt_ui.components import section
from llmopt_ui.keys import environment
from llmopt_ui.resources import settings, store
from llmopt_ui.session import state
from llmopt_ui.tables import show_table

if TYPE_CHECKING:
    from llmopt_core.experiments.doctor import Finding

CHECK = "machine_check"
_SIGNS = {
    "ok": ":green[:material/check_circle:]",
    "warning": ":orange[:material/warning:]",
    "missing": ":red[:material/error:]",
}
_BUILT_IN = (
    ("Chat", "SmolLM2-135M-Instruct, by llama.cpp", "Answers short questions from a passage, by plain completion with "
     "two worked examples. It can't call tools, judge, or follow long instructions; HyDE and sub-questions by it make "
     "retrieval worse."),
    ("Embedding", "all-MiniLM-L6-v2", "Sees the first 256 tokens of a text. Made for English; Chinese is found better "
     "by words (BM25) or by another embedding model."),
    ("Rerank", "Late interaction over the same embedding model", "Compares question and chunk token by token."),
    ("Judge", "Ragas' metrics over fixed rules, no language model", "Measures grounding, not correctness: whether the "
     "text says it, not whether it is right."),
)  # fmt: skip


def builtin_view() -> None:
    """What is built in, what it can do, and whether it works on this machine."""
    section("What is built in")
    st.caption("Needs no key and no network, and takes the place of a real endpoint in every lab.")
    grid = st.grid(2, min_column_width=330, gap="small", border=True)
    for role, name, description in _BUILT_IN:
        with grid.cell():
            st.caption(role)
            st.markdown(f"**{fmt.markdown(name)}**")
            st.caption(description)
    if settings().builtin_gguf:
        st.caption("LLMOPT_BUILTIN_GGUF puts this file in the chat model's place:")
        st.text(str(settings().builtin_gguf), width="stretch")
    section("Does it work here?")
    if st.button("Check this machine", key=CHECK, icon=":material/health_and_safety:"):
        with st.spinner("Calling the built-in model and every endpoint …"):
            # Kept for the session: a check calls every endpoint and takes seconds.
            state().findings = _examine()
    findings_view(state().findings)


def _examine() -> list[Finding]:
    from llmopt_core.experiments.doctor import examine

    return run_in_loop(examine(environment()))


def findings_view(findings: Sequence[Finding]) -> None:
    """One line per finding; where something is missing, its fix."""
    for finding in findings:
        with st.container(horizontal=True, gap="small"):
            st.markdown(f"{_SIGNS[finding.status]} **{fmt.markdown(finding.name)}**", width=260)
            st.text(finding.detail + (f"\nTo do: {finding.fix}" if finding.fix else ""), width="stretch")


def workspace_view() -> None:
    """Where everything is kept."""
    current = settings()
    section("Workspace")
    st.caption("Everything the app remembers is in this folder. Copy it to keep it; keys are never in it.")
    rows = [
        ("Everything", str(current.home), "LLMOPT_HOME"),
        # `where` and `mask_password` leave out passwords, which stand in such addresses and end up in screenshots.
        ("Database", store().database.where, "LLMOPT_DATABASE_URL"),
        ("Vector indexes", mask_password(current.chroma_url) or str(current.home / "indexes"), "LLMOPT_CHROMA_URL"),
        ("Endpoints added here", str(endpoints_path(current)), ""),
        ("Further endpoints", str(current.endpoints_file or "not set"), "LLMOPT_ENDPOINTS"),
        ("Chat model file", str(current.builtin_gguf or "the built-in one"), "LLMOPT_BUILTIN_GGUF"),
        ("CPU threads of the built-in models", str(current.threads), "LLMOPT_THREADS"),
    ]
    table = pd.DataFrame(
        [(what, fmt.markdown(where), f"`{name}`" if name else "") for what, where, name in rows],
        columns=["What", "Where", "Set by"],
    )
    show_table(table, "Where everything is kept")
