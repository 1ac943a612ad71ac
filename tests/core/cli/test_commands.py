from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt_core.cli.app import app
from llmopt_core.types import Document

from .conftest import ROOT, Command

NORMANS = ROOT / "sample_data" / "documents" / "normans.md"


def test_help_names_every_command(llmopt: Command) -> None:
    process = llmopt("--help")
    assert process.code == 0
    for command in app.registered_commands:
        assert command.callback is not None
        assert (command.name or command.callback.__name__.replace("_", "-")) in process.out
    assert llmopt().out == process.out


def test_an_unknown_command_is_one_line(llmopt: Command) -> None:
    process = llmopt("evalaute")
    assert process.code == 2
    assert "evalaute" in process.complaint


@pytest.mark.parametrize("heavy", ["torch", "sqlalchemy", "pydantic", "pandas", "chromadb", "openai", "yaml", "numpy"])
def test_help_imports_nothing_heavy(heavy: str) -> None:
    import subprocess
    import sys

    code = "import sys; from llmopt_core.cli.app import run; run(['--help']); print(','.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert heavy not in result.stdout.splitlines()[-1].split(",")


def test_chunks_stand_where_they_say(inside: Command) -> None:
    result = inside("chunk", NORMANS, "--method", "recursive", "--size", 50, "--overlap", 10, "--json")
    assert result.code == 0, result.errors
    values = result.json()
    assert values["settings"] == {"method": "recursive", "size": 50, "overlap": 10, "unit": "tokens"}
    text = NORMANS.read_text(encoding="utf-8")
    assert len(values["chunks"]) > 5
    for chunk in values["chunks"]:
        assert chunk["document"] == "normans.md"
        assert text[chunk["start"] : chunk["end"]] == chunk["text"]


def test_chunks_of_a_pdf_tell_their_page(inside: Command, tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "two.pdf"))
    for word in ("harbour", "lighthouse"):
        canvas.drawString(72, 700, f"The {word} stands here, and it has stood here for long.")
        canvas.showPage()
    canvas.save()
    result = inside("chunk", tmp_path / "two.pdf", "--size", 12, "--json")
    pages = {word: {c["page"] for c in json.loads(result.out)["chunks"] if word in c["text"]}
             for word in ("harbour", "lighthouse")}  # fmt: skip
    assert pages == {"harbour": {1}, "lighthouse": {2}}


def test_chunks_of_a_folder_are_listed(inside: Command, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for document in (Document("a.txt", "One two three."), Document("b.txt", "\u6c49\u5b57 \U0001f600")):
        (folder / document.name).write_text(document.text, encoding="utf-8")
    result = inside("chunk", folder, "--method", "fixed", "--size", 5, "--unit", "characters", "--json", "out.json")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "4 chunks of 2 documents"
    assert result.out.startswith("a.txt\t0-5\t")
    assert len(json.loads((tmp_path / "out.json").read_text())["chunks"]) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.txt"], "no file or folder nowhere.txt"),
        ([NORMANS, "--method", "magic"], "--method"),
        ([NORMANS, "--size", "0"], "--size"),
        ([NORMANS, "--size", "10", "--overlap", "10"], "overlap 10 must be smaller"),
        ([NORMANS, "--unit", "words"], "--unit"),
        ([], "argument 'path'"),
    ],
)
def test_a_chunking_that_cannot_be_is_told(inside: Command, arguments: list[object], words: str) -> None:
    result = inside("chunk", *arguments)
    assert result.code == 2
    assert words.casefold() in result.complaint.casefold()


@pytest.fixture
def result(tmp_path: Path) -> Path:
    def run(name: str, values: list[float | None]) -> dict[str, object]:
        records = [
            {"example_id": f"q{i}", "question": f"Q{i}?", "scores": {"answer_f1": {"value": v}}, "answer": "a"}
            for i, v in enumerate(values)
        ]
        return {
            "configuration": name,
            "metrics": {"answer_f1": {"mean": 0.1, "total": len(values)}},
            "records": records,
        }

    runs = [run("low", [0.0, 0.1] * 6), run("high", [0.8, 0.9] * 6), run("gaps", [None, 0.9] * 6)]
    path = tmp_path / "result.json"
    path.write_text(
        json.dumps({"project": "p", "evaluation_set": {"name": "q", "size": 12}, "judge": "", "runs": runs})
    )
    return path


def test_two_configurations_are_compared_in_pairs(inside: Command, result: Path) -> None:
    done = inside("compare", result, "low", "high", "--metric", "answer_f1")
    assert done.code == 0
    assert "high against low: better. Difference +0.8" in done.out
    values = inside("compare", result, "high", "low", "--metric", "answer_f1", "--json").json()
    assert (values["verdict"], values["pairs"], values["dropped"]) == ("worse", 12, 0)
    assert values["difference"] == pytest.approx(-0.8)
    assert values["p_value"] < 0.01
    assert len(values["ci95"]) == 2
    gaps = inside("compare", result, "high", "gaps", "--metric", "answer_f1", "--json").json()
    assert (gaps["verdict"], gaps["pairs"], gaps["dropped"]) == ("cannot tell", 6, 6)


