"""Table files -> one DuckDB file. Runs in a process of its own, as files are foreign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from llmopt_core.databases.cells import PATTERNS, ColumnCounts, column_type
from llmopt_core.databases.schema import quote_name_always
from llmopt_core.databases.sheets import Row, read_csv, read_xlsx
from llmopt_core.errors import BadInput
from llmopt_core.execution.isolation_child import begin_limits

_ROWS_AT_ONCE = 10_000
_NUMBER_SIGNS = set("0123456789.,+-eE% ")
_RAW = "llmopt_raw"


def build_tables(
    files: Sequence[str], target: str, memory: int, seconds: float, _tell: Callable[[int, int, str], None]
) -> list[str]:
    """Write a table for each CSV or Parquet file and for each sheet of a workbook.

    Args:
        files: Paths.
        target: The database file, which is not there yet.
        memory: Bytes that the work may take, beyond the libraries that it loads.
        seconds: Processor time that it may take.

    Returns:
        The names of the tables.

    Raises:
        BadInput: A file is damaged, no table, or there is nothing in any of them.
    """
    import duckdb
    import openpyxl  # noqa: F401
    import pyarrow  # noqa: F401

    # After the libraries, which map more memory than most files need.
    begin_limits(memory, seconds)
    config = {"threads": 1, "memory_limit": f"{memory // 2}B"}
    with duckdb.connect(target, config=config) as connection:
        builder = _Builder(connection)
        for file in map(Path, files):
            builder.add_file(file)
        connection.execute("CHECKPOINT")
    if not builder.names:
        raise BadInput(f"{Path(files[0]).name if len(files) == 1 else 'The table files'}: there is no row in it.")
    return builder.names


class _Builder:
    """Adds files to an open database."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.names: list[str] = []

    def add_file(self, file: Path) -> None:
        ending = file.suffix.lower()
        if ending == ".parquet":
            self._add_parquet(file)
        elif ending == ".xlsx":
            self._add_workbook(file)
        else:
            self._add_text(file)

    def _add_parquet(self, file: Path) -> None:
        import duckdb

        name = self._free_name(file.stem)
        try:
            sql = f"CREATE TABLE {quote_name_always(name)} AS SELECT * FROM read_parquet(?)"  # noqa: S608
            self._connection.execute(sql, [_literal_path(file)])
        except duckdb.Error as error:
            raise BadInput(f"{file.name} is damaged or no Parquet file: {_first_line(error)}") from error
        self.names.append(name)

    def _add_workbook(self, file: Path) -> None:
        sheets = read_xlsx(file)
        found: list[str] = []
        for title, rows, kinds in sheets:
            header = self._load(rows)
            if header:
                name = self._free_name(title, file.stem)
                self._create(name, header, {i for i, kind in enumerate(kinds) if "text" in kind})
                found.append(name)
        # The only sheet is called Sheet1 more often than anything else.
        if len(found) == 1:
            self.names.remove(found[0])
            name = self._free_name(file.stem)
            self.names.append(name)
            if name != found[0]:
                self._connection.execute(
                    f"ALTER TABLE {quote_name_always(found[0])} RENAME TO {quote_name_always(name)}"
                )

    def _add_text(self, file: Path) -> None:
        header = self._load(read_csv(file))
        if not header:
            raise BadInput(f"{file.name} is empty; expected a table whose first row names the columns.")
        self._create(self._free_name(file.stem), header, set())

    def _load(self, rows: Iterable[Row]) -> list[str]:
        """The rows as a table of texts; the names of its columns, none where there is no row."""
        import pyarrow

        iterator = iter(rows)
        first = next(iterator, None)
        if first is None:
            return []
        has_header = not _is_data(first)
        body = iterator if has_header else chain([first], iterator)
        width = len(first)
        places = ", ".join(f"c{i} VARCHAR" for i in range(width))
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {_RAW} ({places})")
        while batch := list(islice(body, _ROWS_AT_ONCE)):
            for place in range(width, max(map(len, batch))):
                self._connection.execute(f"ALTER TABLE {_RAW} ADD COLUMN c{place} VARCHAR")
                width = place + 1
            # Short rows end in missing cells.
            columns = list(zip_longest(*batch))
            arrays = [pyarrow.array(column, pyarrow.string()) for column in columns]
            chunk = pyarrow.table(arrays, names=[f"c{i}" for i in range(len(columns))])
            self._connection.register("chunk", chunk)
            self._connection.execute(f"INSERT INTO {_RAW} BY NAME SELECT * FROM chunk")  # noqa: S608
            self._connection.unregister("chunk")
        return _column_names(first if has_header else [], width)

    def _create(self, name: str, header: list[str], texts: set[int]) -> None:
        """The table itself, with a type for each column that is not to stay a text."""
        places = [f"c{i}" for i in range(len(header))]
        types = [
            ("VARCHAR", "{}") if i in texts else self._checked(place, column_type(self._count(place)))
            for i, place in enumerate(places)
        ]
        fields = ", ".join(
            f"{expression.format(place)} AS {quote_name_always(column)}"
            for place, column, (_, expression) in zip(places, header, types, strict=True)
        )
        self._connection.execute(f"CREATE TABLE {quote_name_always(name)} AS SELECT {fields} FROM {_RAW}")  # noqa: S608
        self._connection.execute(f"DROP TABLE {_RAW}")
        self.names.append(name)

    def _count(self, place: str) -> ColumnCounts:
        fits = ", ".join(f"count(*) FILTER (regexp_full_match({place}, '{p}'))" for p in PATTERNS.values())
        before = f"max(length(split_part(ltrim({place}, '-'), '.', 1)))"
        behind = f"max(length(split_part({place}, '.', 2)))"
        row = self._connection.execute(
            f"SELECT count({place}), {before}, {behind}, {fits} FROM {_RAW}"  # noqa: S608
        ).fetchone()
        return ColumnCounts(row[0], dict(zip(PATTERNS, row[3:], strict=True)), row[1] or 0, row[2] or 0)

    def _checked(self, place: str, kind: tuple[str, str]) -> tuple[str, str]:
        """The type, or text where a cell only looks like it, such as 2024-02-31."""
        import duckdb

        try:
            self._connection.execute(f"SELECT count({kind[1].format(place)}) FROM {_RAW}").fetchone()  # noqa: S608
        except duckdb.Error:
            return "VARCHAR", "{}"
        return kind

    def _free_name(self, wanted: str, prefix: str = "") -> str:
        taken = {name.lower() for name in self.names}
        base = wanted.strip().replace("\x00", "") or "table"
        if base.lower() in taken and prefix:
            base = f"{prefix} {base}"
        name, number = base, 2
        while name.lower() in taken:
            name, number = f"{base} {number}", number + 1
        return name


def _is_data(row: Row) -> bool:
    """Whether a first row names no columns: all of its cells are numbers."""
    cells = [cell for cell in row if cell]
    return bool(cells) and all(set(cell) <= _NUMBER_SIGNS for cell in cells)


def _column_names(header: Row, width: int) -> list[str]:
    names: list[str] = []
    taken: set[str] = set()
    for place in range(width):
        base = ((header[place] if place < len(header) else None) or "").strip().replace("\x00", "")
        base = base or f"column {place + 1}"
        name, number = base, 2
        while name.lower() in taken:
            name, number = f"{base} {number}", number + 1
        names.append(name)
        taken.add(name.lower())
    return names


def _literal_path(path: Path) -> str:
    """A path that DuckDB does not take for a pattern of several files."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def _first_line(error: Exception) -> str:
    return f"{str(error).splitlines()[0].rstrip('.')}."
