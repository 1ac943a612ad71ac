"""`llmopt sql`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def call(*arguments: object, stdin: str = "", environ: dict[str, str] | None = None) -> Any:
        values = {**os.environ, "LLMOPT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), **(environ or {})}
        command = [sys.executable, "-m", "llmopt_core.cli", "sql", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, input=stdin, cwd=tmp_path, env=values, timeout=120, check=False
        )

    return call


def strict_json(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_has_the_agreed_fields(run: Any, shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = run(shop, "SELECT name, rating FROM restaurant WHERE id IN (1, 3) ORDER BY id", "--json", out)
    assert (done.returncode, done.stderr) == (0, "")
    value = strict_json(out.read_text(encoding="utf-8"))
    assert list(value) == ["status", "reason", "columns", "rows", "seconds"]
    assert (value["status"], value["reason"], value["columns"]) == ("ok", "", ["name", "rating"])
    assert value["rows"] == [["Asador", 4.5], ["Caldo", None]]
    assert "Asador" in done.stdout
    assert "NULL" in done.stdout


@pytest.mark.parametrize(
    ("sql", "status", "reason"),
    [
        ("DELETE FROM restaurant", "refused", "Only one SELECT may run, and this begins with 'DELETE'."),
        ("SELECT nme FROM restaurant", "error", "no such column: nme."),
        (
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c",
            "ended",
            "The query took more than 0.5 s and was ended.",
        ),
    ],
)
def test_what_did_not_run_exits_with_1_and_one_line(run: Any, shop: Path, sql: str, status: str, reason: str) -> None:
    done = run(shop, sql, "--json", "--seconds", "0.5")
    assert done.returncode == 1
    assert done.stderr == f"llmopt: {status}: {reason}\n"
    value = strict_json(done.stdout)
    assert (value["status"], value["reason"], value["rows"]) == (status, reason, [])


def test_a_source_that_is_not_there_exits_with_2(run: Any, tmp_path: Path) -> None:
    done = run(tmp_path / "none.sqlite", "SELECT 1", "--json", tmp_path / "out.json")
    assert done.returncode == 2
    assert done.stderr == f"llmopt: {tmp_path / 'none.sqlite'} does not exist; name a database file that is there.\n"
    assert strict_json((tmp_path / "out.json").read_text(encoding="utf-8"))["status"] == "error"


def test_a_query_comes_from_standard_input_or_begins_with_a_comment(run: Any, shop: Path) -> None:
    assert strict_json(run(shop, "-", "--json", "-", stdin="SELECT 1;DELETE FROM x").stdout)["status"] == "refused"
    assert strict_json(run(shop, "-- one\nSELECT 1", "--json").stdout)["rows"] == [[1]]


def test_limits_are_options(run: Any, shop: Path) -> None:
    done = run(shop, "SELECT id FROM restaurant", "--json", "--rows", "2")
    assert len(strict_json(done.stdout)["rows"]) == 2
    assert done.stderr == "llmopt: Only the first 2 rows were read; there are more.\n"
    assert run(shop, "SELECT 1", "--rows", "0").stderr.startswith("llmopt: --rows: it should be greater than")


def test_the_key_of_an_endpoint_is_not_in_reach_of_the_process_that_runs_a_query(shop: Path, monkeypatch: Any) -> None:
    from llmopt_core.databases import executor
    from llmopt_core.databases.source import DataSource

    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-secret-secret-1")
    executor.POOL.close()
    assert executor.run_query(DataSource.parse(shop), "SELECT 1").status == "ok"
    child = executor.POOL.idle.queue[-1]
    environment = Path(f"/proc/{child.process.pid}/environ").read_bytes()
    assert b"PYTHONPATH" in environment
    assert b"sk-secret" not in environment
