"""What is left of queries and questions without the words of their database."""

import pytest

from llmopt_core.answering.tools.sql.skeleton import mask_question, query_words, skeleton


@pytest.mark.parametrize(
    ("question", "names", "masked"),
    [
        ("How many singers are there?", ["singer"], "How many _ are there?"),
        ("How many countries have singers?", ["country", "singers"], "How many _ have _?"),
        ("Which COUNTRY has the oldest singer?", ["countries", "singers"], "Which _ has the oldest _?"),
        ("What is the singer's birth place?", ["singer", "BirthPlace"], "What is the _'s _?"),
        ("Show the order-items of order 12.", ["order_items", "order"], "Show the _ of _."),
        ("Which glass is full?", ["glass"], "Which _ is full?"),
        ("Give id and name", ["id", "name"], "Give id and _"),
        ("有多少个歌手来自法国？", ["歌手", "法国"], "有多少个_来自_？"),
        ("2024年的销售额是多少？", ["销售额", "年"], "_年的_是多少？"),
        ("가수의 이름은?", ["가수", "이름"], "_의 _은?"),
        ("歌手Name是什么", ["name"], "歌手_是什么"),
        ("Is he a singersongwriter?", ["singer"], "Is he a singersongwriter?"),
    ],
)
def test_words_of_the_schema_are_masked(question, names, masked):
    assert mask_question(question, names) == masked


@pytest.mark.parametrize(
    ("dialect", "query", "shape"),
    [
        ("sqlite", "SELECT date, name FROM t WHERE text = 'x'", "SELECT _ , _ FROM _ WHERE _ = _"),
        ("postgres", "SELECT name FROM s.t WHERE n ILIKE E'x%'", "SELECT _ FROM _ WHERE _ ILIKE _"),
        ("postgres", "SELECT a::date, count(*) FROM t", "SELECT _ :: _ , COUNT ( _ ) FROM _"),
        ("duckdb", "SELECT year(date) FROM t QUALIFY rank() = 1", "SELECT YEAR ( _ ) FROM _ QUALIFY RANK ( ) = _"),
        ("sqlite", 'SELECT "my name", `x y`, [z] FROM "t t"', "SELECT _ , _ , _ FROM _"),
        ("sqlite", "SELECT a FROM t WHERE b IS NULL", "SELECT _ FROM _ WHERE _ IS NULL"),
        ("sqlite", "SELECT 'open", ""),
    ],
)
def test_a_skeleton_has_no_names_and_no_values(dialect, query, shape):
    assert " ".join(skeleton(query, dialect)) == shape


def test_the_words_of_a_query_are_its_names_and_values():
    query = "SELECT max(\"song title\") FROM song WHERE land = 'France' AND year > 2000"
    assert query_words(query, "sqlite") == ("song title", "song", "land", "France", "year", "2000")
