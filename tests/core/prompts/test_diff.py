"""Word diff."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt_core.text.word_diff import only_space, visible_text, word_diff


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("a b", "a b", [("equal", "a b")]),
        ("", "new", [("insert", "new")]),
        ("old", "", [("delete", "old")]),
        (
            "be brief and kind",
            "be very kind",
            [("equal", "be "), ("delete", "brief and "), ("insert", "very "), ("equal", "kind")],
        ),
        ("用几个字回答", "用三个字回答", [("equal", "用"), ("delete", "几"), ("insert", "三"), ("equal", "个字回答")]),
        ("{{ a }}", "{{ b }}", [("equal", "{{ "), ("delete", "a "), ("insert", "b "), ("equal", "}}")]),
        ("a\nb\n", "a\nc\n", [("equal", "a\n"), ("delete", "b\n"), ("insert", "c\n")]),
        ("0\n\nnext", "0\nnext", [("equal", "0\n"), ("delete", "\n"), ("equal", "next")]),
        ("kind", "kind and brief", [("equal", "kind"), ("insert", " and brief")]),
        ("  a b", "a\tb", [("delete", "  "), ("equal", "a"), ("delete", " "), ("insert", "\t"), ("equal", "b")]),
    ],
)
def test_examples(old, new, expected):
    assert word_diff(old, new) == expected


@given(st.text(max_size=60), st.text(max_size=60))
@settings(deadline=None)
def test_both_texts_come_back(old, new):
    pieces = word_diff(old, new)
    assert "".join(text for op, text in pieces if op != "insert") == old
    assert "".join(text for op, text in pieces if op != "delete") == new
    assert all(text for _, text in pieces)
    assert all(a[0] != b[0] for a, b in pairwise(pieces))


def test_long_texts_are_compared_by_lines():
    old = "".join(f"line {i} with words\n" for i in range(9000))
    new = old.replace("line 500 with", "line 500 without")
    variants = [piece for piece in word_diff(old, new) if piece[0] != "equal"]
    assert variants == [("delete", "line 500 with words\n"), ("insert", "line 500 without words\n")]


@pytest.mark.parametrize(
    ("old", "new", "only"),
    [("a b", "a  b", True), ("a", "a\n", True), ("a b", "a b", False), ("a b", "a  c", False), ("", "", False)],
)
def test_a_change_of_white_space_alone_is_told_apart(old, new, only):
    assert only_space(word_diff(old, new)) is only


def test_white_space_that_alone_has_changed_is_seen():
    result = "".join(visible_text(op, text) for op, text in word_diff("one two\nthree", "one  two\n\nthree\t"))
    assert result == "one ·two\n↵\nthree⇥"
    assert visible_text("delete", "\n") == "↵"
    assert visible_text("insert", "a word\n") == "a word\n"
    assert visible_text("equal", "  ") == "  "
