"""Our own comparison."""

import math
from decimal import Decimal

import pytest

from llmopt_core.databases.comparison import ours
from llmopt_core.databases.comparison.ours import Order, compare, compare_any, order_of
from llmopt_core.databases.comparison.verdicts import Pair, compare_pair
from llmopt_core.databases.outcome import QueryOutcome


@pytest.mark.parametrize(
    ("gold", "prediction", "verdict"),
    [
        ([(1, "a"), (2, "b")], [(2, "b"), (1, "a")], "same"),
        ([(1, 2), (3, 4)], [(1, 4), (3, 2)], "different"),
        ([(1,), (1,)], [(1,)], "different"),
        ([(1,), (1,), (2,)], [(1,), (2,), (2,)], "different"),
        ([(1, 2)], [(2, 1)], "different"),
        ([(1,)], [("1",)], "different"),
        ([(None,)], [(0,)], "different"),
        ([(None,)], [("",)], "different"),
        ([(None,)], [(None,)], "same"),
        ([(b"a",)], [("a",)], "different"),
        ([(1,)], [(1.0,)], "same"),
        ([(1.0,)], [(1.0000005,)], "same"),
        ([(1.0,)], [(1.000002,)], "different"),
        ([(0.1 + 0.2,)], [(Decimal("0.3"),)], "same"),
        ([(9007199254740993,)], [(9007199254740992,)], "different"),
        ([(math.nan,)], [(math.nan,)], "same"),
        ([(10**400,)], [(10**400 + 1,)], "different"),
        ([], [], "unprovable"),
        ([], [(None,)], "different"),
        # Sorted side by side these would be paired wrongly: each row has a partner all the same.
        ([(1.0, 1.0), (1.0000008, 5.0)], [(1.0000009, 1.0), (1.0000001, 5.0)], "same"),
    ],
)
def test_bags_of_rows(gold, prediction, verdict):
    assert compare(gold, prediction) == verdict


def test_many_different_rows_are_told_apart_without_trying_all_pairs(monkeypatch):
    looked = []
    real = ours.same_row
    monkeypatch.setattr(ours, "same_row", lambda one, other: looked.append(1) or real(one, other))
    rows = [(float(place), float(place % 7)) for place in range(2000)]
    assert compare(rows, [(one, other + 0.5) for one, other in rows]) == "different"
    assert compare(rows, [(one * 1.0000001, other) for one, other in reversed(rows)]) == "same"
    assert len(looked) < 10_000


def test_order_counts_where_the_outermost_gold_orders():
    assert order_of("SELECT a FROM (SELECT a FROM t ORDER BY a)", ["a"], "sqlite") is None
    assert order_of("SELECT 'order by' AS a FROM t", ["a"], "sqlite") is None
    assert order_of("SELECT a, b FROM t ORDER  BY 2, a", ["a", "b"], "sqlite") == Order((1, 0))
    assert order_of("SELECT t.a AS x FROM t ORDER BY t.a", ["x"], "sqlite") == Order((0,))
    assert order_of("SELECT a FROM t ORDER BY b", ["a"], "sqlite") == Order(is_total=True)
    assert order_of("SELECT a FROM t UNION SELECT b FROM t ORDER BY a", ["a"], "sqlite") == Order((0,))


def test_rows_that_the_golds_keys_do_not_tell_apart_may_be_swapped():
    gold = [(1, "x"), (1, "y"), (2, "z")]
    assert compare(gold, [(1, "y"), (1, "x"), (2, "z")], Order((0,))) == "same"
    assert compare(gold, [(2, "z"), (1, "x"), (1, "y")], Order((0,))) == "different"
    assert compare(gold, [(1, "y"), (1, "x"), (2, "z")], Order(is_total=True)) == "different"


def test_any_of_several_golds_is_right():
    assert compare_any([([(1,)], None), ([(2,)], None)], [(2,)]) == "same"
    assert compare_any([([], None), ([(2,)], None)], []) == "unprovable"


def test_both_empty_is_counted_apart_and_a_failed_prediction_is_wrong():
    outcomes = {
        "empty": QueryOutcome("ok", "", ("a",), ()),
        "broken": QueryOutcome("error", "no such table"),
        "endless": QueryOutcome("ended", "time"),
        "one": QueryOutcome("ok", "", ("a",), ((1,),)),
    }
    verdicts = compare_pair(Pair(("empty",), "empty"), outcomes.__getitem__)
    assert verdicts["ours"] == "unprovable"
    assert all(verdicts[name] is True for name in verdicts if name != "ours")
    assert set(compare_pair(Pair(("one",), "broken"), outcomes.__getitem__).values()) == {False}
    assert compare_pair(Pair(("broken",), "one"), outcomes.__getitem__)["ours"] is None
    endless = compare_pair(Pair(("one",), "endless"), outcomes.__getitem__)
    assert (endless["bird"], endless["spider_test_suite"], endless["defog"]) == (False, None, None)
    assert compare_pair(Pair(("broken", "one"), "one"), outcomes.__getitem__)["ours"] is True
