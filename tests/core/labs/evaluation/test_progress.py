"""How far the runs of one job are."""

from __future__ import annotations

from typing import Any

from llmopt_core.experiments.progress import RunProgress
from llmopt_core.labs.evaluation.progress import Count


def ended_run(cached: int) -> RunProgress:
    return RunProgress(1, "first", "answering", 10, 10, cached=cached, seconds=4.0, seconds_left=0.0)


def test_runs_that_wait_take_as_long_as_the_answers_that_were_not_cached() -> None:
    messages: list[dict[str, Any]] = []
    count = Count(messages.append, total=20)
    count.see(ended_run(cached=8))
    count.see(ended_run(cached=10))
    assert [one["seconds_left"] for one in messages] == [20.0, None]
    Count(messages.append, total=10).see(ended_run(cached=10))
    assert messages[-1]["seconds_left"] == 0.0
