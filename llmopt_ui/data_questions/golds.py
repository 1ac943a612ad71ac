"""Which right queries of a set cannot be trusted, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from llmopt_core.labs.data_questions.gold_audit import audit_examples
from llmopt_core.labs.data_questions.golds.finding import KIND_WORDS, Finding
from llmopt_core.labs.data_questions.sources import SavedSource
from llmopt_core.runs.values import Project
from llmopt_core.types import Example
from llmopt_ui import format as fmt
from llmopt_ui.components import downloads, empty_state, facts
from llmopt_ui.data_questions.data_sets import data_sets
from llmopt_ui.evaluation_sets import newest_set
from llmopt_ui.pickers import pick_name
from llmopt_ui.session import state
from llmopt_ui.tables import data_table

SET, AUDIT = "data_golds_set", "data_golds_audit"
Findings = Mapping[str, Sequence[Finding]]


def golds_view(project: Project, source: SavedSource) -> None:
    """Choose a set, audit it, read the findings."""
    names = data_sets(project)
    if not names:
        empty_state(
            "No questions with right queries yet",
            "Load the sample shop above, or add an evaluation set with the columns question and sql on Evaluation.",
            ":material/rule:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = pick_name(SET, names, "Evaluation set", width=320)
        pressed = st.button("Audit the golds", key=AUDIT, type="primary", icon=":material/fact_check:")
    questions = newest_set(project, name)
    key = (project.id, source.source, questions.version)
    if pressed:
        state().gold_audits[key] = _audit(questions.examples, source)
    findings = state().gold_audits.get(key)
    if findings is None:
        st.caption(
            "Each right query is run on this data and on changed copies of it: does it fail, return nothing, change "
            "with the order of rows, depend on repeated rows, or is it right only by accident?"
        )
        return
    _findings(questions.examples, findings, name)


def _audit(examples: Sequence[Example], source: SavedSource) -> Findings:
    bar = st.progress(0.0, "Auditing …")

    def show(done: int, total: int) -> None:
        bar.progress(done / total, f"Auditing … {done} of {total} golds")

    try:
        return audit_examples(examples, source.source, show)
    finally:
        bar.empty()


def _findings(examples: Sequence[Example], findings: Findings, name: str) -> None:
    unsound = {one: found for one, found in findings.items() if found}
    facts(
        ("Golds", fmt.count(len(findings))),
        ("Sound", fmt.count(len(findings) - len(unsound)), "Nothing was found; that is no proof that they are right."),
        ("With a finding", fmt.count(len(unsound))),
    )
    if not unsound:
        st.caption("Nothing was found.")
        return
    by_id = {example.id: example for example in examples}
    rows = [
        (by_id[one].question, f"It {KIND_WORDS[finding.kind]}", finding.reason, by_id[one].gold_queries[0])
        for one, found in unsound.items()
        for finding in found
    ]
    table = pd.DataFrame(rows, columns=["Question", "Finding", "Reason", "Right query"])
    data_table(table, lines=3, key="data_golds_table")
    content = [
        {"id": one, "findings": [{"kind": finding.kind, "evidence": finding.evidence()} for finding in found]}
        for one, found in findings.items()
    ]
    text = json.dumps({"golds": content}, ensure_ascii=False, indent=1, default=str)
    downloads("data_golds", ("JSON", text, f"{fmt.file_stem(name)}-golds.json"))
