"""`llmopt chunk-sweep` as a process and in this one."""

from __future__ import annotations

import csv
import json
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from llmopt_core.cli import chunk_sweep
from llmopt_core.cli.output import ProgressLine
from tests.core.cli.conftest import Command

TEXT = "The harbour was built in 1712. Two lighthouses stand there.\n\nThe market closes when snow falls."


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """The options that name two documents and two questions."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "town.txt").write_text(TEXT)
    (folder / "river.md").write_text("# River\n\nThe river freezes in January.")
    rows = [
        {"question": "When was the harbour built?", "references": [{"document": "town.txt", "quote": "1712"}]},
        {"question": "What closes the market?", "references": [{"document": "town.txt", "start": 81, "end": 91}]},
    ]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return ("--documents", str(folder), "--questions", str(tmp_path / "questions.jsonl"))


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, a sweep in this process is too short to tell how far it is."""
    monkeypatch.setattr(chunk_sweep, "ProgressLine", partial(ProgressLine, clock=lambda: 0.0))


def test_table_and_json(llmopt: Command, files: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "out" / "sweep.json"
    process = llmopt(
        "chunk-sweep", *files, "--methods", "sentence,fixed", "--sizes", "12,40", "--overlaps", "0,20",
        "--top-k", "1", "--search", "bm25", "--json", out,
    )  # fmt: skip
    assert process.code == 0
    assert "6 settings, 2 documents, 2 of 2 questions scored, searched by words (BM25)" in process.out
    assert "llmopt: skipped fixed 12/20: overlap 20 must be smaller than the chunk size 12" in process.errors
    recalls = [float(line.split()[4]) for line in process.out.splitlines() if line.startswith(("sentence ", "fixed "))]
    assert recalls == sorted(recalls, reverse=True)
    settings = json.loads(out.read_text())["settings"]
    assert [(s["method"], s["size"], s["overlap"], s["unit"], s["top_k"]) for s in settings] == [
        ("sentence", 12, 0, "tokens", 1), ("sentence", 40, 0, "tokens", 1), ("sentence", 40, 20, "tokens", 1),
        ("fixed", 12, 0, "tokens", 1), ("fixed", 40, 0, "tokens", 1), ("fixed", 40, 20, "tokens", 1),
    ]  # fmt: skip
    recall = settings[0]["metrics"]["recall"]
    assert recall == {"mean": 1.0, "ci95": pytest.approx([0.342, 1.0], abs=0.001), "scored": 2, "total": 2}
    assert settings[0]["chunks"] == 4


def test_the_built_in_embedding_model_finds_the_answers(inside: Command, files: tuple[str, ...]) -> None:
    result = inside("chunk-sweep", *files, "--sizes", "20", "--top-k", "1,3", "--json")
    values = result.json()
    assert result.code == 0
    assert values["embedding"] == "all-MiniLM-L6-v2"
    assert values["window"] == 254
    assert values["unknown_tokens"] == 0.0
    assert result.errors == ""
    assert [s["top_k"] for s in values["settings"]] == [1, 3]
    assert values["settings"][1]["metrics"]["recall"]["mean"] == 1.0


def test_a_model_that_cannot_read_the_language_is_told(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "镇.txt").write_text("港口建于1712年。两座灯塔仍然矗立在码头。\n\n下雪时集市关闭。", encoding="utf-8")
    row = {"question": "港口什么时候建的？", "references": [{"document": "镇.txt", "quote": "1712年"}]}
    (tmp_path / "zh.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    files = ("--documents", tmp_path / "镇.txt", "--questions", tmp_path / "zh.jsonl", "--sizes", "20", "--json")
    dense = inside("chunk-sweep", *files)
    assert dense.code == 0
    assert dense.json()["unknown_tokens"] > 0.3
    assert "unknown to all-MiniLM-L6-v2, a model for English" in dense.errors
    words = inside("chunk-sweep", *files[:-1], "--search", "bm25", "--json")
    assert words.json()["unknown_tokens"] is None
    assert words.errors == ""
    assert words.json()["settings"][0]["metrics"]["recall"]["mean"] == 1.0


def test_a_recall_that_no_setting_reaches_fails(inside: Command, files: tuple[str, ...]) -> None:
    few = ("chunk-sweep", *files, "--search", "bm25", "--unit", "characters", "--sizes", "3", "--top-k", "1")
    assert inside(*few, "--fail-under", "0.99").code == 1
    assert inside(*few).code == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--methods", "magic"), "--methods: should be 'recursive'"),
        (("--methods", " , "), "--methods is empty."),
        (("--sizes", "100,many"), "--sizes: expected whole numbers separated by commas, found 'many'."),
        (("--sizes", "10", "--overlaps", "10"), "overlap 10 must be smaller than the chunk size 10."),
        (("--top-k", "0"), "at least 1 and at most 1,000 chunks"),
        (("--unit", "words"), "--unit: should be 'tokens', 'cl100k' or 'characters'"),
        (("--search", "luck"), "--search: should be 'dense' or 'bm25'"),
        (("--embedding", "/no/such/folder"), "There is no model folder /no/such/folder"),
    ],
)
def test_bad_options_end_with_one_line(
    inside: Command, files: tuple[str, ...], options: tuple[str, ...], told: str
) -> None:
    result = inside("chunk-sweep", *files, *options)
    assert result.code == 2
    assert told in result.complaint


