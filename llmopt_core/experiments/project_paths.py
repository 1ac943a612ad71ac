"""Paths of this machine in the rows of a project: out of the file, and those of the workspace back in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from llmopt_core.runs.store_transfer import Row

WORKSPACE = "<llmopt-workspace>"
"""Stands for the folder of the workspace."""

# What people and models wrote stays as it is; offsets point into it.
_TEXTS = frozenset(("documents", "evaluation_sets", "votes", "scores"))
_SHORTEST = 3


def unplaced(table: str, row: Row, home: Path) -> Row:
    """The row without absolute paths: those of the workspace are relative to it, of others the name is left."""

    def leave(text: str) -> str:
        inside = text.replace(str(home), WORKSPACE)
        path = PurePosixPath(inside)
        told = path.is_absolute() and len(path.parts) >= _SHORTEST and not any(c.isspace() for c in inside)
        return path.name if told else inside

    return _mapped(table, row, leave)


def placed(table: str, row: Row, home: Path) -> Row:
    """The row with the paths of this workspace."""
    return _mapped(table, row, lambda text: text.replace(WORKSPACE, str(home)))


def _mapped(table: str, row: Row, change: Callable[[str], str]) -> Row:
    if table in _TEXTS:
        return row
    if table == "records":
        body = row.get("body")
        failure = body["json"].get("failure") if isinstance(body, dict) and isinstance(body.get("json"), dict) else None
        if not failure:
            return row
        return {**row, "body": {"json": {**body["json"], "failure": _walked(failure, change)}}}  # type: ignore[index]
    return {name: _walked(value, change) for name, value in row.items()}


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _walked(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_walked(item, change) for item in value]
    return value
