"""What repair and voting gained, and what they harmed."""

import pytest

from llmopt_core.labs.data_questions.repair_effect import repair_effect
from llmopt_core.types import Answer, DataAnswer, Example, QueryAttempt, Record, Score


def record(number, before, after, *, repaired=True):
    stages = ("draft", "repair") if repaired else ("draft",)
    attempts = tuple(QueryAttempt(stage, "SELECT 1", "ok") for stage in stages)
    answer = Answer("1", data=DataAnswer("shop", attempts=attempts, result=0))
    values = {"first_draft_accuracy": before, "execution_accuracy": after}
    scores = {name: Score(name, value, failure="" if value is not None else "empty") for name, value in values.items()}
    return Record(Example(f"q{number}", "How many?"), answer, scores=scores)


def records(*pairs):
    return [record(number, *pair) for number, pair in enumerate(pairs)]


def test_gain_and_harm_are_counted_with_their_questions():
    effect = repair_effect(records((0, 1), (0, 1), (1, 0), (1, 1), (0, 0), (None, None), (0, None)))
    assert (effect.mended, effect.harmed) == (("q0", "q1"), ("q2",))
    assert (effect.unchanged, effect.missing) == (2, 2)
    assert effect.p_value == pytest.approx(1.0)
    assert effect.sentence == "2 wrong → right, 1 right → wrong (exact sign test p = 1)."


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([(0, 1), (1, 0)], "its harm is not smaller than its gain; drop it."),
        ([(1, 0)], "its harm is not smaller than its gain; drop it."),
        ([(1, 1), (0, 0)], "nothing turned, so it only costs; drop it."),
    ],
)
def test_what_does_not_gain_is_proposed_to_be_dropped(pairs, reason):
    effect = repair_effect(records(*pairs))
    assert not effect.is_worth_it
    assert effect.sentence.endswith(reason)


def test_the_test_is_exact():
    effect = repair_effect(records(*[(0, 1)] * 6))
    assert effect.p_value == pytest.approx(2 * 0.5**6)
    assert effect.is_worth_it


def test_without_a_second_look_there_is_nothing_to_say():
    assert repair_effect([record(1, 0, 0, repaired=False), Record(Example("x", "?"))]) is None
