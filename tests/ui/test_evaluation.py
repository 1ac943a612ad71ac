"""Evaluate with a scripted model, follow, compare, read one record."""

from __future__ import annotations

import io
import json
import re
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zipfile import ZipFile

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.errors import EndpointError
from llmopt_core.evaluation.judge_agreement import JUDGE
from llmopt_core.experiments.comparison import new_id, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run
from llmopt_core.types import Answer, EvaluationSet, Example, Failure, Message, Record, Score, ToolCall
from llmopt_ui import resources
from llmopt_ui.evaluation import results_view
from llmopt_ui.evaluation.history import history_table, open_problem
from llmopt_ui.format import markdown
from tests.ui.seed import seed_project

App = Callable[..., AppTest]
Script = Callable[..., ScriptedChat]
PAGE = "pages/evaluation.py"


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def texts(test: AppTest) -> str:
    return "\n".join(part.value for part in [*test.text, *test.caption, *test.markdown])


def evaluate(test: AppTest, questions: int, configurations: list[str] | None = None) -> AppTest:
    """Send the form and wait for its job."""
    test.number_input(key="run_limit_questions").set_value(questions)
    if configurations is not None:
        test.multiselect(key="run_configurations").set_value(configurations)
    known = {job.id for job in resources.store().jobs()}
    press(test, "Evaluate")
    # A job may be over before it is looked for; a form that was refused has started none.
    for job in resources.store().jobs():
        if job.id not in known:
            resources.job_runner().wait(job.id, timeout=60)
            test.run()
    return test


def test_the_sample_is_evaluated_and_compared(app: App, store: Store, script: Script) -> None:
    chat = script(lambda request: "Pittsburgh Steelers")
    test = evaluate(app(PAGE), 2)
    assert not test.exception
    runs = store.runs("sample")
    assert [(run.name, run.status, run.done) for run in reversed(runs)] == [
        ("baseline", "finished", 2), ("rag", "finished", 2), ("rag-rerank", "finished", 2),
    ]  # fmt: skip
    assert len(chat.requests) == 6
    test = app(PAGE, evaluation_view="Results")
    assert not test.exception
    assert [heading.value for heading in test.subheader][:3] == [
        "Scores that all have", "Scores that only some have", "Leaderboard",
    ]  # fmt: skip
    first, second = (json.loads(chart.proto.spec) for chart in test.get("plotly_chart")[:2])
    shown = [set(trace["x"]) for trace in first["data"] if trace.get("name")]
    assert len(shown) == 3
    assert all("Answer relevancy" in x and "Answer F1" in x for x in shown)
    assert not any("not scored" in str(trace.get("text")) for trace in first["data"])
    assert {"Context precision", "Context recall"} <= {x for trace in second["data"] for x in trace["x"]}
    assert "It measures grounding, not correctness, and cannot see what must be reckoned" in texts(test)
    graded = next(part for part in test.caption if "Graded by" in str(part.value))
    assert "against human labels its AUC" in graded.help


def test_a_failing_endpoint_is_told_and_can_be_resumed(app: App, store: Store, script: Script) -> None:
    script([EndpointError("The endpoint builtin refused the call.", "unauthorized")] * 2)
    test = evaluate(app(PAGE, evaluation_view="Run"), 2, ["baseline"])
    assert not test.exception
    assert store.runs("sample")[0].status == "failed"
    assert "The endpoint builtin refused the call." in texts(test)
    chat = script(lambda request: "Momus")
    press(test, "Resume")
    for job in store.jobs(active=True):
        resources.job_runner().wait(job.id, timeout=60)
    assert store.runs("sample")[0].status == "finished"
    assert len(chat.requests) == 2


def test_nothing_chosen_is_refused_before_anything_starts(app: App, store: Store, script: Script) -> None:
    script([])
    test = evaluate(app(PAGE), 2, [])
    assert "Choose at least one configuration and one metric." in texts(test)
    assert not store.jobs()


def test_a_prompt_that_needs_an_unknown_column_is_refused(app: App, store: Store, script: Script) -> None:
    from llmopt_core.experiments.configuration import Configuration
    from llmopt_core.experiments.experiment import save_configuration

    script([])
    save_configuration(store, "sample", Configuration(name="needs more", prompt={"template": "{{ colour }}"}))
    test = evaluate(app(PAGE), 2, ["needs more"])
    assert not test.exception
    assert "{{ colour }}" in texts(test)
    assert not store.jobs()


