"""The ladder on the Overview page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.runs.store import Store
from llmopt_core.runs.store_ladder import Decision
from llmopt_ui.overview.ladder_chart import RUNGS_AT_MOST, waterfall
from llmopt_ui.overview.ladder_view import METRIC, TALK
from llmopt_ui.theme import inks
from tests.ui.seed import seed_project

App = Callable[..., AppTest]
PAGE = "pages/overview.py"


def charts(test: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]


def notes(chart: dict[str, Any]) -> str:
    return " | ".join(note.get("text", "") for note in chart["layout"]["annotations"])


def words(test: AppTest) -> str:
    pieces = [*test.markdown, *test.caption, *test.get("text")]
    return "\n".join(str(piece.value) for piece in pieces).replace("\\", "").replace("\u00a0", " ")


def test_it_goes_from_the_baseline_to_today(app: App, used: str) -> None:
    test = app(PAGE, project=used)
    assert not test.exception
    ladder = charts(test)[0]
    assert ladder["layout"]["title"]["text"].startswith("<b>harbour: Answer F1 0.25 → 0.72</b>")
    ticks = ladder["layout"]["yaxis"]["ticktext"]
    assert [tick.split("<b>")[1].split("</b>")[0] for tick in ticks] == ["1 baseline", "2 rag", "3 rag-rerank", "Today"]
    assert "retrieval added: search by meaning" in ticks[1]
    assert "<b>0.62</b>  +0.37<br>✓ keep? · ▲ better" in notes(ladder)
    assert "since the baseline" in notes(ladder)
    hovers = [trace["hovertemplate"] for trace in ladder["data"] if "hovertemplate" in trace]
    assert "Against baseline: +0.37 (+0.26 to +0.47), better; 23 answered by" in hovers[1]
    assert "free, 0.5 s a question" in hovers[1]


def test_its_intervals_are_those_of_the_gains(app: App, used: str) -> None:
    ladder = charts(app(PAGE, project=used))[0]
    points = [trace for trace in ladder["data"] if trace["type"] == "scatter"]
    up, down = (points[1]["error_x"][name][0] for name in ("array", "arrayminus"))
    assert (round(up, 2), round(down, 2)) == (0.1, 0.11)
    # The baseline has no gain; its own mean has an interval.
    assert points[0]["error_x"]["array"][0] > 0


def test_a_person_drops_a_step_and_takes_it_back(app: App, used: str, store: Store) -> None:
    test = app(PAGE, project=used)
    test.button(key="ladder_dropped_2").click().run()
    assert "**Drop rag?** The verdict says: better than baseline" in words(test)
    reason = next(area for area in test.text_area if area.label == "Why")
    # The verdict says to keep it: that is no reason to drop it.
    assert reason.value == ""
    send(test, "Drop")
    assert "Say why rag is dropped" in words(test)
    assert not store.decisions(used)
    next(area for area in test.text_area if area.label == "Why").set_value("too *slow*")
    next(field for field in test.text_input if field.label == "Who decides").set_value("Ann")
    send(test, "Drop")
    (decision,) = store.decisions(used)
    assert (decision.choice, decision.note, decision.author) == ("dropped", "too *slow*", "Ann")
    test = app(PAGE, project=used)
    assert "**Why:** too *slow* (decided by Ann, " in words(test)
    assert "✗ dropped · ▲ better" in notes(charts(test)[0])
    assert "Against baseline" in json.dumps(charts(test)[0]["data"][-3:])
    test.button(key="ladder_undo_2").click().run()
    assert not store.decisions(used)
    assert not test.exception


def send(test: AppTest, label: str) -> None:
    next(button for button in test.button if button.label == label and "FormSubmitter" in button.key).click().run()


def test_following_the_verdict_takes_its_reason(app: App, used: str, store: Store) -> None:
    test = app(PAGE, project=used)
    test.button(key="ladder_kept_2").click().run()
    send(test, "Keep")
    (decision,) = store.decisions(used)
    assert decision.note.startswith("better than baseline: +0.37")


def test_the_map_shows_the_way(app: App, used: str, store: Store) -> None:
    rag = next(run for run in store.runs(used) if run.name == "rag")
    store.save_decision(used, Decision(rag.id, "dropped", "why"))
    test = app(PAGE, project=used)
    layout = charts(test)[1]["layout"]
    assert len([note for note in layout["annotations"] if note.get("showarrow")]) == 1
    # One way, to what was kept; what was dropped has a cross.
    lines = [shape for shape in layout["shapes"] if shape["type"] == "line"]
    assert [(line["layer"], line["line"].get("dash")) for line in lines] == [("below", None)]
    numbers = [trace["text"][0] for trace in charts(test)[1]["data"]]
    assert numbers == ["1", "2✗", "3"]
    assert "2 ✗ **rag**" in words(test)


def test_an_empty_project_shows_the_talks_ladder_as_an_example_and_how_to_begin(app: App, store: Store) -> None:
    store.create_project("empty")
    test = app(PAGE, project="empty")
    talk = charts(test)[0]
    assert talk["layout"]["title"]["text"].startswith("<b>Example, not this project: the talk's ladder</b>")
    told = notes(talk)
    assert all(part in told for part in ("<b>45%</b>", "<b>65%</b>", "<b>85%</b>", "<b>98%</b>", "✗ dropped"))
    assert [button.key for button in test.main.button if button.key.startswith("overview")] == ["overview_to_run"]


def test_the_talks_ladder_opens_beside_it(app: App, used: str) -> None:
    test = app(PAGE, project=used)
    assert len(charts(test)) == 2
    test.toggle(key=TALK).set_value(True).run()
    assert "Example, not this project" in charts(test)[1]["layout"]["title"]["text"]


def test_the_metric_is_chosen(app: App, used: str) -> None:
    test = app(PAGE, project=used)
    test.selectbox(key=METRIC).set_value("hit_rate").run()
    assert not test.exception
    assert "Hit rate" in charts(test)[0]["layout"]["title"]["text"]


def test_a_long_ladder_shows_its_baseline_and_what_came_last(app: App, store: Store) -> None:
    seed_project(store, "long", questions=3, runs=RUNGS_AT_MOST + 3)
    test = app(PAGE, project="long")
    ticks = charts(test)[0]["layout"]["yaxis"]["ticktext"]
    assert "1 baseline" in ticks[0]
    assert "5 rag 2" in ticks[1]
    assert f"The last of {RUNGS_AT_MOST + 3} experiments" in words(test)
    assert test.button(key="ladder_kept_2")


def test_names_are_no_tags_and_no_markdown(app: App, store: Store) -> None:
    seed_project(store, "odd", questions=3, runs=1)
    saved = store.evaluation_sets("odd")[0]
    body = {"name": "<b>%{x}</b> **rag** $x$", "prompt": {"template": "x"}}
    run = store.start_run("odd", body, "a" * 16, evaluation_set=saved.name, set_version=saved.version, judge="j",
                          metrics=("answer_f1",), total=3)  # fmt: skip
    store.save_records(run, list(enumerate(store.records(store.runs("odd")[-1].id))))
    store.finish_run(run, "finished")
    test = app(PAGE, project="odd")
    assert not test.exception
    drawn = json.dumps(charts(test)[0])
    assert "<b>%{x}" not in drawn
    assert "&lt;b&gt;%\\u2060{x}&lt;/b&gt;" in drawn
    assert "From here on another judge: j." in words(test)


@pytest.mark.parametrize("runs", [1, 2])
def test_a_ladder_without_a_kept_step_has_no_today(store: Store, runs: int) -> None:
    from llmopt_core.labs.evaluation.ladder.build import build_ladder

    seed_project(store, "short", questions=2, runs=runs)
    ladder = build_ladder(store, "short")
    ticks = waterfall(ladder, inks([rung.name for rung in ladder.rungs])).layout.yaxis.ticktext
    assert len(ticks) == runs
