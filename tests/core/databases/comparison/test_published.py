"""Our comparators say what the published scripts said, on an excerpt of their verdicts."""

import json
from pathlib import Path

import pytest

from llmopt_core.databases.comparison import bird, defog, spider, spider2
from llmopt_core.databases.comparison.difficulty import difficulty
from llmopt_core.databases.comparison.frames import Frame
from llmopt_core.databases.comparison.pair_file import compare_file, runner_of
from llmopt_core.databases.comparison.verdicts import Pair, verdict_of_spider
from llmopt_core.databases.query_rows import DatabaseFolder

DATA = Path(__file__).parents[3] / "data" / "text2sql" / "verdicts"


def read(name):
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def test_each_pair_has_the_verdicts_of_the_scripts():
    expected = {row["id"]: row for row in read("pairs.jsonl")}
    results = compare_file(DATA / "pairs.jsonl", DATA / "database")
    assert len(results) == len(expected) > 100
    found = {name: {script: verdicts[script] for script in expected[name]["verdicts"]} for name, verdicts in results}
    assert found == {name: row["verdicts"] for name, row in expected.items()}


def test_suite_looks_at_each_database_of_the_folder():
    databases = DatabaseFolder(DATA / "suite")
    wrong_on_three = 0
    for row in read("suite_pairs.jsonl"):
        paths = databases.suite(row["database"], row["pair_id"])
        assert len(paths) == 3
        pair = Pair((row["gold"],), row["prediction"])
        for field, files in (("on_one_database", paths[:1]), ("on_three_databases", paths)):
            runs = [runner_of(path) for path in files]
            for script, verdict in row[field].items():
                assert verdict_of_spider(pair, runs, script.endswith("keep_distinct")) == verdict, row["pair_id"]
        wrong_on_three += row["on_one_database"] != row["on_three_databases"]
    assert wrong_on_three


@pytest.mark.parametrize("row", read("hardness.jsonl"), ids=lambda row: row["gold"][:40])
def test_difficulty_is_the_scripts(row):
    assert difficulty(row["gold"]) == row["level"]


@pytest.mark.parametrize(
    ("sql", "level"),
    [
        # The word behind OR belongs to the value to Spider's parser, so the second condition is lost.
        ("SELECT a FROM t WHERE a = b OR c = 'x' AND d = 1", "medium"),
        # Spider's parser knows neither; the same things are counted in the tree.
        ("SELECT COUNT(*) FROM a LEFT JOIN b ON a.x = b.x", "easy"),
        ("WITH q AS (SELECT a FROM t) SELECT a FROM q ORDER BY a LIMIT 1", "extra"),
        ("SELECT a FROM t WHERE b IN (1, 2)", "easy"),
        ("no query at all", None),
    ],
)
def test_difficulty_of_what_spiders_parser_stumbles_at(sql, level):
    assert difficulty(sql) == level


def test_spiders_suite_mends_operators_and_drops_distinct_and_what_follows():
    sql = "SELECT DISTINCT 'distinct' FROM t WHERE a > = 1; SELECT 2"
    assert spider.query_that_runs(sql, keep_distinct=False) == "SELECT  'distinct' FROM t WHERE a >= 1;"
    assert spider.query_that_runs(sql, keep_distinct=True) == sql.replace("> =", ">=")
    assert spider.query_that_runs("SELECT YEAR( CURDATE() )", keep_distinct=True) == "SELECT 2020"
    assert spider.query_that_runs("  ", keep_distinct=False) is None


def test_spiders_suite_reads_the_order_from_the_text():
    assert spider.order_matters("SELECT 'order by'", keep_distinct=True)
    assert not spider.order_matters("SELECT a FROM t ORDER  BY a", keep_distinct=True)


def test_spiders_suite_gives_up_where_orders_of_columns_have_no_end():
    wide = [(0,) * 11, tuple(place % 2 for place in range(11))]
    assert spider.same_rows(wide, wide[::-1], in_order=False) is None
    assert spider.same_rows([row[:7] for row in wide], [row[:7] for row in wide], in_order=False) is True


def test_bird_takes_sets():
    assert bird.same_rows([(1, "a"), (1, "a")], [(1.0, "a")])
    assert not bird.same_rows([(1, 2)], [(2, 1)])


@pytest.mark.parametrize(
    ("gold", "prediction", "is_held"),
    [
        ([("007",)], [(7,)], True),
        ([("NA",)], [(0,)], True),
        ([("True",)], [(1,)], True),
        ([("a",)], [("A",)], False),
        ([(1.0,)], [(1.009,)], True),
        ([(1.0,)], [(1.02,)], False),
        ([("99999999999999999999",), ("1.",)], [("99999999999999999999",), (1,)], False),
        ([(" ",), ("x",)], [("x",)], True),
        # Too many digits make a column of texts, even with a point behind them.
        ([(0,), ("123456789012345678901.5",)], [("123456789012345678901.5",), (None,)], False),
    ],
)
def test_spider2_compares_what_a_file_holds(gold, prediction, is_held):
    assert spider2.holds_columns((("a",), gold), (("b",), prediction), ignore_order=True) is is_held


def test_defog_expands_alternatives_and_sets_of_columns():
    assert defog.gold_queries("SELECT {a, b} FROM t GROUP BY {};SELECT 1;") == [
        "SELECT a FROM t GROUP BY a",
        "SELECT  b FROM t GROUP BY  b",
        "SELECT a,  b FROM t GROUP BY a,  b",
        "SELECT 1",
    ]


def test_defog_lets_an_empty_table_pass_for_one_row_and_sorts_by_the_first_key():
    one, none = Frame.of(("a",), [(1,)]), Frame.of(("a",), [])
    assert defog.same_or_within(one, none, ("", ""), "", "") == "same"
    up, down = Frame.of(("a", "b"), [(1, 2), (2, 1)]), Frame.of(("a", "b"), [(2, 1), (1, 2)])
    queries = ("SELECT a, b FROM t ORDER BY a", "SELECT a, b FROM t ORDER BY a DESC")
    assert defog.same_or_within(up, down, queries, "sort them", "") == "same"
    assert defog.same_or_within(up, down, ("", ""), "sort them", "") == "different"
