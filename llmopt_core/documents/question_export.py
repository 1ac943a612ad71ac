"""An evaluation set as a question file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from llmopt_core.types import Example


def questions_jsonl(examples: Sequence[Example], parts: Mapping[str, str] | None = None) -> str:
    """The set as JSONL, which reads back as the same version.

    Args:
        examples: Of the set.
        parts: Id -> part where the set is split; written as the column `split`.
    """
    return "".join(
        json.dumps(_row(example, (parts or {}).get(example.id)), ensure_ascii=False) + "\n" for example in examples
    )


def _row(example: Example, part: str | None) -> dict[str, object]:
    spans = [{"document": span.document, "start": span.start, "end": span.end} for span in example.references]
    row = {
        "id": example.id,
        "question": example.question,
        "reference": example.reference,
        "references": spans,
        "category": example.category,
        "split": part,
    }
    # The known fields win over further columns of the same name; what is empty is left out, as in files written by
    # hand.
    return {**example.variables, **{key: value for key, value in row.items() if value not in (None, [])}}