def test_results_say_who_is_better_with_colour_sign_and_word(app: App, used: str) -> None:
    test = app(PAGE, project=used, evaluation_view="Results")
    table = test.table[0].value.set_index("Configuration")
    cell = table["Answer relevancy"].iloc[2]
    assert ":green[▲ better]" in cell
    assert "**0.6" in cell or "**0.7" in cell
    assert table["Faithfulness"].iloc[0] == ":gray[not scored]"
    assert "23\u00a0of\u00a024 scored" in table["Answer relevancy"].iloc[1]


def test_the_address_reproduces_a_view(app: App, used: str) -> None:
    test = app(
        PAGE, project=used, evaluation_view="Results", baseline="rag", metric="Answer F1", order="Lowest first",
        example="q7", record_of="rag",
    )  # fmt: skip
    assert not test.exception
    assert test.selectbox(key="baseline").value == "rag"
    assert test.selectbox(key="metric").value == "answer_f1"
    assert "Failed in stage answer: The endpoint builtin gave no answer in 60 seconds." in texts(test)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("Why these scores", "It has <b>three</b> lighthouses."),
        ("Retrieved chunks", "Where the reference answer stands is marked in green."),
        ("Trace", "1. search: dense"),
        ("Prompt as sent", "Question: When was the harbour built? (1)\nAnswer:"),
    ],
)
def test_a_record_is_read_in_full(app: App, used: str, part: str, expected: str) -> None:
    test = app(PAGE, project=used, example="q1", record_of="rag", record_part=part)
    assert not test.exception
    said = [texts(test), *(code.value for code in test.code), *(expander.label for expander in test.expander)]
    assert expected in "\n".join(said)


def test_tools_that_were_called_stand_in_the_record(app: App, used: str, store: Store) -> None:
    before = next(run for run in store.runs(used) if run.name == "rag")
    records = store.records(before.id)
    place, record = next((place, record) for place, record in enumerate(records) if record.example.id == "q1")
    assert record.answer is not None
    prompt = (
        Message("user", "Is it open?"),
        Message("assistant", "", (ToolCall("a", "opening_hours", '{"day": "Monday"}'),)),
        Message("tool", "Nine to *five*.", tool_call_id="a", name="opening_hours"),
    )
    answer = replace(record.answer, prompt=prompt, tool_calls=(ToolCall("b", "book_table", '{"at": "noon"}'),))
    run = store.start_run(
        used, {**before.configuration, "name": "tools"}, "another", evaluation_set=before.evaluation_set,
        set_version=before.set_version, judge=before.judge, metrics=before.metrics, total=len(records),
    )  # fmt: skip
    store.save_records(run, list(enumerate([*records[:place], replace(record, answer=answer), *records[place + 1 :]])))
    store.finish_run(run, "finished", seconds=1.0)

    test = app(PAGE, project=used, example="q1", record_of="tools", record_part="Prompt as sent")

    assert not test.exception
    told = [texts(test), *(code.value for code in test.code)]
    said = "\n".join(told).replace("\\", "")
    for words in ("Calls the tool opening_hours", '{"day": "Monday"}', "Tool opening_hours", "Nine to *five*.",
                  "What the model answered with", "Calls the tool book_table", '{"at": "noon"}'):  # fmt: skip
        assert words in said


def test_next_and_previous_turn_the_questions(app: App, used: str) -> None:
    test = app(PAGE, project=used, evaluation_view="Results", example="q2", order="As in the set")
    test.button(key="example_next").click().run()
    assert "Question q3 · why" in texts(test)
    test.button(key="example_previous").click().run()
    assert "Question q2 · what" in texts(test)


def test_downloads_hold_every_record(app: App, used: str) -> None:
    test = app(PAGE, project=used, evaluation_view="Results")
    labels = [button.label for button in test.get("download_button")] or [
        item.proto.label for item in test.get("download_button")
    ]
    assert labels[:4] == [
        "Report (HTML)", "Leaderboard (CSV)", "All records (JSON)", "All tables (CSV, JSON, Parquet)",
    ]  # fmt: skip


