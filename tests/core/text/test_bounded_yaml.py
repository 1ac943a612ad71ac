"""YAML of files that people write."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from llmopt_core.text.bounded_yaml import BoundedLoader


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{q: Who came?}", {"q": "Who came?"}),
        ("{q: Who came?, a: b}", {"q": "Who came?", "a": "b"}),
        ("{q: Who? And why ?  Or not}", {"q": "Who? And why ?  Or not"}),
        ("[Why?, How??, 'a?', what?#x, y? # comment\n]", ["Why?", "How??", "a?", "what?#x", "y?"]),
        ("{a?: 1, http://x/?q=1: 2}", {"a?": 1, "http://x/?q=1": 2}),
        ("{q: Who\n  came?\n  Nobody}", {"q": "Who came? Nobody"}),
        ("{? a : 1}", {"a": 1}),
        ("? a\n: 1", {"a": 1}),
        ("q: Who came?", {"q": "Who came?"}),
    ],
)
def test_a_question_mark_is_text_between_brackets(text: str, value: Any) -> None:
    assert yaml.load(text, BoundedLoader) == value
