"""Retrieved chunks -> what the prompt's variables `context` and `documents` hold.

A chunk is quoted material. In chat mode each stands between `<passage>` marks that no chunk can close itself, so that
"ignore your instructions" inside a document stays visibly a part of that document.

This is a mark and no wall: a model can still be talked into following what it reads, a chunk can still state false
facts, and a completion model gets plain paragraphs without marks. Give a model that reads foreign documents no powers
that its reader does not have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.prompts.messages import Mode
from llmopt_core.types import Example, Hit

# `<passage`, `</passage`, `< / PASSAGE`: a model reads all of them as the mark.
_MARK = re.compile(r"<(?=\s*+(?:/\s*+)?passage)", re.IGNORECASE)


def context_text(hits: Sequence[Hit], mode: Mode) -> str:
    """The passages as one text: numbered and delimited for chat, plain paragraphs for a completion model."""
    # A model for plain text goes on with what it sees: numbers and marks would come back in its answer.
    if mode == "completion":
        return "\n\n".join(hit.chunk.full_text.strip() for hit in hits)
    return "\n\n".join(_passage(number, hit) for number, hit in enumerate(hits, start=1))


def answer_variables(example: Example, hits: Sequence[Hit] | None, mode: Mode) -> dict[str, Any]:
    """What a prompt can use: the example's own columns, `question`, and with retrieval `context` and `documents`.

    The reference answer is not among them, whatever the columns are called.

    Args:
        example: The test case.
        hits: Retrieved chunks; None where the configuration retrieves nothing.
        mode: How the model is asked.
    """
    # The question last: a column of that name in the file must not replace what is asked.
    variables: dict[str, Any] = {**example.variables, "question": example.question}
    if hits is not None:
        variables["context"] = context_text(hits, mode)
        variables["documents"] = [_fields(number, hit) for number, hit in enumerate(hits, start=1)]
    return variables


def _passage(number: int, hit: Hit) -> str:
    # A document's name is foreign text as well, and stands inside the quotes of a mark.
    source = " ".join(re.sub(r'["<>]', " ", hit.chunk.document).split())
    return f'[{number}] <passage source="{source}">\n{_MARK.sub("&lt;", hit.chunk.full_text.strip())}\n</passage>'


def _fields(number: int, hit: Hit) -> Mapping[str, Any]:
    chunk = hit.chunk
    return {"number": number, "name": chunk.document, "heading": chunk.heading, "text": chunk.full_text}
