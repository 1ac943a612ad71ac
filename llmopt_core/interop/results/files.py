"""Bytes -> what stands in a result file: one JSON value, lines of JSON, a table, or a log packed as zip."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from llmopt_core.documents.encoding import decode
from llmopt_core.documents.question_rows import number_rows
from llmopt_core.errors import BadInput
from llmopt_core.interop.results.packed_log import is_zip, read_packed_log
from llmopt_core.text.files import read_regular_file
from llmopt_core.text.json_text import parse_json

# Logs of a thousand samples have some tens of megabytes; a larger file is something else.
_MOST_BYTES = 1_000_000_000
# A folder of results has a few; more is somebody's home.
_MOST_FILES = 1000
_NAMES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".eval", ".txt")
# Named in messages one by one; what follows is counted.
_MOST_PROBLEMS = 20

EXPECTED = (
    "results of promptfoo, Inspect AI, lm-evaluation-harness, DeepEval, Ragas, Phoenix, Langfuse, OpenAI, MLflow or "
    "OpenTelemetry, or a table with questions and scores"
)


@dataclass(frozen=True)
class ResultFile:
    """One file, taken apart.

    Attributes:
        name: As messages call it.
        folder: Where it lies; files of one folder belong together more than others.
        value: The JSON value; a list of all lines' values where the file has one per line.
        is_lines: Whether it has one value per line.
        header: Names of the columns of a table, in their order; a name may stand there twice.
        table: Its rows with the line each begins on.
        entries: Files of a packed log.
        problems: What could not be read, in words that begin with file and line.
        is_named: Whether the user named it; else it was found in a folder, where other files may lie.
    """

    name: str
    folder: str = ""
    is_named: bool = True
    value: Any = None
    is_lines: bool = False
    header: tuple[str, ...] = ()
    table: tuple[tuple[int, tuple[str, ...]], ...] = ()
    entries: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """Its name without folder and ending."""
        return Path(self.name).stem.lstrip(".") or self.name

    @property
    def objects(self) -> list[Mapping[str, Any]]:
        """The objects of a list, of lines, of a page of a service (`{"data": [...]}`), or the rows of a table."""
        if self.header:
            return [dict(zip(self.header, cells, strict=True)) for _, cells in self.table]
        value = self.value
        if isinstance(value, Mapping):
            data = value.get("data")
            value = data if isinstance(data, list) and set(value) <= _PAGE else _rows_of_columns(value) or [value]
        return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []

    @property
    def first(self) -> Mapping[str, Any]:
        """The first of its objects; empty where it has none."""
        objects = self.objects
        return objects[0] if objects else {}


def _rows_of_columns(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of a table that is written column by column, as pandas does by default; none where it is none."""
    columns = list(value.values())
    if len(columns) < 2 or value.keys() >= _SPLIT:
        return []
    if all(isinstance(column, Mapping) for column in columns):
        keys = list(columns[0])
        is_table = all(str(key).isdigit() for key in keys) and all(list(column) == keys for column in columns)
    else:
        keys = list(range(len(columns[0]))) if isinstance(columns[0], list) else []
        is_table = all(isinstance(column, list) and len(column) == len(keys) for column in columns)
    return [{name: column[key] for name, column in value.items()} for key in keys] if is_table else []


_SPLIT = frozenset(("columns", "data"))
# What services write around a page of a list.
_PAGE = frozenset(("data", "object", "first_id", "last_id", "has_more", "next_cursor", "meta", "total"))


def read_paths(paths: Sequence[Path]) -> tuple[list[ResultFile], list[str]]:
    """The files, those in folders that may be results, and a sentence for each in a folder that cannot be read.

    Raises:
        BadInput: A file that was named cannot be read, or a folder holds none that could be one.
    """
    files, problems = [], []
    for path, is_named in _expand(paths):
        try:
            data = read_regular_file(path, partial(_check_size, str(path)))
            files.append(replace(read_bytes(str(path), data, folder=str(path.parent)), is_named=is_named))
        except BadInput as error:
            if is_named:
                raise
            problems.append(f"{str(error).rstrip('.').partition('; expected')[0]}; left out")
    if not files:
        raise BadInput(f"{', '.join(map(str, paths))}: no file of results in it; expected {EXPECTED}.")
    return files, problems


