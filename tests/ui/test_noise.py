"""The section Noise of the tab Judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.labs.evaluation.noise import noise_of_runs
from llmopt_core.runs.store import Store
from llmopt_core.statistics.variance_components import VarianceComponents
from llmopt_ui.evaluation.noise_section import variance_bars

App = Callable[..., AppTest]


def judge_tab(app: App, project: str) -> AppTest:
    test = app("pages/evaluation.py", project=project, evaluation_view="Judge", criterion="context_recall", a="rag",
               b="rag-rerank")  # fmt: skip
    assert not test.exception
    return test


def texts(test: AppTest) -> str:
    return " ".join(str(one.value) for one in [*test.markdown, *test.caption])


def test_noise_is_made_when_it_is_asked_for_and_says_what_is_known(app: App, used: str) -> None:
    test = judge_tab(app, used)
    assert "standard error of the mean" not in texts(test)
    assert not test.get("plotly_chart")
    test.toggle(key="judge_noise").set_value(True).run()
    assert not test.exception
    said = texts(test)
    assert "standard error of the mean" in said
    assert "the judge's variance is 0" in said
    assert "the judge is deterministic and adds no noise" in said
    assert len(test.get("plotly_chart")) == 1


def test_each_piece_of_the_picture_has_its_word(store: Store, used: str) -> None:
    run = next(one for one in store.runs(used) if one.name == "rag")
    one = noise_of_runs(store, [run])[0]
    parts = replace(one, components=VarianceComponents(0.6, 0.3, 0.1, 8, 16, 32))
    unknown = replace(one, components=VarianceComponents(0.6, 0.4, None, 8, 16, 16))
    bars = {bar.name: bar for bar in variance_bars([parts, unknown]).data}
    assert set(bars) == {"Questions", "Answers", "Answers and judge", "Judge"}
    assert bars["Questions"].text == ("Questions 60%", "Questions 60%")
    assert bars["Answers"].text == ("Answers 30%", "")
    assert bars["Answers and judge"].text == ("", "Answers and judge 40%")
    assert bars["Judge"].x == pytest.approx((0.1, 0))
    assert "Judge: 10.0%" in bars["Judge"].hovertext[0]
