"""An error is one sentence, whatever it quotes."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.interop.promptfoo import read_promptfoo


def test_a_reference_with_a_line_break_gives_one_line(tmp_path: Path):
    file = tmp_path / "promptfooconfig.yaml"
    file.write_text('prompts: ["file://a\\nb\\u2028c.txt"]\nproviders: [echo]\n')

    problem = read_promptfoo(file).prompts[0].problem

    assert len(problem.splitlines()) == 1
    assert "a b c.txt is not there" in problem


@pytest.mark.parametrize("name", ["x" * 5000, "x y " * 1500], ids=["a word", "many words"])
def test_a_long_value_is_cut_and_what_to_do_stays(name: str):
    error = str(BadInput(f"The file's metric {name!r} isn't known; the user's metrics are listed by --help."))

    assert error.startswith("The file's metric 'x")
    assert error.endswith("isn't known; the user's metrics are listed by --help.")
    assert "\u2026" in error
    assert len(error) < 500


def test_prose_between_apostrophes_is_no_value():
    sentence = f"The file's end {'is far away ' * 40}from the file's start."

    assert str(BadInput(sentence)) == sentence


def test_what_looks_like_a_key_is_hidden_wherever_it_is_quoted():
    key = "sk-proj-" + "a1B2" * 8

    assert str(BadInput(f"There is no endpoint named {key!r}.")) == "There is no endpoint named '***'."
    assert str(BadInput("sk-learn/notes.md is not there.")) == "sk-learn/notes.md is not there."


def test_a_key_is_hidden_before_a_value_is_cut():
    value = "x" * 50 + " sk-proj-" + "a1B2" * 8

    assert "sk-" not in field_problem({"type": "int_parsing", "msg": "Input should be a number", "input": value})


def test_a_value_that_is_cut_shows_that_it_goes_on() -> None:
    error = {"type": "string_too_long", "msg": "String should have at most 200 characters"}
    assert field_problem({**error, "input": "short"}).endswith("not 'short'")
    assert field_problem({**error, "input": "x" * 1000}).endswith("xxx…")
