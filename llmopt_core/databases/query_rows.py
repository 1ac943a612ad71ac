"""Files of queries, a JSON object a line, and the folder with the databases that they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.text.json_text import parse_json

_ENDING = ".sqlite"


@dataclass(frozen=True, slots=True)
class QueryRow:
    """One line of a file.

    Attributes:
        where: File and line, for messages.
        values: Its JSON object.
    """

    where: str
    values: dict[str, Any]

    @property
    def id(self) -> str:
        """Its name: the field `id` or `pair_id`, or file and line."""
        for field in ("id", "pair_id"):
            if self.values.get(field) not in (None, ""):
                return str(self.values[field])
        return self.where

    def text(self, field: str) -> str:
        """A text that must be there.

        Raises:
            BadInput: It is missing or no text.
        """
        value = self.values.get(field)
        if not isinstance(value, str):
            raise BadInput(f'{self.where}: "{field}" must be a text; found {_kind(value)}.')
        return value

    def optional_text(self, field: str) -> str:
        """A text that may be missing."""
        return "" if self.values.get(field) is None else self.text(field)

    def texts(self, field: str) -> tuple[str, ...]:
        """One text, or a list of texts, of which there is at least one.

        Raises:
            BadInput: It is neither.
        """
        value = self.values.get(field)
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return tuple(value)
        return (self.text(field),)


def _kind(value: Any) -> str:
    names = {type(None): "nothing", bool: "true or false", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


def read_query_rows(path: Path) -> list[QueryRow]:
    """The lines of a file; empty lines are passed over.

    Raises:
        BadInput: The file cannot be read, or a line is no JSON object.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is no UTF-8 text; expected a JSON object a line.") from error
    rows = []
    # Not splitlines: a JSON text may hold other line breaks than these.
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            values = parse_json(line)
        except ValueError as error:
            raise BadInput(f"{where} is no JSON: {error}; expected an object a line.") from error
        if not isinstance(values, dict):
            raise BadInput(f"{where}: expected a JSON object; found {_kind(values)}.")
        rows.append(QueryRow(where, values))
    if not rows:
        raise BadInput(f"{path} has no line; expected a JSON object a line.")
    return rows


class DatabaseFolder:
    """The SQLite files below a folder, by name.

    Where a name stands at several places, the one that is least deep counts, and among these the first by its path.

    Raises:
        BadInput: There is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise BadInput(f"{folder} is no folder; --databases takes the folder with the {_ENDING} files.")
        self._folder = folder
        self._paths: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob(f"*{_ENDING}"), key=lambda path: (len(path.parts), path)):
            self._paths[path.stem].append(path)

    def path(self, name: str, where: str) -> Path:
        """The file of a database.

        Args:
            name: The database's name.
            where: Who asks, for the message.

        Raises:
            BadInput: It is not there.
        """
        paths = self._paths.get(name)
        if not paths:
            raise BadInput(f"{where}: no {name}{_ENDING} is below {self._folder}{_known(self._paths)}.")
        return paths[0]

    def suite(self, name: str, where: str) -> list[Path]:
        """All databases of the folder that bears a database's name, as Spider's test suite has them; else just it."""
        path = self.path(name, where)
        return sorted(path.parent.glob(f"*{_ENDING}")) if path.parent.name == name else [path]


def _known(names: Iterable[str]) -> str:
    listed = sorted(names)
    if not listed:
        return "; there are no such files at all"
    return f"; there are {', '.join(listed[:8])}{' and others' if len(listed) > 8 else ''}"