def read_bytes(name: str, data: bytes, folder: str = "") -> ResultFile:
    """One file of this name.

    Raises:
        BadInput: It is none of the forms that results have.
    """
    _check_size(name, len(data))
    if is_zip(data):
        entries, problems = read_packed_log(name, data)
        return ResultFile(name, folder, entries=entries, problems=tuple(problems))
    text, _ = decode(data, name)
    start = text.lstrip()[:1]
    if not start:
        raise BadInput(f"{name} is empty; expected {EXPECTED}.")
    return _read_json(name, folder, text) if start in ("{", "[") else _read_table(name, folder, text)


def _check_size(name: str, size: int) -> None:
    if size > _MOST_BYTES:
        raise BadInput(f"{name} is larger than {_MOST_BYTES // 10**6:,} MB; no file of results is.")


def _expand(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Each file once, and whether the user named it."""
    visited: set[Path] = set()
    for path in paths:
        inner_paths = [path]
        if path.is_dir():
            inner = (item for item in sorted(path.rglob("*")) if item.suffix.lower() in _NAMES and item.is_file())
            inner_paths = [item for item in inner if not _is_hidden(item.relative_to(path))]
            if not inner_paths:
                raise BadInput(f"{path} holds no file of results; expected {EXPECTED}.")
            if len(inner_paths) > _MOST_FILES:
                raise BadInput(f"{path} holds {len(inner_paths):,} files; name those with results.")
        for item in inner_paths:
            if item.resolve() not in visited:
                visited.add(item.resolve())
                yield item, item == path


def _is_hidden(path: Path) -> bool:
    # DeepEval's newest run lies in a hidden file.
    return any(part.startswith(".") for part in path.parts) and not path.name.startswith(".latest")


def _read_json(name: str, folder: str, text: str) -> ResultFile:
    try:
        return ResultFile(name, folder, value=parse_json(text))
    except ValueError as error:
        values, problems = _read_lines(name, text)
        # A single value over several lines that ends too early is no file of lines.
        if not values:
            raise BadInput(f"{name} is neither JSON nor JSON lines: {error}; expected {EXPECTED}.") from error
        return ResultFile(name, folder, value=values, is_lines=True, problems=tuple(_shorten(name, problems)))


def _read_lines(name: str, text: str) -> tuple[list[Any], list[str]]:
    values, problems = [], []
    # Not `splitlines`: it parts at U+2028, which may stand inside a JSON text.
    for line_number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = parse_json(line)
        except ValueError as error:
            problems.append(f"{name} line {line_number}: not readable as JSON ({error})")
            continue
        if isinstance(value, Mapping):
            values.append(value)
        else:
            problems.append(f"{name} line {line_number}: expected an object in braces")
    return values, problems


# The first words of forms that are known and not read: what they are, and what to export in their place.
_HTML = re.compile(r"\s*<(?:!doctype|html)\b", re.IGNORECASE)
_YAML = re.compile(r"(?:---\s*\n)?\s*(?:#.*\n\s*)*[A-Za-z_][\w-]*:(?:\s|$)")
_IN_PLACE = "export it as JSON in its place, with promptfoo by `promptfoo export eval ID -o FILE.json`"


def _check_form(name: str, text: str) -> None:
    """Refuse other forms of results in words that say what to export.

    Raises:
        BadInput: It is a page or YAML.
    """
    if _HTML.match(text):
        raise BadInput(f"{name} is a page (HTML) for people to read; {_IN_PLACE}.")
    if _YAML.match(text) and not set(",;\t|") & set(text.lstrip().partition("\n")[0]):
        raise BadInput(f"{name} is YAML, in which no results are read; {_IN_PLACE}.")


def _read_table(name: str, folder: str, text: str) -> ResultFile:
    _check_form(name, text)
    table = number_rows(text)
    line, header = next(table, (1, []))
    if isinstance(header, str):
        raise BadInput(f"{name} line {line}: {header}.")
    columns = tuple(column.strip() for column in header)
    if len(columns) < 2:
        raise BadInput(f"{name} is no table and no JSON; expected {EXPECTED}.")
    rows, problems = [], []
    for line, cells in table:
        if isinstance(cells, str):
            problems.append(f"{name} line {line}: {cells}")
        elif not any(cell.strip() for cell in cells):
            continue
        elif len(cells) != len(columns):
            problems.append(f"{name} line {line}: {len(cells)} cells for {len(columns)} columns")
        else:
            rows.append((line, tuple(cells)))
    return ResultFile(name, folder, header=columns, table=tuple(rows), problems=tuple(_shorten(name, problems)))


def _shorten(name: str, problems: Sequence[str]) -> list[str]:
    rest = len(problems) - _MOST_PROBLEMS
    return [*problems[:_MOST_PROBLEMS], *([f"{name}: {rest:,} more lines could not be read"] if rest > 0 else [])]
