"""What the labels of people say of a judge: agreement, corrected rates, the worst disagreements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.evaluation.judge_labels import CorrectedRate, JudgeReport, judge_report, people_agreement
from llmopt_core.labs.evaluation.judge_order import is_labelled
from llmopt_core.labs.evaluation.judge_rows import SAME, LabelRow, rows_by_group
from llmopt_core.labs.evaluation.judge_words import GROUP_WORDS, labels_csv, labels_json
from llmopt_core.runs.store_judge_labels import JudgeLabel
from llmopt_ui import format as fmt
from llmopt_ui.components import downloads, facts, section
from llmopt_ui.tables import show_table

_WORST = 10


def judge_result(  # noqa: PLR0917
    judge: str, names: tuple[str, ...], criterion: str, threshold: float, rows: Sequence[LabelRow],
    people: Mapping[str, bool], labels: Sequence[JudgeLabel],
) -> None:  # fmt: skip
    """All that stands below the labelling."""
    report = judge_report(rows, people, threshold)
    section("The judge against people")
    count = f"{fmt.plural(report.answers, 'labelled answer')} of these runs. " if report.answers else ""
    st.caption(
        f"Graded by {fmt.markdown(judge)}, {metric_title(criterion)}; an answer passes from {threshold:g} on. "
        f"{count}A label belongs to its question, answer and "
        "criterion: it holds in a later run with the same answer, and for no other answer."
    )
    if report.answers:
        _agreement(report, labels)
        _corrected(report, names)
        _disagreements(report, names)
    else:
        st.caption("Nothing is labelled yet.")
    _groups(rows, people)
    if labels:
        stem = fmt.file_stem(f"labels-{criterion}")
        downloads("judge_download", ("Labels (CSV)", lambda: labels_csv(labels), f"{stem}.csv"),
                  ("Labels (JSON)", lambda: labels_json(labels), f"{stem}.json"))  # fmt: skip


def _agreement(report: JudgeReport, labels: Sequence[JudgeLabel]) -> None:
    counts, result = report.counts, report.agreement
    right, wrong = (sum(counts.get((label, verdict), 0) for verdict in (True, False)) for label in (True, False))
    facts(
        ("TPR", fmt.score(result.recall),
         f"Of the answers that people pass, the share that the judge passes; {right} are labelled so."),
        ("TNR", fmt.score(result.specificity),
         f"Of the answers that people fail, the share that the judge fails; {wrong} are labelled so."),
        ("Kappa", fmt.score(result.kappa), "Agreement beyond chance; 0 is chance, 1 is complete."),
        ("AUC", fmt.score(result.auc), "How often it grades an answer that people pass above one that they fail."),
        ("Labels", str(report.answers)),
    )  # fmt: skip
    agreed, shared = people_agreement(labels)
    people = f" People agree on {agreed} of {shared} answers that several labelled." if shared else ""
    st.caption(f"Each labelled answer is weighted by how many of its group it stands for, as flips are labelled more "
               f"often.{people}")  # fmt: skip


def _corrected(report: JudgeReport, names: tuple[str, ...]) -> None:
    section("Corrected by people's labels", "Prediction-powered: the judge on all questions, people on some of them.")
    if report.refusal:
        st.warning(fmt.markdown(report.refusal), icon=":material/block:")
        return
    rows = [_rate_row(f"Pass rate of {name}", rate) for name, rate in zip(names, report.rates, strict=True)]
    if report.difference is not None:
        rows.append(_rate_row(f"{names[1]} less {names[0]}", report.difference, sign="+"))
    show_table(rows, "Pass rates by the judge and as corrected by people's labels", "judge_rates")
    clusters = next((one.corrected.clusters for one in report.rates if one.corrected), None)
    unit = "" if clusters is None else f"Questions about the same documents count together: {clusters} clusters. "
    st.caption(f"The interval (95 %) counts the questions and the labels. {unit}What lies in a group without labels "
               "may be anything, so it is wide until each group has some.")  # fmt: skip


def _rate_row(title: str, rate: CorrectedRate, sign: str = "") -> dict[str, str]:
    value = rate.corrected

    def words(share: float) -> str:
        # The minus of typography, as in all other differences.
        return format(share, f"{sign}.1%").replace("-", "−")

    interval = "" if value is None else f"{words(value.low)} to {words(value.high)}"
    return {
        "": fmt.markdown(title),
        "Judge": words(rate.judge),
        "Corrected": "no label yet" if value is None else words(value.mean),
        "95 % interval": interval,
        "Labelled": "" if value is None else f"{value.labels} of {value.rows}",
        "Without labels": "" if value is None else f"{value.unlabelled:.0%}",
    }


def _disagreements(report: JudgeReport, names: tuple[str, ...]) -> None:
    if not report.disagreements:
        return
    section("The worst disagreements")
    rows = [
        {
            "Question": fmt.markdown(fmt.shorten(one.row.question, 120)),
            "Answer": fmt.markdown(fmt.shorten(one.answer.text, 200)),
            "Configuration": fmt.markdown(names[one.side]),
            "Judge": fmt.score(one.answer.score),
            "People": "pass" if one.is_passed else "fail",
        }
        for one in report.disagreements[:_WORST]
    ]
    show_table(rows, "Labelled answers that the judge grades otherwise than people, worst first", "")


def _groups(rows: Sequence[LabelRow], people: Mapping[str, bool]) -> None:
    with st.expander("Which questions are labelled"):
        groups = rows_by_group(rows)
        lines = [
            {
                "The judge says": GROUP_WORDS[name],
                "Questions": len(groups[name]),
                "Labelled": sum(is_labelled(row, people) for row in groups[name]),
            }
            for name in GROUP_WORDS
            if name in groups
        ]
        show_table(lines, "Questions by the judge's verdicts, and how many of each are labelled", "judge_groups")
        if set(SAME) & set(groups):
            st.caption("The same answer twice moves no difference, so it needs no label for it and comes last.")
