import csv
import io
import re
from pathlib import Path

import pytest

from llmopt_core.prompts.few_shot_files import read_few_shot, write_few_shot
from llmopt_core.text.csv_text import csv_of, csv_text, guard_cell, unguard_cell

ROOT = Path(__file__).parents[3]

FORMULAS = [
    "=HYPERLINK(\"http://example.org\")", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "  =1", "\t=1", "\n=1", "\r=1",
    "\ufeff=1", "\u200b=1", "\x00=1", "\u00a0=1", "\uff1d1+1", "\uff0b1", "\uff20SUM(A1)", "-inf", "'=1", "''@x",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_a_spreadsheet_would_run_stays_a_text_and_reads_back(text: str) -> None:
    written = guard_cell(text)
    assert written == f"'{text}"
    assert unguard_cell(str(written)) == text


@pytest.mark.parametrize("text", ["-5", "+1.5", "-1e-3", "plain", "a=b", "it's", "'quoted'", "", "日本"])
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    assert guard_cell(text) == text
    assert unguard_cell(text) == text


def test_headers_are_guarded_and_what_is_missing_is_empty() -> None:
    rows = list(csv.reader(io.StringIO(csv_of([{"=a": None, "b": float("nan")}, {"c": -3}]))))
    assert rows == [["'=a", "b", "c"], ["", "", ""], ["", "", "-3"]]
    assert csv_text(["x"], [["a\nb"]]) == 'x\r\n"a\nb"\r\n'


def test_few_shot_examples_come_back_from_their_own_guarded_file() -> None:
    examples = [{"question": "=1+1", "answer": "'@x", "=note": "-2"}]
    text = write_few_shot(examples, "csv")
    assert "\r\n'=1+1," in text
    assert read_few_shot(text, "examples.csv") == [{"question": "=1+1", "answer": "'@x", "=note": "-2"}]


def test_csv_is_written_in_one_place_only() -> None:
    sources = [*ROOT.glob("llmopt_core/**/*.py"), *ROOT.glob("llmopt_ui/**/*.py"), *ROOT.glob("pages/*.py")]
    writes = re.compile(r"\.to_csv\(|csv\.writer|DictWriter")
    matches = [path.name for path in sources if writes.search(path.read_text(encoding="utf-8"))]
    assert matches == ["csv_text.py"]


def test_tables_have_no_export_that_guards_nothing() -> None:
    config = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert "disableDataExport = true" in config
