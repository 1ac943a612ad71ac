"""Links that somebody made by hand or that were cut: whatever they hold, the page goes on without it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.pinned_runs import run_ids

App = Callable[..., AppTest]
LONG = "9" * 5000


@pytest.mark.parametrize("value", [LONG, "9" * 20, "-1", "{", "²"])
def test_wrong_ids_of_runs_show_the_current_ones(app: App, used: str, value: str) -> None:
    test = app("pages/evaluation.py", project=used, evaluation_view="Results", runs=value)
    assert not test.exception
    text = "The runs that this link names are not in this project. The current ones are shown."
    assert text in [warning.value for warning in test.warning]


def test_ids_that_no_run_can_have_are_left_out() -> None:
    assert run_ids(f"{LONG},{'9' * 20},12,x,0") == (12, 0)


@pytest.mark.parametrize("value", [LONG, "9" * 18, "-1", "{"])
def test_a_wrong_run_to_open_does_not_raise(app: App, used: str, value: str) -> None:
    test = app("pages/evaluation.py", project=used, open_run=value)
    assert not test.exception
    assert "This should not have happened" not in "\n".join(part.value for part in test.text)
