"""A sweep as JSON and CSV."""

from __future__ import annotations

from typing import Any

from llmopt_core.labs.chunking.result import METRICS, TOKENS, SettingResult, SweepResult, label_counts
from llmopt_core.statistics.intervals import Summary
from llmopt_core.text.csv_text import csv_text
from llmopt_core.types import EvaluationSet


def sweep_values(result: SweepResult) -> dict[str, Any]:
    """Plain values of all settings, in the order they were tried; scores are fractions between 0 and 1."""
    return {
        "evaluation_set": {
            "name": result.set_name,
            "version": result.set_version,
            "size": len(result.example_ids),
        },
        "unit": result.unit,
        "documents": len(result.documents),
        "search": result.spec.search,
        # Words are searched without a model.
        "embedding": result.searcher if result.embedder else None,
        "window": result.window,
        "unknown_tokens": result.unknown,
        "embedded_texts": result.embedded,
        "seconds": round(result.seconds, 3),
        "skipped": [{"setting": combination.name, "reason": combination.reason} for combination in result.skipped],
        "settings": [_setting(result, setting) for setting in result.settings],
    }


def _setting(result: SweepResult, setting: SettingResult) -> dict[str, Any]:
    cutting = result.cutting(setting)
    chunking = cutting.chunking
    return {
        "method": chunking.method,
        "size": chunking.size,
        "overlap": chunking.overlap,
        "unit": chunking.unit,
        "top_k": setting.top_k,
        "chunks": cutting.chunks,
        "metrics": {name: _summary(setting.summaries[name]) for name in METRICS},
        TOKENS: _summary(setting.summaries[TOKENS]),
        # Questions by their first cause, as in the tables of the app.
        "misses": dict(label_counts(setting)),
        "chunks_beyond_window": cutting.beyond_window,
        # Six digits: one chunk among many thousands still shows.
        "share_not_embedded": round(cutting.share_cut, 6),
    }


def _summary(summary: Summary) -> dict[str, Any]:
    # One question or none was scored: there is no interval.
    interval = None if summary.low is None or summary.high is None else [summary.low, summary.high]
    return {"mean": summary.mean, "ci95": interval, "scored": summary.scored, "total": summary.total}


def sweep_csv(result: SweepResult) -> str:
    """One row per setting."""
    columns = [*METRICS, TOKENS]
    header = ["method", "size", "overlap", "unit", "top_k", "search", "chunks", "scored", "total"]
    rows = []
    for setting in result.settings:
        cutting = result.cutting(setting)
        c, recall = cutting.chunking, setting.summaries["recall"]
        row: list[Any] = [c.method, c.size, c.overlap, c.unit, setting.top_k, result.spec.search, cutting.chunks]
        row += [recall.scored, recall.total]
        for name in columns:
            summary = setting.summaries[name]
            row += [summary.mean, summary.low, summary.high]
        rows.append([*row, *label_counts(setting).values()])
    ends = [f"{name}{end}" for name in columns for end in ("", "_low", "_high")]
    # Every setting has the same labels, also those that it never had.
    return _csv([*header, *ends, *label_counts(result.settings[0])], rows)


def questions_csv(result: SweepResult, position: int, evaluation_set: EvaluationSet) -> str:
    """One row per question of one setting: its values, and what was missed."""
    setting, examples = result.settings[position], {example.id: example for example in evaluation_set.examples}
    rows = []
    for number, name in enumerate(result.example_ids):
        # A question that was taken out of the set meanwhile: its numbers stay, its text is gone.
        question = examples[name].question if name in examples else ""
        misses = setting.misses[number]
        labels = "; ".join(miss.label for miss in misses)
        ranks = "; ".join("" if miss.rank is None else str(miss.rank) for miss in misses)
        values = [setting.values[metric][number] for metric in (*METRICS, TOKENS)]
        rows.append([name, question, *values, labels, ranks])
    return _csv(["id", "question", *METRICS, TOKENS, "missed", "rank"], rows)


def _csv(header: list[str], rows: list[list[Any]]) -> str:
    return csv_text(header, rows)
