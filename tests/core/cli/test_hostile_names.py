"""Names and texts that try to steer the terminal, or to be read as HTML in a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt_core.cli.output import printable

from .conftest import Command

STEER = "\x1b[2J\x1b]0;taken\x07\x9b31m\u202eoof"


@pytest.fixture
def hostile(experiment: Path) -> Path:
    """The experiment with names, questions and ids that hold escape codes and HTML."""
    rows = [
        {"id": f"q{i}{STEER}", "question": f"{i}? {STEER}", "reference": "<img src=//evil.invalid/a.png>"}
        for i in range(4)
    ]
    (experiment.parent / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    name = json.dumps("one <img src=//evil.invalid/b.png>")
    experiment.write_text(experiment.read_text().replace("name: polite", f"name: {name}"))
    return experiment


def test_no_escape_code_reaches_the_terminal(inside: Command, hostile: Path) -> None:
    assert inside("evaluate", hostile, "--json", "out.json").code == 0
    result = json.loads((hostile.parent / "out.json").read_text())
    result["runs"][1]["configuration"] = STEER
    (hostile.parent / "out.json").write_text(json.dumps(result))
    good = inside("compare", "out.json", "baseline", STEER, "--metric", "answer_f1")
    assert good.code == 0
    assert "\\x1b[2J" in good.out
    bad = inside("compare", "out.json", "baseline", f"nobody {STEER}", "--metric", "answer_f1")
    assert bad.code == 2
    for shown in (good.out, bad.errors):
        assert not any(sign in shown for sign in "\x1b\x07\x9b\u202e")


def test_json_on_stdout_keeps_the_data(inside: Command, hostile: Path) -> None:
    result = inside("evaluate", hostile, "-q", "--json")
    assert not any(sign in result.out for sign in "\x1b\x07\x9b\u202e")
    assert result.json()["runs"][0]["records"][0]["question"].endswith(STEER)


def test_a_report_shows_names_as_text(inside: Command, hostile: Path) -> None:
    inside("evaluate", hostile, "-q", "--json", "out.json")
    assert inside("report", "out.json", "--out", "report.html").code == 0
    page = (hostile.parent / "report.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=//evil.invalid/b.png&gt;" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\tb\nc", "a\tb\nc"), ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"), ("\x1b[32m", "\\x1b[32m"),
     ("é 漢字 🙂", "é 漢字 🙂"), ("\r", "\\r"), ("\x00", "\\x00")],
)  # fmt: skip
def test_only_what_steers_is_changed(text: str, shown: str) -> None:
    assert printable(text) == shown
