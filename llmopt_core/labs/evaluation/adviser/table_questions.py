"""Questions about figures in tables: a model that reads chunks adds, counts and compares them badly."""

from __future__ import annotations

import re
from pathlib import PurePath

from llmopt_core.labs.evaluation.record_facts import RecordFacts
from llmopt_core.types import Chunk

_CATEGORY = re.compile(
    r"table|tabular|figure|numeric|\bsql\b|aggregat|structured|spreadsheet|statistic|database|calculat|表格|数据|Tabelle",
    re.IGNORECASE,
)
_FORMATS = (".csv", ".tsv", ".xlsx", ".xls", ".ods", ".parquet", ".db", ".sqlite", ".duckdb")
# What is asked of many rows together, or of one cell among many.
_AGGREGATE = re.compile(
    r"\b(?:how (?:many|much)|total|sum|average|mean|median|highest|lowest|largest|smallest|most|least|maximum|minimum"
    r"|percent(?:age)?|per (?:month|year|quarter|region|unit)|compared? (?:to|with)|difference|growth|revenue|sales"
    r"|count|ratio|wie viele?|summe|durchschnitt|insgesamt|combien|moyenne|cu[aá]nt[oa]s?)\b"
    r"|总|合计|平均|多少|最高|最低|几",
    re.IGNORECASE,
)
# One row may be a sentence with bars in it; a heading and a row are a table.
_ROWS = 2
_FIGURES, _DENSE = 8, 0.4


def is_table_question(facts: RecordFacts) -> bool:
    """Whether a question asks for a figure of a table, as far as its category, its sources and its chunks say."""
    if facts.category and _CATEGORY.search(facts.category):
        return True
    has_table = any(map(_is_table, facts.contexts or ())) or any(_is_data_file(span.document) for span in facts.sources)
    return has_table and _asks_for_figures(facts)


def _asks_for_figures(facts: RecordFacts) -> bool:
    return bool(_AGGREGATE.search(facts.question)) or any(
        any(character.isdigit() for character in answer) for answer in facts.right_answers
    )


def _is_table(chunk: Chunk) -> bool:
    return bool(chunk.columns) or _is_data_file(chunk.document) or _has_rows(chunk.text)


def _has_rows(text: str) -> bool:
    # An extractor may lose the bars and leave the figures: more of them than any prose has.
    words = text.split()
    figures = sum(any(map(str.isdigit, word)) for word in words)
    return sum(map(_is_row, text.splitlines())) >= _ROWS or (figures >= _FIGURES and figures >= _DENSE * len(words))


def _is_row(line: str) -> bool:
    """Whether a line is a row: cells between bars, tabs, or commas with figures in most of them."""
    if line.count("|") >= 2 or line.count("\t") >= 2:
        return True
    # Without blanks behind the commas: in prose there is one, also between figures.
    cells = re.split(r"[,;](?! )", line)
    return len(cells) >= 3 and sum(any(map(str.isdigit, cell)) for cell in cells) * 2 >= len(cells)


def _is_data_file(document: str) -> bool:
    return PurePath(document).suffix.lower() in _FORMATS
