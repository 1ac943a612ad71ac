"""What the judge and the citations look for in an answer takes time in proportion to its length."""

import time

import pytest

from llmopt_core.answering import citations, context
from llmopt_core.evaluation import builtin_judge, conversation, numerals_zh, question_forms

LENGTH, TIMES = 2_000, 4


def seconds(pattern, text: str) -> float:
    start = time.process_time()
    for _ in pattern.finditer(text):
        pass
    return time.process_time() - start


@pytest.mark.parametrize(
    ("pattern", "before", "run"),
    [
        (conversation._ENDS, "", " "),
        (conversation._TELLING, "", "q"),
        (question_forms._DATE, "", "0"),
        (numerals_zh._CHINESE, "", "0"),
        (builtin_judge._CITATION, "", " "),
        (citations._RANGE, "", "0"),
        (context._MARK, "<", " "),
    ],
)
def test_four_times_the_text_takes_about_four_times_as_long(pattern, before, run):
    """One that grows with the square takes sixteen times as long."""
    short, long = (before + run * (LENGTH * times) for times in (1, TIMES))
    slow = min(seconds(pattern, long) for _ in range(3))
    fast = min(seconds(pattern, short) for _ in range(5))
    # Below a millisecond the clock tells more of itself than of the pattern.
    assert slow < 0.001 or slow / fast < 9
