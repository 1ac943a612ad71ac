"""Building blocks."""

import pytest

from llmopt_core.prompts.blocks import BLOCKS, block
from llmopt_core.prompts.messages import build_messages, find_undefined_variables
from llmopt_core.prompts.patterns import extract_answer
from llmopt_core.prompts.spec import PromptSpec


@pytest.mark.parametrize("entry", BLOCKS, ids=lambda entry: entry.name)
def test_a_block_adds_itself_once_and_still_renders(entry):
    once = entry.apply(PromptSpec())
    assert once != PromptSpec()
    assert entry.apply(once) == once
    values = {"question": "Q", "context": "C", "facts": "F"}
    assert "Q" in build_messages(once, values, "chat")[-1].content
    assert find_undefined_variables(once, ["question", "context"]) == set()


@pytest.mark.parametrize("entry", BLOCKS, ids=lambda entry: entry.name)
def test_a_block_says_why_in_one_line(entry):
    assert entry.why.endswith(".")
    assert "\n" not in entry.why
    assert len(entry.why) < 120


def test_all_blocks_together():
    prompt = PromptSpec(system="S")
    for entry in BLOCKS:
        prompt = entry.apply(prompt)
    text = "\n".join(m.content for m in build_messages(prompt, {"question": "Q", "context": "C", "facts": "F"}, "chat"))
    assert text.count("<question>\nQ\n</question>") == 1
    assert text.startswith("S\n\n")
    assert "Facts:\nF" in text
    assert prompt.extract


def test_the_thinking_block_takes_the_answer_out():
    pattern = block("time-to-think").apply(PromptSpec()).extract
    assert extract_answer(pattern, "Two and two...\nAnswer: 4") == "4"


def test_what_the_user_wrote_stays():
    prompt = PromptSpec(system="Mine", template="My {{ question }} here", extract="(?P<answer>.)")
    for entry in BLOCKS:
        variant = entry.apply(prompt)
        assert "Mine" in variant.system
        assert "My " in variant.template
    assert block("delimiters").apply(PromptSpec(template="{{ text }}")) == PromptSpec(template="{{ text }}")
