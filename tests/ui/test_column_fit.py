"""Columns of tables: together no wider than their place, and cells whole in the lowest rows that do it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import streamlit as st

from llmopt_ui.column_fit import PADDING, ROW_HEIGHTS, Column, fit_columns, lines_of, text_width
from llmopt_ui.tables import data_table, table_editor

NAME = "a-tuned-model-of-forty-characters-4711x8"
SENTENCE = "The harbour was built in 1712, and its two lighthouses still stand where they stood then."


def test_a_text_is_broken_at_spaces_and_a_long_word_where_the_column_ends() -> None:
    assert lines_of("one two", text_width("one two")) == 1
    assert lines_of("one two", text_width("one two") - 1) == 2
    assert lines_of("aaaa", text_width("a") * 2) == 2
    assert lines_of("", 10) == 0


def test_wide_characters_take_more_room_and_unseen_ones_none() -> None:
    assert text_width("港口") > text_width("ab")
    assert text_width("a\u0301\u200b") == text_width("a")


@pytest.mark.parametrize("room", [260, 400, 620])
def test_what_fits_in_one_line_makes_no_tall_rows(room: int) -> None:
    widths = fit_columns([Column("Document", ["harbour.md", "notes.txt"]), Column("Time", ["0.2 s", "12 s"])], room)
    assert widths.whole
    assert widths.row_height == ROW_HEIGHTS[1]
    assert sum(widths.widths) <= room


@pytest.mark.parametrize("texts", [[NAME], [SENTENCE], [NAME, SENTENCE, ""], ["港口建于一七一二年。" * 4]])
def test_cells_are_whole_where_there_is_room(texts: list[str]) -> None:
    names = ("Fine-tuned model", "State", "Data")
    widths = fit_columns([Column(names[0], texts), *(Column(name, ["finished", "failed"]) for name in names[1:])], 330)
    lines = next(lines for lines, height in ROW_HEIGHTS.items() if height == widths.row_height)
    assert widths.whole
    assert sum(widths.widths) <= 330
    assert all(lines_of(text, widths.widths[0] - PADDING) <= lines for text in texts)
    assert all(text_width("finished") <= width - PADDING for width in widths.widths[1:])


def test_no_short_word_is_broken() -> None:
    widths = fit_columns([Column("Time", ["1 min 40 s"]), Column("Text", [SENTENCE * 3])], 300)
    assert widths.widths[0] - PADDING >= text_width("1 min 40 s")


def test_one_text_that_is_much_longer_makes_no_tall_rows_and_is_named_as_cut() -> None:
    widths = fit_columns([Column("Question", [*["Short?"] * 20, SENTENCE * 8]), Column("Id", ["q1"] * 21)], 400)
    assert not widths.whole
    assert widths.row_height == ROW_HEIGHTS[3]
    assert sum(widths.widths) <= 400


def test_lists_to_choose_from_have_at_most_three_lines() -> None:
    columns = [Column("Question", [SENTENCE * 3] * 9)]
    assert fit_columns(columns, 300).row_height == ROW_HEIGHTS[6]
    assert fit_columns(columns, 300, most=3).row_height == ROW_HEIGHTS[3]


def test_many_columns_still_stand_within_their_place() -> None:
    widths = fit_columns([Column(f"Configuration {number}", [NAME]) for number in range(12)], 500)
    assert sum(widths.widths) <= 500


@pytest.mark.parametrize("draw", [data_table, table_editor])
def test_names_kinds_and_hidden_columns_are_as_they_were_given(draw: object, monkeypatch: pytest.MonkeyPatch) -> None:
    values: dict[str, object] = {}
    for name in ("dataframe", "data_editor"):
        monkeypatch.setattr(st, name, lambda table, **options: values.update(options))
    table = pd.DataFrame({"name": ["x"], "key": ["k"], "when": [pd.Timestamp("2026-03-01")], "ok": [True]})
    draw(table, column_config={"name": "Name", "key": None, "when": {"type_config": {"type": "datetime"}}})  # type: ignore[operator]
    config = values["column_config"]
    assert isinstance(config, dict)
    assert config["key"] is None
    assert config["name"]["label"] == "Name"
    assert config["when"]["width"] >= text_width("2026-03-01 00:00:00")
    assert sum(one["width"] for one in config.values() if one) <= 620


def test_a_table_that_is_not_whole_says_how_to_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    monkeypatch.setattr(st, "dataframe", lambda table, **options: None)
    monkeypatch.setattr(st, "caption", messages.append)
    data_table(pd.DataFrame({"Text": ["short"]}))
    assert not messages
    data_table(pd.DataFrame({"Text": [SENTENCE * 20]}))
    assert messages == ["Where a cell is not shown whole, double-click it to read all of it."]


@pytest.mark.parametrize("room", [140, 260, 620])
def test_a_column_without_any_text_is_as_wide_as_its_header(room: int) -> None:
    widths = fit_columns([Column("Source", ["", ""]), Column("Text", [SENTENCE, SENTENCE]), Column("To", [])], room)
    assert sum(widths.widths) <= room
    assert all(widths.widths)


def test_a_moment_that_stands_for_all_rows_is_whole_though_one_row_of_eight_may_be_cut() -> None:
    names = Column("Configuration", ["p" * 200, *["hot"] * 12])
    started = Column("Started", ["00 Mmm, 00:mm"], wraps=False)
    fit = fit_columns([names, started], 220, most=3)
    assert fit.widths[1] >= text_width("00 Mmm, 00:mm") + PADDING


def test_the_last_column_stays_clear_of_the_scroll_bar_and_a_day_may_have_two_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(st, "dataframe", lambda _table, **options: shown.append(options["column_config"]))
    for rows in (2, 40):
        started = pd.Series(pd.to_datetime(["2026-11-30T22:50:00Z"] * rows))
        table = pd.DataFrame({"Name": ["hot"] * rows, "Started": started})
        data_table(table, alt="Runs", column_config={"Started": st.column_config.DatetimeColumn(format="D MMM, HH:mm")})
    few, many = (columns["Started"]["width"] for columns in shown)
    assert few >= text_width("30 Mmm, 22:50") + PADDING
    assert many == few + 12
