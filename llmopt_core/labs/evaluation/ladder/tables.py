"""The ladder as a table of a file."""

from __future__ import annotations

from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung, Section
from llmopt_core.reporting.verdict_words import verdict_words
from llmopt_core.text.csv_text import csv_text

_COLUMNS = (
    "position", "configuration", "state", "decided_by", "reason", "parent", "changes", "metric", "mean", "low", "high",
    "scored", "total", "difference", "difference_low", "difference_high", "p_value", "verdict", "pairs",
    "more_questions", "cost_usd_each", "seconds_each", "tokens_each", "mark", "evaluation_set", "set_version", "judge",
    "run", "decided_at",
)  # fmt: skip


def ladder_csv(ladder: Ladder) -> str:
    """One row for each experiment, with everything that is known; what is not known is empty."""
    rows = [_row(ladder, section, rung) for section in ladder.sections for rung in section.rungs]
    return csv_text(_COLUMNS, rows)


def _row(ladder: Ladder, section: Section, rung: Rung) -> list[object]:
    summary, comparison, each = rung.summary, rung.comparison, rung.each
    decision = rung.decision if rung.is_decided else None
    who = "verdict" if decision is None else decision.author or "a person"
    start = [rung.position, rung.name, rung.state, who, rung.reason, rung.parent, "; ".join(rung.changes)]
    means = [ladder.metric, summary.mean, summary.low, summary.high, summary.scored, summary.total]
    against = [rung.difference] + (
        [comparison.low, comparison.high, comparison.p_value, verdict_words(comparison), comparison.pairs,
         comparison.more_questions]
        if comparison else [None] * 6
    )  # fmt: skip
    took = [each.cost_usd, each.seconds, each.tokens, rung.mark]
    where = [section.set_name, section.set_version, section.judge, rung.run_id]
    return [*start, *means, *against, *took, *where, decision.saved_at.isoformat() if decision and decision.saved_at
            else None]  # fmt: skip
