"""A name has one colour on all pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from llmopt_core.finetuning.data.examples import TrainingSet, chat_example
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.reporting.page import PALETTE
from llmopt_core.runs.store import Store
from llmopt_ui import resources

App = Callable[..., AppTest]
_DOT = re.compile(r':color\[[●◍]\]\{foreground="(#\w+)"\}[ \u00a0]\*\*(.+?)\*\*')


def colours(test: AppTest) -> dict[str, str]:
    assert not test.exception
    result = [_DOT.search(str(part.value)) for part in test.markdown]
    return {match[2].replace("\\", ""): match[1] for match in result if match}


def test_a_name_has_one_colour_on_every_page(app: App, used: str, store: Store, script: Callable[..., object]) -> None:
    script(lambda request: "It was 1712.")
    for name in ("rag-rerank", "fresh"):
        store.save_version(used, "prompt", name, {"template": f"{name}: {{{{ question }}}}"})
    test = app("pages/prompt_lab.py", project=used, prompts_view="Side by side")
    before = colours(test)
    assert set(before) == {"rag-rerank", "fresh"}
    test.button(key="comparison_start").click().run()
    beside = colours(test)
    assert beside == before
    everywhere = [*before.items()]
    for address in ({}, {"set": "questions"}):
        results = app("pages/evaluation.py", project=used, evaluation_view="Results", **address)
        chart = json.loads(results.get("plotly_chart")[0].proto.spec)
        bars = {trace["name"]: trace["marker"]["color"] for trace in chart["data"] if trace.get("name")}
        everywhere += [*bars.items(), *colours(results).items()]
    map_spec = json.loads(app("pages/overview.py", project=used).get("plotly_chart")[1].proto.spec)
    everywhere += [(t["name"], t["marker"]["color"]) for t in map_spec["data"] if t.get("name") in {"baseline", "rag"}]
    names = {name for name, _ in everywhere}
    assert {"rag-rerank", "fresh", "baseline", "rag"} <= names
    assert len(set(everywhere)) == len(names)
    assert len({colour for _, colour in everywhere}) == len(names)


def test_a_tuned_model_keeps_its_colour_when_another_is_made(app: App, used: str) -> None:
    for name in ("first", "second", "second"):
        folder = new_folder(resources.settings(), JobRequest(name=name), "lora", training(6), training(2))
        for step in (1, 2):
            folder.append("metrics.jsonl", {"step": step, "train_loss": 1.0, "valid_loss": 1.0})
        folder.update_state(status="finished", step=2, total_steps=2)
    test = app("pages/finetuning_lab.py", project=used, tuning_view="Jobs")
    assert not test.exception
    chart = json.loads(test.get("plotly_chart")[0].proto.spec)
    lines = {trace["name"]: trace["line"]["color"] for trace in chart["data"] if trace["name"].endswith("validation")}
    assert lines["first, validation"] == PALETTE[0]
    assert lines["second, validation"] == PALETTE[1]
    assert sorted(lines.values()) == sorted(PALETTE[:3])


def training(count: int) -> TrainingSet:
    return TrainingSet("t", tuple(chat_example(f"question {i}", f"answer {i}") for i in range(count)))
