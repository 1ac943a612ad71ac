"""The audit of right queries: which cannot be trusted, and what shows it."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from llmopt_core.labs.data_questions.golds.finding import KIND_WORDS
from llmopt_core.labs.data_questions.golds.job import AUDIT, AuditArguments, Findings, latest_findings
from llmopt_core.labs.data_questions.sources import SavedSource
from llmopt_core.runs.values import Project
from llmopt_core.text.csv_text import csv_of
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.components import downloads, facts, section
from llmopt_ui.data_questions.question_sets import audit_arguments, needs_sample_note, set_field
from llmopt_ui.evaluation_sets import set_version
from llmopt_ui.job_panel import follow_job
from llmopt_ui.resources import start_job, store
from llmopt_ui.tables import data_table

START, KIND = "golds_start", "golds_kind"
_EVERY = "All kinds"


def golds_tab(project: Project, source: SavedSource) -> None:
    """Choose a set, audit it, read what was found."""
    questions = set_field(project)
    if questions is None:
        return
    needs_sample_note(source, questions)
    arguments = audit_arguments(source, questions)
    findings = latest_findings(store(), project, arguments)
    _job(project, arguments, begun=findings is not None)
    if findings is not None:
        _findings(findings, set_version(project, questions.name, questions.version))


def _job(project: Project, arguments: AuditArguments, *, begun: bool) -> None:
    wanted = arguments.model_dump(mode="json")
    jobs = [job for job in store().jobs(project) if job.kind == AUDIT.name and job.arguments == wanted]
    newest = jobs[0] if jobs else None
    if newest is not None and newest.status != "finished":
        follow_job(newest)
        if newest.active:
            return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        pressed = st.button(
            "Audit again" if begun else "Audit the right queries", key=START, icon=":material/fact_check:",
            type="tertiary" if begun else "primary",
        )  # fmt: skip
        st.caption("Runs each on changed copies of the database; no model is asked.", width="content")
    if pressed:
        start_job(AUDIT.name, project, arguments)
        st.rerun()


def _findings(findings: Findings, questions: EvaluationSet) -> None:
    doubtful = {name: found for name, found in findings.items() if found}
    counts = {kind: sum(any(one.kind == kind for one in found) for found in findings.values()) for kind in KIND_WORDS}
    section("What was found")
    facts(
        ("Right queries", f"{len(findings)}"),
        ("Not to be trusted", f"{len(doubtful)}"),
        *((word[0].upper() + word[1:], f"{counts[kind]}") for kind, word in KIND_WORDS.items()),
        columns=4,
    )
    if not doubtful:
        st.caption("Nothing speaks against the right queries of this set.")
        return
    kinds = {_EVERY: "", **{word: kind for kind, word in KIND_WORDS.items() if counts[kind]}}
    kind = kinds[st.selectbox("A right query that", list(kinds), key=KIND, width=340)]
    texts = {one.id: (one.question, " / ".join(one.gold_queries)) for one in questions.examples}
    rows = [
        {
            "Id": name, "Found": KIND_WORDS[one.kind], "Why": one.reason, "Question": texts.get(name, ("", ""))[0],
            "Right query": texts.get(name, ("", ""))[1],
            "Evidence": json.dumps(one.details, ensure_ascii=False, default=str) if one.details else "",
        }
        for name, found in doubtful.items()
        for one in found
        if not kind or one.kind == kind
    ]  # fmt: skip
    data_table(pd.DataFrame(rows).drop(columns="Evidence"), alt="Right queries that cannot be trusted", lines=3,
               key="golds_table")  # fmt: skip
    with st.expander("Evidence"):
        for row in rows[:50]:
            st.text(f"{row['Id']}: {row['Why']}", width="stretch")
            st.code(f"{row['Right query']}\n\n{row['Evidence']}", language=None, wrap_lines=True)
        if len(rows) > 50:
            st.caption(f"and {fmt.count(len(rows) - 50)} more in the file")
    downloads("golds_download", ("Findings (CSV)", lambda: csv_of(rows), "gold-audit.csv"))
