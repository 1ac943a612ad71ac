"""Few-shot sets as files: CSV, JSONL, and OpenAI's chat JSONL."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from llmopt_core.errors import BadInput
from llmopt_core.prompts.conversation_forms import PAIR, Conversion, alpaca_question, convert
from llmopt_core.prompts.plain_text_forms import PAIRS_OF, TEXT_AND_LABEL, TEXTS
from llmopt_core.text.csv_text import csv_text, unguard_cell
from llmopt_core.text.json_text import parse_json

Format = Literal["csv", "jsonl", "openai"]

# In this order: where a file has several, the first is the question. The last ones are those of FLAN and of MATH.
_QUESTIONS = ("question", "input", "prompt", "query", "user_input", "inputs", "problem")
_ANSWERS = ("answer", "output", "completion", "response", "reference", "targets", "solution")
# Columns that belong to the conversation, so they are no variables of the example.
_BESIDE = ("system", "system_prompt", "system_message", "tools")
# Bytes. A prompt holds a few thousand characters of examples: a larger file is training data by mistake.
_LARGEST = 20_000_000


def read_few_shot(data: bytes | str, name: str) -> list[dict[str, str]]:
    """The examples of a file.

    The names `input`, `prompt`, `query` stand for `question`, and `output`, `completion`, `response`, `reference` for
    `answer`, where the file does not have those columns. All other columns are kept.

    Args:
        data: The file's content.
        name: Its name; `.csv` and `.tsv` are tables, everything else JSON lines.

    Raises:
        BadInput: It is not such a file; names the line.
    """
    text = _text(data, name)
    if name.lower().endswith((".csv", ".tsv")):
        return _from_table(text, name, "\t" if name.lower().endswith(".tsv") else ",")
    return _from_lines(text, name)


def write_few_shot(examples: Sequence[dict[str, str]], form: Format, system: str = "") -> str:
    """The examples as the text of a file.

    Args:
        examples: Each with `answer`, and mostly `question`.
        form: `openai` keeps question and answer alone, as one chat per line.
        system: System message of each chat, for `openai`.

    Raises:
        BadInput: An example has no question and the form needs one.
    """
    if form == "csv":
        return _as_table(examples)
    if form == "jsonl":
        return "".join(json.dumps(example, ensure_ascii=False) + "\n" for example in examples)
    return "".join(json.dumps(_as_chat(e, i, system), ensure_ascii=False) + "\n" for i, e in enumerate(examples, 1))


def _text(data: bytes | str, name: str) -> str:
    if len(data) > _LARGEST:
        raise BadInput(f"{name} is larger than 20 MB; few-shot examples go into every prompt, so take fewer.")
    if isinstance(data, str):
        # What spreadsheets write at the beginning; it would become a part of the first column's name.
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is not UTF-8 text; save it as UTF-8.") from error


def _from_table(text: str, name: str, delimiter: str) -> list[dict[str, str]]:
    # `strict`: a quote that is never closed would swallow the rest of the file into one cell, without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    examples: list[dict[str, str]] = []
    try:
        # Files of ours have an apostrophe before what a spreadsheet would run.
        header = [unguard_cell(column.strip()) for column in next(reader, [])]
        # Alpaca's `input` is material beside the instruction, elsewhere it is the question.
        asks_as_alpaca = {"instruction", "input"} <= set(header) and "question" not in header
        if asks_as_alpaca:
            header = ["question" if column == "instruction" else column for column in header]
        names = _names(header, f"{name} line 1")
        for row in reader:
            # Spreadsheets end with rows of empty cells.
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise BadInput(f"{name} line {reader.line_num}: {len(row)} cells for {len(header)} columns.")
            # A column without a name is the numbering that pandas writes.
            example = {c: unguard_cell(cell) for c, cell in zip(names, row, strict=True) if c}
            if asks_as_alpaca:
                example["question"] = alpaca_question(example["question"], example.pop("input"))
            examples.append(example)
    except csv.Error as error:
        raise BadInput(f"{name} line {reader.line_num}: not readable as CSV ({error}).") from error
    return examples


def _names(columns: Sequence[str], where: str) -> list[str]:
    """The columns' names, with the usual other words for question and answer taken for them."""
    names = list(columns)
    for name, others in (("question", _QUESTIONS), ("answer", _ANSWERS)):
        if name not in names:
            # `Question` and `ANSWER` are common in spreadsheets.
            lower = [column.lower() for column in names]
            match = next((other for other in (name, *others) if other in lower), None)
            if match is not None:
                names[lower.index(match)] = name
    if "answer" not in names:
        raise BadInput(f"{where}: there is no `answer`; found: {', '.join(columns) or 'nothing'}.")
    double = next((column for column in names if column and names.count(column) > 1), None)
    if double:
        raise BadInput(f"{where}: `{double}` is there twice.")
    return names


def _from_lines(text: str, name: str) -> list[dict[str, str]]:
    if (items := _as_list(text)) is not None:
        return [_from_value(item, f"{name} example {number}") for number, item in enumerate(items, start=1)]
    # Not `splitlines`: it also cuts at characters that JSON allows within a text, such as U+2028.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return [_from_line(line, f"{name} line {number}") for number, line in lines]


