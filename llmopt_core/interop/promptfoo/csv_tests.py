"""Tests of a CSV file, and the short form of assertions in its `__expected` columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from llmopt_core.errors import BadInput

# `contains`, `similar(0.8):Hello`, `not-equals:no`. The kind is as short as it can be, so that it ends at the first
# colon, and everything behind that is the value; each character is tried as the end once.
_SHORT_FORM = re.compile(r"(?P<type>[a-z][a-z:-]*?)(?:\((?P<threshold>\d+(?:\.\d+)?)\))?(?::(?P<value>.*))?", re.DOTALL)
_OLD_NAMES = {"fn": "javascript", "eval": "javascript", "grade": "llm-rubric"}
# What promptfoo's own reader of such cells assumes where none is given; in YAML these kinds have other defaults.
_DEFAULT_THRESHOLD = 0.75
# promptfoo's default for `similar` in CSV files.
_DEFAULT_SIMILARITY = 0.8
# The kinds to which promptfoo's reader gives a threshold though the cell has none. Its own list, mixed as it is.
_GRADER_TYPES = (
    "answer-relevance", "classifier", "context-faithfulness", "context-recall", "context-relevance", "cost", "latency",
    "levenshtein", "perplexity-score", "perplexity", "rouge-n", "similar", "starts-with",
)  # fmt: skip
_LISTS = ("contains-any", "contains-all", "icontains-any", "icontains-all")
# `file://check.py` and `file://check.py:function`.
_CODE = re.compile(r"file://.*\.(py|js|ts)(:\w+)?$")
# `__config:__expected2:threshold` is of the second assertion; without a number of the only one.
_SETTING = re.compile(r"__config:__expected(?P<of>\d*):threshold")
_FIELDS = {"__description": "description", "__providerOutput": "providerOutput", "__metric": "metric"}

# From promptfoo's own list of kinds. Those that are not supported here are known too, so that they are told instead of
# compared as texts.
_TYPES = """answer-relevance bleu classifier contains contains-all contains-any contains-html contains-json contains-sql
contains-xml context-faithfulness context-recall context-relevance conversation-relevance cost equals factuality
finish-reason g-eval gleu guardrails icontains icontains-all icontains-any is-html is-json is-refusal is-sql
is-valid-function-call is-valid-openai-function-call is-valid-openai-tools-call is-xml javascript latency levenshtein
llm-rubric max-score meteor model-graded-closedqa model-graded-factuality moderation perplexity perplexity-score pi
python regex rouge-n ruby select-best similar starts-with webhook word-count"""
# What may stand before the colon of the short form; anything else is text to compare with.
KNOWN_TYPES = frozenset(_TYPES.split())

# No header can be read as this.
_BEYOND = "\n beyond the header \n"


def tests_in_csv(text: str, source: str) -> list[dict[str, Any]]:
    """One test per row, in the form of a YAML configuration.

    Raises:
        BadInput: There is no header, or a row has more cells than the header; names the line.
    """
    return [_test(row) for row in read_rows(text, source)]


def read_rows(text: str, source: str) -> Iterator[dict[str, Any]]:
    """The rows of a CSV file by the names of its columns.

    Raises:
        BadInput: There is no header, or a row has more cells than the header; names the line.
    """
    # A column may be without a name, as that of the index in files of pandas: cells beyond the header get another key.
    # `strict` tells a quotation mark in the wrong place instead of swallowing rows.
    # The standard 131,072 characters are less than a long text in one cell; the file itself is bounded.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.DictReader(io.StringIO(text), restkey=_BEYOND, strict=True)
    try:
        if not reader.fieldnames:
            raise BadInput(f"{source} is empty; its first line must name the columns.")
        for row in reader:
            # Spreadsheets leave empty cells behind a table.
            if any(row.pop(_BEYOND, ())):
                raise BadInput(f"{source}, line {reader.line_num}, has more cells than the header has columns.")
            yield row
    except csv.Error as error:
        # The inner reader's line: the outer one counts the rows that it could give.
        raise BadInput(f"{source}, line {reader.reader.line_num}, is not valid CSV: {error}.") from error


def _test(row: dict[str, Any]) -> dict[str, Any]:
    test: dict[str, Any] = {"vars": {}, "assert": [], "options": {}, "metadata": {}}
    settings: dict[str, str] = {}
    assertions: dict[str, dict[str, Any]] = {}
    for name, cell in row.items():
        column = (name or "").strip()
        setting = _SETTING.fullmatch(column)
        if setting is not None and (cell or "").strip():
            # The setting may stand before its column, so it is kept until all columns are read.
            settings[setting["of"] or "1"] = cell.strip()
        elif column and setting is None:
            old_count = len(test["assert"])
            _put(test, column, cell or "")
            # At most one assertion a cell, under its column's number.
            assertions |= {column.removeprefix("__expected") or "1": one for one in test["assert"][old_count:]}
    for number, threshold in settings.items():
        if number in assertions:
            assertions[number]["threshold"] = _number(threshold)
    # One name of a metric holds for all assertions of a row.
    for assertion in test["assert"]:
        if test.get("metric"):
            assertion["metric"] = test["metric"]
    test.pop("metric", None)
    # Empty parts say nothing, and would stand over those of `defaultTest`.
    return {key: value for key, value in test.items() if value not in ({}, [])}


def _put(test: dict[str, Any], column: str, cell: str) -> None:
    """Put one cell where its column's name says; an empty cell of a special column says nothing."""
    if not column.startswith("__"):
        test["vars"][column] = cell
    elif not cell.strip():
        return
    elif column.startswith("__config:"):
        test["options"][column] = cell
    elif column.startswith("__expected"):
        test["assert"].append(assertion_in(cell))
    elif column in ("__prefix", "__suffix"):
        test["options"][column[2:]] = cell
    elif column == "__threshold":
        test["threshold"] = _number(cell)
    elif column.startswith("__metadata:"):
        test["metadata"][column.removeprefix("__metadata:")] = cell
    elif column != "__metadata":
        test[_FIELDS.get(column, column)] = cell


def assertion_in(cell: str) -> dict[str, Any]:
    """The assertion a cell such as `similar(0.8):Hello` stands for; without a known type, equality."""
    text = cell.strip()
    # Before the short form, which would take `file` for an unknown kind.
    if _CODE.match(text):
        return {"type": "python" if ".py" in text else "javascript", "value": text}
    match = _SHORT_FORM.fullmatch(text)
    if match is None:
        return {"type": "equals", "value": cell}
    name = match["type"].removeprefix("not-")
    name = _OLD_NAMES.get(name, name)
    # "Note: see below" is a sentence with a colon, not an assertion of the kind "note".
    if name not in KNOWN_TYPES or (match["value"] is None and ":" in text):
        return {"type": "equals", "value": cell}
    assertion: dict[str, Any] = {"type": ("not-" if text.startswith("not-") else "") + name}
    if match["value"] is not None:
        value = match["value"].strip()
        assertion["value"] = [part.strip() for part in value.split(",")] if name in _LISTS else value
    # 0 counts as not given, as in promptfoo.
    threshold = float(match["threshold"] or 0)
    if name in _GRADER_TYPES:
        assertion["threshold"] = threshold or (_DEFAULT_SIMILARITY if name == "similar" else _DEFAULT_THRESHOLD)
    elif match["threshold"] is not None:
        assertion["threshold"] = threshold
    return assertion


def _number(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell  # a text where a number should be is told where tests are read, with the file's name
