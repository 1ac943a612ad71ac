"""`llmopt noise`: the variance of stored runs, split."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.stub_endpoint import StubEndpoint

from .conftest import Command


def graded(inside: Command, experiment: Path, stub: StubEndpoint, tmp_path: Path) -> int:
    """A run that an LLM on the stub has graded; the judge finds a question in each answer."""
    verdict = '{"question": "Which river?", "noncommittal": 0}'
    # Each question has an answer of its own: equal ones are judged by one call.
    stub.reply = lambda body: (
        verdict if "You grade texts." in str(body["messages"]) else f"Rhine: {body['messages'][-1]['content']}"
    )
    text = experiment.read_text().replace("metrics: [exact_match, answer_f1]", "metrics: [answer_relevancy]")
    experiment.write_text(f"judge: {{endpoint: stub, model: stub-small, questions: 1}}\n{text}")
    done = inside("evaluate", experiment, "--trust")
    assert done.code == 0, done.errors
    store = Store.open(Settings(home=tmp_path / "home"))
    try:
        return min(run.id for run in store.runs("rivers"))
    finally:
        store.close()


def test_an_llm_judge_is_asked_again_and_its_part_is_known_then(
    inside: Command, experiment: Path, stub: StubEndpoint, tmp_path: Path
) -> None:
    run_id = graded(inside, experiment, stub, tmp_path)
    shown = inside("noise", "--run", run_id, "--json")
    assert shown.code == 0, shown.errors
    (before,) = shown.json()["metrics"]
    assert (before["judgements"], before["judge_band"]) == (12, None)
    # The file's own endpoint is not the workspace's.
    calls = stub.calls
    done = inside("noise", "--run", run_id, "--judge-repeats", 2)
    assert done.code == 2
    assert "stub" in done.complaint
    assert stub.calls == calls

    prices = {"*": Prices(prompt=1000, completion=1000)}
    save_endpoint(Settings(home=tmp_path / "home"), Endpoint(name="stub", base_url=stub.url, prices=prices))
    done = inside("noise", "--run", run_id, "--judge-repeats", 2, "--budget", 100, "--json")
    assert done.code == 0, done.errors
    assert "24 grades by judging again" in done.errors
    (after,) = done.json()["metrics"]
    assert (after["answers"], after["judgements"]) == (12, 36)
    assert stub.calls == calls + 24
    assert after["variance"]["judge"] == pytest.approx(0)
    assert after["judge_band"] == pytest.approx(0)


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