def _as_list(text: str) -> list[Any] | None:
    """The items of a file that is one JSON list; None where it is not, or is the messages of one conversation."""
    if not text.lstrip().startswith("["):
        return None
    try:
        items = parse_json(text)
    except ValueError:
        return None
    # A list of messages is one example, not one example per message.
    return items if convert(items) is None else None


def _from_line(line: str, where: str) -> dict[str, str]:
    try:
        value = parse_json(line)
    except ValueError as error:
        raise BadInput(f"{where}: not JSON; expected one object in braces per line.") from error
    return _from_value(value, where)


def _from_value(value: Any, where: str) -> dict[str, str]:
    conversion = convert(value)
    # A pair of texts is read below, which keeps all the other columns.
    has_answer = isinstance(value, dict) and any(str(key).lower() in ("answer", *_ANSWERS) for key in value)
    as_columns = conversion is not None and (conversion.form == PAIR or (has_answer and conversion.form in PAIRS_OF))
    if conversion is not None and (not as_columns or _has_messages(value)):
        example = _from_other_form(conversion, where)
        more = _other_columns(value, example) if conversion.form in (PAIR, TEXTS, TEXT_AND_LABEL) else {}
        return {**example, **more}
    if not isinstance(value, dict):
        raise BadInput(f"{where}: expected an object in braces, found {type(value).__name__}.")
    if "messages" in value:
        return _from_chat(value["messages"], where)
    names = _names([str(key) for key in value], where)
    return {key: _as_text(item) for key, item in zip(names, value.values(), strict=True)}


def _has_messages(value: Mapping[str, Any]) -> bool:
    """Whether a column is a list of messages, as TRL writes conversations."""
    lists = [item for item in value.values() if isinstance(item, list) and item]
    return any(all(isinstance(m, dict) and ("role" in m or "from" in m) for m in item) for item in lists)


def _other_columns(value: Mapping[str, Any], example: Mapping[str, str]) -> dict[str, str]:
    # By name and by value: what became question or answer must not come a second time under its old name.
    reserved_names = (*_QUESTIONS, *_ANSWERS, *_BESIDE)
    others = {
        str(key): item for key, item in value.items() if key not in reserved_names and item not in example.values()
    }
    return {key: _as_text(item) for key, item in others.items()}


def _from_other_form(conversion: Conversion, where: str) -> dict[str, str]:
    if conversion.value is None:
        raise BadInput(f"{where}: of the form {conversion.form}: {conversion.problem}.")
    if "messages" in conversion.value:
        return _from_chat(conversion.value["messages"], where)
    # Of a pair of answers, the one that was preferred is the example.
    return _from_chat([*conversion.value["input"]["messages"], *conversion.value["preferred_output"]], where)


def _from_chat(messages: Any, where: str) -> dict[str, str]:
    try:
        # System messages belong to the prompt, which has its own.
        talk = [(m["role"], _join_parts(m["content"])) for m in messages if m["role"] not in ("system", "developer")]
    except (TypeError, KeyError) as error:
        raise BadInput(f"{where}: each message needs a `role` and a `content`.") from error
    roles = [role for role, _ in talk]
    if len(roles) > 2 and set(roles) <= {"user", "assistant"}:
        raise BadInput(
            f"{where}: a conversation of {roles.count('user')} questions; a few-shot example is one question and its "
            "answer. Keep the turn that shows what you mean; as training data, whole conversations are read."
        )
    if roles != ["user", "assistant"] or not all(isinstance(text, str) for _, text in talk):
        role_note = (
            f" Found the roles {', '.join(map(str, roles))}." if roles and roles != ["user", "assistant"] else ""
        )
        raise BadInput(
            f"{where}: a few-shot example is one user message and one assistant message, both text.{role_note}"
        )
    return {"question": talk[0][1], "answer": talk[1][1]}


def _join_parts(content: Any) -> Any:
    """Parts that are all text as one text; anything else as it is."""
    if isinstance(content, list) and content and all(isinstance(p, dict) and p.get("type") == "text" for p in content):
        return "\n".join(str(part.get("text", "")) for part in content)
    return content


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    # As JSON, so that a template shows what the file says, not Python's way of writing it.
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_table(examples: Sequence[dict[str, str]]) -> str:
    # These two first, whatever the order of an example's keys.
    columns = list(dict.fromkeys(["question", "answer", *(key for example in examples for key in example)]))
    return csv_text(columns, [[example.get(column) for column in columns] for example in examples])


def _as_chat(example: dict[str, str], number: int, system: str) -> dict[str, Any]:
    if not example.get("question"):
        raise BadInput(f"Few-shot example {number} has no question; OpenAI's form needs one.")
    talk = [{"role": "system", "content": system}] if system.strip() else []
    talk += [{"role": "user", "content": example["question"]}, {"role": "assistant", "content": example["answer"]}]
    return {"messages": talk}
