"""Solved queries that give evaluated questions away are said."""

from llmopt_core.experiments.caveats import caveats, configuration_caveats
from llmopt_core.types import Example

GOLD = "SELECT count(*) FROM singer"


def said(lab, solved, **spec):
    data = {"source": "x.sqlite", "method": "few-shot-question", "examples": solved, **spec}
    configuration = lab.configuration("sql", retrieval=None, prompt={}, data=data)
    examples = [
        Example("1", "How many singers are there?", variables={"sql": GOLD, "database": "concerts"}),
        Example("2", "Who is the oldest?", variables={"sql": "SELECT 1", "database": "concerts"}),
    ]
    return [one.text for one in caveats([configuration_caveats(lab.store, "p", configuration, examples)]) if one.severe]


def test_a_right_query_under_another_wording_is_said(lab):
    solved = [{"question": "Count the singers.", "sql": "select COUNT(*)  from singer;", "database": "concerts"}]
    (text,) = said(lab, solved)
    assert text.startswith("sql: the right query of 1 of 2 questions stands among the solved queries")
    assert said(lab, solved, method="plain") == []


def test_the_question_itself_and_another_database_give_nothing_away(lab):
    assert said(lab, [{"question": "how many singers are there", "sql": GOLD, "database": "concerts"}]) == []
    assert said(lab, [{"question": "Count the singers.", "sql": GOLD, "database": "opera"}]) == []
