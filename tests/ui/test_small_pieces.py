"""The pure parts: words for numbers, colours, bands, places on the map, figures, advice."""

from __future__ import annotations

import math
import re
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.comparison_matrix import compare_all
from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.experiments.search.confirmation import Verification
from llmopt_core.runs.values import RunScores
from llmopt_core.statistics.intervals import Summary, summarize
from llmopt_core.statistics.paired_comparison import compare_pairs
from llmopt_core.types import Chunk, Span, Usage
from llmopt_ui import format as fmt
from llmopt_ui.charts import metric_bars
from llmopt_ui.chunks_view import chunk_html
from llmopt_ui.documents import tabs as document_tabs
from llmopt_ui.evaluation.example_map import Cells, example_map
from llmopt_ui.evaluation.examples import sort_columns
from llmopt_ui.evaluation.pair_charts import matrix_map
from llmopt_ui.finetuning import tabs as tuning_tabs
from llmopt_ui.navigation import DOCUMENTS, FINETUNING, PAGES, PROMPTS, RETRIEVAL
from llmopt_ui.overview.map_chart import Leg, method_map, place
from llmopt_ui.prompts import tabs as prompt_tabs
from llmopt_ui.prompts.search_charts import before_after
from llmopt_ui.retrieval import tabs as retrieval_tabs
from llmopt_ui.retrieval.question import tokens_note
from llmopt_ui.runs.leaderboard_table import _with_dot
from llmopt_ui.theme import VERDICTS, figure_text, inks, verdict
from llmopt_ui.viewer_time import moment_column

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (float("nan"), "–"), (0, "0"), (0.8234, "0.823"), (12.345, "12.3"), (1234.5, "1,230"),
        (99.96, "100"), (-0.5, "-0.5"), (0.000123, "0.000123"), (1_000_000, "1,000,000"),
    ],
)  # fmt: skip
def test_numbers_have_at_most_three_significant_digits(value: float | None, text: str) -> None:
    assert fmt.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.42, "0.4 s"),
        (12, "12 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
    ],
)
def test_durations_are_words(seconds: float | None, text: str) -> None:
    assert fmt.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.0, "0 ms"),
        (0.00004, "under 0.1 ms"),
        (0.0937, "93.7 ms"),
        (0.00042, "0.42 ms"),
        (0.5, "500 ms"),
        (1.234, "1.2 s"),
    ],
)
def test_short_times_are_plain(seconds: float | None, text: str) -> None:
    assert fmt.short_time(seconds) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [(None, "no price list"), (0, "free"), (0.00123, "$0.00123"), (1.5, "$1.50"), (1234, "$1,234.00"),
     (3.6e-05, "$0.000036"), (0.00012, "$0.00012"), (0.0005, "$0.0005"), (0.0144, "$0.0144")],
)  # fmt: skip
def test_money_is_plain_and_says_when_no_price_is_known(usd: float | None, text: str) -> None:
    assert fmt.money(usd) == text


@pytest.mark.parametrize(
    "text", ["**bold**", "[a](http://b)", ":red[x]", "$a$", "<b>", "`code`", "# head", "a_b", "![i](j)"]
)
def test_user_text_in_markdown_has_every_sign_escaped(text: str) -> None:
    escaped = fmt.markdown(text)
    for sign in "*[]()`$<>:#_!":
        assert escaped.count(sign) == escaped.count("\\" + sign)


def test_file_stems_hold_no_path() -> None:
    assert fmt.file_stem("../../etc/passwd") == "etc-passwd"
    assert fmt.file_stem("///") == "results"


def test_no_page_has_the_address_of_a_file() -> None:
    stems = {path.stem for path in (ROOT / "pages").glob("*.py")}
    assert stems == {Path(spec.file).stem for spec in PAGES}
    assert not stems & {spec.url_path for spec in PAGES}
    assert len({spec.url_path for spec in PAGES}) == len(PAGES)
    assert [spec.default for spec in PAGES].count(True) == 1


def test_the_entry_point_is_short_and_pages_are_thin() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) < 60
    for path in (ROOT / "pages").glob("*.py"):
        assert len(path.read_text().splitlines()) < 150, path.name


def test_moments_are_of_this_machine_and_without_a_leading_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    when = datetime(2026, 3, 3, 23, 5, 7, tzinfo=UTC)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        rows = fmt.moment(when), fmt.moment(when, seconds=True), fmt.day(when), fmt.full_moment(when)
    time.tzset()
    assert rows == ("4 Mar, 08:05", "4 Mar, 08:05:07", "4 Mar 2026", "4 Mar 2026, 08:05")