def test_the_report_of_the_page_is_whole_and_the_tables_hold_everything(
    app: App, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[str, Any] = {}
    shown = results_view.downloads

    def listening(key: str, *files: Any) -> None:
        made.update({label: data() for label, data, _ in files})
        shown(key, *files)

    monkeypatch.setattr(results_view, "downloads", listening)
    test = app(PAGE, project=used, evaluation_view="Results")
    assert not test.exception
    for title in ("Goal", "Data and splits", "Ladder", "Error kinds", "Wins and losses", "Costs", "Method", "Limits"):
        assert f"<h2>{title}</h2>" in made["Report (HTML)"]
    assert "What was decided stands in the project" not in made["Report (HTML)"]
    names = ZipFile(io.BytesIO(made["All tables (CSV, JSON, Parquet)"])).namelist()
    assert "parquet/comparisons.parquet" in names
    assert len(names) == 18


def try_again(store: Store, project: str, name: str, questions: int, metrics: tuple[str, ...]) -> None:
    """A further run of a configuration, over its first questions."""
    before = next(run for run in store.runs(project) if run.name == name)
    run = store.start_run(
        project, before.configuration, before.fingerprint, evaluation_set=before.evaluation_set,
        set_version=before.set_version, judge=before.judge, metrics=metrics, total=questions,
    )  # fmt: skip
    store.save_records(run, list(enumerate(store.records(before.id)[:questions])))
    store.finish_run(run, "finished", seconds=1.0)


def test_a_short_try_does_not_take_the_place_of_a_whole_run(app: App, used: str, store: Store) -> None:
    whole = next(run for run in store.runs(used) if run.name == "rag")
    try_again(store, used, "rag", 3, whole.metrics)
    told = texts(app(PAGE, project=used))
    assert "Means over 24 questions" in told
    try_again(store, used, "rag", 3, (*whole.metrics, "mrr"))
    told = texts(app(PAGE, project=used))
    assert "Means over 3 to 24 questions" in told


def test_a_run_that_mostly_failed_says_so_in_toast_card_and_table(app: App, store: Store, script: Script) -> None:
    def mostly(request: object) -> str:
        if mostly.calls % 5:  # type: ignore[attr-defined]
            mostly.calls += 1  # type: ignore[attr-defined]
            raise EndpointError("The prompt of 9000 tokens is too long.", "bad-request")
        mostly.calls += 1  # type: ignore[attr-defined]
        return "Momus"

    mostly.calls = 0  # type: ignore[attr-defined]
    script(mostly)
    test = app(PAGE, evaluation_view="Run")
    test.number_input(key="run_limit_questions").set_value(10)
    test.multiselect(key="run_configurations").set_value(["baseline"])
    press(test, "Evaluate")
    (job,) = store.jobs()
    resources.job_runner().wait(job.id, timeout=60)
    test.run()
    reason = "8 of 10 answers failed: The prompt of 9000 tokens is too long."
    assert store.runs("sample")[0].status == "failed"
    assert reason in texts(test)
    history = test.dataframe[-1].value
    assert history["Answered"].iloc[0] == "failed, 2 of 10, 8 failed"
    assert history["What went wrong"].iloc[0] == reason
    told = [str(toast.value).replace("\\", "") for toast in test.toast]
    assert any(reason in words and "not finished" in words for words in told), told


def test_some_failures_are_no_plain_finish(app: App, store: Store, script: Script) -> None:
    def third_fails(request: object) -> str:
        third_fails.calls += 1  # type: ignore[attr-defined]
        if third_fails.calls == 3:  # type: ignore[attr-defined]
            raise EndpointError("Refused by the filter.", "bad-request")
        return "Momus"

    third_fails.calls = 0  # type: ignore[attr-defined]
    script(third_fails)
    test = app(PAGE, evaluation_view="Run")
    test.number_input(key="run_limit_questions").set_value(4)
    test.multiselect(key="run_configurations").set_value(["baseline"])
    press(test, "Evaluate")
    (job,) = store.jobs()
    resources.job_runner().wait(job.id, timeout=60)
    test.run()
    told = [(str(toast.value).replace("\\", ""), toast.icon) for toast in test.toast]
    assert [icon for words, icon in told if "1 of 4 answers failed: Refused by the filter." in words] == [
        ":material/warning:"
    ]
    test = app(PAGE, evaluation_view="Results")
    assert ":red[✕ 1 of 4 failed]" in test.table[0].value["Configuration"].iloc[0]
    assert "baseline: 1 of 4 answers failed: Refused by the filter." in texts(test)
    test = app(PAGE, evaluation_view="Run")
    assert test.dataframe[-1].value["Answered"].iloc[0] == "3 of 4, 1 failed"


def plain(test: AppTest) -> str:
    """All words, without the backslashes of Markdown."""
    tables = [str(table.value.to_csv()) for table in test.table]
    return "\n".join([texts(test), *tables]).replace("\\", "")


def test_configurations_that_are_not_shown_at_first_are_named_by_a_button_that_shows_them(
    app: App, store: Store
) -> None:
    name = seed_project(store, "many", questions=3, runs=9)
    test = app(PAGE, project=name)
    assert len(test.multiselect(key="compared").value) == 6
    button = test.button(key="compare_all")
    assert button.label == "Show all 9"
    button.click().run()
    assert len(test.multiselect(key="compared").value) == 9
    assert not [button for button in test.button if button.key == "compare_all"]


def test_means_over_different_questions_are_named_so_and_compared_on_those_of_both(
    app: App, used: str, store: Store
) -> None:
    whole = next(run for run in store.runs(used) if run.name == "rag-rerank")
    try_again(store, used, "rag-rerank", 12, (*whole.metrics, "mrr"))
    for page in (PAGE, "pages/overview.py"):
        told = plain(app(page, project=used))
        assert "Means over 12 to 24 questions" in told
        assert "Differences and verdicts are over those that both answered" in told
        assert "on 12 of both:" in told.replace("\u00a0", " ")
        assert "12 questions" in told


def test_the_same_pair_has_the_same_verdict_whatever_is_shown(app: App, used: str, store: Store) -> None:
    together = "all 2 comparisons of a configuration with baseline"
    shown = app(PAGE, project=used)
    assert together in plain(shown)
    both = shown.table[0].value.set_index("Configuration")
    shown.multiselect(key="compared").set_value(["baseline", "rag"]).run()
    assert together in plain(shown)
    alone = shown.table[0].value.set_index("Configuration")
    assert list(alone.index) == list(both.index)[:2]
    assert alone.loc[alone.index[1]].equals(both.loc[both.index[1]])
    assert "adjusted for 2 comparisons" in plain(app("pages/overview.py", project=used))


def test_more_of_the_set_is_asked_for_before_more_questions(app: App, store: Store, used: str) -> None:
    for name in ("baseline", "rag", "rag-rerank"):
        run = next(run for run in store.runs(used) if run.name == name)
        try_again(store, used, name, 6, run.metrics)
        store.delete_runs([run.id])
    told = plain(app("pages/overview.py", project=used))
    assert "6 of 24 were asked of each" in told
    links = [link.label for link in app("pages/overview.py", project=used).get("page_link")]
    assert any("Evaluate the other 18 questions" in label for label in links)
    assert not any("Add questions" in label for label in links)


def refuse_every_third(store: Store, project: str) -> None:
    """Let what was looked up in vain be more than chance in the run that is best; the one behind it gets worse."""
    runs = {run.name: run for run in store.runs(project)}
    for place, record in enumerate(store.records(runs["rag-rerank"].id)):
        if place % 3 == 0:
            scores = {**record.scores, "answer_f1": Score("answer_f1", 0.0)}
            answer = replace(record.answer, text="I don't know.") if record.answer else None
            store.save_record(runs["rag-rerank"].id, replace(record, answer=answer, scores=scores), place)
    for place, record in enumerate(store.records(runs["rag"].id)):
        scores = {**record.scores, "answer_f1": Score("answer_f1", 0.2)}
        store.save_record(runs["rag"].id, replace(record, scores=scores), place)


def test_a_run_that_mostly_failed_does_not_lead_by_the_few_it_answered(app: App, store: Store, used: str) -> None:
    saved = store.evaluation_sets(used)[0]
    body = {"name": "lucky", "model": {"max_tokens": 32}, "prompt": {"template": "{{ question }}"}}
    store.save_configuration(used, "lucky", body, "c" * 16)
    judge, metrics = store.runs(used)[0].judge, store.runs(used)[0].metrics
    run = store.start_run(used, body, "c" * 16, evaluation_set=saved.name, set_version=saved.version, judge=judge,
                          metrics=metrics, total=24)  # fmt: skip
    failure = Failure("answer", "timeout", "No answer in 60 seconds.")
    good = {metric: Score(metric, 1.0) for metric in metrics}
    examples = store.evaluation_set(used, saved.name).examples
    store.save_records(run, [
        (i, Record(e, failure=failure) if i % 4 else Record(e, Answer("a"), scores=good))
        for i, e in enumerate(examples)
    ])  # fmt: skip
    store.finish_run(run, "failed")
    refuse_every_third(store, used)
    test = app("pages/overview.py", project=used)
    told = plain(test)
    assert "Means over 6 to 24 of" in told or "Means over 6 to 24 questions" in told
    assert "Differences and verdicts are over those that both answered" in told
    # What fails is looked for in the run that leads; of this one only its failures are told.
    (reason,) = [line for line in told.splitlines() if re.search(r"questions of .* fail because", line)]
    assert "of 24 questions of rag-rerank fail because" in reason
    links = [link.label for link in test.get("page_link")]
    assert any("Look at 18 failed records" in label for label in links)
    assert "Those of lucky count as not scored" in told


def test_time_and_tokens_per_question_leave_out_what_came_from_the_cache(app: App, used: str, store: Store) -> None:
    run = next(run for run in store.runs(used) if run.name == "baseline")
    records = store.records(run.id)
    for place, record in enumerate(records[:10]):
        usage = record.usage.from_cache
        store.save_record(run.id, replace(record, usage=usage, seconds=0.0), place)
    (row, *_) = app(PAGE, project=used).table[0].value.to_dict("records")
    assert "252 tokens" in row["Per question"]
    assert "0.4 s" in row["Per question"]
    assert "14 asked, 10 cached" in row["Per question"]


def test_a_long_map_is_shown_in_parts_that_follow_the_question(
    app: App, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmopt_ui.evaluation.examples.MAP_COLUMNS", 10)
    test = app(PAGE, project=used, order="As in the set")
    part = test.selectbox(key="example_map_part")
    assert part.options == ["1 to 10 of 24", "11 to 20 of 24", "21 to 24 of 24"]
    assert part.value == 0
    part.select(20).run()
    assert not test.exception
    assert test.selectbox(key="example_map_part").value == 20
    assert "Question 21 of 24" in [caption.value for caption in test.caption]
    test.button(key="example_previous").click().run()
    assert test.selectbox(key="example_map_part").value == 10
    assert "Question 20 of 24" in [caption.value for caption in test.caption]


def test_the_map_begins_with_what_the_configurations_disagree_on_and_says_whom_it_leaves_out(
    app: App, used: str, store: Store
) -> None:
    test = app(PAGE, project=used, evaluation_view="Results")
    assert test.selectbox(key="order").value == "spread"
    # The question that rag failed on has no score there.
    assert any("23 of 24 questions: those that all 3 have a score for" in caption.value for caption in test.caption)
    scores = store.scores([run.id for run in store.runs(used)])
    values = [dict(zip(one.examples, one.values["answer_relevancy"], strict=True)) for one in scores.values()]
    spread = {
        example: statistics.pvariance([one[example] for one in values])
        for example in values[0]
        if all(one[example] is not None for one in values)
    }
    assert f"Question {max(spread, key=spread.__getitem__)} · " in texts(test)
    # It stands behind the others, and a link to it opens it.
    left_out = app(PAGE, project=used, evaluation_view="Results", example="q7")
    assert "Question 24 of 24" in [caption.value for caption in left_out.caption]
    by_set = app(PAGE, project=used, evaluation_view="Results", order="As in the set")
    assert not any("have a score for" in caption.value for caption in by_set.caption)


def test_what_no_configuration_has_is_in_no_chart(app: App, used: str) -> None:
    test = app(PAGE, project=used, evaluation_view="Results")
    assert "Scores that only some have" in [heading.value for heading in test.subheader]
    assert test.selectbox(key="metric").value == "answer_relevancy"
    test.multiselect(key="compared").set_value(["baseline"]).run()
    assert not test.exception
    assert next(heading.value for heading in test.subheader) == "Scores"
    assert "Scores that only some have" not in [heading.value for heading in test.subheader]
    assert "Faithfulness" not in test.get("plotly_chart")[0].proto.spec


def test_limit_and_budget_belong_to_the_set(app: App, store: Store, used: str) -> None:
    examples = store.evaluation_set(used, "questions").examples
    store.save_evaluation_set(used, EvaluationSet("few", examples[:5]))
    test = app(PAGE, project=used, evaluation_view="Run")
    test.selectbox(key="run_set").set_value("questions").run()
    test.number_input(key="run_limit_questions").set_value(12)
    test.number_input(key="run_budget_questions").set_value(0.5).run()
    test.selectbox(key="run_set").set_value("few").run()
    assert test.number_input(key="run_limit_few").value is None
    assert test.number_input(key="run_budget_few").value is None
    test.selectbox(key="run_set").set_value("questions").run()
    assert not test.exception
    assert test.number_input(key="run_limit_questions").value == 12
    assert test.number_input(key="run_budget_questions").value == 0.5


def again(store: Store, project: str, name: str, value: float) -> int:
    """Another run of a configuration, with the same score throughout; gives its id."""
    old = next(run for run in store.runs(project) if run.name == name)
    run = store.start_run(project, old.configuration, old.fingerprint, evaluation_set=old.evaluation_set,
                          set_version=old.set_version, judge=old.judge, metrics=("answer_f1",),
                          total=old.total)  # fmt: skip
    examples = store.evaluation_set(project, old.evaluation_set).examples
    scores = {"answer_f1": Score("answer_f1", value)}
    store.save_records(run, [(i, Record(e, Answer("a"), scores=scores)) for i, e in enumerate(examples)])
    store.finish_run(run, "finished")
    return run


def leaders(test: AppTest) -> list[str]:
    assert not test.exception
    return [str(row).replace("\\", "").split("**")[1] for row in test.table[0].value.iloc[:, 0]]


def test_a_link_shows_the_runs_it_names_whatever_was_run_since(app: App, store: Store, used: str) -> None:
    old = {run.name: run.id for run in store.runs(used)}
    link = {"project": used, "runs": f"{old['baseline']},{old['rag']}", "baseline": "rag"}
    before = leaders(app(PAGE, **link))
    assert before == ["baseline", "rag"]
    table = app(PAGE, **link).table[0].value.to_csv()
    again(store, used, "rag", 1.0)
    test = app(PAGE, **link)
    assert (leaders(test), test.table[0].value.to_csv()) == (before, table)
    assert "2 chosen runs on questions, of " in texts(test).replace("\\", "")
    assert test.selectbox(key="baseline").value == "rag"
    test.button(key="runs_unpin").click().run()
    assert leaders(test) == ["baseline", "rag", "rag-rerank"]
    assert "chosen runs" not in texts(test)
    assert "1.00" in test.table[0].value.iloc[1]["Answer F1"]


def test_two_runs_of_one_configuration_stand_side_by_side(app: App, store: Store, used: str) -> None:
    old = next(run.id for run in store.runs(used) if run.name == "rag")
    new = again(store, used, "rag", 1.0)
    names = leaders(app(PAGE, project=used, runs=f"{old},{new}"))
    assert names == [f"rag (run {old})", f"rag (run {new})"]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("9999", "The runs that this link names are not in this project."),
        ("x", "The runs that this link names are not in this project."),
        ("1,9999", "1 of the runs named here is not in this project any more."),
    ],
)
def test_a_link_to_runs_that_are_gone_says_so(app: App, store: Store, used: str, named: str, told: str) -> None:
    first = min(run.id for run in store.runs(used))
    test = app(PAGE, project=used, runs=named.replace("1,", f"{first},"))
    assert not test.exception
    assert told in "\n".join([texts(test), *(str(warning.value) for warning in test.warning)]).replace("\\", "")
    assert leaders(test) == (["baseline"] if "," in named else ["baseline", "rag", "rag-rerank"])


