"""Notes and curves, what training pays, and scores of structured answers."""

from __future__ import annotations

import json

import pytest

from llmopt_core.finetuning.data.structured_outputs import score_output, summarize_outputs
from llmopt_core.finetuning.economics import RequestCost, break_even
from llmopt_core.finetuning.jobs.job import MetricPoint
from llmopt_core.finetuning.training.explanations import NOTES, read_curves
from llmopt_core.finetuning.training.hyperparameters import EmbeddingSettings, LoraSettings, ServiceSettings


@pytest.mark.parametrize("kind", [LoraSettings, EmbeddingSettings, ServiceSettings])
def test_every_hyperparameter_has_a_note(kind: type[LoraSettings]) -> None:
    assert set(kind.model_fields) <= NOTES.keys()


def curves(train: list[float], valid: list[float]) -> list[MetricPoint]:
    every = max(1, len(train) // max(1, len(valid)))
    points = [MetricPoint(i + 1, train_loss=loss) for i, loss in enumerate(train)]
    return points + [MetricPoint((i + 1) * every, valid_loss=loss) for i, loss in enumerate(valid)]


FALLING = [3.0, 2.0, 1.5, 1.2, 1.0, 0.9, 0.85, 0.8, 0.79, 0.78, 0.78, 0.78]


@pytest.mark.parametrize(
    ("train", "valid", "fit"),
    [
        (FALLING, [2.5, 1.2, 1.0, 0.98, 0.98], "good"),
        ([*FALLING, 0.4, 0.2, 0.1, 0.05], [2.5, 1.2, 1.0, 1.3, 1.7], "overfitting"),
        ([3.0, 2.9, 2.7, 2.5, 2.3, 2.1, 1.9], [3.0, 2.6, 2.2, 1.9], "underfitting"),
        ([3.0] * 10, [3.0, 2.95, 2.94, 2.94], "underfitting"),
        ([1.0, 1.0, 1.1, 2.0, 4.0, 8.0, 9.0], [1.0, 2.0, 5.0], "unstable"),
        ([1.0, 0.9], [], "unknown"),
        (FALLING, [], "unknown"),
    ],
)
def test_curves_are_read_in_words(train: list[float], valid: list[float], fit: str) -> None:
    reading = read_curves(curves(train, valid))
    assert reading.fit == fit
    assert reading.advice.endswith(".")
    underway = read_curves(curves(train, valid), has_ended=False)
    assert underway.fit == (fit if fit in {"overfitting", "unstable"} else "unknown"), "it may still learn"


def test_training_pays_after_so_many_requests() -> None:
    base = RequestCost(1_000, 50, prompt_price=0.5, completion_price=1.5)
    tuned = RequestCost(100, 50, prompt_price=0.5, completion_price=1.5)
    threshold = break_even(base, tuned, training_usd=9.0)
    assert threshold.saved_per_request == pytest.approx(0.00045)
    assert threshold.requests == 20_000
    assert "20,000 requests" in threshold.sentence


def test_training_never_pays_when_the_tuned_model_costs_more() -> None:
    threshold = break_even(RequestCost(100, 10, 1.0, 1.0), RequestCost(100, 10, 2.0, 2.0), 1.0)
    assert threshold.requests is None
    assert "never" in threshold.sentence


def test_free_training_pays_at_once() -> None:
    slow = RequestCost(500, 20, seconds=2.0, hourly_usd=0.36)
    fast = RequestCost(50, 20, seconds=0.5, hourly_usd=0.36)
    assert break_even(slow, fast, 0.0).requests == 0


GOLD = json.dumps({"intent": "PlayMusic", "slots": {"artist": "Sia", "track": "Alive"}})


@pytest.mark.parametrize(
    ("said", "valid", "intent", "right", "found", "exact"),
    [
        (GOLD, True, True, 2, 2, True),
        ('{"intent": "PlayMusic", "slots": {"Artist": " SIA ", "track": "alive"}}', True, True, 2, 2, True),
        ('{"intent": "PlayMusic", "slots": {"artist": "Sia", "album": "x", "track": "y"}}', True, True, 1, 3, False),
        ('{"intent": "GetWeather", "slots": {"artist": "Sia", "track": "Alive"}}', True, False, 2, 2, False),
        ('{"intent": "PlayMusic", "slots": ["artist"]}', True, True, 0, 0, False),
        ('{"intent": "PlayMusic"', False, False, 0, 0, False),
        ('["PlayMusic"]', False, False, 0, 0, False),
        ("", False, False, 0, 0, False),
    ],
)
def test_structured_answers_are_scored(
    said: str, valid: bool, intent: bool, right: int, found: int, exact: bool
) -> None:
    score = score_output(said, GOLD)
    assert (score.valid, score.intent, score.right_slots, score.found_slots, score.wanted_slots, score.exact) == (
        valid, intent, right, found, 2, exact,
    )  # fmt: skip


def test_report_has_shares_and_intervals() -> None:
    scores = [score_output(GOLD, GOLD)] * 6 + [score_output("no", GOLD)] * 4
    report = summarize_outputs(scores)
    assert (report.answers, report.valid.value, report.intent.value, report.exact.value) == (10, 0.6, 0.6, 0.6)
    assert report.slot_f1.value == pytest.approx(2 * 12 / (12 + 20))
    assert 0.2 <= report.valid.low < 0.6 < report.valid.high <= 1.0
    assert summarize_outputs(scores) == report


def test_report_without_slots_or_answers() -> None:
    empty = json.dumps({"intent": "x", "slots": {}})
    assert summarize_outputs([score_output(empty, empty)]).slot_f1.value == 1.0
    with pytest.raises(ValueError, match="nothing"):
        summarize_outputs([])