def test_moments_are_of_the_viewer_in_words_and_in_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    when = datetime(2026, 3, 3, 23, 5, 7, tzinfo=UTC)
    context = SimpleNamespace(timezone="Asia/Kathmandu")
    monkeypatch.setattr(st, "context", context)
    assert (fmt.moment(when), fmt.day(when), fmt.full_moment(when)) == (
        "4 Mar, 04:50",
        "4 Mar 2026",
        "4 Mar 2026, 04:50",
    )
    assert moment_column()["type_config"]["timezone"] == "Asia/Kathmandu"
    # What a browser tells may be no zone of this machine's, whose own is taken then.
    for context.timezone in ("Etc/Unknown", "../..", "/etc/passwd", "", None, "a\0b", "x" * 5000):
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "Asia/Tokyo")
            time.tzset()
            rows = fmt.moment(when), moment_column()["type_config"]["timezone"]
        time.tzset()
        assert rows == ("4 Mar, 08:05", "+09:00"), context.timezone


def test_no_other_column_of_moments_is_made() -> None:
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "llmopt_ui").rglob("*.py")]:
        if path.name != "viewer_time.py":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"DatetimeColumn|astimezone\(\)", text), f"{path.name}: use moment_column"


def test_one_place_alone_puts_moments_into_words() -> None:
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "llmopt_ui").rglob("*.py")]:
        if path.name != "format.py":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r":%-?[dbmYHM]|strftime\(", text), f"{path.name}: use fmt.moment or fmt.day"


def test_no_dot_stands_in_a_line_without_its_name() -> None:
    for path in (ROOT / "llmopt_ui").rglob("*.py"):
        # A blank that breaks leaves the dot above the name where a column is narrow.
        assert not re.search(r"dot(\([^)]*\))?\} ", path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize(("name", "blank"), [
    ("rag", "\u00a0"), ("rag-rerank", "\u00a0"), ("gpt-4o-mini · tuned", "\u00a0"), ("极短回答", "\u00a0"),
    ("a_name_without_any_blank_in_it", " "),
])  # fmt: skip
def test_the_dot_of_a_leaderboard_stands_beside_its_name_where_the_column_has_room(name: str, blank: str) -> None:
    ink = inks([name])[name]
    assert _with_dot(ink, name) == f"{ink.dot}{blank}**{fmt.markdown(name)}**"


def test_no_file_is_read_in_the_encoding_of_the_machine() -> None:
    for path in (ROOT / "llmopt_ui").rglob("*.py"):
        assert ".read_text()" not in path.read_text(encoding="utf-8"), path.name


def test_usage_that_is_not_known_is_not_nothing() -> None:
    assert tokens_note(None).startswith("Unknown tokens")
    assert tokens_note(Usage()).startswith("0 tokens")


def test_ticked_rows_stay_ticked_when_others_come_before_them() -> None:
    def script() -> None:
        import pandas as pd
        import streamlit as st

        from llmopt_ui.tables import ticked_rows

        ids = st.session_state["ids"]
        rows = ticked_rows(pd.DataFrame({"Name": ids}), ids, "runs", alt="Runs")
        st.text(", ".join(ids[row] for row in rows))

    test = AppTest.from_function(script)
    test.session_state["ids"], test.session_state["runs_ticked"] = ["b", "a"], ("a",)
    assert test.run().text[0].value == "a"
    for ids, expected in ((["c", "b", "a"], "a"), (["a"], "a"), (["c", "b"], "")):
        test.session_state["ids"] = ids
        test.run()
        assert not test.exception
        assert test.text[0].value == expected


def test_no_html_is_allowed_anywhere() -> None:
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "llmopt_ui").rglob("*.py")]:
        assert "unsafe_allow_html=True" not in path.read_text(), path.name


def test_both_themes_define_the_same_colours() -> None:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    assert theme["light"].keys() == theme["dark"].keys()
    assert len(theme["light"]["chartSequentialColors"]) == len(theme["dark"]["chartSequentialColors"]) == 10
    assert "http" not in (ROOT / ".streamlit" / "config.toml").read_text()


