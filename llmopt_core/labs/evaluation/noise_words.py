"""What the noise of a metric comes to: one plain sentence on what to buy next, and values for a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from llmopt_core.labs.evaluation.noise import MetricNoise, pair_judge_band
from llmopt_core.reporting.formatting import number, plural, with_sign
from llmopt_core.statistics.variance_components import Purchase, inside_judge_noise


def describe_counts(noise: MetricNoise) -> str:
    """`20 questions, 40 answers, 80 judgements`."""
    found = noise.components
    judged = "" if noise.is_deterministic else f", {plural(found.judgements, 'judgement')}"
    return f"{plural(found.questions, 'question')}, {plural(found.answers, 'answer')}{judged}"


def variance_shares(noise: MetricNoise) -> list[tuple[str, float]]:
    """The parts of the variance of one grade with their shares; a part that cannot be told from another names both.

    Empty where nothing varies.
    """
    found = noise.components
    has_answer, has_judge = found.answer is not None, found.judge is not None
    question, answer, judge = "Questions", "Answers", "Judge"
    if not has_answer:
        question = "Questions and answers"
    if not has_judge:
        # Whichever level is the lowest one that is known holds the judge's part.
        question, answer = (question, "Answers and judge") if has_answer else ("All three", answer)
    parts = [(question, found.question), (answer, found.answer), (judge, found.judge)]
    return [(name, part / found.total) for name, part in parts if part is not None] if found.total > 0 else []


def advice_sentence(noise: MetricNoise) -> str:
    """What to buy more of, with what it brings; or what must be repeated before that can be said."""
    if noise.components.total == 0:
        return "Every grade is the same: there is no variance to buy down."
    missing = missing_sentence(noise)
    if noise.components.answer is None:
        return missing
    best, *others = noise.purchases
    rest = "; ".join(_purchase_words(one) for one in others)
    said = (
        f"Buy more {best.source}: {noise.costs.amount_words} on them takes the standard error from "
        f"{number(noise.standard_error)} to {number(best.standard_error)}{f' ({rest})' if rest else ''}."
    )
    return f"{said} {missing}".strip()


def missing_sentence(noise: MetricNoise) -> str:
    """What cannot be told apart, and how to find out; empty where all is known."""
    if noise.components.answer is None:
        return (
            "No question was answered twice, so nobody can tell how much answers vary: compare prompts with repeats "
            "(then llmopt noise --comparison ID), or import a run that has them."
        )
    if noise.components.judge is None:
        return "No answer was judged twice, so the judge's part stands in that of the answers."
    return ""


def judge_sentence(noise: MetricNoise) -> str:
    """What the judge alone makes of a difference."""
    if noise.is_deterministic:
        return "What grades is deterministic: the judge's variance is 0, and nothing is asked again."
    band = noise.judge_band
    if band is None:
        return "How much the judge varies is not known: no answer was judged twice."
    return f"Differences up to {number(band)} between two such means are within the judge's own noise."


def difference_sentence(first: MetricNoise, second: MetricNoise) -> tuple[str, bool]:
    """The difference of two means against the judge's band, and whether it is inside."""
    difference, band = second.mean - first.mean, pair_judge_band(first, second)
    said = f"{second.configuration} less {first.configuration}: {with_sign(difference)}"
    if first.is_deterministic and second.is_deterministic:
        return f"{said}; the judge is deterministic and adds no noise.", False
    if band is None:
        return f"{said}; whether that is the judge's noise is not known: no answer was judged twice.", False
    inside = inside_judge_noise(difference, band)
    where = "inside" if inside else "outside"
    return f"{said}, {where} the judge's noise band of ±{number(band)}.", inside


def noise_values(noises: Sequence[MetricNoise]) -> dict[str, Any]:
    """As `llmopt noise --json` writes it."""
    return {"metrics": [_values(noise) for noise in noises]}


def _values(noise: MetricNoise) -> dict[str, Any]:
    found = noise.components
    return {
        "configuration": noise.configuration,
        "run_ids": list(noise.run_ids),
        "metric": noise.metric,
        "mean": noise.mean,
        "questions": found.questions,
        "answers": found.answers,
        "judgements": found.judgements,
        "variance": {"question": found.question, "answer": found.answer, "judge": found.judge},
        "judge_is_deterministic": noise.is_deterministic,
        "standard_error": noise.standard_error,
        "judge_band": noise.judge_band,
        "costs": {**asdict(noise.unit_costs), "unit": noise.costs.unit},
        "amount": noise.costs.amount,
        "purchases": [asdict(purchase) for purchase in noise.purchases],
        "advice": advice_sentence(noise),
    }


def _purchase_words(purchase: Purchase) -> str:
    return f"on {purchase.source} to {number(purchase.standard_error)}"
