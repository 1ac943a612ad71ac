"""Values of a database as records hold them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from llmopt_core.databases.outcome import json_value
from llmopt_core.types import Cell

# Of a text or a blob in a trace; the rest is said by its length.
_LONGEST = 2_000


def to_cells(row: Iterable[Any]) -> tuple[Cell, ...]:
    """A row whose values JSON can hold; lists and mappings become JSON texts, long texts are cut."""
    return tuple(_to_cell(value) for value in row)


def _to_cell(value: Any) -> Cell:
    plain = json_value(value)
    if isinstance(plain, list | dict):
        plain = json.dumps(plain, ensure_ascii=False)
    if isinstance(plain, str) and len(plain) > _LONGEST:
        return f"{plain[:_LONGEST]}… ({len(plain)} characters)"
    cell: Cell = plain
    return cell