def test_the_results_of_a_run_are_opened_though_another_counts_by_now(app: App, store: Store, used: str) -> None:
    old = next(run.id for run in store.runs(used) if run.name == "rag")
    again(store, used, "rag", 1.0)
    test = app(PAGE, project=used, open="Results", open_run=str(old))
    assert leaders(test) == ["rag"]
    assert "1 chosen run on questions" in texts(test)


def test_a_run_that_was_not_chosen_is_shown_when_its_results_are_opened(app: App, store: Store, used: str) -> None:
    test = app(PAGE, project=used, evaluation_view="Results")
    test.multiselect(key="compared").set_value(["baseline"]).run()
    assert leaders(test) == ["baseline"]
    wanted = next(run.id for run in store.runs(used) if run.name == "rag")
    test.query_params["open_run"] = str(wanted)
    assert leaders(test.run()) == ["baseline", "rag", "rag-rerank"]


def test_a_comparison_of_prompts_does_not_take_the_place_of_an_evaluation(app: App, store: Store, used: str) -> None:
    rows = EvaluationSet("two rows", (Example("a", "How many?"),))
    found = _comparison(store, used, rows)
    test = app(PAGE, project=used, evaluation_view="Results")
    assert test.selectbox(key="set").value == "questions"
    assert leaders(test) == ["baseline", "rag", "rag-rerank"]
    test.selectbox(key="set").set_value("two rows").run()
    assert not test.exception
    assert leaders(test) == ["baseline", "wordy"]
    assert "made without scores" in plain(test)
    assert not test.get("plotly_chart"), "there is nothing to draw"
    assert "From an earlier state" not in plain(test), "a variant is no state of the configuration of its name"
    assert [run.name for run in found] == ["baseline", "wordy"]


