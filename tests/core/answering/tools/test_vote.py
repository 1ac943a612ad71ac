"""The result that most drafts agree on."""

from decimal import Decimal

import pytest

from llmopt_core.answering.tools.sql.vote import Vote, leader, samples_needed, vote_for


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        ([(1, "x"), (2, "y")], [(2, "y"), (1, "x")], True),
        ([(0.1 + 0.2,)], [(0.3,)], True),
        ([(6,)], [(6.0,)], True),
        ([(Decimal("1.50"),)], [(1.5,)], True),
        ([(123456789,)], [(123456789.0,)], True),
        ([(1234567.0000000002,)], [(1234567,)], True),
        ([(123456789,)], [(123456788,)], False),
        ([(Decimal("NaN"),)], [(float("nan"),)], True),
        ([(float("inf"),)], [(1,)], False),
        ([(1,)], [("1",)], False),
        ([(None,)], [(0,)], False),
        ([(1,), (1,)], [(1,)], False),
        ([(1, 2), (3, 4)], [(1, 4), (3, 2)], False),
        ([], [], True),
        ([], [(None,)], False),
    ],
)
def test_equal_results_vote_alike(a, b, alike):
    assert (vote_for(a).rows == vote_for(b).rows) is alike


def votes(names):
    return [None if name is None else Vote(name.lower(), name) for name in names]


def test_the_most_frequent_result_leads_and_the_first_of_equals():
    assert leader(votes(["b", "a", "a", None])) == (1, 2)
    assert leader(votes(["b", "a", "a", "b"])) == (0, 2)
    assert leader(votes([None, None])) is None


def test_of_equal_rows_the_most_frequent_order_leads():
    assert leader(votes(["A", "a", "b", "a"])) == (1, 3)
    up, down = vote_for([(1,), (2,)]), vote_for([(2,), (1,)])
    assert leader([down, up, up]) == (1, 3)


def test_results_that_were_cut_agree_only_where_the_query_is_the_same():
    rows = [(1,), (2,)]
    first, other = vote_for(rows, cut_query="SELECT a FROM t"), vote_for(rows, cut_query="SELECT b FROM t")
    assert leader([first, other, vote_for(rows)]) == (0, 1)
    assert leader([other, first, first]) == (1, 2)


@pytest.mark.parametrize(
    ("votes", "most", "needed"),
    [
        ([], 5, 3),
        (["a", "a", "a"], 5, 0),
        (["a", "b", "a"], 5, 1),
        (["a", "a", "b", "b"], 5, 1),
        ([None, None, None], 5, 1),
        (["a", "b", "c", "d", "e"], 5, 0),
        (["a", None], 2, 0),
    ],
)
def test_only_as_many_are_drafted_as_could_change_the_leader(votes, most, needed):
    assert samples_needed([None if v is None else Vote(v, v) for v in votes], most) == needed