def test_a_configuration_keeps_its_colour_when_others_are_added() -> None:
    before, after = inks(["a", "b"]), inks(["a", "b", "c", "d"])
    assert {name: after[name] for name in before} == before


def test_no_two_configurations_look_the_same() -> None:
    result = inks([f"c{i}" for i in range(40)])
    assert len({(ink.colour, ink.pattern) for ink in result.values()}) == 40


def test_every_verdict_has_colour_sign_and_word() -> None:
    assert len({style.sign for style in VERDICTS.values()}) == len(VERDICTS)
    assert verdict("better").markdown == ":green[▲ better]"
    assert verdict("something new").word == "not compared"


TEXT = "One two. <script>x</script> Three & four."


def test_reference_spans_are_marked_inside_a_chunk() -> None:
    chunk = Chunk("d", 4, 12, TEXT[4:12])
    text = chunk_html(chunk, [Span("d", 0, 7), Span("other", 0, 50)])
    assert text.count("background") == 1
    assert ">two</span>" in text


RAG = {"prompt": {"template": "x"}, "retrieval": {"search": {"method": "dense"}}}


def test_each_technique_moves_a_configuration_its_own_way() -> None:
    plain_prompt = place({"prompt": {"template": "x"}})
    shots = place({"prompt": {"template": "x", "few_shot": {"examples": [{"answer": "1"}]}}})
    rag = place(RAG)
    reranked = place({**RAG, "retrieval": {"search": {"method": "hybrid"}, "rerank": {"method": "late-interaction"}}})
    tuned = place({"model": {"adapter": "mine"}, **RAG})
    assert plain_prompt.context < shots.context < rag.context < reranked.context
    assert plain_prompt.model < shots.model < tuned.model
    assert reranked.steps == ("prompt", "RAG", "hybrid search", "reranking")
    assert tuned.steps == ("prompt", "RAG", "fine-tuned")


def test_the_map_numbers_configurations_and_escapes_names() -> None:
    places = {"<b>one</b>": place(RAG), "two": place(RAG), "three": place(RAG)}
    figure = method_map(places, inks(list(places)), {"two": "Answer F1 0.40"})
    assert [trace.text[0] for trace in figure.data] == ["1", "2", "3"]
    assert "&lt;b&gt;one" in figure.data[0].hovertemplate
    assert "Answer F1 0.40" in figure.data[1].hovertemplate


def test_the_way_over_the_map_runs_behind_the_numbers() -> None:
    places = {"one": place({}), "two": place(RAG), "three": place({"model": {"adapter": "mine"}, **RAG})}
    figure = method_map(places, inks(list(places)), {}, [Leg("one", "two"), Leg("two", "three")])
    lines = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert [(line.layer, line.x0, line.x1) for line in lines] == [
        ("below", figure.data[a].x[0], figure.data[b].x[0]) for a, b in ((0, 1), (1, 2))
    ]
    # Before the numbers stands the head alone.
    heads = [note for note in figure.layout.annotations if note.showarrow]
    assert len(heads) == 2
    assert all(math.dist((note.x, note.y), (note.ax, note.ay)) < 0.1 for note in heads)


@pytest.mark.parametrize("specs", [
    [RAG] * 12,
    [{"prompt": {"template": "x"}}] * 12,
    [{"model": {"adapter": "mine"}}] * 6 + [{"model": {"adapter": "mine"}, **RAG}] * 6,
    [RAG, {"prompt": {"template": "x", "few_shot": {"examples": [1]}}}, {"prompt": {"template": "x"}}] * 8,
    [{**RAG, "retrieval": {"search": {"method": "hybrid"}, "transform": {"method": "hyde"}, "routing": {"a": 1},
                           "rerank": {"method": "late-interaction"}}, "fact_check": {"method": "words"}}] * 12,
])  # fmt: skip
def test_no_mark_of_the_map_lies_on_another_and_no_line_between_two_crosses_the_name_of_a_field(
    specs: list[dict[str, object]],
) -> None:
    names = [f"configuration {number}" for number in range(len(specs))]
    places = dict(zip(names, map(place, specs), strict=True))
    figure = method_map(places, inks(names), {})
    wide, high, around = 280, 400, figure.data[0].marker.size / 2
    spots = [(trace.x[0] * wide, trace.y[0] * high) for trace in figure.data]
    notes = figure.layout.annotations
    # Three lines of 16 pixels each.
    roof = min(note.y * high - 3 * 16 for note in notes if note.yanchor == "top")
    floor = max(note.y * high + 3 * 16 for note in notes if note.yanchor == "bottom")
    for at, (x, y) in enumerate(spots):
        assert all(abs(x - a) > 2 * around or abs(y - b) > 2 * around for a, b in spots[:at])
        assert around <= x <= wide - around
        assert floor + around < y < roof - around, "lines between marks stay as far from the names as the marks"
    for name, spot in zip(names, spots, strict=True):
        assert (spot[0] < wide / 2) == (places[name].model < 0.5)
        assert (spot[1] < high / 2) == (places[name].context < 0.5)


