"""`llmopt ask-data`: a database asked in words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.settings import Settings
from tests.stub_endpoint import StubEndpoint

from .conftest import Command


@pytest.fixture
def database(tmp_path: Path, stub: StubEndpoint) -> Path:
    path = tmp_path / "concerts.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE singer (name TEXT, age INTEGER)")
        connection.execute("INSERT INTO singer VALUES ('Ann', 30), ('Bob', NULL)")
    save_endpoint(Settings(home=tmp_path / "home"), Endpoint(name="stub", base_url=stub.url, default_model="small"))
    return path


def script(stub: StubEndpoint, *queries: str) -> None:
    rest = list(queries)
    stub.reply = lambda body: f"```sql\n{rest.pop(0)}\n```"


def test_the_result_comes_with_every_attempt(inside: Command, stub: StubEndpoint, database: Path) -> None:
    script(stub, "SELECT ages FROM singer", "SELECT name, age FROM singer")
    done = inside("ask-data", database, "How old are they?", "--endpoint", "stub", "--json")
    assert done.code == 0, done.errors
    values = done.json()
    assert (values["status"], values["sql"]) == ("ok", "SELECT name, age FROM singer")
    assert (values["columns"], values["rows"]) == (["name", "age"], [["Ann", 30], ["Bob", None]])
    assert [(one["stage"], one["status"]) for one in values["attempts"]] == [("draft", "error"), ("repair", "ok")]
    assert values["tables"] == ["singer"]


def test_people_see_attempts_and_rows(inside: Command, stub: StubEndpoint, database: Path) -> None:
    script(stub, "SELECT name, age FROM singer")
    done = inside("ask-data", database, "How old are they?", "--endpoint", "stub")
    assert "draft        SELECT name, age FROM singer" in done.out
    assert "Bob   NULL" in done.out
    assert "2 rows from concerts.sqlite" in done.out


def test_without_a_result_it_exits_with_1(inside: Command, stub: StubEndpoint, database: Path) -> None:
    script(stub, "DELETE FROM singer")
    done = inside("ask-data", database, "Empty it", "--endpoint", "stub", "--repair", 0)
    assert done.code == 1
    assert "llmopt: No query gave a result." in done.errors
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM singer").fetchone() == (2,)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["gone.sqlite", "How many?"], "does not exist"),
        (["concerts.sqlite", "  "], "The question is empty."),
        (["concerts.sqlite", "How many?", "--method", "few-shot-question"], "needs solved queries"),
        (["concerts.sqlite", "How many?", "--method", "magic", "--examples", "solved.jsonl"], "--method: "),
        (["concerts.sqlite", "How many?", "--repair", "99"], "--repair: "),
        (["concerts.sqlite", "How many?", "--endpoint", "nowhere"], "nowhere"),
        (["postgresql://ann:secret@host/db", "How many?"], "holds a password"),
    ],
)
def test_wrong_input_is_one_sentence(
    inside: Command, database: Path, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    (tmp_path / "solved.jsonl").write_text('{"question": "Who?", "sql": "SELECT name FROM singer"}\n')
    done = inside("ask-data", *arguments)
    assert done.code == 2
    assert complaint in done.complaint
    assert "secret" not in done.errors
