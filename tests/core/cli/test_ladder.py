"""`llmopt ladder`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.ui.seed import seed_project

from .conftest import Command


@pytest.fixture
def project(tmp_path: Path) -> str:
    store = Store.open(Settings(home=tmp_path / "home"))
    name = seed_project(store)
    store.close()
    return name


def test_the_ladder_is_printed_and_written(inside: Command, project: str, tmp_path: Path) -> None:
    done = inside("ladder", "--json", tmp_path / "ladder.json")
    assert done.code == 0, done.errors
    lines = done.out.splitlines()
    assert lines[0] == "harbour by answer_f1, on 24 questions of the set questions, graded by built-in judge v4"
    assert [line.split("  ")[0] for line in lines[3:6]] == ["1 ● baseline", "2 ✓ rag", "3 ✓ rag-rerank"]
    changed = "retrieval added: search by meaning, top 2, instruction added, other template"
    assert f"2 rag: {changed}: kept by the verdict, better than baseline: +0.37" in done.out
    assert lines[-1].startswith("Today: rag-rerank, +0.48")
    values = json.loads((tmp_path / "ladder.json").read_text())
    assert [rung["configuration"] for rung in values["sections"][0]["rungs"]] == ["baseline", "rag", "rag-rerank"]
    other = inside("ladder", "--metric", "hit_rate", "--json")
    assert other.json()["metric"] == "hit_rate"


def test_a_person_decides_and_takes_it_back(inside: Command, project: str) -> None:
    done = inside("ladder", "drop", "rag", "--reason", "too slow", "--by", "Ann", "--project", project)
    assert (done.code, done.out.strip()) == (0, "✗ rag is dropped by Ann: too slow.")
    shown = inside("ladder", "--json").json()["sections"][0]["rungs"]
    assert shown[1]["decision"]["author"] == "Ann"
    assert shown[2]["parent"] == "baseline"
    assert inside("ladder", "keep", "3", "--reason", "it pays").out.startswith("✓ rag-rerank is kept by ")
    assert inside("ladder", "undo", "rag").out.startswith("✓ rag is kept by the verdict: better than baseline")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ("keep", "nobody", "--reason", "x"),
            "There is no experiment nobody on the ladder of harbour; it has: baseline",
        ),
        (("drop", "baseline", "--reason", "x"), "baseline is the baseline"),
        (("drop", "rag", "--reason", " "), "Say why rag is dropped"),
        (("drop", "rag"), "Missing option '--reason'"),
        (("--metric", "nope"), "No run of harbour was measured by nope; there is answer_f1"),
        (("--project", "none"), "There is no project named none"),
        (("--metric", "hit_rate", "keep", "rag", "--reason", "x"), "Write the options after `ladder keep RUN`"),
    ],
)
def test_wrong_inputs_are_one_line(inside: Command, project: str, arguments: tuple[str, ...], complaint: str) -> None:
    done = inside("ladder", *arguments)
    assert done.code == 2
    assert complaint in done.complaint


def test_of_several_projects_one_is_named(inside: Command, project: str, tmp_path: Path) -> None:
    store = Store.open(Settings(home=tmp_path / "home"))
    store.create_project("other")
    store.close()
    assert "Say whose ladder with --project; one of: harbour, other" in inside("ladder").complaint
    assert "other has no experiments yet" in inside("ladder", "--project", "other").out
