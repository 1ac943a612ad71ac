"""The auditor over an evaluation set, and accuracy on golds that can be trusted."""

import sqlite3

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.labs.data_questions.gold_audit import audit_examples, audited_accuracy
from llmopt_core.types import Example, Record, Score


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE goods (name TEXT, price REAL)")
        connection.executemany("INSERT INTO goods VALUES (?, ?)", [("a", 1.0), ("b", 2.0), ("c", 3.0)])
    return str(path)


def example(number, sql, **more):
    return Example(f"q{number}", "How many goods are there?", variables={"sql": sql, **more})


def test_findings_are_by_example(source):
    done = []
    examples = [example(1, "SELECT count(*) FROM goods"), example(2, "SELECT gone FROM goods"), Example("q3", "Why?")]
    findings = audit_examples(examples, source, lambda one, total: done.append((one, total)))
    assert {name: [one.kind for one in found] for name, found in findings.items()} == {"q1": [], "q2": ["gold_error"]}
    assert done == [(1, 2), (2, 2)]


def test_sets_and_sources_that_cannot_be_audited_are_refused(source, tmp_path):
    with pytest.raises(BadInput, match="No question of this set has a right query"):
        audit_examples([Example("q", "Why?")], source)
    (tmp_path / "goods.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"goods\.csv is no SQLite database"):
        audit_examples([example(1, "SELECT 1")], str(tmp_path / "goods.csv"))


def record(number, value):
    score = Score("execution_accuracy", value, failure="" if value is not None else "Both results are empty.")
    return Record(Example(f"q{number}", "?"), scores={"execution_accuracy": score})


def test_accuracy_on_sound_golds_stands_beside_that_on_all():
    found = audited_accuracy([record(1, 1.0), record(2, 0.0), record(3, 1.0), record(4, None)], {"q2", "q9"})
    assert (found.all, found.all_count) == (pytest.approx(2 / 3), 3)
    assert (found.sound, found.sound_count, found.missing) == (1.0, 2, 1)
    assert audited_accuracy([], ()).all is None
