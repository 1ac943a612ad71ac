"""The whole report: what was asked, where configurations win, lose and fail, what they cost, and the limits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.labs.evaluation.ladder.talk import talk_ladder
from llmopt_core.labs.evaluation.report.build import build_report, write_whole_report
from llmopt_core.labs.evaluation.report.texts import CUT
from llmopt_core.reporting.page import Report, render
from llmopt_core.reporting.sections import ReportSection, ReportTable

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"
METRICS = ("exact_match", "faithfulness", "answer_relevancy", "context_precision", "context_recall")


def record(place: int, right: bool, *, answer: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "example_id": f"q{place}", "question": f"Question {place}?", "reference": "Rhine",
        "answer": answer or ("Rhine" if right else "Elbe"), "category": ("river", "lake")[place % 2],
        "contexts": [{"document": "d.md", "start": 0, "end": 9, "text": "A long text of a source.", "score": 0.5}],
        "scores": {"exact_match": {"value": float(right), "explanation": "", "failure": None}}, "failure": None,
    } | changes  # fmt: skip


def run(name: str, rights: list[bool], **changes: Any) -> dict[str, Any]:
    size, mean = len(rights), sum(rights) / len(rights)
    metrics = {"exact_match": {"mean": mean, "ci95": [0.1, 0.9], "scored": size, "total": size}}
    each = {"asked": size, "cached": 0, "tokens": 200.0, "seconds": 1.5, "cost_usd": 0.002}
    records = [record(i, right) for i, right in enumerate(rights)]
    return {"configuration": name, "metrics": metrics, "records": records, "per_question": each} | changes


def result(*runs: dict[str, Any], name: str = "rivers, confirm") -> dict[str, Any]:
    return {"project": "p", "evaluation_set": {"name": name, "version": "v1", "size": 40}, "judge": "j",
            "runs": list(runs)}  # fmt: skip


def section(report: Report, title: str) -> ReportSection:
    return next(one for one in (*report.opening, *report.findings, *report.closing) if one.title == title)


def table(report: Report, title: str, place: int = 0) -> ReportTable:
    return section(report, title).tables[place]


@pytest.fixture
def two() -> dict[str, Any]:
    cheap = {"asked": 4, "cached": 6, "tokens": 100.0, "seconds": None, "cost_usd": 0.001}
    return result(
        run("baseline", [False] * 6 + [True] * 4), run("rag", [True] * 5 + [False, False] + [True] * 3,
            per_question=cheap)
    )  # fmt: skip


def test_goal_data_and_split_are_told(two: dict[str, Any]) -> None:
    report = build_report(two, goal="Ship it or not.")
    assert section(report, "Goal").sentences[0] == "Ship it or not."
    assert "whether 1 configuration (rag) is better than baseline" in section(report, "Goal").sentences[1]
    facts = dict(table(report, "Data and splits").rows)
    assert facts["split"].startswith("confirm")
    assert facts["questions asked"] == "10 of 40"
    assert dict(table(report, "Data and splits", 1).rows) == {"river": "5", "lake": "5"}
    whole = build_report(result(run("a", [True]), name="rivers"))
    assert dict(table(whole, "Data and splits").rows)["split"].startswith("none")


def test_wins_and_losses_stand_both_ways_with_the_answers(two: dict[str, Any]) -> None:
    report = build_report(two)
    assert table(report, "Wins and losses").rows == (("rag", "5", "1", "4", "10 of 10 asked of both", "0"),)
    rows = table(report, "Wins and losses", 1).rows
    assert [row[:2] for row in rows] == [*(("won", f"q{i}") for i in range(5)), ("lost", "q6")]
    assert rows[-1][2:] == ("Question 6?", "1.00", "0.00", "Rhine", "Elbe")
    turned = build_report(two, baseline="rag")
    assert table(turned, "Wins and losses").rows[0][:3] == ("baseline", "1", "5")


def test_a_score_on_one_side_is_no_win_and_is_counted(two: dict[str, Any]) -> None:
    two["runs"][1]["records"][0]["scores"]["exact_match"]["value"] = None
    two["runs"][1]["metrics"]["exact_match"]["scored"] = 9
    report = build_report(two)
    assert table(report, "Wins and losses").rows == (("rag", "4", "1", "4", "9 of 10 asked of both", "1"),)
    assert table(report, "Limits").rows == (("rag", "Exact match", "9 of 10 questions"),)


def test_a_run_that_was_trained_on_the_questions_wins_nothing(two: dict[str, Any]) -> None:
    assert len(section(build_report(two), "Wins and losses").sentences) == 1
    two["runs"][1]["training_overlap"] = {"exact": 6, "near": 0, "questions": 10}
    told = section(build_report(two), "Wins and losses").sentences
    assert told[1].endswith("wins and losses prove nothing: rag.")


def test_error_kinds_have_counts_intervals_and_categories(two: dict[str, Any]) -> None:
    two["runs"][0]["records"][0] |= {"answer": None, "failure": {"stage": "answer", "kind": "timeout", "message": "m"}}
    report = build_report(two)
    kinds = {row[0]: row[1:3] for row in table(report, "Error kinds").rows}
    assert kinds["All failures"][0].startswith("6 of 10: 60 % (31 to 83 %)")
    assert kinds["Error"][0].startswith("1 of 10: 10 % (2 to 40 %)")
    assert kinds["Error"][1].startswith("0 of 10: 0 % (0 to 28 %)")
    categories = {row[0]: row[1] for row in table(report, "Error kinds", 1).rows}
    assert [share.split(":")[0] for share in categories.values()] == ["3 of 5", "3 of 5"]


def test_costs_have_their_number_and_missing_is_no_zero(two: dict[str, Any]) -> None:
    rows = {row[0]: row[1:] for row in table(build_report(two), "Costs").rows}
    assert rows["baseline"] == ("$0.002", "200", "1.5 s", "10", "0", "")
    assert rows["rag"] == ("$0.001", "100", "–", "4", "6", "0.5")
    two["runs"][0].pop("per_question")
    rows = {row[0]: row[1:] for row in table(build_report(two), "Costs").rows}
    assert rows["baseline"][:4] == ("–",) * 4
    assert rows["rag"][-1] == "–"


def test_the_ladder_of_a_file_proposes_and_that_of_a_project_goes_before_it(two: dict[str, Any]) -> None:
    rows = table(build_report(two), "Ladder").rows
    assert [row[0] for row in rows] == ["1 ● baseline", "2 ? undecided"]
    assert "10 questions; unit: question" in rows[1][3]
    assert rows[1][4].startswith("cannot tell: about")
    talk = table(build_report(two, ladder=talk_ladder()), "Ladder").rows
    assert [row[1] for row in talk][:2] == ["Search by cosine similarity", "HyDE"]
    assert talk[1][0] == "2 ✗ dropped"


def test_every_cell_says_of_how_many_and_in_which_unit(two: dict[str, Any]) -> None:
    page = render(build_report(two))
    assert "10 of 10 scored" in page
    assert "10 questions; unit: question" in page


def test_user_text_never_becomes_html_and_only_our_script_runs(tmp_path: Path) -> None:
    evil = record(0, True, example_id=EVIL, question=EVIL, reference=EVIL, answer=EVIL, category=EVIL)
    other = record(0, False, example_id=EVIL, question=EVIL, reference=EVIL, answer="x", category=EVIL)
    runs = [run(EVIL, [True]) | {"records": [evil]}, run(EVIL + "2", [False]) | {"records": [other]}]
    write_whole_report(result(*runs, name=EVIL), tmp_path / "r.html", title=EVIL, goal=EVIL)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert re.search(r"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]+='", page)
    for sign in ("http://", "https://", "<link", 'src="', "@import", "fetch("):
        assert sign not in page


def test_ten_runs_of_two_hundred_questions_stay_below_six_megabytes(tmp_path: Path) -> None:
    def of(number: int) -> dict[str, Any]:
        scores = {name: {"value": 0.5, "explanation": "Because & so on. " * 12, "failure": None} for name in METRICS}
        records = [
            record(i, True, answer=f"{number} {i} " + "word " * 60, scores=scores, contexts=[
                {"document": f"d{k}.md", "start": 0, "end": 9, "text": f"{number} {i} {k} " + "text " * 200, "score": 1}
                for k in range(5)])
            for i in range(200)
        ]  # fmt: skip
        metrics = {name: {"mean": 0.5, "ci95": [0.4, 0.6], "scored": 200, "total": 200} for name in METRICS}
        return {"configuration": f"variant {number}", "metrics": metrics, "records": records}

    path = tmp_path / "r.html"
    assert write_whole_report(result(*map(of, range(10))), path) == path.stat().st_size < 6_000_000
    assert CUT in path.read_text(encoding="utf-8")


def test_a_source_stands_once_for_a_question_and_a_small_report_cuts_nothing(two: dict[str, Any]) -> None:
    page = render(build_report(two))
    assert page.count("A long text of a source.") == 10
    assert page.count("as for baseline above") == 10
    assert CUT not in page


def test_one_run_and_a_wrong_baseline() -> None:
    report = build_report(result(run("a", [True, False])))
    assert "nothing to compare" in section(report, "Wins and losses").sentences[0]
    assert "Find out how good a is" in section(report, "Goal").sentences[0]
    with pytest.raises(BadInput, match="no configuration named b"):
        build_report(result(run("a", [True])), baseline="b")
    with pytest.raises(BadInput, match="no runs"):
        build_report(result())
    bare = {"configuration": "a", "metrics": {}, "records": []}
    assert "nothing to compare" in render(build_report({"runs": [bare, bare]}))


def test_the_ladder_of_a_file_goes_by_its_parents(two: dict[str, Any]) -> None:
    """`child` stands before its parent; one whose parent is not in the file is held against the baseline."""
    spec = {"model": {}, "prompt": {"template": "{{ question }}"}}
    rag = {**spec, "retrieval": {"search": {"method": "hybrid"}}}
    two["runs"] = [
        run("child", [True] * 9 + [False], parent="rag", spec=rag),
        run("baseline", [False] * 6 + [True] * 4, spec=spec),
        run("rag", [True] * 8 + [False] * 2, parent="baseline", spec=rag),
        run("other", [True] * 5 + [False] * 5, parent="gone"),
    ]
    found = table(build_report(two), "Ladder")
    assert [row[1] for row in found.rows] == ["baseline", "rag", "child", "other"]
    assert [re.findall(r"against (\w+)", row[3]) for row in found.rows] == [[], ["baseline"], ["rag"], ["baseline"]]
    assert found.rows[2][3].startswith("+0.10")
    assert "retrieval added: hybrid search" in found.rows[1][6]
    # A circle of parents, which no experiment file can have and a hand-made one may, ends.
    two["runs"][0]["parent"], two["runs"][2]["parent"] = "rag", "child"
    assert len(table(build_report(two), "Ladder").rows) == 4


def test_costs_have_the_interval_that_the_file_has(two: dict[str, Any]) -> None:
    two["runs"][1]["per_question"]["ci95"] = {"cost_usd": [0.0008, 0.0012], "tokens": [90.0, 110.0]}
    found = table(build_report(two), "Costs")
    assert dict(zip(found.columns, found.rows[1], strict=True))["cost per question"] == "$0.001 ($0.0008 to $0.0012)"
    assert found.rows[1][2] == "100 (90 to 110)"
    assert "Where no interval stands" in found.note
    two["runs"][1]["per_question"]["ci95"] = {"cost_usd": ["x", None], "tokens": 7}
    assert table(build_report(two), "Costs").rows[1][1:3] == ("$0.001", "100")


def _walk(page: str) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Each table of a page: the heading that it stands under, all words of its section, its rows of cells."""
    body = re.sub(r"<(style|script|svg).*?</\1>", "", page, flags=re.DOTALL)
    for part in re.split(r"<h2>", body)[1:]:
        title, _, rest = part.partition("</h2>")
        words = unescape(re.sub(r"<[^>]+>", " ", rest))
        for found in re.findall(r"<table.*?</table>", rest, flags=re.DOTALL):
            rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, flags=re.DOTALL) for row in found.split("<tr>")[1:]]
            yield title, words, [[unescape(re.sub(r"<[^>]+>", " ", cell)) for cell in row] for row in rows]


