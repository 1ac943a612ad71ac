"""The auditor of golds."""

import json
import sqlite3
from pathlib import Path

import pytest

from llmopt_core.labs.data_questions.golds.audit import GoldAuditor, audit_file
from llmopt_core.labs.data_questions.golds.copies import DataCopies

DATA = Path(__file__).parents[3] / "data" / "text2sql" / "verdicts"
ROWS = {row["id"]: row for row in map(json.loads, (DATA / "golds.jsonl").read_text().splitlines())}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, kind TEXT, price REAL, maker INTEGER);
        CREATE TABLE maker (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE);
        CREATE VIEW dear AS SELECT * FROM item WHERE price > 2;
        INSERT INTO maker VALUES (1, 'Ann'), (2, 'Bob');
        INSERT INTO item VALUES (1, 'pen', 'desk', 1.5, 1), (2, 'ink', 'desk', 3.0, 1), (3, 'cup', 'kitchen', 3.0, 2),
            (4, 'pot', 'kitchen', 9.0, 2), (5, 'box', 'kitchen', 4.0, 1);
        """
    )
    connection.commit()
    connection.close()
    with GoldAuditor(path) as auditor:
        yield auditor


def kinds(auditor, gold, question=""):
    return [finding.kind for finding in auditor.audit(gold, question)]


def test_planted_defects_are_found_and_controls_are_left_alone():
    for name, findings in audit_file(DATA / "golds.jsonl", DATA / "database"):
        row = ROWS[name]
        found = {finding.kind for finding in findings}
        if "subtype" in row:
            assert row["defect"] in found, (row, findings)
        else:
            assert not found, (row, findings)


@pytest.mark.parametrize(
    ("gold", "question", "kind"),
    [
        ("SELECT nam FROM item", "", "gold_error"),
        ("SELECT name FROM item WHERE price > 99", "", "empty_result"),
        ("SELECT SUM(price) FROM item WHERE kind = 'car'", "", "empty_result"),
        ("SELECT name FROM item LIMIT 2", "", "nondeterministic"),
        ("SELECT name FROM item WHERE price = 3 ORDER BY kind = 'car' LIMIT 1", "", "nondeterministic"),
        ("SELECT name FROM item ORDER BY kind", "", "nondeterministic"),
        ("SELECT kind, name, COUNT(*) FROM item GROUP BY kind ORDER BY kind", "", "nondeterministic"),
        ("SELECT name, price > julianday('now') FROM item", "", "nondeterministic"),
        ("SELECT name FROM item WHERE date(price) < CURRENT_DATE", "", "nondeterministic"),
        ("SELECT kind FROM item", "", "duplicate_sensitive"),
        ("SELECT COUNT(kind) FROM item", "How many different kinds are there?", "duplicate_sensitive"),
        ("SELECT name FROM item WHERE price > 8 AND id >= 1", "What costs more than 8?", "passes_by_accident"),
        ("SELECT MAX(price) FROM item WHERE name = 'pen'", "What does the pen cost?", "passes_by_accident"),
        ("SELECT AVG(price) FROM item WHERE name = 'pen'", "What does the pen cost?", "passes_by_accident"),
        ("SELECT name FROM item WHERE price >= 5", "What costs more than 5?", "passes_by_accident"),
        ("SELECT name FROM item WHERE price > 6", "What costs more than 5?", "passes_by_accident"),
        ("SELECT price / NULLIF(id, 9) FROM item WHERE id = 4", "Price per id of item 4?", "passes_by_accident"),
        (
            "SELECT item.name, maker.name FROM item LEFT JOIN maker ON item.maker = maker.id",
            "Name the items with their makers.",
            "passes_by_accident",
        ),
        (
            "SELECT COUNT(maker) FROM item WHERE kind = 'desk' AND price < 2",
            "How many different makers make desk items that cost less than 2?",
            "passes_by_accident",
        ),
    ],
)
def test_each_kind_of_defect(shop, gold, question, kind):
    assert kind in kinds(shop, gold, question)


@pytest.mark.parametrize(
    ("gold", "question"),
    [
        ("SELECT name FROM item ORDER BY name LIMIT 2", "Which two items are first by name?"),
        ("SELECT name FROM item ORDER BY price DESC LIMIT 1", "What is the most expensive item?"),
        ("SELECT name FROM dear", "Which items are dear?"),
        ("SELECT kind, AVG(price) FROM item GROUP BY kind", "What is the average price of each kind?"),
        ("SELECT name FROM item WHERE price > 5", "What costs more than 5?"),
        ("SELECT name FROM item WHERE price >= 5", "What costs at least 5?"),
        ("SELECT SUM(price) FROM item WHERE name = 'pen'", "How much are all pens?"),
        ("SELECT name FROM maker WHERE name = 'ann'", "Which maker is called Ann?"),
        ("SELECT name FROM maker WHERE id IN (SELECT maker FROM item GROUP BY maker HAVING COUNT(*) > 2)",
         "Which makers make at least 3 items?"),
    ],
)  # fmt: skip
def test_sound_golds_are_left_alone(shop, gold, question):
    assert kinds(shop, gold, question) == []


def test_an_accident_shows_the_near_miss_and_the_change_that_tells(shop):
    (finding,) = shop.audit("SELECT name FROM item WHERE price > 8 AND id >= 1", "What costs more than 8?")
    evidence = finding.evidence()
    assert "id >= 1" in evidence["reason"]
    assert "id >= 1" not in evidence["near_miss"]
    assert evidence["separated_by"][0].startswith('UPDATE "item"')
    json.dumps(evidence)


def test_the_database_is_not_changed_and_copies_are_deleted(tmp_path):
    path = tmp_path / "one.sqlite"
    connection = sqlite3.connect(path)
    connection.execute('CREATE TABLE "a ""b" ("c d" TEXT, "值" INTEGER)')
    connection.execute("INSERT INTO \"a \"\"b\" VALUES ('x', 1), ('y', 2)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    copies = DataCopies(path)
    changes = list(copies.changes({'a "b'}, {"c d", "值"}, [("值", 7), ("c d", "it's")]))
    made = [copies.changed(change) for change in changes]
    assert len(made) == 2 + 2 * 5 + 2
    assert path.read_bytes() == before
    assert sqlite3.connect(copies.shuffled(1)).execute('SELECT "值" FROM "a ""b"').fetchall() == [(2,), (1,)]
    copies.close()
    assert not any(one.exists() for one in made)


def test_rules_of_a_table_and_tables_that_cannot_be_copied_break_nothing(tmp_path):
    path = tmp_path / "ruled.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT UNIQUE COLLATE NOCASE NOT NULL, n INTEGER);"
        "INSERT INTO word VALUES (1, 'a', 1), (2, 'b', 2);"
        "CREATE VIRTUAL TABLE full USING fts5(text); INSERT INTO full VALUES ('a b');"
    )
    connection.commit()
    connection.close()
    with GoldAuditor(path) as auditor:
        (finding,) = auditor.audit("SELECT text FROM word WHERE n > 1 AND id >= 0", "What is above 1?")
        assert finding.kind == "passes_by_accident"
        assert auditor.audit("SELECT text FROM word WHERE text = 'A'", "Which is A?") == []
