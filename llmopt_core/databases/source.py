"""Where figures are: a database by its path or URL, or files of tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from llmopt_core.errors import BadInput

Kind = Literal["sqlite", "duckdb", "postgresql", "tables"]
Dialect = Literal["sqlite", "duckdb", "postgres"]

_SURE_ENDINGS = (".sqlite", ".sqlite3")
SQLITE_ENDINGS = (*_SURE_ENDINGS, ".db", ".db3")
DUCKDB_ENDINGS = (".duckdb", ".ddb")
TABLE_ENDINGS = (".csv", ".tsv", ".xlsx", ".parquet")
_SQLITE_HEAD = b"SQLite format 3\x00"
_DUCKDB_MARK = b"DUCK"
_EXPECTED = (
    "a path that ends with .sqlite, .db, .duckdb, .csv, .tsv, .xlsx or .parquet, a folder of such tables, or a URL "
    "that begins with sqlite:///, duckdb:/// or postgresql://"
)


@dataclass(frozen=True, slots=True)
class DataSource:
    """A database or files of tables.

    Attributes:
        kind: What it is; `tables` are files that become an embedded DuckDB.
        where: The path, absolute, or the URL of a server. It may hold a password: `name` is what may be shown.
        name: Short, for people: the name of the file, or host and database of a server.
    """

    kind: Kind
    where: str = field(repr=False)
    name: str

    @property
    def dialect(self) -> Dialect:
        """Whose SQL it speaks, by the name that sqlglot knows."""
        return _DIALECTS[self.kind]

    @classmethod
    def parse(cls, text: str | Path, base: Path | None = None) -> DataSource:
        """The source that a path or URL names.

        Args:
            text: What the user wrote.
            base: The folder that relative paths begin at; by default the current one.

        Raises:
            BadInput: It is neither, or nothing is there.
        """
        written = str(text).strip()
        scheme, mark, _ = written.partition("://")
        if mark:
            return _from_url(written, scheme.lower(), base)
        if not written:
            raise BadInput(f"No data source is named; expected {_EXPECTED}.")
        return _from_path(_resolve(written, base))


_DIALECTS: dict[Kind, Dialect] = {
    "sqlite": "sqlite", "duckdb": "duckdb", "tables": "duckdb", "postgresql": "postgres",
}  # fmt: skip


def _from_url(url: str, scheme: str, base: Path | None) -> DataSource:
    # SQLAlchemy's form names a driver after a plus sign; whichever it is, ours is used.
    engine = scheme.partition("+")[0]
    if engine in ("sqlite", "duckdb"):
        path = _resolve(unquote(url.partition("://")[2].removeprefix("/").partition("?")[0]), base)
        _require_file(path)
        return DataSource("sqlite" if engine == "sqlite" else "duckdb", str(path), path.name)
    if engine in ("postgresql", "postgres"):
        rest = url.partition("://")[2]
        return DataSource("postgresql", f"postgresql://{rest}", _server_name(f"postgresql://{rest}"))
    # The scheme alone: what follows may hold a password.
    raise BadInput(f"A data source that begins with {scheme[:40]}:// is not known here; expected {_EXPECTED}.")


def _server_name(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        # The cause would quote the URL with its password.
        raise BadInput(
            "The postgresql:// URL cannot be read; expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        ) from None
    host = parts.hostname or "local"
    return f"{host}{port}{unquote(parts.path)}"


def _resolve(text: str, base: Path | None) -> Path:
    if not text:
        raise BadInput(f"The data source names no file; expected {_EXPECTED}.")
    path = Path(text).expanduser()
    # Without following links: a link that is changed names another database from then on.
    return (base / path if base is not None else path).absolute()


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise BadInput(f"{path} is a folder; expected a database file.")
    if not path.exists():
        raise BadInput(f"{path} does not exist; name a database file that is there.")


def _from_path(path: Path) -> DataSource:
    if path.is_dir():
        return DataSource("tables", str(path), path.name)
    _require_file(path)
    kind = _kind_of_file(path)
    if kind is None:
        raise BadInput(f"{path} is no data source; expected {_EXPECTED}.")
    return DataSource(kind, str(path), path.name)


def _kind_of_file(path: Path) -> Kind | None:
    ending = path.suffix.lower()
    if ending in TABLE_ENDINGS:
        return "tables"
    if ending in DUCKDB_ENDINGS:
        return "duckdb"
    if ending in _SURE_ENDINGS:
        return "sqlite"
    # Both programs write files that end with .db, so the first bytes decide. Only there: closing a file drops the locks
    # that this process itself may hold on it through SQLite.
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    if head == _SQLITE_HEAD:
        return "sqlite"
    if head[8:12] == _DUCKDB_MARK:
        return "duckdb"
    return "sqlite" if ending in SQLITE_ENDINGS else None
