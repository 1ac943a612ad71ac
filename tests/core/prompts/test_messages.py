"""A prompt becomes messages."""

import pytest
from pydantic import ValidationError

from llmopt_core.errors import BadInput
from llmopt_core.prompts.messages import (
    build_messages,
    build_step_messages,
    find_undefined_variables,
    find_unused_variables,
    select_shots,
)
from llmopt_core.prompts.patterns import ends_of_matches, extract_answer
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec, PromptStep
from llmopt_core.types import Message

SHOTS = FewShotSpec(examples=({"question": "1+1?", "answer": "2"}, {"question": "2+2?", "answer": "4"}))


def test_chat_shows_examples_as_a_conversation():
    prompt = PromptSpec(system="Be {{ tone }}.", template="Q: {{ question }}", few_shot=SHOTS)
    assert build_messages(prompt, {"question": "3+3?", "tone": "brief"}, "chat") == (
        Message("system", "Be brief."),
        Message("user", "Q: 1+1?"),
        Message("assistant", "2"),
        Message("user", "Q: 2+2?"),
        Message("assistant", "4"),
        Message("user", "Q: 3+3?"),
    )


def test_completion_is_one_text_that_the_model_goes_on_with():
    prompt = PromptSpec(system="Sum.", template="Q: {{ question }}\nA:", few_shot=SHOTS)
    (message,) = build_messages(prompt, {"question": "3+3?"}, "completion")
    assert message == Message("user", "Sum.\n\nQ: 1+1?\nA: 2\n\nQ: 2+2?\nA: 4\n\nQ: 3+3?\nA:")


def test_an_empty_system_message_is_not_sent():
    assert build_messages(PromptSpec(), {"question": "x"}, "chat") == (Message("user", "x"),)
    assert build_messages(PromptSpec(), {"question": "x"}, "completion") == (Message("user", "x"),)


def test_an_examples_own_values_are_used_and_never_the_questions():
    shots = FewShotSpec(examples=({"question": "a", "answer": "b"},))
    prompt = PromptSpec(template="{{ context }} {{ question }}", few_shot=shots)
    with pytest.raises(BadInput, match="few-shot example 'a' has no `context`"):
        build_messages(prompt, {"question": "q", "context": "secret"}, "chat")


def test_examples_may_have_their_own_template():
    shots = FewShotSpec(examples=({"question": "a", "answer": "b"},), template="Only {{ question }}")
    prompt = PromptSpec(template="{{ context }} {{ question }}", few_shot=shots)
    assert select_shots(prompt, {"question": "q"}) == [("Only a", "b")]


def test_an_answer_in_an_example_is_text_and_not_a_template():
    shots = FewShotSpec(examples=({"question": "{{ 1+1 }}", "answer": "{{ 2+2 }}"},))
    messages = build_messages(PromptSpec(few_shot=shots), {"question": "q"}, "chat")
    assert [m.content for m in messages] == ["{{ 1+1 }}", "{{ 2+2 }}", "q"]


def test_a_step_has_its_own_or_the_prompts_system_message():
    prompt = PromptSpec(system="General", steps=(PromptStep(name="plan", template="Plan {{ question }}"),))
    assert build_step_messages(prompt, prompt.steps[0], {"question": "x"}, "chat")[0].content == "General"
    own = PromptStep(name="plan", template="Plan {{ question }}", system="Own")
    assert build_step_messages(prompt, own, {"question": "x"}, "completion") == (Message("user", "Own\n\nPlan x"),)


def test_variables_of_a_chain():
    steps = (
        PromptStep(name="facts", template="{{ context }}"),
        PromptStep(name="draft", template="{{ facts }} {{ question }} {{ final }}"),
    )
    prompt = PromptSpec(template="{{ draft }} {{ tone }}", steps=steps)
    assert find_undefined_variables(prompt, ["question", "context"]) == {"final", "tone"}
    assert find_unused_variables(prompt, ["question", "category"]) == {"category"}
    unread = PromptSpec(steps=(PromptStep(name="plan", template="x"),))
    assert find_unused_variables(unread, ["question"]) == {"plan"}


@pytest.mark.parametrize("name", ["two words", "", "1st", "a-b", "{{x}}"])
def test_a_steps_name_must_be_usable_as_a_variable(name):
    with pytest.raises(ValidationError, match="becomes a variable"):
        PromptStep(name=name, template="x")


def test_two_steps_of_one_name_are_refused():
    step = PromptStep(name="a", template="x")
    with pytest.raises(ValidationError, match="two steps are called 'a'"):
        PromptSpec(steps=(step, step))


@pytest.mark.parametrize(("pattern", "message"), [("(", "not a regular expression"), ("x", "named group")])
def test_an_extraction_pattern_is_checked_when_it_is_written(pattern, message):
    with pytest.raises(ValidationError, match=message):
        PromptSpec(extract=pattern)


def test_extraction_takes_the_last_match():
    pattern = r"So the answer is (?P<answer>[^.\n]+)"
    assert extract_answer(pattern, "So the answer is 3. No. So the answer is 4.") == "4"
    assert extract_answer(pattern, "I think it is 4") is None
    assert extract_answer("", "  whole\n") == "whole"


def test_a_pattern_that_runs_away_is_stopped():
    with pytest.raises(BadInput, match="nested repeats"):
        ends_of_matches("(x+x+)+y", "x" * 3000, seconds=0.1)
    with pytest.raises(BadInput, match="more than"):
        extract_answer("(?P<answer>(x+x+)+y)", "x" * 3000)


def test_the_fingerprint_covers_the_examples():
    assert PromptSpec(few_shot=SHOTS).fingerprint != PromptSpec().fingerprint
    assert PromptSpec(few_shot=SHOTS).fingerprint == PromptSpec(few_shot=SHOTS).fingerprint


@pytest.mark.parametrize("pattern", ["a{1000000000}", "((((((a{30}){30}){30}){30}){30}){30}", "([)(]a|b{3}){99999}"])
def test_a_pattern_too_large_to_compile_is_refused(pattern):
    with pytest.raises(BadInput, match="too large"):
        ends_of_matches(pattern, "a")


@pytest.mark.parametrize("pattern", [r"\{99999999\}", r"[{]99999999[}]", "x{99999999", r"(\d{4}-){2}[a-f]{8}(ab){0}"])
def test_what_only_looks_like_a_repeat_is_no_repeat(pattern):
    assert ends_of_matches(pattern, "{99999999} x{99999999 2020-2021-abcdefab")
