import pytest

from llmopt_core.reporting.bars import HEIGHT, bar_chart
from llmopt_core.reporting.formatting import number
from llmopt_core.reporting.page import Report, ReportCell, ReportMetric, ReportRun, render, shade, spread


def test_bars_stand_on_the_axis_with_their_whiskers() -> None:
    chart = bar_chart(["F1"], [[(0.5, 0.25, 0.75), (1.0, None, None)]], ["#000", "#111"])
    first, second = chart.groups[0].bars
    assert (first.y, first.height) == (HEIGHT / 2, HEIGHT / 2)
    assert (first.low, first.high) == (HEIGHT * 0.75, HEIGHT * 0.25)
    assert (second.y, second.height, second.low) == (0.0, HEIGHT, None)
    assert second.x > first.x + chart.bar
    assert chart.width > second.x + chart.bar


def test_what_has_no_value_leaves_its_place_empty() -> None:
    chart = bar_chart(
        ["F1", "EM"], [[(None, None, None), (0.2, 0.1, 0.3)], [(0.1, 0.0, 0.2), (0.2, 0.1, 0.3)]], ["a", "b"]
    )
    assert len(chart.groups[0].bars) == 1
    assert chart.groups[0].missing
    assert chart.groups[0].bars[0].x - chart.groups[0].missing[0] > 0
    assert not chart.groups[1].missing


def test_negative_values_and_values_above_one_fit() -> None:
    chart = bar_chart(["x"], [[(-1.0, None, None), (3.0, None, None)]], ["a", "b"])
    down, up = chart.groups[0].bars
    assert down.y + down.height == HEIGHT
    assert up.y == 0.0
    assert up.height == pytest.approx(HEIGHT * 3 / 4)
    assert [label for _, label in chart.ticks] == ["-1", "0", "1", "2", "3"]


def test_numbers_have_three_digits_at_most() -> None:
    assert [number(v) for v in (None, 0.12345, 12.345, 0.0)] == ["–", "0.123", "12.3", "0"]
    assert shade(None) == "transparent"
    assert shade(2.0) == shade(1.0)
    assert spread([0.2, None, 0.9]) == pytest.approx(0.7)
    assert spread([None, 0.9]) == 0.0


def test_a_page_says_when_a_metric_was_not_scored_everywhere() -> None:
    cells = (
        ReportCell(0.5, 0.4, 0.6, 9, 10),
        ReportCell(None, None, None, 0, 10, None, None, "cannot tell"),
    )
    metric = ReportMetric("omega", "Omega", "How much is wasted.", False, cells)
    runs = (ReportRun("a", (("status", "finished"),)), ReportRun("b", (("status", "failed"),)))
    page = render(Report("Title", "sub", "a", runs, (metric,), ()))
    assert "9 of 10 scored" in page
    assert "lower is better" in page
    assert "? cannot tell" in page
