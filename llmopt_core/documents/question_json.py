"""A question file that is one JSON value: a list, SQuAD's nested form, an export of Hugging Face, columns of lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmopt_core.documents.jsonl import parse_value
from llmopt_core.documents.question_columns import has_question
from llmopt_core.text.json_text import is_json_object, parse_json

# How tools call the list; any other list of objects will do where none of these is there.
_LISTS = ("data", "rows", "questions", "examples", "test_cases", "goldens", "items", "records")


def entries_of(text: str, file: str) -> list[Any] | None:
    """The questions of a file that is one JSON value; None where it is JSONL, one object per line.

    Raises:
        BadInput: A JSON list that is broken; names the line.
    """
    content = text.strip()
    # A list is one value; what is broken in it is told with its place.
    if content.startswith("["):
        value = parse_value(file, text)
        return list(_flat(value)) if isinstance(value, list) else None
    first, _, more = content.partition("\n")
    # Two lines and the first is whole by itself: JSONL, whatever comes after.
    if more.strip() and is_json_object(first):
        return None
    try:
        value = parse_json(content)
    except ValueError:
        return None
    # One question on one line is JSONL with one line.
    if not isinstance(value, dict) or (not more and has_question(value) and not _columns(value)):
        return None
    # Read again by the strict way, which names what no JSON may hold.
    value = parse_value(file, text)
    entries = _columns(value) or list(_flat(_questions_in(value)))
    # Nothing was found inside: it is a line of JSONL.
    return None if not more and entries == [value] else entries


def _questions_in(value: dict[str, Any]) -> Any:
    """The list of questions inside an object; the object where it is a question itself."""
    if has_question(value):
        return [value]
    lists = [value[key] for key in (*_LISTS, *value) if isinstance(value.get(key), list) and value[key]]
    return next((questions for questions in lists if isinstance(questions[0], dict)), [value])


def _flat(value: Any) -> Iterator[Any]:
    """SQuAD's questions stand in paragraphs of articles; Hugging Face's viewer puts each row into another object."""
    for item in value:
        if not isinstance(item, dict):
            yield item
        elif isinstance(item.get("paragraphs"), list):
            yield from _flat(_inherit(item, item["paragraphs"], "title"))
        elif isinstance(item.get("qas"), list):
            yield from _inherit(item, item["qas"], "title", "context")
        elif isinstance(item.get("row"), dict) and "row_idx" in item:
            # Both keys, since a question may have a variable called `row`.
            yield item["row"]
        else:
            yield item


def _inherit(parent: Mapping[str, Any], children: list[Any], *names: str) -> Iterator[Any]:
    defaults = {name: parent[name] for name in names if name in parent}
    # What stands nearer to the question counts.
    for child in children:
        yield {**defaults, **child} if isinstance(child, dict) else child


def _columns(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of `{"question": [...], "answer": [...]}`, or with a number for each row as pandas writes it."""
    questions = next((one for name, one in value.items() if has_question([name])), None)
    # pandas writes each column as an object from row number to value.
    if isinstance(questions, Mapping):
        tables = {name: one for name, one in value.items() if isinstance(one, Mapping)}
        # One question may be an object itself.
        if len(tables) == 1 and "text" in questions:
            return []
        return [{name: one[key] for name, one in tables.items() if key in one} for key in questions]
    if not isinstance(questions, list):
        return []
    # Only lists as long as that of the questions are columns.
    lists = {name: one for name, one in value.items() if isinstance(one, list) and len(one) == len(questions)}
    return [{name: one[row] for name, one in lists.items()} for row in range(len(questions))]
