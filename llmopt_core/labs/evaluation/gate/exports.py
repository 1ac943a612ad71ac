"""A gate for pipelines: JUnit XML, and Markdown for a job's summary and for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.labs.evaluation.gate.outcome import Check, Gate
from llmopt_core.reporting.formatting import number
from llmopt_core.reporting.junit import CaseOutcome, JUnitCase, JUnitSuite, junit_xml
from llmopt_core.reporting.markdown import markdown_table, plain_text
from llmopt_core.types.grouping import group_values

MARK = "<!-- llmopt gate -->"
"""The first line of the Markdown, by which a workflow finds its own comment again."""
# GitHub refuses comments of more than 65,536 characters.
_MOST_CHARACTERS = 60_000
# A name may be a whole prompt.
_LONGEST = 500
_MOST_NOTES = 20
_HEADER = ("outcome", "configuration", "check", "result")


def gate_junit(gate: Gate) -> str:
    """A suite per configuration, a case per rule, and one for each category.

    Failures and errors stand just where the gate does not pass, so that the two never say different things: what does
    not decide is skipped unless it passed.
    """
    groups = group_values((check.configuration, check) for check in gate.checks)
    properties = {
        "outcome": gate.outcome,
        "exit_code": str(gate.exit_code),
        "evaluation_set": str(gate.evaluation_set.get("name") or ""),
        "version": str(gate.evaluation_set.get("version") or ""),
        "baseline": gate.baseline,
        "notes": "\n".join(gate.notes),
    }
    filled = {key: value for key, value in properties.items() if value}
    return junit_xml(
        "llmopt gate",
        [JUnitSuite(name, [_case(check) for check in checks], properties=filled) for name, checks in groups.items()],
    )


def _case(check: Check) -> JUnitCase:
    outcome: CaseOutcome = "passed"
    if check.outcome != "passed":
        outcome = "skipped" if not check.decides else "failure" if check.outcome == "failed" else "error"
    prefix = "" if check.decides else f"{check.outcome} (it does not decide): "
    return JUnitCase(check.title, outcome, check.outcome, f"{prefix}{check.sentence}", check.sentence)


def gate_markdown(gate: Gate) -> str:
    """The outcome, a table of what decides, the categories folded, and what must be said beside them."""
    parts = [
        MARK,
        f"### llmopt gate: {gate.outcome}",
        _about(gate),
        _table([one for one in gate.checks if one.decides]),
    ]
    if others := [check for check in gate.checks if not check.decides]:
        title = "<details><summary>By category (told, not decided by)</summary>"
        parts.append("\n\n".join([title, _table(others), "</details>"]))
    parts += [f"- {plain_text(note, _LONGEST)}" for note in gate.notes[:_MOST_NOTES]]
    return "\n\n".join(part for part in parts if part) + "\n"


def _about(gate: Gate) -> str:
    questions = gate.evaluation_set
    words = [f"exit code {gate.exit_code}"]
    if questions.get("name"):
        version = f" (version {str(questions.get('version') or '')[:12]})" if questions.get("version") else ""
        words.append(plain_text(f"{questions['name']}{version}"))
    if gate.baseline:
        words.append(f"against {plain_text(gate.baseline)}")
    return " · ".join(words)


def _table(checks: Sequence[Check]) -> str:
    if not checks:
        return "Nothing was checked."
    # What keeps it from passing stands first.
    failures_first = sorted(checks, key=lambda check: check.outcome == "passed")
    rows, size = [], 0
    for check in failures_first:
        row = [
            f"**{check.outcome}**",
            plain_text(check.configuration),
            plain_text(check.title),
            plain_text(check.words),
        ]
        size += sum(map(len, row))
        # Half for what decides, half for the categories.
        if size > _MOST_CHARACTERS // 2:
            break
        rows.append(row)
    omission_count = len(failures_first) - len(rows)
    rest = f"\n\n{number(omission_count)} more are left out here." if omission_count else ""
    return markdown_table(_HEADER, rows) + rest
