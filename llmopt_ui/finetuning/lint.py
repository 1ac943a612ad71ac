"""The Checks tab: what is wrong with training data, before money or hours are spent on it."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pandas as pd
import streamlit as st

from llmopt_core.experiments.versions.training_sets import TrainingSetVersion, training_sets
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.data.lint import DEFAULT_TOKEN_LIMIT, CheckSettings, check_file, check_set
from llmopt_core.finetuning.data.lint_report import CheckReport
from llmopt_core.runs.values import Project
from llmopt_core.text.csv_text import csv_of
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, empty_state, facts, section, show_errors, side_by_side
from llmopt_ui.finetuning.charts import token_bars
from llmopt_ui.finetuning.example_forms import choose_sets_to_protect
from llmopt_ui.finetuning.tabs import DATA, open_tab
from llmopt_ui.pickers import apply_request
from llmopt_ui.resources import store
from llmopt_ui.tables import data_table, show_table

SET, FILE, LIMIT, PRICE = "checks_set", "checks_file", "checks_limit", "checks_price"
_FILE = "A file on this computer"
_WORDS = {
    "invalid_json": "Not valid JSON",
    "invalid_row": "Broken CSV row",
    "data_type": "Not an object",
    "missing_messages_list": "No messages",
    "message_missing_key": "Message without role or content",
    "message_unrecognized_key": "Unknown key in a message",
    "unrecognized_role": "Unknown role",
    "missing_content": "No content",
    "example_missing_assistant_message": "No assistant message",
    "mixed_kinds": "Conversations and pairs mixed",
    "fewer_than_10_examples": "Fewer than 10 examples",
    "missing_system_message": "No system message",
    "missing_user_message": "No user message",
    "over_token_limit": "Too long",
    "duplicate": "Repeated",
    "near_duplicate": "Nearly repeated",
    "conflicting_answer": "Same input, another answer (label noise)",
    "leakage_exact": "Stands in an evaluation set",
    "leakage_near": "Overlaps with an evaluation question",
    "leakage_document": "From a document of an evaluation set",
    "possible_secret": "Looks like a key or password",
}

# Sets are known by their version: hashing thousands of examples at each drawing would take as long as checking them.
_VERSIONS: dict[str | type, Any] = {TrainingSet: attrgetter("version"), EvaluationSet: attrgetter("version")}


def lint_view(project: Project) -> None:
    """The whole tab."""
    versions = {item.label: item for item in training_sets(store(), project)}
    options = [*versions, _FILE]
    apply_request(SET, options)
    left, right = side_by_side([3, 2], "checks")
    with left:
        label = st.selectbox("Training data", options, key=SET, bind="query-params")
        file = st.file_uploader("JSONL or CSV", ["jsonl", "csv", "tsv"], key=FILE) if label == _FILE else None
        apart = choose_sets_to_protect(project, "checks_apart")
    with right:
        one, two = st.columns(2, gap="small")
        limit = one.number_input("Token limit", 16, 200_000, DEFAULT_TOKEN_LIMIT, 256, key=LIMIT,
                                 help="Longer examples are cut off and billed up to here.")  # fmt: skip
        price = two.number_input("USD per million tokens", 0.0, None, None, 1.0, key=PRICE, placeholder="Unknown",
                                 help="A service's price for training tokens, for the estimate.")  # fmt: skip
        st.caption("Tokens are counted as OpenAI bills them (the encoding cl100k; 3 more per message, 1 for a name, "
                   "3 per conversation). "
                   "`llmopt finetune check` does the same for files of any size.")  # fmt: skip
    if label == _FILE and file is None:
        empty_state("No file chosen", "Choose a training file, or save a training set in the first tab.",
                    ":material/fact_check:").button("Training data", key="checks_to_data", on_click=open_tab,
                                                    args=(DATA,))  # fmt: skip
        return
    with show_errors():
        settings = CheckSettings(tuple(apart), int(limit), price)
        if file is not None:
            _report(_lint_file(file.file_id, file.name, file.getvalue(), settings))
        else:
            _saved_findings(versions[label], settings)


def _saved_findings(version: TrainingSetVersion, settings: CheckSettings) -> None:
    _report(_lint_set(version.label, version.train, settings))
    # In a line: what is wrong there disturbs a measurement and not the model.
    if version.validation:
        validation = _lint_set(version.label, version.validation, settings)
        words = f"Validation part: {fmt.plural(validation.examples, 'example')}"
        counts_text = ", ".join(
            f"{count:,} × {_kind_word(kind).lower()}"
            for kind, count in {**validation.errors, **validation.findings}.items()
        )
        st.caption(fmt.markdown(f"{words}, {counts_text}." if counts_text else f"{words}, nothing to complain about."))


@st.cache_data(show_spinner="Checking …", max_entries=16, hash_funcs=_VERSIONS)
def _lint_set(label: str, part: TrainingSet, settings: CheckSettings) -> CheckReport:
    return check_set(part, settings)


@st.cache_data(show_spinner="Checking …", max_entries=4, hash_funcs=_VERSIONS)
# By the id of the upload; the bytes themselves are not hashed.
def _lint_file(file_id: str, name: str, _data: bytes, settings: CheckSettings) -> CheckReport:
    return check_file(_data, name, settings)


def _report(report: CheckReport) -> None:
    errors, findings = sum(report.errors.values()), sum(report.findings.values())
    words = (
        f":red[:material/error:] **{fmt.plural(errors, 'error')}**: a service would refuse this file."
        if errors
        else ":green[:material/check_circle:] **No errors**: the format is right."
    )
    st.markdown(words + (f"  {fmt.plural(findings, 'doubt')} to look at." if findings else "  Nothing else was found."))
    cost = fmt.money(report.cost_usd) if report.cost_usd is not None else "unknown"
    billing_help = "What is billed per epoch, each example up to the token limit."
    facts(
        ("Examples", fmt.count(report.examples), "Conversations, or preference pairs."),
        ("Tokens per epoch", fmt.count(report.billing_tokens), billing_help),
        ("Epochs", str(report.epochs), "What a service chooses by default: 3, more for small sets."),
        ("Estimated price", cost, f"{report.epochs} epochs × {report.billing_tokens:,} tokens at the price you gave."),
        ("Longest", f"{report.longest:,} tokens"),
    )
    left, right = side_by_side([1, 1], "findings")
    with left:
        section("Length")
        show_chart(token_bars(report.histogram, report.token_limit), "checks_tokens", "Examples by number of tokens")
    with right:
        section("What was found")
        _kinds_table(report)
    _lines(report)


def _kinds_table(report: CheckReport) -> None:
    rows = [{"": ":red[error]", "Kind": _kind_word(kind), "Examples": n} for kind, n in report.errors.items()]
    rows += [{"": ":gray[doubt]", "Kind": _kind_word(kind), "Examples": n} for kind, n in report.findings.items()]
    if not rows:
        st.caption("Nothing: no errors, no repetitions, no contradictions, no leakage.")
        return
    show_table(rows, "What was found, and how often")


def _kind_word(kind: str) -> str:
    return _WORDS.get(kind, kind.replace("_", " ").capitalize())


def _lines(report: CheckReport) -> None:
    if not report.lines:
        return
    section("Line by line")
    lines = report.telling_lines
    table = pd.DataFrame(
        {
            # 0 stands for the file as a whole.
            "Line": [p.line or None for p in lines],
            "": ["error" if p.is_error else "doubt" for p in lines],
            "Kind": [_kind_word(p.kind) for p in lines],
            "What": [p.message for p in lines],
        }
    )
    data_table(table, alt="Findings with line numbers", placeholder="file")
    if report.lines_left_off:
        st.caption(f"And {report.lines_left_off:,} more.")
    # The column has no name on the page, which a file needs.
    csv = csv_of(table.rename(columns={"": "Severity"}).to_dict("records"))
    downloads("checks_download", ("Findings (CSV)", csv, "findings.csv"))
