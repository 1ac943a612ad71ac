"""A judge's report as JSON values and as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.labs.evaluation.judge_labels import CorrectedRate, JudgeReport
from llmopt_core.labs.evaluation.judge_order import PeopleLabels, is_labelled
from llmopt_core.labs.evaluation.judge_rows import LabelRow, rows_by_group
from llmopt_core.labs.evaluation.judge_words import GROUP_WORDS
from llmopt_core.text.words import shorten

_WORST = 10
"""Disagreements that are printed; JSON has all."""


def report_values(
    report: JudgeReport, rows: Sequence[LabelRow], people: PeopleLabels, names: Sequence[str]
) -> dict[str, Any]:
    """As `llmopt judge-labels --json` writes it; what cannot be told is null."""
    result = report.agreement
    return {
        "configurations": list(names),
        "questions": len(rows),
        "labelled_answers": report.answers,
        "agreement": {
            "tpr": result.recall,
            "tnr": result.specificity,
            "kappa": result.kappa,
            "auc": result.auc,
            "people_pass": _labels(report, True),
            "people_fail": _labels(report, False),
        },
        "refusal": report.refusal,
        "rates": [
            {"configuration": name, **_rate(one)} for name, one in zip(names, report.rates, strict=True)
        ],
        "difference": None if report.difference is None else _rate(report.difference),
        "disagreements": [
            {
                "example_id": one.row.example_id,
                "question": one.row.question,
                "answer": one.answer.text,
                "configuration": names[one.side],
                "judge": one.answer.score,
                "people": "pass" if one.is_passed else "fail",
            }
            for one in report.disagreements
        ],
        "groups": [
            {
                "judge_says": GROUP_WORDS[name],
                "questions": len(group),
                "labelled": sum(is_labelled(row, people) for row in group),
            }
            for name, group in rows_by_group(rows).items()
        ],
    }  # fmt: skip


def report_text(values: Mapping[str, Any]) -> str:
    """The values as lines to read."""
    found = values["agreement"]
    names = values["configurations"]
    lines = [
        f"{values['labelled_answers']} labelled answers: people pass {found['people_pass']}, fail "
        f"{found['people_fail']}",
        f"  TPR {_number(found['tpr'])}, TNR {_number(found['tnr'])}, kappa {_number(found['kappa'])}, "
        f"AUC {_number(found['auc'])}",
    ]
    if values["refusal"]:
        lines.append(f"Nothing is corrected. {values['refusal']}")
    else:
        lines += [_rate_line(f"pass rate of {one['configuration']}", one, "") for one in values["rates"]]
        if values["difference"] is not None:
            lines.append(_rate_line(f"{names[1]} less {names[0]}", values["difference"], "+"))
    worst = values["disagreements"][:_WORST]
    if worst:
        lines.append("worst disagreements:")
        lines += [
            f"  {one['example_id']} ({one['configuration']}): judge {one['judge']:.2f}, people {one['people']}: "
            f"{shorten(one['answer'], 80)}"
            for one in worst
        ]
    lines.append("labelled by what the judge says:")
    lines += [f"  {one['judge_says']}: {one['labelled']} of {one['questions']} questions" for one in values["groups"]]
    return "\n".join(lines)


def _labels(report: JudgeReport, label: bool) -> int:
    return sum(report.counts.get((label, verdict), 0) for verdict in (True, False))


def _rate(rate: CorrectedRate) -> dict[str, Any]:
    value = rate.corrected
    corrected = None if value is None else {
        "mean": value.mean,
        "ci95": [value.low, value.high],
        "labels": value.labels,
        "questions": value.rows,
        "without_labels": value.unlabelled,
        "clusters": value.clusters,
    }  # fmt: skip
    return {"judge": rate.judge, "corrected": corrected}


def _rate_line(title: str, rate: Mapping[str, Any], sign: str) -> str:
    value = rate["corrected"]
    said = f"  {title}: judge {rate['judge']:{sign}.1%}"
    if value is None:
        return f"{said}, no label yet"
    low, high = value["ci95"]
    unit = "" if value["clusters"] is None else f", by {value['clusters']} document clusters"
    return (
        f"{said}, corrected {value['mean']:{sign}.1%} [{low:{sign}.1%}, {high:{sign}.1%}] by {value['labels']} of "
        f"{value['questions']} questions{unit}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
