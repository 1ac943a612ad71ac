"""What could not be stored, sent or read back is refused when it comes, with file and line."""

import re

import pytest

from llmopt_core.documents.load import load_bytes
from llmopt_core.documents.questions import BadQuestionFile, read_questions

GOOD = '{"id": "a", "text": "good", "question": "q?"}'
HALF = r"\ud83d"
WRONG_JSON = [
    ('"score": NaN', "NaN is no number"),
    ('"score": -Infinity', "-Infinity is no number"),
    ('"deep": {"list": [1, NaN]}', "NaN is no number"),
    ('"score": 1e999', "1e999 is no number"),
    ('"big": 1' + "0" * 5000, "too many digits"),
    ('"deep": ' + "[" * 100_000 + "]" * 100_000, "nested too deeply"),
]


def line(rest: str) -> bytes:
    return f'{GOOD}\n{{"id": "b", "text": "t", "question": "q?", {rest}}}\n'.encode()


@pytest.mark.parametrize(("rest", "why"), WRONG_JSON)
def test_numbers_that_are_none_are_named_with_their_line(rest: str, why: str) -> None:
    (document,) = load_bytes("a.jsonl", line(rest))
    assert re.search(rf"^Left out of a\.jsonl: 1 line\. a\.jsonl line 2: .*{why}", document.warnings[0])
    with pytest.raises(BadQuestionFile, match=rf"^q\.jsonl line 2: .*{why}"):
        read_questions(line(rest), "q.jsonl")


@pytest.mark.parametrize(
    ("rest", "where"),
    [(f'"id": "x{HALF}"', "id"), (f'"category": "{HALF}"', "category"),
     (r'"id": "a\u0000b"', "id"), (f'"k{HALF}": "v"', r"k\?")],
)  # fmt: skip
def test_half_characters_and_nul_in_names_and_values(rest: str, where: str) -> None:
    (document,) = load_bytes("a.jsonl", line(rest))
    assert re.search(rf"a\.jsonl line 2: `{where}` cannot be used: it holds (half a char|a NUL)", document.warnings[0])
    with pytest.raises(BadQuestionFile, match=rf"^q\.jsonl line 2: `{where}` cannot be used: it holds"):
        read_questions(line(rest), "q.jsonl")


@pytest.mark.parametrize("name", ["question", "reference", "extra", "references"])
def test_half_characters_anywhere_in_a_question(name: str) -> None:
    value = f'[{{"document": "{HALF}", "start": 0, "end": 1}}]' if name == "references" else f'"{HALF}"'
    with pytest.raises(BadQuestionFile, match=rf"line 2: `{name}` cannot be used: it holds half a character"):
        read_questions(line(f'"{name}": {value}'), "q.jsonl")


def test_a_whole_emoji_in_escapes_and_a_large_number_are_fine() -> None:
    questions = read_questions(line(r'"reference": "\ud83d\ude00", "n": 1000000000000000000000000000000'), "q.jsonl")
    assert questions.evaluation_set.examples[1].reference == "\U0001f600"
    assert questions.evaluation_set.examples[1].variables == {"text": "t", "n": 10**30}
    assert load_bytes("a.jsonl", line(r'"n": 1000000000000000000000000000000'))[1].metadata["n"] == 10**30


def test_text_keeps_its_offsets_where_half_a_character_was() -> None:
    document = load_bytes("a.jsonl", b'{"id": "a", "text": "one ' + HALF.encode() + rb' two\u0000three"}')
    assert document[0].text == "one \ufffd two\ufffdthree"


@pytest.mark.parametrize(
    ("row", "why"),
    [('{"question": 5}', "`question` is not a text"), ('{"question": "q", "id": true}', "`id` is not a text"),
     ('{"question": "q", "id": [1]}', "`id` is not a text"), ('{"question": "q", "category": {}}', "`category` is not"),
     ('{"question": "q", "reference": [["a"]]}', "`reference` is not a text"),
     ('{"question": "q", "references": {"document": "a"}}', "`references` is not a list"),
     ('{"question": "q", "references": [{"document": ["a"], "start": 0, "end": 1}]}', "`document` of a source"),
     ('{"question": "q", "references": [{"document": "a", "start": 0, "end": 1e300}]}', "is none"),
     ('{"question": "q", "references": [{"document": "a", "start": 0.5, "end": 1}]}', "no whole number as `start`"),
     ('{"question": "q", "references": [{"document": "a", "start": true, "end": 1}]}', "no whole number as `start`")],
)  # fmt: skip
def test_wrong_types_in_every_field(row: str, why: str) -> None:
    with pytest.raises(BadQuestionFile, match=rf"^q\.jsonl line 1: .*{why}"):
        read_questions(row.encode(), "q.jsonl")


@pytest.mark.parametrize(
    ("references", "why"),
    [("[" * 100_000, "`references` is not JSON"), (rf'[{{""document"": ""{HALF}"", ""quote"": ""x""}}]', "half a char"),
     ('[{""document"": ""a"", ""start"": ""' + "9" * 5000 + '"", ""end"": 1}]', "no whole number as `start`"),
     ('[{""document"": ""a"", ""start"": NaN, ""end"": 1}]', "no whole number as `start`")],
)  # fmt: skip
def test_references_of_a_table_are_looked_at_the_same(references: str, why: str) -> None:
    with pytest.raises(BadQuestionFile, match=rf"^q\.csv line 2: .*{why}"):
        read_questions(f'question,references\nwhy?,"{references}"\n'.encode(), "q.csv")
