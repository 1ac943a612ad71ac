"""Following, cancelling and estimating evaluations."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import Plan, save_configuration
from llmopt_core.labs.evaluation.jobs import evaluation_arguments
from llmopt_core.models.base import BUILTIN_EMBEDDING, ChatRequest
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.types import EvaluationSet, Example
from llmopt_ui import resources

App = Callable[..., AppTest]
PAGE = "pages/evaluation.py"


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def texts(test: AppTest) -> str:
    return "\n".join(part.value for part in [*test.text, *test.caption, *test.markdown])


def finish(test: AppTest) -> AppTest:
    for job in resources.store().jobs(active=True):
        resources.job_runner().wait(job.id, timeout=60)
    return test.run()


@pytest.fixture
def paid(store: Store, monkeypatch: pytest.MonkeyPatch) -> ScriptedChat:
    """An endpoint that costs a cent a call, and a configuration that uses it."""
    chat = ScriptedChat(lambda request: "Momus", cost_usd=0.01)
    endpoint = Endpoint(name="paid", base_url="http://127.0.0.1:9/v1", prices={"*": Prices(prompt=1, completion=1)})
    save_endpoint(resources.settings(), endpoint)
    prompt = {"template": "Question: {{ question }}"}
    save_configuration(store, "sample", Configuration(name="paid", model={"endpoint": "paid"}, prompt=prompt))

    def plug_in(models: Models) -> None:
        models.register("paid", chat)
        models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())

    monkeypatch.setattr(resources, "model_plugins", [plug_in])
    return chat


def start(app: App, questions: int, budget: float | None = None) -> AppTest:
    test = app(PAGE, evaluation_view="Run")
    test.multiselect(key="run_configurations").set_value(["paid"])
    test.multiselect(key="run_metrics").set_value(["answer_f1"])
    test.number_input(key="run_limit_questions").set_value(questions)
    test.number_input(key="run_concurrency").set_value(1)
    if budget is not None:
        test.number_input(key="run_budget_questions").set_value(budget)
    return press(test, "Evaluate")


def test_what_costs_money_is_estimated_first(app: App, store: Store, paid: ScriptedChat) -> None:
    test = finish(start(app, 10))
    assert not test.exception
    assert not store.runs("sample")
    row = test.table[0].value.iloc[0]
    assert (row["Questions left"], row["Model calls"]) == ("5", "5")
    assert row["Cost"].startswith(r"\$0\.05")
    press(test, "Start the evaluation")
    finish(test)
    assert (store.runs("sample")[0].status, store.runs("sample")[0].done) == ("finished", 10)
    assert len(paid.requests) == 10


def test_an_estimate_can_be_turned_down(app: App, store: Store, paid: ScriptedChat) -> None:
    test = press(finish(start(app, 10)), "Not now")
    assert not store.runs("sample")
    assert "What it will take" not in [heading.value for heading in test.subheader]


def test_the_budget_ends_a_run_cleanly(app: App, store: Store, paid: ScriptedChat) -> None:
    test = press(finish(start(app, 10, budget=0.025)), "Start the evaluation")
    finish(test)
    run = store.runs("sample")[0]
    assert run.status == "budget-reached"
    assert (run.usage.cost_usd or 0) <= 0.025
    assert "budget reached" in texts(test)


def test_an_estimate_above_the_budget_is_marked_before_it_starts(app: App, store: Store, paid: ScriptedChat) -> None:
    test = finish(start(app, 10, budget=0.05))
    assert r"This will cost about \$0\.10, more than the budget of \$0\.05" in test.warning[0].value
    enough = finish(start(app, 10, budget=0.5))
    assert not enough.warning


def test_resuming_asks_for_a_new_budget_and_keeps_to_it(app: App, store: Store, paid: ScriptedChat) -> None:
    test = finish(press(finish(start(app, 10, budget=0.055)), "Start the evaluation"))
    assert r"\$0\.05 of \$0\.055 are spent" in texts(test)
    assert len(paid.requests) == 5
    (run,) = store.runs("sample")
    # Without a new budget, or with one that is spent already, no call is made and no job is started.
    jobs = len(store.jobs("sample"))
    for budget in (None, 0.04):
        test.number_input(key=f"run_budget_{run.id}").set_value(budget)
        test = press(test, "Resume")
        assert "$0.05 are spent already, so it takes a larger budget" in texts(test)
    assert (len(store.jobs("sample")), len(paid.requests)) == (jobs, 5)
    test.number_input(key=f"run_budget_{run.id}").set_value(0.075)
    test = finish(press(test, "Resume"))
    assert (store.run(run.id).status, store.run(run.id).done, len(paid.requests)) == ("budget-reached", 7, 7)
    assert store.jobs("sample")[0].progress["left_usd"] == pytest.approx(0.005)
    test.number_input(key=f"run_budget_{run.id}").set_value(1.0)
    finish(press(test, "Resume"))
    assert (store.run(run.id).status, store.run(run.id).usage.cost_usd) == ("finished", pytest.approx(0.1))


def test_a_run_is_followed_and_cancelled(app: App, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    held, looked_at = threading.Event(), threading.Event()

    def reply(_: ChatRequest) -> str:
        # However long the page takes to draw, the run neither ends nor sees before that it is to stop.
        if len(chat.requests) > 3:
            held.set()
            looked_at.wait(120)
        return "Momus"

    chat = ScriptedChat(reply, delay=0.3)

    def plug_in(models: Models) -> None:
        models.register("builtin", chat)
        models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())

    monkeypatch.setattr(resources, "model_plugins", [plug_in])
    test = app(PAGE)
    test.multiselect(key="run_configurations").set_value(["baseline"])
    test.number_input(key="run_concurrency").set_value(1)
    press(test, "Evaluate")
    assert "Evaluating baseline on questions" in texts(test).replace("\\", "")
    assert held.wait(60)
    test.run()
    assert {"Time left", "Tokens so far", "Cost so far", "Taken from the cache"} <= {m.label for m in test.metric}
    (bar,) = test.sidebar.get("progress")
    line = r"\d+ of 48 questions · (.+ left|time left not known yet) · free so far"
    text = bar.proto.text.replace("\\", "")
    assert re.fullmatch(r"\*\*Evaluating baseline on questions\*\*  \n" + line, text)
    press(test, "Cancel")
    test.run()
    (bar,) = test.sidebar.get("progress")
    assert re.fullmatch(r".*\n" + r"Stopping … · \d+ of 48 questions", bar.proto.text)
    assert next(b for b in test.sidebar.button if b.key.startswith("side_cancel_")).disabled
    looked_at.set()
    finish(test)
    run = store.runs("sample")[0]
    assert run.status == "cancelled"
    assert 0 < run.done < 48
    assert "cancelled" in texts(test)
    assert "Resume" in [button.label for button in test.button]


def test_questions_longer_than_the_window_are_told_before_a_paid_run(
    app: App, store: Store, paid: ScriptedChat
) -> None:
    long = " ".join(f"Who was king number {n} of the Normans in the south?" for n in range(60))
    store.save_evaluation_set("sample", EvaluationSet("long", (Example("a", long, "x"), Example("b", "Who?", "y"))))
    prompt = {"template": "{{ context }} {{ question }}"}
    body = Configuration(
        name="paid", model={"endpoint": "paid"}, prompt=prompt, retrieval={"search": {"method": "dense"}}
    )
    save_configuration(store, "sample", body)
    test = app(PAGE, evaluation_view="Run")
    test.selectbox(key="run_set").set_value("long")
    test.multiselect(key="run_configurations").set_value(["paid"])
    test.multiselect(key="run_metrics").set_value(["answer_f1"])
    test = finish(press(test, "Evaluate"))
    assert any("1 of 2 questions is longer than the 510 tokens" in warning.value for warning in test.warning)


def test_overview_tells_of_the_first_evaluation_while_it_runs(app: App, store: Store, paid: ScriptedChat) -> None:
    test = app()
    assert "Nothing evaluated yet" in texts(test)
    arguments = {"configurations": ["paid"], "evaluation_set": "questions", "judge": "builtin", "limit": None}
    job = store.start_job("evaluation", "sample", arguments)
    store.update_job(job, status="running", progress={"done": 3, "total": 48})
    test.run()
    assert not test.exception
    assert "Nothing evaluated yet" not in texts(test)
    assert "Evaluating paid on questions" in texts(test)
    (bar,) = test.main.get("progress")
    assert bar.proto.text == "Running · 3 of 48 questions"
    assert "Evaluate 1 configuration" not in steps_of(test)
    assert "Evaluating 1 configuration" in steps_of(test)
    assert "paid: running now" in texts(test).replace("\\", "")
    store.update_job(job, status="cancelled")
    assert "Nothing evaluated yet" in texts(test.run())
    assert any(step.startswith("Evaluate ") for step in steps_of(test))


def steps_of(test: AppTest) -> list[str]:
    return [link.proto.label.strip("*") for link in test.get("page_link")]


def test_other_steps_say_that_they_are_worked_on(app: App, store: Store) -> None:
    store.ensure_project("bare")
    store.start_job("question-writing", "bare", {"evaluation_set": "written"})
    test = app(project="bare")
    assert not test.exception
    assert "Add questions" in steps_of(test)
    assert "Running now: Writing questions on written" in texts(test).replace("\\", "")


def left_over(store: Store, **more: object) -> int:
    """An evaluation that an app which is gone has left in line."""
    prompt = {"template": "Question: {{ question }}"}
    configuration = Configuration(name="paid", model={"endpoint": "paid"}, prompt=prompt)
    questions = store.evaluation_set("sample", "questions")
    plan = Plan("sample", [configuration], questions, (), ("answer_f1",), JudgeSpec(), limit=3)
    arguments = evaluation_arguments(store, plan).model_dump(mode="json")
    job = store.start_job("evaluation", "sample", arguments, lane="evaluation", versions={}, **more)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET owner_started = 1.0")
    return job


def test_what_a_dead_app_left_is_done_by_the_next_one(app: App, store: Store, paid: ScriptedChat) -> None:
    job = left_over(store)
    app()
    assert resources.job_runner().wait(job, 60).status in ("running", "finished")
    while store.job(job).active:
        time.sleep(0.05)
    assert (store.job(job).status, store.runs("sample")[0].done, len(paid.requests)) == ("finished", 3, 3)


def test_a_job_whose_key_is_gone_says_so_and_is_resumed_with_it(app: App, store: Store, paid: ScriptedChat) -> None:
    job = left_over(store, key_names=["paid"])
    app(PAGE, evaluation_view="Run")
    while store.job(job).active:
        time.sleep(0.05)
    test = app(PAGE, evaluation_view="Run")
    assert store.job(job).status == "failed"
    assert "The key of endpoint 'paid' was typed into a session" in texts(test)
    test.session_state["llmopt_state"].keys["paid"] = "sk-typed"
    finish(press(test, "Resume"))
    assert (store.job(job).status, len(paid.requests)) == ("finished", 3)


def test_a_writing_that_failed_can_be_put_away(app: App, store: Store) -> None:
    job = store.start_job("question-writing", "sample", {"evaluation_set": "written"})
    store.update_job(job, status="failed", error="The endpoint is gone.")
    test = app("pages/documents.py", project="sample", documents_tab="Questions", spans_way="Write questions")
    assert not test.exception
    assert any("The endpoint is gone" in item.value.replace("\\", "") for item in test.error), texts(test)
    test.button(key=f"job_seen_{job}").click().run()
    assert not test.error