def test_a_comparison_on_a_whole_set_is_not_mixed_with_its_evaluations(app: App, store: Store, used: str) -> None:
    _comparison(store, used, store.evaluation_set(used, "questions"))
    test = app(PAGE, project=used, evaluation_view="Results")
    assert leaders(test) == ["baseline", "rag", "rag-rerank"]


def _comparison(store: Store, project: str, rows: EvaluationSet) -> list[Run]:
    """A finished comparison of two prompts without scores, one named like a configuration."""
    variants = tuple(
        Configuration.model_validate({"name": name, "prompt": {"template": f"{name}: {{{{ question }}}}"}})
        for name in ("baseline", "wordy")
    )
    found = start_comparison(store, ComparisonPlan(project, variants, rows), new_id())
    for (run,) in found.runs:
        store.save_records(
            run.id, [(place, Record(example, Answer("1"))) for place, example in enumerate(rows.examples)]
        )
        store.finish_run(run.id, "finished")
    return [run for (run,) in found.runs]


def test_all_runs_tell_comparisons_and_evaluations_apart(app: App, store: Store, used: str) -> None:
    test = app(PAGE, project=used, evaluation_view="Run")
    alone = test.dataframe[-1].value
    assert f"All graded by {markdown(JUDGE)}." in [caption.value for caption in test.caption]
    assert "Kind" not in alone, "there is nothing to tell apart yet"
    assert "Judge" not in alone, "it is one for all, and said once"
    rows = EvaluationSet("votes", (Example("v", "How many?"),))
    variants = tuple(Configuration.model_validate({"name": name}) for name in ("curt", "wordy"))
    found = start_comparison(store, ComparisonPlan(used, variants, rows), new_id())
    for (run,) in found.runs:
        store.save_records(run.id, [(0, Record(rows.examples[0], Answer("1")))])
        store.finish_run(run.id, "finished")
    test = app(PAGE, project=used, evaluation_view="Run")
    assert not test.exception
    history = test.dataframe[-1].value
    assert dict(zip(history["Configuration"], history["Kind"], strict=True)) == {
        "curt": "Side by side", "wordy": "Side by side", "baseline": "Evaluation", "rag": "Evaluation",
        "rag-rerank": "Evaluation",
    }  # fmt: skip
    runs = {run.name: run for run in store.runs(used)}
    assert open_problem([runs["curt"], runs["wordy"]]) == ""
    assert open_problem([runs["baseline"], runs["rag"]]) == ""
    assert "different pages" in open_problem([runs["curt"], runs["rag"]])
    assert "same judge" in open_problem([runs["rag"], replace(runs["baseline"], judge="other")])
    assert set(history_table([runs["rag"], replace(runs["baseline"], judge="other")])["Judge"]) == {
        JUDGE.replace("built-in judge", "built-in"), "other",
    }  # fmt: skip
    assert "same questions" in open_problem([runs["rag"], replace(runs["baseline"], set_version="other")])
    assert "without records" in open_problem([replace(runs["rag"], done=0)])
