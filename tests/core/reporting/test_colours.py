"""The colours of runs in a report."""

import re

from llmopt_core.experiments.report import report_of
from llmopt_core.reporting.page import PALETTE, render


def keys(colours: object, names: list[str]) -> list[str]:
    runs = [{"configuration": name, "metrics": {"m": {"mean": 0.5}}, "records": []} for name in names]
    page = render(report_of({"runs": runs, "colours": colours}))
    return re.findall(r'<span class="key" style="background:([^"]*)">', page)[: len(names)]


def test_names_keep_the_colours_that_a_result_says() -> None:
    assert keys({"b": PALETTE[4], "a": PALETTE[2]}, ["a", "b"]) == [PALETTE[2], PALETTE[4]]


def test_where_two_have_one_colour_only_the_second_gets_another() -> None:
    first, second, third = keys({"a": PALETTE[0], "b": PALETTE[0], "c": PALETTE[1]}, ["a", "b", "c"])
    assert (first, third) == (PALETTE[0], PALETTE[1])
    assert second in PALETTE[2:]


def test_what_is_no_colour_is_not_taken() -> None:
    for odd in ({"a": "red;} body{display:none"}, {"a": 3}, ["a"], None):
        assert keys(odd, ["a", "b"]) == [PALETTE[0], PALETTE[1]]
