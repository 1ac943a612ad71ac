"""What few-shot examples are worth, their automatic choice, and the instruction search."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import ChatRequest
from llmopt_core.runs.store import Store
from llmopt_core.types import EvaluationSet, Example
from llmopt_ui import resources

App = Callable[..., AppTest]
Script = Callable[..., object]
PAGE = "pages/prompt_lab.py"
PROJECT = "numbers"
SHOTS = [
    {"question": "How warm is snow?", "answer": "cold"},
    {"question": "Which colour has <b>a lie</b>?", "answer": "MISLEADS"},
    {"question": "Which colour has a guide?", "answer": "GUIDES"},
]


def words(test: AppTest) -> str:
    parts = [*test.title, *test.subheader, *test.caption, *test.markdown, *test.text]
    return "\n".join(str(part.value) for part in parts)


def html(test: AppTest) -> str:
    return "\n".join(str(block.proto.body) for block in test.get("html"))


def tables(test: AppTest) -> str:
    return "\n".join(table.value.to_string() for table in test.table).replace("\u00a0", " ")


def reply(request: ChatRequest) -> str:
    text = "\n".join(message.content for message in request.messages)
    if "Better instruction:" in text:
        return "Be good."
    number = int(re.findall(r"\d+", text)[-1])
    if "MISLEADS" in text:
        return "no"
    right = "GUIDES" in text or "Be good" in text or (number // 37) % 3 == 0
    return str(number + 1) if right else "no"


@pytest.fixture
def numbers(store: Store) -> Store:
    """A project with questions, a prompt and a few-shot set."""
    store.ensure_project(PROJECT)
    examples = tuple(Example(f"q{n}", f"What number follows the number {n * 37}?", f"{n * 37 + 1}") for n in range(24))
    store.save_evaluation_set(PROJECT, EvaluationSet("questions", examples))
    store.save_version(PROJECT, "prompt", "plain", {"system": "Answer.", "template": "{{ question }}"})
    store.save_version(PROJECT, "few-shot", "good", {"examples": SHOTS, "select": "all", "template": "{{ question }}"})
    return store


def run(test: AppTest, button: str) -> AppTest:
    """Press the button, wait for the job, and look again."""
    test.button(key=button).click().run()
    assert not test.exception
    for job in resources.store().jobs(PROJECT):
        resources.job_runner().wait(job.id, 60)
    return test.run()


def shots(app: App, part: str) -> AppTest:
    test = app(PAGE, project=PROJECT, prompts_view="Few-shot", few_shot="good", few_shot_part=part)
    assert not test.exception
    return test


def instructions(app: App, project: str = PROJECT) -> AppTest:
    test = app(PAGE, project=project, prompts_view="Instruction search")
    assert not test.exception
    return test


def test_worth_first_run_says_what_to_do_and_what_it_takes(app: App, numbers: Store) -> None:
    test = shots(app, "What each is worth")
    assert "Not measured yet" in words(test)
    assert "At most 96 answers" in words(test)


def test_worth_is_measured_shown_and_still_there_on_another_visit(app: App, numbers: Store, script: Script) -> None:
    script(reply)
    test = run(shots(app, "What each is worth"), "worth_start")
    assert not test.exception
    assert test.get("plotly_chart")
    text = tables(test)
    assert ":red[▼ hurts]" in text
    assert "not measured" not in text
    later = shots(app, "What each is worth")
    assert tables(later) == text
    assert "good v1" in words(later)
    (job,) = numbers.jobs(PROJECT)
    assert (job.kind, job.status) == ("few-shot-worth", "finished")


def test_a_search_that_stops_at_its_budget_says_so(app: App, numbers: Store, script: Script) -> None:
    script(reply)
    test = shots(app, "What each is worth")
    test.number_input(key="search_calls_worth").set_value(30).run()
    assert "stops at 30 calls" in words(test)
    test = run(test, "worth_start")
    assert "The budget was reached" in words(test)
    assert "not measured" in tables(test)
    assert test.button(key="worth_start").disabled
    assert "30 calls are made so far" in words(test)
    assert "as a larger budget" in words(test)
    test.number_input(key="search_calls_worth").set_value(600).run()
    test = run(test, "worth_start")
    assert "not measured" not in tables(test)


def test_a_cancelled_search_shows_what_came(app: App, numbers: Store, script: Script) -> None:
    questions: list[ChatRequest] = []

    def cancelling(request: ChatRequest) -> str:
        questions.append(request)
        if len(questions) == 60:
            resources.job_runner().cancel(numbers.jobs(PROJECT)[0].id)
        return reply(request)

    script(cancelling)
    test = run(shots(app, "What each is worth"), "worth_start")
    assert not test.exception
    assert numbers.jobs(PROJECT)[0].status == "cancelled"
    assert len(questions) < 70
    assert "Cancelled. What was paid is kept" in words(test).replace("\\", "")
    assert tables(test).count("not measured") == 2


def test_what_fails_is_said_in_one_sentence(app: App, numbers: Store, script: Script) -> None:
    def down(_: ChatRequest) -> str:
        raise EndpointError("Nobody listens there.", "unreachable")

    script(down)
    test = run(shots(app, "What each is worth"), "worth_start")
    assert not test.exception
    assert "Nobody listens there." in words(test)
    test.button(key=next(b.key for b in test.button if b.key and b.key.startswith("job_seen_"))).click().run()
    assert "Nobody listens there." not in words(test)


def test_a_prompt_that_cannot_be_rendered_is_said_before_the_start(app: App, numbers: Store) -> None:
    numbers.save_version(PROJECT, "prompt", "odd", {"template": "{{ weather }}"})
    test = shots(app, "What each is worth")
    assert not test.exception
    assert "weather" in words(test)
    assert test.button(key="worth_start").disabled


def test_the_choice_is_verified_and_taken_over_with_one_click(app: App, numbers: Store, script: Script) -> None:
    script(reply)
    test = shots(app, "Automatic choice")
    assert "Nothing searched yet" in words(test)
    test = run(test, "choice_start")
    assert not test.exception
    text = words(test)
    assert ":green[▲ better]" in text
    assert "12 questions that the search never saw" in text
    assert len(test.get("plotly_chart")) == 2
    assert "the set as it is" in tables(test)
    test.button(key="choice_take_over").click().run()
    assert not test.exception
    version = numbers.version(PROJECT, "few-shot", "good")
    assert version.number == 2
    assert version.body["examples"] == [SHOTS[2]]
    assert "12 held-back questions" in version.note


def test_where_no_subset_is_better_there_is_nothing_to_take_over(app: App, numbers: Store, script: Script) -> None:
    numbers.save_version(PROJECT, "few-shot", "good", {"examples": [SHOTS[2], SHOTS[0]], "template": "{{ question }}"})
    script(reply)
    test = run(shots(app, "Automatic choice"), "choice_start")
    assert "nothing to take over" in words(test)
    assert not [button for button in test.button if button.key == "choice_take_over"]


def test_random_subsets_can_be_tried(app: App, numbers: Store, script: Script) -> None:
    script(reply)
    test = shots(app, "Automatic choice")
    test.selectbox(key="choice_method").set_value("random").run()
    test.number_input(key="choice_trials").set_value(5).run()
    assert "At most 108 answers" in words(test)
    test = run(test, "choice_start")
    assert not test.exception
    assert "The search path" in words(test)


def test_too_few_questions_are_said_before_the_start(app: App, numbers: Store) -> None:
    test = shots(app, "Automatic choice")
    assert not test.button(key="choice_start").disabled
    test.number_input(key="search_questions_choice").set_value(8).run()
    assert "at least 6" in words(test)
    assert test.button(key="choice_start").disabled
    test.number_input(key="search_questions_choice").set_value(12).run()
    assert not test.button(key="choice_start").disabled


def test_too_few_examples_are_said_before_the_start(app: App, numbers: Store) -> None:
    numbers.save_version(PROJECT, "few-shot", "good", {"examples": SHOTS[:1], "template": "{{ question }}"})
    test = shots(app, "Automatic choice")
    assert "at least two few" in words(test).replace("\\", "")
    assert test.button(key="choice_start").disabled


def test_questions_that_cannot_be_asked_are_no_part_of_a_search(app: App, numbers: Store) -> None:
    unsupported = {"type": "unsupported", "value": {"reason": "`perplexity` is not supported"}}
    questions = numbers.evaluation_set(PROJECT, "questions").examples
    mixed = tuple(replace(e, variables={"checks": [unsupported]}) if n >= 11 else e for n, e in enumerate(questions))
    numbers.save_evaluation_set(PROJECT, EvaluationSet("questions", mixed))
    test = shots(app, "Automatic choice")
    assert test.button(key="choice_start").disabled
    assert "11 different questions" in words(test)


def test_instruction_search_first_run(app: App, numbers: Store) -> None:
    test = instructions(app)
    text = words(test)
    assert "Nothing searched yet" in text
    assert "rarely wins" in text
    assert "Now: Answer" in text


def test_a_winning_instruction_is_shown_and_saved_with_one_click(app: App, numbers: Store, script: Script) -> None:
    script(reply)
    test = run(instructions(app), "instruction_start")
    assert not test.exception
    text = words(test)
    assert "wins on questions that the search never saw" in text
    assert ":green[▲ better]" in text
    assert "It says the same as one that was tried already" in text.replace("\\", "")
    assert "<ins>Be good</ins>" in html(test)
    test.button(key="instruction_save").click().run()
    assert not test.exception
    version = numbers.version(PROJECT, "prompt", "plain")
    assert (version.number, version.body["system"]) == (2, "Be good.")
    assert "held-back" in version.note


def test_where_nothing_wins_the_prompt_stays(app: App, numbers: Store, script: Script) -> None:
    script(lambda r: "Be quiet." if "Better instruction:" in r.messages[-1].content else reply(r))
    test = run(instructions(app), "instruction_start")
    assert not test.exception
    assert "The prompt stays as it is" in words(test)
    assert not [button for button in test.button if button.key == "instruction_save"]


def test_where_every_rewrite_is_refused_it_says_why(app: App, numbers: Store, script: Script) -> None:
    script(lambda r: "Answer." if "Better instruction:" in r.messages[-1].content else reply(r))
    test = run(instructions(app), "instruction_start")
    text = words(test).replace("\\", "")
    assert "all 4 were refused: It says the same as one that was tried already (4)." in text
    assert "0 tried" not in text


def test_without_prompts_or_questions_it_says_what_to_do(app: App, store: Store) -> None:
    store.ensure_project("empty")
    assert "No saved prompts yet" in words(instructions(app, "empty"))
    store.save_version("empty", "prompt", "p", {"template": "{{ question }}"})
    assert "No questions yet" in words(instructions(app, "empty"))


def test_texts_of_models_are_text(app: App, numbers: Store, script: Script) -> None:
    script(lambda r: "<img src=x>" if "Better instruction:" in r.messages[-1].content else reply(r))
    test = run(instructions(app), "instruction_start")
    assert "<img" not in html(test)
    assert "&lt;img src=x&gt;" in html(test)
