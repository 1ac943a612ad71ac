"""`llmopt sql-compare` and `llmopt sql-audit`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Command

DATA = Path(__file__).parents[2] / "data" / "text2sql" / "verdicts"
COMPARATORS = ["ours", "spider_test_suite", "spider_test_suite_keep_distinct", "bird", "spider2", "defog"]


def lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def test_pairs_have_a_verdict_of_each_comparator(inside: Command, tmp_path: Path) -> None:
    gold = "SELECT name FROM restaurant WHERE id = 1"
    file = lines(
        tmp_path / "pairs.jsonl",
        {"id": "same", "database": "restaurants", "gold": gold, "prediction": f"{gold};"},
        {"id": "any", "database": "restaurants", "gold": ["SELECT 2", "SELECT 1"], "prediction": "SELECT 1"},
        {"id": "two", "database": "restaurants", "gold": "SELECT 1", "prediction": "SELECT 1; SELECT 2"},
        {"id": "empty", "database": "restaurants", "gold": f"{gold} AND 0", "prediction": f"{gold} AND 0"},
        {"id": "values", "database": "restaurants", "gold": "SELECT 1", "prediction": "VALUES (1)"},
        {"id": "head", "database": "restaurants", "gold": "SELECT 0", "prediction": "PRAGMA user_version"},
        {"id": "write", "database": "restaurants", "gold": "SELECT 0", "prediction": "DELETE FROM restaurant"},
    )
    done = inside("sql-compare", file, "--databases", DATA / "database", "--json", "-")
    assert done.code == 0, done.errors
    pairs = done.json()["pairs"]
    assert all(list(pair["verdicts"]) == COMPARATORS for pair in pairs)
    found = {pair["id"]: list(pair["verdicts"].values()) for pair in pairs}
    assert found == {
        "same": [True] * 6,
        "any": [True, False, False, False, False, False],
        "two": [False, True, False, False, False, False],
        "empty": ["unprovable", True, True, True, True, True],
        "values": [True] * 6,
        "head": [True] * 6,
        "write": [False] * 6,
    }


def test_golds_have_findings_with_evidence(inside: Command, tmp_path: Path) -> None:
    file = lines(
        tmp_path / "golds.jsonl",
        {"id": "good", "database": "restaurants", "gold": "SELECT name FROM restaurant WHERE id = 1", "question": "1?"},
        {"id": "none", "database": "restaurants", "gold": "SELECT name FROM restaurant WHERE id = -1"},
        {"id": "bad", "database": "restaurants", "gold": "SELECT nope FROM restaurant"},
    )  # fmt: skip
    target = tmp_path / "audit.json"
    done = inside("sql-audit", file, "--databases", DATA / "database", "--json", target)
    assert done.code == 0, done.errors
    assert "2 of 3 golds cannot be trusted." in done.out
    golds = json.loads(target.read_text())["golds"]
    assert [(gold["id"], [one["kind"] for one in gold["findings"]]) for gold in golds] == [
        ("good", []),
        ("none", ["empty_result"]),
        ("bad", ["gold_error"]),
    ]
    assert "no such column: nope" in golds[2]["findings"][0]["evidence"]["error"]


@pytest.mark.parametrize("command", ["sql-compare", "sql-audit"])
@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{", "line 2 is no JSON"),
        ("[1]", "line 2: expected a JSON object; found a list."),
        ({"database": "restaurants", "gold": 7, "prediction": ""}, 'line 2: "gold" must be a text; found a number.'),
        ({"database": "shop", "gold": "SELECT 1", "prediction": ""}, "line 2: no shop.sqlite is below"),
    ],
)
def test_a_wrong_line_is_named(inside: Command, tmp_path: Path, command: str, row: object, complaint: str) -> None:
    good = {"database": "restaurants", "gold": "SELECT 1", "prediction": "SELECT 1"}
    done = inside(command, lines(tmp_path / "rows.jsonl", good, row), "--databases", DATA / "database")
    assert done.code == 2
    assert complaint in done.complaint


def test_a_folder_that_is_not_there_is_named(inside: Command, tmp_path: Path) -> None:
    file = lines(tmp_path / "rows.jsonl", {"database": "a", "gold": "SELECT 1", "prediction": "SELECT 1"})
    done = inside("sql-compare", file, "--databases", tmp_path / "gone")
    assert done.code == 2
    assert "is no folder" in done.complaint