def test_a_missing_score_is_words_not_a_zero_bar() -> None:
    results = {"a": {"m": Summary(None, None, None, 0, 9)}, "b": {"m": Summary(0.5, 0.4, 0.6, 8, 9)}}
    figure = metric_bars(results, {"m": "Metric"}, inks(["a", "b"]))
    messages = {trace.text[0] for trace in figure.data if trace.showlegend is False}
    assert messages == {"not scored"}
    assert figure.data[0].y[0] is None
    bars = next(trace for trace in figure.data if trace.name == "b")
    assert bars.error_y.array[0] == pytest.approx(0.1)
    assert "8 of 9 scored" in bars.customdata[0]
    assert figure.layout.yaxis.title.text == "Mean score (0 to 1)"


def test_a_bar_too_low_for_its_figure_has_it_above_its_interval() -> None:
    results = {"a": {"low": Summary(0.03, 0.01, 0.07, 9, 9), "high": Summary(0.5, 0.4, 0.6, 9, 9)}}
    figure = metric_bars(results, {"low": "Low", "high": "High"}, inks(["a"]))
    inside, above = figure.data
    assert list(inside.text) == ["", "0.50"]
    assert (list(above.x), list(above.text), list(above.base)) == (["Low"], ["0.03"], [0.07])
    assert (inside.textposition, above.textposition) == ("inside", "outside")
    assert inside.offsetgroup == above.offsetgroup


CELLS = Cells(
    "m", ("a", "b"), ("q1", "q2", "q3"), ("One?", "<i>Two?</i>", "Three?"), ((1.0, 0.2, None), (0.0, 0.3, None))
)


def test_every_cell_says_its_score_and_its_question() -> None:
    figure = example_map(CELLS, ("b", "q2"))
    cells = figure.data[0]
    assert cells.text.tolist() == [["1.00", "0.20", "not scored"], ["0.00", "0.30", "not scored"]]
    assert cells.customdata[1].tolist() == ["One?", "&lt;i&gt;Two?&lt;/i&gt;", "Three?"]
    assert len(figure.layout.shapes) == 1


def test_a_map_of_thirty_thousand_cells_has_no_element_for_each() -> None:
    names, ids = tuple(f"c{n}" for n in range(30)), tuple(f"q{n}" for n in range(1000))
    rows = tuple(tuple(None if n % 2 else 0.5 for n in range(1000)) for _ in names)
    failures = frozenset(("c3", f"q{n}") for n in range(1, 100, 2))
    figure = example_map(Cells("m", names, ids, ids, rows, failures))
    assert sum(len(trace.x) for trace in figure.data if trace.type == "scatter") == 50
    assert figure.data[0].xgap == 0
    assert figure.layout.dragmode == "zoom"


def test_a_matrix_of_thirty_configurations_is_two_traces_and_no_shapes() -> None:
    examples = tuple(f"q{n}" for n in range(40))
    runs = [RunScoreTable(f"c{n}", 40, RunScores(examples, {"m": [float(n > 15)] * 40}, {})) for n in range(30)]
    matrix = compare_all(runs, "m")
    figure = matrix_map(matrix)
    colours, points = figure.data
    assert not figure.layout.shapes
    assert len(points.x) == 30 * 29
    words = ("better", "worse", "equivalent", "cannot tell", "not comparable")
    for row, column in ((20, 3), (3, 20), (1, 2)):
        assert words[int(colours.z[row][column])] == matrix.verdict(f"c{row}", f"c{column}")
    assert (matrix.verdict("c20", "c3"), matrix.verdict("c3", "c20")) == ("better", "worse")
    # Each word has a band of the scale of one colour.
    assert [colour for _, colour in colours.colorscale][::2] == [colour for _, colour in colours.colorscale][1::2]


