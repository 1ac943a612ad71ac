"""`llmopt noise`: the variance of stored runs, split."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings

from .conftest import Command


def test_a_run_without_repeats_says_what_is_missing(inside: Command, experiment: Path, tmp_path: Path) -> None:
    assert inside("evaluate", experiment, "--trust").code == 0
    store = Store.open(Settings(home=tmp_path / "home"))
    run_id = min(run.id for run in store.runs("rivers"))
    store.close()
    done = inside("noise", "--run", run_id)
    assert done.code == 0, done.errors
    assert "exact_match (12 questions, 12 answers): No question was answered twice" in done.out
    values = inside("noise", "--run", run_id, "--json").json()["metrics"]
    assert [one["metric"] for one in values] == ["exact_match", "answer_f1"]
    # Half of the answers are right.
    assert values[0]["variance"] == {"question": pytest.approx(6 * 6 / 12 / 11), "answer": None, "judge": 0.0}
    assert values[0]["standard_error"] == pytest.approx((6 * 6 / 12 / 11 / 12) ** 0.5)
    # No LLM graded: nothing is asked again, and that is said.
    again = inside("noise", "--run", run_id, "--judge-repeats", 2, "--budget", 1)
    assert again.code == 0
    assert "none is asked again" in again.errors


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "Name either runs"),
        (("--run", 1, "--comparison", "x"), "Name either runs"),
        (("--comparison", "x"), "There is no comparison x"),
        (("--run", 99), "99"),
        (("--run", 1, "--question-cost", "-1"), "--question-cost is a number of dollars from 0 on"),
        (("--run", 1, "--question-cost", "nan"), "--question-cost is a number of dollars from 0 on"),
        (("--run", 1, "--judge-repeats", 1, "--budget", "0"), "--budget is a number of dollars above 0"),
        (("--run", 1, "--budget", "1"), "--budget needs --judge-repeats"),
    ],
)
def test_wrong_input_is_one_line(inside: Command, arguments: tuple[object, ...], complaint: str) -> None:
    done = inside("noise", *arguments)
    assert done.code == 2
    assert complaint in done.complaint
