from __future__ import annotations

import pytest

from llmopt_core.execution.progress import Progress
from llmopt_core.types import Usage


def after(total: int, steps: list[tuple[float, bool]]) -> Progress:
    """Progress from second 100 on, with steps at (second, cached)."""
    progress = Progress(total=total, started_at=100.0, now=100.0)
    for second, cached in steps:
        progress = progress.step(Usage(calls=1, cost_usd=0.5), cached=cached, clock=lambda at=second: at)
    return progress


def test_steps_add_up():
    progress = after(4, [(102.0, False), (104.0, False)]).step(failed=True, clock=lambda: 106.0)

    assert (progress.done, progress.failed, progress.cached) == (3, 1, 0)
    assert progress.seconds == pytest.approx(6.0)
    assert progress.usage.calls == 2
    assert progress.usage.cost_usd == pytest.approx(1.0)


def test_time_left_goes_by_what_was_not_cached():
    assert after(10, [(100.0, True)] * 6 + [(104.0, False)] * 2).remaining_seconds() == pytest.approx(4.0)


def test_time_left_is_unknown_before_the_first_real_item():
    assert after(10, []).remaining_seconds() is None
    assert after(10, [(100.0, True)]).remaining_seconds() is None


@pytest.mark.parametrize("total", [0, 1])
def test_nothing_is_left_at_the_end(total: int):
    progress = after(total, [(101.0, False)] * total)

    assert progress.remaining_seconds() == 0.0
