"""Training files, read line by line so that a file of any size fits in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.text_lines import MAX_LINE_BYTES, open_training_file, text_lines
from llmopt_core.prompts.conversation_forms import alpaca_question, convert
from llmopt_core.text.json_text import parse_json

# A list must be held whole to be read.
MAX_LIST_CHARACTERS = 200_000_000
# What may stand between the items of a JSON list. A tuple, since the empty text at the end is "in" any string.
_BETWEEN = tuple(" \t\r\n,")

# Column names people use, by what they mean. The first that a file has is taken.
COLUMNS: dict[str, tuple[str, ...]] = {
    "question": ("question", "prompt", "input", "user", "query", "utterance", "instruction", "problem", "text"),
    "answer": ("answer", "completion", "output", "response", "assistant", "reference", "target", "solution"),
    "system": ("system", "system_message"),
    "preferred": ("preferred", "preferred_output", "chosen"),
    "rejected": ("rejected", "non_preferred_output", "non_preferred"),
    "label": ("label", "category", "class", "intent"),
    "group": ("group", "document", "source"),
}

# A table of these and a label, without answers, is one of texts and their classes: the class is to be learned. Beside a
# question a label only sorts.
TEXT_COLUMNS = ("text", "utterance")


@dataclass(frozen=True, slots=True)
class RawExample:
    """One line of a training file: its 1-based number, and its JSON value or why there is none.

    Attributes:
        about: Label and group, which are no part of the format.
        form: The form of another tool that the line was written in; the value is in OpenAI's.
    """

    line: int
    value: Any = None
    problem: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    form: str = ""


def read_examples(
    source: Path | bytes,
    name: str = "",
    columns: Mapping[str, str] | None = None,
    on_read: Callable[[int], None] | None = None,
) -> Iterator[RawExample]:
    """Yield the examples of a JSONL or CSV file (by its suffix) in order; a file that is one JSON list is read too.

    What stands in the form of another tool (Alpaca, ShareGPT, prompt and completion …) is converted, or its problem
    says why it cannot be.

    Args:
        source: The file, or the bytes of an upload.
        name: File name shown in messages; needed for bytes.
        columns: For CSV, which column holds `question`, `answer`, `system`, `preferred`, `rejected`, `label`, `group`,
            where the names differ from the usual ones.
        on_read: Called after each line with the number of bytes read so far.

    Raises:
        BadInput: The file is missing, empty, binary, not UTF-8, or a CSV without usable columns.
    """
    name = name or (source.name if isinstance(source, Path) else "the upload")
    with open_training_file(source, name) as stream:
        lines = text_lines(stream, name, on_read)
        # By the suffix alone: a question with commas in JSON Lines looks like a table to any guess.
        yield from _csv_examples(lines, name, columns or {}) if _is_csv(name) else _json_examples(lines, name)


def _is_csv(name: str) -> bool:
    return Path(name).suffix.lower() in {".csv", ".tsv"}


def _json_examples(lines: Iterable[tuple[int, str]], name: str) -> Iterator[RawExample]:
    is_first = True
    for number, text in lines:
        line = text.strip()
        if not line:
            continue
        raw = _parse(number, line)
        # A single line that is a list may also be one ShareGPT conversation, which `convert` knows. A list over many
        # lines does not parse as a line, so a problem here points to one.
        if is_first and line[0] == "[" and (raw.problem or _is_list_of_examples(raw.value)):
            yield from _list_examples(chain((text,), (more for _, more in lines)), name, number)
            return
        is_first = False
        yield _convert(raw)


def _convert(raw: RawExample) -> RawExample:
    example = None if raw.problem else convert(raw.value)
    if example is None:
        return raw
    return RawExample(raw.line, example.value, example.problem, example.about, example.form)


def _is_list_of_examples(value: Any) -> bool:
    return isinstance(value, list) and convert(value) is None  # a list that `convert` knows is one conversation


def _list_examples(texts: Iterable[str], name: str, line: int) -> Iterator[RawExample]:
    """The items of a file that is one JSON list from that line on, each with the line it begins on.

    Raises:
        BadInput: The list is longer than can be held, or is not valid JSON; names the line.
    """
    text = _whole(texts, name)
    decoder, at, start = json.JSONDecoder(), text.index("[") + 1, 0
    while True:
        # Commas are passed over like spaces, so a comma before the closing bracket, as people leave it, is no error.
        while text[at : at + 1] in _BETWEEN:
            at += 1
        if text[at : at + 1] == "]":
            return
        # Line breaks are counted from the last item on: from the start each time would take the square of the file's
        # length.
        line, start = line + text.count("\n", start, at), at
        try:
            value, at = decoder.raw_decode(text, at)
        # Deeply nested brackets use up Python's stack.
        except (ValueError, RecursionError):
            raise BadInput(f"{name}, line {line}: the list is not valid JSON from here on.") from None
        yield _convert(RawExample(line, value))


def _whole(texts: Iterable[str], name: str) -> str:
    parts, length = [], 0
    for text in texts:
        length += len(text)
        if length > MAX_LIST_CHARACTERS:
            raise BadInput(
                f"{name}: a JSON list of more than {MAX_LIST_CHARACTERS // 1_000_000} million characters; expected "
                "JSON Lines, one object per line and no brackets."
            )
        parts.append(text)
    return "".join(parts)


def _parse(number: int, text: str) -> RawExample:
    try:
        return RawExample(number, parse_json(text))
    except json.JSONDecodeError as error:
        return RawExample(number, problem=f"not valid JSON at character {error.colno}: {error.msg}")
    # Python refuses whole numbers of more than 4,300 digits with a plain ValueError.
    except ValueError:
        return RawExample(number, problem="not valid JSON: nested too deeply, or a number too long")


def _csv_examples(lines: Iterable[tuple[int, str]], name: str, columns: Mapping[str, str]) -> Iterator[RawExample]:
    # The standard 131,072 characters are less than a long document in one cell. The limit holds for the whole process.
    csv.field_size_limit(MAX_LINE_BYTES)
    texts = (text for _, text in lines)
    first = next(texts, "")
    # `strict`, or a quotation mark in the wrong place swallows the rest of the file as one cell without an error.
    rows = csv.reader(chain((first,), texts), delimiter=_delimiter(first, name), strict=True)
    try:
        header = [column.strip() for column in next(rows, [])]
        where = _columns(header, columns, name)
        # The line a row begins on; `line_num` is the one it ended on, since a cell may hold line breaks.
        line = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):  # spreadsheets leave rows of commas behind the table
                yield _csv_example(line, row, header, where)
            line = rows.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{name}, line {rows.line_num}: not readable as CSV ({error}).") from None


def _delimiter(first: str, name: str) -> str:
    """What parts the header: a comma, unless there is none but a semicolon or a tab, as spreadsheets may write."""
    if name.lower().endswith(".tsv"):
        return "\t"
    return next((sign for sign in ",;\t" if sign in first), ",")


def _columns(header: list[str], column_names: Mapping[str, str], name: str) -> dict[str, int]:
    """Position of each column by meaning."""
    positions: dict[str, int] = {}
    lower = [column.lower() for column in header]
    # Alpaca's `input` is material for its `instruction`, not the question, as the name alone would say.
    if {"instruction", "input"} <= set(lower) and "question" not in column_names:
        positions = {"question": lower.index("instruction"), "context": lower.index("input")}
    for meaning, usual_names in COLUMNS.items():
        if meaning in positions:
            continue
        names = (column_names[meaning].lower(),) if meaning in column_names else usual_names
        position = next((lower.index(candidate) for candidate in names if candidate in lower), None)
        if position is None and meaning in column_names:
            raise BadInput(f"{name}: there is no column {column_names[meaning]!r}; it has {', '.join(header)}.")
        # A table of text and class may name its class column `intent` for both: it is learned, and sorts as well.
        is_also_answer = meaning == "label" and position == positions.get("answer")
        if position is not None and (meaning in column_names or is_also_answer or position not in positions.values()):
            positions[meaning] = position
    pair = {"preferred", "rejected"} <= positions.keys()
    # `positions["label"]` stands in where there is no question, so that the look-up does not fail; a label is no text.
    if "label" in positions and not pair and lower[positions.get("question", positions["label"])] in TEXT_COLUMNS:
        positions.setdefault("answer", positions["label"])
    if "question" not in positions or not (pair or "answer" in positions):
        raise BadInput(
            f"{name}, line 1: expected the columns question and answer (or text and label, or question, preferred and "
            f"rejected); found {', '.join(header) or 'none'}. Name others, such as answer=NAME."
        )
    return positions


def _csv_example(line: int, row: list[str], header: list[str], where: Mapping[str, int]) -> RawExample:
    # Too few cells are mostly a quotation mark that was not closed; guessing would shift columns in silence.
    if len(row) != len(header):
        return RawExample(line, problem=f"expected {len(header)} columns, found {len(row)}")
    cell = {meaning: row[position] for meaning, position in where.items()}
    if "context" in cell:
        cell["question"] = alpaca_question(cell["question"], cell["context"])
    head = [{"role": "system", "content": cell["system"]}] if cell.get("system", "").strip() else []
    head.append({"role": "user", "content": cell["question"]})
    value: dict[str, Any]
    if "preferred" in cell and "rejected" in cell:
        value = {
            "input": {"messages": head},
            "preferred_output": [{"role": "assistant", "content": cell["preferred"]}],
            "non_preferred_output": [{"role": "assistant", "content": cell["rejected"]}],
        }
    else:
        value = {"messages": [*head, {"role": "assistant", "content": cell["answer"]}]}
    # Empty cells are no label.
    return RawExample(line, value, about={key: cell[key] for key in ("label", "group") if cell.get(key)})
