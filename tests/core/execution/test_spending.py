"""What earlier sessions of the same work have paid counts within its budget."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmopt_core.cache import Cache, MemoryCache
from llmopt_core.errors import BadInput, OutOfBudget, StorageError
from llmopt_core.execution.budget import Budget, Quote
from llmopt_core.execution.spending import read_spending, spending, spending_words
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Usage

QUOTE = Quote("m", 0.1, 0.1)


@pytest.fixture(params=["memory", "store"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Cache:
    return MemoryCache() if request.param == "memory" else Store.open(Settings(home=tmp_path)).cache


def pay(budget: Budget, times: int) -> None:
    for _ in range(times):
        with budget.call(QUOTE) as call:
            call.enter(Usage(10, 5, 0.1, 1))


def test_what_was_paid_before_is_a_part_of_the_budget(cache: Cache) -> None:
    with spending(cache, "w", 0.5) as budget:
        pay(budget, 3)
    assert read_spending(cache, "w").usage == Usage(30, 15, 0.3, 3)
    assert spending_words(cache, "w", 0.5) == "$0.30 of the budget of $0.50 are spent, $0.20 are left"
    with spending(cache, "w", 0.5) as budget:
        assert budget.remaining_usd == pytest.approx(0.2)
        with pytest.raises(OutOfBudget, match=r"\(\$0\.50 are spent\)"):
            pay(budget, 3)
    assert read_spending(cache, "w").usage.cost_usd == pytest.approx(0.5)
    assert read_spending(cache, "other").usage == Usage()


def test_going_on_after_the_budget_asks_for_a_new_one(cache: Cache) -> None:
    with pytest.raises(OutOfBudget), spending(cache, "w", 0.25) as budget:
        pay(budget, 3)
    with (
        pytest.raises(BadInput, match=r"stopped by its budget, and \$0\.20 are spent so far"),
        spending(cache, "w", None),
    ):
        pass
    with spending(cache, "w", 0.45) as budget:
        pay(budget, 2)
    # It has ended since: without a budget it goes on, too.
    with spending(cache, "w", None) as budget:
        pay(budget, 1)
    assert read_spending(cache, "w").usage.calls == 5


def test_a_budget_that_was_refused_only_inside_counts_as_stopped(cache: Cache) -> None:
    with spending(cache, "w", 0.05) as budget, pytest.raises(OutOfBudget):
        pay(budget, 1)
    assert read_spending(cache, "w").is_stopped


class FailsOnce(MemoryCache):
    """A disk that is full for a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.failed = threading.Event()

    def replace_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        if not self.failed.is_set():
            self.failed.set()
            raise StorageError("The disk is full.")
        super().replace_many(stage, values)


def test_a_save_that_failed_is_made_up_for_by_a_later_one() -> None:
    cache = FailsOnce()
    with spending(cache, "w", 1.0) as budget:
        pay(budget, 1)
        assert cache.failed.wait(30)
        pay(budget, 1)
    assert read_spending(cache, "w").usage.calls == 2


def test_values_are_stored_while_others_are_listed() -> None:
    cache = MemoryCache()

    class Key(str):
        def startswith(self, *_: object) -> bool:
            # As another thread does it at this moment.
            cache.put_many("s", {"late": b"2"})
            return True

    cache.put_many("s", {Key("early"): b"1"})
    assert cache.starting_with("s", "e") == {"early": b"1"}


def test_two_sessions_within_a_budget_are_not_at_once(tmp_path: Path) -> None:
    cache = Store.open(Settings(home=tmp_path)).cache
    with spending(cache, "w", 1.0) as budget:
        with pytest.raises(BadInput, match="under way already"), spending(cache, "w", 1.0):
            pass
        with spending(cache, "other", 1.0):
            pay(budget, 1)
    with spending(cache, "w", 1.0):
        pass


def test_a_session_that_failed_has_kept_what_it_paid(cache: Cache) -> None:
    def fail() -> None:
        with spending(cache, "w", None) as budget:
            pay(budget, 2)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert read_spending(cache, "w").usage.calls == 2


def test_a_killed_session_has_paid_for_the_calls_that_were_under_way(tmp_path: Path) -> None:
    program = f"""
import sys, time
from llmopt_core.execution.budget import Quote
from llmopt_core.execution.spending import read_spending, spending
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Usage
from pathlib import Path
cache = Store.open(Settings(home=Path({str(tmp_path)!r}))).cache
with spending(cache, "w", 1.0) as budget:
    with budget.call(Quote("m", 0.1, 0.1)) as call:
        call.enter(Usage(10, 5, 0.2, 1))
    with budget.call(Quote("m", 0.1, 0.1)):
        while read_spending(cache, "w").usage.calls < 2:
            time.sleep(0.01)
        print("flying", flush=True)
        time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None
    assert process.stdout.readline() == b"flying\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    cache = Store.open(Settings(home=tmp_path)).cache
    assert read_spending(cache, "w").usage.cost_usd == pytest.approx(0.4)
    with spending(cache, "w", 1.0) as budget:
        assert budget.remaining_usd == pytest.approx(0.6)
        assert budget.dearest == {"m": 0.2}
