"""Results as `llmopt evaluate --json` writes them, made by hand for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Values = Sequence[float | None]


def run_of(
    name: str,
    scores: Mapping[str, Values],
    *,
    categories: Sequence[str] = (),
    total: int | None = None,
    status: str = "finished",
    trained_on: int = 0,
    has_means: bool = True,
) -> dict[str, Any]:
    """A run with these values by metric; question `i` is called `q000i`. Without its means it is made faster."""
    count = len(next(iter(scores.values())))
    records = [
        {
            "example_id": f"q{i:04}",
            "question": f"Question {i}?",
            "reference": "yes",
            "category": categories[i % len(categories)] if categories else "",
            "answer": "yes",
            "scores": {
                metric: {"value": values[i], "explanation": "", "failure": None} for metric, values in scores.items()
            },
            "failure": None,
            "seconds": 0.1,
        }
        for i in range(count)
    ]
    overlap = {
        "questions": count,
        "exact": trained_on,
        "parts": [{"kind": "model", "name": "tuned", "exact": trained_on}],
    }
    return {
        "configuration": name,
        "fingerprint": name,
        "status": status,
        "metrics": {metric: _summary(values if has_means else (), total or count) for metric, values in scores.items()},
        "records": records,
        **({"training_overlap": overlap} if trained_on else {}),
    }


def result_of(*runs: dict[str, Any], version: str = "aaaa1111", **more: Any) -> dict[str, Any]:
    """A result of these runs."""
    size = max((len(run["records"]) for run in runs), default=0)
    questions = {"name": "rivers", "version": version, "size": size}
    return {"project": "rivers", "evaluation_set": questions, "judge": "built-in judge v4", "runs": list(runs), **more}


def _summary(values: Values, total: int) -> dict[str, Any]:
    from llmopt_core.statistics.intervals import summarize

    result = summarize(values)
    return {"mean": result.mean, "ci95": [result.low, result.high], "scored": result.scored, "total": total}
