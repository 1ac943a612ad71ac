"""The result that most drafts agree on."""

from decimal import Decimal

import pytest

from llmopt_core.answering.tools.sql.vote import leader, samples_needed, vote_for


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        ([(1, "x"), (2, "y")], [(2, "y"), (1, "x")], True),
        ([(0.1 + 0.2,)], [(0.3,)], True),
        ([(6,)], [(6.0,)], True),
        ([(Decimal("1.50"),)], [(1.5,)], True),
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
    assert (vote_for(a) == vote_for(b)) is alike


def test_the_most_frequent_result_leads_and_the_first_of_equals():
    assert leader(["b", "a", "a", None]) == (1, 2)
    assert leader(["b", "a", "a", "b"]) == (0, 2)
    assert leader([None, None]) is None


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
    assert samples_needed(votes, most) == needed