def test_flips_are_listed_both_ways_and_a_margin_is_taken(inside: Command, result: Path) -> None:
    done = inside("compare", result, "low", "gaps", "--metric", "answer_f1", "--margin", "0.02")
    assert "6 gained with gaps: q1 (0.1 -> 0.9)" in done.out
    assert "0 lost with gaps" in done.out
    assert "0 equal; 6 with a value on one side only" in done.out
    values = inside("compare", result, "low", "gaps", "--metric", "answer_f1", "--margin", "0.02", "--json").json()
    assert [one["example_id"] for one in values["flips"]["gained"]] == ["q1", "q3", "q5", "q7", "q9", "q11"]
    assert (values["margin"], values["unit"], values["clusters"]) == (0.02, "question", None)


def test_all_pairs_of_a_file_are_compared(inside: Command, result: Path) -> None:
    done = inside("compare", result, "--matrix")
    assert (
        "answer_f1: Corrected over all 3 pairs of 3 configurations (Holm: the more pairs, the more "
        "evidence each needs). "
        "12 questions; unit: question." in done.out
    )
    assert "high against low: better" in done.out
    values = inside("compare", result, "--matrix", "--metric", "answer_f1", "--json").json()
    assert values["configurations"] == ["low", "high", "gaps"]
    assert values["verdicts"]["answer_f1"][1] == ["better", None, "cannot tell"]
    assert (values["family"]["size"], values["unit"]) == (3, "12 questions; unit: question")
    assert [(one["a"], one["b"], one["dropped"]) for one in values["comparisons"]] == [
        ("low", "high", 0), ("low", "gaps", 6), ("high", "gaps", 6),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--matrix", "low"], "leave out the names"),
        (["--matrix", "--metric", "bleu"], "has no metric bleu; it has: answer_f1"),
        (["low", "high", "--metric", "answer_f1", "--margin", "0"], "--margin is a number above 0"),
        (["low", "high", "--metric", "answer_f1", "--margin", "nan"], "--margin is a number above 0"),
        (["low", "none", "--metric", "answer_f1"], "no configuration named none; it has: low, high, gaps"),
        (["low", "high", "--metric", "bleu"], "low has no metric bleu; it has: answer_f1"),
        (["low", "high"], "--metric"),
    ],
)
def test_what_cannot_be_compared_is_told(inside: Command, result: Path, arguments: list[str], words: str) -> None:
    done = inside("compare", result, *arguments)
    assert done.code == 2
    assert words in done.complaint


def test_a_report_is_written(inside: Command, result: Path, tmp_path: Path) -> None:
    done = inside("report", result, "--out", "deep/report.html", "--baseline", "low", "--title", "Rivers")
    assert done.code == 0, done.errors
    page = (tmp_path / "deep" / "report.html").read_text()
    assert "<h1>Rivers</h1>" in page
    assert "better" in page
    assert inside("report", tmp_path / "none.json").code == 2


def test_the_doctor_says_what_is_there_with_a_fix_for_what_is_not(llmopt: Command, tmp_path: Path) -> None:
    process = llmopt("doctor", "--json", environ={"LLMOPT_BUILTIN_GGUF": str(tmp_path / "none.gguf")})
    assert process.code == 1
    checks = {check["name"]: check for check in process.json()["checks"]}
    for name in ("python", "packages", "built-in chat model", "workspace", "database", "disk space"):
        assert checks[name]["status"] in ("ok", "warning"), checks[name]
    broken = checks["built-in model answers"]
    assert broken["status"] == "missing"
    assert "none.gguf" in broken["detail"]
    assert broken["fix"]


def test_the_doctor_notices_a_workspace_that_cannot_be_written(llmopt: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"LLMOPT_HOME": str(tmp_path / "file"), "LLMOPT_BUILTIN_GGUF": str(tmp_path / "none.gguf")}
    process = llmopt("doctor", environ=environ)
    assert process.code == 1
    assert "MISSING  workspace" in process.out
    assert "fix: set LLMOPT_HOME" in process.out


def test_chunk_reads_text_in_the_encoding_that_is_named(llmopt: Command, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("ąę žuvis".encode("cp1257"))
    process = llmopt("chunk", str(tmp_path / "a.txt"), "--unit", "characters", "--encoding", "cp1257")
    assert "ąę žuvis" in process.out
    assert "no encoding 'klingon'" in llmopt("chunk", str(tmp_path / "a.txt"), "--encoding", "klingon").complaint


def test_menus_of_web_pages_are_left_out_where_that_is_asked(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<body><nav>Menu</nav><main><p>Staff get 25 days.</p></main></body>")
    assert "Menu" in inside("chunk", tmp_path / "a.html").out
    result = inside("chunk", tmp_path / "a.html", "--main-only")
    assert "Menu" not in result.out
    assert "1 word around the main text, as asked" in result.errors
