"""A private PostgreSQL server for tests, on a free port and in a temporary folder; tests skip where none can be had.

    from tests.postgres import postgres, postgres_url  # noqa: F401  (in a conftest.py)

`python -m tests.postgres` starts one by hand and prints its address.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# A crash of the server must lose nothing that it said it took, so only the disk is not waited for.
_SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")


class NoPostgres(Exception):
    """Why there is none."""


class PostgresServer:
    """A cluster that lives as long as this object.

    As root, it runs as another user, since PostgreSQL refuses root.
    """

    def __init__(self) -> None:
        self._programs = _programs()
        self._user = _plain_user()
        self.folder = Path(tempfile.mkdtemp(prefix="llmopt-postgres-"))
        if self._user:
            shutil.chown(self.folder, self._user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._data = self.folder / "data"
        self._run("initdb", "-D", str(self._data), "-U", "tester", "--auth=trust", "--no-sync", "-E", "UTF8")
        self.start()

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgresql+psycopg://tester@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it; returns once it answers."""
        options = " ".join(f"-c {setting}" for setting in _SETTINGS)
        options += f" -p {self.port} -h 127.0.0.1 -k {self.folder}"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", "60", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` ends all sessions in order, `immediate` is a crash."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def emptied(self) -> str:
        """The address of a database with nothing in it, and nobody else connected to it."""
        import psycopg

        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self.url

    def remove(self) -> None:
        """Stop it and remove its files."""
        # A test may have left it stopped.
        with contextlib.suppress(NoPostgres):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        result = subprocess.run(
            [str(self._programs / program), *arguments], user=self._user, cwd=self.folder, check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self.folder)},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=120,
        )  # fmt: skip
        if result.returncode:
            raise NoPostgres(f"{program} failed: {result.stderr.strip()}")


def _programs() -> Path:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    result = shutil.which("initdb")
    if result is None:
        raise NoPostgres("there is no initdb; apt-get install postgresql")
    return Path(result).resolve().parent


def _plain_user() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres(f"it does not run as {getpass.getuser()}, and there is no user to run it as")


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server for the whole session; a test that stops it starts it again."""
    try:
        import psycopg  # noqa: F401

        server = PostgresServer()
    except (NoPostgres, ImportError, OSError, subprocess.SubprocessError) as error:
        reason = f"PostgreSQL cannot be started, so its tests are skipped: {error}"
        reporter = request.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(reason)
        pytest.skip(reason)
    yield server
    server.remove()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """An empty database."""
    return postgres.emptied()


if __name__ == "__main__":
    running = PostgresServer()
    print(running.url, flush=True)
    try:
        input("Enter ends it.")
    finally:
        running.remove()