def test_every_number_of_the_page_has_its_n_interval_coverage_split_and_unit(two: dict[str, Any]) -> None:
    """All tables are walked, cell by cell: nothing that is estimated stands there bare."""
    two["runs"].append(run("third", [True] * 9 + [False], parent="rag"))
    two["runs"][2]["per_question"]["ci95"] = {"cost_usd": [0.001, 0.003], "tokens": [100, 300], "seconds": [1.0, 2.0]}
    two["votes"] = []
    page = render(build_report(two))
    walked: Counter[str] = Counter()
    for title, words, (head, *rows) in _walk(page):
        if title in ("Every question", "Goal", "Data and splits", "Limits"):
            continue
        assert re.search(r"[Ss]plit: (confirm|none)", words), title
        assert re.search(r"[Uu]nit: (question|document|run)", words), title
        for row in rows:
            whole = " | ".join(row)
            for name, cell in zip(head, row, strict=True):
                # A score, a difference, a share, a mean of money or time.
                if not re.search(r"\d\.\d|\d %", cell) or name.strip() in ("why", "question", "id"):
                    continue
                walked[title] += 1
                where = f"{title}, {name}: {cell}"
                is_single = "score" in name or name.startswith("answer of")  # of one record
                is_sum = "sums and no estimates" in words
                is_known_bare = "Where no interval stands" in words or "per question" in name
                assert " to " in cell or is_single or is_sum or is_known_bare, where
                assert re.search(r"\d of [\d,]+|\d+ asked|questions;", whole) or re.search(r"\(n\)", " ".join(head)) \
                    or is_single or is_sum, where  # fmt: skip
    assert set(walked) >= {"Ladder", "Each configuration against baseline", "Error kinds", "Costs"}
    assert sum(walked.values()) > 25
    # The charts say it as well, to who comes by keyboard.
    bars = re.findall(r'<rect class="bar" tabindex="0" role="img" aria-label="([^"]+)"', page)
    assert len(bars) == 3
    assert all(re.fullmatch(r"Exact match \d\.\d\d \(.+ to .+\), 10 of 10 scored: \w+", bar) for bar in bars)
