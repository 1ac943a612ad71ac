"""Results of promptfoo: `-o x.json`, `-o x.jsonl`, `-o x.csv`, and `promptfoo export eval`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.promptfoo_csv import is_csv, read_csv
from llmopt_core.interop.results.promptfoo_rows import is_row, read_rows, result_rows
from llmopt_core.interop.results.rows import VariantResults
from llmopt_core.interop.results.values import mapping


def kind(file: ResultFile) -> str:
    """`json`, `rows` or `csv`; empty where it is no result of promptfoo."""
    if file.header:
        return "csv" if is_csv(file) else ""
    value = file.value
    if isinstance(value, Mapping):
        return "json" if result_rows(value) is not None else "rows" if is_row(value) else ""
    return "rows" if file.objects and is_row(file.first) else ""


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """The variants of each file."""
    variants: list[VariantResults] = []
    for file, form in files:
        if form == "csv":
            variants += read_csv(file)
        else:
            value = mapping(file.value) if form == "json" else {}
            variants += read_rows(file, (result_rows(value) or []) if form == "json" else file.objects, value)
    return variants