@pytest.mark.parametrize(
    ("order", "expected"), [("set", ["q1", "q2", "q3"]), ("spread", ["q1", "q2", "q3"]), ("low", ["q2", "q1", "q3"])]
)
def test_questions_are_ordered_and_unscored_ones_come_last(order: str, expected: list[str]) -> None:
    table = sort_columns(CELLS, order)
    assert list(table.examples) == expected
    assert table.values[0][table.examples.index("q1")] == 1.0


def test_plain_text_in_figures_is_escaped() -> None:
    assert figure_text("<a href='x'>y</a>") == "&lt;a href='x'&gt;y&lt;/a&gt;"


def test_a_suggestion_opens_a_tab_that_its_page_has() -> None:
    tabs = {DOCUMENTS: document_tabs, PROMPTS: prompt_tabs, RETRIEVAL: retrieval_tabs, FINETUNING: tuning_tabs}
    assert {page.title: page.tabs for page in tabs} == {page.title: one.VIEW for page, one in tabs.items()}
    for page, view in ((DOCUMENTS, "Sweep"), (RETRIEVAL, "Whole set"), (PROMPTS, "Side by side"), (PROMPTS, "Editor"),
                       (FINETUNING, "Training data")):  # fmt: skip
        assert view in tabs[page].TABS


def test_a_mean_of_zero_stands_inside_the_chart_of_before_and_after() -> None:
    values = ([0.0] * 6, [1.0] * 6)
    before, after = (summarize(part) for part in values)
    result = Verification(before=before, after=after, comparison=compare_pairs(*values), questions=6)
    low, high = before_after(result, "Answer F1").layout.xaxis.range
    assert low < 0 < 1 < high


def test_a_failed_answer_and_an_answer_without_score_look_different() -> None:
    cells = Cells(
        CELLS.metric, CELLS.configurations, CELLS.examples, CELLS.questions, CELLS.values, frozenset([("b", "q3")])
    )
    figure = example_map(cells)
    assert list(figure.data[1].marker.symbol) == ["circle", "x-thin-open"]
    assert figure.data[0].text[:, 2].tolist() == ["not scored", "the answer failed"]


@pytest.mark.parametrize(
    "text",
    ["http://a.b/c", "see https://a.b", "www.a.b", "me@a.b", "a -> b", "a <- b", "a <-> b", "a -- b", "a >= b",
     ":smile:", ":material/home:", ":streamlit:"],
)  # fmt: skip
def test_what_streamlit_reads_after_markdown_is_taken_apart_unseen(text: str) -> None:
    safe = fmt.markdown(text).replace("\\", "")
    assert safe != text
    assert safe.replace("\u2060", "") == text


@pytest.mark.parametrize("text", ["10:30:15", "a-b", "3 > 2", "name", "a: b", "at @ home"])
def test_plain_words_hold_nothing_unseen(text: str) -> None:
    assert fmt.markdown(text).replace("\\", "") == text


def test_names_along_an_axis_are_no_numbers_and_no_dates() -> None:
    figure = metric_bars({"2024": {}}, {"2024-01-01": "2024-01-01", "2": "2"}, inks(["2024"]))
    assert figure.layout.xaxis.type == "category"
    assert figure.layout.yaxis.type is None


def test_a_name_is_no_variable_of_a_chart() -> None:
    figure = metric_bars({"%{x} <b>n</b>": {}}, {"m": "m"}, inks(["%{x} <b>n</b>"]))
    assert not any("<b>%{x}" in str(trace.hovertemplate) or "<b>n" in str(trace.name) for trace in figure.data)


def test_a_long_name_stands_whole_in_a_legend_in_lines() -> None:
    name = "a-name-" * 20 + "end"
    lines = metric_bars({name: {}}, {"m": "Metric"}, inks([name])).data[0].name.split("<br>")
    assert "".join(lines) == name
    assert len(lines) > 2
    assert max(map(len, lines)) <= 60


def test_an_estimate_that_may_go_above_its_budget_is_marked() -> None:
    def page() -> None:
        from llmopt_ui.budget import warn_above

        warn_above(0.05, 0.01, 0.2)
        warn_above(0.05, 0.1, 0.2)
        warn_above(0.5, 0.1, 0.2)

    may, will = [warning.value for warning in AppTest.from_function(page).run().warning]
    assert may.startswith("This may cost up to")
    assert "it may stop on the way" in may
    assert will.startswith("This will cost about")
