"""The fine-tuning lab: each tab empty, at work, finished, and with something wrong."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.colours import project_colours
from llmopt_core.experiments.comparison import new_id, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.finetuning_jobs import jobs_of
from llmopt_core.experiments.versions.training_sets import (
    collect,
    read_collection,
    remove_from_collection,
    save_training_set,
    training_sets,
)
from llmopt_core.finetuning.data.examples import TrainingExample, chat_example
from llmopt_core.finetuning.jobs.folder import JobFolder
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training.adapters import adapters_root, write_card
from llmopt_core.labs.finetuning.annotation import labels
from llmopt_core.models.base import ChatRequest
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Vote
from llmopt_core.settings import Settings
from llmopt_core.types import Answer, EvaluationSet, Example, Message, Record, Score
from llmopt_ui import resources
from llmopt_ui.finetuning.charts import class_bars
from tests.stub_finetuning import FineTuningStub

App = Callable[..., AppTest]
PAGE = "pages/finetuning_lab.py"
COLOURS = ("crimson", "emerald", "turquoise", "magenta", "chartreuse", "vermilion")


def words(test: AppTest) -> str:
    parts = [*test.title, *test.subheader, *test.caption, *test.markdown, *test.text, *test.metric]
    rows = [f"{getattr(part, 'label', '')} {part.value}" for part in parts]
    return "\n".join([*rows, *(table.value.to_string() for table in (*test.table, *test.dataframe))])


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def keyed(widgets, start: str):
    matches = [widget for widget in widgets if widget.key and widget.key.startswith(start)]
    assert matches, f"no widget {start}"
    return matches[0]


def examples(count: int, start: int = 0) -> list[TrainingExample]:
    return [
        chat_example(f"{COLOURS[i % 6]} paint on wall number {i * 37}, what is it called?",
                     f"shade {COLOURS[i % 6]} {i * 53}", system="Name it.", label=COLOURS[i % 2])
        for i in range(start, start + count)
    ]  # fmt: skip


@pytest.fixture
def settings() -> Settings:
    return resources.settings()


@pytest.fixture
def trained(used: str, store: Store, settings: Settings) -> JobFolder:
    """A finished local job with its adapter, made from a saved training set."""
    version = save_training_set(store, used, "shades", examples(20), examples(5, 100))
    request = JobRequest(name="shades", hyperparameters={"epochs": 2, "text_format": "completion"})
    folder = new_folder(settings, request, "lora", version.train, version.validation)
    for step in range(1, 21):
        valid = {"valid_loss": 3.0 / step, "valid_accuracy": 0.5} if step % 5 == 0 else {}
        folder.append("metrics.jsonl", {"step": step, "train_loss": 4.0 / step, **valid})
    for number in range(5):
        folder.append("validation_losses.jsonl", {"number": number, "loss": 0.1 * number, "tokens": 4})
    folder.log("Training: 20 examples.")
    folder.update_state(status="finished", step=20, total_steps=20, trained_tokens=2000, tokens_per_second=150.0,
                        started_at=1_700_000_000.0, finished_at=1_700_000_060.0, tuned_model="shades",
                        cost_usd=0.0)  # fmt: skip
    adapters_root(settings).mkdir(parents=True)
    (adapters_root(settings) / "shades.gguf").write_bytes(b"GGUF")
    card = {"text_format": "completion", "job_id": folder.id, "data_version": version.version}
    write_card(adapters_root(settings) / "shades.json", card)
    return folder


@pytest.fixture
def stub(settings: Settings) -> Iterator[FineTuningStub]:
    with FineTuningStub() as running:
        settings.home.mkdir(parents=True, exist_ok=True)
        (settings.home / "endpoints.yaml").write_text(f"cloud:\n  base_url: {running.url}\n  default_model: big\n")
        yield running


def test_a_first_visit_says_what_to_do_and_loads_the_example(app: App, store: Store) -> None:
    test = app(PAGE, project="sample")
    assert not test.exception
    assert "No training examples yet" in words(test)
    test.button(key="tuning_sample").click().run()
    assert not test.exception
    (versions,) = training_sets(store, "sample")
    assert (versions.label, len(versions.train.examples)) == ("snips v1", 1050)
    assert "snips-test" in [item.name for item in store.evaluation_sets("sample")]
    assert "**1,050** to train on" in words(test)


LOWER = "Hallucination (another tool, lower is better)"


def test_of_a_score_that_is_better_when_lower_the_most_is_asked_for(app: App, used: str, store: Store) -> None:
    answered = [
        Record(Example(name, name), Answer(name), scores={LOWER: Score(LOWER, value)})
        for name, value in (("good", 0.1), ("bad", 0.9))
    ]
    run = store.start_run(used, {"name": "other"}, "other", evaluation_set="questions", set_version="v", judge="",
                          metrics=(LOWER,), total=2)  # fmt: skip
    store.save_records(run, list(enumerate(answered)))
    store.finish_run(run, "finished", seconds=1.0)
    test = app(PAGE, project=used)
    test.selectbox(key="tuning_run").set_value(run).run()
    assert not test.exception
    assert test.number_input(key="tuning_run_most").label == "At most"
    test.button(key="tuning_run_add").click().run()
    assert [example.answer for example in read_collection(store, used)] == ["good"]


def test_what_is_ticked_is_removed_though_another_tab_removed_others_first(app: App, store: Store, used: str) -> None:
    test = app(PAGE, project=used)
    collect(store, used, [chat_example(name, name.upper()) for name in ("one", "two", "three")])
    first, second, third = (example.key for example in read_collection(store, used))
    test.session_state["tuning_table_0_ticked"] = (third,)
    test.run()
    assert not test.button(key="tuning_remove").disabled
    remove_from_collection(store, used, {first})
    test.button(key="tuning_remove").click().run()
    assert not test.exception
    assert [example.key for example in read_collection(store, used)] == [second], "not what now stands in its place"


def test_good_answers_are_collected_cleaned_and_saved(app: App, used: str, store: Store) -> None:
    test = app(PAGE, project=used)
    assert keyed(test.selectbox, "tuning_metric_").value == "answer_f1"
    test.number_input(key="tuning_run_least").set_value(0.5).run()
    test.button(key="tuning_run_add").click().run()
    assert not test.exception
    count = len(read_collection(store, used))
    assert count > 3
    # Those questions stand in the evaluation set, so nothing is left until the user says otherwise.
    assert f"{count:,} collected → **0** to train on" in words(test)
    test.toggle(key="tuning_leaking").set_value(False)
    test.slider(key="tuning_share").set_value(0).run()
    keyed(test.text_input, "tuning_name").set_value("good")
    test.button(key="tuning_save").click().run()
    assert not test.exception
    (versions,) = training_sets(store, used)
    assert (versions.label, versions.validation) == ("good v1", None)
    assert read_collection(store, used) == []


def test_what_was_preferred_in_a_blind_vote_is_collected_alone_or_as_pairs(app: App, used: str, store: Store) -> None:
    rows = EvaluationSet("votes", tuple(Example(f"v{n}", f"How many is {n}?") for n in range(3)))
    variants = tuple(Configuration.model_validate({"name": name}) for name in ("curt", "wordy"))
    comparison = start_comparison(store, ComparisonPlan(used, variants, rows), new_id())
    for (run,), said in zip(comparison.runs, ("{0}", "It is {0}, I think."), strict=True):
        for place, example in enumerate(rows.examples):
            answer = Answer(said.format(place), prompt=(Message("user", example.question),))
            store.save_records(run.id, [(place, Record(example, answer))])
        store.finish_run(run.id, "finished")
    store.save_vote(used, Vote(comparison.id, "me", "v1", "curt", "wordy", "first"))
    store.save_vote(used, Vote(comparison.id, "me", "v2", "curt", "wordy", "neither"))
    test = app(PAGE, project=used)
    test.selectbox(key="tuning_run").set_value(comparison.runs[0][0].id).run()
    assert "1 answer of 3 fit. 1 question with a vote" in words(test)
    keyed(test.toggle, "tuning_run_pairs_").set_value(True).run()
    assert "1 pair from the votes, with the prompt of curt" in words(test)
    test.button(key="tuning_run_add").click().run()
    assert not test.exception
    (pair,) = read_collection(store, used)
    assert (pair.answer, pair.rejected[0]["content"]) == ("1", "It is 1, I think.")


def test_a_set_without_examples_or_name_is_refused_in_words(app: App, used: str, store: Store) -> None:
    collect(store, used, examples(12))
    test = app(PAGE, project=used)
    test.button(key="tuning_save").click().run()
    assert "A training-set needs a name" in words(test)
    test.button(key="tuning_clear").click().run()
    assert not test.exception
    assert read_collection(store, used) == []
    assert "No training examples yet" in words(test)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("x.csv", "question,answer\nq1,a1\n".encode("utf-16"), "UTF-16"),
        ("x.jsonl", b'{"messages": []}\n', "line 1"),
        ("x.jsonl", b"", "empty"),
    ],
)
def test_files_that_cannot_be_read_say_why(
    app: App, used: str, store: Store, name: str, data: bytes, told: str
) -> None:
    test = app(PAGE, project=used)
    keyed(test.get("file_uploader"), "tuning_upload").set_value((name, data, "application/octet-stream")).run()
    test.button(key="tuning_upload_add").click().run()
    assert not test.exception
    assert told in words(test)
    assert read_collection(store, used) == []


def test_an_uploaded_file_is_collected_and_chosen_rows_are_removed(app: App, used: str, store: Store) -> None:
    test = app(PAGE, project=used)
    data = b"question,answer,label\nwhere is the quay,south,where\nwhen is the market,spring,when\n"
    keyed(test.get("file_uploader"), "tuning_upload").set_value(("a.csv", data, "text/csv")).run()
    test.button(key="tuning_upload_add").click().run()
    assert not test.exception
    assert [e.label for e in read_collection(store, used)] == ["where", "when"]
    assert "where is the quay" in words(test)


def test_a_larger_model_answers_what_passes_is_collected(
    app: App, used: str, store: Store, settings: Settings, script: Callable[..., object]
) -> None:
    from llmopt_core.models.scripted import ScriptedChat

    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "endpoints.yaml").write_text("teacher:\n  base_url: http://127.0.0.1:9/v1\n")

    def reply(request: ChatRequest) -> str:
        return '{"year": 1712}' if "built" in request.messages[-1].content else "not JSON"

    resources.model_plugins.append(lambda models: models.register("teacher", ScriptedChat(reply)))
    try:
        test = app(PAGE, project=used)
        test.toggle(key="distil_json").set_value(True).run()
        assert "will be sent to teacher" in words(test)
        test.button(key="distil_start").click().run()
        assert "Name the larger model, as teacher calls it" in words(test)
        assert store.jobs(used) == []
        test.text_input(key="distil_model").set_value("large").run()
        test.button(key="distil_start").click().run()
        for job in store.jobs(used):
            resources.job_runner().wait(job.id, timeout=60)
        test.run()
    finally:
        resources.model_plugins.pop()
    assert not test.exception
    result = read_collection(store, used)
    assert len(result) == 8
    assert {e.answer for e in result} == {'{"year": 1712}'}
    assert "is-json" in words(test)
    # The set that the examples came from stays kept apart until somebody takes it off the list.
    assert keyed(test.multiselect, "tuning_apart").value == ["questions"]
    assert "8 collected → **0** to train on" in words(test)
    assert "go into training" not in words(test)
    test.toggle(key="tuning_duplicates").set_value(False).run()
    test.slider(key="tuning_share").set_value(0).run()
    keyed(test.multiselect, "tuning_apart").set_value([]).run()
    sentence = "8 of the 24 questions of questions go into training (word for word)"
    assert f":red[:material/warning: {sentence}" in words(test).replace("\\", "")


def test_checks_without_data_and_of_a_broken_file(app: App, used: str) -> None:
    test = app(PAGE, project=used, tuning_view="Lint")
    assert "No file chosen" in words(test)
    broken = b'{"messages": [{"role": "user", "content": "hi"}]}\nnot json\n'
    test.get("file_uploader")[0].set_value(("broken.jsonl", broken, "application/jsonl")).run()
    assert not test.exception
    text = words(test)
    assert "2 errors" in text
    assert "No assistant message" in text
    assert "Not valid JSON" in text
    assert "Fewer than 10 examples" in text


def test_checks_of_a_saved_set_find_leakage(app: App, used: str, store: Store) -> None:
    leaking = chat_example("When was the harbour built? (1)", "1712")
    save_training_set(store, used, "shades", [*examples(20), leaking])
    test = app(PAGE, project=used, tuning_view="Lint")
    assert not test.exception
    text = words(test)
    assert "No errors" in text
    assert "Stands in an evaluation set" in text
    assert "unknown" in text
    test.number_input(key="checks_price").set_value(10.0).run()
    assert "unknown" not in words(test)
    assert "$" in words(test)


def test_jobs_without_data_lead_to_the_data(app: App, used: str) -> None:
    test = app(PAGE, project=used, tuning_view="Jobs")
    assert not test.exception
    assert "No training set yet" in words(test)
    test.button(key="start_to_data").click().run()
    assert "Collect examples" in words(test)


def test_a_finished_job_is_shown_whole_and_leads_to_an_evaluation(
    app: App, used: str, store: Store, trained: JobFolder
) -> None:
    test = app(PAGE, project=used, tuning_view="Jobs")
    assert not test.exception
    text = words(test)
    for told in ("shades", "20 of 20", "shades v1", "2,000", "1 min", "free", "Training: 20 examples."):
        assert told in text
    worst, best = [t.value for t in test.dataframe if "Wanted answer" in t.value.columns]
    assert worst["Loss"].tolist() == sorted(best["Loss"].tolist(), reverse=True)
    keyed(test.button, "tuning_evaluate_").click().run()
    assert not test.exception
    assert test.title[0].value == "Evaluation"
    (results,) = [item for item in store.configurations(used) if item.name == "shades"]
    assert results.spec["model"]["adapter"] == "shades"
    assert results.spec["prompt"]["system"] == "Name it."
    assert test.multiselect(key="run_configurations").value == ["shades · base, 7 nearest", "shades"]


def test_an_interrupted_job_says_so_and_can_be_resumed(
    app: App, used: str, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmopt_core.finetuning.training.local_trainer import LocalTrainer

    version = save_training_set(store, used, "shades", examples(20))
    folder = new_folder(settings, JobRequest(name="shades"), "lora", version.train, None)
    folder.write("process.json", {"pid": 2**22 + 1, "started": 0.0})
    folder.update_state(status="running", step=3, total_steps=20)
    resumed: list[str] = []
    monkeypatch.setattr(LocalTrainer, "resume", lambda self, job_id: resumed.append(job_id))
    test = app(PAGE, project=used, tuning_view="Jobs")
    assert not test.exception
    assert "Its process was killed" in words(test)
    keyed(test.button, "tuning_resume_").click().run()
    assert resumed == [folder.id]


def test_a_running_job_is_followed_and_can_be_cancelled(
    app: App, used: str, store: Store, settings: Settings, trained: JobFolder
) -> None:
    versions = training_sets(store, used)[0]
    folder = new_folder(settings, JobRequest(name="second"), "lora", versions.train, None)
    folder.update_state(status="running", step=5, total_steps=20, tokens_per_second=123.0, seconds_left=42.0)
    folder.append("metrics.jsonl", {"step": 5, "train_loss": 1.5})
    test = app(PAGE, project=used, tuning_view="Jobs")
    assert not test.exception
    text = words(test)
    assert "Tokens per second 123" in text
    assert {"Time left 42 s", "Cost so far free"} <= set(text.split("\n"))
    assert [bar.proto.text for bar in test.main.get("progress")] == ["Training · 5 of 20 steps"]
    keyed(test.button, "tuning_cancel_").click().run()
    assert folder.is_cancel_requested()
    stop = keyed(test.run().button, "tuning_cancel_")
    assert (stop.label, stop.disabled) == ("Stopping …", True)
    assert not trained.is_cancel_requested()


def test_training_is_seen_in_the_sidebar_of_every_page_and_can_be_cancelled_there(
    app: App, used: str, store: Store, settings: Settings, trained: JobFolder
) -> None:
    versions = training_sets(store, used)[0]
    assert not app("pages/evaluation.py", project=used).sidebar.get("progress")
    folder = new_folder(settings, JobRequest(name="second"), "lora", versions.train, None)
    folder.update_state(status="running", step=5, total_steps=20, seconds_left=42.0)
    test = app("pages/evaluation.py", project=used)
    (bar,) = test.sidebar.get("progress")
    assert bar.proto.text.replace("\\", "") == "**Training second**  \n5 of 20 steps · 42 s left · free so far"
    assert bar.proto.value == 25
    keyed(test.button, "side_cancel_").click().run()
    until(folder.is_cancel_requested)
    (bar,) = test.run().sidebar.get("progress")
    assert bar.proto.text.replace("\\", "") == "**Training second**  \nStopping … · 5 of 20 steps"
    assert keyed(test.button, "side_cancel_").disabled
    folder.update_state(status="cancelled")
    # Until now this process stood for its trainer.
    folder.write("process.json", {})
    (job,) = store.jobs()
    assert resources.job_runner().wait(job.id, timeout=60).status == "cancelled"
    assert not test.run().sidebar.get("progress")


@pytest.mark.parametrize(
    ("kind", "arguments", "view", "title"),
    [
        ("fine-tuning start", {"name": "tidy", "provider": "cloud"}, "Jobs", "Sending the data of tidy to cloud"),
        ("training-pairs", {"configuration": "rag", "questions": "q"}, "Data", "Making training pairs of rag on q"),
    ],
)
def test_a_panel_calls_a_job_as_the_sidebar_does(
    app: App, used: str, store: Store, kind: str, arguments: dict[str, str], view: str, title: str
) -> None:
    job = store.start_job(kind, used, arguments)
    store.update_job(job, status="running")
    test = app(PAGE, project=used, tuning_view=view)
    assert not test.exception
    assert title in "\n".join(shown.value for shown in test.main.markdown)
    (bar,) = test.sidebar.get("progress")
    assert bar.proto.text.startswith(f"**{title}**")


def test_a_local_job_starts_with_what_the_form_says(
    app: App, used: str, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmopt_core.finetuning.training.local_trainer import LocalTrainer

    monkeypatch.setattr(LocalTrainer, "_enter", lambda self, folder: folder.job())
    save_training_set(store, used, "shades", examples(20), examples(5, 100))
    test = app(PAGE, project=used, tuning_view="Jobs")
    test.number_input(key="tune_lora_epochs").set_value(2)
    keyed(test.text_input, "start_name").set_value("bad name!").run()
    assert "letters, digits, dots" in words(test)
    keyed(test.text_input, "start_name").set_value("mine").run()
    assert "nothing leaves it" in words(test)
    test.button(key="start_job").click().run()
    assert not test.exception
    from llmopt_core.finetuning.finetuners import all_jobs

    (job,) = all_jobs(settings)
    assert (job.name, job.hyperparameters["epochs"], job.hyperparameters["text_format"]) == ("mine", 2, "completion")
    assert job.validation_version
    assert "mine" in words(app(PAGE, project=used, tuning_view="Jobs"))
    elsewhere = app(PAGE, project="sample", tuning_view="Jobs")
    assert not elsewhere.exception
    assert "No jobs yet" in words(elsewhere)
    assert not [button for button in elsewhere.button if button.label == "Cancel"]


def test_base_models_that_a_service_lists_are_offered(
    app: App, used: str, store: Store, settings: Settings, stub: FineTuningStub
) -> None:
    save_training_set(store, used, "shades", examples(20), examples(5, 100))
    file = settings.home / "endpoints.yaml"
    file.write_text(f"{file.read_text()}  models: [big-1, small-1]\n")
    test = app(PAGE, project=used, tuning_view="Jobs")
    test.selectbox(key="start_provider").set_value("cloud").run()
    base = test.selectbox(key="start_base_of_cloud")
    assert (base.label, base.options, base.value) == ("Base model", ["big-1", "small-1"], None)
    base.set_value("small-1").run()
    assert not test.exception
    assert "This leaves the machine" in words(test)


def test_nothing_is_sent_to_a_service_before_the_user_agreed(
    app: App, used: str, store: Store, settings: Settings, stub: FineTuningStub
) -> None:
    save_training_set(store, used, "shades", examples(20), examples(5, 100))
    test = app(PAGE, project=used, tuning_view="Jobs")
    test.selectbox(key="start_provider").set_value("cloud").run()
    test.text_input(key="start_base").set_value("big").run()
    text = words(test)
    assert "This leaves the machine" in text
    assert "20 training examples and 5 validation examples" in text
    assert re.search(r"\(\d+ KB, every question", text)
    assert "No key, token or password was seen" in text
    assert test.button(key="start_job").disabled
    assert stub.requests == []
    keyed(test.checkbox, "start_agreed").set_value(True).run()
    test.button(key="start_job").click().run()
    for job in store.jobs(used):
        resources.job_runner().wait(job.id, timeout=60)
    test.run()
    assert not test.exception
    assert stub.count("POST /fine_tuning/jobs") == 1
    (remote,) = stub.jobs.values()
    assert remote["model"] == "big"
    stub.finish(remote["id"], model="ft:big:shades")
    from streamlit import cache_data

    cache_data.clear()
    test.run()
    test.run()
    assert "finished" in words(test)


def test_a_service_is_paid_no_more_than_the_budget(
    app: App, used: str, store: Store, settings: Settings, stub: FineTuningStub
) -> None:
    save_training_set(store, used, "shades", examples(20), examples(5, 100))
    test = app(PAGE, project=used, tuning_view="Jobs")
    test.selectbox(key="start_provider").set_value("cloud").run()
    test.text_input(key="start_base").set_value("big").run()
    assert "1 to 5 epochs, as the service chooses; without a price" in words(test)
    test.number_input(key="start_budget").set_value(0.0005).run()
    assert "A budget needs the price of a million training tokens" in test.warning[0].value
    test.number_input(key="start_price").set_value(10.0).run()
    text = test.warning[0].value.replace("\\", "")
    assert re.search(r"about \$0\.\d+ to \$0\.\d+: .* That may be more than the budget of \$0\.0005", text)
    keyed(test.checkbox, "start_agreed").set_value(True).run()
    test.button(key="start_job").click().run()
    assert re.search(r"Nothing was sent: training may cost \$0.* more than the budget of \$0\.0005", words(test))
    assert (stub.requests, store.jobs(used)) == ([], [])
    test.number_input(key="start_budget").set_value(10.0).run()
    test.button(key="start_job").click().run()
    for job in store.jobs(used):
        resources.job_runner().wait(job.id, timeout=60)
    test.run()
    assert not test.exception
    assert "of the budget of $10.00 are expected" in words(test).replace("\\", "")
    assert store.jobs(used)[0].progress["cost_usd"] > 0
    stub.finish("ftjob-1", model="ft:big:shades", tokens=2000)
    from streamlit import cache_data

    cache_data.clear()
    test.run()
    test.run()
    text = words(test).replace("\\", "")
    assert "$0.02 of the budget of $10.00 are spent, for 2,000 trained tokens, $9.98 are left" in text


def test_questions_stay_kept_apart_when_a_larger_model_gave_no_example(app: App, used: str, store: Store) -> None:
    collect(store, used, examples(12))
    failed = store.start_job("distillation", used, {"questions": "questions"})
    store.update_job(failed, status="failed", error="No answer was kept.")
    test = app(PAGE, project=used)
    assert not test.exception
    assert keyed(test.multiselect, "tuning_apart").value == ["questions"]


def test_a_refusing_service_is_explained(app: App, used: str, store: Store, stub: FineTuningStub) -> None:
    save_training_set(store, used, "shades", examples(20))
    stub.fail("POST /fine_tuning/jobs", (403, "training_not_available", "no"))
    test = app(PAGE, project=used, tuning_view="Jobs")
    test.selectbox(key="start_provider").set_value("cloud").run()
    test.text_input(key="start_base").set_value("big").run()
    keyed(test.checkbox, "start_agreed").set_value(True).run()
    test.button(key="start_job").click().run()
    for job in store.jobs(used):
        resources.job_runner().wait(job.id, timeout=60)
    test.run()
    assert not test.exception
    told = "this organisation can start no fine-tuning jobs there"
    # Once in words, and once in the log with its time.
    assert len([text for text in test.text if told in text.value and "error: " not in text.value]) == 1
    keyed(test.button, "job_seen_").click().run()
    assert len([text for text in test.text if told in text.value and "error: " not in text.value]) == 1


def test_a_refused_job_that_went_on_is_no_problem_any_more(
    app: App, used: str, store: Store, settings: Settings, stub: FineTuningStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    redrawn: list[str] = []
    monkeypatch.setattr("llmopt_ui.finetuning.jobs.notify", redrawn.append)
    save_training_set(store, used, "shades", examples(20))
    stub.fail("POST /fine_tuning/jobs", (403, "training_not_available", "no"))
    test = app(PAGE, project=used, tuning_view="Jobs")
    test.selectbox(key="start_provider").set_value("cloud").run()
    test.text_input(key="start_base").set_value("big").run()
    keyed(test.checkbox, "start_agreed").set_value(True).run()
    test.button(key="start_job").click().run()
    for _ in range(2):
        for job in store.jobs(used):
            resources.job_runner().wait(job.id, timeout=60)
        test.run()
        resume = [button for button in test.button if (button.key or "").startswith("tuning_resume_")]
        if resume:
            assert "this organisation can start no fine-tuning jobs there" in words(test)
            assert keyed(test.button, "job_seen_")
            resume[0].click().run()
    assert not test.exception
    assert stub.count("POST /fine_tuning/jobs") == 2
    assert len(stub.jobs) == 1
    # What the service said before it was resumed ends nothing and redraws nothing.
    assert not redrawn
    assert [bar.proto.text for bar in test.main.get("progress")] == ["The service checks the files"]
    # The event log goes on telling it, with its time; nothing else does.
    assert not [text.value for text in test.text if text.value.startswith("Endpoint 'cloud' would not")]
    assert not [button for button in test.button if (button.key or "").startswith("job_seen_")]


def test_a_refusal_that_was_resumed_on_the_command_line_is_no_problem_any_more(
    app: App, used: str, store: Store, settings: Settings, stub: FineTuningStub
) -> None:
    version = save_training_set(store, used, "shades", examples(20))
    sending = store.start_job("fine-tuning start", used, {"name": "far", "provider": "cloud"})
    store.update_job(sending, status="failed", error="Endpoint 'cloud' would not start the job (403).")
    folder = new_folder(settings, JobRequest(name="far", provider="cloud", base_model="big"), "service", version.train,
                        None)  # fmt: skip
    folder.update_state(status="failed", resumable=True)
    test = app(PAGE, project=used, tuning_view="Jobs")
    assert "would not start the job" in words(test)
    folder.update_state(status="finished", remote_id="ftjob-1", tuned_model="ft:far")
    test.run()
    assert not test.exception
    assert "would not start the job" not in words(test)


def test_a_services_own_jobs_are_listed_when_asked_for(app: App, used: str, store: Store, stub: FineTuningStub) -> None:
    save_training_set(store, used, "shades", examples(20))
    stub.add_job({"model": "theirs", "training_file": "file-9"})
    test = app(PAGE, project=used, tuning_view="Jobs")
    assert stub.requests == []
    test.button(key="elsewhere_ask").click().run()
    assert not test.exception
    (table,) = [t.value for t in test.dataframe if "Job there" in t.value.columns]
    assert table[["Job there", "Base model"]].to_numpy().tolist() == [["ftjob-1", "theirs"]]
    stub.fail("GET /fine_tuning/jobs", *[(401, "invalid_api_key", "no")] * 3)
    test.button(key="elsewhere_ask").click().run()
    assert not test.exception
    assert "cloud" in " ".join(text.value for text in test.text)


def test_a_job_at_a_service_is_followed_by_any_page(
    app: App, used: str, store: Store, settings: Settings, stub: FineTuningStub
) -> None:
    version = save_training_set(store, used, "shades", examples(20))
    remote = stub.add_job({"model": "big", "training_file": "file-9"})
    request = JobRequest(name="far", provider="cloud", base_model="big")
    folder = new_folder(settings, request, "service", version.train, None)
    folder.update_state(status="running", remote_id=remote["id"])
    stub.finish(remote["id"], model="ft:big:far")
    test = app("pages/evaluation.py", project=used)
    assert not test.exception
    until(lambda: folder.job().has_ended)
    assert folder.job().tuned_model == "ft:big:far"
    assert stub.count("GET /fine_tuning/jobs/ID") == 1
    assert not test.run().sidebar.get("progress")


def test_likely_secrets_are_counted_before_they_leave(app: App, used: str, store: Store, stub: FineTuningStub) -> None:
    leaky = chat_example("my key is sk-abcdefghijklmnopqrstuvwx", "noted")
    save_training_set(store, used, "shades", [*examples(12), leaky])
    test = app(PAGE, project=used, tuning_view="Jobs")
    test.selectbox(key="start_provider").set_value("cloud").run()
    test.text_input(key="start_base").set_value("big").run()
    assert "1 example seems to hold a secret (an API key in 1)" in words(test).replace("\\", "")
    assert "sk-abc" not in words(test)


def test_the_table_says_that_a_training_has_begun_as_its_card_does(
    app: App, used: str, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = save_training_set(store, used, "shades", examples(12))
    folder = new_folder(settings, JobRequest(name="second"), "lora", version.train, None)
    folder.update_state(status="queued")
    folder.claim(os.getpid())

    def begin_after(*given: Any) -> list[Job]:
        result = jobs_of(*given)
        folder.update_state(status="running")
        return result

    monkeypatch.setattr("llmopt_ui.finetuning.jobs.jobs_of", begin_after)
    test = app(PAGE, project=used, tuning_view="Jobs")
    assert not test.exception
    (table,) = [t for t in test.dataframe if "Fine-tuned model" in t.value.columns]
    assert table.value["State"].tolist()[0] == "training"
    assert test.main.get("progress")[0].proto.text.startswith("Training")


def test_missing_losses_have_a_dash_and_a_waiting_job_waits_once(
    app: App, used: str, store: Store, settings: Settings, trained: JobFolder
) -> None:
    versions = training_sets(store, used)[0]
    folder = new_folder(settings, JobRequest(name="second"), "lora", versions.train, None)
    folder.update_state(status="queued", message="Waiting until another training has ended.")
    test = app(PAGE, project=used, tuning_view="Jobs")
    assert not test.exception
    (table,) = [t for t in test.dataframe if "Fine-tuned model" in t.value.columns]
    assert table.value["Validation loss"].isna().tolist() == [True, False]
    assert table.proto.placeholder == "–"
    messages = [bar.proto.text for bar in test.main.get("progress")]
    assert [text.replace("\\", "") for text in messages] == ["Waiting until another training has ended"]
    folder.update_state(status="cancelled", message="")
    test.run()
    # What is closed shows the words of when it was chosen, so they hold nothing that changes.
    assert not any(word in " ".join(test.selectbox(key="tuning_job").options) for word in ("waiting", "cancelled"))


def test_the_log_is_told_newest_first(app: App, used: str, trained: JobFolder) -> None:
    trained.log("Finished.")
    test = app(PAGE, project=used, tuning_view="Jobs")
    assert "Event log (2), newest first" in [box.label for box in test.expander]
    messages = [text.value for text in test.text if "Training: 20" in text.value or "Finished." in text.value]
    assert [line.rsplit("  ", 1)[1] for line in messages] == ["Finished.", "Training: 20 examples."]


def test_the_square_needs_a_tuned_model_then_runs_and_shows_all_four(
    app: App, used: str, store: Store, settings: Settings, trained: JobFolder, script: Callable[..., object]
) -> None:
    def reply(request: ChatRequest) -> str:
        return "1712" if request.model.adapter else "zebra"

    script(reply)
    test = app(PAGE, project=used, tuning_view="2 × 2")
    assert not test.exception
    assert "Not measured yet" in words(test)
    test.button(key="square_run").click().run()
    for job in store.jobs(used):
        resources.job_runner().wait(job.id, timeout=60)
    test.run()
    assert not test.exception
    text = words(test)
    assert "Best: **fine-tuned" in text
    assert "Does fine-tuning help, without retrieval?" in text
    assert "better" in text
    assert "Pays after" in text
    names = [item.name for item in store.configurations(used)]
    assert {"baseline · shades", "rag-rerank · shades"} <= set(names)
    # One colour per name: the bars have those that the names have on all pages.
    chart = json.loads(next(c for c in test.get("plotly_chart") if "Plain" in c.proto.spec).proto.spec)
    bars = {trace["name"]: trace["marker"]["color"] for trace in chart["data"]}
    assert bars == {name: project_colours(store, used, names)[name] for name in bars}
    assert {"baseline", "rag-rerank", "baseline · shades", "rag-rerank · shades"} == set(bars)
    # The questions it was tuned for are no general set: nothing is chosen, nothing can be measured by mistake.
    assert keyed(test.selectbox, "forgot_set").value is None
    assert not [button for button in test.button if button.key == "forgot_run"]
    keyed(test.selectbox, "forgot_set").set_value("questions").run()
    test.button(key="forgot_run").click().run()
    for job in store.jobs(used):
        resources.job_runner().wait(job.id, timeout=60)
    test.run()
    assert not test.exception
    assert "on 24 questions" in words(test)
    test.button(key="forgot_add").click().run()
    assert not test.exception
    assert keyed(test.selectbox, "forgot_set").value == "general-questions"
    assert test.button(key="forgot_run")
    assert not [button for button in test.button if button.key == "forgot_add"]


def test_few_examples_are_counted_in_whole_ones() -> None:
    assert class_bars(examples(4), ()).layout.xaxis.dtick == 1
    assert class_bars(examples(60), ()).layout.xaxis.dtick is None


def test_what_is_sent_is_agreed_to_anew_when_it_changes(
    app: App, used: str, store: Store, stub: FineTuningStub
) -> None:
    save_training_set(store, used, "shades", examples(20), examples(5, 100))
    test = app(PAGE, project=used, tuning_view="Jobs")
    test.selectbox(key="start_provider").set_value("cloud").run()
    test.text_input(key="start_base").set_value("big").run()
    keyed(test.toggle, "start_validate").set_value(False).run()
    keyed(test.checkbox, "start_agreed").set_value(True).run()
    assert not test.button(key="start_job").disabled
    keyed(test.toggle, "start_validate").set_value(True).run()
    assert "and 5 validation examples" in words(test)
    assert test.button(key="start_job").disabled


def test_the_square_without_a_tuned_model(app: App, used: str) -> None:
    test = app(PAGE, project=used, tuning_view="2 × 2")
    assert not test.exception
    assert "No fine-tuned model yet" in words(test)


def test_decisions_become_training_data(app: App, used: str, store: Store) -> None:
    test = app(PAGE, project=used, tuning_view="Next to label")
    assert not test.exception
    test.button(key="label_save").click().run()
    assert "Choose accept or reject" in words(test)
    test.button(key="label_all").click().run()
    assert not test.exception
    assert labels(store, used)
    test.button(key="label_to_data").click().run()
    test.button(key="tuning_label_add").click().run()
    assert not test.exception
    assert len(read_collection(store, used)) == len(labels(store, used))


def test_nothing_to_label_without_answers(app: App) -> None:
    test = app(PAGE, project="sample", tuning_view="Next to label")
    assert not test.exception
    assert "No answers yet" in words(test)


def test_a_tuned_model_is_a_choice_in_the_configuration_form(
    app: App, used: str, store: Store, trained: JobFolder
) -> None:
    test = app("pages/evaluation.py", project=used, evaluation_view="Configurations")
    box = keyed(test.selectbox, "edit_tuned_builtin")
    box.set_value("shades").run()
    assert not test.exception
    test.button(key="edit_save").click().run()
    spec = store.configurations(used)[0].spec
    assert (spec["model"]["adapter"], spec["model"]["mode"]) == ("shades", "completion")


def test_a_paid_comparison_starts_with_an_estimate(
    app: App, used: str, store: Store, settings: Settings, trained: JobFolder, script: Callable[..., object]
) -> None:
    from llmopt_core.models.scripted import ScriptedChat

    script(lambda request: "zebra")
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "endpoints.yaml").write_text("cloud:\n  base_url: http://127.0.0.1:9/v1\n")
    request = JobRequest(name="far", provider="cloud", base_model="big")
    folder = new_folder(settings, request, "service", training_sets(store, used)[0].train, None)
    folder.update_state(status="finished", remote_id="ftjob-1", tuned_model="ft:big:far")
    resources.model_plugins.append(lambda models: models.register("cloud", ScriptedChat(lambda request: "1712")))
    test = app(PAGE, project=used, tuning_view="2 × 2")
    test.selectbox(key="square_tuned").set_value("ft:big:far").run()
    test.button(key="square_run").click().run()
    assert not test.exception
    assert test.title[0].value == "Evaluation"
    for job in store.jobs(used):
        resources.job_runner().wait(job.id, timeout=60)
    test.switch_page("pages/evaluation.py").run()
    assert not test.exception
    assert "What it will take" in words(test)
    assert [job.kind for job in store.jobs(used)] == ["estimate"]
