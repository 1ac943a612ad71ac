"""Assertions over what a model wrote end after the promised second, whatever pattern or schema they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.json import fits_schema
from llmopt_core.prompts.patterns import ends_of_matches, extract_answer


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?R)?a", "a" * 50),
        (r"(?R)", "aaa"),
        (r"(?:x|(?R)(?R))", "y" * 20),
        (r"(?P<x>a(?&x)?b?)+c", "a" * 3000),
        (r"(?P<x>a(?P>x)?b?)+c", "a" * 3000),
        (r"(\((?:[^()]|(?1))*\))+x", "(()" * 2000),
        (r"(?b)(?:abcdefghij){i<=3,d<=3,s<=3,e<=5}", "abxcdxefghxij" * 6000),
    ],
)
def test_a_pattern_that_runs_away_is_stopped(pattern: str, text: str):
    with pytest.raises(BadInput, match="takes more than 1 s"):
        ends_of_matches(pattern, text)


def test_a_pattern_that_calls_itself_works():
    first, last = ends_of_matches(r"(\((?:[^()]|(?1))*\))", "f(a(b)c) (d)") or (None, None)

    assert (first and first.text, last and last.text) == ("(a(b)c)", "(d)")
    assert extract_answer(r"(?P<answer>\d(?P>answer)?)", "a 12 b 345") == "345"
    assert ends_of_matches(r"(?:(?1)|(x))y", "ab") is None


def test_of_many_matches_only_the_ends_are_kept():
    first, last = ends_of_matches(r"(?P<letter>.)", "ab" * 50_000 + "c") or (None, None)

    assert (first and first.text, last and last.groups["letter"]) == ("a", "c")


@pytest.mark.parametrize(
    ("value", "unique"),
    [
        ([1, 2, "1"], True), ([1, 1.0], False), ([1, True, 0, False], True), ([[1], [True]], True),
        ([None, None], False),
        ([{"a": 1, "b": [2]}, {"b": [2], "a": 1.0}], False), ([{"a": 1}, {"a": 2}], True), ([], True), ("aa", True),
    ],
)  # fmt: skip
def test_unique_items(value: Any, unique: bool):
    assert fits_schema(json.dumps(value), {"uniqueItems": True})[0] is unique
    assert fits_schema(json.dumps(value), {"uniqueItems": False})[0]


def test_many_items_are_unique_without_comparing_every_two():
    # The library alone takes ten times the second that it is given; hashes, a fiftieth of it.
    items = [{"number": number, "more": [number]} for number in range(4000)]

    assert fits_schema(json.dumps(items), {"uniqueItems": True})[0]
    assert not fits_schema(json.dumps([*items, items[0]]), {"uniqueItems": True})[0]


@pytest.mark.parametrize(
    "schema",
    [
        {"uniqueItems": True},
        {"items": {"enum": [[-number] for number in range(5000)]}},
    ],
)
def test_a_list_that_takes_long_is_given_up(schema: dict[str, Any]):
    # Numbers with one and the same hash.
    same = [[number * (2**61 - 1)] if "items" in schema else number * (2**61 - 1) for number in range(60_000)]

    with pytest.raises(BadInput, match="takes more than 1 s on this answer"):
        fits_schema(json.dumps(same), schema)


@pytest.mark.parametrize("keyword", ["patternProperties", "additionalProperties"])
def test_many_patterns_over_many_names_are_given_up(keyword: str):
    patterns = {f"^x{number}": {} for number in range(2000)}
    value = json.dumps({f"k{number}": number for number in range(20_000)})
    more = {"additionalProperties": {}} if keyword == "additionalProperties" else {}

    with pytest.raises(BadInput, match="takes more than 1 s on this answer"):
        fits_schema(value, {"patternProperties": patterns, **more})


def test_a_pattern_in_a_schema_that_calls_itself_is_stopped():
    with pytest.raises(BadInput, match="takes more than"):
        fits_schema(json.dumps("(()" * 2000), {"pattern": r"(\((?:[^()]|(?1))*\))+x"})


def test_a_panic_of_the_library_ends_the_check_and_no_more(monkeypatch: pytest.MonkeyPatch):
    # What Python raises for a panic in Rust, as a schema of thousands of steps makes it.
    panic = type("PanicException", (BaseException,), {})

    def give_up(_: object) -> None:
        raise panic("__eq__ failed!: RecursionError")

    monkeypatch.setattr("llmopt_core.evaluation.assertions.json.best_match", give_up)

    with pytest.raises(BadInput, match="refers to itself without end"):
        fits_schema("1", {"type": "integer"})


def test_a_number_too_large_for_the_schema_is_said():
    with pytest.raises(BadInput, match="holds a number that is too large"):
        fits_schema("1" + "0" * 400, {"multipleOf": 0.1})
