"""The obvious chart of a result."""

import pytest

from llmopt_core.labs.data_questions.result_chart import chart_of


@pytest.mark.parametrize(
    ("columns", "rows", "chart"),
    [
        (["n"], [(6,)], ("number", None, (0,))),
        (["type", "price"], [("Hardware", 2.5), ("Clothes", 8)], ("bar", 0, (1,))),
        (["customer_id", "name", "orders"], [(1, "Ann", 3), (2, "Bob", 1)], ("bar", 1, (2,))),
        (["day", "sales"], [("2026-01-02", 5), ("2026-01-03", None)], ("line", 0, (1,))),
        (["month", "sales"], [("2026-01", 5), ("2026-02", 6)], ("line", 0, (1,))),
        (["year", "films"], [(2019, 5), (2020, 3)], ("line", 0, (1,))),
    ],
)
def test_what_is_named_goes_along_and_what_is_counted_goes_up(columns, rows, chart):
    drawn = chart_of(columns, rows)
    assert (drawn.kind, drawn.x, drawn.y) == chart
    assert drawn.reason == ""


@pytest.mark.parametrize(
    ("columns", "rows", "reason"),
    [
        (["n"], [], "no rows"),
        (["name"], [("Ann",)], "one text"),
        (["name", "city"], [("Ann", "Oslo"), ("Bob", "Rome")], "no column of numbers"),
        (["a", "b"], [(5, 2), (3, 1)], "no column to name its numbers"),
        (["name", "id"], [("Ann", 1), ("Bob", 2)], "are keys"),
        (["name", "n"], [("Ann", 1), ("Ann", 2)], "tells its rows apart"),
        (["name", "n"], [(f"n{i}", i) for i in range(90)], "90 rows are too many"),
        (["flag", "other"], [(True, False), (False, True)], "no column of numbers"),
    ],
)
def test_without_an_obvious_chart_the_reason_is_said(columns, rows, reason):
    drawn = chart_of(columns, rows)
    assert drawn.kind == "none"
    assert reason in drawn.reason
