"""JSONL -> one document per line, as corpora for retrieval are published."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

from llmopt_core.documents import limits
from llmopt_core.documents.encoding import decode
from llmopt_core.documents.text import OMISSION_PREFIX, REPLACEMENT, normalise, normalise_file
from llmopt_core.errors import BadInput
from llmopt_core.text.valid_text import fault_in, printable
from llmopt_core.types import Document

# The first of these that holds a text is it.
_TEXT_KEYS = ("text", "content", "page_content", "body", "document", "passage", "context")
# The first few show what kind of fault it is; the rest is counted.
_NAMED_FAULTS = 5
_ID_KEYS = ("id", "_id", "name", "doc_id", "document_id", "source", "url")


def read_jsonl(name: str, data: bytes, encoding: str = "") -> list[Document]:
    """One document per line, named `FILE/ID` by its `id` (or line number); further plain values become metadata.

    A `title` stands above the text as a heading. Lines that cannot be read are left out and named in the warnings of
    the first document.

    Raises:
        BadInput: No line is a JSON object with a text; names the first and why.
    """
    text, warnings = decode(data, name, encoding)
    text, more = normalise_file(text, name)
    documents: dict[str, Document] = {}
    faults: list[str] = []
    # Not `splitlines`: it parts at U+2028 and form feeds too, which may stand inside a JSON text.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            document = _document(name, number, parse_object(name, number, line), warnings + more)
            # The first of two keeps the name; references to it must mean one text.
            if document.name in documents:
                raise BadInput(f"{name} line {number}: the id {document.name.split('/', 1)[1]!r} is used twice.")
        except BadInput as error:
            # One bad line among thousands is told, and costs nothing else.
            faults.append(str(error))
            continue
        documents[document.name] = document
        # While reading, not after it: a file of short lines fills the memory before its end.
        if len(documents) > limits.LINES_AS_DOCUMENTS:
            raise BadInput(f"{name} has more than {limits.LINES_AS_DOCUMENTS:,} lines: split it.")
    if faults and not documents:
        raise BadInput(faults[0])
    return _with_faults(name, list(documents.values()), faults)


def _with_faults(name: str, documents: list[Document], faults: list[str]) -> list[Document]:
    if faults:
        count, more = len(faults), len(faults) - _NAMED_FAULTS
        # Told at the first document, as there is no other place for what concerns all.
        sentences = [f"{OMISSION_PREFIX} {name}: {count:,} line{'s' if count > 1 else ''}.", *faults[:_NAMED_FAULTS]]
        sentences += [f"So are {more:,} more."] if more > 0 else []
        documents[0] = replace(documents[0], warnings=(*documents[0].warnings, " ".join(sentences)))
    return documents


def parse_object(name: str, number: int, line: str) -> dict[str, Any]:
    """The JSON object on one line.

    Raises:
        BadInput: Names file and line, and where in the line the JSON breaks.
    """
    value = parse_value(name, line, number)
    if not isinstance(value, dict):
        raise BadInput(f"{name} line {number}: expected a JSON object in braces, found {type(value).__name__}.")
    return value


def parse_value(name: str, text: str, number: int = 1) -> Any:
    """The JSON value that begins on that line.

    Raises:
        BadInput: Names file and line, and where in the line the JSON breaks.
    """
    try:
        # JSON knows no NaN and no infinity, though Python reads and writes them.
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        place = f"{name} line {number + error.lineno - 1}"
        raise BadInput(f"{place}: broken JSON at character {error.colno} ({error.msg}).") from error
    except RecursionError as error:
        raise BadInput(f"{name} line {number}: JSON that is nested too deeply.") from error
    except _NoNumber as error:
        raise BadInput(
            f"{name} line {number}: {error} is no number in JSON; write null where there is none."
        ) from error
    except ValueError as error:
        # Python refuses numbers of more than 4,300 digits, which take quadratic time.
        raise BadInput(f"{name} line {number}: a number with too many digits.") from error


class _NoNumber(ValueError):
    """`NaN`, or a number beyond all that a computer holds: nothing that is stored with it can be read back."""


def _refuse(constant: str) -> None:
    raise _NoNumber(constant)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        # Twenty digits are enough to be found in the line.
        raise _NoNumber(digits if len(digits) <= 20 else digits[:20] + "...")
    return value


def _document(name: str, number: int, row: dict[str, Any], warnings: tuple[str, ...]) -> Document:
    # A row may hold several of these names; an empty text is none.
    key = next((k for k in _TEXT_KEYS if isinstance(row.get(k), str) and row[k].strip()), None)
    title = row.get("title")
    if key is None and isinstance(title, str) and title.strip():
        # Published corpora have articles of a title alone: it is all there is to find.
        key = next((k for k in _TEXT_KEYS if row.get(k) == ""), None)
    if key is None:
        names = ", ".join(list(row)[:6]) or "nothing"
        raise BadInput(f"{name} line {number}: no text; expected one of {', '.join(_TEXT_KEYS)}, found {names}.")
    id_key = next(
        (
            k
            for k in _ID_KEYS
            # `true` is an `int` in Python, and no name.
            if isinstance(row.get(k), str | int) and not isinstance(row[k], bool) and str(row[k]).strip()
        ),
        None,
    )
    identity = str(row[id_key]) if id_key else str(number)
    # White space of any kind to one space: a line break would end the heading.
    heading = f"# {' '.join(title.split())}\n\n" if isinstance(title, str) and title.strip() else ""
    # Lists and objects are no metadata, as filters compare plain values.
    metadata = {k: v for k, v in row.items() if k not in (key, id_key) and isinstance(v, str | int | float | bool)}
    # Half characters and NULs cannot be stored, and would fail later and far from their line.
    for place, value in ((id_key or "id", identity), *((k, [k, v]) for k, v in metadata.items())):
        if fault := fault_in(value):
            raise BadInput(f"{name} line {number}: `{printable(place)}` cannot be used: {fault}.")
    text = normalise(heading + row[key].replace("\0", REPLACEMENT))
    return Document(f"{name}/{identity}", text, {"format": "jsonl", **metadata}, (), warnings)