def test_bad_files_end_with_one_line(inside: Command, files: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text("question\nWhen?\n")
    assert "None of the 1 questions" in inside("chunk-sweep", *files[:2], "--questions", "plain.csv").complaint
    missing = inside("chunk-sweep", "--documents", "nowhere", *files[2:])
    assert missing.code == 2
    assert "nowhere" in missing.complaint
    (tmp_path / "lost.jsonl").write_text(
        '{"question": "q", "references": [{"document": "lost.txt", "start": 0, "end": 1}]}'
    )
    lost = inside("chunk-sweep", *files[:2], "--questions", "lost.jsonl")
    assert lost.code == 2
    assert "lost.jsonl line 1" in lost.complaint


def test_what_was_read_with_losses_and_what_stands_there_twice_is_told(
    inside: Command, files: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "documents" / "copy.txt").write_text(TEXT)
    (tmp_path / "documents" / "odd.txt").write_bytes(b"one\0two three")
    result = inside("chunk-sweep", *files, "--sizes", "20", "--search", "bm25")
    assert result.code == 0
    assert "llmopt: odd.txt: 1 NUL character was replaced by U+FFFD." in result.errors
    assert "llmopt: the same text: copy.txt, town.txt" in result.errors
    chunked = inside("chunk", tmp_path / "documents" / "odd.txt", "--json")
    assert "1 NUL character was replaced" in chunked.errors
    assert [(c["start"], c["end"]) for c in chunked.json()["chunks"]] == [(0, 13)]


def test_the_columns_of_published_chunking_data(inside: Command, files: tuple[str, ...], tmp_path: Path) -> None:
    spans = [{"content": "1712", "start_index": 25, "end_index": 29.0}, {"corpus_id": "town", "start": 81, "end": 91}]
    rows = [["question", "references", "corpus_id"], ["When?", json.dumps(spans[:1]), "town"],
            ["What?", json.dumps(spans[1:]), ""]]  # fmt: skip
    with (tmp_path / "published.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    result = inside(
        "chunk-sweep", *files[:2], "--questions", tmp_path / "published.csv", "--search", "bm25", "--sizes", "40",
        "--methods", "fixed", "--json",
    )  # fmt: skip
    assert result.code == 0, result.errors
    assert result.json()["settings"][0]["metrics"]["recall"]["scored"] == 2


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_sweep_says_how_far_it_is_beside_the_json(
    terminal: bool, inside: Command, files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = count(step=20)
    line = partial(ProgressLine, terminal=terminal, clock=lambda: float(next(seconds)))
    monkeypatch.setattr(chunk_sweep, "ProgressLine", line)
    result = inside("chunk-sweep", *files, "--search", "bm25", "--sizes", "12,40", "--json")
    assert len(result.json()["settings"]) == 2
    assert "llmopt: cutting: 1 of 2 documents" in result.errors
    assert ("\r" in result.errors) == terminal
    assert inside("chunk-sweep", *files, "--search", "bm25", "--sizes", "12,40").errors == ""


def test_a_file_that_says_its_parts_is_swept_over_the_search_part(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    rows = []
    for i, part in enumerate(("search", "search", "confirm", "never seen")):
        (tmp_path / "docs" / f"d{i}.txt").write_text(f"Thing {i} costs {i} euros, as the list says.")
        references = [{"document": f"d{i}.txt", "quote": f"{i} euros"}]
        rows.append({"question": f"What does thing {i} cost?", "references": references, "split": part})
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    command = (
        "chunk-sweep",
        "--documents",
        "docs",
        "--questions",
        "q.jsonl",
        "--sizes",
        "50",
        "--search",
        "bm25",
        "--json",
    )
    for more, total in (((), 2), (("--split", "confirm"), 1), (("--split", "all"), 4)):
        result = inside(*command, "-", *more)
        assert result.json()["settings"][0]["metrics"]["recall"]["total"] == total, more
