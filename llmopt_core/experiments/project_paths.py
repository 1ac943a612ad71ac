"""Paths of this machine in the rows of a project: out of the file, and those of the workspace back in.

Only fields that hold paths and messages of the program are looked at: what people and models wrote is theirs, and a
prompt, a stop word or an example that begins with a slash is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from llmopt_core.runs.store_transfer import Row

WORKSPACE = "<llmopt-workspace>"
"""Stands for the folder of the workspace."""

# Fields of configurations, jobs and cards in which a path of this machine may stand, beside names that are left as they
# are.
_PATHS = frozenset(("model", "base_model", "base", "adapter", "file", "files", "folder", "path", "paths", "documents"))
_MESSAGES = frozenset(("error", "failure", "message"))
# Parts of a path, its root included: `/name` may be anything, `/home/name` is a place.
_SHORTEST = 3
# What people and models wrote, under names that they may have chosen.
_TEXTS = frozenset(("documents", "evaluation_sets", "votes", "scores"))
_TEXT_FIELDS = frozenset(("prompt", "few_shot", "examples", "variables", "values"))

Change = Callable[[str, bool], str]


def to_relative_paths(table: str, row: Row, home: Path) -> Row:
    """The row without absolute paths: those of the workspace are relative to it, of others the name is left."""
    # Not where a longer name goes on: `/home/a/data` is no part of `/home/a/data-old`.
    inside = re.compile(re.escape(str(home)) + r"(?![\w.-])")

    def leave(text: str, is_message: bool) -> str:
        text = inside.sub(lambda _: WORKSPACE, text)
        path = PurePosixPath(text)
        return path.name if not is_message and path.is_absolute() and len(path.parts) >= _SHORTEST else text

    return _map_row(table, row, leave)


def to_absolute_paths(table: str, row: Row, home: Path) -> Row:
    """The row with the paths of this workspace."""
    return _map_row(table, row, lambda text, _: text.replace(WORKSPACE, str(home)))


def _map_row(table: str, row: Row, change: Change) -> Row:
    if table in _TEXTS:
        return row
    if table == "records":
        return _map_failure(row, change)
    return {name: _map_value(value, change, name) for name, value in row.items()}


def _map_failure(row: Row, change: Change) -> Row:
    body = row.get("body")
    value = body.get("json") if isinstance(body, dict) else None
    if not isinstance(value, dict) or not value.get("failure"):
        return row
    failure = _map_value(value["failure"], change, "failure")
    return {**row, "body": {"json": {**value, "failure": failure}}}


def _map_value(value: Any, change: Change, field: str) -> Any:
    if field in _TEXT_FIELDS:
        return value
    if isinstance(value, str):
        return change(value, field in _MESSAGES) if field in _MESSAGES | _PATHS else value
    if isinstance(value, dict):
        # All of a failure is the program's own words.
        inner = field if field in _MESSAGES else ""
        return {name: _map_value(item, change, inner or name) for name, item in value.items()}
    if isinstance(value, list):
        return [_map_value(item, change, field) for item in value]
    return value
